//! The dry run: every check, and what a run would do, said to a person; nothing is written.

use crate::config::{ReplicationConfig, SourceRetention};
use crate::error::{Problems, Result, Warning};
use crate::event::frame::CopyFormat;
use crate::event::range::{self, IdRange};
use crate::event::store::EventStore;
use crate::event::wire::{Wire, WireColumn};
use crate::log::escape::fit;
use crate::postgres::session::Session;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::table::store::PgTable;
use crate::replicate::check::lane_stores::LaneContents;
use crate::replicate::check::shape::SourceShape;
use crate::replicate::check::{self, CheckFindings, DestinationFindings, source_store};
use crate::sql::ColumnNames;
use futures::future::try_join_all;
use slog::Logger;
use std::fmt;
use std::time::Duration;

/// Events a second that an estimate assumes.
const EVENTS_PER_S_ASSUMED: f64 = 100_000.0;
/// Bytes a second that an estimate assumes.
const BYTES_PER_S_ASSUMED: f64 = 50_000_000.0;

/// What a dry run found. `Display` is the report for a person.
pub struct DryRun {
    /// What the checks found. Its worst problem gives the exit code.
    pub findings: CheckFindings,
    /// Host, port and database of the source.
    pub source_place: String,
    /// What each destination still lacks, where that could be told.
    pub missing: Vec<Option<MissingEvents>>,
}

/// What a destination still lacks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MissingEvents {
    /// Events.
    pub events: u64,
    /// Bytes of one, on the average of the next two hundred, as they are stored.
    pub event_bytes: f64,
}

impl MissingEvents {
    /// All bytes.
    pub fn bytes(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let events = self.events as f64;
        events * self.event_bytes
    }

    /// How long it would take at the assumed rates, whichever of events and bytes takes longer.
    pub(crate) fn time_estimated(&self) -> Duration {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let by_events = self.events as f64 / EVENTS_PER_S_ASSUMED;
        Duration::from_secs_f64(by_events.max(self.bytes() / BYTES_PER_S_ASSUMED))
    }
}

/// Runs every check and measures what is missing. Takes and writes nothing.
///
/// # Errors
/// When the source cannot be reached, everything that was found.
pub async fn dry_run(config: &ReplicationConfig, log: &Logger) -> Result<DryRun, Problems> {
    let mut findings = check::everything(config, &RouteCache::unknown(), false, log).await;
    findings.problems = std::mem::take(&mut findings.problems).naming(&config.flags);
    let Some(session) = &findings.session else {
        return Err(findings.problems);
    };
    let missing = match &findings.source {
        Some(shape) => all_missing(session, shape, &findings.destinations).await,
        None => Ok(vec![None; config.destinations.len()]),
    };
    let source_place = session.place().to_owned();
    let missing = findings.problems.note(missing);
    Ok(DryRun {
        source_place,
        missing: missing.unwrap_or_else(|| vec![None; config.destinations.len()]),
        findings,
    })
}

/// What each destination lacks whose contents are the source's; the source is counted once for all.
async fn all_missing(
    source: &Session,
    of: &SourceShape,
    found: &[DestinationFindings],
) -> Result<Vec<Option<MissingEvents>>> {
    let compared = |found: &DestinationFindings| {
        Some((source_store((source, of), found.open.as_ref()?.wire()), found.contents?))
    };
    let compared: Vec<Option<(PgTable<&Session>, LaneContents)>> =
        found.iter().map(compared).collect();
    let is_whole = |found: &&(PgTable<&Session>, LaneContents)| {
        found.1.floor.is_none() && found.0.wire().rows.is_none()
    };
    let all = match compared.iter().flatten().find(is_whole) {
        Some((store, _)) => store.count(IdRange::ALL).await?,
        None => 0,
    };
    let missing = compared.iter().map(|compared| async move {
        let Some((store, contents)) = compared else { return Ok(None) };
        let event_bytes = store.event_bytes(contents.ends.highest).await?.unwrap_or_default();
        let events = match (contents.floor, &store.wire().rows) {
            (None, None) => all.saturating_sub(contents.events),
            _ => store.count(IdRange::above(contents.ends.highest)).await?,
        };
        Result::Ok(Some(MissingEvents { events, event_bytes }))
    });
    try_join_all(missing).await
}

impl fmt::Display for DryRun {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.findings.source {
            Some(shape) => write_source(out, &self.source_place, shape)?,
            None => writeln!(out, "source {}\n  refused: see below", self.source_place)?,
        }
        for (found, missing) in self.findings.destinations.iter().zip(&self.missing) {
            writeln!(out)?;
            write_destination(out, found, *missing)?;
        }
        writeln!(out)?;
        if self.findings.problems.is_empty() {
            return writeln!(out, "all checks passed; nothing was written");
        }
        writeln!(out, "{}\n\nnothing was written", self.findings.problems.report())
    }
}

fn write_source(out: &mut fmt::Formatter<'_>, place: &str, shape: &SourceShape) -> fmt::Result {
    writeln!(out, "source {place}, {}", shape.table.name)?;
    writeln!(out, "  ids            {}", fit(&shape.ids.to_string()))?;
    writeln!(out, "  notifications  {}", fit(&shape.wakeup.to_string()))?;
    if shape.keeps == SourceRetention::Tail {
        writeln!(
            out,
            "  keeps          its newest events: the oldest may go, in the order of ids"
        )?;
    }
    match &shape.group_by {
        Some(column) => {
            writeln!(out, "  groups         neighbours with equal {column:?} stay together")?
        }
        None => writeln!(out, "  groups         off")?,
    }
    write_warnings(out, &shape.warnings)
}

fn write_destination(
    out: &mut fmt::Formatter<'_>,
    found: &DestinationFindings,
    missing: Option<MissingEvents>,
) -> fmt::Result {
    let (Some(open), contents) = (&found.open, &found.contents) else {
        return writeln!(out, "{found}\n  refused or out of reach: see below");
    };
    writeln!(out, "{found}, {}", open.name())?;
    writeln!(out, "  copied         {}", wire(open.wire(), open.names()))?;
    if let Some(rows) = &open.wire().rows {
        writeln!(out, "  only where     {}", fit(&rows.to_string()))?;
    }
    match contents {
        Some(contents) if contents.events == 0 => writeln!(out, "  there          no event yet")?,
        Some(LaneContents { floor: Some(floor), events, ends, .. }) => writeln!(
            out,
            "  there          {events} events from id {floor} on, where the source begins, up to id \
             {}; first of them, last event and count are the source's; what lies below stays",
            range::shown(ends.highest)
        )?,
        Some(contents) => writeln!(
            out,
            "  there          {} events, ids {}..{}; first event, last event and count are the \
             source's",
            contents.events,
            range::shown(contents.ends.lowest),
            range::shown(contents.ends.highest)
        )?,
        None => {
            writeln!(out, "  there          not what the source holds, or not known: see below")?
        }
    }
    if contents.is_some_and(|contents| !contents.is_final) {
        writeln!(
            out,
            "                 a transaction is open that may still insert below its last id: it is \
             counted once more when that has ended"
        )?;
    }
    match missing {
        Some(missing) if missing.events == 0 => writeln!(out, "  missing        nothing")?,
        Some(missing) => write_missing(out, missing)?,
        None => {}
    }
    write_warnings(out, open.warnings())
}

fn write_missing(out: &mut fmt::Formatter<'_>, missing: MissingEvents) -> fmt::Result {
    writeln!(
        out,
        "  missing        {} events, about {:.1} MB",
        missing.events,
        missing.bytes() / 1e6
    )?;
    writeln!(
        out,
        "  time           about {}: an estimate that assumes {EVENTS_PER_S_ASSUMED} events/s and \
         {} MB/s",
        spoken(missing.time_estimated()),
        BYTES_PER_S_ASSUMED / 1e6
    )
}

fn write_warnings(out: &mut fmt::Formatter<'_>, warnings: &[Warning]) -> fmt::Result {
    warnings.iter().try_for_each(|warning| writeln!(out, "  warning        {warning}"))
}

fn wire(wire: &Wire, names: &ColumnNames) -> String {
    let name = |column: &WireColumn| match names.there(&column.name) {
        there if there == column.name => there.to_owned(),
        there => format!("{} (there {there})", column.name),
    };
    let names: Vec<String> = wire.columns.iter().map(name).collect();
    let format = match wire.format {
        CopyFormat::Binary => "binary",
        CopyFormat::Text => "text",
    };
    format!("{} as {format} COPY", fit(&names.join(", ")))
}

fn spoken(time: Duration) -> String {
    match time.as_secs() {
        0 => "a second".to_owned(),
        seconds @ 1..120 => format!("{} s", seconds + 1),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_events_and_bytes_makes_the_estimate() {
        let time =
            |events, event_bytes| MissingEvents { events, event_bytes }.time_estimated().as_secs();
        assert_eq!(time(1_000_000, 100.0), 10);
        assert_eq!(time(1_000_000, 5_000.0), 100);
    }

    #[test]
    fn a_time_is_spoken_in_the_unit_a_person_would_use() {
        let spoken = |seconds| spoken(Duration::from_secs(seconds));
        assert_eq!(spoken(0), "a second");
        assert_eq!(spoken(12), "13 s");
        assert_eq!(spoken(600), "10 min");
        assert_eq!(spoken(100_000), "28 h");
    }
}

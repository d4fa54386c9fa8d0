//! The dry run: every check, and what a run would do, said to a person; nothing is written.

use crate::config::ReplicationConfig;
use crate::error::{Result, Warning};
use crate::event::frame::Format;
use crate::event::range;
use crate::event::wire::Wire;
use crate::log::escape::fit;
use crate::postgres::session::Session;
use crate::replicate::check::contents::{self, Contents, Lane};
use crate::replicate::check::shape::SourceShape;
use crate::replicate::check::{self, Candidate, DestinationFindings, Findings, Tables};
use futures::future::try_join_all;
use std::fmt;
use std::time::Duration;

/// Events a second that an estimate assumes.
const EVENTS_PER_S_ASSUMED: f64 = 100_000.0;
/// Bytes a second that an estimate assumes.
const BYTES_PER_S_ASSUMED: f64 = 50_000_000.0;

/// What a dry run found. `Display` is the report for a person.
#[derive(Debug)]
pub struct DryRun {
    /// What the checks found. Its worst problem gives the exit code.
    pub findings: Findings,
    /// Host, port and database of the source.
    pub source_place: String,
    /// What each destination still lacks, where that could be told.
    pub missing: Vec<Option<Missing>>,
}

/// What a destination still lacks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Missing {
    /// Events.
    pub events: u64,
    /// Bytes of one, on the average of the next two hundred, as they are stored.
    pub event_bytes: f64,
}

impl Missing {
    /// All bytes.
    pub fn bytes(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let events = self.events as f64;
        events * self.event_bytes
    }

    /// How long it would take at the assumed rates, whichever of events and bytes takes longer.
    pub fn time_estimated(&self) -> Duration {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let by_events = self.events as f64 / EVENTS_PER_S_ASSUMED;
        Duration::from_secs_f64(by_events.max(self.bytes() / BYTES_PER_S_ASSUMED))
    }
}

/// Runs every check and measures what is missing. Reads only.
pub async fn dry_run(config: &ReplicationConfig, source: &Session, candidates: &[Candidate<'_>]) -> DryRun {
    let mut findings = check::everything(config, source, candidates, false).await;
    let missing = match &findings.source {
        Some(shape) => all_missing(source, shape, candidates, &findings.destinations).await,
        None => Ok(vec![None; candidates.len()]),
    };
    let missing = findings.problems.note(missing).unwrap_or_else(|| vec![None; candidates.len()]);
    DryRun {
        findings,
        source_place: source.place().to_owned(),
        missing,
    }
}

async fn all_missing(
    source: &Session,
    of: &SourceShape,
    candidates: &[Candidate<'_>],
    found: &[DestinationFindings],
) -> Result<Vec<Option<Missing>>> {
    let tables: Vec<Option<(Tables<'_>, Contents)>> = candidates
        .iter()
        .zip(found)
        .map(|(candidate, found)| Some((tables(candidate, found, (source, of))?, found.contents?)))
        .collect();
    let compared = tables.iter().flatten();
    let known: Vec<(Lane<'_>, Contents)> = compared.map(|(tables, contents)| (tables.lane(), *contents)).collect();
    let events = contents::count_missing(&known).await?;
    let compared = tables.iter().flatten().zip(events);
    let missing = compared.map(|((tables, contents), events)| async move {
        let event_bytes = tables.source.event_bytes(contents.ends.highest).await?.unwrap_or_default();
        Result::Ok(Missing { events, event_bytes })
    });
    let mut missing = try_join_all(missing).await?.into_iter();
    Ok(tables.iter().map(|tables| tables.as_ref().and_then(|_| missing.next())).collect())
}

fn tables<'a>(candidate: &Candidate<'a>, found: &'a DestinationFindings, of: (&'a Session, &SourceShape)) -> Option<Tables<'a>> {
    Some(Tables::of(&found.name, candidate.session.ok()?, found.shape.as_ref()?, of))
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
    match &shape.group_by {
        Some(column) => writeln!(out, "  groups         neighbours with equal {column:?} stay together")?,
        None => writeln!(out, "  groups         off")?,
    }
    write_warnings(out, &shape.warnings)
}

fn write_destination(out: &mut fmt::Formatter<'_>, found: &DestinationFindings, missing: Option<Missing>) -> fmt::Result {
    let (Some(shape), contents) = (&found.shape, &found.contents) else {
        return writeln!(out, "{found}\n  refused or out of reach: see below");
    };
    writeln!(out, "{found}, {}", shape.table.name)?;
    writeln!(out, "  copied         {}", wire(&shape.wire))?;
    match contents {
        Some(contents) if contents.events == 0 => writeln!(out, "  there          no event yet")?,
        Some(contents) => writeln!(
            out,
            "  there          {} events, ids {}..{}; first event, last event and count are the source's",
            contents.events,
            range::shown(contents.ends.lowest),
            range::shown(contents.ends.highest)
        )?,
        None => writeln!(out, "  there          not what the source holds, or not known: see below")?,
    }
    if contents.is_some_and(|contents| !contents.is_final) {
        writeln!(
            out,
            "                 a transaction is open that may still insert below its last id: it is counted once more when that has ended"
        )?;
    }
    match missing {
        Some(missing) if missing.events == 0 => writeln!(out, "  missing        nothing")?,
        Some(missing) => write_missing(out, missing)?,
        None => {}
    }
    write_warnings(out, &shape.warnings)
}

fn write_missing(out: &mut fmt::Formatter<'_>, missing: Missing) -> fmt::Result {
    writeln!(
        out,
        "  missing        {} events, about {:.1} MB",
        missing.events,
        missing.bytes() / 1e6
    )?;
    writeln!(
        out,
        "  time           about {}: an estimate that assumes {EVENTS_PER_S_ASSUMED} events/s and {} MB/s",
        spoken(missing.time_estimated()),
        BYTES_PER_S_ASSUMED / 1e6
    )
}

fn write_warnings(out: &mut fmt::Formatter<'_>, warnings: &[Warning]) -> fmt::Result {
    warnings.iter().try_for_each(|warning| writeln!(out, "  warning        {warning}"))
}

fn wire(wire: &Wire) -> String {
    let names: Vec<&str> = wire.columns.iter().map(|column| column.name.as_str()).collect();
    let format = match wire.format {
        Format::Binary => "binary",
        Format::Text => "text",
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
        let time = |events, event_bytes| Missing { events, event_bytes }.time_estimated().as_secs();
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

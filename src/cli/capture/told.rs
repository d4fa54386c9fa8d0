//! What `counterfoil capture` prints.

use crate::cli::output::line;
use crate::error::{Error, ErrorKind, Problems};
use crate::log::escape::fit;
use crate::source::capture::{
    CaptureRemoval, CaptureStanding, LogReader, PruneCertificate, PrunePlan, PruneReason,
    RemovalReport,
};
use std::fmt;

/// What is to be removed, before anybody is asked.
pub(super) struct PlannedRemoval(pub(super) Vec<String>);

/// What is to be pruned, before anybody is asked.
pub(super) struct PlannedPruning<'a>(pub(super) &'a PrunePlan);

/// A log and what is captured into it.
pub(super) struct ShownStanding<'a>(pub(super) &'a CaptureStanding);

impl fmt::Display for PlannedRemoval {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str("nothing is captured, nothing is to be removed");
        }
        write!(out, "to be removed:")?;
        self.0.iter().try_for_each(|what| write!(out, "\n  {what}"))
    }
}

impl fmt::Display for PlannedPruning<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        let readers = plan.readers.iter().map(shown);
        let forgotten = plan.forgotten.iter().map(|reader| format!("forgotten: {}", shown(reader)));
        forgotten.chain(readers).try_for_each(|line| writeln!(out, "{line}"))?;
        match (&plan.events, &plan.bound) {
            (Some(events), _) => write!(
                out,
                "to be removed for good: {} events, ids {} to {}",
                events.events, events.first_id, events.through
            )?,
            (None, _) => write!(out, "no event may go")?,
        }
        match plan.bound.as_ref().map(|bound| &bound.kept_for) {
            None => write!(out, ": the log is empty"),
            Some(PruneReason::Age) => write!(out, "; those after it are younger than --keep"),
            Some(PruneReason::LastEvent) => write!(out, "; the last event always stays"),
            Some(PruneReason::Reader(name)) => {
                write!(out, "; reader {} needs those after it", fit(name))
            }
        }
    }
}

/// A reader in a line.
fn shown(reader: &LogReader) -> String {
    let keeps = if reader.keeps_all { ", keeps all" } else { "" };
    let place = if reader.place.is_empty() { "" } else { ", " };
    format!(
        "reader {}{place}{}: at id {}, noted {} s ago{keeps}",
        fit(&reader.name),
        fit(&reader.place),
        reader.position,
        reader.seconds
    )
}

impl fmt::Display for ShownStanding<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.0;
        let megabytes = log.bytes / 1_000_000;
        write!(out, "log {}: {megabytes} MB", fit(&log.log))?;
        match (log.first_id, log.last_id, &log.first_ts) {
            (Some(first), Some(last), Some(since)) => {
                writeln!(out, ", ids {first} to {last}, since {since}")?;
            }
            _ => writeln!(out, ", empty")?,
        }
        for what in &log.faults {
            writeln!(out, "  NOT AS IT SHOULD BE: {}", fit(what))?;
        }
        if log.tables.is_empty() {
            return writeln!(out, "nothing is captured");
        }
        for table in &log.tables {
            let state = match &table.table {
                None => "GONE: the table was dropped".to_owned(),
                Some(_) if table.is_well() => format!("captured from id {} on", table.first_id),
                Some(_) if table.faults.is_empty() => "CHANGED".to_owned(),
                Some(_) => "NOT CAPTURED AS IT SHOULD BE".to_owned(),
            };
            let renamed = table.table.as_ref().filter(|name| **name != table.source);
            let renamed = renamed.map_or_else(String::new, |name| format!(" (now {name})"));
            writeln!(out, "{}{}: {state}", fit(&table.source), fit(&renamed))?;
            for what in table.faults.iter().chain(&table.changes) {
                writeln!(out, "  {}", fit(what))?;
            }
            if !table.omitted.is_empty() {
                writeln!(out, "  without {}", fit(&table.omitted.join(", ")))?;
            }
        }
        if log.pruned_events > 0 {
            writeln!(out, "pruned: {} events, certified", log.pruned_events)?;
        }
        log.readers.iter().try_for_each(|reader| writeln!(out, "{}", shown(reader)))?;
        if log.tables.iter().all(|table| table.is_well()) {
            return Ok(());
        }
        writeln!(
            out,
            "rows may have changed without an event; once that is looked at: counterfoil capture \
             refresh takes the tables as they are"
        )
    }
}

/// Tells what was removed; what is left of what should be gone is an error.
///
/// # Errors
/// `Unsuitable` where something is left; those of the output.
pub(super) fn removed(report: &RemovalReport, removal: &CaptureRemoval) -> Result<(), Problems> {
    for what in &report.removed {
        line(&format!("removed: {}", fit(what)))?;
    }
    if report.removed.is_empty() {
        line("nothing was captured, nothing was changed")?;
    }
    if report.left.is_empty() {
        line(&format!("nothing is left in schema {}", fit(&removal.log.schema)))?;
        return Ok(());
    }
    if !removal.drops_log {
        return Ok(());
    }
    let what = format!("not everything in schema {} is gone", removal.log.schema);
    let left = report.left.join(", ");
    let fix = "what is left is not of the log: look at it, and drop it by hand";
    Err(Error::new(ErrorKind::Unsuitable, what).because(left).fix(fix).into())
}

/// Tells what was pruned.
///
/// # Errors
/// Those of the output.
pub(super) fn pruned(certificates: &[PruneCertificate]) -> Result<(), Problems> {
    let (Some(first), Some(last)) = (certificates.first(), certificates.last()) else {
        line("no event was removed")?;
        return Ok(());
    };
    let events: u64 = certificates.iter().map(|certificate| certificate.events).sum();
    line(&format!(
        "removed: {events} events, ids {} to {}, in {} batches with a certificate each",
        first.first_id,
        last.through,
        certificates.len()
    ))?;
    Ok(())
}

//! The comparison, row by row: digests of chunks in both servers at the same time; where they differ, the rows themselves, merged by id.
//!
//! Why "equal" can be trusted: the chunks cover the whole range without a gap, each beginning after the last id of the one before, the
//! first open below and the last reaching the fence; a chunk counts as equal only if both servers gave the same number of rows and the same
//! SHA-256 over all bytes of them in id order; whatever fails is an error and never an end; and the rows of all chunks together must be as
//! many as a plain count of each table finds without its index.

mod both;
mod chunks;
mod counts;
pub mod emission;
pub mod fence;
pub mod journal;
pub mod opening;
pub mod outcome;
mod plan;
pub mod repair_sql;
pub mod schema;
pub mod side;
pub mod task;
mod walk;
pub mod whole_file;

use crate::audit::compare::chunks::rows_of_chunk;
use crate::audit::compare::emission::Emission;
use crate::audit::compare::fence::Doubt;
use crate::audit::compare::journal::{Journal, Subject};
use crate::audit::compare::outcome::{Grounds, Outcome, ahead, note_of_open, nothing_compared};
use crate::audit::compare::repair_sql::Script;
use crate::audit::compare::side::Side;
use crate::audit::compare::task::{Task, Watch};
use crate::audit::compare::walk::{Ended, Found, Walk};
use crate::error::{Kind, Result};
use crate::event::range::{IdRange, shown};
use crate::stop::Stop;

/// Ids that are named in a sentence.
const NAMED_MAX: usize = 10;

/// What would be compared, and how, in words.
pub fn plan(task: Task<'_>) -> String {
    let Some(range) = task.range() else {
        return "nothing would be compared: a table is empty, or the range is".to_owned();
    };
    let rows = |side: &Side| format!("about {:.0} rows of {}", side.size.rows_estimated, side.name);
    let sizes = [task.first.size, task.second.size];
    let way = if task.options.is_exact {
        "every byte".to_owned()
    } else {
        format!(
            "by digests of {} rows, {} statements at a time on each side",
            rows_of_chunk(sizes),
            task.options.connections
        )
    };
    format!("would compare {range}: {}, {}; {way}", rows(task.first), rows(task.second))
}

/// Compares; `journal`: where an earlier run was interrupted.
///
/// # Errors
/// What the servers, the watcher or the script say: then nothing is known but what was told meanwhile.
pub async fn compare(
    task: Task<'_>,
    journal: Option<Journal>,
    watch: &mut dyn Watch,
    script: Option<&mut Script>,
    stop: &Stop,
) -> Result<Outcome> {
    let subject = Subject::of(task.first, task.second, task.columns, task.options.from);
    journal.iter().try_for_each(|journal| journal.confirm(&subject))?;
    let whole = task.range();
    let emission = Emission::new((task.first, task.second), task.columns, task.options.limits, watch, script);
    let mut walk = Walk::new(task, emission);
    if let Some(journal) = &journal {
        walk.resume(journal);
    }
    let ended = match whole {
        Some(range) => walk.run(range, stop).await?,
        None => Ended::Complete,
    };
    // Not beside the walk: all sessions that were allowed are busy then.
    let counted = match (ended, whole) {
        (Ended::Complete, Some(range)) => unless_stopped(counts::count(task, range, stop).await)?,
        _ => None,
    };
    let ended = if counted.is_none() && whole.is_some() && ended == Ended::Complete {
        Ended::Interrupted
    } else {
        ended
    };
    let found = walk.found();
    conclude(task, whole, (ended, found), (counted, stop), subject).await
}

async fn conclude(
    task: Task<'_>,
    range: Option<IdRange>,
    (ended, found): (Ended, Found),
    (counted, stop): (Option<counts::Counts>, &Stop),
    subject: Subject,
) -> Result<Outcome> {
    let mut skipped: Vec<String> = nothing_compared(task.fence, (&task.first.name, &task.second.name))
        .into_iter()
        .collect();
    let reached = shown(found.at);
    match ended {
        Ended::Complete => {}
        Ended::Enough => skipped.push(format!(
            "ended after {} differences, at id {reached}: the rest was not compared",
            found.tally.total()
        )),
        Ended::Interrupted => skipped.push(format!("interrupted after id {reached}: the rest was not compared")),
    }
    if let (Some(counted), Some(range)) = (&counted, range) {
        skipped.extend(counts::confirm(task, range, found.rows, *counted, stop).await?);
    }
    skipped.extend(task.columns.uncertain.iter().cloned());
    if let Doubt::Open(open) = &task.fence.doubt {
        skipped.extend(undecided(&found.undecided, open));
    }
    let pending = pending(task, &mut skipped, stop).await?;
    let names = (task.first.name.as_str(), task.second.name.as_str());
    let beyond = if task.fence.is_second_ahead() { pending.1 } else { 0 };
    if !task.options.must_be_complete {
        skipped.extend(ahead(task.fence, beyond, names));
    }
    let grounds = Grounds {
        differences: found.tally.total(),
        is_something_skipped: !skipped.is_empty(),
        pending: pending.0 + beyond,
        must_be_complete: task.options.must_be_complete,
    };
    let is_interrupted = ended == Ended::Interrupted;
    let journal = found
        .safe
        .filter(|_| is_interrupted)
        .map(|(through, rows, tally)| Journal::new(subject, through, rows, tally));
    Ok(Outcome {
        verdict: grounds.verdict(),
        range,
        fence: task.fence.clone(),
        rows: found.rows,
        pending,
        tally: found.tally,
        notes: note_of_open(task.fence)
            .filter(|_| found.undecided.is_empty())
            .into_iter()
            .collect(),
        skipped,
        journal,
    })
}

/// Rows above the fence; none of them, and it is said so, after an interruption.
async fn pending(task: Task<'_>, skipped: &mut Vec<String>, stop: &Stop) -> Result<counts::Counts> {
    let counted = unless_stopped(counts::pending(task, stop).await)?;
    if counted.is_none() {
        skipped.push("interrupted: what lies above the fence was not counted".to_owned());
    }
    Ok(counted.unwrap_or_default())
}

/// `None` of what was stopped.
fn unless_stopped<T>(work: Result<T>) -> Result<Option<T>> {
    match work {
        Err(error) if error.kind() == Kind::Stopped => Ok(None),
        work => work.map(Some),
    }
}

/// What cannot be decided while transactions are open.
fn undecided(ids: &[i64], open: &[String]) -> Option<String> {
    if ids.is_empty() {
        return None;
    }
    let named: Vec<String> = ids.iter().take(NAMED_MAX).map(i64::to_string).collect();
    let more = if ids.len() > NAMED_MAX { ", …" } else { "" };
    Some(format!(
        "{} rows are only at the second side, at ids that open transactions of the first may still fill (ids {}{more}; {}): end these, then compare again",
        ids.len(),
        named.join(", "),
        open.join("; ")
    ))
}

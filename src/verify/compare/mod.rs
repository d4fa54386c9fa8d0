//! The comparison, row by row: digests of chunks in both servers at the same time; where they differ, the rows themselves, merged by id.
//!
//! Why "equal" can be trusted: the chunks cover the whole range without a gap, each beginning after the last id of the one before, the
//! first open below and the last reaching the fence; a chunk counts as equal only if both servers gave the same number of rows and the same
//! SHA-256 over all bytes of them in id order; whatever fails is an error and never an end; and the rows of all chunks together must be as
//! many as a plain count of each table finds without its index, and beyond the fence the index must know as many rows as the table holds.
//!
//! Why "different" can be: what only one side has counts only where that same count agrees for the side that seems to lack it.

mod both;
mod chunks;
mod counts;
pub(crate) mod emission;
pub mod fence;
pub mod identity;
pub mod journal;
pub mod opening;
pub mod outcome;
mod plan;
pub mod repair_sql;
pub mod schema;
pub mod side;
pub mod state;
pub mod task;
mod undecided;
mod walk;
pub(crate) mod whole_file;

use crate::error::{ErrorKind, Result};
use crate::event::range::shown;
use crate::stop::Stop;
use crate::verify::compare::both::both;
use crate::verify::compare::chunks::rows_of_chunk;
use crate::verify::compare::counts::{Confirmation, Extent};
use crate::verify::compare::emission::Emission;
use crate::verify::compare::journal::{Journal, Part, Subject};
use crate::verify::compare::outcome::{Grounds, Outcome, ahead, note_of_open, nothing_compared};
use crate::verify::compare::repair_sql::Script;
use crate::verify::compare::side::Side;
use crate::verify::compare::state::State;
use crate::verify::compare::task::{Task, Watch};
use crate::verify::compare::walk::{Ended, Found, Walk};
use crate::verify::difference::Tally;

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

/// Compares; `journal`: where an earlier run was interrupted. Where another session has written into what that run compared, everything is compared.
///
/// # Errors
/// What the servers, the watcher or the script say: then nothing is known but what was told meanwhile. `Unavailable` when a side is not
/// the table any more that it was.
pub async fn compare(
    task: Task<'_>,
    journal: Option<Journal>,
    watch: &mut dyn Watch,
    script: Option<&mut Script>,
    stop: &Stop,
) -> Result<Outcome> {
    let subject = Subject::of(task);
    journal.iter().try_for_each(|journal| journal.confirm(&subject))?;
    let ((ours, began), (theirs, _)) = both(
        stop,
        |stop| async move { task.first.state(task.columns, &stop).await },
        |stop| async move { task.second.state(task.columns, &stop).await },
    )
    .await?;
    let states = (ours, theirs);
    let (journal, note) = still_true(task, journal, &states, stop).await?;
    let whole = task.range();
    let is_scripted = script.is_some();
    let emission = Emission::new((task.first, task.second), task.columns, task.options.limits, watch, script);
    let mut walk = Walk::new(task, emission);
    if let Some(journal) = &journal {
        walk.resume(journal);
    }
    let ended = match whole {
        Some(range) => walk.run(range, stop).await?,
        None => Ended::Complete,
    };
    let found = walk.found();
    let (ended, counted) = counted(task, ended, &found, is_scripted, stop).await?;
    let run = Run {
        subject,
        states: states.clone(),
        began,
        earlier: journal.map(|journal| journal.parts).unwrap_or_default(),
        note,
    };
    let outcome = conclude(task, (ended, found), counted, run, stop).await?;
    if ended != Ended::Interrupted {
        let confirmed = async |side: &Side, was: &State, stop: Stop| side.confirm(was, task.columns, &stop).await;
        // Also when a stop came meanwhile: what was found is told then.
        let never = Stop::never();
        both(
            &never,
            |stop| confirmed(task.first, &states.0, stop),
            |stop| confirmed(task.second, &states.1, stop),
        )
        .await?;
    }
    Ok(outcome)
}

/// A run of the comparison.
struct Run {
    subject: Subject,
    /// Both tables when it began.
    states: (State, State),
    began: String,
    /// What earlier runs have compared.
    earlier: Vec<Part>,
    note: Option<String>,
}

/// The journal, if what it says still holds; otherwise why everything is compared.
async fn still_true(
    task: Task<'_>,
    journal: Option<Journal>,
    now: &(State, State),
    stop: &Stop,
) -> Result<(Option<Journal>, Option<String>)> {
    let Some(journal) = journal else { return Ok((None, None)) };
    let touched = journal.touched((task.first, task.second), task.columns, now, stop).await?;
    let note = touched.map(|part| {
        format!(
            "rows were written, removed or rewritten since the run of {} compared those up to id {}: everything was compared again",
            part.began, part.through
        )
    });
    Ok((Some(journal).filter(|_| note.is_none()), note))
}

/// What plain counts tell of what was found, where it is needed; a stop meanwhile is an interruption.
async fn counted(task: Task<'_>, ended: Ended, found: &Found, is_scripted: bool, stop: &Stop) -> Result<(Ended, Confirmation)> {
    let confirmation = match counts::due(task, ended, found, is_scripted) {
        Some(extent) => unless_stopped(confirmed(task, extent, found.rows, stop).await)?,
        None if ended == Ended::Enough => Some(Confirmation::default()),
        None => None,
    };
    // Without counts it is unknown whether an index hides what a side seems to lack.
    let nothing_known = Confirmation {
        reasons: Vec::new(),
        may_have_more: (true, true),
    };
    Ok(confirmation.map_or((Ended::Interrupted, nothing_known), |confirmation| (ended, confirmation)))
}

async fn confirmed(task: Task<'_>, extent: Extent, compared: counts::Counts, stop: &Stop) -> Result<Confirmation> {
    let counted = counts::count(task, extent, stop).await?;
    counts::confirm(task, extent, compared, counted, stop).await
}

async fn conclude(task: Task<'_>, (ended, found): (Ended, Found), confirmation: Confirmation, run: Run, stop: &Stop) -> Result<Outcome> {
    let names = (task.first.name.as_str(), task.second.name.as_str());
    let mut skipped: Vec<String> = nothing_compared(task.fence, task.end(), names).into_iter().collect();
    skipped.extend(cut_short(ended, &found));
    skipped.extend(confirmation.reasons);
    skipped.extend(task.columns.uncertain.iter().cloned());
    skipped.extend(found.undecided.told(task.fence, names));
    let pending = pending(task, &mut skipped, stop).await?;
    let without_id = without_id(task, &mut skipped, stop).await?;
    skipped.extend(counts::only_beyond(task, pending));
    let (above, beyond) = (task.pending().after, if task.fence.is_second_ahead() { pending.1 } else { 0 });
    if !task.options.must_be_complete {
        skipped.extend(ahead(task.fence, beyond, above, names));
    }
    let grounds = Grounds {
        tally: &found.tally,
        may_have_more: confirmation.may_have_more,
        without_id,
        is_something_skipped: !skipped.is_empty(),
    };
    let verdict = grounds.verdict();
    let earlier = run.earlier.clone();
    let journal = found
        .safe
        .filter(|_| ended == Ended::Interrupted)
        .map(|(through, rows, tally)| run.journal(through, rows, tally));
    let open = note_of_open(task.fence).filter(|_| !found.undecided.is_any_open());
    Ok(Outcome {
        verdict,
        range: task.range(),
        fence: task.fence.clone(),
        rows: found.rows,
        end: task.end(),
        pending,
        pending_above: above,
        without_id,
        earlier,
        tally: found.tally,
        may_have_more: confirmation.may_have_more,
        notes: run.note.into_iter().chain(open).collect(),
        skipped,
        journal,
    })
}

/// What is said where not everything was compared.
fn cut_short(ended: Ended, found: &Found) -> Option<String> {
    let reached = shown(found.at);
    let uncounted = match found.tally.missing + found.tally.extra {
        0 => "",
        _ => ", and what a side seems to lack was not confirmed by a count",
    };
    match ended {
        Ended::Complete => None,
        Ended::Enough => Some(format!(
            "ended after {} differences, at id {reached}: the rest was not compared",
            found.tally.total()
        )),
        Ended::Interrupted => Some(format!("interrupted after id {reached}: the rest was not compared{uncounted}")),
    }
}

impl Run {
    /// What is left for a later run.
    fn journal(&self, through: i64, rows: (u64, u64), tally: Tally) -> Journal {
        let mut parts = self.earlier.clone();
        if parts.last().is_none_or(|last| last.through < through) {
            parts.push(Part {
                through,
                rows,
                began: self.began.clone(),
                states: self.states.clone(),
            });
        }
        Journal::new(self.subject.clone(), parts, tally)
    }
}

/// Rows without an id, where the verdict is about the whole table.
async fn without_id(task: Task<'_>, skipped: &mut Vec<String>, stop: &Stop) -> Result<counts::Counts> {
    if task.options.from.is_some() || task.options.through.is_some() {
        return Ok((0, 0));
    }
    let counted = unless_stopped(counts::without_id(task, stop).await)?;
    if counted.is_none() {
        skipped.push("interrupted: rows without an id were not counted".to_owned());
    }
    Ok(counted.unwrap_or_default())
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
        Err(error) if error.kind() == ErrorKind::Stopped => Ok(None),
        work => work.map(Some),
    }
}

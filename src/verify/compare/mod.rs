//! The comparison, row by row: digests of chunks in both servers at the same time; where they
//! differ, the rows themselves, merged by id.
//!
//! Why "equal" can be trusted: the chunks cover the whole range without a gap, each beginning after
//! the last id of the one before, the first open below and the last reaching the fence; a chunk
//! counts as equal only if both servers gave the same number of rows and the same SHA-256 over all
//! bytes of them in id order; whatever fails is an error and never an end; and the rows of all
//! chunks together must be as many as a plain count of each table finds without its index, and
//! beyond the fence the index must know as many rows as the table holds.
//!
//! Why "different" can be: what only one side has counts only where that same count agrees for the
//! side that seems to lack it.

pub mod across;
pub(in crate::verify) mod both;
mod chunks;
pub mod configured;
mod counts;
pub(in crate::verify) mod decided;
mod doubted;
pub mod fence;
pub mod identity;
pub mod journal;
pub mod opening;
pub mod outcome;
pub(in crate::verify) mod plan;
mod reader_session;
mod readers;
pub mod repair_sql;
pub mod schema;
pub mod side;
pub(crate) mod sink;
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
use crate::verify::compare::counts::{CountConfirmation, CountExtent};
use crate::verify::compare::journal::{ComparisonJournal, JournalPart, JournalSubject};
use crate::verify::compare::outcome::{
    ComparisonOutcome, VerdictGrounds, ahead, note_of_open, nothing_compared,
};
use crate::verify::compare::repair_sql::RepairScript;
use crate::verify::compare::side::ComparisonSide;
use crate::verify::compare::sink::DifferenceSink;
use crate::verify::compare::state::TableState;
use crate::verify::compare::task::{ComparisonTask, ComparisonWatcher};
use crate::verify::compare::walk::{ComparisonWalk, WalkEnd, WalkFindings};
use crate::verify::difference::DifferenceTally;

/// What would be compared, and how, in words.
pub fn plan(task: ComparisonTask<'_>) -> String {
    let Some(range) = task.range() else {
        return "nothing would be compared: a table is empty, or the range is".to_owned();
    };
    let rows = |side: &ComparisonSide| {
        format!("about {:.0} rows of {}", side.size.rows_estimated, side.name)
    };
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

/// Compares; `journal`: where an earlier run was interrupted. Where another session has written
/// into what that run compared, everything is compared.
///
/// # Errors
/// What the servers, the watcher or the script say: then nothing is known but what was told
/// meanwhile. `Unavailable` when a side is not the table any more that it was.
pub async fn compare(
    task: ComparisonTask<'_>,
    journal: Option<ComparisonJournal>,
    watch: &mut dyn ComparisonWatcher,
    script: Option<&mut RepairScript>,
    stop: &Stop,
) -> Result<ComparisonOutcome> {
    let subject = JournalSubject::of(task);
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
    let sink = DifferenceSink::new(
        (task.first, task.second),
        task.columns,
        task.options.limits,
        watch,
        script,
    );
    let mut walk = ComparisonWalk::new(task, sink);
    if let Some(journal) = &journal {
        walk.resume(journal);
    }
    let ended = match whole {
        Some(range) => walk.run(range, stop).await?,
        None => WalkEnd::Complete,
    };
    let found = walk.found();
    let (ended, counted) = counted(task, ended, &found, is_scripted, stop).await?;
    let run = ComparisonRun {
        subject,
        states: states.clone(),
        began,
        earlier: journal.map(|journal| journal.parts).unwrap_or_default(),
        note,
    };
    let outcome = conclude(task, (ended, found), counted, run, stop).await?;
    if ended != WalkEnd::Interrupted {
        let confirmed = async |side: &ComparisonSide, was: &TableState, stop: Stop| {
            side.confirm(was, task.columns, &stop).await
        };
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
struct ComparisonRun {
    subject: JournalSubject,
    /// Both tables when it began.
    states: (TableState, TableState),
    began: String,
    /// What earlier runs have compared.
    earlier: Vec<JournalPart>,
    note: Option<String>,
}

/// The journal, if what it says still holds; otherwise why everything is compared.
async fn still_true(
    task: ComparisonTask<'_>,
    journal: Option<ComparisonJournal>,
    now: &(TableState, TableState),
    stop: &Stop,
) -> Result<(Option<ComparisonJournal>, Option<String>)> {
    let Some(journal) = journal else { return Ok((None, None)) };
    let touched = journal.touched((task.first, task.second), task.columns, now, stop).await?;
    let note = touched.map(|part| {
        format!(
            "rows were written, removed or rewritten since the run of {} compared those up to id \
             {}: everything was compared again",
            part.began, part.through
        )
    });
    Ok((Some(journal).filter(|_| note.is_none()), note))
}

/// What plain counts tell of what was found, where it is needed; a stop meanwhile is an
/// interruption.
async fn counted(
    task: ComparisonTask<'_>,
    ended: WalkEnd,
    found: &WalkFindings,
    is_scripted: bool,
    stop: &Stop,
) -> Result<(WalkEnd, CountConfirmation)> {
    let confirmation = match counts::due(task, ended, found, is_scripted) {
        Some(extent) => unless_stopped(confirmed(task, extent, found.rows, stop).await)?,
        None if ended == WalkEnd::Enough => Some(CountConfirmation::default()),
        None => None,
    };
    // Without counts it is unknown whether an index hides what a side seems to lack.
    let nothing_known = CountConfirmation { reasons: Vec::new(), may_have_more: (true, true) };
    Ok(confirmation
        .map_or((WalkEnd::Interrupted, nothing_known), |confirmation| (ended, confirmation)))
}

async fn confirmed(
    task: ComparisonTask<'_>,
    extent: CountExtent,
    compared: counts::SideCounts,
    stop: &Stop,
) -> Result<CountConfirmation> {
    let counted = counts::count(task, extent, stop).await?;
    if task.fence.floor.is_some() {
        let lowest = fence::ends(task.first, task.columns, stop).await?.lowest;
        if lowest.or(Some(i64::MAX)) != task.fence.floor {
            return counts::confirm_indexes(task, extent, lowest, stop).await;
        }
    }
    counts::confirm(task, extent, compared, counted, stop).await
}

async fn conclude(
    task: ComparisonTask<'_>,
    (ended, found): (WalkEnd, WalkFindings),
    confirmation: CountConfirmation,
    run: ComparisonRun,
    stop: &Stop,
) -> Result<ComparisonOutcome> {
    let names = (task.first.name.as_str(), task.second.name.as_str());
    let mut skipped: Vec<String> =
        nothing_compared(task.fence, task.end(), names).into_iter().collect();
    skipped.extend(outcome::let_go(task.fence, names));
    skipped.extend(cut_short(ended, &found));
    skipped.extend(confirmation.reasons);
    skipped.extend(task.columns.uncertain.iter().cloned());
    skipped.extend(found.undecided.told(task.fence, names));
    let pending = pending(task, &mut skipped, stop).await?;
    let without_id = without_id(task, &mut skipped, stop).await?;
    skipped.extend(counts::only_beyond(task, pending));
    let (above, beyond) =
        (task.pending().after, if task.fence.is_second_ahead() { pending.1 } else { 0 });
    if !task.options.must_be_complete {
        skipped.extend(ahead(task.fence, beyond, above, names));
    }
    let grounds = VerdictGrounds {
        tally: &found.tally,
        may_have_more: confirmation.may_have_more,
        without_id,
        is_something_skipped: !skipped.is_empty(),
    };
    let verdict = grounds.verdict();
    let earlier = run.earlier.clone();
    let journal = found
        .safe
        .filter(|_| ended == WalkEnd::Interrupted)
        .map(|(through, rows, tally)| run.journal(through, rows, tally));
    let open = note_of_open(task.fence).filter(|_| !found.undecided.is_any_open());
    let kept = outcome::note_of_floor(task.fence, names);
    Ok(ComparisonOutcome {
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
        notes: run.note.into_iter().chain(open).chain(kept).collect(),
        skipped,
        journal,
    })
}

/// What is said where not everything was compared.
fn cut_short(ended: WalkEnd, found: &WalkFindings) -> Option<String> {
    let reached = shown(found.at);
    let uncounted = match found.tally.missing + found.tally.extra {
        0 => "",
        _ => ", and what a side seems to lack was not confirmed by a count",
    };
    match ended {
        WalkEnd::Complete => None,
        WalkEnd::Enough => Some(format!(
            "ended after {} differences, at id {reached}: the rest was not compared",
            found.tally.total()
        )),
        WalkEnd::Interrupted => {
            Some(format!("interrupted after id {reached}: the rest was not compared{uncounted}"))
        }
    }
}

impl ComparisonRun {
    /// What is left for a later run.
    fn journal(&self, through: i64, rows: (u64, u64), tally: DifferenceTally) -> ComparisonJournal {
        let mut parts = self.earlier.clone();
        if parts.last().is_none_or(|last| last.through < through) {
            parts.push(JournalPart {
                through,
                rows,
                began: self.began.clone(),
                states: self.states.clone(),
            });
        }
        ComparisonJournal::new(self.subject.clone(), parts, tally)
    }
}

/// Rows without an id, where the verdict is about the whole table.
async fn without_id(
    task: ComparisonTask<'_>,
    skipped: &mut Vec<String>,
    stop: &Stop,
) -> Result<counts::SideCounts> {
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
async fn pending(
    task: ComparisonTask<'_>,
    skipped: &mut Vec<String>,
    stop: &Stop,
) -> Result<counts::SideCounts> {
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

//! Plain counts beside the comparison: a damaged index hides rows from every read that uses it.

use crate::error::Result;
use crate::event::range::{IdRange, shown};
use crate::event::store::{HeapCounts, IndexCounts};
use crate::stop::Stop;
use crate::verify::compare::both::both;
use crate::verify::compare::fence::FenceDoubt;
use crate::verify::compare::side::{ComparisonSide, WHOLE_TABLE_MAX};
use crate::verify::compare::task::ComparisonTask;
use crate::verify::compare::walk::{WalkEnd, WalkFindings};

/// Rows of each side.
pub(crate) type SideCounts = (u64, u64);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CountExtent {
    /// What was compared.
    pub within: Option<IdRange>,
    /// What lies beyond: where the index that gave the end could hide rows.
    pub beyond: Option<IdRange>,
}

/// What counts tell of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CountConfirmation {
    /// Why it is not certain.
    pub reasons: Vec<String>,
    /// Whether the first side, and whether the second, may have what it seems to lack.
    pub may_have_more: (bool, bool),
}

/// What is to be counted of a comparison that ended so; `None`: nothing. `is_scripted`: whether a
/// script inserts what is missing.
pub(crate) fn due(
    task: ComparisonTask<'_>,
    ended: WalkEnd,
    found: &WalkFindings,
    is_scripted: bool,
) -> Option<CountExtent> {
    match ended {
        WalkEnd::Complete => Some(CountExtent { within: task.range(), beyond: task.beyond() }),
        // What both sides have and differs is certain, whatever their indexes know.
        WalkEnd::Enough if found.tally.is_any_changed() && !is_scripted => None,
        WalkEnd::Enough => Some(CountExtent {
            within: task.range().zip(found.at).map(|(range, at)| IdRange { through: at, ..range }),
            beyond: None,
        }),
        WalkEnd::Interrupted => None,
    }
}

/// Counts both sides.
///
/// # Errors
/// `Stopped` when it is asked to stop; then nothing is left running in the servers.
pub(crate) async fn count(
    task: ComparisonTask<'_>,
    extent: CountExtent,
    stop: &Stop,
) -> Result<(HeapCounts, HeapCounts)> {
    let CountExtent { within, beyond } = extent;
    let counted = async |side: &ComparisonSide, stop: Stop| {
        let limits = (WHOLE_TABLE_MAX, &stop);
        side.ask(task.columns, limits, |store| store.heap_counts(within, beyond)).await
    };
    both(stop, |stop| counted(task.first, stop), |stop| counted(task.second, stop)).await
}

/// Why the rows that were compared are not the rows there are, if they are not.
pub(crate) async fn confirm(
    task: ComparisonTask<'_>,
    extent: CountExtent,
    compared: SideCounts,
    counted: (HeapCounts, HeapCounts),
    stop: &Stop,
) -> Result<CountConfirmation> {
    let mut confirmation = CountConfirmation {
        reasons: Vec::new(),
        // Rows that went meanwhile may have gone from both sides, between the reads of the two.
        may_have_more: (
            compared.0 != counted.0.within || counted.1.within < compared.1,
            compared.1 != counted.1.within || counted.0.within < compared.0,
        ),
    };
    for (side, compared, counted) in
        [(task.first, compared.0, counted.0), (task.second, compared.1, counted.1)]
    {
        if let Some(range) = extent.within.filter(|_| compared != counted.within) {
            let limits = (WHOLE_TABLE_MAX, stop);
            let both = side.ask(task.columns, limits, |store| store.index_counts(range)).await?;
            confirmation.reasons.push(reason(&side.name, compared, counted.within, &both));
        }
        confirmation.reasons.extend(hidden(&side.name, extent.beyond, counted.beyond));
    }
    Ok(confirmation)
}

fn reason(name: &str, compared: u64, counted: u64, both: &IndexCounts) -> String {
    let why = if !both.is_damaged() {
        format!(
            "{compared} rows were compared and {counted} counted: rows came or went meanwhile, \
             compare again"
        )
    } else {
        format!(
            "its index of the id knows {} rows of {}: REINDEX it, then compare again",
            both.indexed, both.rows
        )
    };
    format!("{name}: {why}; what it seems to lack may be there")
}

/// As [`confirm`], of a first side that has lost its oldest events meanwhile, so that the rows that
/// were compared cannot be counted again: whether the index of the id hides rows of either side.
pub(crate) async fn confirm_indexes(
    task: ComparisonTask<'_>,
    extent: CountExtent,
    floor: Option<i64>,
    stop: &Stop,
) -> Result<CountConfirmation> {
    let mut damaged = [false, false];
    let mut reasons = Vec::new();
    let before = floor.and_then(|floor| floor.checked_sub(1));
    let ranges = extent.within.into_iter().chain(extent.beyond);
    for range in ranges.map(|range| IdRange { after: range.after.max(before), ..range }) {
        for (side, is_damaged) in [task.first, task.second].into_iter().zip(&mut damaged) {
            let limits = (WHOLE_TABLE_MAX, stop);
            let counts = side.ask(task.columns, limits, |store| store.index_counts(range)).await?;
            if counts.is_damaged() {
                *is_damaged = true;
                reasons.push(reason(&side.name, counts.indexed, counts.rows, &counts));
            }
        }
    }
    Ok(CountConfirmation { reasons, may_have_more: damaged.into() })
}

/// What is said of rows beyond the end that the index does not know.
fn hidden(name: &str, beyond: Option<IdRange>, (heap, index): (u64, u64)) -> Option<String> {
    let after = beyond.filter(|_| heap != index)?.after;
    let place = after.map_or_else(String::new, |after| format!("above id {after} "));
    Some(format!(
        "{name}: {place}its index of the id knows {index} rows of {heap}, so that the end of what \
         was to be compared may be wrong: REINDEX it, then compare again"
    ))
}

/// Rows without an id on each side, where the table lets there be any.
pub(crate) async fn without_id(task: ComparisonTask<'_>, stop: &Stop) -> Result<SideCounts> {
    let counted = async |side: &ComparisonSide, stop: Stop| {
        let is_certain = side.table.column(&task.columns.id).is_some_and(|id| id.is_never_null);
        if is_certain {
            Ok(0)
        } else {
            let lent = side.session().await?;
            let table = side.over(&lent, task.columns);
            side.within(&lent, (WHOLE_TABLE_MAX, &stop), table.count_without_id()).await
        }
    };
    both(stop, |stop| counted(task.first, stop), |stop| counted(task.second, stop)).await
}

/// Rows above what is compared, on each side.
pub(crate) async fn pending(task: ComparisonTask<'_>, stop: &Stop) -> Result<SideCounts> {
    let pending = task.pending();
    let counted = async |side: &ComparisonSide, stop: Stop| {
        let limits = (WHOLE_TABLE_MAX, &stop);
        side.ask(task.columns, limits, |store| store.count(pending)).await
    };
    match (task.end(), &task.fence.doubt) {
        // What came meanwhile where everything there was is compared, and a copy that grows, are no
        // news.
        (Some(_), _) if task.options.must_be_complete => Ok((0, 0)),
        (Some(_), FenceDoubt::Nothing | FenceDoubt::Open(_)) if task.range().is_some() => {
            Ok((counted(task.first, stop.clone()).await?, 0))
        }
        _ => both(stop, |stop| counted(task.first, stop), |stop| counted(task.second, stop)).await,
    }
}

/// What is said where only ids beyond the end were asked for, and rows are there.
pub(crate) fn only_beyond(task: ComparisonTask<'_>, pending: SideCounts) -> Option<String> {
    let end = task.end().filter(|_| task.range().is_none() && pending != (0, 0))?;
    let from = shown(task.options.from);
    let (first, second) = (&task.first.name, &task.second.name);
    Some(format!(
        "no row was compared: what can be compared ends at id {end}, below {from}, and {} rows of \
         {first} and {} of {second} lie from there on",
        pending.0, pending.1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_index_and_rows_that_move_are_told_apart() {
        let counts = |indexed| IndexCounts { rows: 10, indexed, cure: String::new() };
        assert!(reason("a", 9, 10, &counts(9)).contains("REINDEX"));
        assert!(reason("a", 9, 10, &counts(10)).contains("came or went"));
    }

    #[test]
    fn rows_beyond_the_end_are_told_where_the_index_does_not_know_them() {
        let beyond = Some(IdRange { after: Some(7), through: i64::MAX });
        assert_eq!(hidden("a", beyond, (3, 3)), None);
        assert!(
            hidden("a", beyond, (3, 1)).is_some_and(
                |told| told.contains("above id 7 its index of the id knows 1 rows of 3")
            )
        );
        let all = Some(IdRange { after: None, through: i64::MAX });
        assert!(
            hidden("a", all, (3, 0))
                .is_some_and(|told| told.starts_with("a: its index of the id knows 0 rows of 3"))
        );
    }
}

//! Up to which id two tables that are being written can be compared, and what may still change
//! below it.
//!
//! The second side's highest id is read first, and the first side only afterwards. A copy in id
//! order holds what was visible at the first side before, so a row that the first side lacks
//! afterwards, at or below that id, was never rightly there; and a row that the copy lacks below
//! its own highest id will not come any more. Only a transaction that drew an id before and is
//! still open can fill a gap: it is waited for, and if it outlives the wait it is named. A standby,
//! and a logical subscriber, may lack what its primary has, and still have what that has deleted,
//! wherever that lies: of two transactions the later one may have drawn the lower id.
//!
//! Highest ids are asked of the index, which may be damaged: rows of the table beyond the end that
//! it does not know are counted when everything was compared.

use crate::config::SourceRetention;
use crate::error::Result;
use crate::event::store::{EventStore, IdEnds};
use crate::source::ids::Discipline;
use crate::source::ids::settle::settle;
use crate::stop::Stop;
use crate::verify::compare::side::{ComparisonSide, ReaderSource, SharedColumns, WHOLE_TABLE_MAX};
use std::time::Duration;

/// Transactions that could still fill a gap are waited for so long.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// Where the comparison ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonFence {
    /// The highest id that is compared; `None`: nothing is.
    pub through: Option<i64>,
    /// The highest id of each side when it was asked.
    pub highest: (Option<i64>, Option<i64>),
    /// The lowest id of each side when it was asked.
    pub lowest: (Option<i64>, Option<i64>),
    /// Where the comparison begins, if the first side may lose its oldest events: its lowest id.
    /// What the second side holds below has no equal any more.
    pub floor: Option<i64>,
    /// What keeps gaps below it from being decided.
    pub doubt: FenceDoubt,
    /// Whether the first side, and whether the second, is a standby or a logical subscriber: what
    /// it lacks, or still has, may only be late.
    pub may_be_late: (bool, bool),
}

/// What may still change at or below the fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FenceDoubt {
    /// Nothing: every id is decided.
    Nothing,
    /// These transactions may still fill gaps of the first side.
    Open(Vec<String>),
    /// How ids are given out is not known; whatever differs is read again at the end, and then
    /// counts.
    Unknown,
}

/// What the second side was found to hold, which is asked first.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecondEnds {
    pub(super) ends: IdEnds,
    /// Whether another server writes into it.
    pub(super) may_be_late: bool,
}

/// Finds the fence. `discipline`: how ids are given out at the first side, if it is known; `keeps`:
/// which of its events that side keeps.
pub async fn find(
    first: &ComparisonSide,
    second: &ComparisonSide,
    columns: &SharedColumns,
    (discipline, keeps): (Option<&Discipline>, SourceRetention),
    stop: &Stop,
) -> Result<ComparisonFence> {
    let second =
        SecondEnds { ends: ends(second, columns, stop).await?, may_be_late: may_be_late(second) };
    find_above(first, second, columns, (discipline, keeps), stop).await
}

/// Finds the fence above what the second side was found to hold before.
pub(super) async fn find_above(
    first: &ComparisonSide,
    second: SecondEnds,
    columns: &SharedColumns,
    (discipline, keeps): (Option<&Discipline>, SourceRetention),
    stop: &Stop,
) -> Result<ComparisonFence> {
    let theirs = second.ends;
    let doubt = match discipline {
        None => FenceDoubt::Unknown,
        Some(Discipline::Consecutive | Discipline::Copy) => FenceDoubt::Nothing,
        Some(Discipline::Grace(wait)) => {
            stop.or(tokio::time::sleep((*wait).min(SETTLE_MAX))).await;
            FenceDoubt::Nothing
        }
        Some(Discipline::Sequence { lock_relations, .. }) => {
            let session = first.session().await?;
            let settled = stop.or(settle(&session, lock_relations, SETTLE_MAX)).await;
            match settled.transpose()?.unwrap_or_default() {
                open if open.is_empty() => FenceDoubt::Nothing,
                open => FenceDoubt::Open(open),
            }
        }
    };
    let ours = ends(first, columns, stop).await?;
    Ok(ComparisonFence {
        through: through((ours.highest, theirs.highest), &doubt),
        highest: (ours.highest, theirs.highest),
        lowest: (ours.lowest, theirs.lowest),
        floor: match keeps {
            SourceRetention::All => None,
            SourceRetention::Tail => Some(ours.lowest.unwrap_or(i64::MAX)),
        },
        doubt,
        may_be_late: (may_be_late(first), second.may_be_late),
    })
}

/// The lowest and the highest id of a side.
pub(in crate::verify) async fn ends(
    side: &ComparisonSide,
    columns: &SharedColumns,
    stop: &Stop,
) -> Result<IdEnds> {
    side.ask(columns, (WHOLE_TABLE_MAX, stop), |store| store.ends()).await
}

/// As [`ends`], while rows are read: not over a session that these may hold.
pub(super) async fn ends_beside(side: &ComparisonSide, columns: &SharedColumns) -> Result<IdEnds> {
    match side.readers() {
        ReaderSource::Own => ends(side, columns, &Stop::never()).await,
        ReaderSource::Pool => side.over(&side.own_session().await?, columns).ends().await,
    }
}

impl ComparisonFence {
    /// Of a range of a copy that was appended up to its end, at ids that are all decided.
    /// `lowest`: of each side, as far as it is known.
    pub(in crate::verify) fn of_decided(
        (first, second): (&ComparisonSide, &ComparisonSide),
        keeps: SourceRetention,
        lowest: (Option<i64>, Option<i64>),
        through: i64,
    ) -> Self {
        Self {
            through: Some(through),
            highest: (Some(through), Some(through)),
            lowest,
            floor: match keeps {
                SourceRetention::All => None,
                SourceRetention::Tail => Some(lowest.0.unwrap_or(i64::MAX)),
            },
            doubt: FenceDoubt::Nothing,
            may_be_late: (may_be_late(first), may_be_late(second)),
        }
    }

    /// The ends of each side when they were asked.
    pub fn ends(&self) -> (IdEnds, IdEnds) {
        let ends = |lowest, highest| IdEnds { lowest, highest };
        (ends(self.lowest.0, self.highest.0), ends(self.lowest.1, self.highest.1))
    }

    /// The lowest id that can be compared, as it was when it was asked.
    pub(crate) fn begins(&self) -> Option<i64> {
        let (first, second) = self.lowest;
        self.floor.or_else(|| [first, second].into_iter().flatten().min())
    }

    /// Whether the second side went further than the first, though it was asked before: of a truth
    /// and its copy that is never right.
    pub(crate) fn is_second_ahead(&self) -> bool {
        self.highest.1.is_some() && self.highest.0 < self.highest.1
    }
}

/// Whether another server writes into it, at a time of its own.
fn may_be_late(side: &ComparisonSide) -> bool {
    side.identity().is_standby || side.table.is_subscribed
}

/// A copy of a source is compared up to its own highest id; of two tables of which nothing is
/// known, the lower of both counts.
fn through((ours, theirs): (Option<i64>, Option<i64>), doubt: &FenceDoubt) -> Option<i64> {
    match doubt {
        FenceDoubt::Unknown => ours.zip(theirs).map(|(ours, theirs)| ours.min(theirs)),
        FenceDoubt::Nothing | FenceDoubt::Open(_) => theirs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_compared_up_to_its_own_end_even_where_it_is_ahead() {
        assert_eq!(through((Some(5), Some(9)), &FenceDoubt::Nothing), Some(9));
        assert_eq!(through((Some(9), Some(5)), &FenceDoubt::Open(vec![])), Some(5));
        assert_eq!(through((Some(9), None), &FenceDoubt::Nothing), None);
    }

    #[test]
    fn of_two_unknown_tables_the_lower_end_counts_and_an_empty_one_leaves_nothing_to_compare() {
        assert_eq!(through((Some(5), Some(9)), &FenceDoubt::Unknown), Some(5));
        assert_eq!(through((None, Some(9)), &FenceDoubt::Unknown), None);
    }
}

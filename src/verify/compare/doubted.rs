//! Rows whose difference is doubtful: read again at the end, rightly gone, or undecided.

use super::readers::WalkReaders;
use super::undecided::UndecidedReason;
use super::walk::{ComparisonWalk, WalkEnd};
use crate::error::Result;
use crate::event::merge::RowMerge;
use crate::event::range::IdRange;
use crate::stop::Stop;
use crate::verify::compare::fence;
use crate::verify::compare::task::ComparisonTask;
use crate::verify::difference::Difference;
use std::time::{Duration, Instant};

/// What may only be late is waited for so long, and looked for so often.
const LATE_MAX: Duration = Duration::from_secs(5);
const LATE_WAIT: Duration = Duration::from_millis(100);

impl<'a> ComparisonWalk<'a> {
    /// Reads again what was doubtful, until what may only be late had its time; what still differs
    /// counts, unless it is undecided.
    pub(super) async fn read_again(
        &mut self,
        readers: &mut WalkReaders<'a>,
        stop: &Stop,
    ) -> Result<WalkEnd> {
        let until = *self.late_until.get_or_insert_with(|| Instant::now() + LATE_MAX);
        for (id, mut counted) in std::mem::take(&mut self.doubted) {
            loop {
                let Some(again) = stop.or(self.again(id, readers)).await else {
                    return Ok(WalkEnd::Interrupted);
                };
                let (difference, rows) = again?;
                self.rows = (self.rows.0 + rows.0 - counted.0, self.rows.1 + rows.1 - counted.1);
                counted = rows;
                let Some(difference) = difference else { break };
                let may_be_late =
                    self.why_undecided(&difference).is_some_and(|why| why != UndecidedReason::Open);
                if !may_be_late || Instant::now() >= until {
                    self.take_as_found(difference).await?;
                    break;
                }
                tokio::time::sleep(LATE_WAIT).await;
            }
        }
        Ok(WalkEnd::Complete)
    }

    /// How a row differs now, and how many rows of each side that is.
    async fn again(
        &self,
        id: i64,
        readers: &mut WalkReaders<'a>,
    ) -> Result<(Option<Difference>, (u64, u64))> {
        let range = IdRange { after: id.checked_sub(1), through: id };
        let (first, second) = readers.tables().await?;
        let mut merge = RowMerge::of(first, second, range);
        let unlike = merge.next().await?;
        Ok((unlike.map(|unlike| self.class(&unlike)), merge.rows()))
    }

    /// Whether the first side has lost this event rightly, since the comparison began.
    pub(super) async fn has_let_go(&mut self, id: i64) -> Result<bool> {
        if self.floor.is_some_and(|floor| id >= floor) {
            let ComparisonTask { first, columns, .. } = self.task;
            let lowest = fence::ends_beside(first, columns).await?.lowest;
            self.floor = lowest.or(Some(i64::MAX));
        }
        Ok(self.floor.is_some_and(|floor| id < floor))
    }

    pub(super) fn why_undecided(&self, difference: &Difference) -> Option<UndecidedReason> {
        UndecidedReason::of(&difference.class, self.task.fence)
    }

    /// What a side may still get cannot be decided; everything else counts.
    pub(super) async fn take_as_found(&mut self, difference: Difference) -> Result<()> {
        match self.why_undecided(&difference) {
            Some(why) => self.undecided.add(difference.id, why),
            None => self.sink.take(difference).await?,
        }
        Ok(())
    }
}

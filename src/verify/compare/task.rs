//! What is asked of a comparison, and who is told while it goes on.

use crate::error::Result;
use crate::event::range::IdRange;
use crate::verify::compare::fence::ComparisonFence;
use crate::verify::compare::side::{ComparisonSide, SharedColumns};
use crate::verify::difference::Difference;
use crate::verify::show::ShownDifference;

/// Who is told while the comparison goes on.
pub trait ComparisonWatcher: Send + Sync {
    /// So many rows of the first side were compared.
    fn progress(&mut self, rows: u64);

    /// A difference that is certain, before it is shown and whether or not it will be.
    fn found(&mut self, difference: &Difference) {
        let _ = difference;
    }

    /// A difference that is to be shown, in id order; those read again at the end come last.
    fn difference(&mut self, shown: &ShownDifference) -> Result<()>;
}

/// What is asked of a comparison.
#[derive(Clone, Debug)]
pub struct ComparisonOptions {
    /// Digests at a time, which is sessions of each side.
    pub connections: u32,
    /// The lowest id; `None`: the first there is.
    pub from: Option<i64>,
    /// The highest id, where it is below the fence.
    pub through: Option<i64>,
    /// Whether every byte is compared instead of digests.
    pub is_exact: bool,
    /// Whether rows above the fence are compared too, and count as differences.
    pub must_be_complete: bool,
    /// How many differences are shown and looked for.
    pub limits: DifferenceLimits,
}

/// Two sides, and what is compared of them.
#[derive(Clone, Copy)]
pub struct ComparisonTask<'a> {
    /// The first side: the truth.
    pub first: &'a ComparisonSide,
    /// The second side.
    pub second: &'a ComparisonSide,
    /// Columns and form.
    pub columns: &'a SharedColumns,
    /// Where it ends.
    pub fence: &'a ComparisonFence,
    /// What is asked.
    pub options: &'a ComparisonOptions,
}

/// How many differences are shown, and after how many the comparison ends.
#[derive(Clone, Copy, Debug)]
pub struct DifferenceLimits {
    /// Shown at most.
    pub shown_max: u64,
    /// Found at most; `None`: all.
    pub found_max: Option<u64>,
}

impl ComparisonTask<'_> {
    /// The highest id that could be compared: the fence, or the end of both sides where everything
    /// must be there; `None` when there is none.
    pub fn end(&self) -> Option<i64> {
        let (first, second) = self.fence.highest;
        if self.options.must_be_complete { first.max(second) } else { self.fence.through }
    }

    /// What lies beyond what could be compared, of the ids that were asked for; `None` where none
    /// does.
    pub fn beyond(&self) -> Option<IdRange> {
        let beyond = IdRange {
            after: self.end().max(self.before()),
            through: self.options.through.unwrap_or(i64::MAX),
        };
        (!beyond.is_empty()).then_some(beyond)
    }

    /// Where rows are pending: beyond what could be compared, also where only lower ids were asked
    /// for.
    pub fn pending(&self) -> IdRange {
        self.beyond().unwrap_or(IdRange { after: self.end(), through: i64::MAX })
    }

    /// The highest id below all that were asked for and can be compared.
    fn before(&self) -> Option<i64> {
        self.options.from.max(self.fence.floor).and_then(|from| from.checked_sub(1))
    }

    /// What is compared; `None` when there is nothing.
    pub fn range(&self) -> Option<IdRange> {
        let end = self.end()?;
        let range = IdRange {
            after: self.before(),
            through: self.options.through.map_or(end, |through| through.min(end)),
        };
        (!range.is_empty()).then_some(range)
    }
}

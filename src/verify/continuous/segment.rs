//! One segment compared: what differs in it, by id and class.

use crate::config::SourceRetention;
use crate::error::{ErrorKind, Result};
use crate::event::range::IdRange;
use crate::stop::Stop;
use crate::verify::compare::decided::compare_part;
use crate::verify::compare::fence::{self, ComparisonFence};
use crate::verify::compare::task::{
    ComparisonOptions, ComparisonTask, ComparisonWatcher, DifferenceLimits,
};
use crate::verify::continuous::cut::SEGMENT_ROWS_MAX;
use crate::verify::continuous::doubled;
use crate::verify::continuous::known::RowFault;
use crate::verify::continuous::pair::LanePair;
use crate::verify::difference::Difference;
use crate::verify::show::ShownDifference;

/// By the digests of one statement at a time, and nothing but ids and classes is kept.
const OPTIONS: ComparisonOptions = ComparisonOptions {
    connections: 1,
    from: None,
    through: None,
    is_exact: false,
    must_be_complete: false,
    limits: DifferenceLimits { shown_max: 0, found_max: None },
};

/// What was found in a segment.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentFindings {
    /// Rows that are not equal, in the order of their ids.
    pub found: Vec<(i64, RowFault)>,
    /// Rows compared of the source.
    pub rows: u64,
    /// Rows up to this id were not compared: the source has let go of what it had there.
    pub let_go: Option<i64>,
}

/// Compares the rows of a segment. An id that a side holds more than once is a difference by itself,
/// and what lies around it is compared.
pub(super) async fn compare(
    pair: &LanePair,
    range: IdRange,
    keeps: SourceRetention,
) -> Result<SegmentFindings> {
    match compare_unique(pair, range, keeps).await {
        Err(error) if error.kind() == ErrorKind::Contents => {
            let ids = doubled::ids(pair, range).await?;
            if ids.is_empty() {
                return Err(error);
            }
            let mut all = SegmentFindings::default();
            for part in doubled::parts_between(range, &ids) {
                let found = compare_unique(pair, part, keeps).await?;
                all.found.extend(found.found);
                all.rows += found.rows;
                all.let_go = all.let_go.max(found.let_go);
            }
            all.found.extend(ids.into_iter().map(|id| (id, RowFault::Doubled)));
            all.found.sort_unstable();
            Ok(all)
        }
        compared => compared,
    }
}

async fn compare_unique(
    pair: &LanePair,
    mut range: IdRange,
    keeps: SourceRetention,
) -> Result<SegmentFindings> {
    let (first, second, columns) = (&pair.sides.first, &pair.sides.second, &pair.columns);
    let never = Stop::never();
    // Where few ids are left out, chunks need not be looked up.
    let ids = range.after.and_then(|after| range.through.checked_sub(after)).unwrap_or(i64::MAX);
    let known = range.after.filter(|_| ids.unsigned_abs() <= 2 * SEGMENT_ROWS_MAX);
    let mut lowest = (known, known);
    if keeps == SourceRetention::Tail {
        lowest.0 = fence::ends(first, columns, &never).await?.lowest;
    }
    let fence = ComparisonFence::of_decided((first, second), keeps, lowest, range.through);
    let before = fence.floor.and_then(|floor| floor.checked_sub(1));
    range.after = range.after.max(before);
    if range.is_empty() {
        return Ok(SegmentFindings { let_go: before, ..SegmentFindings::default() });
    }
    let task = ComparisonTask { first, second, columns, fence: &fence, options: &OPTIONS };
    let mut collected = CollectedFaults::default();
    let part = compare_part(task, range, &mut collected, &never).await?;
    let mut found = collected.0;
    found.extend(part.undecided.into_iter().map(|id| (id, RowFault::Undecided)));
    found.sort_unstable();
    // It may have let go of more meanwhile, and then that was not compared either.
    let let_go = match keeps {
        SourceRetention::All => None,
        SourceRetention::Tail => {
            let lowest = fence::ends(first, columns, &never).await?.lowest;
            before.max(lowest.unwrap_or(i64::MAX).checked_sub(1))
        }
    };
    Ok(SegmentFindings { found, rows: part.rows, let_go })
}

/// Keeps the ids and classes of what differs.
#[derive(Default)]
struct CollectedFaults(Vec<(i64, RowFault)>);

impl ComparisonWatcher for CollectedFaults {
    fn progress(&mut self, _rows: u64) {}

    fn found(&mut self, difference: &Difference) {
        self.0.push((difference.id, RowFault::from(&difference.class)));
    }

    fn difference(&mut self, _shown: &ShownDifference) -> Result<()> {
        Ok(())
    }
}

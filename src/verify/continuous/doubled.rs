//! Ids that a side holds more than once, where no key excludes it or the key's index is damaged.

use crate::error::Result;
use crate::event::range::IdRange;
use crate::stop::Stop;
use crate::verify::compare::both::both;
use crate::verify::continuous::cut::SEGMENT_ROWS_MAX;
use crate::verify::continuous::pair::LanePair;

/// More than there can be in a segment.
const IDS_MAX: usize = SEGMENT_ROWS_MAX as usize;

/// The ids of a segment that a side holds more than once, in their order.
pub(super) async fn ids(pair: &LanePair, range: IdRange) -> Result<Vec<i64>> {
    let (first, second, columns) = (&pair.sides.first, &pair.sides.second, &pair.columns);
    let (ours, theirs) = both(
        &Stop::never(),
        |stop| async move { first.doubled_ids(columns, (range, IDS_MAX), &stop).await },
        |stop| async move { second.doubled_ids(columns, (range, IDS_MAX), &stop).await },
    )
    .await?;
    let mut ids = [ours, theirs].concat();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// What is left of a range without these ids, which are in order.
pub(super) fn parts_between(range: IdRange, ids: &[i64]) -> Vec<IdRange> {
    let mut parts = Vec::new();
    let mut after = range.after;
    for id in ids {
        let before = id.checked_sub(1);
        parts.extend(before.map(|through| IdRange { after, through }));
        after = Some(*id);
    }
    parts.push(IdRange { after, through: range.through });
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_around_doubled_ids_is_compared_and_they_are_not() {
        let range = IdRange { after: Some(0), through: 10 };
        let part = |after, through| IdRange { after: Some(after), through };
        assert_eq!(parts_between(range, &[1, 5, 6]), [part(1, 4), part(6, 10)]);
        assert_eq!(parts_between(range, &[10]), [part(0, 9)]);
        assert_eq!(parts_between(IdRange::up_to(3), &[2]), [IdRange::up_to(1), part(2, 3)]);
    }
}

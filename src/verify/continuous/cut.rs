//! Cuts the next segment off a range: so many rows of either side at most.

use crate::error::Result;
use crate::event::range::IdRange;
use crate::stop::Stop;
use crate::verify::compare::both::both;
use crate::verify::compare::plan::by_boundaries;
use crate::verify::continuous::pair::LanePair;

/// Rows of a segment at most, whatever the rate.
pub(super) const SEGMENT_ROWS_MAX: u64 = 4_096;

/// How many rows a segment has: what may be read in a second.
pub(super) fn segment_rows(rows_per_second: u32) -> u64 {
    u64::from(rows_per_second).clamp(1, SEGMENT_ROWS_MAX)
}

/// The lower end of a range, and how many rows of the source it is at most: also those that the
/// destination does not take, which the server reads too.
pub(super) async fn cut(pair: &LanePair, range: IdRange, rows: u64) -> Result<(IdRange, u64)> {
    let (first, second, columns) = (&pair.sides.first, &pair.sides.second, &pair.columns);
    let never = Stop::never();
    let (ours, theirs) = both(
        &never,
        |stop| async move { first.boundary_of_all(columns, (range, rows), &stop).await },
        |stop| async move { second.boundary_of_all(columns, (range, rows), &stop).await },
    )
    .await?;
    let ends = [ours.as_slice(), theirs.as_slice()];
    let segment = by_boundaries(range, ends, 1).first().copied().unwrap_or(range);
    let rows = if first.is_partial() && ours != Some(segment.through) {
        first.count_of_all(columns, segment, &never).await?
    } else {
        rows
    };
    Ok((segment, rows))
}

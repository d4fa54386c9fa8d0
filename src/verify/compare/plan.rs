//! Where chunks begin and end: pure decisions. Chunks follow each other without a gap, whatever the
//! boundaries.

use crate::event::range::IdRange;

/// The next chunks of at most so many ids each, for tables whose ids leave few out: no row needs to
/// be looked at.
///
/// The first is open below where nothing was compared yet: it ends so many ids after `lowest`.
pub(crate) fn by_ids(rest: IdRange, lowest: i64, chunk_rows: u64, chunks: usize) -> Vec<IdRange> {
    let step = i64::try_from(chunk_rows.max(1)).unwrap_or(i64::MAX);
    let mut planned = Vec::new();
    let mut after = rest.after;
    while planned.len() < chunks && after != Some(rest.through) {
        let through = match after {
            None => lowest.saturating_add(step - 1),
            Some(after) => after.saturating_add(step),
        };
        let through = through.min(rest.through);
        planned.push(IdRange { after, through });
        after = Some(through);
    }
    planned
}

/// The next chunks by the boundaries of both sides, each the last id of a chunk of that side in
/// ascending order; a side that gave fewer than `chunks` has no more. No chunk has more rows of
/// either side than lie between two of its boundaries.
pub(crate) fn by_boundaries(rest: IdRange, sides: [&[i64]; 2], chunks: usize) -> Vec<IdRange> {
    let ends = sides.iter().filter(|side| side.len() >= chunks).filter_map(|side| side.last());
    let end = ends.min().copied().unwrap_or(rest.through).min(rest.through);
    let mut boundaries: Vec<i64> =
        sides.concat().into_iter().filter(|boundary| *boundary < end).collect();
    boundaries.push(end);
    boundaries.sort_unstable();
    boundaries.dedup();
    let mut after = rest.after;
    let chunk = |through: i64| {
        let chunk = IdRange { after, through };
        after = Some(through);
        chunk
    };
    boundaries.into_iter().map(chunk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(rest: IdRange, planned: &[IdRange]) -> bool {
        let follows = planned.windows(2).all(|pair| pair[1].after == Some(pair[0].through));
        let begins = planned.first().is_some_and(|first| first.after == rest.after);
        follows
            && begins
            && planned.iter().all(|chunk| !chunk.is_empty() && chunk.through <= rest.through)
    }

    proptest! {
        #[test]
        fn chunks_by_ids_cover_what_they_reach_without_a_gap(after in proptest::option::of(-50i64..50), more in 1i64..300, lowest in -60i64..60, rows in 1u64..40, chunks in 1usize..9) {
            let through = after.unwrap_or(-60) + more;
            let rest = IdRange { after, through };
            let planned = by_ids(rest, lowest, rows, chunks);
            prop_assert!(covers(rest, &planned));
            prop_assert!(planned.len() == chunks || planned.last().is_some_and(|last| last.through == through));
        }

        #[test]
        fn chunks_by_boundaries_cover_what_they_reach_without_a_gap(
            ids in [proptest::collection::btree_set(-40i64..200, 0..120), proptest::collection::btree_set(-40i64..200, 0..120)],
            rows in 1usize..20, chunks in 1usize..6,
        ) {
            let rest = IdRange { after: None, through: 200 };
            let boundaries = ids.clone().map(|ids| ids.into_iter().skip(rows - 1).step_by(rows).take(chunks).collect::<Vec<_>>());
            let planned = by_boundaries(rest, [&boundaries[0], &boundaries[1]], chunks);
            prop_assert!(covers(rest, &planned));
            for chunk in &planned {
                for side in &ids {
                    prop_assert!(side.iter().filter(|id| chunk.contains(**id)).count() <= rows);
                }
            }
        }
    }

    #[test]
    fn the_ends_of_all_ids_are_no_obstacle() {
        let all = IdRange { after: None, through: i64::MAX };
        let planned = by_ids(all, i64::MIN, 4_096, 1);
        assert_eq!(planned[0].through, i64::MIN + 4_095);
        let last = IdRange { after: Some(i64::MAX - 1), through: i64::MAX };
        assert_eq!(by_ids(last, 0, 4_096, 8), [last]);
        assert_eq!(by_boundaries(all, [&[], &[]], 8), [all]);
    }
}

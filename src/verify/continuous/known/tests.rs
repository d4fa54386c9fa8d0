//! What is known to differ, as rows are compared again.

use super::*;

fn range(after: i64, through: i64) -> IdRange {
    IdRange { after: Some(after), through }
}

fn changed(ids: std::ops::RangeInclusive<i64>) -> Vec<(i64, RowFault)> {
    ids.map(|id| (id, RowFault::Changed)).collect()
}

#[test]
fn a_row_is_new_once_and_gone_once_and_a_row_beside_the_range_is_neither() {
    let (mut known, now) = (KnownFaults::default(), WallTime::now());
    let first = known.replace(range(0, 10), &changed(5..=6), now);
    assert_eq!((first.new.len(), first.gone.len()), (2, 0));
    assert_eq!(known.replace(range(0, 10), &changed(5..=6), now), FaultChange::default());
    assert_eq!(known.replace(range(0, 4), &[], now), FaultChange::default());
    assert_eq!(known.replace(range(6, 9), &[], now), FaultChange::default());
    assert_eq!(known.replace(range(4, 5), &[], now).gone, [5]);
    assert_eq!((known.counts().changed, known.counts_ever().changed), (1, 2));
    assert_eq!(known.lowest(), Some(6));
}

#[test]
fn runs_are_of_one_class_and_ids_that_follow_each_other() {
    let (mut known, now) = (KnownFaults::default(), WallTime::now());
    let mut found = changed(5..=7);
    found.extend([(8, RowFault::Missing), (10, RowFault::Missing), (11, RowFault::Undecided)]);
    known.replace(range(0, 20), &found, now);
    let runs: Vec<_> =
        known.listed().iter().map(|run| (run.class, run.first_id, run.last_id)).collect();
    let expected =
        [(RowFault::Changed, 5, 7), (RowFault::Missing, 8, 8), (RowFault::Missing, 10, 10)];
    assert_eq!(runs, expected);
    assert_eq!(known.counts().to_string(), "2 missing, 3 changed");
    assert_eq!(known.undecided(), 1);
}

#[test]
fn of_more_than_are_kept_the_lowest_are_and_all_are_counted_until_a_round_does_not_find_them() {
    let (mut known, now) = (KnownFaults::default(), WallTime::now());
    let most = i64::try_from(KEPT_MAX).unwrap();
    for start in (0..most * 2).step_by(1_000) {
        known.replace(range(start, start + 1_000), &changed(start + 1..=start + 1_000), now);
    }
    assert_eq!(known.kept.len(), KEPT_MAX);
    assert_eq!((known.counts().changed, known.lowest()), (KEPT_MAX as u64 * 2, Some(1)));
    known.end_round();
    assert_eq!(known.counts().changed, KEPT_MAX as u64 * 2, "the next round has not come so far");
    known.replace(range(0, most), &[], now);
    assert_eq!((known.counts().changed, known.lowest()), (KEPT_MAX as u64, Some(most + 1)));
    let again = known.replace(range(most, most * 2), &changed(most + 1..=most * 2), now);
    assert!(again.new.is_empty(), "they were told in the last round");
    known.end_round();
    known.replace(range(most, most * 2), &[], now);
    known.end_round();
    assert_eq!((known.counts().total(), known.lowest()), (0, None));
}

#[test]
fn rows_above_a_position_that_fell_are_forgotten() {
    let (mut known, now) = (KnownFaults::default(), WallTime::now());
    known.replace(range(0, 10), &changed(3..=8), now);
    known.forget_above(Some(5));
    assert_eq!(known.counts().changed, 3);
    known.forget_above(None);
    assert_eq!(known.lowest(), None);
}

//! The pace of looks.

use super::*;

#[test]
fn after_many_new_ids_the_next_look_waits_and_after_a_few_it_does_not() {
    let at = Instant::now();
    let frontier = |shipped| ReadFrontier { shipped, ..ReadFrontier::default() };
    assert_eq!(paced((at, Some(100)), frontier(Some(100 + FEW_IDS + 1))), Some(at + PACE));
    for (before, now) in [
        (Some(100), Some(100 + FEW_IDS)),
        (Some(100), Some(100)),
        (Some(100), Some(7)),
        (None, Some(1_000_000)),
        (Some(100), None),
        (Some(i64::MAX), Some(i64::MIN)),
    ] {
        assert_eq!(paced((at, before), frontier(now)), None, "{before:?} {now:?}");
    }
    assert!(paced((at, Some(i64::MIN)), frontier(Some(i64::MAX))).is_some());
}

//! Changes that the log does not have, as where the trigger was disabled for a while: the drift
//! they leave is found as soon as the row is touched again.

use super::{change, image};
use crate::event::net::net;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Cuts changes at these places.
fn batches<T: Clone>(all: &[T], cuts: &[bool]) -> Vec<Vec<T>> {
    let mut batches = vec![Vec::new()];
    for (one, is_cut) in all.iter().zip(cuts) {
        if *is_cut {
            batches.push(Vec::new());
        }
        batches.last_mut().unwrap().push(one.clone());
    }
    batches
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// A row is updated again and again, to what it never was before. Where the last change is not
    /// lost, a wrong row is one of which the drift was told.
    #[test]
    fn a_row_is_right_or_drift_is_told_or_its_last_change_was_lost(
        losses in proptest::collection::vec(prop::bool::weighted(0.3), 1..12),
        cuts in proptest::collection::vec(any::<bool>(), 12),
        order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let row = |version: usize| format!("1 v{version}");
        let steps: Vec<usize> = (0..losses.len()).collect();
        let (mut here, mut is_drift_told) = (image(r#"{"k":1,"v":"v0"}"#), false);
        for batch in batches(&steps, &cuts) {
            // In some order of ids: all of a batch is one transaction.
            let mut left: Vec<_> = batch.into_iter().filter(|at| !losses[*at]).collect();
            left.sort_by_key(|at| order[*at]);
            let changes: Vec<_> =
                (1..).zip(left).map(|(id, at)| change(id, 1, &row(at), &row(at + 1))).collect();
            let net = net(&changes, &["k".to_owned()], &|_, _| false).unwrap();
            prop_assert!(net.gone.is_empty() || net.gone[0].is_torn);
            for changed in net.changed {
                is_drift_told |= changed.is_torn || changed.before.as_ref() != Some(&here);
                here = changed.after;
            }
            is_drift_told |= !net.gone.is_empty();
        }
        let last = losses.len();
        let is_right = here.text() == format!(r#"{{"k":1,"v":"v{last}"}}"#);
        prop_assert!(is_right || is_drift_told || losses[last - 1]);
        prop_assert!(!is_drift_told || losses.contains(&true), "no false alarm");
    }
}

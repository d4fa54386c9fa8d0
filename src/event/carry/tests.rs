//! Batches that end between the changes of a transaction.

use super::*;
use crate::event::change::ChangeKind;

fn changes(ids: &[(i64, i64)]) -> Vec<LoggedChange> {
    let change = |(id, xact): &(i64, i64)| LoggedChange {
        id: *id,
        xact: *xact,
        source: "public.t".into(),
        kind: ChangeKind::Truncate,
        before: None,
        after: None,
    };
    ids.iter().map(change).collect()
}

fn parts(batch: &[(i64, i64)], kept: &[(i64, i64)], open: &[i64]) -> [Vec<i64>; 2] {
    let parts = split(changes(batch), changes(kept), &open.iter().copied().collect());
    [parts.complete, parts.pending].map(|part| part.iter().map(|change| change.id).collect())
}

#[test]
fn a_batch_of_whole_transactions_is_complete() {
    assert_eq!(parts(&[(1, 7), (2, 8), (3, 7)], &[], &[]), [vec![1, 2, 3], vec![]]);
    assert_eq!(parts(&[], &[], &[7]).concat(), [0; 0]);
}

#[test]
fn what_goes_on_beyond_the_batch_is_pending() {
    assert_eq!(parts(&[(1, 7), (2, 8), (3, 7), (5, 9)], &[], &[7, 9]), [vec![2], vec![1, 3, 5]]);
}

#[test]
fn what_was_kept_is_complete_with_the_last_change_of_its_transaction() {
    assert_eq!(parts(&[(4, 8), (5, 7)], &[(1, 7), (3, 7)], &[]), [vec![1, 3, 4, 5], vec![]]);
    assert_eq!(parts(&[], &[(1, 7)], &[]), [vec![1], vec![]]);
}

#[test]
fn all_that_is_complete_is_in_the_order_of_ids() {
    assert_eq!(parts(&[(2, 8), (6, 7)], &[(1, 7), (5, 7)], &[]), [vec![1, 2, 5, 6], vec![]]);
}

#[test]
fn what_is_kept_of_a_transaction_that_is_still_open_stays_where_it_is() {
    assert_eq!(parts(&[(4, 7), (5, 8)], &[(1, 7), (2, 8)], &[7]), [vec![2, 5], vec![4]]);
}

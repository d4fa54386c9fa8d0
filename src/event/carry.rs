//! Which of the changes at hand may be applied at the end of a batch: those of transactions that
//! have no change beyond it.
//!
//! Below the high-water mark every transaction has ended, so all its changes can be seen; but a
//! batch may end between them. What belongs to such a transaction is kept, in the transaction that
//! moves the position, until the batch with its last change. If two transactions touched one key,
//! all ids of the first are below some id of the second, so the first is never kept longer than the
//! second.
//!
//! That holds for rows, and for whatever a transaction waits for before its last id: foreign keys
//! that refer to another transaction's row, values that must be unique. It does not hold for a
//! check that comes later: a deferred constraint, or a foreign key whose check another trigger of
//! the table delays. Then the first may be complete at a later batch than the second, and a
//! destination that has the constraint, too, can take both together only.

use super::change::LoggedChange;
use std::collections::BTreeSet;

/// The changes at hand at the end of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchSplit {
    /// All changes of transactions that are complete with this batch, in ascending order of ids.
    pub(crate) complete: Vec<LoggedChange>,
    /// Changes of the batch whose transactions go on beyond it, to be kept: in ascending order.
    pub(crate) pending: Vec<LoggedChange>,
}

/// Splits a batch.
///
/// `kept` are rows kept at earlier batches, of transactions that are not open any more; one that is
/// still open stays where it is kept, and is on neither side. `open` are the transactions with
/// changes both in or before the batch and beyond it.
pub(crate) fn split(
    batch: Vec<LoggedChange>,
    kept: Vec<LoggedChange>,
    open: &BTreeSet<i64>,
) -> BatchSplit {
    let is_open = |change: &LoggedChange| open.contains(&change.xact);
    let mut complete = kept;
    complete.retain(|change| !is_open(change));
    let (pending, ended): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_open);
    complete.extend(ended);
    // Two runs, each in order: this is a merge, and nothing at all where one follows the other.
    complete.sort_by_key(|change| change.id);
    BatchSplit { complete, pending }
}

#[cfg(test)]
mod tests;

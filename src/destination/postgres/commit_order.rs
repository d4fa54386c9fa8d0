//! The order of concurrent transactions of one destination: who takes the fence when, who commits
//! next, who must roll back. Pure; [`super::concurrent`] does the I/O.
//!
//! Only a transaction that begins while no other is open takes the fence before its COPY. One that
//! begins ahead of its turn takes it when every batch before it was committed and acknowledged, and
//! commits only if its rows stand on the last of them and no row stands after them. Commits are
//! therefore in id order, one at a time. When one fails, those before it go on and all later ones
//! must roll back.

use std::collections::VecDeque;

/// How a transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStart {
    /// With the fence, on this position.
    OnTop(Option<i64>),
    /// Without it, since others before it are still open; its first row has this id.
    Ahead(i64),
}

/// What must be so before the commit of a transaction that began ahead of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitCondition {
    /// The highest id before its own rows.
    pub before: Option<i64>,
    /// Id of its first row.
    pub first_id: i64,
    /// Id of its last row, and the highest of all.
    pub last_id: i64,
}

/// The next transaction to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextCommit {
    /// In which seat.
    pub seat_index: usize,
    /// What is to be confirmed under the fence first; `None` for one that has held the fence from
    /// its beginning.
    pub standing: Option<CommitCondition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TurnStage {
    Copying,
    Copied,
    Committing,
}

#[derive(Clone, Copy, Debug)]
struct TransactionTurn {
    seat_index: usize,
    first_id: i64,
    last_id: i64,
    began_ahead: bool,
    stage: TurnStage,
}

/// Transactions in seats, oldest first.
#[derive(Debug)]
pub struct CommitOrder {
    position: Option<i64>,
    turns: VecDeque<TransactionTurn>,
    free: Vec<usize>,
    has_failed: bool,
}

impl CommitOrder {
    /// So many seats, all free, on this position.
    pub fn new(seats: usize, position: Option<i64>) -> Self {
        Self {
            position,
            turns: VecDeque::with_capacity(seats),
            free: (0..seats).rev().collect(),
            has_failed: false,
        }
    }

    /// Id of the last row that was committed.
    pub fn position(&self) -> Option<i64> {
        self.position
    }

    /// Whether no transaction is open.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The seat of the oldest transaction, for which the others wait.
    pub fn oldest(&self) -> Option<usize> {
        self.turns.front().map(|turn| turn.seat_index)
    }

    /// The seats of the others.
    pub(super) fn later(&self) -> impl Iterator<Item = usize> {
        self.turns.iter().skip(1).map(|turn| turn.seat_index)
    }

    /// Begins a transaction after all others; `None` while no seat is free, and for good after a
    /// failure.
    pub fn begin(&mut self, first_id: i64) -> Option<(usize, TransactionStart)> {
        if self.has_failed {
            return None;
        }
        let seat_index = self.free.pop()?;
        let began_ahead = !self.turns.is_empty();
        self.turns.push_back(TransactionTurn {
            seat_index,
            first_id,
            last_id: first_id,
            began_ahead,
            stage: TurnStage::Copying,
        });
        Some((
            seat_index,
            if began_ahead {
                TransactionStart::Ahead(first_id)
            } else {
                TransactionStart::OnTop(self.position)
            },
        ))
    }

    /// All rows of a transaction have arrived, the last of them with this id.
    pub fn copied(&mut self, seat_index: usize, last_id: i64) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.seat_index == seat_index) {
            (turn.stage, turn.last_id) = (TurnStage::Copied, last_id);
        }
    }

    /// The transaction that is to be committed now: each is given once, the oldest, when its rows
    /// have arrived.
    pub(super) fn next_commit(&mut self) -> Option<NextCommit> {
        let before = self.position;
        let turn = self.turns.front_mut().filter(|turn| turn.stage == TurnStage::Copied)?;
        turn.stage = TurnStage::Committing;
        let standing = turn.began_ahead.then_some(CommitCondition {
            before,
            first_id: turn.first_id,
            last_id: turn.last_id,
        });
        Some(NextCommit { seat_index: turn.seat_index, standing })
    }

    /// The commit of the oldest was acknowledged.
    pub fn committed(&mut self, seat_index: usize) {
        let oldest = self.turns.front().copied();
        if let Some(turn) = oldest
            .filter(|turn| turn.seat_index == seat_index && turn.stage == TurnStage::Committing)
        {
            self.turns.pop_front();
            self.position = Some(turn.last_id);
            self.free.push(seat_index);
        }
    }

    /// The newest transaction is not to be committed; its seat is free once it was
    /// [`CommitOrder::rolled_back`].
    pub(super) fn abandon(&mut self, seat_index: usize) {
        if self
            .turns
            .back()
            .is_some_and(|turn| turn.seat_index == seat_index && turn.stage == TurnStage::Copying)
        {
            self.turns.pop_back();
        }
    }

    /// An abandoned transaction was rolled back.
    pub fn rolled_back(&mut self, seat_index: usize) {
        self.free.push(seat_index);
    }

    /// A transaction failed, or its end is unknown: nothing is begun any more. Gives its seat and
    /// those of all later ones, which must roll back; nothing when it was among those already.
    pub fn failed(&mut self, seat_index: usize) -> Vec<usize> {
        self.has_failed = true;
        match self.turns.iter().position(|turn| turn.seat_index == seat_index) {
            Some(at) => self.turns.drain(at..).map(|turn| turn.seat_index).collect(),
            None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;

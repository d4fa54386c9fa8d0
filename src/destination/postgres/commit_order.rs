//! The order of concurrent transactions of one destination: who takes the fence when, who commits next, who must roll back. Pure;
//! [`super::concurrent`] does the I/O.
//!
//! Only a transaction that begins while no other is open takes the fence before its COPY. One that begins ahead of its turn takes it when
//! every batch before it was committed and acknowledged, and commits only if its rows stand on the last of them and no row stands after
//! them. Commits are therefore in id order, one at a time. When one fails, those before it go on and all later ones must roll back.

use std::collections::VecDeque;

/// How a transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the fence, on this position.
    OnTop(Option<i64>),
    /// Without it, since others before it are still open; its first row has this id.
    Ahead(i64),
}

/// What must be so before the commit of a transaction that began ahead of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The highest id before its own rows.
    pub before: Option<i64>,
    /// Id of its first row.
    pub first_id: i64,
    /// Id of its last row, and the highest of all.
    pub last_id: i64,
}

/// The next transaction to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// In which slot.
    pub slot: usize,
    /// What is to be confirmed under the fence first; `None` for one that has held the fence from its beginning.
    pub standing: Option<Standing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Copying,
    Copied,
    Committing,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    slot: usize,
    first_id: i64,
    last_id: i64,
    began_ahead: bool,
    stage: Stage,
}

/// Transactions in slots, oldest first.
#[derive(Debug)]
pub struct Order {
    position: Option<i64>,
    turns: VecDeque<Turn>,
    free: Vec<usize>,
    has_failed: bool,
}

impl Order {
    /// So many slots, all free, on this position.
    pub fn new(slots: usize, position: Option<i64>) -> Self {
        Self {
            position,
            turns: VecDeque::with_capacity(slots),
            free: (0..slots).rev().collect(),
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

    /// The slot of the oldest transaction, for which the others wait.
    pub fn oldest(&self) -> Option<usize> {
        self.turns.front().map(|turn| turn.slot)
    }

    /// The slots of the others.
    pub(super) fn later(&self) -> impl Iterator<Item = usize> {
        self.turns.iter().skip(1).map(|turn| turn.slot)
    }

    /// Begins a transaction after all others; `None` while no slot is free, and for good after a failure.
    pub fn begin(&mut self, first_id: i64) -> Option<(usize, Start)> {
        if self.has_failed {
            return None;
        }
        let slot = self.free.pop()?;
        let began_ahead = !self.turns.is_empty();
        self.turns.push_back(Turn {
            slot,
            first_id,
            last_id: first_id,
            began_ahead,
            stage: Stage::Copying,
        });
        Some((
            slot,
            if began_ahead {
                Start::Ahead(first_id)
            } else {
                Start::OnTop(self.position)
            },
        ))
    }

    /// All rows of a transaction have arrived, the last of them with this id.
    pub fn copied(&mut self, slot: usize, last_id: i64) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.slot == slot) {
            (turn.stage, turn.last_id) = (Stage::Copied, last_id);
        }
    }

    /// The transaction that is to be committed now: each is given once, the oldest, when its rows have arrived.
    pub(super) fn next_commit(&mut self) -> Option<Commit> {
        let before = self.position;
        let turn = self.turns.front_mut().filter(|turn| turn.stage == Stage::Copied)?;
        turn.stage = Stage::Committing;
        let standing = turn.began_ahead.then_some(Standing {
            before,
            first_id: turn.first_id,
            last_id: turn.last_id,
        });
        Some(Commit { slot: turn.slot, standing })
    }

    /// The commit of the oldest was acknowledged.
    pub fn committed(&mut self, slot: usize) {
        let oldest = self.turns.front().copied();
        if let Some(turn) = oldest.filter(|turn| turn.slot == slot && turn.stage == Stage::Committing) {
            self.turns.pop_front();
            self.position = Some(turn.last_id);
            self.free.push(slot);
        }
    }

    /// The newest transaction is not to be committed; its slot is free once it was [`Order::rolled_back`].
    pub(super) fn abandon(&mut self, slot: usize) {
        if self
            .turns
            .back()
            .is_some_and(|turn| turn.slot == slot && turn.stage == Stage::Copying)
        {
            self.turns.pop_back();
        }
    }

    /// An abandoned transaction was rolled back.
    pub fn rolled_back(&mut self, slot: usize) {
        self.free.push(slot);
    }

    /// A transaction failed, or its end is unknown: nothing is begun any more. Gives its slot and those of all later ones, which must
    /// roll back; nothing when it was among those already.
    pub fn failed(&mut self, slot: usize) -> Vec<usize> {
        self.has_failed = true;
        match self.turns.iter().position(|turn| turn.slot == slot) {
            Some(at) => self.turns.drain(at..).map(|turn| turn.slot).collect(),
            None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;

//! The order against a model of a destination: whatever happens in whatever sequence, what is
//! committed is a prefix.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Something that can happen next; one that cannot happen now is passed over.
#[derive(Clone, Copy, Debug)]
enum Happens {
    BatchComes {
        rows: i64,
    },
    /// The n-th open transaction has all its rows.
    Arrives(usize),
    CommitIsAcknowledged,
    NewestIsAbandoned,
    RollbackIsDone,
    Fails(usize),
    StrangerInserts,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => (1i64..5).prop_map(|rows| Happens::BatchComes { rows }),
        6 => (0usize..4).prop_map(Happens::Arrives),
        6 => Just(Happens::CommitIsAcknowledged),
        1 => Just(Happens::NewestIsAbandoned),
        2 => Just(Happens::RollbackIsDone),
        1 => (0usize..4).prop_map(Happens::Fails),
        1 => Just(Happens::StrangerInserts),
    ]
}

/// What a destination would hold, and the transactions open in it.
struct Model {
    order: CommitOrder,
    committed: Vec<(i64, i64)>,
    /// Open transactions by seat: first and last id, and whether it holds the fence from its
    /// beginning.
    open: BTreeMap<usize, (i64, i64, bool)>,
    /// The same, oldest first.
    line: Vec<usize>,
    committing: Option<NextCommit>,
    abandoned: Vec<usize>,
    next_id: i64,
    highest: Option<i64>,
    has_failed: bool,
    has_stranger: bool,
}

impl Model {
    fn new(seats: usize) -> Self {
        Self {
            order: CommitOrder::new(seats, None),
            committed: Vec::new(),
            open: BTreeMap::new(),
            line: Vec::new(),
            committing: None,
            abandoned: Vec::new(),
            next_id: 1,
            highest: None,
            has_failed: false,
            has_stranger: false,
        }
    }

    fn step(&mut self, happens: Happens) {
        match happens {
            Happens::BatchComes { rows } => self.begin(rows),
            Happens::Arrives(nth) => {
                if let Some(seat_index) = self.line.get(nth).copied().filter(|seat_index| {
                    self.committing.is_none_or(|commit| commit.seat_index != *seat_index)
                }) {
                    self.order.copied(seat_index, self.open[&seat_index].1);
                }
            }
            Happens::CommitIsAcknowledged => self.acknowledge(),
            Happens::NewestIsAbandoned => self.abandon(),
            Happens::RollbackIsDone => {
                if let Some(seat_index) = self.abandoned.pop() {
                    self.order.rolled_back(seat_index);
                }
            }
            Happens::Fails(nth) => {
                if let Some(seat_index) = self.line.get(nth).copied() {
                    self.fail(seat_index);
                }
            }
            Happens::StrangerInserts => {
                // A competitor gets in between only when nobody holds the fence.
                if !self.open.values().any(|(_, _, has_fence)| *has_fence) {
                    self.highest = Some(self.highest.unwrap_or(0) + 1_000_000);
                    self.has_stranger = true;
                }
            }
        }
        if self.committing.is_none() {
            self.committing = self.order.next_commit();
            assert!(
                self.committing.is_none_or(|commit| self.line.first() == Some(&commit.seat_index)),
                "not the oldest is committed"
            );
        } else {
            assert_eq!(self.order.next_commit(), None, "two are committed at a time");
        }
    }

    fn begin(&mut self, rows: i64) {
        let (first, last) = (self.next_id + 1, self.next_id + rows);
        let Some((seat_index, start)) = self.order.begin(first) else {
            return;
        };
        assert!(!self.has_failed, "a transaction began after a failure");
        assert!(
            !self.open.contains_key(&seat_index) && !self.abandoned.contains(&seat_index),
            "a slot was given twice"
        );
        match start {
            TransactionStart::OnTop(position) => {
                assert!(self.line.is_empty(), "the fence was taken while others were open");
                if position != self.highest {
                    self.line.push(seat_index);
                    self.open.insert(seat_index, (first, last, true));
                    return self.fail(seat_index);
                }
            }
            TransactionStart::Ahead(id) => {
                assert!(id == first && !self.line.is_empty(), "nobody is before it")
            }
        }
        self.open.insert(seat_index, (first, last, start == TransactionStart::OnTop(self.highest)));
        self.line.push(seat_index);
        self.next_id = last;
    }

    fn acknowledge(&mut self) {
        let Some(commit) = self.committing.take() else { return };
        let (first, last, _) = self.open[&commit.seat_index];
        if let Some(standing) = commit.standing {
            assert_eq!((standing.first_id, standing.last_id), (first, last));
            if standing.before != self.highest {
                return self.fail(commit.seat_index);
            }
        }
        assert_eq!(
            self.highest,
            self.committed.last().map(|(_, last)| *last),
            "committed on top of a stranger's rows"
        );
        self.order.committed(commit.seat_index);
        self.open.remove(&commit.seat_index);
        self.line.remove(0);
        self.committed.push((first, last));
        self.highest = Some(last);
        assert_eq!(self.order.position(), self.highest);
    }

    fn abandon(&mut self) {
        let Some(seat_index) = self.line.last().copied() else { return };
        let before = self.order.later().chain(self.order.oldest()).count();
        self.order.abandon(seat_index);
        if self.order.later().chain(self.order.oldest()).count() < before {
            self.line.pop();
            let (first, _, _) = self.open.remove(&seat_index).expect("an open transaction");
            self.next_id = first - 1;
            self.abandoned.push(seat_index);
        }
    }

    fn fail(&mut self, seat_index: usize) {
        self.has_failed = true;
        if self.committing.is_some_and(|commit| commit.seat_index == seat_index) {
            self.committing = None;
        }
        let at =
            self.line.iter().position(|other| *other == seat_index).expect("an open transaction");
        let gone = self.line.split_off(at);
        assert_eq!(
            self.order.failed(seat_index),
            gone,
            "this one and all later ones must roll back, and no other"
        );
        self.open.retain(|seat_index, _| !gone.contains(seat_index));
    }
}

proptest! {
    #[test]
    fn whatever_happens_only_a_prefix_is_committed_and_never_on_top_of_a_stranger(
        seats in 1usize..5,
        story in proptest::collection::vec(happens(), 0..120),
    ) {
        let mut model = Model::new(seats);
        for happens in story {
            model.step(happens);
        }
        // Without trouble everything that began is committed in the end.
        while !model.line.is_empty() && !model.has_stranger {
            for nth in 0..model.line.len() {
                model.step(Happens::Arrives(nth));
            }
            model.step(Happens::CommitIsAcknowledged);
        }
        for pair in model.committed.windows(2) {
            prop_assert!(pair[0].1 < pair[1].0, "not in the order of ids");
        }
        if !model.has_failed && !model.has_stranger {
            prop_assert_eq!(model.order.position().unwrap_or(1), model.next_id);
        }
    }
}

#[test]
fn the_first_takes_the_fence_at_once_and_the_next_before_its_commit() {
    let mut order = CommitOrder::new(2, Some(10));
    assert_eq!(order.begin(11), Some((0, TransactionStart::OnTop(Some(10)))));
    assert_eq!(order.begin(21), Some((1, TransactionStart::Ahead(21))));
    assert_eq!(order.begin(31), None, "no slot is free");
    order.copied(1, 30);
    assert_eq!(order.next_commit(), None, "the one before is still open");
    order.copied(0, 20);
    assert_eq!(order.next_commit(), Some(NextCommit { seat_index: 0, standing: None }));
    assert_eq!(order.next_commit(), None, "its commit is not acknowledged");
    order.committed(0);
    let standing = CommitCondition { before: Some(20), first_id: 21, last_id: 30 };
    assert_eq!(order.next_commit(), Some(NextCommit { seat_index: 1, standing: Some(standing) }));
}

#[test]
fn after_a_failure_those_before_go_on_and_those_after_do_not() {
    let mut order = CommitOrder::new(3, None);
    for first_id in [1, 11, 21] {
        order.begin(first_id);
    }
    assert_eq!(order.failed(1), [1, 2]);
    assert!(order.failed(2).is_empty(), "told already");
    order.copied(0, 10);
    assert!(order.next_commit().is_some());
    order.committed(0);
    assert_eq!((order.position(), order.begin(31)), (Some(10), None));
}

//! How much is loaded, and what each writer has to do of it: pure.

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// slate's: persons, at intervals a deletion of one of them, then fillers. No more deletions
    /// than persons.
    Persons {
        /// New persons, three events each.
        persons: u64,
        /// Deletions, one event each.
        deletes: u64,
        /// Fillers, one event each.
        fillers: u64,
    },
    /// So many events, of whatever kind.
    Events(u64),
    /// Until it is stopped.
    Endless,
}

/// What a world is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorldAct {
    /// A new person.
    Person,
    /// The deletion of a person.
    Deletion,
    /// A filler.
    Filler,
    /// Anything of so many events at most.
    Any(u64),
}

/// What one writer has done of its share.
#[derive(Debug)]
pub(super) struct WriterProgress {
    share: Amount,
    persons: u64,
    deletes: u64,
    events: u64,
}

impl Amount {
    /// How many events it is; `None` without an end.
    pub fn events(self) -> Option<u64> {
        match self {
            Self::Persons { persons, deletes, fillers } => Some(persons * 3 + deletes + fillers),
            Self::Events(events) => Some(events),
            Self::Endless => None,
        }
    }

    /// The share of a writer, counted from 0. All shares together are the whole; no two differ by
    /// more than one of a kind.
    #[must_use]
    pub(crate) fn share(self, writers: u64, writer: u64) -> Self {
        let share = |total| share(total, writers, writer);
        match self {
            Self::Persons { persons, deletes, fillers } => Self::Persons {
                persons: share(persons),
                deletes: share(deletes),
                fillers: share(fillers),
            },
            Self::Events(events) => Self::Events(share(events)),
            Self::Endless => Self::Endless,
        }
    }
}

/// The share of one writer in a number.
pub(super) fn share(total: u64, writers: u64, writer: u64) -> u64 {
    total / writers + u64::from(writer < total % writers)
}

impl WriterProgress {
    /// Nothing is done yet.
    pub(super) fn of(share: Amount) -> Self {
        Self { share, persons: 0, deletes: 0, events: 0 }
    }

    /// What comes next; `None` at the end.
    pub(super) fn next(&self) -> Option<WorldAct> {
        match self.share {
            Amount::Persons { persons, deletes, .. } => {
                let deletes_due = (u128::from(deletes) * u128::from(self.persons))
                    .checked_div(u128::from(persons));
                if deletes_due > Some(u128::from(self.deletes)) {
                    Some(WorldAct::Deletion)
                } else if self.persons < persons {
                    Some(WorldAct::Person)
                } else {
                    (Some(self.events) < self.share.events()).then_some(WorldAct::Filler)
                }
            }
            Amount::Events(events) => {
                (self.events < events).then(|| WorldAct::Any(events - self.events))
            }
            Amount::Endless => Some(WorldAct::Any(u64::MAX)),
        }
    }

    /// Takes note of what was done.
    pub(super) fn note(&mut self, act: WorldAct, events: usize) {
        self.events += events as u64;
        self.persons += u64::from(act == WorldAct::Person);
        self.deletes += u64::from(act == WorldAct::Deletion);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn acts(amount: Amount) -> Vec<WorldAct> {
        let mut progress = WriterProgress::of(amount);
        let mut acts = Vec::new();
        while let Some(act) = progress.next() {
            let events = match act {
                WorldAct::Person => 3,
                WorldAct::Any(events_max) => {
                    usize::try_from(events_max.min(4)).expect("a small number")
                }
                WorldAct::Deletion | WorldAct::Filler => 1,
            };
            progress.note(act, events);
            acts.push(act);
        }
        acts
    }

    proptest! {
        #[test]
        fn all_shares_together_are_the_whole_and_nobody_deletes_more_than_there_are(
            persons in 0..5_000_u64, deletes in 0..5_000_u64, fillers in 0..5_000_u64, writers in 1..70_u64,
        ) {
            let deletes = deletes.min(persons);
            let mut sums = [0; 3];
            for writer in 0..writers {
                let Amount::Persons { persons: p, deletes: d, fillers: f } =
                    (Amount::Persons { persons, deletes, fillers }).share(writers, writer) else { unreachable!() };
                prop_assert!(d <= p);
                prop_assert!(p.abs_diff(persons / writers) <= 1);
                sums = [sums[0] + p, sums[1] + d, sums[2] + f];
            }
            prop_assert_eq!(sums, [persons, deletes, fillers]);
        }

        #[test]
        fn as_many_of_each_kind_are_made_as_were_wanted_and_a_deletion_finds_somebody(
            persons in 0..300_u64, deletes in 0..300_u64, fillers in 0..300_u64,
        ) {
            let deletes = deletes.min(persons);
            let acts = acts(Amount::Persons { persons, deletes, fillers });
            let mut living = 0_u64;
            for act in &acts {
                match act {
                    WorldAct::Person => living += 1,
                    WorldAct::Deletion => living = living.checked_sub(1).expect("somebody lives"),
                    _ => {}
                }
            }
            prop_assert_eq!(living, persons - deletes);
            prop_assert_eq!(acts.iter().filter(|act| **act == WorldAct::Filler).count() as u64, fillers);
            prop_assert!(acts.iter().rev().take(fillers as usize).all(|act| *act == WorldAct::Filler));
        }
    }

    #[test]
    fn deletions_come_at_intervals() {
        let acts = acts(Amount::Persons { persons: 6, deletes: 2, fillers: 0 });
        use WorldAct::{Deletion as D, Person as P};
        assert_eq!(acts, [P, P, P, D, P, P, P, D]);
    }

    #[test]
    fn a_number_of_events_is_met_exactly_and_an_endless_load_has_no_end() {
        assert_eq!(
            acts(Amount::Events(10)),
            [WorldAct::Any(10), WorldAct::Any(6), WorldAct::Any(2)]
        );
        assert_eq!(acts(Amount::Events(0)), []);
        assert_eq!(WriterProgress::of(Amount::Endless).next(), Some(WorldAct::Any(u64::MAX)));
        assert_eq!(Amount::Endless.events(), None);
    }
}

//! Seeded, realistic events: the same for the demo, the tests, the benchmarks and the loader.

mod clock;
mod persons;

pub use persons::Persons;

/// The events of one transaction as JSON text; also the events of one call of `insert_events`.
pub type Group = Vec<String>;

/// An endless stream of groups. The same seed gives the same bytes, as long as the versions of the crates `fake` and `rand` stay.
#[derive(Debug)]
pub enum World {
    /// People who come, get names and numbers, and sometimes go; fillers between them.
    Persons(Persons),
}

impl World {
    /// The world of slate's loader.
    pub fn persons(seed: u64) -> Self {
        Self::Persons(Persons::new(seed))
    }
}

impl Iterator for World {
    type Item = Group;
    fn next(&mut self) -> Option<Group> {
        match self {
            Self::Persons(persons) => Some(persons.group()),
        }
    }
}

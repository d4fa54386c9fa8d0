//! Seeded, realistic events: the same for the demo, the tests, the benchmarks and the loader.

mod attachment;
mod clock;
mod devices;
mod json;
mod locale;
mod operation;
mod orders;
mod origin;
mod persons;

pub use clock::EventTime;
pub use devices::DeviceWorld;
pub use locale::Locale;
pub use orders::OrderWorld;
pub use origin::{EventGroup, WorldOrigin};
pub use persons::PersonWorld;

/// An endless stream of groups. The same seed gives the same bytes, as long as the versions of the
/// crates `fake` and `rand` stay.
///
/// Each world is a program of its own (`programId`), whose groups are numbered from 1
/// (`dbOperationNum`) in the order in which they are made.
#[derive(Debug)]
pub enum World {
    /// People who come, get names and numbers, and sometimes go; fillers between them.
    Persons(PersonWorld),
    /// Customers who order products, pay, and get what they ordered.
    Orders(OrderWorld),
    /// Devices that measure, raise alarms, and are looked after.
    Devices(DeviceWorld),
}

impl World {
    /// The world of slate's loader.
    pub fn persons(seed: u64) -> Self {
        Self::Persons(PersonWorld::new(&WorldOrigin::of(seed)))
    }

    /// Any group of so many events at most; at least 1.
    pub fn group(&mut self, events_max: u64) -> EventGroup {
        match self {
            Self::Persons(persons) => persons.group(events_max),
            Self::Orders(orders) => orders.group(events_max),
            Self::Devices(devices) => devices.group(events_max),
        }
    }

    /// Lets so many of the first `events` events carry an attachment of 64 KiB to 4 MiB, evenly
    /// spread; all of them at most.
    pub fn attach(&mut self, wanted: u64, events: u64) {
        match self {
            Self::Persons(persons) => persons.operations.attach(wanted, events),
            Self::Orders(orders) => orders.operations.attach(wanted, events),
            Self::Devices(devices) => devices.operations.attach(wanted, events),
        }
    }

    /// The `programId` of all its events.
    pub fn program(&self) -> &str {
        match self {
            Self::Persons(persons) => persons.operations.program(),
            Self::Orders(orders) => orders.operations.program(),
            Self::Devices(devices) => devices.operations.program(),
        }
    }
}

impl Iterator for World {
    type Item = EventGroup;
    fn next(&mut self) -> Option<EventGroup> {
        Some(self.group(u64::MAX))
    }
}

#[cfg(test)]
mod tests;

//! What one writer writes: the events of its world, put together into batches, each for one
//! transaction.

use super::amount::{Amount, WorldAct, WriterProgress};
use crate::error::{Error, ErrorKind, Result};
use crate::fake::{EventGroup, World};

/// A batch ends with the group that makes it larger than this, whatever number of events was
/// wanted.
const BATCH_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The batches of all writers together, half of what is in memory: one is written while the next is
/// made.
const BATCHES_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Batches of so many events are made on a thread of their own while the one before is written.
const EVENTS_OF_A_LARGE_BATCH: u64 = 200;

/// Whole groups, for one transaction.
#[derive(Debug)]
pub(super) struct LoadBatch {
    /// Their events, in order.
    pub(super) events: Vec<String>,
    /// Bytes of the events.
    pub(super) bytes: u64,
    /// `dbOperationNum` of the first and the last group.
    pub(super) operations: (u64, u64),
}

/// The batches of one writer.
#[derive(Debug)]
pub(super) struct LoadBatches {
    world: World,
    progress: WriterProgress,
    events_min: u64,
    bytes_max: u64,
    operations: u64,
}

impl LoadBatches {
    /// The share of one of so many writers, groups put together until there are `events_min`
    /// events.
    pub(super) fn new(world: World, share: Amount, events_min: u64, writers: u64) -> Self {
        Self {
            world,
            progress: WriterProgress::of(share),
            events_min,
            bytes_max: BATCH_BYTES_MAX.min(BATCHES_BYTES_MAX / writers),
            operations: 0,
        }
    }

    /// The `programId` of all events.
    pub(super) fn program(&self) -> &str {
        self.world.program()
    }

    /// Makes the next batch; `None` at the end.
    ///
    /// # Errors
    /// `Bug` when the generator panicked.
    pub(super) async fn next(mut self) -> Result<(Self, Option<LoadBatch>)> {
        if self.events_min < EVENTS_OF_A_LARGE_BATCH {
            let batch = self.make();
            return Ok((self, batch));
        }
        let made = tokio::task::spawn_blocking(move || {
            let batch = self.make();
            (self, batch)
        });
        made.await
            .map_err(|panic| Error::new(ErrorKind::Bug, "cannot make events").caused_by(&panic))
    }

    /// The first events, for a person to look at.
    pub(super) fn first(mut self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        while let (true, Some(group)) = (events.len() < count, self.group()) {
            events.extend(group);
        }
        events.truncate(count);
        events
    }

    fn make(&mut self) -> Option<LoadBatch> {
        let first = self.operations + 1;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while (events.len() as u64) < self.events_min && bytes < self.bytes_max {
            let Some(group) = self.group() else { break };
            bytes += group.iter().map(|event| event.len() as u64).sum::<u64>();
            events.extend(group);
        }
        (!events.is_empty()).then_some(LoadBatch {
            events,
            bytes,
            operations: (first, self.operations),
        })
    }

    fn group(&mut self) -> Option<EventGroup> {
        let act = self.progress.next()?;
        let group = match (&mut self.world, act) {
            (World::Persons(persons), WorldAct::Person) => persons.person(),
            (World::Persons(persons), WorldAct::Deletion) => {
                persons.deletion().unwrap_or_else(|| persons.filler())
            }
            (World::Persons(persons), WorldAct::Filler) => persons.filler(),
            (world, WorldAct::Any(events_max)) => world.group(events_max),
            (world, _) => world.group(1),
        };
        self.progress.note(act, group.len());
        self.operations += 1;
        Some(group)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SLATES: Amount = Amount::Persons { persons: 20, deletes: 5, fillers: 30 };

    async fn all(events_min: u64) -> Vec<LoadBatch> {
        let mut all = Vec::new();
        let mut batches = LoadBatches::new(World::persons(1), SLATES, events_min, 1);
        loop {
            let (rest, batch) = batches.next().await.unwrap();
            let Some(batch) = batch else { return all };
            (batches, all) = (rest, {
                all.push(batch);
                all
            });
        }
    }

    fn name(event: &str) -> String {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        event["name"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_batch_is_one_group_or_whole_groups_and_its_size_changes_no_event() {
        let single = all(1).await;
        assert_eq!(single.len(), 55);
        let events: Vec<&String> = single.iter().flat_map(|batch| &batch.events).collect();
        assert_eq!(events.len(), 95);
        for events_min in [7, 40, 1_000] {
            let larger = all(events_min).await;
            assert_eq!(larger.iter().flat_map(|batch| &batch.events).collect::<Vec<_>>(), events);
            let mut next = 1;
            for (place, batch) in larger.iter().enumerate() {
                assert!(batch.events.len() as u64 >= events_min || place == larger.len() - 1);
                assert_eq!(batch.operations.0, next);
                assert_eq!(
                    batch.bytes,
                    batch.events.iter().map(|event| event.len() as u64).sum::<u64>()
                );
                next = batch.operations.1 + 1;
            }
            assert_eq!(next, 56);
        }
    }

    #[tokio::test]
    async fn the_kinds_come_in_slates_order() {
        let names: Vec<String> = all(1).await.iter().map(|batch| name(&batch.events[0])).collect();
        assert_eq!(names.iter().filter(|name| *name == "PersonDeleted").count(), 5);
        assert!(names[25..].iter().all(|name| name.starts_with("FillerEvent")));
        assert_eq!(
            names[..6],
            ["PersonCreated"; 4]
                .into_iter()
                .chain(["PersonDeleted", "PersonCreated"])
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_first_events_are_those_that_are_written_first() {
        let first = LoadBatches::new(World::persons(1), SLATES, 1, 1).first(3);
        assert_eq!(
            first.iter().map(|event| name(event)).collect::<Vec<_>>(),
            ["PersonCreated", "PersonNameAdded", "PersonSSNAdded"]
        );
    }

    #[test]
    fn a_batch_of_large_events_is_cut_by_its_bytes_and_sooner_where_there_are_many_writers() {
        for (writers, bytes_max) in
            [(1, BATCH_BYTES_MAX), (8, BATCH_BYTES_MAX), (64, BATCHES_BYTES_MAX / 64)]
        {
            let mut world = World::persons(1);
            world.attach(200, 200);
            let mut batches = LoadBatches::new(world, Amount::Events(200), 100_000, writers);
            let batch = batches.make().unwrap();
            let group_bytes_max = 3 * 4 * 1024 * 1024;
            assert!(
                (bytes_max..bytes_max + group_bytes_max).contains(&batch.bytes),
                "{}",
                batch.bytes
            );
        }
    }
}

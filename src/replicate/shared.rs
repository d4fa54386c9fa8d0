//! What the replications of one process share: room in memory, turns to connect, reads of one
//! source, and the places they hold.

use crate::config::libpq::Conninfo;
use crate::postgres::session::limit::ConnectionLimiter;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// See the module. Clones share it; a replication that is alone has one of its own.
#[derive(Clone, Debug, Default)]
pub struct SharedLimits {
    limiter: ConnectionLimiter,
    state: Arc<Mutex<SharedState>>,
}

#[derive(Debug, Default)]
struct SharedState {
    /// Lanes of all replications that run.
    lanes: usize,
    /// The permits to read a source, by its description and how many there are.
    readers: HashMap<(String, usize), Arc<Semaphore>>,
    /// Replications that were told to end: who waits for their places waits for nobody else.
    leaving: HashSet<String>,
    /// The key of the place that a lane holds or has held, by its replication and its name.
    places: HashMap<(String, String), String>,
}

/// A replication among those that share; leaving is dropping it.
#[derive(Debug)]
pub(super) struct SharedMember {
    limits: SharedLimits,
    replication: String,
    lanes: usize,
}

impl SharedLimits {
    /// Joins with so many lanes.
    pub(super) fn join(&self, replication: &str, lanes: usize) -> SharedMember {
        let mut state = self.state();
        state.lanes += lanes;
        state.leaving.remove(replication);
        drop(state);
        SharedMember { limits: self.clone(), replication: replication.to_owned(), lanes }
    }

    /// A replication was told to end: it holds its places for a moment yet.
    pub(crate) fn leave(&self, replication: &str) {
        self.state().leaving.insert(replication.to_owned());
    }

    /// The turns to connect and to check.
    pub(crate) fn limiter(&self) -> ConnectionLimiter {
        self.limiter.clone()
    }

    /// The permits to read this source, besides one that each replication has for its leading read.
    pub(super) fn readers(&self, source: &Conninfo, readers_max: usize) -> Arc<Semaphore> {
        let mut state = self.state();
        let permits = state.readers.entry((source.describe(), readers_max));
        Arc::clone(permits.or_insert_with(|| Arc::new(Semaphore::new(readers_max))))
    }

    fn state(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedMember {
    /// The share of the room in memory that so many of its lanes have: an equal one for each lane
    /// of the process.
    pub(super) fn room(&self, buffer_bytes_max: usize, lanes: usize) -> usize {
        buffer_bytes_max / self.limits.state().lanes.max(1) * lanes
    }

    /// Notes the key of the place that a lane holds now.
    pub(super) fn note_place(&self, lane: &str, key: &str) {
        let lane = (self.replication.clone(), lane.to_owned());
        self.limits.state().places.insert(lane, key.to_owned());
    }

    /// The key of the place that a lane held last.
    pub(super) fn place_of(&self, lane: &str) -> Option<String> {
        let lane = (self.replication.clone(), lane.to_owned());
        self.limits.state().places.get(&lane).cloned()
    }

    /// The places that all lanes but this one hold, each with how a message calls it.
    pub(super) fn other_places(&self, lane: &str) -> Vec<(String, String)> {
        let state = self.limits.state();
        let others = state
            .places
            .iter()
            .filter(|((replication, _), _)| !state.leaving.contains(replication))
            .filter(|((replication, name), _)| {
                (replication.as_str(), name.as_str()) != (&self.replication, lane)
            });
        let called = |replication: &str, name: &str| {
            if replication == self.replication {
                format!("destination {name:?}")
            } else {
                format!("destination {name:?} of replication {replication:?}")
            }
        };
        others.map(|((replication, name), key)| (called(replication, name), key.clone())).collect()
    }
}

impl Drop for SharedMember {
    fn drop(&mut self) {
        let mut state = self.limits.state();
        state.lanes -= self.lanes;
        state.places.retain(|(replication, _), _| *replication != self.replication);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_shared_by_the_lanes_of_all_replications_and_grows_again_when_one_leaves() {
        let shared = SharedLimits::default();
        let one = shared.join("one", 2);
        assert_eq!((one.room(1200, 1), one.room(1200, 2)), (600, 1200));
        let two = shared.join("two", 4);
        assert_eq!((one.room(1200, 2), two.room(1200, 4)), (400, 800));
        drop(two);
        assert_eq!(one.room(1200, 2), 1200);
    }

    #[test]
    fn a_place_is_known_to_all_but_its_own_lane_until_its_replication_ends() {
        let shared = SharedLimits::default();
        let (one, two) = (shared.join("one", 1), shared.join("two", 1));
        one.note_place("copy", "key");
        assert!(one.other_places("copy").is_empty());
        assert_eq!(
            one.other_places("other"),
            [("destination \"copy\"".to_owned(), "key".to_owned())]
        );
        let of_another =
            ("destination \"copy\" of replication \"one\"".to_owned(), "key".to_owned());
        assert_eq!(two.other_places("copy"), [of_another]);
        drop(one);
        assert!(two.other_places("copy").is_empty());
    }
}

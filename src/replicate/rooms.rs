//! The rooms in memory of the passes under way: how much of them is taken.

use std::sync::{Arc, Weak};
use tokio::sync::Semaphore;

/// See the module. A room that nobody uses any more is forgotten.
#[derive(Debug, Default)]
pub(super) struct PassRooms(Vec<(Weak<Semaphore>, usize)>);

impl PassRooms {
    /// A room of so many bytes.
    pub(super) fn open(&mut self, bytes_max: usize) -> Arc<Semaphore> {
        self.0.retain(|(room, _)| room.strong_count() > 0);
        let room = Arc::new(Semaphore::new(bytes_max));
        self.0.push((Arc::downgrade(&room), bytes_max));
        room
    }

    /// Bytes that are taken in all of them.
    pub(super) fn bytes_taken(&self) -> usize {
        let taken = |(room, bytes_max): &(Weak<Semaphore>, usize)| {
            room.upgrade().map_or(0, |room| bytes_max.saturating_sub(room.available_permits()))
        };
        self.0.iter().map(taken).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chunks_hold_is_taken_until_they_are_gone_and_a_room_without_a_user_is_forgotten() {
        let mut rooms = PassRooms::default();
        let (first, second) = (rooms.open(100), rooms.open(50));
        assert_eq!(rooms.bytes_taken(), 0);
        let chunk = Arc::clone(&first).try_acquire_many_owned(30).unwrap();
        let other = Arc::clone(&second).try_acquire_many_owned(50).unwrap();
        drop(first);
        assert_eq!(rooms.bytes_taken(), 80, "a chunk keeps the room of its pass");
        drop((chunk, other));
        assert_eq!(rooms.bytes_taken(), 0);
        drop(second);
        let _third = rooms.open(10);
        assert_eq!(rooms.0.len(), 1);
    }
}

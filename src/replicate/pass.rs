//! A pass: one bounded read of the source, given to all lanes of a fan-out.
//!
//! It ends when every lane has appended everything, has failed, or has been cut off because the others waited for it too long.
//! Rows in flight are bounded by the room of the buffer: a chunk takes its share before it is handed out, and gives it back when the
//! last lane has let go of it.

use crate::error::{Error, Result};
use crate::event::batch::{Item, Room};
use crate::event::feed::Feeder;
use crate::replicate::fan_out::Holds;
use crate::replicate::lane::{Lane, Returned, Travellers};
use crate::source::read::{Batches, Ended};
use crate::stop::Stop;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How often it is looked at who holds up whom.
const TICK: Duration = Duration::from_millis(10);
/// After waiting so long for room, nothing is held on the source any more: the page is ended.
const PAUSE_AFTER: Duration = Duration::from_millis(100);

/// What a pass may take.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The shares of the buffer that a chunk takes, in this order: of the pass's own, of what it has in common with others.
    pub rooms: Vec<Share>,
    /// A lane for which the others wait longer is cut off.
    pub hold_max: Duration,
}

/// A part of the buffer.
#[derive(Clone, Debug)]
pub struct Share {
    room: Arc<Semaphore>,
    bytes_max: usize,
}

impl Share {
    /// Room for so many bytes. A larger row takes all of it.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(bytes_max)),
            bytes_max,
        }
    }

    fn permits(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.bytes_max)).unwrap_or(u32::MAX)
    }
}

impl Bounds {
    fn try_room(&self, bytes: usize) -> Option<Room> {
        let take = |share: &Share| Arc::clone(&share.room).try_acquire_many_owned(share.permits(bytes)).ok();
        self.rooms.iter().map(take).collect::<Option<Vec<_>>>().map(Room)
    }

    async fn room(&self, bytes: usize) -> Option<Room> {
        let mut taken = Vec::new();
        for share in &self.rooms {
            taken.push(Arc::clone(&share.room).acquire_many_owned(share.permits(bytes)).await.ok()?);
        }
        Some(Room(taken))
    }
}

/// What came of a pass.
pub struct Passed {
    /// The connection to the source over which it went.
    pub epoch: u64,
    /// Up to where events had been copied when it began.
    pub front: Option<i64>,
    /// The lanes that came back.
    pub returned: Vec<Returned>,
    /// Which lanes were cut off.
    pub cut_off: Vec<usize>,
    /// The lanes that were cut off and have still to come back.
    pub still_out: Travellers,
    /// How the read ended; `None` when it was stopped or failed.
    pub ended: Option<Ended>,
    /// Id of the last row taken from the source, kept back ones included.
    pub taken: Option<i64>,
    /// Id of the last row of the last batch that was closed.
    pub shipped: Option<i64>,
    /// Groups that were cut because they grew beyond their limit.
    pub group_cuts: u64,
    /// When there was nothing more to read.
    pub read_until: Instant,
    /// Why the source could not be read on.
    pub source_error: Option<Error>,
}

/// Runs one pass. A stop rolls back the batch in hand.
pub async fn pass(mut batches: Batches<'_>, lanes: Vec<Lane>, bounds: &Bounds, stop: &Stop) -> Passed {
    let mut company = Company::new(lanes, bounds);
    let source_error = company.feed_all(&mut batches, stop).await.err();
    if source_error.is_some() || batches.ended().is_none() {
        company.give(&Item::Abort);
    }
    batches.pause().await;
    let read_until = Instant::now();
    company.come_back().await;
    Passed {
        epoch: 0,
        front: None,
        returned: company.returned,
        cut_off: company.cut_off,
        still_out: company.travellers,
        ended: batches.ended(),
        taken: batches.taken(),
        shipped: batches.shipped(),
        group_cuts: batches.group_cuts(),
        read_until,
        source_error,
    }
}

/// The lanes of a pass.
struct Company<'a> {
    travellers: Travellers,
    /// The feeders of those who still travel together, by lane.
    feeders: BTreeMap<usize, Feeder>,
    returned: Vec<Returned>,
    cut_off: Vec<usize>,
    holds: Holds,
    counted_at: Instant,
    bounds: &'a Bounds,
}

impl<'a> Company<'a> {
    fn new(lanes: Vec<Lane>, bounds: &'a Bounds) -> Self {
        let count = lanes.iter().map(|lane| lane.index + 1).max().unwrap_or(0);
        let mut travellers = Travellers::default();
        let feeders = lanes.into_iter().map(|lane| (lane.index, travellers.send_off(lane))).collect();
        Self {
            travellers,
            feeders,
            returned: Vec::new(),
            cut_off: Vec::new(),
            holds: Holds::new(count),
            counted_at: Instant::now(),
            bounds,
        }
    }

    /// Hands every item to every lane, until the read ends, the stop is requested, or no lane is left.
    async fn feed_all(&mut self, batches: &mut Batches<'_>, stop: &Stop) -> Result<()> {
        while !self.feeders.is_empty() {
            let item = {
                let mut next = pin!(batches.next());
                loop {
                    tokio::select! {
                        biased;
                        () = stop.requested() => return Ok(()),
                        item = &mut next => break item?,
                        () = self.one_comes_back() => if self.feeders.is_empty() { return Ok(()) },
                    }
                }
            };
            let Some(item) = item else { return Ok(()) };
            let Some(item) = self.make_room(item, batches, stop).await else {
                return Ok(());
            };
            self.give(&item);
        }
        Ok(())
    }

    fn give(&self, item: &Item) {
        for feeder in self.feeders.values() {
            feeder.give(item.clone());
        }
    }

    /// Takes room for a chunk; meanwhile looks who holds up whom, and lets go of the source when it takes long.
    async fn make_room(&mut self, item: Item, batches: &mut Batches<'_>, stop: &Stop) -> Option<Item> {
        let Item::Rows(mut chunk) = item else { return Some(item) };
        let bytes = chunk.bytes.len();
        if let Some(room) = self.bounds.try_room(bytes) {
            self.count(false);
            chunk.room = Some(Arc::new(room));
            return Some(Item::Rows(chunk));
        }
        let since = Instant::now();
        self.count(false);
        let bounds = self.bounds;
        let mut room = pin!(bounds.room(bytes));
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => return None,
                room = &mut room => {
                    chunk.room = room.map(Arc::new);
                    self.count(true);
                    return Some(Item::Rows(chunk));
                }
                () = self.one_comes_back() => if self.feeders.is_empty() { return None },
                () = tokio::time::sleep(TICK) => {
                    self.count(true);
                    if batches.is_reading() && since.elapsed() > PAUSE_AFTER {
                        batches.pause().await;
                    }
                }
            }
        }
    }

    /// Waits until every lane is back or was cut off.
    async fn come_back(&mut self) {
        self.count(false);
        self.feeders.values_mut().for_each(Feeder::finish);
        while !self.feeders.is_empty() {
            tokio::select! {
                biased;
                () = self.one_comes_back() => {}
                () = tokio::time::sleep(TICK) => {}
            }
            self.count(true);
        }
    }

    /// Counts the time since the last count; lanes for which others waited too long are cut off.
    fn count(&mut self, is_read_blocked: bool) {
        let elapsed = self.counted_at.elapsed();
        self.counted_at = Instant::now();
        if !is_read_blocked {
            return self.holds.release(elapsed);
        }
        let mut is_busy = vec![None; self.holds.lanes()];
        for (index, feeder) in &self.feeders {
            is_busy[*index] = Some(feeder.gauge().outstanding() > 0);
        }
        for returned in self.returned.iter().filter(|returned| returned.lane.is_ok()) {
            is_busy[returned.index] = Some(false);
        }
        for lane in self.holds.count(&is_busy, elapsed, self.bounds.hold_max) {
            if let Some(mut feeder) = self.feeders.remove(&lane) {
                feeder.cut();
                self.cut_off.push(lane);
            }
        }
    }

    /// Waits until one lane comes back; for ever when none is under way.
    async fn one_comes_back(&mut self) {
        let Some(returned) = self.travellers.next().await else {
            return std::future::pending().await;
        };
        self.feeders.remove(&returned.index);
        self.returned.push(returned);
    }
}

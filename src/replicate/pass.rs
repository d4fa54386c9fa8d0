//! A pass: one bounded read of the source, given to all lanes of a fan-out.
//!
//! It ends when every lane has appended everything, has failed, or has been cut off because the
//! others waited for it too long. Rows in flight are bounded by the room of the pass, its lanes'
//! share of the buffer: a chunk takes its part before it is handed out, and gives it back when the
//! last lane has let go of it. So a pass whose lanes are slow leaves the room of others alone.

use crate::destination::feed::Feeder;
use crate::error::{Error, Result};
use crate::event::chunk::FeedItem;
use crate::replicate::fan_out::{StallTimers, patience};
use crate::replicate::lane::{Lane, LaneTasks, ReturnedLane};
use crate::replicate::read_progress::ReadProgress;
use crate::source::read::BatchReader;
use crate::stop::Stop;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc};

/// How often it is looked at who holds up whom.
const TICK: Duration = Duration::from_millis(10);
/// After waiting so long for room, nothing is held on the source any more: the page is ended.
const PAUSE_AFTER: Duration = Duration::from_millis(100);

/// What a pass may take.
#[derive(Clone, Debug)]
pub(crate) struct PassBounds {
    /// Rows in flight, in bytes: a larger row takes all of it.
    pub room_max: usize,
    /// What is free of it.
    pub room: Arc<Semaphore>,
    /// A lane for which the others wait longer is cut off; in a long pass [`patience`] adds to it.
    pub hold_max: Duration,
}

/// The lead of a pass that goes beyond the frontier: given up as soon as its read is over or waits
/// for its lanes, so that others may go on.
#[derive(Clone, Debug)]
pub(crate) struct PassLead {
    /// Since when the pass leads: tells it from others.
    pub began: Instant,
    /// Where giving it up is told, once; so there are never more of these than passes.
    pub given_up: mpsc::UnboundedSender<LeadEnd>,
}

/// A pass gave up the lead.
#[derive(Clone, Copy, Debug)]
pub struct LeadEnd {
    /// Since when it had led.
    pub began: Instant,
    /// How far it has read.
    pub reached: ReadProgress,
}

/// What came of a pass.
pub struct PassOutcome {
    /// How far it read.
    pub reached: ReadProgress,
    /// Up to where events had been copied when it began.
    pub frontier: Option<i64>,
    /// Up to where ids were decided, as far as it knew.
    pub decided: Option<i64>,
    /// Whether it read only rows that a condition selects.
    pub is_selective: bool,
    /// The lanes that came back.
    pub returned: Vec<ReturnedLane>,
    /// Which lanes were cut off.
    pub cut_off: Vec<usize>,
    /// The lanes that were cut off and have still to come back.
    pub still_running: LaneTasks,
    /// Groups that were cut because they grew beyond their limit.
    pub group_cuts: u64,
    /// When there was nothing more to read.
    pub read_until: Instant,
    /// Why the source could not be read on.
    pub source_error: Option<Error>,
}

/// Runs one pass over the connection `connection_id`. A stop rolls back the batch in hand.
pub(crate) async fn pass(
    mut batches: BatchReader<'_>,
    connection_id: u64,
    lanes: Vec<Lane>,
    lead: Option<PassLead>,
    bounds: PassBounds,
    stop: &Stop,
) -> PassOutcome {
    let mut fan_out = FanOut::new(lanes, connection_id, lead, bounds);
    let source_error = fan_out.feed_all(&mut batches, stop).await.err();
    if stop.is_requested() {
        fan_out.cut_all();
    } else if source_error.is_some() || batches.ended().is_none() {
        fan_out.give(&FeedItem::Abort);
    }
    batches.pause().await;
    let read_until = Instant::now();
    fan_out.give_up_lead(&batches);
    fan_out.join_all(stop).await;
    PassOutcome {
        reached: fan_out.reached(&batches),
        frontier: None,
        decided: None,
        is_selective: false,
        returned: fan_out.returned,
        cut_off: fan_out.cut_off,
        still_running: fan_out.lane_tasks,
        group_cuts: batches.group_cuts(),
        read_until,
        source_error,
    }
}

/// The lanes of a pass.
struct FanOut {
    lane_tasks: LaneTasks,
    /// The feeders of those that still share the pass, by lane.
    feeders: BTreeMap<usize, Feeder>,
    returned: Vec<ReturnedLane>,
    cut_off: Vec<usize>,
    stall_timers: StallTimers,
    began_at: Instant,
    counted_at: Instant,
    connection_id: u64,
    lead: Option<PassLead>,
    bounds: PassBounds,
}

impl FanOut {
    fn new(
        lanes: Vec<Lane>,
        connection_id: u64,
        lead: Option<PassLead>,
        bounds: PassBounds,
    ) -> Self {
        let count = lanes.iter().map(|lane| lane.index + 1).max().unwrap_or(0);
        let mut lane_tasks = LaneTasks::default();
        let feeders = lanes.into_iter().map(|lane| (lane.index, lane_tasks.spawn(lane))).collect();
        Self {
            lane_tasks,
            feeders,
            returned: Vec::new(),
            cut_off: Vec::new(),
            stall_timers: StallTimers::new(count),
            began_at: Instant::now(),
            counted_at: Instant::now(),
            connection_id,
            lead,
            bounds,
        }
    }

    /// Hands every item to every lane, until the read ends, the stop is requested, or no lane is
    /// left.
    async fn feed_all(&mut self, batches: &mut BatchReader<'_>, stop: &Stop) -> Result<()> {
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

    fn give(&self, item: &FeedItem) {
        for feeder in self.feeders.values() {
            feeder.give(item.clone());
        }
    }

    /// No lane begins another batch; the one in hand is finished when it is complete, otherwise
    /// rolled back.
    fn cut_all(&mut self) {
        self.feeders.values_mut().for_each(Feeder::cut);
    }

    /// Takes room for a chunk; meanwhile looks who holds up whom, and lets go of the source when it
    /// takes long.
    async fn make_room(
        &mut self,
        item: FeedItem,
        batches: &mut BatchReader<'_>,
        stop: &Stop,
    ) -> Option<FeedItem> {
        let FeedItem::Rows(mut chunk) = item else { return Some(item) };
        let share = u32::try_from(chunk.bytes.len().min(self.bounds.room_max)).unwrap_or(u32::MAX);
        if let Ok(room) = Arc::clone(&self.bounds.room).try_acquire_many_owned(share) {
            self.count(false);
            chunk.room = Some(Arc::new(room));
            return Some(FeedItem::Rows(chunk));
        }
        let since = Instant::now();
        self.count(false);
        let mut room = pin!(Arc::clone(&self.bounds.room).acquire_many_owned(share));
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => return None,
                room = &mut room => {
                    chunk.room = room.ok().map(Arc::new);
                    self.count(true);
                    return Some(FeedItem::Rows(chunk));
                }
                () = self.one_comes_back() => if self.feeders.is_empty() { return None },
                () = tokio::time::sleep(TICK) => {
                    self.count(true);
                    // Lanes outside this pass have no part in its patience.
                    if since.elapsed() > self.bounds.hold_max {
                        self.give_up_lead(batches);
                    }
                    if batches.is_reading() && since.elapsed() > PAUSE_AFTER {
                        batches.pause().await;
                    }
                }
            }
        }
    }

    fn reached(&self, batches: &BatchReader<'_>) -> ReadProgress {
        ReadProgress {
            connection_id: self.connection_id,
            ended: batches.ended(),
            taken: batches.taken(),
            shipped: batches.shipped(),
            through: batches.through(),
            row_bytes: batches.row_bytes(),
        }
    }

    fn give_up_lead(&mut self, batches: &BatchReader<'_>) {
        if let Some(lead) = self.lead.take() {
            // There is no receiver when the run is over.
            let _ =
                lead.given_up.send(LeadEnd { began: lead.began, reached: self.reached(batches) });
        }
    }

    /// Waits until every lane is back or was cut off; a stop cuts all of them off, and waits for
    /// what they have in hand.
    async fn join_all(&mut self, stop: &Stop) {
        self.count(false);
        self.feeders.values_mut().for_each(Feeder::finish);
        while !self.feeders.is_empty() {
            tokio::select! {
                biased;
                () = self.one_comes_back() => {}
                () = tokio::time::sleep(TICK) => {}
            }
            if stop.is_requested() {
                self.cut_all();
            }
            self.count(true);
        }
    }

    /// Counts the time since the last count; lanes for which others waited too long are cut off.
    fn count(&mut self, is_read_blocked: bool) {
        let elapsed = self.counted_at.elapsed();
        self.counted_at = Instant::now();
        if !is_read_blocked {
            return self.stall_timers.release(elapsed);
        }
        let mut is_busy = vec![None; self.stall_timers.lanes()];
        for (index, feeder) in &self.feeders {
            is_busy[*index] = Some(feeder.gauge().outstanding() > 0);
        }
        // One that was lost waits as well: it is opened again when the pass is over.
        for returned in &self.returned {
            is_busy[returned.index] = Some(false);
        }
        let patience = patience(self.bounds.hold_max, self.began_at.elapsed());
        for lane in self.stall_timers.count(&is_busy, elapsed, patience) {
            if let Some(mut feeder) = self.feeders.remove(&lane) {
                feeder.cut();
                self.cut_off.push(lane);
            }
        }
    }

    /// Waits until one lane comes back; for ever when none is under way.
    async fn one_comes_back(&mut self) {
        let Some(returned) = self.lane_tasks.next().await else {
            return std::future::pending().await;
        };
        self.feeders.remove(&returned.index);
        self.returned.push(returned);
    }
}

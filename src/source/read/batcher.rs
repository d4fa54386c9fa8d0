//! Cuts rows into batches: which rows may be shipped, where a destination transaction may end.
//! Pure; [`crate::source::read`] does the I/O.
//!
//! A row may be shipped when nothing can still appear before it: its id is at or below the mark, or
//! follows the shipped one without a gap. A batch ends only between two *visible* rows of different
//! groups, so neighbours with an equal `ts` share one destination transaction. Rows of a group
//! whose end is not known yet are kept back up to [`GROUP_KEPT_BYTES`]; a larger group gets a batch
//! of its own, which is streamed and, should its end turn out to lie above the mark, rolled back.

use crate::event::chunk::{BatchClose, Chunk, DurabilityFuture, FeedItem};
use crate::event::frame::FramedRow;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::Arc;

/// Rows are gathered into chunks of about this many bytes; a larger row is a chunk of its own and
/// is not copied.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// A group is kept back until its end is known up to this many bytes; beyond, it is streamed in a
/// batch of its own.
pub const GROUP_KEPT_BYTES: u64 = 1024 * 1024;

/// How far the source may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HighWaterMark {
    /// Every id up to this one is decided; `None`: none is. Beyond, ids that follow each other
    /// without a gap.
    Decided(Option<i64>),
    /// Ids are 1, 2, 3 …: only what follows without a gap that is not known.
    Consecutive(ConsecutiveIds),
}

/// Ids without a gap, but for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsecutiveIds {
    /// First and last id of each gap that is known.
    pub known_gaps: Arc<[(i64, i64)]>,
    /// Whether they begin at 1; otherwise wherever the source begins now.
    pub begin_at_one: bool,
}

impl HighWaterMark {
    /// The highest id up to which every id is decided; `None`: none is. Of consecutive ids a row
    /// that is visible decides all before it.
    pub fn decided(&self) -> Option<i64> {
        match self {
            HighWaterMark::Decided(through) => *through,
            HighWaterMark::Consecutive(_) => Some(i64::MAX),
        }
    }

    /// Whether the row `id`, the next visible one after `previous`, may be shipped.
    pub(crate) fn may_ship(&self, previous: Option<i64>, id: i64) -> bool {
        match self {
            HighWaterMark::Decided(through) => {
                through.is_some_and(|through| id <= through)
                    || previous.is_some_and(|p| p.checked_add(1) == Some(id))
            }
            HighWaterMark::Consecutive(ids) => {
                let mut expected = match previous {
                    Some(previous) => previous.saturating_add(1),
                    None if ids.begin_at_one => 1,
                    None => return true,
                };
                while let Some((_, end)) = ids
                    .known_gaps
                    .iter()
                    .find(|(start, end)| (*start..=*end).contains(&expected) && expected < id)
                {
                    expected = end.saturating_add(1).min(id);
                }
                expected == id
            }
        }
    }
}

/// Limits of a batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Events, a single larger group aside.
    pub events_max: u64,
    /// Bytes, a single larger row or group aside.
    pub bytes_max: u64,
    /// Beyond this many events a group is cut all the same.
    pub group_events_max: u64,
}

/// Asked at the end of a batch, once its rows were read, and told whether another one follows: when
/// they are on the source's disk.
pub type DurableQuestion<'a> = Box<dyn Fn(bool) -> DurabilityFuture + Send + Sync + 'a>;

/// Why the cutter takes no more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutterStop {
    /// This visible row may not be shipped yet.
    AtMark {
        /// Its id.
        next: i64,
        /// The group that began after this id reaches over the mark: nothing beyond can be shipped
        /// until `next` may be.
        is_within_group: bool,
    },
    /// It was asked to stop at the next end of a group, and did.
    AsAsked,
}

/// Rows that are gathered, with their count and the chunks they already fill.
#[derive(Debug, Default)]
struct GatheredRows {
    chunks: Vec<Chunk>,
    open: BytesMut,
    open_first: i64,
    open_rows: u64,
    last_id: i64,
    rows: u64,
    bytes: u64,
}

impl GatheredRows {
    fn add(&mut self, row: &FramedRow) {
        if row.bytes.len() > CHUNK_BYTES {
            self.fill_chunk();
            self.chunks.push(chunk(row.bytes.clone(), row.id, row.id, 1));
        } else {
            if self.open_rows == 0 {
                self.open_first = row.id;
                self.open.reserve(CHUNK_BYTES.min(4 * row.bytes.len()));
            }
            self.open.extend_from_slice(&row.bytes);
            self.open_rows += 1;
        }
        self.last_id = row.id;
        self.rows += 1;
        self.bytes += row.bytes.len() as u64;
        if self.open.len() >= CHUNK_BYTES {
            self.fill_chunk();
        }
    }

    fn fill_chunk(&mut self) {
        if self.open_rows > 0 {
            let bytes = self.open.split().freeze();
            self.chunks.push(chunk(bytes, self.open_first, self.last_id, self.open_rows));
            self.open_rows = 0;
        }
    }

    /// Moves all rows of `other` to the end of these.
    fn append(&mut self, other: &mut GatheredRows) {
        if other.rows == 0 {
            return;
        }
        if other.chunks.is_empty() {
            if self.open_rows == 0 {
                self.open_first = other.open_first;
                self.open.reserve(CHUNK_BYTES);
            }
            self.open.extend_from_slice(&other.open);
            self.open_rows += other.open_rows;
            other.open.clear();
        } else {
            self.fill_chunk();
            self.chunks.append(&mut other.chunks);
            std::mem::swap(&mut self.open, &mut other.open);
            self.open_first = other.open_first;
            self.open_rows = other.open_rows;
        }
        self.last_id = other.last_id;
        self.rows += other.rows;
        self.bytes += other.bytes;
        if self.open.len() >= CHUNK_BYTES {
            self.fill_chunk();
        }
        other.forget();
    }

    fn forget(&mut self) {
        self.chunks.clear();
        self.open.clear();
        (self.open_rows, self.rows, self.bytes) = (0, 0, 0);
    }
}

fn chunk(bytes: Bytes, first_id: i64, last_id: i64, rows: u64) -> Chunk {
    Chunk { bytes, first_id, last_id, rows, room: None }
}

/// Turns rows into batches. Rows go in one at a time; items come out of `next_item`.
pub struct BatchCutter<'a> {
    mark: HighWaterMark,
    limits: BatchLimits,
    previous: Option<i64>,
    /// Value of the group in hand; `None`: its rows belong to no other group.
    group_value: Option<Vec<u8>>,
    batch: GatheredRows,
    group: GatheredRows,
    is_streaming: bool,
    is_asked_to_stop: bool,
    /// Whether a row was taken at all: a read is never stopped before its first group.
    has_taken: bool,
    stopped: Option<CutterStop>,
    durable: DurableQuestion<'a>,
    items: VecDeque<FeedItem>,
    shipped: Option<i64>,
    group_cuts: u64,
}

impl<'a> BatchCutter<'a> {
    /// Starts after the position.
    pub fn new(
        mark: HighWaterMark,
        limits: BatchLimits,
        after: Option<i64>,
        durable: DurableQuestion<'a>,
    ) -> Self {
        Self {
            mark,
            limits,
            previous: after,
            group_value: None,
            batch: GatheredRows::default(),
            group: GatheredRows::default(),
            is_streaming: false,
            is_asked_to_stop: false,
            has_taken: false,
            stopped: None,
            durable,
            items: VecDeque::new(),
            shipped: after,
            group_cuts: 0,
        }
    }

    /// Asks another question at the ends of batches; gives back the one before.
    pub(crate) fn ask(&mut self, durable: DurableQuestion<'a>) -> DurableQuestion<'a> {
        std::mem::replace(&mut self.durable, durable)
    }

    /// Id of the last row taken: where a read goes on.
    pub(crate) fn previous(&self) -> Option<i64> {
        self.previous
    }

    /// Why no more rows are taken, once that is so.
    pub fn stopped(&self) -> Option<CutterStop> {
        self.stopped
    }

    /// Asks to stop at the next end of a group, of the first one at the earliest.
    pub(crate) fn stop_soon(&mut self) {
        self.is_asked_to_stop = true;
    }

    /// Id of the last row of the last batch that was closed.
    pub(crate) fn shipped(&self) -> Option<i64> {
        self.shipped
    }

    /// Groups that grew beyond `group_events_max` and were cut.
    pub(crate) fn group_cuts(&self) -> u64 {
        self.group_cuts
    }

    /// The next item that is complete, in order.
    pub(crate) fn next_item(&mut self) -> Option<FeedItem> {
        self.items.pop_front()
    }

    /// Takes the next visible row. Does nothing once stopped.
    pub fn push(&mut self, row: &FramedRow) {
        if self.stopped.is_some() {
            return;
        }
        let is_same_group = self.group.rows > 0
            && row.group().is_some()
            && row.group() == self.group_value.as_deref();
        let is_end = self.is_asked_to_stop && self.has_taken;
        let may_ship = self.mark.may_ship(self.previous, row.id);
        if !is_same_group {
            self.end_group(may_ship && !is_end);
            if is_end {
                self.close_batch(false);
                self.stopped = Some(CutterStop::AsAsked);
                return;
            }
        }
        if !may_ship {
            return self.stop_at_mark(row.id, is_same_group);
        }
        if is_same_group && self.group.rows >= self.limits.group_events_max {
            self.group_cuts += 1;
            self.end_group(true);
            self.close_batch(true);
        }
        if self.group.rows == 0 {
            remember(&mut self.group_value, row.group());
        }
        self.previous = Some(row.id);
        self.has_taken = true;
        self.group.add(row);
        self.bound_batch();
    }

    /// No visible row follows: the group in hand is complete.
    pub fn end(&mut self) {
        if self.stopped.is_none() {
            self.end_group(false);
            self.close_batch(false);
        }
    }

    fn stop_at_mark(&mut self, next: i64, is_within_group: bool) {
        if is_within_group {
            self.group.forget();
            if self.is_streaming {
                self.is_streaming = false;
                self.batch.forget();
                self.items.push_back(FeedItem::Abort);
            }
        }
        self.close_batch(false);
        self.stopped = Some(CutterStop::AtMark { next, is_within_group });
    }

    /// Keeps the batch within its limits, and streams a group that is too large to be kept back.
    fn bound_batch(&mut self) {
        let is_over = self.batch.rows + self.group.rows > self.limits.events_max
            || self.batch.bytes + self.group.bytes > self.limits.bytes_max;
        if !self.is_streaming
            && self.batch.rows > 0
            && (is_over || self.group.bytes > GROUP_KEPT_BYTES)
        {
            self.close_batch(true);
        }
        if self.is_streaming || self.group.bytes > GROUP_KEPT_BYTES {
            self.is_streaming = true;
            // Rows that left are still counted: the group ends when its value does, or at its
            // limit.
            self.items.extend(self.group.chunks.drain(..).map(FeedItem::Rows));
        }
    }

    /// The group in hand is complete: it joins the batch, which is closed when it is full.
    fn end_group(&mut self, is_followed: bool) {
        self.group_value = None;
        if self.group.rows == 0 {
            return;
        }
        let mut group = std::mem::take(&mut self.group);
        if self.is_streaming {
            group.fill_chunk();
            self.items.extend(group.chunks.drain(..).map(FeedItem::Rows));
            (self.batch.last_id, self.batch.rows, self.batch.bytes) =
                (group.last_id, group.rows, group.bytes);
            self.is_streaming = false;
            group.forget();
            self.group = group;
            return self.close_batch(is_followed);
        }
        self.batch.append(&mut group);
        self.group = group;
        self.items.extend(self.batch.chunks.drain(..).map(FeedItem::Rows));
        if self.batch.rows >= self.limits.events_max || self.batch.bytes >= self.limits.bytes_max {
            self.close_batch(is_followed);
        }
    }

    fn close_batch(&mut self, is_followed: bool) {
        if self.batch.rows == 0 {
            return;
        }
        self.batch.fill_chunk();
        self.items.extend(self.batch.chunks.drain(..).map(FeedItem::Rows));
        self.items.push_back(FeedItem::Close(BatchClose {
            last_id: self.batch.last_id,
            is_followed,
            durable: (self.durable)(is_followed),
        }));
        self.shipped = Some(self.batch.last_id);
        self.batch.forget();
    }
}

fn remember(value: &mut Option<Vec<u8>>, group: Option<&[u8]>) {
    *value = group.map(<[u8]>::to_vec);
}

#[cfg(test)]
mod tests;

//! The way from a reader to one destination: items in order, what was done of them, and a cut.

use crate::event::chunk::FeedItem;
use crate::histogram::{HistogramCounts, HistogramGauge};
use crate::stop::{self, Stop, Stopper};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;

/// What a lane has done and has to do, seen by others while it works.
#[derive(Debug)]
pub struct LaneGauge {
    outstanding: AtomicU64,
    steps: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    /// The highest id committed over the present feed; the least number there is for none.
    committed_id: AtomicI64,
    /// How long batches took, from their beginning to their commit.
    append_times: HistogramGauge,
    /// How many events they had.
    batch_sizes: HistogramGauge,
}

impl Default for LaneGauge {
    fn default() -> Self {
        Self {
            outstanding: AtomicU64::default(),
            steps: AtomicU64::default(),
            events: AtomicU64::default(),
            bytes: AtomicU64::default(),
            committed_id: AtomicI64::new(i64::MIN),
            append_times: HistogramGauge::of_durations(),
            batch_sizes: HistogramGauge::of_numbers(),
        }
    }
}

impl LaneGauge {
    /// Items handed to the lane and not yet done; 0: it waits for more.
    pub fn outstanding(&self) -> u64 {
        self.outstanding.load(Ordering::Acquire)
    }

    fn step(&self) {
        self.outstanding.fetch_sub(1, Ordering::AcqRel);
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Items done since the gauge was made: grows while the lane gets on, also within a long batch.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Events committed since the gauge was made.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// The highest id that was committed over the present feed, or the last one that there was.
    pub fn committed_id(&self) -> Option<i64> {
        Some(self.committed_id.load(Ordering::Relaxed)).filter(|id| *id > i64::MIN)
    }

    /// How long each batch took, from its beginning to its commit.
    pub fn append_times(&self) -> HistogramCounts {
        self.append_times.counts()
    }

    /// How many events each batch had.
    pub fn batch_sizes(&self) -> HistogramCounts {
        self.batch_sizes.counts()
    }

    /// Bytes of those events.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The end of a feed at which items go in.
#[derive(Debug)]
pub struct Feeder {
    items: Option<mpsc::UnboundedSender<FeedItem>>,
    cut: Stopper,
    gauge: Arc<LaneGauge>,
}

/// The end of a feed at which a destination takes items out. Bounded by the room that chunks take
/// in the buffer.
#[derive(Debug)]
pub struct Feed {
    items: mpsc::UnboundedReceiver<FeedItem>,
    cut: Stop,
    gauge: Arc<LaneGauge>,
    has_unfinished: bool,
}

/// Says of an item that was taken ahead that it is not done yet, until it is dropped.
#[derive(Debug)]
pub(crate) struct WorkGuard(Arc<LaneGauge>);

impl Drop for WorkGuard {
    fn drop(&mut self) {
        self.0.step();
    }
}

/// Makes the two ends of a feed.
pub fn feed(gauge: Arc<LaneGauge>) -> (Feeder, Feed) {
    let (sender, items) = mpsc::unbounded_channel();
    let (cut, cut_seen) = stop::channel();
    gauge.outstanding.store(0, Ordering::Release);
    gauge.committed_id.store(i64::MIN, Ordering::Relaxed);
    let feeder = Feeder { items: Some(sender), cut, gauge: Arc::clone(&gauge) };
    (feeder, Feed { items, cut: cut_seen, gauge, has_unfinished: false })
}

impl Feeder {
    /// Hands over an item. A destination that has left takes nothing any more, which its result
    /// tells.
    pub fn give(&self, item: FeedItem) {
        if let Some(items) = &self.items {
            self.gauge.outstanding.fetch_add(1, Ordering::AcqRel);
            let _ = items.send(item);
        }
    }

    /// Says that there are no more items.
    pub fn finish(&mut self) {
        self.items = None;
    }

    /// Cuts the destination off: it rolls back a batch whose end it has not been given, and
    /// finishes one whose end it has.
    pub fn cut(&mut self) {
        // In this order: a destination that finds the items ended must know why.
        self.cut.request();
        self.items = None;
    }

    /// What the destination has done.
    pub fn gauge(&self) -> &Arc<LaneGauge> {
        &self.gauge
    }
}

impl Feed {
    /// The next item, after the one before is done; `None` when there are no more or the feed was
    /// cut.
    pub async fn next(&mut self) -> Option<FeedItem> {
        self.done();
        let cut = self.cut.clone();
        let item = cut.or(self.items.recv()).await.flatten();
        self.has_unfinished = item.is_some();
        item
    }

    /// Does work that a cut does not interrupt; what waits in the feed is let go of at a cut, so
    /// that it takes no room meanwhile.
    pub(crate) async fn run_uncancelled<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if let Some(done) = self.cut.clone().or(work.as_mut()).await {
            return done;
        }
        self.items.close();
        while self.items.try_recv().is_ok() {}
        work.await
    }

    /// As [`Feed::run_uncancelled`], after the last item: until it is done the lane has something
    /// to do.
    pub(crate) async fn run_final<T>(&mut self, work: impl Future<Output = T>) -> T {
        self.gauge.outstanding.fetch_add(1, Ordering::AcqRel);
        let _undone = WorkGuard(Arc::clone(&self.gauge));
        self.run_uncancelled(work).await
    }

    /// The next item while others are still being done; `None` when there are no more or the feed
    /// was cut. May be dropped and called again.
    pub(crate) async fn prefetch(&mut self) -> Option<(FeedItem, WorkGuard)> {
        let cut = self.cut.clone();
        let item = cut.or(self.items.recv()).await.flatten()?;
        Some((item, WorkGuard(Arc::clone(&self.gauge))))
    }

    /// Resolves when the feed is cut.
    pub fn cut(&self) -> Stop {
        self.cut.clone()
    }

    /// Says that a batch was committed, which ends with this id and was begun then.
    pub fn committed(&self, rows: u64, bytes: u64, last_id: i64, began: Instant) {
        self.gauge.committed_id.store(last_id, Ordering::Relaxed);
        self.gauge.events.fetch_add(rows, Ordering::Relaxed);
        self.gauge.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.gauge.append_times.take_duration(began.elapsed());
        self.gauge.batch_sizes.take(rows);
    }

    fn done(&mut self) {
        if std::mem::take(&mut self.has_unfinished) {
            self.gauge.step();
        }
    }
}

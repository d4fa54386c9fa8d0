//! Appending one batch at a time: what every kind of place must be able to do, and the one way in
//! which it is asked to.

use crate::destination::Destination;
use crate::destination::feed::Feed;
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::{BatchClose, Chunk, FeedItem, RowBlock};
use crate::event::frame::{self, RowLayout};
use crate::stop::Stop;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::{Duration, Instant};

/// A destination that was cut off in the middle of a batch and does not roll it back within this
/// time loses its connection.
pub(super) const CUT_WAIT_MAX: Duration = Duration::from_secs(1);

/// A place that batches are appended to, one at a time: `begin`, `write` as often as there are
/// rows, `complete`, then `commit`; or `roll_back`.
///
/// Every wait of a kind ends by itself: without progress for `append_timeout_ms` it is an error of
/// kind `Unavailable`. After an error, and after a call whose future was dropped, only `roll_back`
/// may follow; the outcome of a commit may be unknown then, and the place must be opened again.
pub trait Appender: Send {
    /// The highest id the place holds, asked from itself; `None` while it is empty.
    fn position(&mut self) -> BoxFuture<'_, Result<Option<i64>>>;

    /// Begins a batch whose rows follow this position.
    ///
    /// What is committed in the end must stand on it: a place that has moved meanwhile is an error,
    /// here or at any later step of the batch.
    fn begin(&mut self, on: Option<i64>) -> BoxFuture<'_, Result<()>>;

    /// More rows of the batch, all of them above what came before. Dropped in the middle where the
    /// batch is cut off.
    fn write(&mut self, rows: RowBlock) -> BoxFuture<'_, Result<()>>;

    /// All rows of the batch were given: sees to it that they have arrived, while it is awaited
    /// that the source has them on its disk.
    ///
    /// Only where [`BatchClose::durable`] has resolved may it commit at once, and says so. After
    /// `cut`, rows that wait for something may be given up; a commit that is under way may not.
    fn complete<'a>(
        &'a mut self,
        close: &'a BatchClose,
        cut: &'a Stop,
    ) -> BoxFuture<'a, Result<BatchCompletion>> {
        let _ = (close, cut);
        std::future::ready(Ok(BatchCompletion::Arrived)).boxed()
    }

    /// Makes the batch visible, all of it in the order of its ids. When it returns, a crash takes
    /// nothing of it away, unless more batches follow at once ([`BatchClose::is_followed`]): then
    /// only a later commit, or [`Self::flush`], must see to that.
    fn commit(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Takes back the batch in hand, or what there is of it.
    fn roll_back(&mut self) -> BoxFuture<'_, Result<()>>;

    /// When it returns, a crash takes nothing away of what was committed before.
    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        std::future::ready(Ok(())).boxed()
    }

    /// Why it cannot be appended to any more, as far as that is known without asking.
    fn death(&self) -> Option<Error> {
        None
    }

    /// As [`Destination::abandon`].
    fn abandon(&self) {}
}

/// What has become of a batch whose rows were all given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchCompletion {
    /// Its rows have arrived, and can be committed.
    Arrived,
    /// It is committed.
    Committed,
}

/// Makes a [`Destination`] of an [`Appender`]: skips what the place holds, waits for the source's
/// disk before each commit, takes back a batch that has no end, obeys a cut.
#[derive(Debug)]
pub struct SequentialDestination<A> {
    appender: A,
    layout: RowLayout,
    position: Option<i64>,
    /// The batch in hand, once it was begun.
    batch: Option<BatchInHand>,
}

/// What was written of a batch.
#[derive(Clone, Copy, Debug)]
struct BatchInHand {
    began: Instant,
    rows: u64,
    bytes: u64,
    last_id: i64,
}

impl BatchInHand {
    fn begun(began: Instant) -> Self {
        Self { began, rows: 0, bytes: 0, last_id: 0 }
    }
}

impl<A: Appender> SequentialDestination<A> {
    /// Asks for the position; `layout`: where the id is in a row.
    pub async fn new(mut appender: A, layout: RowLayout) -> Result<Self> {
        let position = appender.position().await?;
        if position.is_some() {
            // What the session before this one left behind may not be on disk.
            appender.flush().await?;
        }
        Ok(Self { appender, layout, position, batch: None })
    }

    /// The position after the last commit, without asking.
    pub fn known_position(&self) -> Option<i64> {
        self.position
    }

    /// What appends.
    pub(super) fn appender(&self) -> &A {
        &self.appender
    }

    /// The same, between two feeds.
    pub(super) fn appender_mut(&mut self) -> &mut A {
        &mut self.appender
    }

    pub(super) async fn append_all(&mut self, feed: &mut Feed) -> Result<Option<i64>> {
        let before = self.position;
        self.batch = None;
        match self.take_all(feed).await {
            Ok(()) if !feed.cut().is_requested() => self.roll_back().await?,
            Ok(()) => self.roll_back_soon().await?,
            // The batch is in a known state; without one it is not known how far the place has
            // come.
            Err(error) if error.kind() == ErrorKind::Stopped && self.batch.is_some() => {
                self.roll_back_soon().await?
            }
            Err(error) => return Err(error),
        }
        if self.position != before {
            feed.run_final(self.appender.flush()).await?;
        }
        Ok(self.position)
    }

    async fn take_all(&mut self, feed: &mut Feed) -> Result<()> {
        while let Some(item) = feed.next().await {
            match item {
                FeedItem::Rows(chunk) => self.write(chunk, &feed.cut()).await?,
                FeedItem::Close(close) => self.close(&close, feed).await?,
                FeedItem::Abort => self.roll_back().await?,
            }
        }
        Ok(())
    }

    async fn write(&mut self, chunk: Chunk, cut: &Stop) -> Result<()> {
        let Some(rows) = rows_after(&chunk, self.layout, self.position)? else {
            return Ok(());
        };
        let began = Instant::now();
        if self.batch.is_none() {
            unless_cut(cut, self.appender.begin(self.position)).await?;
        }
        let batch = self.batch.get_or_insert_with(|| BatchInHand::begun(began));
        batch.rows += rows.rows;
        batch.bytes += rows.bytes.len() as u64;
        batch.last_id = rows.last_id;
        unless_cut(cut, self.appender.write(rows)).await
    }

    async fn close(&mut self, close: &BatchClose, feed: &mut Feed) -> Result<()> {
        let Some(batch) = self.batch else { return Ok(()) };
        if batch.last_id != close.last_id {
            return Err(Error::new(
                ErrorKind::Bug,
                "a batch ends with another row than the one that arrived last",
            ));
        }
        let cut = feed.cut();
        let completing =
            futures::future::join(self.appender.complete(close, &cut), close.durable.clone());
        let (completed, durable) = feed.run_uncancelled(completing).await;
        match (completed?, durable) {
            (BatchCompletion::Committed, _) => {}
            (BatchCompletion::Arrived, Ok(())) => {
                feed.run_uncancelled(self.appender.commit()).await?
            }
            (BatchCompletion::Arrived, Err(error)) => {
                // The source cannot say whether it has the rows on disk: the place is not to blame.
                self.roll_back().await?;
                return Err(error.of_kind(ErrorKind::Upstream));
            }
        }
        self.batch = None;
        feed.committed(batch.rows, batch.bytes, batch.last_id, batch.began);
        self.position = Some(batch.last_id);
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<()> {
        if self.batch.take().is_some() {
            self.appender.roll_back().await?;
        }
        Ok(())
    }

    /// After a cut: keeps the connection when the place answers soon.
    async fn roll_back_soon(&mut self) -> Result<()> {
        let rolled_back = tokio::time::timeout(CUT_WAIT_MAX, self.roll_back()).await;
        rolled_back.unwrap_or_else(|_| Err(cut_off()))
    }
}

impl<A: Appender> Destination for SequentialDestination<A> {
    fn append<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Result<Option<i64>>> {
        self.append_all(feed).boxed()
    }

    fn death(&self) -> Option<Error> {
        self.appender.death()
    }

    fn abandon(&self) {
        self.appender.abandon();
    }
}

/// The rows of a chunk that come after the position; `None` when there are none.
///
/// # Errors
/// `Bug` when the chunk does not consist of whole rows.
pub(super) fn rows_after(
    chunk: &Chunk,
    layout: RowLayout,
    position: Option<i64>,
) -> Result<Option<RowBlock>> {
    let (bytes, rows) = match position {
        Some(position) if position >= chunk.last_id => return Ok(None),
        Some(position) if position >= chunk.first_id => {
            frame::rows_after(&chunk.bytes, layout, position)?
        }
        _ => (chunk.bytes.clone(), chunk.rows),
    };
    Ok(Some(RowBlock { bytes, rows, last_id: chunk.last_id }))
}

async fn unless_cut<T>(cut: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
    cut.or(work).await.unwrap_or_else(|| Err(cut_off()))
}

/// Says that an append was cut off.
pub(super) fn cut_off() -> Error {
    Error::new(ErrorKind::Stopped, "cut off in the middle of a batch")
}

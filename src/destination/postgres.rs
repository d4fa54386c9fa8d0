//! A PostgreSQL table as destination: one transaction a batch, of fence, expected position, COPY (or, for a few rows, an INSERT), row count and commit.
//!
//! Why nothing is lost, doubled or reordered: the fence (an advisory lock of the transaction) lets one replicator at a time between
//! its look at the position and its commit; the look is a statement after the lock, so it sees everything committed before; a batch
//! is only committed on top of the position its rows follow; and the position is the data itself. If the outcome of a commit is
//! unknown, the position asked anew tells it.

use crate::destination::Destination;
use crate::destination::appending::Commit;
use crate::destination::few::{FEW_BYTES_MAX, FEW_ROWS_MAX};
use crate::destination::order::Start;
use crate::destination::writer::{Open, Writer, cut_off};
use crate::error::{Error, Kind, Result};
use crate::event::batch::{Chunk, Close, Item};
use crate::event::feed::Feed;
use crate::postgres::connect::Session;
use crate::stop::Stop;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use crate::destination::appending::Appending;

/// A session that appends to one table.
#[derive(Debug)]
pub struct PostgresDestination {
    writer: Writer,
    position: Option<i64>,
    /// How the last transaction was committed.
    last_commit: Commit,
    /// The first rows of a batch that may have no others: then it needs no COPY.
    few: Option<Rows>,
}

/// Rows of a chunk that come after the position. They take no room of the buffer.
#[derive(Debug)]
struct Rows {
    bytes: Bytes,
    rows: u64,
    last_id: i64,
}

impl PostgresDestination {
    /// Prepares a session that holds the table's session lock, and asks for the position. `takes_inserts`: whether an INSERT of a row does the same as
    /// a COPY of it.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn new(session: Session, to: Appending, takes_inserts: bool) -> Result<Self> {
        let mut writer = Writer::new(session, to).await?;
        if takes_inserts {
            writer.prepare_few().await;
        }
        let position = writer.position().await?;
        if position.is_some() {
            // What the session before this one left behind may not be on disk.
            writer.flush().await?;
        }
        Ok(Self {
            writer,
            position,
            last_commit: Commit::Durable,
            few: None,
        })
    }

    /// The position after the last commit, without asking.
    pub fn known_position(&self) -> Option<i64> {
        self.position
    }

    async fn append_all(&mut self, feed: &mut Feed) -> Result<Option<i64>> {
        let mut open: Option<Open> = None;
        let taken = self.take_all(&mut open, feed).await;
        match taken {
            Ok(()) if !feed.cut().is_requested() => self.roll_back(open).await?,
            Ok(()) => self.roll_back_soon(open).await?,
            // The transaction is in a known state; without one it is not known how far the server has come.
            Err(error) if error.kind() == Kind::Stopped && open.is_some() => self.roll_back_soon(open).await?,
            Err(error) => return Err(error),
        }
        if self.last_commit == Commit::Soon {
            feed.at_last(self.writer.flush()).await?;
            self.last_commit = Commit::Durable;
        }
        Ok(self.position)
    }

    async fn take_all(&mut self, open: &mut Option<Open>, feed: &mut Feed) -> Result<()> {
        self.few = None;
        while let Some(item) = feed.next().await {
            match item {
                Item::Rows(chunk) => self.take(open, chunk, &feed.cut()).await?,
                Item::Close(close) => self.close(open, close, feed).await?,
                Item::Abort => {
                    self.few = None;
                    self.roll_back(open.take()).await?;
                }
            }
        }
        Ok(())
    }

    async fn take(&mut self, open: &mut Option<Open>, chunk: Chunk, cut: &Stop) -> Result<()> {
        let Some((bytes, rows)) = self.writer.to().rows_after(&chunk, self.position)? else {
            return Ok(());
        };
        let last_id = chunk.last_id;
        let rows = Rows { bytes, rows, last_id };
        let is_begin = open.is_none() && self.few.is_none() && self.position.is_some();
        if is_begin && rows.rows <= FEW_ROWS_MAX && rows.bytes.len() <= FEW_BYTES_MAX && self.writer.takes_few() {
            self.few = Some(rows);
            return Ok(());
        }
        if let Some(first) = self.few.take() {
            self.send(open, first, cut).await?;
        }
        self.send(open, rows, cut).await
    }

    async fn send(&mut self, open: &mut Option<Open>, rows: Rows, cut: &Stop) -> Result<()> {
        if open.is_none() {
            let begin = self.writer.begin(Start::OnTop(self.position));
            *open = Some(self.writer.within(cut, begin).await?);
        }
        let Some(open) = open else { return Ok(()) };
        self.writer.send(open, rows.bytes, rows.rows, rows.last_id, cut).await
    }

    async fn close(&mut self, open: &mut Option<Open>, close: Close, feed: &mut Feed) -> Result<()> {
        if let Some(few) = self.few.take() {
            if let Some(position) = self.position
                && few.last_id == close.last_id
                && let Some(how) = self.append_few(position, &few.bytes, &close, feed).await?
            {
                self.committed(how, few.rows, few.bytes.len() as u64, few.last_id, feed);
                return Ok(());
            }
            self.send(open, few, &feed.cut()).await?;
        }
        if let Some(open) = open.take() {
            self.commit(open, close, feed).await?;
        }
        Ok(())
    }

    /// After a cut rows that wait for a lock are given up soon; a commit that is under way is waited for.
    async fn append_few(&mut self, position: i64, rows: &Bytes, close: &Close, feed: &mut Feed) -> Result<Option<Commit>> {
        let (cut, is_answered) = (feed.cut(), AtomicBool::new(false));
        let late = async {
            cut.requested().await;
            tokio::time::sleep(CUT_WAIT_MAX).await;
            if is_answered.load(Ordering::Acquire) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            appended = feed.through_cut(self.writer.append_few(position, rows, close, &is_answered)) => appended,
            () = late => Err(cut_off()),
        }
    }

    async fn commit(&mut self, mut open: Open, close: Close, feed: &mut Feed) -> Result<()> {
        feed.through_cut(self.writer.complete(&mut open, close)).await?;
        feed.through_cut(self.writer.commit(open.commit)).await?;
        self.committed(open.commit, open.rows, open.bytes, open.last_id, feed);
        Ok(())
    }

    fn committed(&mut self, how: Commit, rows: u64, bytes: u64, last_id: i64, feed: &Feed) {
        self.last_commit = how;
        self.position = Some(last_id);
        feed.committed(rows, bytes);
    }

    /// After a cut: keeps the connection when the server answers soon.
    async fn roll_back_soon(&self, open: Option<Open>) -> Result<()> {
        let rolled_back = tokio::time::timeout(CUT_WAIT_MAX, self.roll_back(open)).await;
        rolled_back.unwrap_or_else(|_| Err(cut_off()))
    }

    async fn roll_back(&self, open: Option<Open>) -> Result<()> {
        match open {
            Some(open) => self.writer.roll_back(open).await,
            None => Ok(()),
        }
    }
}

/// A destination that was cut off in the middle of a batch and does not end it within this time loses its connection.
const CUT_WAIT_MAX: Duration = Duration::from_secs(1);

impl Destination for PostgresDestination {
    fn position(&mut self) -> BoxFuture<'_, Result<Option<i64>>> {
        async move {
            self.position = self.writer.position().await?;
            Ok(self.position)
        }
        .boxed()
    }

    fn append<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Result<Option<i64>>> {
        self.append_all(feed).boxed()
    }

    fn death(&self) -> Option<Error> {
        self.writer.death()
    }
}

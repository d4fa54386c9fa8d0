//! A PostgreSQL table as destination: one transaction a batch, of fence, expected position, COPY, row count and commit.
//!
//! Why nothing is lost, doubled or reordered: the fence (an advisory lock of the transaction) lets one replicator at a time between
//! its look at the position and its commit; the look is a statement after the lock, so it sees everything committed before; a batch
//! is only committed on top of the position its rows follow; and the position is the data itself. If the outcome of a commit is
//! unknown, the position asked anew tells it.

use crate::destination::Destination;
use crate::destination::order::Start;
use crate::destination::writer::{Commit, Open, Writer, cut_off};
use crate::error::{Error, Kind, Result};
use crate::event::batch::{Chunk, Close, Item};
use crate::event::feed::Feed;
use crate::postgres::connect::Session;
use crate::stop::Stop;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::Duration;

pub use crate::destination::appending::Appending;

/// A session that appends to one table.
#[derive(Debug)]
pub struct PostgresDestination {
    writer: Writer,
    position: Option<i64>,
    /// How the last transaction was committed.
    last_commit: Commit,
}

impl PostgresDestination {
    /// Prepares a session that holds the table's session lock, and asks for the position.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn new(session: Session, to: Appending) -> Result<Self> {
        let writer = Writer::new(session, to).await?;
        let position = writer.position().await?;
        if position.is_some() {
            // What the session before this one left behind may not be on disk.
            writer.flush().await?;
        }
        Ok(Self {
            writer,
            position,
            last_commit: Commit::Durable,
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
        while let Some(item) = feed.next().await {
            match item {
                Item::Rows(chunk) => self.take(open, chunk, &feed.cut()).await?,
                Item::Close(close) => {
                    if let Some(open) = open.take() {
                        self.commit(open, close, feed).await?;
                    }
                }
                Item::Abort => self.roll_back(open.take()).await?,
            }
        }
        Ok(())
    }

    async fn take(&mut self, open: &mut Option<Open>, chunk: Chunk, cut: &Stop) -> Result<()> {
        let Some((bytes, rows)) = self.writer.to().rows_after(&chunk, self.position)? else {
            return Ok(());
        };
        if open.is_none() {
            let begin = self.writer.begin(Start::OnTop(self.position));
            *open = Some(self.writer.within(cut, begin).await?);
        }
        let Some(open) = open else { return Ok(()) };
        self.writer.send(open, bytes, rows, chunk.last_id, cut).await
    }

    async fn commit(&mut self, mut open: Open, close: Close, feed: &mut Feed) -> Result<()> {
        feed.through_cut(self.writer.complete(&mut open, close)).await?;
        feed.through_cut(self.writer.commit(open.commit)).await?;
        self.last_commit = open.commit;
        self.position = Some(open.last_id);
        feed.committed(open.rows, open.bytes);
        Ok(())
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

/// A destination that was cut off in the middle of a batch and does not roll it back within this time loses its connection.
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

//! A PostgreSQL table as destination: one transaction a batch, of fence, expected position, COPY, row count and commit.
//!
//! Why nothing is lost, doubled or reordered: the fence (an advisory lock of the transaction) lets one replicator at a time between
//! its look at the position and its commit; the look is a statement after the lock, so it sees everything committed before; a batch
//! is only committed on top of the position its rows follow; and the position is the data itself. If the outcome of a commit is
//! unknown, the position asked anew tells it.

use crate::destination::Destination;
use crate::destination::order::Start;
use crate::destination::writer::{Open, Writer, cut_off};
use crate::error::Result;
use crate::event::batch::{Chunk, Close, Item};
use crate::event::feed::Feed;
use crate::postgres::connect::Session;
use crate::stop::Stop;
use futures::FutureExt;
use futures::future::BoxFuture;

pub use crate::destination::writer::Appending;

/// A session that appends to one table.
#[derive(Debug)]
pub struct PostgresDestination {
    writer: Writer,
    position: Option<i64>,
}

impl PostgresDestination {
    /// Prepares a session that holds the table's session lock, and asks for the position.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn new(session: Session, to: Appending) -> Result<Self> {
        let writer = Writer::new(session, to).await?;
        let position = writer.position().await?;
        Ok(Self { writer, position })
    }

    /// The position after the last commit, without asking.
    pub fn known_position(&self) -> Option<i64> {
        self.position
    }

    async fn append_all(&mut self, feed: &mut Feed) -> Result<Option<i64>> {
        let mut open: Option<Open> = None;
        while let Some(item) = feed.next().await {
            match item {
                Item::Rows(chunk) => self.take(&mut open, chunk, &feed.cut()).await?,
                Item::Close(close) => {
                    if let Some(open) = open.take() {
                        self.commit(open, close, feed).await?;
                    }
                }
                Item::Abort => self.roll_back(open.take()).await?,
            }
        }
        match open {
            Some(_) if feed.cut().is_requested() => Err(cut_off()),
            open => self.roll_back(open).await.map(|()| self.position),
        }
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

    async fn commit(&mut self, mut open: Open, close: Close, feed: &Feed) -> Result<()> {
        self.writer.complete(&mut open, close).await?;
        self.writer.commit().await?;
        self.position = Some(open.last_id);
        feed.committed(open.rows, open.bytes);
        Ok(())
    }

    async fn roll_back(&self, open: Option<Open>) -> Result<()> {
        match open {
            Some(open) => self.writer.roll_back(open).await,
            None => Ok(()),
        }
    }
}

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
}

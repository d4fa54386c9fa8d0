//! A table in a file of SQLite as destination: one transaction a batch, under SQLite's write lock,
//! on top of the position that is asked under it.
//!
//! Why nothing is lost, doubled or reordered: `begin immediate` lets one writer at a time between
//! its look at the position and its commit; a batch is only committed on top of the position its
//! rows follow; and the position is the data itself. What a crash of the process or of the machine
//! leaves is what was committed: SQLite's journal sees to that, and each commit waits for the disk.

mod batch;
pub(super) mod connector;
pub(crate) mod error;
mod file;
mod lock;
pub mod setup;
mod store;
mod table;
mod thread;

use crate::destination::appender::{Appender, SequentialDestination};
use crate::destination::sqlite::batch::{BatchTarget, OpenBatch};
use crate::destination::sqlite::file::SqliteFile;
use crate::destination::sqlite::thread::{LockWait, SqliteThread};
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::RowBlock;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Appends to one table of one file.
pub(crate) struct SqliteAppender {
    thread: SqliteThread,
    to: Arc<BatchTarget>,
    /// Without an answer for this long a step is given up (`append_timeout_ms`).
    stall_max: Duration,
    batch: FileBatchState,
}

/// The batch in hand.
#[derive(Clone, Copy, Debug)]
enum FileBatchState {
    Idle,
    Open(OpenBatch),
    /// An answer is awaited, or was given up, or was an error.
    InFlight,
}

impl SqliteAppender {
    /// Asks for the position.
    pub(super) async fn destination(
        thread: SqliteThread,
        to: BatchTarget,
        stall_max: Duration,
    ) -> Result<SequentialDestination<Self>> {
        let layout = to.codec.layout();
        let appender = Self { thread, to: Arc::new(to), stall_max, batch: FileBatchState::Idle };
        SequentialDestination::new(appender, layout).await
    }

    /// A step of a batch, on the thread of the file.
    async fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&BatchTarget, &SqliteFile, &LockWait<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let to = Arc::clone(&self.to);
        self.thread.ask(self.stall_max, move |file, wait| work(&to, file, wait)).await
    }

    /// The open batch; until its next state is set it is in flight.
    fn taken(&mut self) -> Result<OpenBatch> {
        match std::mem::replace(&mut self.batch, FileBatchState::InFlight) {
            FileBatchState::Open(batch) => Ok(batch),
            FileBatchState::Idle | FileBatchState::InFlight => {
                let what = "a step of a batch came out of turn";
                Err(Error::new(ErrorKind::Bug, what).at(self.to.what()))
            }
        }
    }
}

impl Appender for SqliteAppender {
    fn position(&mut self) -> BoxFuture<'_, Result<Option<i64>>> {
        self.step(|to, file, wait| to.position(file, wait)).boxed()
    }

    fn begin(&mut self, on: Option<i64>) -> BoxFuture<'_, Result<()>> {
        self.batch = FileBatchState::InFlight;
        async move {
            let batch = self.step(move |to, file, wait| to.begin(file, wait, on)).await?;
            self.batch = FileBatchState::Open(batch);
            Ok(())
        }
        .boxed()
    }

    fn write(&mut self, rows: RowBlock) -> BoxFuture<'_, Result<()>> {
        async move {
            let mut batch = self.taken()?;
            let writing = self.step(move |to, file, _| {
                to.write(file, &mut batch, &rows)?;
                Ok(batch)
            });
            self.batch = FileBatchState::Open(writing.await?);
            Ok(())
        }
        .boxed()
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            let batch = self.taken()?;
            self.step(move |to, file, wait| to.commit(file, wait, batch)).await?;
            self.batch = FileBatchState::Idle;
            Ok(())
        }
        .boxed()
    }

    fn roll_back(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            // What was given up is done or left by then: the thread does one thing after the other.
            self.step(|to, file, _| to.roll_back(file)).await?;
            self.batch = FileBatchState::Idle;
            Ok(())
        }
        .boxed()
    }

    fn death(&self) -> Option<Error> {
        self.thread.death().map(|death| death.while_doing(self.to.what()))
    }
}

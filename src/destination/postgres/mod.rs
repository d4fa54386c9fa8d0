//! A PostgreSQL table as destination: one transaction a batch, of fence, expected position, COPY
//! (or, for a few rows, an INSERT), row count and commit.
//!
//! Why nothing is lost, doubled or reordered: the fence (an advisory lock of the transaction) lets
//! one replicator at a time between its look at the position and its commit; the look is a
//! statement after the lock, so it sees everything committed before; a batch is only committed on
//! top of the position its rows follow; and the position is the data itself. If the outcome of a
//! commit is unknown, the position asked again tells it.

mod checks;
mod commit_order;
pub mod concurrent;
pub(super) mod connector;
pub mod editor;
mod few;
pub mod lock;
mod seat;
pub mod setup;
mod small_batch;
pub(in crate::destination) mod survey;
mod target;
mod transaction;

use crate::destination::appender::{
    Appender, BatchCompletion, CUT_WAIT_MAX, SequentialDestination, cut_off,
};
use crate::destination::postgres::commit_order::TransactionStart;
use crate::destination::postgres::small_batch::{FEW_BYTES_MAX, FEW_ROWS_MAX, SmallBatchOutcome};
use crate::destination::postgres::target::CommitDurability;
use crate::destination::postgres::transaction::{OpenTransaction, TransactionWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::{BatchClose, RowBlock};
use crate::postgres::session::Session;
use crate::stop::Stop;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering};

pub use crate::destination::postgres::target::AppendTarget;

/// A session that appends to one table.
pub type PostgresDestination = SequentialDestination<PgAppender>;

/// Appends to one table over one session.
#[derive(Debug)]
pub struct PgAppender {
    writer: TransactionWriter,
    /// How the last transaction was committed; before the first, what others committed may not be
    /// on disk.
    last_commit: CommitDurability,
    state: BatchState,
}

/// The batch in hand.
enum BatchState {
    /// None.
    Idle,
    /// Nothing was sent yet.
    Begun(Option<i64>),
    /// The first rows of a batch that may have no others, on this position: then it needs no COPY.
    /// They were not sent yet.
    Few(i64, RowBlock),
    /// A COPY is open.
    Copying(OpenTransaction),
    /// The COPY has ended.
    Copied(OpenTransaction),
    /// A few rows were inserted.
    Inserted(CommitDurability),
    /// An answer is awaited, or was given up.
    InFlight,
}

impl PostgresDestination {
    /// Prepares a session that holds the table's session lock, and asks for the position.
    /// `takes_inserts`: whether an INSERT of a row does the same as a COPY of it.
    pub async fn open(session: Session, to: AppendTarget, takes_inserts: bool) -> Result<Self> {
        let layout = to.layout;
        let mut writer = TransactionWriter::new(session, to).await?;
        if takes_inserts {
            writer.prepare_few().await;
        }
        let appender =
            PgAppender { writer, last_commit: CommitDurability::Soon, state: BatchState::Idle };
        Self::new(appender, layout).await
    }
}

impl PgAppender {
    async fn write_rows(&mut self, rows: RowBlock) -> Result<()> {
        match std::mem::replace(&mut self.state, BatchState::InFlight) {
            BatchState::Begun(Some(on)) if self.is_few(&rows) => {
                self.state = BatchState::Few(on, rows);
                Ok(())
            }
            BatchState::Begun(on) => {
                self.begin_copy(on).await?;
                self.send(rows).await
            }
            BatchState::Few(on, first) => {
                self.begin_copy(Some(on)).await?;
                self.send(first).await?;
                self.send(rows).await
            }
            BatchState::Copying(open) => {
                self.state = BatchState::Copying(open);
                self.send(rows).await
            }
            BatchState::Idle
            | BatchState::Copied(_)
            | BatchState::Inserted(_)
            | BatchState::InFlight => Err(self.out_of_turn()),
        }
    }

    fn is_few(&self, rows: &RowBlock) -> bool {
        rows.rows <= FEW_ROWS_MAX && rows.bytes.len() <= FEW_BYTES_MAX && self.writer.takes_few()
    }

    async fn begin_copy(&mut self, on: Option<i64>) -> Result<()> {
        let begin = self.writer.begin(TransactionStart::OnTop(on));
        let open = self.writer.within(&Stop::never(), begin).await?;
        self.state = BatchState::Copying(open);
        Ok(())
    }

    async fn send(&mut self, rows: RowBlock) -> Result<()> {
        let BatchState::Copying(open) = &mut self.state else {
            return Err(self.out_of_turn());
        };
        self.writer.send(open, rows.bytes, rows.rows, rows.last_id, &Stop::never()).await
    }

    async fn complete_batch(&mut self, close: &BatchClose, cut: &Stop) -> Result<BatchCompletion> {
        if let BatchState::Few(on, rows) = &self.state {
            let (on, rows) = (*on, rows.clone());
            self.state = BatchState::InFlight;
            match self.append_few(on, &rows, close, cut).await? {
                SmallBatchOutcome::Committed(how) => {
                    (self.last_commit, self.state) = (how, BatchState::Idle);
                    return Ok(BatchCompletion::Committed);
                }
                SmallBatchOutcome::Inserted(how) => {
                    self.state = BatchState::Inserted(how);
                    return Ok(BatchCompletion::Arrived);
                }
                SmallBatchOutcome::Refused => {
                    let copying = async {
                        self.begin_copy(Some(on)).await?;
                        self.send(rows).await
                    };
                    cut.or(copying).await.unwrap_or_else(|| Err(cut_off()))?;
                }
            }
        }
        let BatchState::Copying(mut open) =
            std::mem::replace(&mut self.state, BatchState::InFlight)
        else {
            return Err(self.out_of_turn());
        };
        self.writer.arrive(&mut open, close).await?;
        self.state = BatchState::Copied(open);
        Ok(BatchCompletion::Arrived)
    }

    /// After a cut, rows that wait for a lock are given up soon; a commit that may be under way is
    /// waited for.
    async fn append_few(
        &mut self,
        position: i64,
        rows: &RowBlock,
        close: &BatchClose,
        cut: &Stop,
    ) -> Result<SmallBatchOutcome> {
        let is_answered = AtomicBool::new(false);
        let late = async {
            cut.requested().await;
            tokio::time::sleep(CUT_WAIT_MAX).await;
            if is_answered.load(Ordering::Acquire) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            appended = self.writer.append_few(position, &rows.bytes, close, &is_answered) => appended,
            () = late => Err(cut_off()),
        }
    }

    async fn commit_batch(&mut self) -> Result<()> {
        let how = match std::mem::replace(&mut self.state, BatchState::InFlight) {
            BatchState::Copied(open) => {
                self.writer.commit(open.commit).await?;
                open.commit
            }
            BatchState::Inserted(how) => {
                self.writer.commit_few(how).await?;
                how
            }
            _ => return Err(self.out_of_turn()),
        };
        (self.last_commit, self.state) = (how, BatchState::Idle);
        Ok(())
    }

    async fn roll_back_batch(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, BatchState::InFlight) {
            BatchState::Idle | BatchState::Begun(_) | BatchState::Few(..) => {}
            BatchState::Copying(open) | BatchState::Copied(open) => {
                self.writer.roll_back(open).await?
            }
            BatchState::Inserted(_) => self.writer.roll_back_few().await?,
            // It is not known how far the server has come.
            BatchState::InFlight => return Err(cut_off()),
        }
        self.state = BatchState::Idle;
        Ok(())
    }

    async fn flush_all(&mut self) -> Result<()> {
        if self.last_commit == CommitDurability::Soon {
            self.writer.flush().await?;
            self.last_commit = CommitDurability::Durable;
        }
        Ok(())
    }

    fn out_of_turn(&self) -> Error {
        Error::new(ErrorKind::Bug, "a step of a batch came out of turn").at(self.writer.to().what())
    }
}

impl Appender for PgAppender {
    fn position(&mut self) -> BoxFuture<'_, Result<Option<i64>>> {
        self.writer.position().boxed()
    }

    fn begin(&mut self, on: Option<i64>) -> BoxFuture<'_, Result<()>> {
        self.state = BatchState::Begun(on);
        std::future::ready(Ok(())).boxed()
    }

    fn write(&mut self, rows: RowBlock) -> BoxFuture<'_, Result<()>> {
        self.write_rows(rows).boxed()
    }

    fn complete<'a>(
        &'a mut self,
        close: &'a BatchClose,
        cut: &'a Stop,
    ) -> BoxFuture<'a, Result<BatchCompletion>> {
        self.complete_batch(close, cut).boxed()
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        self.commit_batch().boxed()
    }

    fn roll_back(&mut self) -> BoxFuture<'_, Result<()>> {
        self.roll_back_batch().boxed()
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        self.flush_all().boxed()
    }

    fn death(&self) -> Option<Error> {
        self.writer.death()
    }

    fn abandon(&self) {
        // What waits for a lock does not notice that its client is gone.
        tokio::spawn(self.writer.canceller().cancel());
    }
}

impl std::fmt::Debug for BatchState {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Idle => "idle",
            Self::Begun(_) | Self::Few(..) => "begun",
            Self::Copying(_) | Self::Copied(_) | Self::Inserted(_) => "open",
            Self::InFlight => "in flight",
        })
    }
}

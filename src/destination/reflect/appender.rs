//! Applies one batch: what its whole transactions did to each table, in one transaction with the
//! position. What is to be done is decided by `event::carry`, `event::net` and [`super::plan`].

use super::state::{EntryState, PendingTransaction, ReflectionState};
use super::tables::{ReflectedTable, ReflectionTables};
use crate::config::DriftReaction;
use crate::destination::appender::{Appender, BatchCompletion};
use crate::error::{Error, ErrorKind, Result, Warning};
use crate::event::captured::CapturedLog;
use crate::event::change::{ChangeLayout, LoggedChange};
use crate::event::chunk::{BatchClose, RowBlock};
use crate::event::frame::{self, FramedRow, RowLayout};
use crate::event::range::IdRange;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::session::error::no_answer;
use crate::stop::Stop;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is captured is looked at so often while changes are followed.
const CONFIRM_EVERY: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct ReflectionAppender {
    pub(super) session: Session,
    /// The destination's.
    pub(super) name: String,
    pub(super) drift: DriftReaction,
    pub(super) tables: ReflectionTables,
    pub(super) log: CapturedLog,
    pub(super) wire: Arc<Wire>,
    layout: RowLayout,
    decoding: ChangeLayout,
    pub(super) state: ReflectionState,
    pub(super) pending: BTreeMap<i64, PendingTransaction>,
    stall_max: Duration,
    confirmed_at: Instant,
    /// When a range of rows was loaded last, and how long that took.
    pub(super) loaded: Option<(Instant, Duration)>,
    /// What a person should know of what was done.
    pub(super) notes: Vec<Warning>,
    pub(super) batch: ReflectedBatch,
}

/// The rows of a batch.
#[derive(Default)]
pub(super) struct ReflectedBatch {
    pub(super) changes: Vec<LoggedChange>,
    pub(super) events: u64,
    pub(super) first: Option<FramedRow>,
    pub(super) last: Option<FramedRow>,
    /// What becomes true with its commit.
    pub(super) after: Option<StateAfter>,
    pub(super) is_open: bool,
}

/// What is remembered once a batch is committed.
pub(super) struct StateAfter {
    pub(super) state: ReflectionState,
    pub(super) pending: BTreeMap<i64, PendingTransaction>,
    pub(super) entries: Vec<EntryState>,
}

impl ReflectionAppender {
    pub(super) fn new(
        (session, name, drift): (Session, String, DriftReaction),
        tables: ReflectionTables,
        (log, wire, layout): (CapturedLog, Arc<Wire>, RowLayout),
        (state, pending): (ReflectionState, BTreeMap<i64, PendingTransaction>),
        stall_max: Duration,
    ) -> Result<Self> {
        Ok(Self {
            decoding: ChangeLayout::of(&wire)?,
            session,
            name,
            drift,
            tables,
            log,
            wire,
            layout,
            state,
            pending,
            stall_max,
            confirmed_at: Instant::now(),
            loaded: None,
            notes: Vec::new(),
            batch: ReflectedBatch::default(),
        })
    }

    /// What cannot be done, for messages.
    pub(super) fn what(&self) -> String {
        format!("cannot compute the tables of destination \"{}\"", self.name)
    }

    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> Error {
        self.session.error(error, self.what())
    }

    /// Does something at the destination or the source that must get on.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout(self.stall_max, work).await {
            Ok(done) => done,
            Err(_) => {
                self.session.cancel().await;
                Err(no_answer(self.stall_max, self.what()).at(self.session.place()))
            }
        }
    }

    fn take(&mut self, rows: &RowBlock) -> Result<()> {
        let rows = frame::rows_of(&rows.bytes, self.layout)?;
        for row in &rows {
            let change = self.decoding.decode(row)?;
            let is_ours = |table: &ReflectedTable| table.mapping.source.source == *change.source;
            if self.tables.all.iter().any(is_ours) {
                self.batch.changes.push(change);
            }
        }
        self.batch.events += rows.len() as u64;
        if self.batch.first.is_none() {
            self.batch.first = rows.first().cloned();
        }
        self.batch.last = rows.last().cloned().or(self.batch.last.take());
        Ok(())
    }

    pub(super) fn is_confirmation_due(&self) -> bool {
        self.confirmed_at.elapsed() > CONFIRM_EVERY
    }

    /// Whether everything is captured as it was, which no event tells of.
    pub(super) async fn confirm_captured(&mut self) -> Result<()> {
        let tables: Vec<_> =
            self.tables.all.iter().map(|table| table.mapping.source.clone()).collect();
        self.log.changes.confirm(&tables).await?;
        self.confirmed_at = Instant::now();
        Ok(())
    }

    /// Which events the batch has, for messages.
    fn ids(&self, through: i64) -> IdRange {
        IdRange { after: self.state.position, through }
    }

    pub(super) async fn roll_back_open(&mut self) -> Result<()> {
        if std::mem::take(&mut self.batch).is_open {
            let rolled_back = self.session.batch_execute("rollback").await;
            rolled_back.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Commits what was begun outside of a batch.
    pub(super) async fn commit_open(&mut self) -> Result<()> {
        self.end().await
    }
}

impl Appender for ReflectionAppender {
    fn position(&mut self) -> BoxFuture<'_, Result<Option<i64>>> {
        std::future::ready(Ok(self.state.position)).boxed()
    }

    fn begin(&mut self, on: Option<i64>) -> BoxFuture<'_, Result<()>> {
        self.batch = ReflectedBatch::default();
        let is_there = on == self.state.position;
        let out_of_turn = || Error::new(ErrorKind::Bug, "a batch stands on another position");
        std::future::ready(if is_there { Ok(()) } else { Err(out_of_turn()) }).boxed()
    }

    fn write(&mut self, rows: RowBlock) -> BoxFuture<'_, Result<()>> {
        std::future::ready(self.take(&rows)).boxed()
    }

    fn complete<'a>(
        &'a mut self,
        close: &'a BatchClose,
        _: &'a Stop,
    ) -> BoxFuture<'a, Result<BatchCompletion>> {
        async move {
            let ids = self.ids(close.last_id);
            let (stall_max, canceller, what) =
                (self.stall_max, self.session.canceller(), self.what());
            let place = self.session.place().to_owned();
            match tokio::time::timeout(stall_max, self.apply(close)).await {
                Ok(Ok(())) => Ok(BatchCompletion::Arrived),
                Ok(Err(error)) if error.place().is_none() => {
                    Err(error.at(format!("{place}, {ids}")))
                }
                Ok(Err(error)) => Err(error),
                Err(_) => {
                    canceller.cancel().await;
                    Err(no_answer(stall_max, what).at(format!("{place}, {ids}")))
                }
            }
        }
        .boxed()
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            let (stall_max, what) = (self.stall_max, self.what());
            let committed = tokio::time::timeout(stall_max, self.end()).await;
            committed.unwrap_or_else(|_| Err(no_answer(stall_max, what)))?;
            self.load_in_turn().await
        }
        .boxed()
    }

    fn roll_back(&mut self) -> BoxFuture<'_, Result<()>> {
        self.roll_back_open().boxed()
    }

    fn death(&self) -> Option<Error> {
        self.session.death().map(|death| death.while_doing(self.what()))
    }

    fn abandon(&self) {
        // What waits for a lock does not notice that its client is gone.
        tokio::spawn(self.session.canceller().cancel());
    }
}

//! Applies one batch: what its whole transactions did to each table, in one transaction with the
//! position. What is to be done is decided by `event::carry`, `event::net` and [`super::plan`].

use super::kept;
use super::mapping::Mapping;
use super::plan::{TablePlan, plan};
use super::state::{self, EntryState, PendingTransaction, ReflectionState};
use super::statements::TableStatements;
use super::table::TableWriter;
use super::target::TargetTable;
use crate::config::DriftReaction;
use crate::destination::appender::{Appender, BatchCompletion};
use crate::error::{Error, ErrorKind, Result, Warning};
use crate::event::captured::CapturedLog;
use crate::event::carry::{BatchSplit, split};
use crate::event::change::{ChangeLayout, LoggedChange};
use crate::event::chunk::{BatchClose, RowBlock};
use crate::event::frame::{self, FramedRow, RowLayout};
use crate::event::net::NetChanges;
use crate::event::range::{IdRange, shown};
use crate::event::store::{EventDigest, digest_of_row};
use crate::event::wire::Wire;
use crate::fail;
use crate::postgres::session::Session;
use crate::postgres::session::error::no_answer;
use crate::stop::Stop;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is captured is looked at so often while changes are followed.
const CONFIRM_EVERY: Duration = Duration::from_secs(60);

/// The tables of a destination, and how each stands.
pub(super) struct ReflectionTables {
    pub all: Vec<ReflectedTable>,
    /// In which order rows are written: a table after those that its foreign keys lead to. Rows are
    /// deleted in the opposite order.
    pub order: Vec<usize>,
}

/// One table.
pub(super) struct ReflectedTable {
    pub mapping: Mapping,
    pub target: TargetTable,
    pub statements: TableStatements,
    pub state: EntryState,
}

/// See the module.
pub(super) struct ReflectionAppender {
    pub(super) session: Session,
    /// The destination's.
    pub(super) name: String,
    drift: DriftReaction,
    pub(super) tables: ReflectionTables,
    pub(super) log: CapturedLog,
    wire: Arc<Wire>,
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
    batch: BatchInHand,
}

/// The rows of a batch.
#[derive(Default)]
struct BatchInHand {
    changes: Vec<LoggedChange>,
    events: u64,
    first: Option<FramedRow>,
    last: Option<FramedRow>,
    /// What becomes true with its commit.
    after: Option<StateAfter>,
    is_open: bool,
}

/// What is remembered once a batch is committed.
struct StateAfter {
    state: ReflectionState,
    pending: BTreeMap<i64, PendingTransaction>,
    entries: Vec<EntryState>,
}

impl ReflectionTables {
    pub(super) fn new(
        tables: Vec<(Mapping, TargetTable)>,
        statements: Vec<TableStatements>,
        mut entries: BTreeMap<String, EntryState>,
    ) -> Self {
        let order = super::order::parents_first(tables.iter().map(|(_, target)| target));
        let all = tables.into_iter().zip(statements).map(|((mapping, target), statements)| {
            let state = entries
                .remove(&mapping.entry())
                .unwrap_or_else(|| EntryState::new(target.oid, &mapping));
            ReflectedTable { mapping, target, statements, state }
        });
        Self { all: all.collect(), order }
    }
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
            batch: BatchInHand::default(),
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

    /// Everything but the commit.
    async fn apply(&mut self, close: &BatchClose) -> Result<()> {
        let through = close.last_id;
        if self.is_confirmation_due() {
            self.confirm_captured().await?;
        }
        let changes = std::mem::take(&mut self.batch.changes);
        let known: BTreeSet<i64> =
            changes.iter().map(|change| change.xact).chain(self.pending.keys().copied()).collect();
        let open = match known.is_empty() {
            true => BTreeSet::new(),
            false => self.log.changes.going_on(&known, through).await?,
        };
        let finished: Vec<i64> =
            self.pending.keys().copied().filter(|xact| !open.contains(xact)).collect();
        self.begin().await?;
        let kept_rows: u64 = finished.iter().map(|xact| self.pending[xact].rows).sum();
        let mut entries: Vec<EntryState> =
            self.tables.all.iter().map(|table| table.state.clone()).collect();
        let mut pending = self.pending.clone();
        let BatchSplit { complete, pending: going_on } = split(changes, Vec::new(), &open);
        let parts = kept::parts(kept_rows);
        for part in 0..parts {
            let mut changes = complete.clone();
            if !finished.is_empty() {
                changes
                    .extend(kept::read(&self.session, &self.name, &finished, (part, parts)).await?);
                changes.sort_by_key(|change| change.id);
            }
            self.stage(&changes, (part, parts), &mut entries).await?;
        }
        self.write(&entries).await?;
        let kept = (self.tables.all.as_slice(), going_on.as_slice());
        kept::keep(&self.session, &self.name, kept, &mut pending).await?;
        kept::give_up(&self.session, &self.name, &finished, &mut pending).await?;
        let state = self.state_after(through)?;
        self.forget(&mut entries, &pending, through).await?;
        self.move_position(&state).await?;
        self.batch.after = Some(StateAfter { state, pending, entries });
        fail::point!("reflect.before-commit");
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

    /// Begins a transaction on top of the position, over the tables that were looked at.
    pub(super) async fn begin(&mut self) -> Result<()> {
        fail::point!("reflect.before-begin");
        self.batch.is_open = true;
        let names: Vec<String> =
            self.tables.all.iter().map(|table| table.mapping.table.quoted()).collect();
        let oids = "select pg_catalog.to_regclass(t)::pg_catalog.oid from pg_catalog.unnest($1::pg_catalog.text[]) \
                    with ordinality as n (t, place) order by place";
        let path = include_str!("../../../sql/destination/role_search_path.sql");
        self.session.batch_execute("begin").await.map_err(|error| self.failed(&error))?;
        self.confirm_state().await?;
        let found = self.session.query(oids, &[&names]).await;
        let found = found.map_err(|error| self.failed(&error))?;
        for (row, table) in found.iter().zip(&self.tables.all) {
            if row.get::<_, Option<u32>>(0) != Some(table.target.oid) {
                return Err(self.moved(format!("{} is another table now", table.mapping.table)));
            }
        }
        self.session.batch_execute(path).await.map_err(|error| self.failed(&error))
    }

    /// Whether what is remembered stands where it did; within a transaction it does so until that
    /// ends.
    pub(super) async fn confirm_state(&self) -> Result<()> {
        let sql = "select position, (select count(*) from counterfoil.reflected e where e.name operator(pg_catalog.=) $1) \
                   from counterfoil.reflection where name operator(pg_catalog.=) $1 for update";
        let found = self.session.query_opt(sql, &[&self.name]).await;
        let found = found.map_err(|error| self.failed(&error))?;
        let found = found.map(|row| (row.get::<_, Option<i64>>(0), row.get::<_, i64>(1)));
        let (position, tables) = found.unwrap_or_default();
        if found.is_none() || position != self.state.position {
            let (found, expected) = (shown(position), shown(self.state.position));
            return Err(self.moved(format!("its position is {found}, {expected} was expected")));
        }
        if tables < i64::try_from(self.tables.all.len()).unwrap_or(0) {
            return Err(self.moved("a table is to be loaded again".to_owned()));
        }
        Ok(())
    }

    fn moved(&self, why: String) -> Error {
        Error::new(ErrorKind::Unavailable, self.what()).at(self.session.place()).because(why).fix(
            "the batch was rolled back; source and destination are re-checked before anything else \
             is written",
        )
    }

    /// Nets the changes of a part of all keys, and sends what remains of them to the temporary
    /// tables.
    async fn stage(
        &self,
        changes: &[LoggedChange],
        (part, parts): (usize, usize),
        entries: &mut [EntryState],
    ) -> Result<()> {
        for (table, entry) in self.tables.all.iter().zip(entries) {
            let of_table: Vec<&LoggedChange> = changes
                .iter()
                .filter(|change| table.mapping.source.source == *change.source)
                .collect();
            if of_table.is_empty() {
                continue;
            }
            let plan =
                plan(&table.mapping, entry, &of_table, (part, parts), &self.log.changes).await?;
            let writer = TableWriter { session: &self.session, table, name: &self.name };
            match plan {
                TablePlan::Restart => writer.restart(entry).await?,
                TablePlan::Apply { is_emptied, net } => {
                    if is_emptied && part == 0 {
                        writer.empty().await?;
                    }
                    self.judge_torn(table, entry, &net)?;
                    writer.stage(&net).await?;
                }
            }
        }
        Ok(())
    }

    /// Changes that do not join: some of their rows are not in the log.
    fn judge_torn(
        &self,
        table: &ReflectedTable,
        entry: &EntryState,
        net: &NetChanges,
    ) -> Result<()> {
        let torn = net.changed.iter().map(|row| (row.is_torn, row.last_id));
        let torn = torn.chain(net.gone.iter().map(|row| (row.is_torn, row.last_id)));
        let Some((_, id)) = torn.into_iter().find(|(is_torn, _)| *is_torn) else { return Ok(()) };
        if self.drift != DriftReaction::Stop || !entry.is_settled() {
            return Ok(());
        }
        let what = format!("changes of {} are missing in the log", table.mapping.source.source);
        Err(Error::new(ErrorKind::Contents, what)
            .at(format!("event {id} and those before it of the same row"))
            .because("what a row was before a change is not what it was after the one before")
            .fix(
                "find out what changed rows without an event (a disabled trigger), then have the \
                 rows loaded again: counterfoil reflect load; nothing of this batch was written",
            ))
    }

    /// Rows go, children before parents, then rows come, parents before children.
    async fn write(&mut self, entries: &[EntryState]) -> Result<()> {
        let writer = |at: &usize| TableWriter {
            session: &self.session,
            table: &self.tables.all[*at],
            name: &self.name,
        };
        let mut drifts = Vec::new();
        for at in self.tables.order.iter().rev() {
            drifts.extend(writer(at).compare(self.drift, &entries[*at]).await?);
        }
        for at in self.tables.order.iter().rev() {
            writer(at).delete_gone().await?;
        }
        for at in &self.tables.order {
            writer(at).upsert().await?;
        }
        self.notes.extend(drifts);
        Ok(())
    }

    fn state_after(&self, through: i64) -> Result<ReflectionState> {
        let digest = |row: &Option<FramedRow>| -> Result<Option<EventDigest>> {
            row.as_ref().map(|row| digest_of_row(row, &self.wire)).transpose()
        };
        let first = match &self.state.first {
            Some(first) => Some(first.clone()),
            None => {
                let id = self.batch.first.as_ref().map(|row| row.id);
                id.zip(digest(&self.batch.first)?)
            }
        };
        Ok(ReflectionState {
            position: Some(through),
            events: self.state.events + self.batch.events,
            first,
            last: digest(&self.batch.last)?,
            source: self.state.source.clone(),
        })
    }

    /// Ranges whose snapshots show nothing that is still to come.
    async fn forget(
        &self,
        entries: &mut [EntryState],
        pending: &BTreeMap<i64, PendingTransaction>,
        through: i64,
    ) -> Result<()> {
        let oldest = pending.values().map(|pending| pending.first_id).min();
        let is_over = |until: i64| until <= through && oldest.is_none_or(|oldest| until < oldest);
        for (table, entry) in self.tables.all.iter().zip(entries) {
            let over = entry.ranges.iter().filter(|range| is_over(range.until));
            let over: Vec<i64> = over.map(|range| range.number).collect();
            if over.is_empty() {
                continue;
            }
            let of = (self.name.as_str(), table.mapping.entry());
            state::forget_ranges(&self.session, (of.0, &of.1), Some(&over)).await?;
            entry.ranges.retain(|range| !over.contains(&range.number));
            entry.has_forgotten = true;
            state::write_entry(&self.session, of.0, (&of.1, entry)).await?;
        }
        Ok(())
    }

    async fn move_position(&self, to: &ReflectionState) -> Result<()> {
        let (first_id, first_digest) = match &to.first {
            Some((id, digest)) => (Some(*id), Some(digest)),
            None => (None, None),
        };
        let events = i64::try_from(to.events).unwrap_or(i64::MAX);
        let sql = "update counterfoil.reflection set position = $2, events = $3, first_id = $4, first_digest = $5, last_digest = $6 \
                   where name operator(pg_catalog.=) $1 and position is not distinct from $7";
        let moved = self
            .session
            .execute(
                sql,
                &[
                    &self.name,
                    &to.position,
                    &events,
                    &first_id,
                    &first_digest,
                    &to.last,
                    &self.state.position,
                ],
            )
            .await;
        match moved.map_err(|error| self.failed(&error))? {
            1 => Ok(()),
            rows => Err(self.moved(format!("{rows} rows hold its position"))),
        }
    }

    async fn end(&mut self) -> Result<()> {
        let committed = self.session.batch_execute("commit").await;
        committed.map_err(|error| self.failed(&error))?;
        fail::point!("reflect.committed");
        let batch = std::mem::take(&mut self.batch);
        if let Some(after) = batch.after {
            (self.state, self.pending) = (after.state, after.pending);
            for (table, entry) in self.tables.all.iter_mut().zip(after.entries) {
                table.state = entry;
            }
        }
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
        self.batch = BatchInHand::default();
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

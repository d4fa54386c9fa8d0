//! One connection that writes: a batch at a time, each in one transaction that is committed, or
//! rolled back and written again.

use super::batch::{LoadBatch, LoadBatches};
use super::failure::{UnknownGroups, WriterFailure};
use super::method::InsertMethod;
use super::pace::LoadPace;
use super::rollback::RollbackShare;
use super::rows::{self, RowPrefix};
use super::statements::{InsertStatements, JsonText, values};
use super::table::TableShape;
use super::tally::LoadTally;
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::Session;
use crate::postgres::session::answers;
use crate::postgres::session::error::is_outcome_unknown;
use crate::sql;
use crate::stop::Stop;
use bytes::Bytes;
use futures::SinkExt;
use futures::future::join;
use std::pin::pin;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(super) struct LoadWriter {
    session: Session,
    statements: InsertStatements,
    table: String,
}

/// What all writers of a load have in common.
#[derive(Debug)]
pub(super) struct LoadContext {
    pub(super) pace: LoadPace,
    pub(super) tally: Arc<LoadTally>,
    pub(super) stop: Stop,
}

/// How an attempt ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AttemptEnd {
    Commit,
    RollBack,
}

/// An attempt that failed.
struct AttemptError {
    error: Error,
    /// Whether it may have been committed all the same.
    is_outcome_unknown: bool,
}

impl LoadWriter {
    /// Prepares a session.
    pub(super) async fn new(
        session: Session,
        shape: &TableShape,
        insert_method: InsertMethod,
    ) -> Result<Self> {
        let statements = InsertStatements::prepare(&session, shape, insert_method).await?;
        Ok(Self { session, statements, table: shape.table.to_string() })
    }

    /// Writes everything, the next batch being made while one is written. After a stop the batch in
    /// hand is finished.
    ///
    /// # Errors
    /// The first failure, with what may have been committed all the same.
    pub(super) async fn write(
        self,
        batches: LoadBatches,
        mut rollbacks: RollbackShare,
        course: Arc<LoadContext>,
    ) -> Result<(), WriterFailure> {
        let program = batches.program().to_owned();
        let failed = |error| WriterFailure { error, unknown: None };
        let (mut batches, mut next) = batches.next().await.map_err(failed)?;
        while let Some(batch) = next {
            let events = batch.events.len() as u64;
            if !course.pace.turn(events, &course.stop).await {
                break;
            }
            let written = self.write_batch(&batch, rollbacks.before_next_commit(), &course.tally);
            let (written, made) = join(written, batches.next()).await;
            written.map_err(|broken| WriterFailure {
                error: broken.error,
                unknown: broken.is_outcome_unknown.then(|| UnknownGroups::of(&program, &batch)),
            })?;
            course.tally.committed(events, batch.bytes);
            (batches, next) = made.map_err(failed)?;
        }
        Ok(())
    }

    async fn write_batch(
        &self,
        batch: &LoadBatch,
        rollbacks: u64,
        tally: &LoadTally,
    ) -> Result<(), AttemptError> {
        for _ in 0..rollbacks {
            self.attempt(batch, AttemptEnd::RollBack).await?;
            tally.rolled_back();
        }
        self.attempt(batch, AttemptEnd::Commit).await
    }

    async fn attempt(&self, batch: &LoadBatch, end: AttemptEnd) -> Result<(), AttemptError> {
        if let Some(death) = self.session.death() {
            return Err(self.broken(death.while_doing(self.what()), false));
        }
        match (&self.statements, end) {
            (InsertStatements::Copy { .. }, _) => self.copy(batch, end).await,
            (_, AttemptEnd::Commit) => {
                let inserted = self
                    .insert(batch)
                    .await
                    .map_err(|error| self.failed(&error, is_outcome_unknown(&error)))?;
                self.confirm(inserted, batch, "is committed")
            }
            (_, AttemptEnd::RollBack) => {
                let (begun, inserted) =
                    join(self.session.batch_execute("begin"), self.insert(batch)).await;
                let inserted = begun.and(inserted).map_err(|error| self.failed(&error, false))?;
                self.confirm(inserted, batch, "is rolled back")?;
                let ended = self.session.batch_execute("rollback").await;
                ended.map_err(|error| self.failed(&error, false))
            }
        }
    }

    /// One statement; gives how many rows it inserted.
    async fn insert(&self, batch: &LoadBatch) -> Result<u64, tokio_postgres::Error> {
        let events = &batch.events;
        let called = |row: tokio_postgres::Row| {
            row.try_get::<_, i32>(0).map(|count| u64::try_from(count).unwrap_or(0))
        };
        match &self.statements {
            InsertStatements::Call { call } => {
                self.session.query_one(call, &[events]).await.and_then(called)
            }
            InsertStatements::CallText { call } => {
                self.session.query_one(call, &[&values(events)]).await.and_then(called)
            }
            InsertStatements::Insert { one, many } => match events.as_slice() {
                [event] => self.session.execute(one, &[&JsonText(event)]).await,
                _ => self.session.execute(many, &[events]).await,
            },
            InsertStatements::Copy { .. } => Ok(0),
        }
    }

    async fn copy(&self, batch: &LoadBatch, end: AttemptEnd) -> Result<(), AttemptError> {
        let InsertStatements::Copy { begin, copy, set_counter } = &self.statements else {
            return Ok(());
        };
        let lost = |error: tokio_postgres::Error| self.failed(&error, false);
        let begun = answers::rows(self.session.simple_query(begin).await.map_err(lost)?);
        let begun: Vec<i64> = begun.iter().filter_map(|row| answers::parsed(row, 0)).collect();
        let before = match (set_counter, begun.as_slice()) {
            (Some(_), [first_id, _])
                if first_id.checked_add(batch.events.len() as i64).is_none() =>
            {
                return Err(self.broken(self.no_id_left(), false));
            }
            (Some(_), [first_id, ts]) => RowPrefix { first_id: Some(*first_id), ts: Some(*ts) },
            (None, ts) => RowPrefix { first_id: None, ts: ts.first().copied() },
            (Some(_), _) => return Err(self.broken(self.no_counter(), false)),
        };
        let rows = self.send(copy, &batch.events, before).await.map_err(lost)?;
        self.confirm(rows, batch, "is rolled back")?;
        if end == AttemptEnd::RollBack {
            return self.session.batch_execute("rollback").await.map_err(lost);
        }
        if let (Some(set_counter), Some(first_id)) = (set_counter, before.first_id) {
            self.session
                .batch_execute(&set_counter(first_id + rows.cast_signed()))
                .await
                .map_err(lost)?;
        }
        let committed = self.session.batch_execute("commit").await;
        committed.map_err(|error| self.failed(&error, is_outcome_unknown(&error)))
    }

    async fn send(
        &self,
        copy: &tokio_postgres::Statement,
        events: &[String],
        before: RowPrefix,
    ) -> Result<u64, tokio_postgres::Error> {
        let mut sink = pin!(self.session.copy_in::<_, Bytes>(copy).await?);
        for piece in rows::pieces(events, before) {
            sink.feed(piece).await?;
        }
        sink.finish().await
    }

    fn confirm(&self, rows: u64, batch: &LoadBatch, state: &str) -> Result<(), AttemptError> {
        if rows == batch.events.len() as u64 {
            return Ok(());
        }
        let error = Error::new(ErrorKind::Unsuitable, self.what())
            .at(self.place())
            .because(format!(
                "{} events were sent, {rows} arrived, and that {state}",
                batch.events.len()
            ))
            .fix("a trigger or rule discards inserted events; drop it");
        Err(self.broken(error, false))
    }

    fn no_counter(&self) -> Error {
        Error::new(ErrorKind::Unsuitable, self.what())
            .at(self.place())
            .because(
                "the counter does not hold the next id: it is empty, or not beyond the last event",
            )
            .fix("let its one row hold the highest id plus one")
    }

    fn no_id_left(&self) -> Error {
        Error::new(ErrorKind::Unsuitable, self.what())
            .at(self.place())
            .because("the counter has reached the highest possible id")
            .fix("find out how it came there; nothing of this batch was written")
    }

    fn failed(&self, error: &tokio_postgres::Error, is_outcome_unknown: bool) -> AttemptError {
        let told = self.session.error(error, self.what());
        let told = match error.as_db_error().and_then(|refusal| self.grant(refusal.message())) {
            Some(grant) => told.fix(format!("{grant}, then start again")),
            None => told,
        };
        self.broken(told, is_outcome_unknown)
    }

    /// The statement that gives what the server says is missing, where its words name the thing.
    /// They do not say which privilege: where ids are consecutive, the table is also read.
    fn grant(&self, refusal: &str) -> Option<String> {
        let (kind, name) = refusal.strip_prefix("permission denied for ")?.split_once(' ')?;
        let (schema, table) = self.table.rsplit_once('.')?;
        let (name, role) = (sql::ident(name), sql::ident(&self.session.server().role));
        match kind {
            "table" if name == table || name == format!("\"{table}\"") => {
                let needed = match self.statements {
                    InsertStatements::Insert { .. }
                    | InsertStatements::Copy { set_counter: None, .. } => "INSERT",
                    _ => "SELECT, INSERT",
                };
                Some(format!("GRANT {needed} ON {} TO {role}", self.table))
            }
            // That of consecutive ids.
            "table" => Some(format!("GRANT SELECT, UPDATE ON {schema}.{name} TO {role}")),
            "sequence" => Some(format!("GRANT USAGE ON SEQUENCE {schema}.{name} TO {role}")),
            _ => None,
        }
    }

    fn broken(&self, error: Error, is_outcome_unknown: bool) -> AttemptError {
        AttemptError { error: error.at(self.place()), is_outcome_unknown }
    }

    fn what(&self) -> String {
        format!("cannot write events into {}", self.table)
    }

    fn place(&self) -> String {
        format!("{} {}", self.session.place(), self.table)
    }
}

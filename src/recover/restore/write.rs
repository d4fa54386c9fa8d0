//! Fills the source, batch by batch, in transactions that keep writers out and user triggers off.
//!
//! Triggers, those of partitions too, are switched off one by one and on again as each was, in the
//! transaction itself: a crash, which rolls it back, leaves none of them off, and one that its
//! owner has disabled stays so. `session_replication_role` would not do: it takes more than
//! ownership, and triggers that are enabled ALWAYS (ours are) fire all the same.

use crate::destination::postgres::editor::TableEditor;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::EventStore;
use crate::recover::batch::{RowBatch, TransactionLimits};
use crate::recover::repair::RepairReport;
use crate::source::ids::next_id::NextId;
use crate::sql;
use crate::stop::Stop;
use futures::StreamExt;
use slog::Logger;

/// Where rows come from and where they go.
pub struct RestoreWriter<'a> {
    /// The source's table.
    pub held: &'a TableEditor,
    /// The destination, in the form of `held`.
    pub from: &'a dyn EventStore,
    /// Its highest id.
    pub last: i64,
    /// What is to go on after it.
    pub next_id: &'a NextId,
    /// Of a transaction.
    pub limits: TransactionLimits,
    /// When it is to end.
    pub stop: &'a Stop,
    /// Where each batch is told.
    pub log: &'a Logger,
}

impl RestoreWriter<'_> {
    /// Copies everything above the position of the source, in id order. The next id is raised
    /// beyond all of it in every transaction, the first one included: a writer in between gets no
    /// id that a destination holds.
    ///
    /// # Errors
    /// `Contents` when another session writes there; those of both sides. What was committed before
    /// stays.
    pub async fn fill(&self, mut position: Option<i64>, done: &mut RepairReport) -> Result<()> {
        let mut batch = RowBatch::new(self.limits);
        let range = IdRange { after: position, through: self.last };
        let mut rows = self.from.rows(range);
        loop {
            let Some(row) = self.stop.or(rows.next()).await else {
                done.is_stopped = true;
                return Ok(());
            };
            let Some(row) = row.transpose()? else { break };
            let bytes = row.bytes.len();
            if batch.is_full_for(bytes) {
                self.put_in(&mut batch, &mut position, done).await?;
            }
            batch.push(row, bytes);
        }
        if !batch.rows.is_empty() || done.events == 0 {
            self.put_in(&mut batch, &mut position, done).await?;
        }
        Ok(())
    }

    async fn put_in(
        &self,
        batch: &mut RowBatch,
        position: &mut Option<i64>,
        done: &mut RepairReport,
    ) -> Result<()> {
        let filled = self.transaction(batch, *position).await;
        if let Err(error) = filled {
            self.held.roll_back().await;
            return Err(in_the_way(error));
        }
        *position = batch.rows.last().map(|row| row.id).or(*position);
        done.add(batch.rows.len() as u64, *position, self.log);
        batch.clear();
        Ok(())
    }

    async fn transaction(&self, batch: &RowBatch, position: Option<i64>) -> Result<()> {
        self.held.begin_alone(&self.next_id.raise(self.last), position).await?;
        let triggers = self.triggers().await?;
        let off: Vec<&str> = triggers.iter().map(|(off, _)| off.as_str()).collect();
        let on: Vec<&str> = triggers.iter().map(|(_, on)| on.as_str()).collect();
        self.held.run(&off.join("\n")).await?;
        self.held.put_in(&batch.rows).await?;
        self.held.run(include_str!("../../../sql/recover/constraints.sql")).await?;
        self.held.run(&on.join("\n")).await?;
        self.held.commit().await
    }

    /// For each trigger the statement that disables it and the one that enables it as it was.
    async fn triggers(&self) -> Result<Vec<(String, String)>> {
        let asked = self
            .held
            .session()
            .query(include_str!("../../../sql/recover/triggers.sql"), &[&self.held.to().oid])
            .await;
        let rows = asked.map_err(|error| self.held.failed(&error))?;
        let statements = rows.iter().map(|row| {
            let (schema, table, name, enabled): (&str, &str, &str, &str) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            let how = match enabled {
                "A" => "always",
                "R" => "replica",
                _ => "",
            };
            let names = [
                ("schema", sql::text(schema)),
                ("table", sql::text(table)),
                ("trigger", sql::text(name)),
                ("how", sql::sql(how)),
            ];
            let fill = |file| sql::fill(file, &names);
            (
                fill(include_str!("../../../sql/recover/trigger_off.sql")),
                fill(include_str!("../../../sql/recover/trigger_on.sql")),
            )
        });
        Ok(statements.collect())
    }
}

/// What to do about a writer at the source meanwhile.
fn in_the_way(error: Error) -> Error {
    match (error.kind(), error.sqlstate()) {
        (_, Some("55P03")) => error
            .because(
                "another session has held the table, or the counter of ids, in a transaction for \
                 ten seconds",
            )
            .fix("stop all writers to the source, then start again: whole batches stay"),
        (ErrorKind::Contents, _) => error.fix(
            "stop all writers to the source, remove what was written there, then start again: \
             whole batches stay",
        ),
        _ => error,
    }
}

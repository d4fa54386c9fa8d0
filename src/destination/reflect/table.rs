//! Writes one table of a destination, step by step, within the transaction of a batch.

use super::literal::write_line;
use super::mapping::TableMapping;
use super::state::{self, EntryState};
use super::statements::{ADDED, BEFORE, CHANGED, GONE, TableStatements};
use super::tables::ReflectedTable;
use crate::config::{DeleteReaction, DriftReaction};
use crate::error::{Error, ErrorKind, Result, Warning};
use crate::event::captured::CapturedColumn;
use crate::event::change::RowImage;
use crate::event::net::NetChanges;
use crate::postgres::session::Session;
use bytes::Bytes;
use futures::SinkExt;
use std::pin::pin;
use tokio_postgres::error::SqlState;

/// Lines are sent in pieces of about so many bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// See the module.
pub(super) struct TableWriter<'a> {
    pub(super) session: &'a Session,
    pub(super) table: &'a ReflectedTable,
    /// The destination's.
    pub(super) name: &'a str,
}

/// Sends rows to the temporary table of a mapping.
///
/// # Errors
/// Those of the session; `Contents` for a row without one of the columns.
pub(super) async fn send_rows(
    session: &Session,
    of_table: (&TableMapping, &TableStatements),
    rows: &[RowImage],
) -> Result<()> {
    let what = format!("cannot send rows of {}", of_table.0.source.source);
    let lines: Vec<(i16, &RowImage)> = rows.iter().map(|row| (ADDED, row)).collect();
    send(session, of_table, what, &lines).await
}

async fn send(
    session: &Session,
    (mapping, statements): (&TableMapping, &TableStatements),
    what: String,
    lines: &[(i16, &RowImage)],
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let failed = |error: tokio_postgres::Error| session.error(&error, what.clone());
    let columns: Vec<CapturedColumn> =
        mapping.source.columns.iter().filter(|of| !of.is_virtual).cloned().collect();
    let mut sink = pin!(session.copy_in::<_, Bytes>(&statements.copy).await.map_err(failed)?);
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    for (side, image) in lines {
        write_line(&mut piece, *side, image, &columns)?;
        if piece.len() >= PIECE_BYTES {
            let full = Bytes::from(std::mem::take(&mut piece));
            sink.feed(full).await.map_err(failed)?;
        }
    }
    sink.feed(Bytes::from(piece)).await.map_err(failed)?;
    sink.finish().await.map_err(failed)?;
    Ok(())
}

impl TableWriter<'_> {
    fn what(&self) -> String {
        format!("cannot compute {} of destination \"{}\"", self.table.mapping.table, self.name)
    }

    fn failed(&self, error: &tokio_postgres::Error) -> Error {
        self.session.error(error, self.what())
    }

    async fn run(&self, statement: &str) -> Result<u64> {
        self.session.execute(statement, &[]).await.map_err(|error| self.failed(&error))
    }

    /// All rows go.
    pub(super) async fn empty(&self) -> Result<()> {
        self.run(&self.table.statements.delete_all).await.map(drop)
    }

    /// All rows go, and are loaded again from the first.
    pub(super) async fn restart(&self, entry: &mut EntryState) -> Result<()> {
        self.empty().await?;
        let of = self.table.mapping.entry();
        state::forget_ranges(self.session, (self.name, &of), None).await?;
        *entry = EntryState::new(self.table.target.oid, &self.table.mapping);
        state::write_entry(self.session, self.name, (&of, entry)).await
    }

    /// Sends what remains of changes to the temporary table.
    pub(super) async fn stage(&self, net: &NetChanges) -> Result<()> {
        let mut lines: Vec<(i16, &RowImage)> = Vec::new();
        if self.table.mapping.deletes == DeleteReaction::Apply {
            lines.extend(net.gone.iter().map(|row| (GONE, &row.before)));
        }
        for row in &net.changed {
            lines.extend(row.before.as_ref().map(|before| (BEFORE, before)));
            let side = if row.before.is_some() { CHANGED } else { ADDED };
            lines.push((side, &row.after));
        }
        self.send(&lines).await
    }

    /// Sends rows that were loaded to the temporary table.
    pub(super) async fn stage_rows(&self, rows: &[RowImage]) -> Result<()> {
        send_rows(self.session, (&self.table.mapping, &self.table.statements), rows).await
    }

    async fn send(&self, lines: &[(i16, &RowImage)]) -> Result<()> {
        let of_table = (&self.table.mapping, &self.table.statements);
        send(self.session, of_table, self.what(), lines).await
    }

    /// Compares the rows that are to be changed with what the log says that they were.
    ///
    /// # Errors
    /// `Contents` where they differ and that is to stop the destination.
    pub(super) async fn compare(
        &self,
        reaction: DriftReaction,
        entry: &EntryState,
    ) -> Result<Option<Warning>> {
        // While rows are loaded, changes arrive at rows that are older or younger than they.
        if reaction == DriftReaction::Off || !entry.is_settled() {
            return Ok(None);
        }
        let found = self.session.query_one(&self.table.statements.drift, &[]).await;
        let found = found.map_err(|error| self.failed(&error))?;
        let (rows, first): (i64, Option<String>) = (found.get(0), found.get(1));
        if rows == 0 {
            return Ok(None);
        }
        let first = first.unwrap_or_default();
        let table = &self.table.mapping.table;
        if reaction == DriftReaction::Report {
            let what = format!(
                "{rows} rows of {table} were not as the log has them, and are now; the key of one is \
                 ({first})"
            );
            return Ok(Some(Warning::new(what, "find out who writes to the table")));
        }
        let what = format!("{table} is not as its log says: rows to be changed are others there");
        Err(Error::new(ErrorKind::Contents, what)
            .at(format!("{}, {table}, key ({first})", self.session.place()))
            .because(format!("{rows} rows differ from what they were before the change"))
            .because("another session changed them, or changes were not captured for a while")
            .fix(
                "have the rows loaded again: counterfoil reflect load; drift = \"report\" takes the \
                 log's word instead; nothing of this batch was written",
            ))
    }

    /// Rows go whose keys are gone; gives whether they did. They stay as long as rows lead to them
    /// that are still to be written: then it is for [`Self::delete_left`].
    pub(super) async fn delete_gone(&self) -> Result<bool> {
        let delete = &self.table.statements.delete_gone;
        if self.table.mapping.deletes != DeleteReaction::Apply {
            return Ok(true);
        }
        if self.table.target.referenced_by.is_empty() {
            return self.run(delete).await.map(|_| true);
        }
        let failed = |error: tokio_postgres::Error| self.failed(&error);
        self.session.batch_execute("savepoint gone").await.map_err(failed)?;
        let end = match self.session.execute(delete, &[]).await {
            Ok(_) => "release savepoint gone",
            Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
                "rollback to savepoint gone"
            }
            Err(error) => return Err(self.failed(&error)),
        };
        self.session.batch_execute(end).await.map_err(failed)?;
        Ok(end.starts_with("release"))
    }

    /// The same after rows were written.
    pub(super) async fn delete_left(&self) -> Result<()> {
        self.run(&self.table.statements.delete_left).await.map(drop)
    }

    /// Rows come, or become what they are now.
    ///
    /// # Errors
    /// `Rejected` for rows that the table does not take.
    pub(super) async fn upsert(&self) -> Result<()> {
        let TableStatements { delete_changed, insert, .. } = &self.table.statements;
        self.upsert_or(&[delete_changed, insert]).await
    }

    /// Rows come that were loaded; what holds a value of another unique index that is theirs now
    /// goes: its own change is still to come.
    pub(super) async fn upsert_loaded(&self) -> Result<()> {
        let TableStatements { delete_clashes, upsert, .. } = &self.table.statements;
        let instead: Vec<&str> =
            delete_clashes.iter().chain([upsert]).map(String::as_str).collect();
        self.upsert_or(&instead).await
    }

    /// Writes the staged rows; where another unique index keeps one of them out, by these statements
    /// instead.
    async fn upsert_or(&self, instead: &[&str]) -> Result<()> {
        let failed = |error: tokio_postgres::Error| self.failed(&error);
        self.session.batch_execute("savepoint upsert").await.map_err(failed)?;
        match self.session.execute(&self.table.statements.upsert, &[]).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                if self.table.target.has_acting_references {
                    return Err(self.failed(&error).because(
                        "rows exchange values of a unique index, and foreign keys that act on \
                         deletes lead here: they cannot be deleted and inserted again",
                    ));
                }
                let back = "rollback to savepoint upsert";
                self.session.batch_execute(back).await.map_err(failed)?;
                for statement in instead {
                    self.run(statement).await?;
                }
                Ok(())
            }
            Err(error) => Err(self.failed(&error)),
        }?;
        self.session.batch_execute("release savepoint upsert").await.map_err(failed)
    }
}

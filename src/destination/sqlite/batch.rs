//! One transaction: what is confirmed before a row is written and before it is committed.
//!
//! `begin immediate` takes SQLite's write lock, so that from there to the commit nobody else
//! writes; under it the position is asked, the table and the place of the file are confirmed.

use super::error::of_sqlite;
use super::file::SqliteFile;
use super::store::TableQuestions;
use super::table::definition;
use super::thread::LockWait;
use crate::destination::plain::form::PlainValue;
use crate::destination::plain::rows::RowCodec;
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::RowBlock;
use crate::event::frame;
use crate::event::range::shown;
use crate::fail;
use crate::sql::{fill, ident, sql, text, without_header};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::sync::Arc;

/// Where and how rows are appended.
#[derive(Clone, Debug)]
pub(crate) struct BatchTarget {
    /// The destination's name, for messages.
    pub(crate) name: String,
    /// Its table.
    pub(crate) table: String,
    /// All that defined the table when it was compared.
    pub(crate) definition: String,
    pub(crate) questions: Arc<TableQuestions>,
    pub(crate) codec: Arc<RowCodec>,
    /// Appends a row.
    pub(crate) insert: String,
}

/// The transaction in hand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OpenBatch {
    rows: u64,
    last_id: Option<i64>,
}

impl BatchTarget {
    /// What cannot be done, for messages.
    pub(crate) fn what(&self) -> String {
        format!("cannot append to destination \"{}\"", self.name)
    }

    fn failed(&self, error: &rusqlite::Error, file: &SqliteFile) -> Error {
        of_sqlite(error, self.what()).at(self.place(file))
    }

    fn place(&self, file: &SqliteFile) -> String {
        format!("{}, {}", file.place(), self.table)
    }

    /// The highest id.
    pub(crate) fn position(&self, file: &SqliteFile, wait: &LockWait<'_>) -> Result<Option<i64>> {
        file.confirm_place()?;
        let position = wait.retry(|| self.questions.position(file));
        position.map_err(|error| self.failed(&error, file))
    }

    /// Begins a transaction whose rows follow this position.
    ///
    /// # Errors
    /// `Unavailable` when the destination moved, its table changed, the file is not in its place,
    /// or somebody else writes for too long; those of SQLite. Then none is open.
    pub(crate) fn begin(
        &self,
        file: &SqliteFile,
        wait: &LockWait<'_>,
        on: Option<i64>,
    ) -> Result<OpenBatch> {
        fail::point!("sqlite.before-begin");
        let begun = wait.retry(|| file.connection.execute_batch("begin immediate"));
        begun.map_err(|error| self.failed(&error, file))?;
        let confirmed = self.confirm(file, on);
        confirmed.inspect_err(|_| self.give_up(file))?;
        fail::point!("sqlite.begun");
        Ok(OpenBatch { rows: 0, last_id: on })
    }

    fn confirm(&self, file: &SqliteFile, on: Option<i64>) -> Result<()> {
        file.confirm_place()?;
        let asked = definition(file, &self.table)
            .and_then(|definition| Ok((definition, self.questions.position(file)?)));
        let (definition, found) = asked.map_err(|error| self.failed(&error, file))?;
        let moved = |what: &str| {
            Error::new(ErrorKind::Unavailable, what.to_owned()).at(self.place(file)).fix(
                "the batch was rolled back; source and destination are re-checked before anything \
                 else is written",
            )
        };
        if definition != self.definition {
            return Err(moved("the destination's table, its indexes or its triggers have changed"));
        }
        if found != on {
            let error = moved("the destination has moved: another session changed it");
            return Err(error.because(format!(
                "its highest id is {}, {} was expected",
                shown(found),
                shown(on)
            )));
        }
        Ok(())
    }

    /// Appends rows.
    ///
    /// # Errors
    /// `Rejected` with id and column; those of SQLite. Then the transaction is rolled back.
    pub(crate) fn write(
        &self,
        file: &SqliteFile,
        batch: &mut OpenBatch,
        rows: &RowBlock,
    ) -> Result<()> {
        let written = self.write_all(file, batch, rows);
        written.inspect_err(|_| self.give_up(file))
    }

    fn write_all(&self, file: &SqliteFile, batch: &mut OpenBatch, rows: &RowBlock) -> Result<()> {
        let rows = frame::rows_of(&rows.bytes, self.codec.layout())?;
        let mut insert = file
            .connection
            .prepare_cached(&self.insert)
            .map_err(|error| self.failed(&error, file))?;
        for row in &rows {
            let of_row = |error: Error| {
                let narrow = error.place().map_or_else(|| format!("id {}", row.id), str::to_owned);
                error.at(format!("{}, {narrow}", self.place(file)))
            };
            let values = self.codec.values(row).map_err(of_row)?;
            let appended = append(&mut insert, &values)
                .map_err(|error| of_row(refused(of_sqlite(&error, self.what()))))?;
            if appended != 1 {
                return Err(of_row(not_taken()));
            }
            batch.rows += 1;
            batch.last_id = Some(row.id);
        }
        fail::point!("sqlite.written");
        Ok(())
    }

    /// Commits what was appended; when it returns, it is on disk.
    ///
    /// # Errors
    /// `Rejected` where the table does not end with the last row; `Unavailable` where readers are
    /// in the way for too long, or the file is not in its place any more: then the outcome is not
    /// known. Those of SQLite.
    pub(crate) fn commit(
        &self,
        file: &SqliteFile,
        wait: &LockWait<'_>,
        batch: OpenBatch,
    ) -> Result<()> {
        let ending = || {
            file.confirm_place()?;
            let last = self.questions.position(file).map_err(|error| self.failed(&error, file))?;
            if last != batch.last_id {
                return Err(not_taken().at(self.place(file)));
            }
            fail::point!("sqlite.before-commit");
            let committed = wait.retry(|| file.connection.execute_batch("commit"));
            committed.map_err(|error| self.failed(&error, file))
        };
        ending().inspect_err(|_| self.give_up(file))?;
        fail::point!("sqlite.committed");
        // A file that was put in its place meanwhile lacks these rows.
        file.confirm_place()
    }

    /// Rolls back, where a transaction is open.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn roll_back(&self, file: &SqliteFile) -> Result<()> {
        if file.connection.is_autocommit() {
            return Ok(());
        }
        let rolled_back = file.connection.execute_batch("rollback");
        rolled_back.map_err(|error| self.failed(&error, file))
    }

    /// After an error, which is told.
    fn give_up(&self, file: &SqliteFile) {
        drop(self.roll_back(file));
    }
}

/// A trigger is in the way.
fn not_taken() -> Error {
    Error::new(ErrorKind::Rejected, "the destination did not take every row as it is")
        .fix("a trigger discards, changes or adds rows; drop it; nothing of this batch was written")
}

/// Says what to do about a row that a constraint refuses.
fn refused(error: Error) -> Error {
    if error.kind() != ErrorKind::Rejected {
        return error;
    }
    error.fix(
        "a constraint of the table refuses this event: drop it, or correct the table; nothing of \
         this batch was written",
    )
}

/// A value as SQLite takes it, without a copy.
struct BoundValue<'a>(&'a PlainValue<'a>);

impl ToSql for BoundValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            PlainValue::Null => ValueRef::Null,
            PlainValue::Integer(number) => ValueRef::Integer(*number),
            PlainValue::Real(number) => ValueRef::Real(*number),
            PlainValue::Text(text) => ValueRef::Text(text.as_bytes()),
            PlainValue::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn append(
    insert: &mut rusqlite::Statement<'_>,
    values: &[PlainValue<'_>],
) -> rusqlite::Result<usize> {
    for (at, value) in values.iter().enumerate() {
        insert.raw_bind_parameter(at + 1, BoundValue(value))?;
    }
    insert.raw_execute()
}

/// The statement that appends a row of these columns.
pub(crate) fn insert_statement(table: &str, columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| ident(column)).collect();
    let values: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    let names = [
        ("table", text(table)),
        ("columns", sql(quoted.join(", "))),
        ("values", sql(values.join(", "))),
    ];
    fill(without_header(include_str!("../../../sql/sqlite/append.sql")), &names)
}

//! What `init destination` makes in a file of SQLite: the file, the event table in the shape of the
//! source's, and on request a guard that lets only Counterfoil change it.

use super::error::of_sqlite;
use super::file::SqliteFile;
use super::table::{SqliteTable, SqliteTypes};
use crate::config::SqliteDestinationConfig;
use crate::destination::plain::shape::{PlainTypes, wire};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::wire::WireColumn;
use crate::postgres::ddl::script::SetupReport;
use crate::postgres::table::EventTable;
use crate::sql::{GUARD, fill, ident, sql, text, without_header};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is wanted in a file.
#[derive(Clone, Debug)]
pub struct SqliteSetup {
    path: PathBuf,
    table: String,
    /// Makes the table.
    create: String,
    /// The triggers of the guard, by their names.
    guards: Vec<(String, String)>,
}

/// What is missing of it, in the order in which it is made.
#[derive(Debug, Default)]
struct MissingParts {
    /// What each is, and its SQL.
    steps: Vec<(String, String)>,
    present: Vec<String>,
    notes: Vec<String>,
}

impl SqliteSetup {
    /// For the table of a source.
    ///
    /// # Errors
    /// `Unsuitable` for names that no table of SQLite can have beside each other.
    pub fn new(
        to: &SqliteDestinationConfig,
        source: &EventTable,
        id_column: &str,
        is_guarded: bool,
    ) -> Result<Self, Problems> {
        let wire = wire(source, &to.rename, None)?;
        let column = |from: &WireColumn| {
            let name = ident(to.rename.there(&from.name));
            if from.name == id_column {
                return format!("    {name} INTEGER PRIMARY KEY");
            }
            let is_not_null = source.column(&from.name).is_some_and(|column| column.is_not_null);
            let not_null = if is_not_null { " NOT NULL" } else { "" };
            format!("    {name} {}{not_null}", SqliteTypes.made_as(from))
        };
        let columns: Vec<String> = wire.columns.iter().map(column).collect();
        let names = [("table", text(&*to.table)), ("columns", sql(columns.join(",\n")))];
        let create = without_header(include_str!("../../../sql/sqlite/create_table.sql"));
        let events: &[&str] = if is_guarded { &["insert", "update", "delete"] } else { &[] };
        let guard = |event: &&str| {
            let name = format!("{GUARD}_{event}_{}", to.table);
            let names =
                [("trigger", text(&*name)), ("table", text(&*to.table)), ("event", sql(*event))];
            let trigger = without_header(include_str!("../../../sql/sqlite/guard.sql"));
            (name.clone(), fill(trigger, &names))
        };
        Ok(Self {
            path: to.path.clone(),
            table: to.table.clone(),
            create: fill(create, &names),
            guards: events.iter().map(guard).collect(),
        })
    }

    /// The SQL of what is missing, for the program sqlite3; nothing is changed.
    ///
    /// # Errors
    /// Those of SQLite.
    pub async fn missing_sql(&self, limit: Duration) -> Result<String> {
        let setup = self.clone();
        let asking = move || {
            if !setup.path.exists() {
                return Ok(format!(
                    "PRAGMA journal_mode = wal;\n{}",
                    setup.missing_in(None)?.sql()
                ));
            }
            Ok(setup.missing_in(Some(&SqliteFile::open(&setup.path, limit)?))?.sql())
        };
        blocking(asking).await
    }

    /// Makes what is missing, in one transaction; a file that is not there is made.
    ///
    /// # Errors
    /// Those of SQLite; then nothing was made but an empty file, perhaps.
    pub async fn apply(&self, limit: Duration) -> Result<SetupReport> {
        let setup = self.clone();
        blocking(move || setup.made(limit)).await
    }

    fn made(&self, limit: Duration) -> Result<SetupReport> {
        let is_new = !self.path.exists();
        if is_new {
            self.make_file()?;
        }
        let file = SqliteFile::open(&self.path, limit)?;
        let failed = |error: rusqlite::Error| self.failed(&error);
        file.connection.busy_timeout(limit).map_err(failed)?;
        file.connection.execute_batch("begin immediate").map_err(failed)?;
        let missing = self.missing_in(Some(&file))?;
        for (_, step) in &missing.steps {
            file.connection.execute_batch(step).map_err(failed)?;
        }
        file.connection.execute_batch("commit").map_err(failed)?;
        let made = is_new.then(|| format!("file {}", self.path.display()));
        Ok(SetupReport {
            created: made
                .into_iter()
                .chain(missing.steps.into_iter().map(|(what, _)| what))
                .collect(),
            present: missing.present,
            notes: missing.notes,
        })
    }

    /// An empty file in WAL mode.
    fn make_file(&self) -> Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let making = Connection::open_with_flags(&self.path, flags).and_then(|connection| {
            connection.query_row("pragma journal_mode = wal", [], |row| row.get::<_, String>(0))
        });
        making.map_err(|error| self.failed(&error))?;
        // SQLite sees to the entries of its journals, and not to that of the file itself.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|at| at.sync_all());
        synced.map_err(|error| {
            Error::new(ErrorKind::Unavailable, "cannot write the folder of the file to disk")
                .at(self.path.display().to_string())
                .caused_by(&error)
        })
    }

    fn missing_in(&self, file: Option<&SqliteFile>) -> Result<MissingParts> {
        let table = file.map(|file| SqliteTable::read(file, &self.table)).transpose();
        let table = table.map_err(|error| self.failed(&error))?.flatten();
        let mut parts = MissingParts::default();
        match &table {
            None => {
                parts.steps.push((format!("table {}", ident(&self.table)), self.create.clone()))
            }
            Some(_) => {
                parts.present.push(format!("table {}", ident(&self.table)));
                parts.notes.push(format!(
                    "table {} is taken as it is: counterfoil run --dry-run says whether it fits",
                    ident(&self.table)
                ));
            }
        }
        for (name, trigger) in &self.guards {
            let what = format!("trigger {}", ident(name));
            if table.as_ref().is_some_and(|table| table.has_trigger(name)) {
                parts.present.push(what);
            } else {
                parts.steps.push((what, trigger.clone()));
            }
        }
        Ok(parts)
    }

    fn failed(&self, error: &rusqlite::Error) -> Error {
        of_sqlite(error, "cannot make the table").at(self.path.display().to_string())
    }
}

impl MissingParts {
    fn sql(&self) -> String {
        let notes = self.notes.iter().map(|note| format!("-- {note}\n"));
        let steps = self.steps.iter().map(|(_, step)| format!("{step}\n"));
        notes.chain(steps).collect()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Bug, "work on a file of SQLite did not end").caused_by(&error))
    })
}

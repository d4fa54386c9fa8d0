//! An open file of SQLite: how it is opened and set, and whether it is still what its path leads
//! to.
//!
//! Why a commit is durable: in WAL mode with `synchronous = full` a commit returns when its pages in
//! the `-wal` file are on disk; with a rollback journal `synchronous = extra` also waits for the
//! folder to forget the journal, so that no crash of the machine brings it back and undoes the
//! commit (sqlite.org, "PRAGMA synchronous"). The mode of the file is left as it is; `init` makes
//! new files in WAL mode, in which readers and the writer do not wait for each other.

use super::error::of_sqlite;
use super::lock::ReplicatorLock;
use crate::error::{Error, ErrorKind, Result};
use crate::sql;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, FileControl, MAIN_DB, OpenFlags};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// See the module. No other handle of the file is opened or closed by this process: with any of
/// them the system would let go of SQLite's locks (sqlite.org, "How To Corrupt", 2.2).
pub(crate) struct SqliteFile {
    pub(crate) connection: Connection,
    /// Without links.
    pub(crate) path: PathBuf,
    /// By which the table is ours, once it is.
    pub(crate) lock: Option<ReplicatorLock>,
}

impl SqliteFile {
    /// Opens a file that is there.
    pub(super) fn open(path: &Path, lock_max: Duration) -> Result<Self> {
        let path = real_path(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let at = |error: &rusqlite::Error| {
            of_sqlite(error, "cannot open the file").at(path.display().to_string())
        };
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| at(&error))?;
        let file = Self { connection, path: path.clone(), lock: None };
        file.set(lock_max).map_err(|error| at(&error))?;
        Ok(file)
    }

    /// What holds for all that is asked; the first thing that is read of the file.
    fn set(&self, lock_max: Duration) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(lock_max)?;
        let synchronous = if self.is_in_wal_mode()? { "full" } else { "extra" };
        let pragmas = sql::fill(
            include_str!("../../../sql/sqlite/open.sql"),
            &[("synchronous", sql::sql(synchronous))],
        );
        connection.execute_batch(&pragmas)?;
        // Nobody else has it: what the guard lets in is ours.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        connection.create_scalar_function(sql::GUARD, 0, flags, |_| Ok(1))?;
        // From here on whoever waits for a lock decides how long.
        connection.busy_timeout(Duration::ZERO)
    }

    /// Whether readers and the writer do not wait for each other.
    pub(crate) fn is_in_wal_mode(&self) -> rusqlite::Result<bool> {
        let mode: String = self.connection.query_row(
            sql::without_header(include_str!("../../../sql/sqlite/journal_mode.sql")),
            [],
            |row| row.get(0),
        )?;
        Ok(mode == "wal")
    }

    /// Whether it cannot be written.
    pub(crate) fn is_read_only(&self) -> rusqlite::Result<bool> {
        self.connection.is_readonly(MAIN_DB)
    }

    /// Confirms that the path still leads to it.
    ///
    /// # Errors
    /// `Unavailable` when it was moved, removed or replaced.
    pub(crate) fn confirm_place(&self) -> Result<()> {
        let mut has_moved = 0;
        let asked =
            self.connection.file_control(None::<&str>, FileControl::HasMoved(&mut has_moved));
        asked.map_err(|error| {
            of_sqlite(&error, "cannot find out whether the file is in its place").at(self.place())
        })?;
        if has_moved == 0 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the file was moved, removed or replaced while it was open",
        )
        .at(self.place())
        .fix(
            "nothing more is written into the old file; the one in its place is compared with the \
             source before anything is written",
        ))
    }

    /// The path, for messages.
    pub(crate) fn place(&self) -> String {
        self.path.display().to_string()
    }
}

/// The path without links, of a file that is there and has one name.
fn real_path(path: &Path) -> Result<PathBuf> {
    let shown = path.display().to_string();
    let missing = |error: &std::io::Error| {
        let error =
            Error::new(ErrorKind::Access, "cannot open the file").at(&shown).caused_by(error);
        error.fix("counterfoil init destination makes it; or correct the path in url")
    };
    let real = path.canonicalize().map_err(|error| missing(&error))?;
    let facts = std::fs::metadata(&real).map_err(|error| missing(&error))?;
    let unsuitable = |what: &str| Error::new(ErrorKind::Unsuitable, what.to_owned()).at(&shown);
    if !facts.is_file() {
        return Err(unsuitable("the path leads to no file").fix("name a file of SQLite"));
    }
    if facts.nlink() > 1 {
        return Err(unsuitable("it has several names (hard links)")
            .because("SQLite keeps its journal beside one of them, and does not find it by another")
            .fix("remove the other names, or make them symbolic links"));
    }
    Ok(real)
}

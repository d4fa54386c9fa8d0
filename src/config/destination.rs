//! A destination as it is configured: what all kinds have in common, and a variant for each kind.

use super::libpq::Conninfo;
use super::reflections::{ReflectionConfig, ReflectionsConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{ALIKE, ColumnNames, RowCondition, TableName};
use std::path::{Path, PathBuf};

/// `[[destinations]]`.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// How it is called in logs and messages; default: its database's name (slate's form), made
    /// unique.
    pub name: String,
    /// What it is.
    pub kind: DestinationKind,
}

/// What a destination is, by the scheme of its URL.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each destination, and no more")]
pub enum DestinationKind {
    /// A table of PostgreSQL.
    Postgres(PostgresDestinationConfig),
    /// Tables that are computed from changes.
    Reflections(ReflectionsConfig),
    /// A table in a file of SQLite.
    Sqlite(SqliteDestinationConfig),
}

/// A destination in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresDestinationConfig {
    /// How to connect.
    pub conninfo: Conninfo,
    /// The event table; default: the source's.
    pub table: TableName,
    /// Which of the source's events it takes; `None`: all.
    pub rows: Option<RowCondition>,
    /// What it calls columns of the source; default: as the source does.
    pub rename: ColumnNames,
    /// Concurrent COPYs; commits stay in id order; default 1, at most 16.
    pub writers: u8,
    /// `synchronous_commit` of every commit: `on`, `off`, `local`, `remote_write` or
    /// `remote_apply`. `None`, which is `auto` and the default: as `on`, but a batch that others
    /// follow at once does not wait for the disk.
    pub synchronous_commit: Option<String>,
}

/// A destination in a file of SQLite.
#[derive(Clone, Debug)]
pub struct SqliteDestinationConfig {
    /// The file.
    pub path: PathBuf,
    /// Its name without the ending.
    pub stem: String,
    /// The event table; default: named like the source's.
    pub table: String,
    /// Which of the source's events it takes; `None`: all.
    pub rows: Option<RowCondition>,
    /// What it calls columns of the source; default: as the source does.
    pub rename: ColumnNames,
}

/// What a kind of destination says of itself before anything is connected.
pub trait DestinationSettings {
    /// Where it is: host and name, never a secret.
    fn describe(&self) -> String;

    /// What is written to there: a table, a stream, a file.
    fn target(&self) -> String;

    /// How it is called where no name is written.
    fn default_name(&self) -> &str;

    /// Which of the source's events it takes; `None`: all.
    fn rows(&self) -> Option<&RowCondition>;

    /// What it calls columns of the source.
    fn rename(&self) -> &ColumnNames;

    /// Whether it is the same as another one, by what is written.
    fn is_same(&self, other: &DestinationKind) -> bool;

    /// Whether it is this table of PostgreSQL, by what is written.
    fn is_table(&self, conninfo: &Conninfo, table: &TableName) -> bool {
        let _ = (conninfo, table);
        false
    }

    /// Copies what the table of this name holds: one of several of a source.
    fn set_table(&mut self, table: &TableName);
}

impl DestinationConfig {
    /// What it is in PostgreSQL; `None` for any other kind.
    pub fn postgres(&self) -> Option<&PostgresDestinationConfig> {
        match &self.kind {
            DestinationKind::Postgres(postgres) => Some(postgres),
            DestinationKind::Sqlite(_) | DestinationKind::Reflections(_) => None,
        }
    }

    /// What it computes; `None` for a copy.
    pub fn reflections(&self) -> Option<&ReflectionsConfig> {
        match &self.kind {
            DestinationKind::Reflections(reflections) => Some(reflections),
            DestinationKind::Postgres(_) | DestinationKind::Sqlite(_) => None,
        }
    }

    /// The same, to change it.
    pub fn postgres_mut(&mut self) -> Option<&mut PostgresDestinationConfig> {
        match &mut self.kind {
            DestinationKind::Postgres(postgres) => Some(postgres),
            DestinationKind::Sqlite(_) | DestinationKind::Reflections(_) => None,
        }
    }

    /// What it is in PostgreSQL, for a command that works with tables of PostgreSQL alone.
    ///
    /// # Errors
    /// `Usage` for any other kind.
    pub fn require_postgres(&self) -> Result<&PostgresDestinationConfig> {
        let other = || {
            let what = format!(
                "destination {:?} is not a table of PostgreSQL, and this command works with those \
                 alone",
                self.name
            );
            Error::new(ErrorKind::Usage, what).at(self.settings().describe())
        };
        self.postgres().ok_or_else(other)
    }

    /// What it says of itself.
    pub fn settings(&self) -> &dyn DestinationSettings {
        self.kind.settings()
    }
}

impl DestinationKind {
    /// What it says of itself.
    pub fn settings(&self) -> &dyn DestinationSettings {
        match self {
            Self::Postgres(postgres) => postgres,
            Self::Reflections(reflections) => reflections,
            Self::Sqlite(sqlite) => sqlite,
        }
    }

    /// The same, to change it.
    pub(super) fn settings_mut(&mut self) -> &mut dyn DestinationSettings {
        match self {
            Self::Postgres(postgres) => postgres,
            Self::Reflections(reflections) => reflections,
            Self::Sqlite(sqlite) => sqlite,
        }
    }
}

impl PostgresDestinationConfig {
    /// `synchronous_commit` of a session that writes to it.
    pub fn commits(&self) -> &str {
        self.synchronous_commit.as_deref().unwrap_or("on")
    }
}

impl DestinationSettings for PostgresDestinationConfig {
    fn describe(&self) -> String {
        self.conninfo.describe()
    }

    fn target(&self) -> String {
        self.table.to_string()
    }

    fn default_name(&self) -> &str {
        &self.conninfo.database
    }

    fn rows(&self) -> Option<&RowCondition> {
        self.rows.as_ref()
    }

    fn rename(&self) -> &ColumnNames {
        &self.rename
    }

    fn is_same(&self, other: &DestinationKind) -> bool {
        other.settings().is_table(&self.conninfo, &self.table)
    }

    fn is_table(&self, conninfo: &Conninfo, table: &TableName) -> bool {
        self.table == *table && self.conninfo.may_be_same_database(conninfo)
    }

    fn set_table(&mut self, table: &TableName) {
        self.table = table.clone();
        self.rename = std::mem::take(&mut self.rename).of_several();
    }
}

impl DestinationSettings for ReflectionsConfig {
    fn describe(&self) -> String {
        self.conninfo.describe()
    }

    fn target(&self) -> String {
        let tables: Vec<String> = self.reflections.iter().map(|of| of.table.to_string()).collect();
        tables.join(", ")
    }

    fn default_name(&self) -> &str {
        &self.conninfo.database
    }

    fn rows(&self) -> Option<&RowCondition> {
        None
    }

    fn rename(&self) -> &ColumnNames {
        &ALIKE
    }

    fn is_same(&self, other: &DestinationKind) -> bool {
        let is_theirs =
            |of: &ReflectionConfig| other.settings().is_table(&self.conninfo, &of.table);
        self.reflections.iter().any(is_theirs)
    }

    fn is_table(&self, conninfo: &Conninfo, table: &TableName) -> bool {
        self.conninfo.may_be_same_database(conninfo)
            && self.reflections.iter().any(|of| of.table == *table)
    }

    /// The log is what is read, whatever else the source has.
    fn set_table(&mut self, _: &TableName) {}
}

impl DestinationSettings for SqliteDestinationConfig {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn target(&self) -> String {
        self.table.clone()
    }

    fn default_name(&self) -> &str {
        &self.stem
    }

    fn rows(&self) -> Option<&RowCondition> {
        self.rows.as_ref()
    }

    fn rename(&self) -> &ColumnNames {
        &self.rename
    }

    fn is_same(&self, other: &DestinationKind) -> bool {
        let DestinationKind::Sqlite(other) = other else { return false };
        // Of a file that is there whatever leads to it.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.table.eq_ignore_ascii_case(&other.table) && real(&self.path) == real(&other.path)
    }

    fn set_table(&mut self, table: &TableName) {
        self.table.clone_from(&table.name);
        self.rename = std::mem::take(&mut self.rename).of_several();
    }
}

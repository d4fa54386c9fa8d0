//! Who still reads a log, and what was pruned of it: the tables beside it, for those who follow it
//! and for those who prune it.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::postgres::table::{EventTable, TableName};
use crate::source::setup::LOG_COLUMNS;
use crate::sql::{fill, ident, text};
use serde::Serialize;
use tokio_postgres::Row;

/// Somebody who reads a log, as it remembers them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogReader {
    /// Its name.
    pub name: String,
    /// Where it keeps what it read; empty where it does not say.
    pub place: String,
    /// It needs no event below this id any more.
    pub position: i64,
    /// Whether it was told that the log keeps all events: then none may be pruned.
    pub keeps_all: bool,
    /// How long ago it was last noted, in seconds.
    pub seconds: i64,
}

/// What was pruned at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruneCertificate {
    /// The first event.
    pub first_id: i64,
    /// The last event.
    pub through: i64,
    /// How many there were.
    pub events: u64,
}

/// What a follower must know of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// Whether readers are noted beside it.
    pub has_readers: bool,
    /// Whether our role may note them.
    pub may_note: bool,
    /// What was pruned, the oldest first; empty where our role may not read that.
    pub certificates: Vec<PruneCertificate>,
}

impl LogReader {
    /// All of a log, the one that needs most first.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) async fn all(session: &Session, log: &TableName) -> Result<Vec<Self>> {
        let sql = of_schema(include_str!("../../../sql/capture/readers.sql"), log);
        let rows = session.query(&sql, &[]).await;
        let rows =
            rows.map_err(|error| session.error(&error, format!("cannot read who reads {log}")))?;
        Ok(rows.iter().map(Self::of).collect())
    }

    fn of(row: &Row) -> Self {
        Self {
            name: row.get("name"),
            place: row.get("place"),
            position: row.get("position"),
            keeps_all: row.get("keeps_all"),
            seconds: row.get("seconds"),
        }
    }

    /// Has the log remember it, and how far it is.
    ///
    /// # Errors
    /// Those of the session.
    pub async fn note(&self, session: &Session, log: &TableName) -> Result<()> {
        let sql = of_schema(include_str!("../../../sql/capture/reads.sql"), log);
        let keeps = if self.keeps_all { "all" } else { "tail" };
        let done = session.execute(&sql, &[&self.name, &self.place, &self.position, &keeps]).await;
        done.map_err(|error| session.error(&error, format!("cannot note a reader of {log}")))?;
        Ok(())
    }
}

impl LogFacts {
    /// Asks them of an event table; `None` where it is no log.
    ///
    /// # Errors
    /// Those of the session.
    pub async fn ask(session: &Session, table: &EventTable) -> Result<Option<Self>> {
        if !is_log(table) {
            return Ok(None);
        }
        let log = &table.name;
        let beside = |name: &str| text(format!("{}.{}", ident(&log.schema), ident(name)));
        let values = [("readers", beside("readers")), ("pruned", beside("pruned"))];
        let sql = fill(include_str!("../../../sql/capture/log_facts.sql"), &values);
        let failed = |error: tokio_postgres::Error| {
            session.error(&error, format!("cannot look at what is beside {log}"))
        };
        let found = session.query_one(&sql, &[]).await.map_err(failed)?;
        let mut facts = Self {
            has_readers: found.get("has_readers"),
            may_note: found.get("may_note"),
            certificates: Vec::new(),
        };
        if found.get("may_read_pruned") {
            facts.certificates = PruneCertificate::all(session, log).await?;
        }
        Ok(Some(facts))
    }
}

impl PruneCertificate {
    /// All of a log, the oldest first.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) async fn all(session: &Session, log: &TableName) -> Result<Vec<Self>> {
        let sql = of_schema(include_str!("../../../sql/capture/certificates.sql"), log);
        let rows = session.query(&sql, &[]).await;
        let rows = rows.map_err(|error| {
            session.error(&error, format!("cannot read what was pruned of {log}"))
        })?;
        Ok(rows.iter().map(Self::of).collect())
    }

    pub(super) fn of(row: &Row) -> Self {
        let events: i64 = row.get("events");
        Self {
            first_id: row.get("first_id"),
            through: row.get("through"),
            events: u64::try_from(events).unwrap_or(0),
        }
    }
}

fn is_log(table: &EventTable) -> bool {
    let columns = table.columns.iter().chain(&table.not_copied);
    let mut names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    let mut wanted: Vec<&str> = LOG_COLUMNS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    wanted.sort_unstable();
    names == wanted
}

/// A file of `sql/` about what is in the schema of a log, and the log itself.
pub(super) fn of_schema(file: &str, log: &TableName) -> String {
    fill(file, &[("schema", text(&log.schema)), ("log", crate::sql::sql(log.quoted()))])
}

//! A database that is not there yet: created from a session in one that is.

use crate::config::libpq::Conninfo;
use crate::error::{ErrorKind, Result};
use crate::postgres::session::{Session, SessionPurpose};
use crate::sql::{fill, text, without_header};
use std::time::Duration;

/// Whether a database had to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseCreation {
    /// It is new.
    Now,
    /// It was there, and was left alone.
    Before,
}

/// Connects to the same server's `postgres`, or to `template1` where there is no such database.
pub async fn maintenance_session(
    conninfo: &Conninfo,
    purpose: SessionPurpose,
    timeout: Duration,
) -> Result<Session> {
    let to = |database: &str| Conninfo { database: database.to_owned(), ..conninfo.clone() };
    match Session::open(&to("postgres"), purpose, timeout).await {
        Err(error) if error.sqlstate() == Some("3D000") => {
            Session::open(&to("template1"), purpose, timeout).await
        }
        opened => opened,
    }
}

/// The statement that creates the database; `None` if it is there. It cannot be part of a
/// transaction.
pub async fn missing_database(maintenance: &Session, name: &str) -> Result<Option<String>> {
    let facts =
        fill(include_str!("../../../sql/ddl/database_facts.sql"), &[("database", text(name))]);
    let row = maintenance
        .query_one(&facts, &[])
        .await
        .map_err(|e| maintenance.error(&e, format!("cannot look for database {name}")))?;
    let create = if row.get("is_utf8") {
        include_str!("../../../sql/ddl/database.sql")
    } else {
        include_str!("../../../sql/ddl/database_utf8.sql")
    };
    let is_there: bool = row.get("is_there");
    Ok((!is_there).then(|| fill(without_header(create), &[("database", text(name))])))
}

/// Creates the database unless it is there.
///
/// # Errors
/// `Access` when the role may not; what else the server says.
pub async fn create_database(maintenance: &Session, name: &str) -> Result<DatabaseCreation> {
    let Some(create) = missing_database(maintenance, name).await? else {
        return Ok(DatabaseCreation::Before);
    };
    match maintenance.batch_execute(&create).await {
        Ok(()) => Ok(DatabaseCreation::Now),
        Err(error) => {
            let ours = maintenance.error(&error, format!("cannot create database {name}"));
            match ours.sqlstate() {
                // Another session created it since we looked: as a name that exists, or as a
                // duplicate key of the catalog.
                Some("42P04" | "23505") => Ok(DatabaseCreation::Before),
                Some("42501") => Err(ours.of_kind(ErrorKind::Access).fix(
                    "connect as a role with CREATEDB, or let one create the database and leave \
                     --create-database out",
                )),
                _ => Err(ours),
            }
        }
    }
}

//! What a server says of itself.

use crate::error::{Kind, Result};
use crate::postgres::connect::Session;

/// A server as one session sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `server_version_num`: 150018 is 15.18.
    pub version_num: i32,
    /// `version()`.
    pub version: String,
    /// Whether it is in recovery.
    pub is_standby: bool,
    /// `server_encoding` of the database.
    pub encoding: String,
    /// `max_prepared_transactions`.
    pub prepared_max: i32,
    /// Whether `fsync` is on.
    pub is_fsync_on: bool,
    /// The role that everything is done as.
    pub role: String,
}

/// Asks the server about itself: one statement.
///
/// # Errors
/// `Unsuitable` when it does not know what PostgreSQL knows; else what the connection or the server says.
pub async fn about(session: &Session) -> Result<Server> {
    const WHAT: &str = "cannot ask the server about itself";
    let row = session
        .query_one(include_str!("../../sql/catalog/about.sql"), &[])
        .await
        .map_err(|e| session.error(&e, WHAT))?;
    let get = |e: tokio_postgres::Error| session.error(&e, WHAT).of_kind(Kind::Unsuitable);
    Ok(Server {
        version_num: row.try_get("version_num").map_err(get)?,
        version: row.try_get("version").map_err(get)?,
        is_standby: row.try_get("is_standby").map_err(get)?,
        encoding: row.try_get("encoding").map_err(get)?,
        prepared_max: row.try_get("prepared_max").map_err(get)?,
        is_fsync_on: row.try_get("is_fsync_on").map_err(get)?,
        role: row.try_get("role").map_err(get)?,
    })
}

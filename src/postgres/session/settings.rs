//! What the checks and `init` want to know of a server, its database and our role.

use crate::error::Result;
use crate::postgres::session::Session;

/// A server as one session sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOverview {
    /// Whether it was in recovery when the session began.
    pub is_standby: bool,
    /// `server_encoding` of the database.
    pub encoding: String,
    /// `max_prepared_transactions`.
    pub prepared_max: i32,
    /// Whether `fsync` is on.
    pub is_fsync_on: bool,
    /// The role that everything is done as.
    pub role: String,
    /// The database of the session.
    pub database: String,
    /// Whether the role may create a schema in it.
    pub may_create_schema: bool,
}

/// Asks the server about itself: one statement.
pub async fn about(session: &Session) -> Result<ServerOverview> {
    let asked = async {
        let row = session.query_one(include_str!("../../../sql/session/about.sql"), &[]).await?;
        Ok(ServerOverview {
            is_standby: session.server().is_in_recovery(),
            encoding: session.server().server_encoding.clone(),
            prepared_max: row.try_get("prepared_max")?,
            is_fsync_on: row.try_get("is_fsync_on")?,
            role: session.server().role.clone(),
            database: row.try_get("database")?,
            may_create_schema: row.try_get("may_create_schema")?,
        })
    };
    asked
        .await
        .map_err(|e: tokio_postgres::Error| session.error(&e, "cannot ask the server about itself"))
}

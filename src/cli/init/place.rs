//! The place where an `init` makes something: its database is created where that is wanted, and what
//! is missing there is printed.

use crate::cli::output::{line, put};
use crate::config::libpq::Conninfo;
use crate::error::{Problems, Result};
use crate::log::escape::fit;
use crate::postgres::ddl::database;
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::script::SetupScript;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::settings::{self, ServerOverview};
use crate::postgres::session::{Session, SessionPurpose, pooler};
use crate::postgres::table::TableName;
use std::time::Duration;

const PURPOSE: SessionPurpose = SessionPurpose { what: "init", side: ErrorSide::Destination };

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct InitPlace<'a> {
    /// How it is reached.
    pub conninfo: &'a Conninfo,
    /// The event table.
    pub table: &'a TableName,
    /// To connect.
    pub timeout: Duration,
    /// Whether what is missing is printed, and nothing changed.
    pub is_dry_run: bool,
}

impl InitPlace<'_> {
    /// Opens a session there.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn open(&self) -> Result<Session> {
        pooler::open(self.conninfo, PURPOSE, self.timeout).await
    }

    /// Creates a missing database, or prints what would be created in it; then, in a dry run,
    /// nothing is left to do.
    ///
    /// # Errors
    /// `Access` when the role may not; what else the server says.
    pub(super) async fn create_database(
        &self,
        script: impl Fn(&ExistingObjects) -> SetupScript,
    ) -> Result<bool, Problems> {
        let name = &self.conninfo.database;
        let maintenance =
            database::maintenance_session(self.conninfo, PURPOSE, self.timeout).await?;
        let Some(create) = database::missing_database(&maintenance, name).await? else {
            return Ok(false);
        };
        if self.is_dry_run {
            let server =
                ServerOverview { database: name.clone(), ..settings::about(&maintenance).await? };
            let facts = ExistingObjects::of_new_database(server, self.table);
            let connect = crate::sql::ident(name);
            line(&format!("{create}\n\\connect {connect}\n{}", script(&facts).sql()))?;
            return Ok(true);
        }
        database::create_database(&maintenance, name).await?;
        line(&format!("created database {}", fit(name)))?;
        Ok(false)
    }

    /// Prints what is missing.
    ///
    /// # Errors
    /// What stands in the way; what the server says.
    pub async fn print(
        &self,
        session: &Session,
        script: impl Fn(&ExistingObjects) -> SetupScript,
    ) -> Result<(), Problems> {
        let script = script(&ExistingObjects::read(session, self.table).await?);
        put(&script.sql())?;
        script.refusals().clone().or_ok(())
    }
}

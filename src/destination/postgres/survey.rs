//! A PostgreSQL table as a reader sees it who may look and no more: who holds it, and what it
//! holds.

use crate::config::PostgresDestinationConfig;
use crate::config::libpq::Conninfo;
use crate::destination::connector::{OpenLimits, Replicator, SurveyedPlace};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::EventTable;
use crate::postgres::table::compatible;
use crate::postgres::table::describe;
use crate::postgres::table::store::PgTable;
use crate::sql::{self, RowCondition};
use tokio_postgres::Row;

/// See the module.
pub(super) struct SurveyedTable<'a> {
    session: Session,
    conninfo: &'a Conninfo,
    rows: Option<&'a RowCondition>,
    table: EventTable,
    id_column: &'a str,
    replicator: Option<Replicator>,
}

impl<'a> SurveyedTable<'a> {
    /// Looks at a table over a session of its own.
    ///
    /// # Errors
    /// `Unsuitable` without the table, or without the privilege to read it; what the server says.
    pub(super) async fn ask(
        session: Session,
        config: &'a PostgresDestinationConfig,
        limits: &OpenLimits<'a>,
    ) -> Result<Self> {
        let table =
            describe::readable(&session, (&config.table, &config.rename), limits.id_column).await?;
        Ok(Self {
            replicator: holder(&session, table.oid).await?,
            session,
            conninfo: &config.conninfo,
            rows: config.rows.as_ref(),
            table,
            id_column: limits.id_column,
        })
    }
}

impl SurveyedPlace for SurveyedTable<'_> {
    fn place(&self) -> String {
        self.session.place().to_owned()
    }

    fn replicator(&self) -> Option<&Replicator> {
        self.replicator.as_ref()
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        vec![(&self.session, self.conninfo)]
    }

    fn store(&self, source: Option<&EventTable>) -> Result<Box<dyn EventStore + '_>> {
        let wire = match source {
            Some(source) => compatible::wire(source, &self.table, self.id_column)
                .map_err(first)?
                .of_rows(self.rows.cloned()),
            None => Wire::without_columns(),
        };
        let store = PgTable::new(&self.session, &self.table.name, self.id_column, &wire);
        Ok(Box::new(store.keyed_as(&self.table)))
    }
}

fn first(problems: Problems) -> Error {
    let none = || Error::new(ErrorKind::Bug, "columns are unlike without a problem");
    problems.into_iter().next().unwrap_or_else(none)
}

/// Who holds the table of this oid.
///
/// # Errors
/// Those of the session.
pub(in crate::destination) async fn holder(
    session: &Session,
    table_oid: u32,
) -> Result<Option<Replicator>> {
    let sql = include_str!("../../../sql/status/replicator.sql");
    let row = session.query_opt(sql, &[&sql::LOCK_REPLICATOR, &table_oid]).await;
    let holder = row.and_then(|row| row.as_ref().map(replicator).transpose());
    holder.map_err(|error| session.error(&error, "cannot find out who holds it"))
}

fn replicator(row: &Row) -> Result<Replicator, tokio_postgres::Error> {
    Ok(Replicator {
        pid: row.try_get("pid")?,
        application_name: row.try_get("application_name")?,
        client_address: row.try_get("client_address")?,
    })
}

//! The table of a destination in the shape of its source's: what would make it, and its making.
//! `init destination` and the window do the same.

use crate::config::{PostgresDestinationConfig, SourceConfig};
use crate::destination::postgres::setup::{DestinationSetup, apply};
use crate::error::{Error, Problems, Result};
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::script::{SetupReport, SetupScript};
use crate::postgres::ddl::shape::{EventTableShape, ExistingTypes};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::settings;
use crate::postgres::session::{Session, SessionPurpose, pooler};
use crate::postgres::table::{EventTable, describe, fitness, renamed};
use crate::replicate::check::shape::missing;
use std::time::Duration;

/// What the sessions are called.
const WHAT: &str = "init";

/// A table of a source that can be followed, with its shape.
pub(crate) struct SourceTableShape {
    table: EventTable,
    shape: EventTableShape,
}

impl SourceTableShape {
    /// Reads it.
    ///
    /// # Errors
    /// Those of the connection; `Unsuitable` where the table cannot be followed.
    pub(crate) async fn read(source: &SourceConfig, timeout: Duration) -> Result<Self, Problems> {
        let purpose = SessionPurpose { what: WHAT, side: ErrorSide::Source };
        let session = pooler::open(&source.conninfo, purpose, timeout).await?;
        let at = |error: Error| error.at(format!("source {}", session.place()));
        let server = settings::about(&session).await.map_err(at)?;
        let place = format!("source {}", session.place());
        let table = describe::source_table(&session, source).await;
        let table = table.map_err(|unfit| unfit.within(&place))?;
        let table = table.ok_or_else(|| at(missing(&source.table)))?;
        let unfit = fitness::source(&table, &server, &source.id_column).within(&place);
        unfit.or_ok(())?;
        let shape = EventTableShape::read(&session, &table, &source.id_column).await.map_err(at)?;
        Ok(Self { table, shape })
    }

    /// The table itself.
    pub(crate) fn table(&self) -> &EventTable {
        &self.table
    }

    /// What a destination calls its columns.
    ///
    /// # Errors
    /// `Unsuitable` for a name that the source does not have.
    pub(crate) fn called_by(
        &self,
        to: &PostgresDestinationConfig,
    ) -> Result<EventTableShape, Problems> {
        renamed::problems(&self.table, &to.rename).or_ok(())?;
        Ok(self.shape.called(&to.rename))
    }

    /// The SQL that makes what a destination lacks, as it is now.
    ///
    /// # Errors
    /// Those of the connection; what stands in the way.
    pub(crate) async fn script(
        &self,
        to: &PostgresDestinationConfig,
        timeout: Duration,
    ) -> Result<SetupScript, Problems> {
        let (session, setup) = self.opened(to, timeout).await?;
        let script = setup.script(&ExistingObjects::read(&session, &to.table).await?);
        script.refusals().clone().or_ok(script)
    }

    /// Makes what a destination lacks, in one transaction.
    ///
    /// # Errors
    /// Those of the connection; what stands in the way: then nothing was made.
    pub(crate) async fn make(
        &self,
        to: &PostgresDestinationConfig,
        timeout: Duration,
    ) -> Result<SetupReport, Problems> {
        let (session, setup) = self.opened(to, timeout).await?;
        apply(&session, &setup).await
    }

    async fn opened(
        &self,
        to: &PostgresDestinationConfig,
        timeout: Duration,
    ) -> Result<(Session, DestinationSetup), Problems> {
        let shape = self.called_by(to)?;
        let purpose = SessionPurpose { what: WHAT, side: ErrorSide::Destination };
        let session = pooler::open(&to.conninfo, purpose, timeout).await?;
        let there = ExistingTypes::read(&session, &shape, &to.table).await?;
        // As `init destination` does by default: the indexes come once it is filled.
        let setup = DestinationSetup::new(to.table.clone()).without_indexes();
        Ok((session, setup.shaped(shape, there)))
    }
}

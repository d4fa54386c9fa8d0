//! `init destination --config`: each destination of a configuration gets a table in the shape of
//! its source's.

use super::report::tell;
use crate::cli::args::InitDestination;
use crate::cli::output::{aside, line, put};
use crate::config::libpq::Environment;
use crate::config::load::{Flags, load_all};
use crate::config::{DestinationConfig, PostgresDestinationConfig, ReplicationConfig};
use crate::destination::postgres::setup::{DestinationSetup, apply};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::escape::fit;
use crate::postgres::ddl::database;
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::shape::{EventTableShape, ExistingTypes};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::settings::{self, ServerOverview};
use crate::postgres::session::{Session, SessionPurpose, pooler};
use crate::postgres::table::{describe, fitness};
use crate::replicate::check::shape::missing;

/// Runs it, destination by destination; what cannot be made keeps no other from being made.
///
/// # Errors
/// Everything that stands in the way, each with its place.
pub(super) async fn init(wanted: InitDestination) -> Result<(), Problems> {
    let flags = Flags {
        destinations: wanted.destination.clone(),
        replications: wanted.replication.clone(),
        until_caught_up: false,
    };
    let config = load_all(&wanted.config, &flags, &Environment::of_process())?;
    let mut problems = Problems::new();
    for replication in &config.replications {
        for note in &replication.notes {
            aside(&format!("note: {}", fit(note)));
        }
        match source_shape(replication).await {
            Err(unfit) => problems.extend(unfit),
            Ok(shape) => {
                for to in &replication.destinations {
                    if let Err(failed) = one(&wanted, replication, &shape, to).await {
                        problems.extend(failed);
                    }
                }
            }
        }
    }
    problems.or_ok(())
}

/// The shape of a table that can be followed.
async fn source_shape(replication: &ReplicationConfig) -> Result<EventTableShape, Problems> {
    let source = &replication.source;
    let purpose = SessionPurpose { what: "init", side: ErrorSide::Source };
    let session =
        pooler::open(&source.conninfo, purpose, replication.limits.connect_timeout).await?;
    let at = |error: Error| error.at(format!("source {}", session.place()));
    let server = settings::about(&session).await.map_err(at)?;
    let table = describe::table(&session, &source.table, &source.id_column).await.map_err(at)?;
    let table = table.ok_or_else(|| at(missing(&source.table)))?;
    let place = format!("source {}", session.place());
    let unfit = fitness::source(&table, &server, &source.id_column).within(&place);
    unfit.or_ok(())?;
    Ok(EventTableShape::read(&session, &table, &source.id_column).await.map_err(at)?)
}

async fn one(
    wanted: &InitDestination,
    replication: &ReplicationConfig,
    shape: &EventTableShape,
    to: &DestinationConfig,
) -> Result<(), Problems> {
    let Some(config) = to.postgres() else {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("destination {:?} is no table of PostgreSQL: nothing is made there", to.name),
        )
        .into());
    };
    let place = format!("destination {:?}", to.name);
    let at = |error: Error| error.at(place.clone());
    let mut setup = DestinationSetup::new(config.table.clone());
    if wanted.guard {
        setup = setup.guarded();
    }
    if !wanted.with_indexes {
        setup = setup.without_indexes();
    }
    let timeout = replication.limits.connect_timeout;
    if wanted.create_database {
        let maintenance = database::maintenance_session(&config.conninfo, PURPOSE, timeout).await;
        let maintenance = maintenance.map_err(at)?;
        let name = &config.conninfo.database;
        if wanted.dry_run {
            if let Some(create) =
                database::missing_database(&maintenance, name).await.map_err(at)?
            {
                return in_new_database((&maintenance, &create), config, setup, shape).await;
            }
        } else {
            database::create_database(&maintenance, name).await.map_err(at)?;
        }
    }
    let session = pooler::open(&config.conninfo, PURPOSE, timeout).await.map_err(at)?;
    let there = ExistingTypes::read(&session, shape, &config.table).await.map_err(at)?;
    let setup = setup.shaped(shape.clone(), there);
    if wanted.dry_run {
        let facts = ExistingObjects::read(&session, &config.table).await.map_err(at)?;
        let script = setup.script(&facts);
        put(&format!("-- destination {}\n{}", fit(&to.name), script.sql()))?;
        return script.refusals().clone().within(&place).or_ok(());
    }
    let report = apply(&session, &setup).await;
    let report = report.map_err(|failed| failed.within(&place))?;
    line(&format!("destination {}:", fit(&to.name)))?;
    Ok(tell(&report)?)
}

/// Prints what would be made in a database that is not there yet.
async fn in_new_database(
    (maintenance, create): (&Session, &str),
    config: &PostgresDestinationConfig,
    setup: DestinationSetup,
    shape: &EventTableShape,
) -> Result<(), Problems> {
    let name = &config.conninfo.database;
    let server = ServerOverview { database: name.clone(), ..settings::about(maintenance).await? };
    let facts = ExistingObjects::of_new_database(server, &config.table);
    let setup = setup.shaped(shape.clone(), ExistingTypes::of_new_database());
    let connect = crate::sql::ident(name);
    Ok(put(&format!("{create}\n\\connect {connect}\n{}", setup.script(&facts).sql()))?)
}

const PURPOSE: SessionPurpose = SessionPurpose { what: "init", side: ErrorSide::Destination };

//! `init destination --config`: each destination of a configuration gets a table in the shape of
//! its source's.

use super::place::InitPlace;
use super::reflected;
use super::report::tell;
use crate::cli::args::InitDestination;
use crate::cli::output::{aside, line, put};
use crate::config::libpq::Environment;
use crate::config::load::{Flags, load_all};
use crate::config::{
    DestinationConfig, DestinationKind, ReplicationConfig, SqliteDestinationConfig,
};
use crate::destination::postgres::setup::{DestinationSetup, apply};
use crate::destination::sqlite::setup::SqliteSetup;
use crate::error::Problems;
use crate::log::escape::fit;
use crate::postgres::ddl::shape::ExistingTypes;
use crate::replicate::shaped_table::SourceTableShape;

/// Runs it, destination by destination; what cannot be made keeps no other from being made.
///
/// # Errors
/// Everything that stands in the way, each with its place.
pub(super) async fn init(wanted: InitDestination) -> Result<(), Problems> {
    let flags = Flags {
        destinations: wanted.destination.clone(),
        replications: wanted.replication.clone(),
        ..Flags::default()
    };
    let config = load_all(&wanted.config, &flags, &Environment::of_process())?;
    let mut problems = Problems::new();
    for replication in &config.replications {
        for note in &replication.notes {
            aside(&format!("note: {}", fit(note)));
        }
        let timeout = replication.limits.connect_timeout;
        match SourceTableShape::read(&replication.source, timeout).await {
            Err(unfit) => problems.extend(unfit),
            Ok(source) => {
                for to in &replication.destinations {
                    if wanted.dry_run {
                        line(&format!("-- destination {}", fit(&to.name)))?;
                    }
                    if let Err(failed) = one(&wanted, replication, &source, to).await {
                        problems.extend(failed.within(&format!("destination {:?}", to.name)));
                    }
                }
            }
        }
    }
    problems.or_ok(())
}

/// Makes the table of one destination.
async fn one(
    wanted: &InitDestination,
    replication: &ReplicationConfig,
    source: &SourceTableShape,
    to: &DestinationConfig,
) -> Result<(), Problems> {
    let config = match &to.kind {
        DestinationKind::Postgres(config) => config,
        DestinationKind::Sqlite(config) => {
            return file(wanted, replication, source, (&to.name, config)).await;
        }
        DestinationKind::Reflections(config) => {
            return reflected::one(wanted, replication, (to, config)).await;
        }
    };
    let shape = &source.called_by(config)?;
    let mut setup = DestinationSetup::new(config.table.clone());
    if wanted.guard {
        setup = setup.guarded();
    }
    if !wanted.with_indexes {
        setup = setup.without_indexes();
    }
    let place = InitPlace {
        conninfo: &config.conninfo,
        table: &config.table,
        timeout: replication.limits.connect_timeout,
        is_dry_run: wanted.dry_run,
    };
    if wanted.create_database {
        let setup = setup.clone().shaped(shape.clone(), ExistingTypes::of_new_database());
        if place.create_database(|facts| setup.script(facts)).await? {
            return Ok(());
        }
    }
    let session = place.open().await?;
    let there = ExistingTypes::read(&session, shape, &config.table).await?;
    let setup = setup.shaped(shape.clone(), there);
    if wanted.dry_run {
        return place.print(&session, |facts| setup.script(facts)).await;
    }
    let report = apply(&session, &setup).await?;
    line(&format!("destination {}:", fit(&to.name)))?;
    Ok(tell(&report)?)
}

/// Makes the table of a destination in a file of SQLite.
async fn file(
    wanted: &InitDestination,
    replication: &ReplicationConfig,
    source: &SourceTableShape,
    to: (&str, &SqliteDestinationConfig),
) -> Result<(), Problems> {
    let (name, config) = to;
    let id_column = &replication.source.id_column;
    let setup = SqliteSetup::new(config, source.table(), id_column, wanted.guard)?;
    let timeout = replication.limits.connect_timeout;
    if wanted.dry_run {
        return Ok(put(&setup.missing_sql(timeout).await?)?);
    }
    let mut report = setup.apply(timeout).await?;
    if wanted.with_indexes {
        let note = "other indexes than the key are not made in a file: write them for SQLite";
        report.notes.push(note.to_owned());
    }
    line(&format!("destination {}:", fit(name)))?;
    Ok(tell(&report)?)
}

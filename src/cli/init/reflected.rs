//! `init destination --config` for a destination with reflections.

use super::place::InitPlace;
use crate::cli::args::InitDestination;
use crate::cli::output::{line, put};
use crate::config::{DestinationConfig, ReflectionsConfig, ReplicationConfig};
use crate::destination::reflect::{ReflectionsSetup, set_up};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::captured::CapturedTable;
use crate::log::escape::fit;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{SessionPurpose, pooler};
use crate::source::capture::captured_tables;

/// Makes what one destination lacks, or prints it.
///
/// # Errors
/// Everything that stands in the way, before anything is made.
pub(super) async fn one(
    wanted: &InitDestination,
    replication: &ReplicationConfig,
    (to, config): (&DestinationConfig, &ReflectionsConfig),
) -> Result<(), Problems> {
    let captured = captured(replication).await?;
    let place = InitPlace {
        conninfo: &config.conninfo,
        table: &replication.source.table,
        timeout: replication.limits.connect_timeout,
        is_dry_run: wanted.dry_run,
    };
    let session = place.open().await?;
    let setup = ReflectionsSetup::plan(&session, config, &captured).await?;
    if wanted.dry_run {
        for (what, sql) in &setup.steps {
            put(&format!("-- {}\n{sql}\n", fit(what)))?;
        }
        return Ok(());
    }
    set_up(&session, &setup).await?;
    line(&format!("destination {}:", fit(&to.name)))?;
    for (what, _) in &setup.steps {
        line(&format!("created {}", fit(what)))?;
    }
    for what in &setup.present {
        line(&format!("already there: {}", fit(what)))?;
    }
    if setup.steps.is_empty() {
        line("nothing was missing, nothing was changed")?;
    }
    Ok(())
}

/// What is captured at the source.
async fn captured(replication: &ReplicationConfig) -> Result<Vec<CapturedTable>> {
    let source = &replication.source;
    let purpose = SessionPurpose { what: "init", side: ErrorSide::Source };
    let session =
        pooler::open(&source.conninfo, purpose, replication.limits.connect_timeout).await?;
    captured_tables(&session, &source.table).await?.ok_or_else(|| {
        let what = format!("{} is no log of captured changes", source.table);
        Error::new(ErrorKind::Unsuitable, what)
            .at(format!("source {}", session.place()))
            .fix("counterfoil capture install makes one; name it as table in [source]")
    })
}

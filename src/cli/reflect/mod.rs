//! `counterfoil reflect`: has tables loaded again that are computed from captured ones, and compares
//! them.

pub(super) mod args;
mod report;

use crate::cli::begin::{configuration, configurations};
use crate::cli::consent::agreed;
use crate::cli::output::{line, told};
use crate::config::{DestinationConfig, ReflectionConfig, ReflectionsConfig, ReplicationConfig};
use crate::destination::reflect::{LoadRequest, ReflectionComparison, compare_table, request_load};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::captured::CapturedLog;
use crate::log::escape::fit;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{Session, SessionPurpose, pooler};
use crate::source::capture::captured_log;
use crate::source::ids::Discipline;
use crate::sql::TableName;
use crate::stop;
use args::{ReflectCommand, ReflectLoad, ReflectVerify};
use report::{ComparedTable, tell, tell_verdict};

/// Something could not be compared.
const NOT_COMPARED: u8 = 2;

/// Runs it; gives the exit code.
///
/// # Errors
/// Everything that stands in the way.
pub(crate) async fn reflect(command: ReflectCommand) -> Result<u8, Problems> {
    match command {
        ReflectCommand::Load(wanted) => load(wanted).await.map(|()| 0),
        ReflectCommand::Verify(wanted) => Ok(verify(wanted).await.unwrap_or_else(|problems| {
            told(&problems);
            NOT_COMPARED
        })),
    }
}

/// The reflections of a destination.
fn reflections(to: &DestinationConfig) -> Result<&ReflectionsConfig> {
    to.reflections().ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("destination {:?} has no reflections", to.name))
            .at(to.settings().describe())
            .fix("name one with [[destinations.reflections]]")
    })
}

/// Those that write these tables; all where none is named.
fn chosen<'a>(
    config: &'a ReflectionsConfig,
    names: &[String],
) -> Result<Vec<&'a ReflectionConfig>> {
    if names.is_empty() {
        return Ok(config.reflections.iter().collect());
    }
    let one = |name: &String| {
        let table = TableName::parse(name)?;
        config.reflections.iter().find(|of| of.table == table).ok_or_else(|| {
            let known: Vec<String> =
                config.reflections.iter().map(|of| of.table.to_string()).collect();
            Error::new(ErrorKind::Usage, format!("no reflection writes {table}"))
                .fix(format!("there are {}", known.join(", ")))
        })
    };
    names.iter().map(one).collect()
}

async fn load(wanted: ReflectLoad) -> Result<(), Problems> {
    let (_, replication) = configuration(&wanted.file, vec![wanted.destination.clone()])?;
    let to = &replication.destinations[0];
    let config = reflections(to)?;
    let tables = chosen(config, &wanted.reflection)?;
    let names: Vec<String> = tables.iter().map(|of| of.table.to_string()).collect();
    let plan = format!(
        "the rows of {} in destination {:?} will be loaded again from the captured tables; rows that \
         are not there any more will be deleted",
        names.join(", "),
        to.name
    );
    let (_stopper, stop) = stop::channel();
    if !agreed(&plan, wanted.yes, &stop).await? {
        return Ok(());
    }
    let session = destination_session(&replication, config).await?;
    let is_of_some = !wanted.reflection.is_empty();
    let request = LoadRequest {
        name: &to.name,
        tables: tables.iter().filter(|_| is_of_some).map(|of| &of.table).collect(),
    };
    let loaded = request_load(&session, &request).await?;
    line(&format!(
        "asked for: {}; the replicator that is at work begins within seconds, otherwise the next one",
        fit(&loaded.join(", "))
    ))?;
    Ok(())
}

async fn destination_session(
    replication: &ReplicationConfig,
    config: &ReflectionsConfig,
) -> Result<Session> {
    let purpose = SessionPurpose { what: "reflect", side: ErrorSide::Destination };
    pooler::open(&config.conninfo, purpose, replication.limits.connect_timeout).await
}

async fn verify(wanted: ReflectVerify) -> Result<u8, Problems> {
    let flags = wanted.file.flags(wanted.destination.clone(), false);
    let config = configurations(&wanted.file, &flags)?;
    let mut compared = Vec::new();
    for replication in &config.replications {
        let is_named = !wanted.destination.is_empty();
        let meant: Vec<&DestinationConfig> = replication
            .destinations
            .iter()
            .filter(|to| is_named || to.reflections().is_some())
            .collect();
        if meant.is_empty() {
            continue;
        }
        let log = log_of(replication).await?;
        for to in meant {
            let config = reflections(to)?;
            let session = destination_session(replication, config).await?;
            for reflection in chosen(config, &wanted.reflection)? {
                let of = (to.name.as_str(), config);
                let found = compare_table(&session, of, reflection, &log, wanted.max_diffs).await?;
                let table = ComparedTable { destination: &to.name, reflection, found };
                tell(&table, wanted.format)?;
                compared.push(table.found);
            }
        }
    }
    if compared.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is no destination with reflections")
            .fix("add [[destinations.reflections]] to one; counterfoil events-diff compares copies")
            .into());
    }
    let code = code_of(&compared);
    tell_verdict(&compared, code, wanted.format)?;
    Ok(code)
}

/// 0 equal, 1 different, 3 inconclusive: what differs is the last word.
fn code_of(compared: &[ReflectionComparison]) -> u8 {
    if compared.iter().any(|of| of.differences() > 0) {
        1
    } else if compared.iter().any(|of| of.inconclusive.is_some()) {
        3
    } else {
        0
    }
}

async fn log_of(replication: &ReplicationConfig) -> Result<CapturedLog> {
    let (source, timeout) = (&replication.source, replication.limits.connect_timeout);
    let purpose = SessionPurpose { what: "reflect", side: ErrorSide::Source };
    let session = pooler::open(&source.conninfo, purpose, timeout).await?;
    // It is not followed here.
    let of = (&source.table, &Discipline::Copy);
    captured_log(&session, source, timeout, of).await?.ok_or_else(|| {
        let what = format!("{} is no log of captured changes", source.table);
        Error::new(ErrorKind::Unsuitable, what)
            .at(format!("source {}", session.place()))
            .fix("name the log as table in [source]: counterfoil capture install makes one")
    })
}

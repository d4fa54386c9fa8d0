//! `counterfoil restore`: checks, plan, consent, restore, verification.

use super::args;
use super::begin::{configuration, logging};
use super::consent::agreed;
use super::output::{aside, line};
use super::signals::stop_on_signals;
use crate::cli::recovery::{finish, limits, place, tell_unchanged};
use crate::config::ReplicationConfig;
use crate::destination::shape::DestinationShape;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::range::shown;
use crate::log::LogStream;
use crate::log::escape::{fit, fit_lines};
use crate::postgres::session::pooler::RouteCache;
use crate::recover::restore::{CheckedCopy, RestoreTarget, RestoreTask};
use crate::replicate::check;
use crate::replicate::check::shape::SourceShape;
use crate::sql::ALIKE;
use crate::stop::Stop;
use slog::Logger;

/// Runs it; gives the exit code.
pub(crate) async fn restore(arguments: args::Restore) -> Result<u8, Problems> {
    let (process, config) = configuration(&arguments.file, Vec::new())?;
    let (log, guard) = logging(&process, LogStream::Stderr);
    config.notes.iter().for_each(|note| aside(&format!("note: {}", fit(note))));
    let stop = stop_on_signals(&log)?;
    let from = chosen(&config, &arguments.from)?;
    let done = rebuild(&config, from, arguments.yes, &stop, &log).await;
    drop((log, guard));
    done.map(|()| 0).map_err(|problems| problems.naming(&config.flags))
}

/// The place of the destination in the configuration.
fn chosen(config: &ReplicationConfig, name: &str) -> Result<usize> {
    let names: Vec<&str> =
        config.destinations.iter().map(|destination| destination.name.as_str()).collect();
    names.iter().position(|known| *known == name).ok_or_else(|| {
        Error::new(
            ErrorKind::Usage,
            format!("cannot restore from destination {name:?}: there is none of this name"),
        )
        .fix(format!("name one of those that are configured: {}", names.join(", ")))
    })
}

async fn rebuild(
    config: &ReplicationConfig,
    from: usize,
    is_yes: bool,
    stop: &Stop,
    log: &Logger,
) -> Result<(), Problems> {
    config.destinations.iter().try_for_each(|to| to.require_postgres().map(drop))?;
    let Some(shapes) = stop.or(shapes(config)).await else {
        return Ok(tell_unchanged()?);
    };
    let (source, destinations) = shapes?;
    let planned = async {
        let restore = RestoreTask::open(target(config, from, &source, &destinations)?).await?;
        let plan = restore.plan().await?;
        Ok::<_, Error>((restore, plan))
    };
    let Some(planned) = stop.or(planned).await else {
        return Ok(tell_unchanged()?);
    };
    let (restore, plan) = planned?;
    if plan.is_empty() {
        return Ok(line(&fit_lines(&plan.to_string()))?);
    }
    if !agreed(&plan, is_yes, stop).await? {
        return Ok(());
    }
    if !finish(config, stop, "written", async |done| restore.carry_out(stop, log, done).await)
        .await?
    {
        return Ok(());
    }
    match stop.or(restore.verify()).await {
        Some(verified) => {
            let (proof, next_id) = verified?;
            let next_id = next_id.map_or_else(
                || "unknown (no privilege to read it)".to_owned(),
                |id| shown(Some(id)),
            );
            line(&format!(
                "verified, equal to the destination: {proof}\nthe next id is {next_id}"
            ))?;
        }
        None => line("stopped before it was verified: run it again")?,
    }
    Ok(())
}

/// What all sides look like, after every check but the comparison of contents.
async fn shapes(
    config: &ReplicationConfig,
) -> Result<(SourceShape, Vec<DestinationShape>), Problems> {
    let findings = check::shapes(config, &RouteCache::unknown()).await;
    if findings.source.is_none() {
        return Err(findings.problems);
    }
    let mut problems = Problems::new();
    for problem in findings.problems {
        problems.push(match problem.kind() {
            ErrorKind::Unavailable => problem.fix(
                "every configured destination is compared, since the source must not give out an \
                 id that one of them holds: bring it up, or, if it is gone for good, take it out \
                 of the configuration; nothing was written",
            ),
            _ => problem,
        });
    }
    let is_standby = findings.source.as_ref().is_some_and(|source| source.server.is_standby);
    if is_standby {
        problems.push(
            Error::new(ErrorKind::Unsuitable, "cannot restore into a standby")
                .fix("name the primary as the source; nothing was written"),
        );
    }
    problems.or_ok(())?;
    let destinations: Option<Vec<DestinationShape>> = findings
        .destinations
        .iter()
        .map(|found| found.open.as_ref()?.postgres().cloned())
        .collect();
    match (findings.source, destinations) {
        (Some(source), Some(destinations)) => Ok((source, destinations)),
        _ => Err(Error::new(ErrorKind::Bug, "a side has no shape and no problem").into()),
    }
}

fn target<'a>(
    config: &'a ReplicationConfig,
    from: usize,
    source: &'a SourceShape,
    destinations: &'a [DestinationShape],
) -> Result<RestoreTarget<'a>> {
    let mut others = Vec::new();
    for (to, shape) in config.destinations.iter().zip(destinations) {
        let postgres = to.require_postgres()?;
        others.push(CheckedCopy {
            name: &to.name,
            place: place(
                config,
                "restore",
                &postgres.conninfo,
                (&postgres.table, &postgres.rename),
            ),
            table: &shape.table,
            wire: &shape.wire,
        });
    }
    let from = others.remove(from);
    Ok(RestoreTarget {
        source: place(config, "restore", &config.source.conninfo, (&config.source.table, &ALIKE)),
        source_table: &source.table,
        keeps: source.keeps,
        discipline: &source.ids.discipline,
        from,
        others,
        limits: limits(config),
        stall_max: config.limits.append_timeout,
    })
}

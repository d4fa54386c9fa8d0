//! `counterfoil repair`: checks, plan, consent, repair, verification.

use super::args;
use super::begin::{configuration, logging};
use super::consent::agreed;
use super::named_ids::NamedIds;
use super::output::{aside, line};
use super::signals::stop_on_signals;
use crate::cli::recovery::{finish, limits, place, tell_unchanged};
use crate::commands::naming;
use crate::config::ReplicationConfig;
use crate::destination::shape::DestinationShape;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::LogStream;
use crate::log::escape::{fit, fit_lines};
use crate::postgres::session::pooler::RouteCache;
use crate::recover::endpoint::TableEndpoint;
use crate::recover::repair::{RepairRequest, RepairTarget, RepairTask};
use crate::replicate::check;
use crate::replicate::check::shape::SourceShape;
use crate::sql::ALIKE;
use crate::stop::Stop;
use slog::Logger;

/// Runs it; gives the exit code.
pub(crate) async fn repair(arguments: args::Repair) -> Result<u8, Problems> {
    let wanted = wanted(&arguments.how)?;
    let (process, config) = configuration(&arguments.file, vec![arguments.destination.clone()])?;
    let (log, guard) = logging(&process, LogStream::Stderr);
    config.notes.iter().for_each(|note| aside(&format!("note: {}", fit(note))));
    let stop = stop_on_signals(&log)?;
    let done = mend(&config, wanted, arguments.yes, &stop, &log).await;
    drop((log, guard));
    done.map(|()| 0).map_err(|problems| problems.naming(&config.flags))
}

/// What the flags ask for.
fn wanted(how: &args::RepairHow) -> Result<RepairRequest> {
    if !how.replace.is_empty() {
        let NamedIds { ids, repeated } = NamedIds::read(&how.replace)?;
        repeated.iter().for_each(|id| aside(&format!("note: id {id} was named more than once")));
        return Ok(RepairRequest::Replace(ids));
    }
    Ok(match (how.rewind_to, how.accept_slate) {
        (Some(id), _) => RepairRequest::RewindTo(id),
        (None, true) => RepairRequest::AcceptSlate,
        (None, false) => RepairRequest::InsertMissing,
    })
}

async fn mend(
    config: &ReplicationConfig,
    wanted: RepairRequest,
    is_yes: bool,
    stop: &Stop,
    log: &Logger,
) -> Result<(), Problems> {
    config.destinations[0].require_postgres()?;
    let Some(shapes) = stop.or(shapes(config)).await else {
        return Ok(tell_unchanged()?);
    };
    let (source, destination) = shapes?;
    let warnings = source.warnings.iter().chain(&destination.warnings);
    warnings.for_each(|warning| aside(&format!("note: {warning}")));
    let what = match wanted {
        RepairRequest::RewindTo(_) => "deleted",
        RepairRequest::Replace(_) => "replaced or removed",
        RepairRequest::InsertMissing | RepairRequest::AcceptSlate => "written",
    };
    let planned = async {
        let repair = RepairTask::open(target(config, &source, &destination)?, wanted).await?;
        let plan = repair.plan().await?;
        Ok::<_, Error>((repair, plan))
    };
    let Some(planned) = stop.or(planned).await else {
        return Ok(tell_unchanged()?);
    };
    let (repair, plan) = planned?;
    if plan.is_empty() {
        return Ok(line(&fit_lines(&plan.to_string()))?);
    }
    if !agreed(&naming(&plan.to_string(), &config.flags), is_yes, stop).await? {
        return Ok(());
    }
    let work = async |done: &mut _| repair.carry_out(&plan, stop, log, done).await;
    if !finish(config, stop, what, work).await? {
        return Ok(());
    }
    plan.results().iter().try_for_each(|result| line(result))?;
    match stop.or(repair.verify()).await {
        Some(proof) => line(&format!("verified, equal to the source: {}", proof?))?,
        None => line("stopped before it was verified: run it again")?,
    }
    Ok(())
}

/// What both sides look like, after every check but the comparison of contents.
async fn shapes(config: &ReplicationConfig) -> Result<(SourceShape, DestinationShape), Problems> {
    let mut findings = check::shapes(config, &RouteCache::unknown()).await;
    if !findings.problems.is_empty() {
        return Err(findings.problems);
    }
    let destination = findings.destinations.pop().and_then(|found| found.open?.postgres().cloned());
    match (findings.source, destination) {
        (Some(source), Some(_)) if source.server.is_standby => Err(late(&source).into()),
        (Some(source), Some(destination)) => Ok((source, destination)),
        _ => Err(Error::new(ErrorKind::Bug, "a side has no shape and no problem").into()),
    }
}

/// Of a source that may lack what its destination has by right.
fn late(source: &SourceShape) -> Error {
    Error::new(
        ErrorKind::Unsuitable,
        "the source is a standby, which may lag: what it lacks may only be late",
    )
    .at(source.table.name.to_string())
    .fix("name its primary as the source; nothing was written")
}

fn target<'a>(
    config: &'a ReplicationConfig,
    source: &'a SourceShape,
    destination: &'a DestinationShape,
) -> Result<RepairTarget<'a>> {
    let to = &config.destinations[0];
    let postgres = to.require_postgres()?;
    Ok(RepairTarget {
        name: &to.name,
        source: TableEndpoint {
            rows: postgres.rows.as_ref(),
            ..place(config, "repair", &config.source.conninfo, (&config.source.table, &ALIKE))
        },
        source_table: &source.table,
        keeps: source.keeps,
        destination: place(
            config,
            "repair",
            &postgres.conninfo,
            (&postgres.table, &postgres.rename),
        ),
        destination_table: &destination.table,
        wire: &destination.wire,
        synchronous_commit: postgres.commits(),
        is_durability_awaited: config.source.durability_gate,
        limits: limits(config),
        stall_max: config.limits.append_timeout,
    })
}

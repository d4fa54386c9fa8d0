//! `counterfoil capture`: makes, shows, renews and removes what turns changes of tables into events.

mod args;
mod told;

pub(crate) use args::CaptureCommand;

use crate::cli::consent::agreed;
use crate::cli::init::report::tell;
use crate::cli::output::{line, put};
use crate::config::libpq::{Conninfo, Environment};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::escape::escaped_json;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{Session, SessionPurpose, pooler};
use crate::postgres::table::TableName;
use crate::source::capture::{
    self, CaptureRemoval, CaptureWish, CapturedName, LockBudget, PruneWish, RefreshWish,
};
use crate::stop;
use args::{
    CaptureInstall, CaptureLocks, CapturePlace, CapturePrune, CaptureRefresh, CaptureRemove,
    CaptureStatus,
};
use std::time::Duration;
use told::{PlannedPruning, PlannedRemoval, ShownStanding};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const PURPOSE: SessionPurpose = SessionPurpose { what: "capture", side: ErrorSide::Source };
/// What is captured is not as it should be.
const CHANGED: u8 = 4;

/// Runs it; gives the exit code.
///
/// # Errors
/// Everything that stands in the way.
pub(crate) async fn capture(command: CaptureCommand) -> Result<u8, Problems> {
    match command {
        CaptureCommand::Install(wanted) => install(wanted).await,
        CaptureCommand::Status(wanted) => status(wanted).await,
        CaptureCommand::Refresh(wanted) => refresh(wanted).await,
        CaptureCommand::Remove(wanted) => remove(wanted).await,
        CaptureCommand::Prune(wanted) => prune(wanted).await,
    }
}

impl CapturePlace {
    async fn open(&self) -> Result<(Session, TableName)> {
        let log = TableName::parse(&self.log)?;
        let conninfo = Conninfo::parse(&self.url, &Environment::of_process())?;
        Ok((pooler::open(&conninfo, PURPOSE, CONNECT_TIMEOUT).await?, log))
    }
}

impl CaptureLocks {
    fn patience(&self) -> LockBudget {
        LockBudget { at_a_time: self.lock_timeout, in_all: self.lock_for }
    }
}

fn tables(names: &[String]) -> Result<Vec<TableName>, Problems> {
    let (mut tables, mut problems) = (Vec::new(), Problems::new());
    for name in names {
        match TableName::parse(name) {
            Ok(table) if tables.contains(&table) => {}
            Ok(table) => tables.push(table),
            Err(unread) => problems.push(unread),
        }
    }
    problems.or_ok(tables)
}

async fn install(wanted: CaptureInstall) -> Result<u8, Problems> {
    let tables = tables(&wanted.table)?;
    if tables.len() > 1 && (wanted.name.is_some() || !wanted.omit.is_empty()) {
        let what = "--name and --omit are about one table, and several are given";
        let fix = "capture that table by a command of its own";
        return Err(Error::new(ErrorKind::Usage, what).fix(fix).into());
    }
    let name = |table: TableName| CapturedName {
        source: wanted.name.clone().unwrap_or_else(|| table.to_string()),
        table,
    };
    let (session, log) = wanted.place.open().await?;
    let wish = CaptureWish {
        log,
        tables: tables.into_iter().map(name).collect(),
        omitted: wanted.omit,
        patience: wanted.locks.patience(),
    };
    if wanted.dry_run {
        put(&capture::install_sql(&session, &wish).await?)?;
        return Ok(0);
    }
    tell(&capture::install(&session, &wish).await?)?;
    Ok(0)
}

async fn refresh(wanted: CaptureRefresh) -> Result<u8, Problems> {
    let tables = tables(&wanted.table)?;
    let (session, log) = wanted.place.open().await?;
    let wish = RefreshWish { log, tables, patience: wanted.locks.patience() };
    if wanted.dry_run {
        put(&capture::refresh_sql(&session, &wish).await?)?;
        return Ok(0);
    }
    tell(&capture::refresh(&session, &wish).await?)?;
    Ok(0)
}

async fn status(wanted: CaptureStatus) -> Result<u8, Problems> {
    let (session, log) = wanted.place.open().await?;
    let standing = capture::standing(&session, &log).await?;
    if wanted.json {
        let object = serde_json::to_string(&standing).map_err(|error| {
            Error::new(ErrorKind::Bug, "cannot write the status as JSON").caused_by(&error)
        })?;
        line(&escaped_json(&object))?;
    } else {
        put(&ShownStanding(&standing).to_string())?;
    }
    Ok(if standing.is_well() { 0 } else { CHANGED })
}

async fn remove(wanted: CaptureRemove) -> Result<u8, Problems> {
    let tables = tables(&wanted.table)?;
    let (session, log) = wanted.place.open().await?;
    let patience = wanted.locks.patience();
    let removal = CaptureRemoval { log, tables, drops_log: wanted.drop_log, patience };
    let plan = PlannedRemoval(capture::removal_plan(&session, &removal).await?);
    if wanted.dry_run {
        line(&plan.to_string())?;
        return Ok(0);
    }
    let (_stopper, stop) = stop::channel();
    if !agreed(&plan, wanted.yes, &stop).await? {
        return Ok(0);
    }
    let report = capture::remove(&session, &removal).await?;
    told::removed(&report, &removal)?;
    Ok(0)
}

async fn prune(wanted: CapturePrune) -> Result<u8, Problems> {
    let (session, log) = wanted.place.open().await?;
    let wish = PruneWish {
        log,
        keep: wanted.keep,
        forgotten: wanted.forget,
        without_readers: wanted.without_readers,
    };
    let plan = capture::prune_plan(&session, &wish).await?;
    let shown = PlannedPruning(&plan);
    if wanted.dry_run || plan.is_empty() {
        line(&shown.to_string())?;
        return Ok(0);
    }
    let (_stopper, stop) = stop::channel();
    if !agreed(&shown, wanted.yes, &stop).await? {
        return Ok(0);
    }
    told::pruned(&capture::prune(&session, &wish, &plan).await?)?;
    Ok(0)
}

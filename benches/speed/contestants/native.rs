//! PostgreSQL's own logical replication: a publication of the table, and a subscription named like
//! its database.

use crate::Result;
use crate::contestants::wait_for;
use crate::figures::{Figures, timed};
use crate::session::Session;
use crate::stage::Stage;
use std::time::{Duration, Instant};

/// States of pg_subscription_rel of a table whose initial copy is done and in step: synchronized,
/// ready.
const SYNCHRONISED: &str =
    "select count(*) from pg_subscription_rel where srsubstate in ('s', 'r')";
/// How long a worker may take to end.
const END_WAIT_MAX: Duration = Duration::from_secs(60);

/// The initial copy: from CREATE SUBSCRIPTION until the table is synchronised.
pub fn initial_copy(stage: &Stage, target: &str) -> Result<Figures> {
    publish(stage)?;
    let figures = timed(&stage.source, &stage.destination, |_| {
        subscribe(stage, target, "copy_data = true")?;
        wait_until_synchronised(stage, target)
    })?;
    unsubscribe(stage, target)?;
    Ok(figures)
}

/// Enables a subscription that has waited, until all events of the source are there; then disables
/// it.
pub fn catch_up(stage: &Stage, target: &str) -> Result<Figures> {
    let figures = timed(&stage.source, &stage.destination, |_| {
        stage.ask_destination(target, &format!("alter subscription {target} enable"))?;
        super::wait_until_level(stage, target)
    })?;
    stop_worker(stage, target)?;
    Ok(figures)
}

/// Makes the publication of the table, unless it is there.
fn publish(stage: &Stage) -> Result<()> {
    if stage.ask_source("select count(*) from pg_publication")? == "0" {
        stage.ask_source("create publication events for table events")?;
    }
    Ok(())
}

/// Makes the subscription and its slot.
pub fn subscribe(stage: &Stage, target: &str, options: &str) -> Result<()> {
    publish(stage)?;
    let source = format!(
        "host={} port={} user=postgres dbname=source",
        stage.source.socket_dir().display(),
        stage.source.port()
    );
    let sql = format!(
        "create subscription {target} connection '{source}' publication events with ({options})"
    );
    // Through a session: psql would show the notice of the slot.
    Session::open(&stage.destination, target)?.run(&sql)
}

pub fn wait_until_synchronised(stage: &Stage, target: &str) -> Result<()> {
    wait_for(stage, target, SYNCHRONISED, 1)
}

/// Drops the subscription and its slot.
pub fn unsubscribe(stage: &Stage, target: &str) -> Result<()> {
    stop_worker(stage, target)?;
    Session::open(&stage.destination, target)?.run(&format!("drop subscription {target}"))
}

/// Returns once neither side works for the subscription any more.
fn stop_worker(stage: &Stage, target: &str) -> Result<()> {
    stage.ask_destination(target, &format!("alter subscription {target} disable"))?;
    let source = Session::open(&stage.source, "source")?;
    let begun = Instant::now();
    while source.number("select count(*) from pg_replication_slots where active", &[])? > 0 {
        if begun.elapsed() > END_WAIT_MAX {
            return Err(format!("the worker of subscription {target} does not end").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

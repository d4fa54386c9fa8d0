//! SIGINT and SIGTERM: the first asks to stop, the second leaves at once with 130. SIGHUP reads the
//! files again, and so does the window.

use crate::cli::begin::configurations;
use crate::cli::config_file::ConfigFile;
use crate::cli::service::ServiceManager;
use crate::config::ReplicationConfig;
use crate::config::load::Flags;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::key;
use crate::postgres::session::pooler::RouteCache;
use crate::replicate::check;
use crate::stop::{self, Stop};
use crate::supervise::panicked::panicked;
use crate::supervise::{Reload, ReloadCall, ReloadOrder};
use slog::{Logger, info};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// The exit code of a second signal.
const LEFT_AT_ONCE: i32 = 130;

/// Starts to listen for signals, for as long as the process lives.
pub(crate) fn stop_on_signals(log: &Logger) -> Result<Stop> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Bug, "cannot listen for signals").caused_by(&error)
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let (stopper, stop) = stop::channel();
    let log = log.clone();
    tokio::spawn(async move {
        let mut is_first = true;
        loop {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            if !is_first {
                std::process::exit(LEFT_AT_ONCE);
            }
            is_first = false;
            info!(log, "stopping: the batch in hand is finished or rolled back"; key::SIGNAL => name);
            stopper.request();
        }
    });
    Ok(stop)
}

/// Reads the files again at each SIGHUP and each call, for as long as the first of these lives, and
/// hands on what they say; where a start would refuse a replication that has changed, its problems.
/// `running`: what the files say now. `manager`: who is told of it.
pub(crate) fn reload_when_asked(
    (file, flags): (ConfigFile, Flags),
    running: &[ReplicationConfig],
    mut calls: mpsc::Receiver<ReloadCall>,
    manager: Option<Arc<ServiceManager>>,
    log: &Logger,
) -> Result<(AbortOnDropHandle<()>, mpsc::Receiver<ReloadOrder>)> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Bug, "cannot listen for signals").caused_by(&error)
    };
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let (sender, reloads) = mpsc::channel(1);
    let log = log.clone();
    let mut known = revisions(running);
    let task = tokio::spawn(async move {
        loop {
            let call = tokio::select! {
                Some(()) = hangup.recv() => None,
                Some(call) = calls.recv() => Some(call),
                else => return,
            };
            let by = if call.is_some() { "the window" } else { "SIGHUP" };
            info!(log, "reading the configuration again"; key::SIGNAL => by);
            if let Some(manager) = &manager {
                manager.reloading().await;
            }
            let (file, flags) = (file.clone(), flags.clone());
            let read = move || configurations(&file, &flags).map(|config| config.replications);
            let found = match tokio::task::spawn_blocking(read).await {
                Ok(Ok(configs)) => fitting(configs, &known).await,
                Ok(Err(problems)) => Err(problems),
                Err(_) => Err(panicked().into()),
            };
            if let Ok(configs) = &found {
                known = revisions(configs);
            }
            // The room is free again when the reload was taken.
            let order = ReloadOrder { found, call };
            if sender.send(order).await.is_err() || sender.reserve().await.is_err() {
                return;
            }
            if let Some(manager) = &manager {
                manager.reloaded().await;
            }
        }
    });
    Ok((AbortOnDropHandle::new(task), reloads))
}

/// The name of each replication, and what tells its text from another.
fn revisions(configs: &[ReplicationConfig]) -> Vec<(String, u64)> {
    configs.iter().map(|config| (config.name.clone(), config.revision)).collect()
}

/// Those that are new or have changed are checked as at a start, but for what they hold, while
/// everything goes on: one that a start would refuse changes nothing.
async fn fitting(configs: Vec<ReplicationConfig>, known: &[(String, u64)]) -> Reload {
    let mut problems = Problems::new();
    for config in &configs {
        if known.iter().any(|(name, revision)| (name, *revision) == (&config.name, config.revision))
        {
            continue;
        }
        let found = check::shapes(config, &RouteCache::unknown()).await;
        if found.is_refused() {
            problems.extend(found.problems.naming(&config.flags));
        }
    }
    problems.or_ok(configs)
}

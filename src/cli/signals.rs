//! SIGINT and SIGTERM: the first asks to stop, the second leaves at once with 130. SIGHUP reads the
//! files again.

use crate::cli::args::ConfigFile;
use crate::cli::begin::configurations;
use crate::config::load::Flags;
use crate::error::{Error, ErrorKind, Result};
use crate::log::key;
use crate::stop::{self, Stop};
use crate::supervise::Reload;
use slog::{Logger, info};
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

/// Reads the files again at each SIGHUP, for as long as the first of these lives, and hands on what
/// they say.
pub(crate) fn reload_on_signal(
    file: ConfigFile,
    flags: Flags,
    log: &Logger,
) -> Result<(AbortOnDropHandle<()>, mpsc::Receiver<Reload>)> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Bug, "cannot listen for signals").caused_by(&error)
    };
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let (sender, reloads) = mpsc::channel(1);
    let log = log.clone();
    let task = tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            info!(log, "reading the configuration again"; key::SIGNAL => "SIGHUP");
            let (file, flags) = (file.clone(), flags.clone());
            let read = move || configurations(&file, &flags).map(|config| config.replications);
            let Ok(reload) = tokio::task::spawn_blocking(read).await else {
                continue;
            };
            if sender.send(reload).await.is_err() {
                return;
            }
        }
    });
    Ok((AbortOnDropHandle::new(task), reloads))
}

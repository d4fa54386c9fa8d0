//! SIGINT and SIGTERM: the first asks to stop, the second leaves at once with 130.

use crate::error::{Error, Kind, Result};
use crate::log::key;
use crate::stop::{self, Stop};
use slog::{Logger, info};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a second signal.
const LEFT_AT_ONCE: i32 = 130;

/// Starts to listen for signals, for as long as the process lives.
pub(crate) fn stop_on_signals(log: &Logger) -> Result<Stop> {
    let failed = |error: std::io::Error| Error::new(Kind::Bug, "cannot listen for signals").caused_by(&error);
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

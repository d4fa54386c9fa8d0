//! Looks at the databases, as `counterfoil status` does, until something is so.

use super::servers::DESTINATIONS;
use crate::config::ReplicationConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::replicate::status::{ComparisonDepth, DestinationStatus, ReplicationStatus, status};
use std::time::{Duration, Instant};

/// How long a thing that must happen by itself may take.
const WAIT_MAX: Duration = Duration::from_secs(120);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Where everyone stands now.
pub(crate) async fn now(config: &ReplicationConfig) -> ReplicationStatus {
    status(config, ComparisonDepth::LastEvent).await
}

/// Looks again and again until it is so; gives how everyone stands then.
///
/// # Errors
/// `Unavailable` when it is not so in time.
pub(crate) async fn until(
    what: &str,
    config: &ReplicationConfig,
    is_so: impl Fn(&ReplicationStatus) -> bool,
) -> Result<ReplicationStatus> {
    let began = Instant::now();
    loop {
        let status = now(config).await;
        if is_so(&status) {
            return Ok(status);
        }
        if began.elapsed() > WAIT_MAX {
            let late = Error::new(
                ErrorKind::Unavailable,
                format!("{what} has not happened within {} s", WAIT_MAX.as_secs()),
            );
            return Err(late.because(status.to_string().trim_end().replace('\n', " | ")));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The two destinations of a status.
pub(crate) fn destinations(status: &ReplicationStatus) -> [&DestinationStatus; DESTINATIONS.len()] {
    // The demo's own configuration has exactly these.
    std::array::from_fn(|index| &status.destinations[index])
}

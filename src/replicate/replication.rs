//! What is to be done by a replication, and how it ends.

use crate::config::ReplicationConfig;
use crate::replicate::known_warnings::KnownWarnings;
use crate::replicate::shared::SharedLimits;
use crate::replicate::snapshot::{Snapshot, publisher};
use slog::Logger;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often late arrivals are looked for; processes that tools/chaos kills do not live for a
/// minute.
const RECONCILE_INTERVAL: Duration =
    Duration::from_secs(if cfg!(feature = "fail-points") { 2 } else { 60 });

/// What is to be done, and how it ends.
#[derive(Clone, Debug)]
pub struct Replication {
    /// The source, the chosen destinations, limits.
    pub config: Arc<ReplicationConfig>,
    /// Ends when every destination holds what was visible at the start.
    pub until_caught_up: bool,
    /// Ends with the first loss.
    pub fail_fast: bool,
    /// How often late arrivals are looked for; a minute unless somebody waits for it.
    pub reconcile_interval: Duration,
    /// How often the log tells how it stands; `None`: never.
    pub heartbeat: Option<Duration>,
    /// Where everything is said.
    pub log: Logger,
    /// Where what it does is told at every moment: made by [`publisher`].
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    /// What was told to beware of.
    pub told: Arc<KnownWarnings>,
    /// What it shares with the others of its process.
    pub shared: SharedLimits,
}

impl Replication {
    /// Follows the source until a stop, alone in its process.
    pub fn new(config: Arc<ReplicationConfig>, log: Logger) -> Self {
        Self {
            snapshots: publisher(&config),
            config,
            until_caught_up: false,
            fail_fast: false,
            reconcile_interval: RECONCILE_INTERVAL,
            heartbeat: None,
            log,
            told: Arc::default(),
            shared: SharedLimits::default(),
        }
    }
}

//! What is to be done by a replication, and how it ends.

use crate::config::ReplicationConfig;
use crate::replicate::snapshot::Snapshot;
use crate::replicate::told::Told;
use slog::Logger;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What is to be done, and how it ends.
#[derive(Clone, Debug)]
pub struct Replication {
    /// The source, the chosen destinations, limits.
    pub config: Arc<ReplicationConfig>,
    /// Ends when every destination holds what was visible at the start.
    pub until_caught_up: bool,
    /// Ends with the first loss.
    pub fail_fast: bool,
    /// How often late arrivals are looked for; [`AUDIT_INTERVAL`](super::AUDIT_INTERVAL) unless somebody waits for it.
    pub audit_interval: Duration,
    /// Where everything is said.
    pub log: Logger,
    /// Where what it does is told at every moment: made by [`publisher`](super::snapshot::publisher).
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    /// What was told to beware of.
    pub told: Arc<Told>,
}

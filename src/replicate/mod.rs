//! The work: start-up checks, passes from the source to all lanes, and what happens between them.

pub mod check;
mod conductor;
pub mod fan_out;
pub mod health;
mod lag;
mod lane;
mod lane_state;
mod open;
mod pass;
mod progress;
mod reconcile;
pub mod snapshot;
mod source_state;
pub mod status;
pub mod told;

pub use reconcile::AUDIT_INTERVAL;

use crate::config::ReplicationConfig;
use crate::error::Problems;
use crate::stop::Stop;
use check::contents::Contents;
use conductor::Conductor;
use slog::Logger;
use snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use told::Told;

/// What is to be done, and how it ends.
#[derive(Clone, Debug)]
pub struct Replication {
    /// The source, the chosen destinations, limits.
    pub config: Arc<ReplicationConfig>,
    /// What the checks before found of each destination, in their order; `None`: it is still to be compared.
    pub checked: Vec<Option<Checked>>,
    /// Ends when every destination holds what was visible at the start.
    pub until_caught_up: bool,
    /// Ends with the first loss.
    pub fail_fast: bool,
    /// How often late arrivals are looked for; [`AUDIT_INTERVAL`] unless somebody waits for it.
    pub audit_interval: Duration,
    /// Where everything is said.
    pub log: Logger,
    /// Where what it does is told at every moment: made by [`snapshot::publisher`].
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    /// What was told to beware of.
    pub told: Arc<Told>,
}

/// A destination whose first event, last event and count were found to be the source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its lowest id then.
    pub first_id: Option<i64>,
    /// Its highest id then.
    pub position: Option<i64>,
    /// Its events then.
    pub events: u64,
    /// Whether no transaction was open that may still insert at or below that id: then the count is the last word.
    pub is_final: bool,
}

impl From<Contents> for Checked {
    fn from(contents: Contents) -> Self {
        Self {
            first_id: contents.ends.lowest,
            position: contents.ends.highest,
            events: contents.events,
            is_final: contents.is_final,
        }
    }
}

/// Copies until the end that was asked for, until a stop, or until nothing can go on; gives what went wrong.
///
/// Every destination is at every commit a prefix of the source in id order. A crash leaves whole batches only; the next run goes on after them.
pub async fn replicate(run: &Replication, stop: &Stop) -> Problems {
    let mut conductor = Conductor::new(run, stop);
    loop {
        conductor.begin_what_is_due();
        conductor.publish();
        match conductor.next().await {
            Some(event) => conductor.take(event),
            None => return conductor.end(),
        }
    }
}

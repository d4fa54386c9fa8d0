//! What is verified, and what its destinations share meanwhile.

use crate::config::{DifferenceReaction, ReplicationConfig, VerifyConfig};
use crate::postgres::session::limit::ConnectionLimiter;
use crate::postgres::session::pool::SessionPool;
use crate::verify::continuous::position::LanePosition;
use crate::verify::continuous::snapshot::VerificationSnapshot;
use crate::verify::continuous::throttle::RowThrottle;
use slog::Logger;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// So many replications of a process compare rows at the same time; the others wait for a moment.
const COMPARING_MAX: usize = 4;

/// What the verifications of one process share. Clones share it.
#[derive(Clone, Debug)]
pub struct VerificationLimits {
    pub(super) turns: Arc<Semaphore>,
}

impl Default for VerificationLimits {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(COMPARING_MAX)) }
    }
}

/// One replication to be verified.
pub struct ContinuousVerification {
    /// What it is.
    pub config: Arc<ReplicationConfig>,
    /// Up to where each of its destinations can be compared, in the order of the configuration.
    pub positions: watch::Receiver<Arc<Vec<LanePosition>>>,
    /// Where it is published what was found.
    pub publisher: watch::Sender<Arc<VerificationSnapshot>>,
    /// What all verifications of the process share.
    pub limits: VerificationLimits,
    /// The turns to connect.
    pub limiter: ConnectionLimiter,
    /// Where differences are told.
    pub log: Logger,
}

/// What the lanes of one replication share.
pub(super) struct SharedParts<'a> {
    pub of: &'a ContinuousVerification,
    pub settings: VerifyConfig,
    /// The one session at the source.
    pub source: SessionPool,
    pub throttle: Mutex<RowThrottle>,
    /// One lane compares at a time.
    pub turn: Semaphore,
}

impl SharedParts<'_> {
    /// Whether a difference is to stop the replication.
    pub(super) fn stops_at_difference(&self) -> bool {
        self.settings.on_difference == DifferenceReaction::Stop
    }

    /// When the next rows may be read.
    pub(super) fn next_read(&self) -> Instant {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner).free_at()
    }

    /// So many rows of the source were read, beginning at this time.
    pub(super) fn note_read(&self, rows: u64, began: Instant) {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner).charge(rows, began);
    }
}

//! What was written so far, for the progress bar.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of all writers together.
#[derive(Debug, Default)]
pub struct LoadTally {
    events: AtomicU64,
    bytes: AtomicU64,
    transactions: AtomicU64,
    rollbacks: AtomicU64,
}

/// The counts of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadCounts {
    /// Events that the server has committed.
    pub events: u64,
    /// Their JSON texts.
    pub bytes: u64,
    /// Transactions that the server has committed.
    pub transactions: u64,
    /// Transactions that were rolled back on purpose; their events were written again.
    pub rollbacks: u64,
}

impl LoadTally {
    /// The counts now.
    pub fn written(&self) -> LoadCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LoadCounts {
            events: read(&self.events),
            bytes: read(&self.bytes),
            transactions: read(&self.transactions),
            rollbacks: read(&self.rollbacks),
        }
    }

    pub(super) fn committed(&self, events: u64, bytes: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rolled_back(&self) {
        self.rollbacks.fetch_add(1, Ordering::Relaxed);
    }
}

//! What is counted of a source over a whole run, whatever becomes of its connections.

use crate::histogram::{HistogramCounts, HistogramGauge};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How full the notification queue is was asked lately, or is not known.
const QUEUE_USAGE_MAX_AGE: Duration = Duration::from_secs(120);

/// Why a look was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookCause {
    /// Something rang.
    Doorbell,
    /// Nothing rang: it was time to look, or to look again at a gap.
    Poll,
    /// What was found before is copied, or a lane waits for more ids to be decided.
    Pass,
}

/// Looks by their cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookCounts([u64; LookCause::ALL.len()]);

impl LookCause {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::Doorbell, Self::Poll, Self::Pass];
}

impl LookCounts {
    /// How many had this cause.
    pub fn of(&self, cause: LookCause) -> u64 {
        self.0[cause as usize]
    }
}

/// See the module.
#[derive(Debug)]
pub struct SourceGauge {
    looks: [AtomicU64; LookCause::ALL.len()],
    durability_waits: HistogramGauge,
    /// When that was asked, and the answer.
    queue_usage: Mutex<Option<(Instant, f64)>>,
}

impl Default for SourceGauge {
    fn default() -> Self {
        Self {
            looks: Default::default(),
            durability_waits: HistogramGauge::of_durations(),
            queue_usage: Mutex::default(),
        }
    }
}

impl SourceGauge {
    /// A look is taken.
    pub(super) fn looked(&self, cause: LookCause) {
        self.looks[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Rows were awaited for so long on the source's disk.
    pub(super) fn waited(&self, duration: Duration) {
        self.durability_waits.take_duration(duration);
    }

    /// The server said how full its notification queue is.
    pub(super) fn found_queue(&self, usage: f64) {
        let mut known = self.queue_usage.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Instant::now(), usage));
    }

    /// Looks since the gauge was made.
    pub(crate) fn looks(&self) -> LookCounts {
        LookCounts(std::array::from_fn(|cause| self.looks[cause].load(Ordering::Relaxed)))
    }

    /// Waits for the source's disk since the gauge was made.
    pub(crate) fn durability_waits(&self) -> HistogramCounts {
        self.durability_waits.counts()
    }

    /// How full the notification queue of the source's cluster is, from 0 to 1; `None` where that
    /// was not asked in the last two minutes.
    pub(crate) fn queue_usage(&self, now: Instant) -> Option<f64> {
        let known = *self.queue_usage.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at| now.saturating_duration_since(at) <= QUEUE_USAGE_MAX_AGE;
        known.filter(|(at, _)| is_fresh(*at)).map(|(_, usage)| usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_full_the_queue_is_is_not_known_once_the_answer_is_old() {
        let gauge = SourceGauge::default();
        assert_eq!(gauge.queue_usage(Instant::now()), None);
        gauge.found_queue(0.25);
        assert_eq!(gauge.queue_usage(Instant::now()), Some(0.25));
        assert_eq!(gauge.queue_usage(Instant::now() + QUEUE_USAGE_MAX_AGE * 2), None);
    }

    #[test]
    fn looks_are_counted_by_their_cause() {
        let gauge = SourceGauge::default();
        gauge.looked(LookCause::Poll);
        gauge.looked(LookCause::Pass);
        gauge.looked(LookCause::Poll);
        assert_eq!(LookCause::ALL.map(|cause| gauge.looks().of(cause)), [0, 2, 1]);
    }
}

//! Counts for those who watch: the progress bar, the log and the summary. Nothing is decided by them.

use crate::event::feed::Gauge;
use crate::event::range::shown;
use crate::log::key;
use slog::{Logger, info};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Progress is logged at most this often while much is copied.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Less than this since the last line is the ordinary trickle of following.
const LOG_EVENTS_MIN: u64 = 10_000;

/// A trickle is logged at most this often, so that a quiet day is a few lines.
const LOG_INTERVAL_OF_TRICKLE: Duration = Duration::from_secs(3 * 3600);

/// What has been done so far, for all destinations.
#[derive(Debug)]
pub struct Progress {
    lanes: Vec<(String, Arc<Gauge>)>,
    seen: Mutex<Seen>,
    began: Instant,
}

#[derive(Debug)]
struct Seen {
    positions: Vec<Option<i64>>,
    target: Option<i64>,
    logged_at: Instant,
    logged_events: u64,
}

/// What one destination received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its name.
    pub name: String,
    /// Events committed.
    pub events: u64,
    /// Bytes of those events as COPY data.
    pub bytes: u64,
    /// The highest id it holds, as last known.
    pub position: Option<i64>,
}

impl Progress {
    /// Starts at nothing.
    pub fn new(names: impl IntoIterator<Item = String>) -> Arc<Self> {
        let lanes: Vec<_> = names.into_iter().map(|name| (name, Arc::new(Gauge::default()))).collect();
        let now = Instant::now();
        let positions = vec![None; lanes.len()];
        Arc::new(Self {
            lanes,
            seen: Mutex::new(Seen {
                positions,
                target: None,
                logged_at: now,
                logged_events: 0,
            }),
            began: now,
        })
    }

    /// The gauge of a destination.
    pub(super) fn gauge(&self, index: usize) -> &Arc<Gauge> {
        &self.lanes[index].1
    }

    pub(super) fn aim(&self, target: Option<i64>) {
        self.seen().target = target;
    }

    pub(super) fn at(&self, index: usize, position: Option<i64>) {
        self.seen().positions[index] = position;
    }

    /// The highest id visible at the start, once known.
    pub fn target(&self) -> Option<i64> {
        self.seen().target
    }

    /// The lowest position of a destination.
    pub fn lowest(&self) -> Option<i64> {
        self.seen().positions.iter().copied().min().flatten()
    }

    /// Since when counting goes on.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What every destination received.
    pub fn received(&self) -> Vec<Received> {
        let positions = self.seen().positions.clone();
        let lanes = self.lanes.iter().zip(positions);
        let received = lanes.map(|((name, gauge), position)| Received {
            name: name.clone(),
            events: gauge.events(),
            bytes: gauge.bytes(),
            position,
        });
        received.collect()
    }

    /// Logs progress, if there was some and the last line is old enough.
    pub(super) fn log(&self, log: &Logger) {
        let events: u64 = self.lanes.iter().map(|(_, gauge)| gauge.events()).sum();
        let mut seen = self.seen();
        let elapsed = seen.logged_at.elapsed();
        let copied = events - seen.logged_events;
        if !is_worth_a_line(copied, elapsed) {
            return;
        }
        let per_second = copied as f64 / elapsed.as_secs_f64();
        info!(log, "events are copied, all destinations together"; key::EVENTS => events, "events_per_s" => per_second.round(),
            "lowest_position" => shown(seen.positions.iter().copied().min().flatten()));
        seen.logged_at = Instant::now();
        seen.logged_events = events;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether so much, copied since the last line, is told now.
fn is_worth_a_line(copied: u64, elapsed: Duration) -> bool {
    let interval = if copied >= LOG_EVENTS_MIN {
        LOG_INTERVAL
    } else {
        LOG_INTERVAL_OF_TRICKLE
    };
    copied > 0 && elapsed >= interval
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_copy_is_told_every_few_seconds_and_a_quiet_day_in_a_few_lines() {
        let seconds = Duration::from_secs;
        assert!(is_worth_a_line(LOG_EVENTS_MIN, seconds(5)));
        assert!(!is_worth_a_line(LOG_EVENTS_MIN, seconds(4)));
        assert!(!is_worth_a_line(LOG_EVENTS_MIN - 1, seconds(3600)));
        assert!(is_worth_a_line(1, seconds(86_400)));
        assert!(!is_worth_a_line(0, seconds(86_400)));
    }
}

//! What the log says of progress: every few seconds while much is copied, and a few lines on a
//! quiet day.

use crate::log::{key, logged_id};
use crate::replicate::snapshot::Snapshot;
use slog::{Logger, info};
use std::time::{Duration, Instant};

/// Progress is logged at most this often while much is copied.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Less than this since the last line is the ordinary trickle of following.
const LOG_EVENTS_MIN: u64 = 10_000;

/// A trickle is logged at most this often, so that a quiet day is a few lines.
const LOG_INTERVAL_OF_TRICKLE: Duration = Duration::from_secs(3 * 3600);

/// When progress was last told, and how many events there were then.
#[derive(Clone, Copy, Debug)]
pub struct ProgressLog {
    logged_at: Instant,
    logged_events: u64,
}

impl ProgressLog {
    /// Nothing has been told yet.
    pub fn new(now: Instant) -> Self {
        Self { logged_at: now, logged_events: 0 }
    }

    /// Logs progress, if there was some and the last line is old enough.
    pub fn tell(&mut self, snapshot: &Snapshot, log: &Logger) {
        let events = snapshot.events();
        let (elapsed, copied) = (self.logged_at.elapsed(), events - self.logged_events);
        if !is_worth_a_line(copied, elapsed) {
            return;
        }
        let per_second = copied as f64 / elapsed.as_secs_f64();
        info!(log, "events are copied, all destinations together"; key::EVENTS => events, "events_per_s" => per_second.round(),
            key::LOWEST_POSITION => logged_id(snapshot.lowest_position()));
        *self = Self { logged_at: Instant::now(), logged_events: events };
    }
}

/// Whether so much, copied since the last line, is told now.
fn is_worth_a_line(copied: u64, elapsed: Duration) -> bool {
    let interval = if copied >= LOG_EVENTS_MIN { LOG_INTERVAL } else { LOG_INTERVAL_OF_TRICKLE };
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

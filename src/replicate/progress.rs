//! What the log says of progress: every few seconds while much is copied, and a heartbeat that
//! tells how it stands also where nothing happens.

use crate::log::recent::ROUTINE;
use crate::log::{key, logged_id};
use crate::replicate::health::Health;
use crate::replicate::snapshot::Snapshot;
use slog::{Logger, info};
use std::time::{Duration, Instant};

/// Progress is logged at most this often while much is copied.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Less than this since the last line is the ordinary trickle of following: the heartbeat tells it.
const LOG_EVENTS_MIN: u64 = 10_000;

/// When progress was last told, and how many events there were then.
#[derive(Clone, Copy, Debug)]
struct ToldProgress {
    at: Instant,
    events: u64,
}

/// What was told of progress.
#[derive(Clone, Copy, Debug)]
pub struct ProgressLog {
    /// How often it is told how it stands; `None`: never.
    heartbeat: Option<Duration>,
    copying: ToldProgress,
    beating: ToldProgress,
}

impl ProgressLog {
    /// Nothing has been told yet.
    pub fn new(heartbeat: Option<Duration>, now: Instant) -> Self {
        let nothing = ToldProgress { at: now, events: 0 };
        Self { heartbeat, copying: nothing, beating: nothing }
    }

    /// Logs what is due.
    pub fn tell(&mut self, snapshot: &Snapshot, log: &Logger) {
        let (now, events) = (Instant::now(), snapshot.events());
        if is_worth_a_line(events - self.copying.events, now - self.copying.at) {
            let per_second = self.copying.per_second(events, now);
            info!(log, # ROUTINE, "events are copied, all destinations together"; key::EVENTS => events, "events_per_s" => per_second,
                key::LOWEST_POSITION => logged_id(snapshot.lowest_position()));
            self.copying = ToldProgress { at: now, events };
        }
        if self.heartbeat.is_some_and(|heartbeat| now - self.beating.at >= heartbeat) {
            beat(snapshot, self.beating.per_second(events, now), log);
            self.beating = ToldProgress { at: now, events };
        }
    }
}

impl ToldProgress {
    /// Events a second since it was told, to a hundredth.
    fn per_second(&self, events: u64, now: Instant) -> f64 {
        let elapsed = (now - self.at).as_secs_f64().max(0.001);
        ((events - self.events) as f64 / elapsed * 100.0).round() / 100.0
    }
}

/// How it stands, of all destinations together: the lowest position, and the longest lag.
fn beat(snapshot: &Snapshot, per_second: f64, log: &Logger) {
    let level = snapshot.lanes.iter().filter(|lane| lane.health == Health::Level).count();
    let lags = snapshot.lanes.iter().map(|lane| lane.lag_seconds);
    let lag = lags.reduce(|one, other| Some(one?.max(other?))).flatten();
    let position = snapshot.lowest_position();
    info!(log, # ROUTINE, "how it stands"; key::POSITION => logged_id(position),
        key::HIGHEST_ID => logged_id(snapshot.source.highest_id),
        "lag_seconds" => lag.map(|lag| (lag * 1000.0).round() / 1000.0),
        "events_behind_max" => ids_behind(snapshot.source.highest_id, position),
        "events_per_s" => per_second, key::EVENTS => snapshot.events(),
        "destinations_level" => level, "destinations" => snapshot.lanes.len());
}

/// Ids between, so at most so many events; `None` where a destination is empty.
fn ids_behind(highest: Option<i64>, position: Option<i64>) -> Option<i64> {
    match (highest, position) {
        (None, _) => Some(0),
        (Some(highest), position) => Some(highest.saturating_sub(position?).max(0)),
    }
}

/// Whether so much, copied since the last line, is told now.
fn is_worth_a_line(copied: u64, elapsed: Duration) -> bool {
    copied >= LOG_EVENTS_MIN && elapsed >= LOG_INTERVAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_copy_is_told_every_few_seconds_and_a_trickle_by_the_heartbeat_alone() {
        let seconds = Duration::from_secs;
        assert!(is_worth_a_line(LOG_EVENTS_MIN, seconds(5)));
        assert!(!is_worth_a_line(LOG_EVENTS_MIN, seconds(4)));
        assert!(!is_worth_a_line(LOG_EVENTS_MIN - 1, seconds(86_400)));
    }

    #[test]
    fn events_behind_are_at_most_the_ids_between() {
        assert_eq!(ids_behind(Some(10), Some(7)), Some(3));
        assert_eq!(ids_behind(Some(10), Some(11)), Some(0), "the look was earlier");
        assert_eq!(ids_behind(Some(10), None), None);
        assert_eq!(ids_behind(None, None), Some(0));
    }

    #[test]
    fn the_rate_is_that_since_the_line_before() {
        let now = Instant::now();
        let told = ToldProgress { at: now, events: 100 };
        assert_eq!(told.per_second(350, now + Duration::from_secs(100)), 2.5);
    }
}

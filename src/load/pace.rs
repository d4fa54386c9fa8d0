//! At which pace batches are written: when each is due is pure; waiting for it is not.

use crate::stop::Stop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// With a rate, a batch whose size was left to us is no more than so much time of it.
const BATCHES_PER_S: f64 = 10.0;

/// The pace of all writers together.
#[derive(Debug)]
pub(super) struct LoadPace {
    begun: Instant,
    events_per_s: Option<f64>,
    duration: Option<Duration>,
    issued: AtomicU64,
}

impl LoadPace {
    /// Begins now.
    pub(super) fn begin(events_per_s: Option<f64>, duration: Option<Duration>) -> Self {
        Self { begun: Instant::now(), events_per_s, duration, issued: AtomicU64::new(0) }
    }

    /// Waits until a batch may be written. Tells whether it may: not when a stop was requested or
    /// the time is over.
    pub(super) async fn turn(&self, events: u64, stop: &Stop) -> bool {
        let issued = self.issued.fetch_add(events, Ordering::Relaxed) + events;
        let due = self.events_per_s.map_or(Duration::ZERO, |rate| due(issued, rate));
        let end = self.duration.unwrap_or(Duration::MAX);
        let moment = due.min(end);
        let wait = moment.saturating_sub(self.begun.elapsed());
        if self.events_per_s.is_some()
            && !wait.is_zero()
            && stop.or(tokio::time::sleep(wait)).await.is_none()
        {
            return false;
        }
        !stop.is_requested() && due <= end && self.begun.elapsed() < end
    }
}

/// When a batch is due, counted from the beginning: once the rate has made up for all events up to
/// its last one. A writer that was late is not late for ever, because the next moment does not
/// depend on it.
fn due(issued: u64, events_per_s: f64) -> Duration {
    Duration::try_from_secs_f64(issued as f64 / events_per_s).unwrap_or(Duration::MAX / 4)
}

/// How many events a batch has at least whose size was left to us.
pub(super) fn batch_events(usual: u64, events_per_s: Option<f64>) -> u64 {
    match events_per_s {
        Some(rate) => usual.min((rate / BATCHES_PER_S) as u64).max(1),
        None => usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes batches of these sizes at their moments, each taking so many seconds; gives how long
    /// all of it took.
    fn run(rate: f64, batches: &[(u64, f64)]) -> f64 {
        let (mut now, mut issued) = (0.0_f64, 0);
        for (events, seconds) in batches {
            issued += events;
            now = now.max(due(issued, rate).as_secs_f64()) + seconds;
        }
        now
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_server_that_keeps_up_gets_the_rate_within_two_per_cent(
            rate in 1.0..200_000.0_f64, sizes in prop::collection::vec((1..400_u64, 0.0..0.9_f64), 200..400),
        ) {
            // Each batch takes a part of the time that its own events have.
            let batches: Vec<_> = sizes.iter().map(|(events, part)| (*events, *events as f64 / rate * part)).collect();
            let events: u64 = batches.iter().map(|(events, _)| events).sum();
            let reached = events as f64 / run(rate, &batches);
            prop_assert!((reached / rate - 1.0).abs() < 0.02, "{} of {}", reached, rate);
        }

        #[test]
        fn a_stall_is_made_up_for(rate in 10.0..10_000.0_f64, stall in 0.0..0.3_f64, at in 0..100_usize) {
            let mut batches = vec![(1, 0.1 / rate); 1_000];
            batches[at].1 = stall * 1_000.0 / rate;
            let reached = 1_000.0 / run(rate, &batches);
            prop_assert!((reached / rate - 1.0).abs() < 0.02, "{} of {}", reached, rate);
        }

        #[test]
        fn several_writers_together_are_never_ahead_of_the_rate(
            rate in 1.0..100_000.0_f64, sizes in prop::collection::vec(1..50_u64, 1..200),
        ) {
            let mut issued = 0;
            for events in sizes {
                issued += events;
                prop_assert!(due(issued, rate).as_secs_f64() * rate >= issued as f64 * 0.999_999 - 0.001);
            }
        }
    }

    #[test]
    fn a_batch_of_our_own_choice_is_a_tenth_of_a_second_at_most() {
        assert_eq!(batch_events(10_000, None), 10_000);
        assert_eq!(batch_events(10_000, Some(5_000.0)), 500);
        assert_eq!(batch_events(10_000, Some(0.5)), 1);
        assert_eq!(batch_events(1, Some(1e9)), 1);
    }

    #[test]
    fn a_rate_of_next_to_nothing_is_no_panic() {
        assert!(due(u64::MAX, f64::MIN_POSITIVE) > Duration::from_secs(1_000_000_000));
    }

    #[tokio::test]
    async fn nothing_is_written_after_a_stop_or_when_the_time_is_over() {
        let (stopper, stop) = crate::stop::channel();
        assert!(LoadPace::begin(None, None).turn(1, &stop).await);
        assert!(!LoadPace::begin(None, Some(Duration::ZERO)).turn(1, &stop).await);
        assert!(!LoadPace::begin(Some(0.001), Some(Duration::from_millis(1))).turn(1, &stop).await);
        let pace = LoadPace::begin(Some(0.000_001), None);
        let waiting = pace.turn(1, &stop);
        stopper.request();
        assert!(!waiting.await);
    }
}

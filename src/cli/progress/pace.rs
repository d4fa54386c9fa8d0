//! How quick something gets on, by what was seen in the last seconds: what was done before the
//! first look does not count.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Looks further back than this count no more.
const WINDOW: Duration = Duration::from_secs(10);
/// From fewer seconds no speed is told.
const SPAN_MIN: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ProgressPace {
    looks: VecDeque<(Instant, u64)>,
}

impl ProgressPace {
    /// Takes note of how much is done.
    pub(crate) fn look(&mut self, at: Instant, done: u64) {
        if self.looks.back().is_some_and(|(_, before)| *before > done) {
            // It was set back: it begins again.
            self.looks.clear();
        }
        self.looks.push_back((at, done));
        // The first one that is too old stays: the window is full.
        while self.looks.get(1).is_some_and(|(second, _)| at.duration_since(*second) >= WINDOW) {
            self.looks.pop_front();
        }
    }

    /// How much is done in a second; `None` until that can be told.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let ((first, before), (last, done)) = (self.looks.front()?, self.looks.back()?);
        let span = last.duration_since(*first);
        (span >= SPAN_MIN).then(|| (done - before) as f64 / span.as_secs_f64())
    }

    /// How long it takes until so much is done; `None` while nothing moves.
    pub(crate) fn left(&self, total: u64) -> Option<Duration> {
        let (_, done) = self.looks.back()?;
        let rate = self.per_second().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(total.saturating_sub(*done) as f64 / rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(looks: &[(u64, u64)]) -> ProgressPace {
        let (begin, mut pace) = (Instant::now(), ProgressPace::default());
        looks.iter().for_each(|(ms, done)| pace.look(begin + Duration::from_millis(*ms), *done));
        pace
    }

    #[test]
    fn where_it_began_does_not_count_as_done() {
        let pace = looked(&[(0, 300_000), (500, 305_000), (1000, 310_000)]);
        assert_eq!(pace.per_second(), Some(10_000.0));
        assert_eq!(pace.left(400_000), Some(Duration::from_secs(9)));
    }

    #[test]
    fn nothing_is_told_from_less_than_a_second_and_no_end_of_what_does_not_move() {
        assert_eq!(looked(&[(0, 1), (900, 100)]).per_second(), None);
        let stuck = looked(&[(0, 7), (2000, 7)]);
        assert_eq!((stuck.per_second(), stuck.left(9)), (Some(0.0), None));
    }

    #[test]
    fn only_the_last_seconds_count_and_what_is_set_back_begins_again() {
        let looks: Vec<(u64, u64)> = (0..100).map(|s| (s * 1000, s.min(50) * 100)).collect();
        assert_eq!(looked(&looks[..40]).per_second(), Some(100.0));
        assert_eq!(looked(&looks).per_second(), Some(0.0));
        assert_eq!(looked(&[(0, 500), (2000, 20), (4000, 60)]).per_second(), Some(20.0));
    }
}

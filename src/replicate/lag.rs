//! How long a lane has not held everything that was visible at the source: from looks and positions
//! alone, without a query, a column of times or the clock of another machine.
//!
//! A look that began at a time and saw a highest id proves of a lane at or above that id: whatever
//! it lacks became visible after that time. So the time since the latest such look is an upper
//! bound of the age of the first event the lane lacks.

use crate::source::blocked::MarkSighting;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many looks are remembered; then every second one is forgotten, which only makes the bound
/// wider.
const SIGHTINGS_MAX: usize = 256;

/// The looks of one connection to the source, the latest with each highest id.
#[derive(Debug, Default)]
pub struct SightingHistory(VecDeque<MarkSighting>);

impl SightingHistory {
    /// Takes a look. One that saw less than those before speaks of another past: they are
    /// forgotten.
    pub fn add(&mut self, look: MarkSighting) {
        match self.0.back_mut() {
            Some(last) if last.highest == look.highest => last.at = last.at.max(look.at),
            Some(last) if last.highest > look.highest => {
                self.0.clear();
                self.0.push_back(look);
            }
            _ => self.0.push_back(look),
        }
        if self.0.len() > SIGHTINGS_MAX {
            let mut is_kept = false;
            self.0.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The latest.
    pub fn last(&self) -> Option<MarkSighting> {
        self.0.back().copied()
    }

    /// When the latest look began that saw nothing above this position.
    pub(crate) fn held_at(&self, position: Option<i64>) -> Option<Instant> {
        let above = self.0.partition_point(|look| look.highest <= position);
        above.checked_sub(1).map(|at| self.0[at].at)
    }
}

/// What is known of a lane's lag.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lag {
    held_at: Option<Instant>,
    position: Option<i64>,
}

impl Lag {
    /// Takes what is known now. A lane that went backwards lacks what it held before.
    pub fn update(&mut self, position: Option<i64>, looks: &SightingHistory) {
        let known = self.held_at.filter(|_| position >= self.position);
        self.held_at = known.max(looks.held_at(position));
        self.position = position;
    }

    /// How long; `None` while it has never held everything that was visible. `is_level`: both sides
    /// are here, and it holds all that the last look saw.
    pub fn now(&self, is_level: bool, now: Instant) -> Option<Duration> {
        if is_level {
            return Some(Duration::ZERO);
        }
        self.held_at.map(|at| now.saturating_duration_since(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn looks(start: Instant, seen: &[(i64, u64)]) -> SightingHistory {
        let mut looks = SightingHistory::default();
        for (highest, at) in seen {
            looks.add(MarkSighting { highest: Some(*highest), at: start + seconds(*at) });
        }
        looks
    }

    #[test]
    fn a_lane_behind_lags_since_the_latest_look_that_saw_nothing_above_it() {
        let start = Instant::now();
        let looks = looks(start, &[(10, 0), (10, 1), (20, 2), (30, 3)]);
        let mut lag = Lag::default();
        lag.update(Some(9), &looks);
        assert_eq!(lag.now(false, start + seconds(4)), None, "it never held all that was visible");
        lag.update(Some(10), &looks);
        assert_eq!(lag.now(false, start + seconds(4)), Some(seconds(3)));
        lag.update(Some(25), &looks);
        assert_eq!(lag.now(false, start + seconds(4)), Some(seconds(2)));
        lag.update(Some(30), &looks);
        assert_eq!(lag.now(true, start + seconds(4)), Some(Duration::ZERO));
        assert_eq!(
            lag.now(false, start + seconds(9)),
            Some(seconds(6)),
            "it grows while a side is away"
        );
    }

    #[test]
    fn after_going_backwards_it_is_judged_by_what_is_left() {
        let start = Instant::now();
        let looks = looks(start, &[(10, 0), (20, 2)]);
        let mut lag = Lag::default();
        lag.update(Some(20), &looks);
        lag.update(Some(12), &looks);
        assert_eq!(lag.now(false, start + seconds(5)), Some(seconds(5)));
        lag.update(Some(5), &looks);
        assert_eq!(lag.now(false, start + seconds(5)), None);
    }

    #[test]
    fn looks_that_are_forgotten_leave_the_bound_with_a_new_connection() {
        let start = Instant::now();
        let mut looks = looks(start, &[(10, 0)]);
        let mut lag = Lag::default();
        lag.update(Some(10), &looks);
        looks.clear();
        lag.update(Some(10), &looks);
        assert_eq!(lag.now(false, start + seconds(7)), Some(seconds(7)));
    }

    proptest! {
        #[test]
        fn forgetting_looks_never_makes_the_lag_too_small_nor_memory_grow(
            steps in prop::collection::vec((0i64..3, 0i64..900), 1..2000)
        ) {
            let start = Instant::now();
            let (mut looks, mut all, mut highest) = (SightingHistory::default(), Vec::new(), 0);
            for (at, (more, position)) in (0u64..).zip(steps) {
                highest += more;
                let at = start + Duration::from_millis(at);
                looks.add(MarkSighting { highest: Some(highest), at });
                all.push((highest, at));
                prop_assert!(looks.0.len() <= SIGHTINGS_MAX);
                let exact = all.iter().rev().find(|(highest, _)| *highest <= position).map(|(_, at)| *at);
                prop_assert!(looks.held_at(Some(position)) <= exact);
                prop_assert_eq!(looks.held_at(Some(highest)), Some(at));
            }
        }
    }
}

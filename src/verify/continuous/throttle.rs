//! How many rows are read in a second: pure.

use std::time::{Duration, Instant};

/// Lets so many rows be read in a second. What was not used is not saved up.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowThrottle {
    rows_per_second: u32,
    free_at: Instant,
}

impl RowThrottle {
    /// Nothing was read yet.
    pub(super) fn new(rows_per_second: u32, now: Instant) -> Self {
        Self { rows_per_second: rows_per_second.max(1), free_at: now }
    }

    /// When the next rows may be read.
    pub(super) fn free_at(&self) -> Instant {
        self.free_at
    }

    /// So many rows were read, beginning at this time.
    pub(super) fn charge(&mut self, rows: u64, began: Instant) {
        let seconds = rows as f64 / f64::from(self.rows_per_second);
        self.free_at = self.free_at.max(began) + Duration::from_secs_f64(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn in_any_time_no_more_rows_are_read_than_the_rate_and_the_last_segment(
            rate in 1u32..100_000,
            reads in proptest::collection::vec((0u64..5_000, 0u64..3_000), 1..20),
        ) {
            let began = Instant::now();
            let mut throttle = RowThrottle::new(rate, began);
            let (mut now, mut log) = (began, Vec::new());
            for (rows, idle_ms) in reads {
                now = (now + Duration::from_millis(idle_ms)).max(throttle.free_at());
                throttle.charge(rows, now);
                log.push((now, rows));
            }
            for (place, (from, _)) in log.iter().enumerate() {
                for (until, (through, last)) in log.iter().enumerate().skip(place) {
                    let rows: u64 = log[place..until].iter().map(|(_, rows)| rows).sum();
                    let allowed = (*through - *from).as_secs_f64() * f64::from(rate) + 1.0;
                    prop_assert!(rows as f64 <= allowed, "{rows} of {allowed}, then {last}");
                }
            }
        }
    }

    #[test]
    fn rows_that_were_not_read_are_not_read_later_all_at_once() {
        let began = Instant::now();
        let mut throttle = RowThrottle::new(100, began);
        let later = began + Duration::from_secs(60);
        throttle.charge(100, later);
        assert_eq!(throttle.free_at(), later + Duration::from_secs(1));
    }
}

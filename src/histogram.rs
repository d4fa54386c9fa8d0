//! How often values fell below fixed bounds. Counted without a lock while others read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of a histogram, the last one included, which has no bound.
const BUCKETS: usize = 16;

/// What lies below which bounds is counted.
#[derive(Debug, PartialEq)]
struct BucketBounds {
    /// The highest value of each bucket but the last, ascending, in the unit that is counted.
    upper: &'static [u64],
    /// How many of that unit make one of the unit that is told.
    per_unit: f64,
}

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

/// Durations from a millisecond to a minute: counted in nanoseconds, told in seconds.
static DURATIONS: BucketBounds = BucketBounds {
    upper: &[
        MILLISECOND,
        MILLISECOND * 5 / 2,
        5 * MILLISECOND,
        10 * MILLISECOND,
        25 * MILLISECOND,
        50 * MILLISECOND,
        100 * MILLISECOND,
        250 * MILLISECOND,
        500 * MILLISECOND,
        SECOND,
        SECOND * 5 / 2,
        5 * SECOND,
        10 * SECOND,
        30 * SECOND,
        60 * SECOND,
    ],
    per_unit: SECOND as f64,
};

/// Numbers from one to a million.
static NUMBERS: BucketBounds = BucketBounds {
    upper: &[1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
    per_unit: 1.0,
};

/// A histogram that is being counted.
#[derive(Debug)]
pub struct HistogramGauge {
    bounds: &'static BucketBounds,
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

/// A histogram at one moment: plain data, cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistogramCounts {
    bounds: &'static BucketBounds,
    counts: [u64; BUCKETS],
    sum: u64,
}

impl HistogramGauge {
    fn new(bounds: &'static BucketBounds) -> Self {
        Self { bounds, counts: Default::default(), sum: AtomicU64::default() }
    }

    /// Of durations.
    pub(crate) fn of_durations() -> Self {
        Self::new(&DURATIONS)
    }

    /// Of numbers.
    pub(crate) fn of_numbers() -> Self {
        Self::new(&NUMBERS)
    }

    /// Counts a duration.
    pub(crate) fn take_duration(&self, duration: Duration) {
        self.take(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts a number.
    pub(crate) fn take(&self, value: u64) {
        let bucket = self.bounds.upper.partition_point(|upper| *upper < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// As it stands.
    pub(crate) fn counts(&self) -> HistogramCounts {
        HistogramCounts {
            bounds: self.bounds,
            counts: std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed)),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl HistogramCounts {
    /// Of durations, none yet.
    pub(crate) fn of_no_durations() -> Self {
        Self { bounds: &DURATIONS, counts: [0; BUCKETS], sum: 0 }
    }

    /// Of numbers, none yet.
    pub(crate) fn of_no_numbers() -> Self {
        Self { bounds: &NUMBERS, counts: [0; BUCKETS], sum: 0 }
    }

    /// Each bound, and how many values did not exceed it; the last has none, and all of them.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = self.bounds;
        let upper = bounds.upper.iter().map(|upper| Some(*upper as f64 / bounds.per_unit));
        upper.chain([None]).zip(self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((bound, *below))
        })
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    pub fn sum(&self) -> f64 {
        self.sum as f64 / self.bounds.per_unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_below_its_bound_and_every_higher_one() {
        let gauge = HistogramGauge::of_durations();
        for milliseconds in [1, 2, 60_000, 60_001] {
            gauge.take_duration(Duration::from_millis(milliseconds));
        }
        let counts = gauge.counts();
        let buckets: Vec<(Option<f64>, u64)> = counts.cumulative().collect();
        assert_eq!(buckets[..2], [(Some(0.001), 1), (Some(0.0025), 2)]);
        assert_eq!(buckets[14..], [(Some(60.0), 3), (None, 4)]);
        assert_eq!((counts.count(), counts.sum()), (4, 120.004));
    }

    #[test]
    fn numbers_reach_from_one_to_a_million_and_beyond() {
        let gauge = HistogramGauge::of_numbers();
        [0, 1, 2, 1_000_000, 1_000_001].into_iter().for_each(|value| gauge.take(value));
        let counts = gauge.counts();
        let buckets: Vec<(Option<f64>, u64)> = counts.cumulative().collect();
        assert_eq!(buckets[..2], [(Some(1.0), 2), (Some(3.0), 3)]);
        assert_eq!(buckets[12..], [(Some(1e6), 4), (None, 5)]);
        assert_eq!((counts.count(), counts.sum()), (5, 2_000_004.0));
    }

    #[test]
    fn before_the_first_value_every_bucket_is_empty() {
        assert_eq!(HistogramGauge::of_numbers().counts(), HistogramCounts::of_no_numbers());
        assert_eq!(HistogramGauge::of_durations().counts(), HistogramCounts::of_no_durations());
        assert!(HistogramCounts::of_no_durations().cumulative().all(|(_, count)| count == 0));
    }
}

//! The past of a replication as its plots show it: the last hour, or a job since its start.

use std::collections::VecDeque;

/// So many samples are kept: at eight seconds each they are one hour.
pub(super) const SAMPLES_MAX: usize = 450;
/// A replication that goes on keeps one sample of so many seconds, once it has run for an hour.
const STEP_MAX: u32 = 8;

/// A replication in one second.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HistorySample {
    /// Ids a second at the source.
    pub(super) source_rate: f32,
    /// Each destination.
    pub(super) lanes: Vec<LaneSample>,
}

/// A destination in one second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LaneSample {
    /// Seconds behind; not a number while it was never level.
    pub(super) lag: f32,
    /// Events a second.
    pub(super) rate: f32,
    /// Per cent that are there of what was visible at the start.
    pub(super) share: f32,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct PlotHistory {
    /// Whether everything since the start is kept, however long that is.
    is_whole: bool,
    /// Seconds that one sample is for.
    step: u32,
    samples: VecDeque<HistorySample>,
    /// Seconds of the sample that is not complete, put together.
    open: Option<(HistorySample, u32)>,
}

impl PlotHistory {
    /// Of a job, whose whole run is shown, or of the last hour.
    pub(super) fn new(is_whole: bool) -> Self {
        Self { is_whole, step: 1, samples: VecDeque::new(), open: None }
    }

    /// Takes one more second.
    pub(super) fn add(&mut self, second: HistorySample) {
        let (whole, seconds) = match self.open.take() {
            None => (second, 1),
            Some((open, seconds)) => (open.with(&second, seconds, 1), seconds + 1),
        };
        if seconds < self.step {
            self.open = Some((whole, seconds));
            return;
        }
        self.samples.push_back(whole);
        if self.samples.len() <= SAMPLES_MAX {
            return;
        }
        if self.is_whole || self.step < STEP_MAX {
            self.halve();
        } else {
            self.samples.pop_front();
        }
    }

    /// The oldest first.
    pub(super) fn samples(&self) -> impl ExactSizeIterator<Item = &HistorySample> {
        self.samples.iter()
    }

    /// Seconds between two samples.
    pub(super) fn step_seconds(&self) -> u32 {
        self.step
    }

    /// Makes one sample of each two; a last one without a partner waits for its second half.
    fn halve(&mut self) {
        let step = self.step;
        let mut halved = VecDeque::with_capacity(SAMPLES_MAX + 1);
        let mut samples = std::mem::take(&mut self.samples).into_iter();
        while let Some(first) = samples.next() {
            match samples.next() {
                Some(second) => halved.push_back(first.with(&second, step, step)),
                None => self.open = Some((first, step)),
            }
        }
        (self.samples, self.step) = (halved, step * 2);
    }
}

impl HistorySample {
    /// Both together, of so many seconds each: the worst lag, the mean rate, the latest share.
    fn with(&self, later: &Self, seconds: u32, more: u32) -> Self {
        let mean = |first: f32, second: f32| {
            (first * seconds as f32 + second * more as f32) / (seconds + more) as f32
        };
        let lanes = self.lanes.iter().zip(&later.lanes).map(|(first, second)| LaneSample {
            lag: first.lag.max(second.lag),
            rate: mean(first.rate, second.rate),
            share: second.share,
        });
        Self { source_rate: mean(self.source_rate, later.source_rate), lanes: lanes.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(lag: f32, rate: f32) -> HistorySample {
        HistorySample { source_rate: rate, lanes: vec![LaneSample { lag, rate, share: lag }] }
    }

    fn added(is_whole: bool, seconds: usize) -> PlotHistory {
        let mut history = PlotHistory::new(is_whole);
        (0..seconds).for_each(|at| history.add(second(at as f32, 100.0)));
        history
    }

    #[test]
    fn a_service_keeps_one_hour_and_a_job_everything_since_its_start() {
        let hour = added(false, 100_000);
        assert_eq!((hour.samples().len(), hour.step_seconds()), (SAMPLES_MAX, STEP_MAX));
        assert_eq!(SAMPLES_MAX as u32 * STEP_MAX, 3600);
        let first = hour.samples().next().unwrap().lanes[0].lag;
        assert!((100_000.0 - 3700.0..100_000.0).contains(&first), "{first}");
        let job = added(true, 100_000);
        let first = job.samples().next().unwrap().lanes[0].lag;
        assert!(first < job.step_seconds() as f32, "the start is lost: {first}");
        assert!(job.step_seconds() as usize * job.samples().len() > 99_000);
    }

    #[test]
    fn of_two_the_worst_lag_and_the_mean_rate_remain_and_an_unknown_lag_gives_way_to_a_known_one() {
        let both = second(2.0, 10.0).with(&second(5.0, 40.0), 2, 1);
        assert_eq!((both.lanes[0].lag, both.lanes[0].rate, both.lanes[0].share), (5.0, 20.0, 5.0));
        assert_eq!(second(f32::NAN, 0.0).with(&second(3.0, 0.0), 1, 1).lanes[0].lag, 3.0);
    }

    proptest! {
        #[test]
        fn a_peak_within_the_time_shown_is_never_lost(seconds in 1usize..20_000, back in 0usize..3_500) {
            let mut history = PlotHistory::new(false);
            let peak = seconds.saturating_sub(back + 1);
            for at in 0..seconds {
                history.add(second(if at == peak { 600.0 } else { 0.1 }, 1.0));
            }
            let is_open = history.open.as_ref().is_some_and(|(open, _)| open.lanes[0].lag == 600.0);
            let is_shown = history.samples().any(|sample| sample.lanes[0].lag == 600.0);
            prop_assert!(is_shown || is_open);
            prop_assert!(history.samples().len() <= SAMPLES_MAX);
        }
    }
}

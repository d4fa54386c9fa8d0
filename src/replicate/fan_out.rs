//! Which lanes share a pass, and which delay the others: pure decisions over positions and times.

use std::time::Duration;

/// A lane that left a fan-out joins again after so many of its own passes in a row were quick.
const QUICK_PASSES_TO_JOIN: u32 = 3;

/// What the decision knows of a lane that is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadyLane {
    /// Which lane.
    pub lane: usize,
    /// Its position.
    pub position: Option<i64>,
    /// Lanes of another form cannot share a read.
    pub form: usize,
    /// Whether it may share passes with others.
    pub pace: LanePace,
}

/// Whether a lane keeps up with the others. It leaves at once and comes back slowly, so that it
/// does not flap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanePace {
    /// It shares passes with others.
    Together,
    /// It held the others up and goes on alone; this many of its passes in a row were quick.
    Alone {
        /// Quick passes in a row.
        quick: u32,
    },
}

impl LanePace {
    /// The pace after the lane held the others up.
    pub fn left() -> Self {
        LanePace::Alone { quick: 0 }
    }

    /// The pace after a pass of its own: `held` is how long it needed after its read was over.
    #[must_use]
    pub(crate) fn after_pass(self, held: Duration, hold_max: Duration) -> Self {
        match self {
            LanePace::Together => LanePace::Together,
            LanePace::Alone { .. } if held > hold_max / 2 => LanePace::Alone { quick: 0 },
            LanePace::Alone { quick } if quick + 1 >= QUICK_PASSES_TO_JOIN => LanePace::Together,
            LanePace::Alone { quick } => LanePace::Alone { quick: quick + 1 },
        }
    }
}

/// The lanes of one pace: they share a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneGroup {
    /// Which lanes, highest position first.
    pub lanes: Vec<usize>,
    /// Where the read begins: the lowest position among them.
    pub after: Option<i64>,
    /// The highest position among them.
    pub highest: Option<i64>,
}

/// Puts the ready lanes into groups: those of one form within `near_ids` of the highest share one,
/// those that are slow have their own. The group with the highest position comes first. `decided`:
/// up to where every id is decided. A lane above that travels with others of its position alone: on
/// the way to it a read could end at a gap that is decided for itself alone.
pub(crate) fn groups(ready: &[ReadyLane], near_ids: i64, decided: Option<i64>) -> Vec<LaneGroup> {
    let mut sorted = ready.to_vec();
    // At the same position those that share passes come first, so that they lead and not the slow
    // one.
    sorted.sort_by_key(|standing| {
        (std::cmp::Reverse(standing.position), standing.pace != LanePace::Together, standing.lane)
    });
    let mut groups: Vec<(LaneGroup, Option<usize>)> = Vec::new();
    for standing in sorted {
        let form = (standing.pace == LanePace::Together).then_some(standing.form);
        let may_share = |group: &LaneGroup| {
            let is_reached = group.highest == standing.position || group.highest <= decided;
            is_reached && is_near(group.highest, standing.position, near_ids)
        };
        let company = groups
            .iter_mut()
            .find(|(group, other)| form.is_some() && *other == form && may_share(group));
        match company {
            Some((group, _)) => {
                group.lanes.push(standing.lane);
                group.after = standing.position;
            }
            None => groups.push((
                LaneGroup {
                    lanes: vec![standing.lane],
                    after: standing.position,
                    highest: standing.position,
                },
                form,
            )),
        }
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

fn is_near(highest: Option<i64>, position: Option<i64>, near_ids: i64) -> bool {
    match (highest, position) {
        (Some(highest), Some(position)) => highest.saturating_sub(position) <= near_ids,
        (highest, position) => highest == position,
    }
}

/// Of a long pass a lane may delay the others for this part more: one that is only starved for a
/// moment stays, and the source is read once.
const PATIENCE_PART: u32 = 10;
/// And no more than this, however long it lasts.
const PATIENCE_MAX: Duration = Duration::from_millis(500);

/// How long a lane may hold the others up in a pass that has lasted so long.
pub(crate) fn patience(hold_max: Duration, lasted: Duration) -> Duration {
    hold_max.saturating_add((lasted / PATIENCE_PART).min(PATIENCE_MAX))
}

/// How long each lane has held the others up: time flows in while another lane waits for it, and
/// out while none does.
#[derive(Clone, Debug)]
pub struct StallTimers {
    held: Vec<Duration>,
}

impl StallTimers {
    /// No lane has delayed another yet.
    pub fn new(lanes: usize) -> Self {
        Self { held: vec![Duration::ZERO; lanes] }
    }

    /// For how many lanes it counts.
    pub fn lanes(&self) -> usize {
        self.held.len()
    }

    /// Counts `elapsed`, during which nothing more could be read for these lanes (`None`: it is not
    /// travelling any more; `true`: it has work in hand). Gives those that held the others up for
    /// longer than `hold_max`.
    pub fn count(
        &mut self,
        is_busy: &[Option<bool>],
        elapsed: Duration,
        hold_max: Duration,
    ) -> Vec<usize> {
        let is_someone_waiting = is_busy.contains(&Some(false));
        let mut too_long = Vec::new();
        for (lane, (held, is_busy)) in self.held.iter_mut().zip(is_busy).enumerate() {
            *held = if is_someone_waiting && *is_busy == Some(true) {
                *held + elapsed
            } else {
                held.saturating_sub(elapsed)
            };
            if *held > hold_max {
                too_long.push(lane);
            }
        }
        too_long
    }

    /// Counts `elapsed`, during which reading went on.
    pub(crate) fn release(&mut self, elapsed: Duration) {
        self.held.iter_mut().for_each(|held| *held = held.saturating_sub(elapsed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD_MAX: Duration = Duration::from_millis(100);
    const TICK: Duration = Duration::from_millis(10);
    /// Everything is decided.
    const ALL: Option<i64> = Some(i64::MAX);

    fn standing(lane: usize, position: Option<i64>, pace: LanePace) -> ReadyLane {
        ReadyLane { lane, position, form: 0, pace }
    }

    #[test]
    fn lanes_within_a_batch_of_each_other_share_a_read_and_a_far_one_goes_by_itself() {
        let ready = [
            standing(0, Some(1_000_000), LanePace::Together),
            standing(1, Some(990_001), LanePace::Together),
            standing(2, Some(5), LanePace::Together),
            standing(3, None, LanePace::Together),
        ];
        let groups = groups(&ready, 10_000, ALL);
        assert_eq!(
            groups.iter().map(|group| group.lanes.clone()).collect::<Vec<_>>(),
            [vec![0, 1], vec![2], vec![3]]
        );
        assert_eq!((groups[0].after, groups[0].highest), (Some(990_001), Some(1_000_000)));
    }

    #[test]
    fn a_slow_lane_and_one_of_another_form_go_alone_though_they_are_level() {
        let mut other = standing(2, Some(10), LanePace::Together);
        other.form = 1;
        let ready = [
            standing(0, Some(10), LanePace::Together),
            standing(1, Some(10), LanePace::left()),
            other,
        ];
        assert_eq!(groups(&ready, 100, ALL).len(), 3);
    }

    #[test]
    fn a_slow_lane_never_leads_those_it_is_level_with() {
        let ready =
            [standing(0, Some(10), LanePace::left()), standing(1, Some(10), LanePace::Together)];
        assert_eq!(groups(&ready, 100, ALL)[0].lanes, [1]);
    }

    #[test]
    fn above_what_is_decided_only_lanes_of_one_position_share_a_read() {
        let ready = [
            standing(0, Some(105), LanePace::Together),
            standing(1, Some(100), LanePace::Together),
            standing(2, Some(105), LanePace::Together),
            standing(3, None, LanePace::Together),
        ];
        let lanes = |decided| {
            groups(&ready, 10_000, decided).into_iter().map(|group| group.lanes).collect::<Vec<_>>()
        };
        assert_eq!(lanes(None), [vec![0, 2], vec![1], vec![3]]);
        assert_eq!(lanes(Some(104)), [vec![0, 2], vec![1], vec![3]]);
        assert_eq!(lanes(Some(105)), [vec![0, 2, 1], vec![3]]);
    }

    #[test]
    fn positions_at_both_ends_of_the_range_do_not_overflow() {
        let ready = [
            standing(0, Some(i64::MAX), LanePace::Together),
            standing(1, Some(i64::MIN), LanePace::Together),
        ];
        assert_eq!(groups(&ready, 10_000, ALL).len(), 2);
    }

    #[test]
    fn only_the_lanes_that_others_wait_for_are_told_to_leave() {
        let mut stall_timers = StallTimers::new(3);
        for _ in 0..10 {
            assert!(
                stall_timers
                    .count(&[Some(false), Some(true), Some(false)], TICK, HOLD_MAX)
                    .is_empty()
            );
        }
        assert_eq!(
            stall_timers.count(&[Some(false), Some(true), Some(false)], TICK, HOLD_MAX),
            [1]
        );
    }

    #[test]
    fn nobody_leaves_while_all_are_busy_or_one_travels_alone() {
        let mut stall_timers = StallTimers::new(2);
        for _ in 0..100 {
            assert!(stall_timers.count(&[Some(true), Some(true)], TICK, HOLD_MAX).is_empty());
            assert!(stall_timers.count(&[None, Some(true)], TICK, HOLD_MAX).is_empty());
        }
    }

    #[test]
    fn one_that_lets_others_wait_half_of_the_time_leaves_and_one_that_does_a_third_of_it_stays() {
        let (mut half, mut third) = (StallTimers::new(2), StallTimers::new(2));
        let (mut half_leaves, mut third_leaves) = (false, false);
        for tick in 0..300 {
            half_leaves |=
                !half.count(&[Some(tick % 5 > 2), Some(true)], TICK, HOLD_MAX).is_empty();
            third_leaves |=
                !third.count(&[Some(tick % 3 != 0), Some(true)], TICK, HOLD_MAX).is_empty();
        }
        assert!(half_leaves && !third_leaves);
    }

    /// When a lane leaves that has work in hand while another waits for it in those ticks.
    fn leaves(is_waited_for: impl Fn(u32) -> bool) -> Option<Duration> {
        let mut stall_timers = StallTimers::new(2);
        (1..=500).find_map(|tick| {
            let lasted = TICK * tick;
            let too_long = stall_timers.count(
                &[Some(!is_waited_for(tick)), Some(true)],
                TICK,
                patience(HOLD_MAX, lasted),
            );
            (!too_long.is_empty()).then_some(lasted)
        })
    }

    #[test]
    fn with_patience_one_that_lets_others_wait_three_fifths_of_the_time_leaves_and_one_that_does_half_of_it_stays()
     {
        assert!(leaves(|tick| tick % 5 < 3).is_some());
        assert_eq!(leaves(|tick| tick % 2 == 0), None);
    }

    #[test]
    fn one_that_is_starved_for_a_moment_of_a_long_pass_stays_and_one_that_stands_still_leaves() {
        assert_eq!(leaves(|tick| (200..220).contains(&tick)), None);
        assert!(leaves(|_| true).is_some_and(|after| after <= HOLD_MAX * 6 / 5));
        let late = leaves(|tick| tick > 400).map(|after| after - TICK * 400);
        assert!(late.is_some_and(|after| after <= HOLD_MAX + PATIENCE_MAX), "{late:?}");
    }

    #[test]
    fn patience_ends_however_long_a_pass_lasts() {
        assert_eq!(patience(HOLD_MAX, Duration::ZERO), HOLD_MAX);
        assert_eq!(patience(HOLD_MAX, Duration::from_secs(3600)), HOLD_MAX + PATIENCE_MAX);
        assert_eq!(patience(Duration::MAX, Duration::MAX), Duration::MAX);
    }

    #[test]
    fn a_lane_that_left_joins_after_three_quick_passes_in_a_row() {
        let quick = Duration::from_millis(5);
        let mut pace = LanePace::left();
        for held in [quick, quick, Duration::from_millis(80), quick, quick] {
            pace = pace.after_pass(held, HOLD_MAX);
            assert_ne!(pace, LanePace::Together);
        }
        assert_eq!(pace.after_pass(quick, HOLD_MAX), LanePace::Together);
    }
}

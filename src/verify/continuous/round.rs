//! What is compared next of a destination, when a round is due, and up to which id the destination
//! is verified: pure decisions.
//!
//! A *round* goes through all rows from the lowest on. Rows that come above what was compared are
//! the *tail*: they are compared as they come, in turn with the round. What was compared once stays
//! believed until the destination's position falls below it, until a later comparison finds it
//! different, or until a side is not what it was ([`LaneRounds::begin_anew`]).

use crate::event::range::IdRange;
use crate::log::WallTime;
use crate::verify::continuous::known::{FaultChange, KnownFaults, RowFault};
use crate::verify::continuous::position::LanePosition;
use std::time::{Duration, Instant};

/// Between two looks at rows that have just come, so that they are compared together.
pub(super) const TAIL_WAIT: Duration = Duration::from_secs(1);

/// A time by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundMoment {
    /// To reckon with.
    pub at: Instant,
    /// For people.
    pub wall: WallTime,
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneStep {
    /// Rows of this range are compared, from its lower end on, as many as one segment takes.
    Compare(IdRange),
    /// Nothing is before this time. `None`: before rows can be compared.
    Wait(Option<Instant>),
}

/// What was compared, from the lower end of what was asked for.
#[derive(Clone, Debug)]
pub(super) struct ComparedSegment {
    /// All rows of it were.
    pub range: IdRange,
    /// Those that are not equal, in the order of their ids.
    pub found: Vec<(i64, RowFault)>,
    /// Those up to this id were not: the source has let go of what it had there. What is known of
    /// them stays known.
    pub let_go: Option<i64>,
    /// The destination when it began.
    pub began: LanePosition,
}

/// A round under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RoundProgress {
    /// All rows up to here were compared in it.
    reached: Option<i64>,
    /// It ends here; what lies above is the tail.
    goal: i64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct LaneRounds {
    every: Duration,
    lane: LanePosition,
    /// All rows up to here were compared, in this round or an earlier one that is believed.
    covered: Option<i64>,
    known: KnownFaults,
    number: u64,
    began: Option<RoundMoment>,
    ended: Option<RoundMoment>,
    present: Option<RoundProgress>,
    is_tail_next: bool,
    tail_from: Option<Instant>,
}

impl LaneRounds {
    /// Nothing was compared.
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            lane: LanePosition::default(),
            covered: None,
            known: KnownFaults::default(),
            number: 0,
            began: None,
            ended: None,
            present: None,
            is_tail_next: false,
            tail_from: None,
        }
    }

    /// Takes how the destination stands. What lay above a position that fell is not believed any
    /// more, nor anything where more than one fall went by unseen.
    pub(super) fn follow(&mut self, lane: LanePosition, now: RoundMoment) {
        let falls = lane.falls.saturating_sub(self.lane.falls);
        self.lane = lane;
        match falls {
            0 => {}
            1 => self.fall_back(lane.fallen_to, now),
            _ => {
                self.fall_back(lane.fallen_to, now);
                self.begin_anew();
            }
        }
    }

    fn fall_back(&mut self, to: Option<i64>, now: RoundMoment) {
        self.covered = self.covered.min(to);
        self.known.forget_above(to);
        if let Some(present) = &mut self.present {
            present.reached = present.reached.min(to);
            match to {
                Some(to) => present.goal = present.goal.min(to),
                None => self.present = None,
            }
        }
        self.end_if_complete(now);
    }

    /// A side is not what it was: nothing that was compared is believed, and a round begins at once.
    /// Differences stay known until their rows are compared again.
    pub(super) fn begin_anew(&mut self) {
        self.covered = None;
        self.present = None;
        self.began = None;
        self.tail_from = None;
    }

    /// What is next; begins a round that is due.
    pub(super) fn next(&mut self, now: RoundMoment) -> LaneStep {
        let Some(limit) = self.lane.through else { return LaneStep::Wait(None) };
        let due = self.began.map(|began| began.at + self.every);
        if self.present.is_none() && due.is_none_or(|due| due <= now.at) {
            self.number += 1;
            (self.began, self.ended) = (Some(now), None);
            self.present = Some(RoundProgress { reached: None, goal: limit });
        }
        let round = self
            .present
            .map(|present| IdRange { after: present.reached, through: present.goal.min(limit) });
        let round = round.filter(|range| !range.is_empty());
        let tail = self.tail(limit);
        let is_tail_due = tail.is_some() && self.tail_from.is_none_or(|from| from <= now.at);
        match (round, tail.filter(|_| is_tail_due)) {
            (Some(_), Some(tail)) if self.is_tail_next => LaneStep::Compare(tail),
            (Some(round), _) => LaneStep::Compare(round),
            (None, Some(tail)) => LaneStep::Compare(tail),
            (None, None) => {
                let tail_from = self.tail_from.filter(|_| tail.is_some());
                let due = due.filter(|_| self.present.is_none());
                LaneStep::Wait(tail_from.into_iter().chain(due).min())
            }
        }
    }

    /// What came above all that was compared. While a first round has not come so far, it takes that
    /// on its way.
    fn tail(&self, limit: i64) -> Option<IdRange> {
        let is_ahead = self.present.is_none_or(|present| self.covered > present.reached);
        let tail = IdRange { after: self.covered, through: limit };
        (is_ahead && !tail.is_empty()).then_some(tail)
    }

    /// Takes what was compared, when the destination has been followed up to now; gives what changed
    /// of what is known.
    pub(super) fn take(&mut self, segment: ComparedSegment, now: RoundMoment) -> FaultChange {
        let mut range = segment.range;
        match self.lane.falls.saturating_sub(segment.began.falls) {
            0 => {}
            1 => match self.lane.fallen_to {
                // What lies above went while it was compared.
                Some(to) => range.through = range.through.min(to),
                None => return FaultChange::default(),
            },
            _ => return FaultChange::default(),
        }
        if range.is_empty() {
            return FaultChange::default();
        }
        let compared = IdRange { after: range.after.max(segment.let_go), ..range };
        self.known.decide_no_more(IdRange { through: segment.let_go.unwrap_or(i64::MIN), ..range });
        let change = self.known.replace(compared, &segment.found, now.wall);
        let is_tail = self.present.is_none_or(|present| range.after > present.reached);
        self.is_tail_next = !is_tail;
        if is_tail && Some(range.through) >= self.lane.through {
            self.tail_from = Some(now.at + TAIL_WAIT);
        }
        if range.after <= self.covered {
            self.covered = self.covered.max(Some(range.through));
        }
        if let Some(present) = &mut self.present
            && range.after <= present.reached
        {
            present.reached = present.reached.max(Some(range.through));
        }
        self.end_if_complete(now);
        change
    }

    fn end_if_complete(&mut self, now: RoundMoment) {
        if self.present.is_some_and(|present| present.reached >= Some(present.goal)) {
            self.present = None;
            self.ended = Some(now);
            self.known.end_round();
        }
    }

    /// The highest id up to which every row was compared and is equal, as far as it is believed;
    /// never above the destination's position.
    pub(super) fn verified_through(&self) -> Option<i64> {
        let before = self.known.lowest().map(|lowest| lowest.checked_sub(1));
        let verified = self.covered.min(self.lane.position);
        before.map_or(verified, |before| verified.min(before))
    }

    /// What is known to differ.
    pub(super) fn known(&self) -> &KnownFaults {
        &self.known
    }

    /// The number of the round that is under way, or of the last one; 0 before the first.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// When it began.
    pub(super) fn began(&self) -> Option<RoundMoment> {
        self.began
    }

    /// When it ended; `None` while it is under way.
    pub(super) fn ended(&self) -> Option<RoundMoment> {
        self.ended
    }

    /// Whether there are rows that can be compared.
    pub(super) fn can_compare(&self) -> bool {
        self.lane.through.is_some()
    }

    /// The part of its ids that the round under way has done, or that the last one did.
    /// `lowest`: the lowest id there is.
    pub(super) fn share(&self, lowest: Option<i64>) -> Option<f64> {
        let Some(present) = self.present else { return self.ended.map(|_| 1.0) };
        let lowest = lowest?;
        let (done, all) =
            (present.reached? as f64 - lowest as f64, present.goal as f64 - lowest as f64);
        Some(if all > 0.0 { (done / all).clamp(0.0, 1.0) } else { 1.0 })
    }

    /// How far the round under way has come, and where it ends.
    pub(super) fn progress(&self) -> Option<(Option<i64>, i64)> {
        self.present.map(|present| (present.reached, present.goal))
    }
}

#[cfg(test)]
mod tests;

//! The conductor's looks and passes: who travels, with which mark, and what came of it.

use super::{Conductor, Event, PASS_MAX, stopped};
use crate::log::key;
use crate::replicate::fan_out::{Group, Pace, Standing, groups};
use crate::replicate::lane::{Lane, Returned, Travellers};
use crate::replicate::pass::{Passed, pass};
use crate::replicate::slot::{Slot, State};
use crate::replicate::upstream::Source;
use crate::source::cut::Mark;
use slog::{info, warn};
use std::sync::Arc;
use std::time::Instant;

impl Conductor<'_> {
    pub(super) fn begin_look(&mut self, epoch: u64) {
        let front = self.upstream.front();
        let is_level = |slot: &Slot| matches!(&slot.state, State::Ready(lane) if lane.position >= front.shipped);
        if self.is_leading_under_way || !self.slots.iter().any(is_level) {
            return;
        }
        let Some(mut follower) = self.upstream.take_follower() else {
            return;
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let seen = stop.or(follower.wait_for_more(front)).await.unwrap_or_else(|| Err(stopped()));
            Event::Looked(follower, seen, epoch)
        });
    }

    pub(super) fn begin_passes(&mut self, source: &Arc<Source>) {
        for group in groups(&self.standings(), source.near_ids) {
            let is_level = group.highest >= self.upstream.front().shipped;
            let mark = if is_level && !self.is_leading_under_way {
                self.upstream.take_mark()
            } else {
                None
            };
            let is_leading = mark.is_some();
            if let Some(mark) = mark.or_else(|| self.upstream.mark_behind(group.after)) {
                self.is_leading_under_way |= is_leading;
                self.begin_pass(source, &group, mark, is_leading);
            }
        }
    }

    fn standings(&self) -> Vec<Standing> {
        let mut forms = Vec::new();
        let mut ready = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let State::Ready(lane) = &slot.state else { continue };
            let form = forms.iter().position(|known| *known == &lane.wire).unwrap_or_else(|| {
                forms.push(&lane.wire);
                forms.len() - 1
            });
            ready.push(Standing {
                lane: index,
                position: lane.position,
                form,
                pace: slot.pace,
            });
        }
        ready
    }

    fn begin_pass(&mut self, source: &Arc<Source>, group: &Group, mark: Mark, is_leading: bool) {
        let lanes: Vec<Lane> = group.lanes.iter().filter_map(|index| self.slots[*index].take_lane()).collect();
        let Some(reading) = lanes.first().and_then(|lane| source.reading(&lane.wire, &self.run.config)) else {
            return;
        };
        let readers = Arc::clone(if is_leading { &source.leading } else { &source.behind });
        let (source, after, bounds, stop) = (Arc::clone(source), group.after, self.bounds.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let batches = readers.batches(&reading, after, mark, &source.gate, PASS_MAX);
            let mut passed = pass(batches, lanes, &bounds, &stop).await;
            passed.epoch = source.epoch;
            Event::Passed(Box::new(passed), is_leading)
        });
    }

    pub(super) fn take_passed(&mut self, mut passed: Passed, is_leading: bool) {
        self.is_leading_under_way &= !is_leading;
        self.upstream.shipped(&passed, is_leading);
        if passed.group_cuts > 0 {
            warn!(self.run.log, "a group grew beyond its limit and was cut: its events arrive in more than one transaction";
                "cuts" => passed.group_cuts, "group_events_max" => self.run.config.source.group_events_max);
        }
        self.judge_paces(&passed);
        for returned in std::mem::take(&mut passed.returned) {
            self.take_returned(returned);
        }
        self.await_travellers(passed.still_out);
        if let Some(error) = passed.source_error {
            self.lose_source(&error, passed.epoch);
        }
    }

    fn judge_paces(&mut self, passed: &Passed) {
        for index in &passed.cut_off {
            let slot = &mut self.slots[*index];
            if slot.pace == Pace::Together {
                info!(self.run.log, "the destination held the others up and goes on alone"; key::DESTINATION => &slot.name);
            }
            slot.pace = Pace::left();
        }
        let [returned] = passed.returned.as_slice() else { return };
        let slot = &mut self.slots[returned.index];
        let held = returned.at.saturating_duration_since(passed.read_until);
        let pace = slot.pace.after_pass(held, self.bounds.hold_max);
        if pace == Pace::Together && slot.pace != pace {
            info!(self.run.log, "the destination travels with the others again"; key::DESTINATION => &slot.name);
        }
        slot.pace = pace;
    }

    pub(super) fn await_travellers(&mut self, mut travellers: Travellers) {
        if !travellers.is_empty() {
            self.tasks.spawn(async move {
                match travellers.next().await {
                    Some(returned) => Event::CameBack(returned, travellers),
                    None => Event::Tick,
                }
            });
        }
    }

    pub(super) fn take_returned(&mut self, returned: Returned) {
        let index = returned.index;
        match returned.lane {
            Ok(lane) => {
                self.run.progress.at(index, lane.position);
                if self.slots[index].returned(lane, &self.policy, &self.run.log) {
                    self.progressed_at = Instant::now();
                }
            }
            Err(error) => self.lose_lane(index, error),
        }
    }
}

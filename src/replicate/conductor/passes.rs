//! The conductor's looks and passes: which lanes, with which mark, and what came of it.

use super::{Conductor, ConductorEvent, LEAD_MAX, PASS_MAX, stopped};
use crate::error::{Error, ErrorKind};
use crate::event::frame::CopyFormat;
use crate::event::range::shown;
use crate::log::{key, logged_id};
use crate::replicate::fan_out::{LaneGroup, LanePace, ReadyLane, groups};
use crate::replicate::lane::{Lane, LaneTasks, ReturnedLane};
use crate::replicate::lane_state::{LaneState, StalledRead};
use crate::replicate::pass::{LeadEnd, PassBounds, PassLead, PassOutcome, pass};
use crate::replicate::read_progress::ReadProgress;
use crate::replicate::source_state::SourceConnection;
use crate::source::blocked::{BlockReason, Blockage};
use crate::source::gap::hole;
use crate::source::ids::rule::MarkRule;
use crate::source::read::ReadEnd;
use crate::source::read::batcher::{CHUNK_BYTES, CutterStop};
use crate::source::read::prefetch::{ReadStart, RowPrefetch};
use slog::{debug, info, warn};
use std::sync::Arc;
use std::time::Instant;

impl Conductor<'_> {
    pub(super) fn begin_look(&mut self, connection_id: u64) {
        let (mut frontier, decided) = (self.source.frontier(), self.source.decided());
        let wanted = self.wanted();
        self.wants.send_if_modified(|wants| std::mem::replace(wants, wanted) != wanted);
        let takes_more = |state: &LaneState| state.takes_more(frontier.shipped, decided);
        let waiting = || self.lanes.iter().filter(|state| takes_more(state));
        if self.is_led() || waiting().next().is_none() {
            return;
        }
        frontier.is_selective = waiting().all(LaneState::is_selective);
        let Some((mut follower, lost)) = self.source.take_follower() else {
            return;
        };
        let (stop, prefetch) = (self.stop.clone(), self.prefetch());
        self.tasks.spawn(async move {
            let looking = lost.or(follower.wait_for_more(frontier, prefetch.as_ref()));
            let seen = stop.or(looking).await.flatten().unwrap_or_else(|| Err(stopped()));
            ConductorEvent::Looked(follower, seen, connection_id)
        });
    }

    /// Up to where a lane waits for ids to be decided.
    fn wanted(&self) -> Option<i64> {
        let decided = self.source.decided();
        self.lanes.iter().filter_map(|state| state.wanted(decided)).min()
    }

    /// What the first lane that awaits a mark would read first.
    fn prefetch(&self) -> Option<RowPrefetch> {
        let source = self.source.connected().filter(|_| self.source.has_small_rows())?;
        let (frontier, decided) = (self.source.frontier().shipped, self.source.decided());
        let waiting = self.lanes.iter().filter(|state| state.takes_more(frontier, decided));
        // What comes along tells as well whether anything follows at all.
        let whole = |state: &LaneState| {
            Some(&state.connection.open()?.wire).filter(|wire| wire.rows.is_none()).cloned()
        };
        let wire = waiting.filter_map(whole).next()?;
        let read_plan = source
            .read_plan(&wire, &self.run.config)
            .filter(|_| wire.format == CopyFormat::Binary)?;
        Some(RowPrefetch { read_plan, gate: source.gate.clone() })
    }

    /// Whether a pass with the latest mark is under way, and not stuck.
    fn is_led(&self) -> bool {
        self.leading.is_some_and(|began| began.elapsed() < LEAD_MAX)
    }

    /// Lanes that are level and have work of their own do it in a task without a read.
    pub(super) fn begin_turns(&mut self) {
        for index in 0..self.lanes.len() {
            let state = &mut self.lanes[index];
            if !state.is_turn_due() {
                continue;
            }
            let Some(lane) = state.connection.take() else { continue };
            let mut lane_tasks = LaneTasks::default();
            lane_tasks.spawn(*lane).finish();
            self.await_lane_tasks(lane_tasks);
        }
    }

    pub(super) fn begin_passes(&mut self, source: &Arc<SourceConnection>) {
        let decided = self.source.decided();
        for group in groups(&self.standings(), source.near_ids, decided) {
            let frontier = self.source.frontier().shipped;
            let awaits_mark = |lane: &usize| self.lanes[*lane].awaits_mark(frontier, decided);
            let may_lead = group.lanes.iter().any(awaits_mark) && !self.is_led();
            let is_behind = !group.lanes.iter().all(awaits_mark);
            let read_start = if may_lead { self.source.take_read_start() } else { None };
            let is_leading = read_start.is_some();
            let behind = |mark| ReadStart { mark, first: None };
            let read_start = read_start
                .map(|read_start| read_start.at(frontier))
                .or_else(|| self.source.mark_behind(group.after).filter(|_| is_behind).map(behind));
            if let Some(read_start) = read_start {
                self.begin_pass(source, &group, read_start, is_leading);
            }
        }
    }

    fn standings(&self) -> Vec<ReadyLane> {
        let mut forms = Vec::new();
        let mut ready = Vec::new();
        for (index, state) in self.lanes.iter().enumerate() {
            let Some(lane) = state.connection.open().filter(|_| !state.is_paused) else {
                continue;
            };
            let form = forms.iter().position(|known| *known == &lane.wire).unwrap_or_else(|| {
                forms.push(&lane.wire);
                forms.len() - 1
            });
            ready.push(ReadyLane {
                lane: index,
                position: lane.position,
                form,
                pace: if state.batch_events_max().is_some() {
                    LanePace::left()
                } else {
                    state.pace
                },
            });
        }
        ready
    }

    fn begin_pass(
        &mut self,
        source: &Arc<SourceConnection>,
        group: &LaneGroup,
        read_start: ReadStart,
        is_leading: bool,
    ) {
        let lanes: Vec<Lane> = group
            .lanes
            .iter()
            .filter_map(|index| self.lanes[*index].connection.take())
            .map(|lane| *lane)
            .collect();
        let Some(mut read_plan) =
            lanes.first().and_then(|lane| source.read_plan(&lane.wire, &self.run.config))
        else {
            return;
        };
        if let [only] = group.lanes.as_slice()
            && let Some(events_max) = self.lanes[*only].batch_events_max()
        {
            read_plan.limits.events_max = events_max;
        }
        let readers = Arc::clone(if is_leading { &source.leading } else { &source.behind });
        debug!(self.run.log, "a pass began"; key::AFTER => logged_id(group.after), "lanes" => lanes.len(), "is_leading" => is_leading);
        let lead = is_leading.then(|| self.begin_lead());
        let (source, after, bounds, stop) =
            (Arc::clone(source), group.after, self.bounds_of(lanes.len()), self.stop.clone());
        let (frontier, decided) = (self.source.frontier().shipped, read_start.mark.decided());
        let is_selective = read_plan.wire.rows.is_some();
        self.tasks.spawn(async move {
            let batches =
                readers.batches(&read_plan, after, read_start.mark, &source.gate, PASS_MAX);
            let batches = batches.beginning_with(read_start.first);
            let mut passed = pass(batches, source.connection_id, lanes, lead, bounds, &stop).await;
            (passed.frontier, passed.decided) = (frontier, decided);
            passed.is_selective = is_selective;
            ConductorEvent::Passed(Box::new(passed))
        });
    }

    /// Each lane has an equal share of the buffer, and lanes that share a pass share theirs.
    fn bounds_of(&mut self, lanes: usize) -> PassBounds {
        let limits = &self.run.config.limits;
        let room_max = self.shared.room(limits.buffer_bytes_max, lanes).max(CHUNK_BYTES);
        PassBounds { room_max, room: self.rooms.open(room_max), hold_max: limits.hold_max }
    }

    fn begin_lead(&mut self) -> PassLead {
        let began = Instant::now();
        self.leading = Some(began);
        PassLead { began, given_up: self.lead_ends.0.clone() }
    }

    /// The read beyond the frontier is over, or waits for its lanes: another may begin.
    pub(super) fn on_read_finished(&mut self, end: &LeadEnd) {
        let is_leading = self.leading == Some(end.began);
        if is_leading {
            self.leading = None;
        }
        self.source.shipped(&end.reached, is_leading);
    }

    pub(super) fn take_passed(&mut self, mut passed: PassOutcome) {
        self.refuse_vanished_rows(&mut passed);
        self.refuse_hole(&mut passed);
        self.source.shipped(&passed.reached, false);
        let ReadProgress { ended, connection_id, shipped, through, .. } = passed.reached;
        let decided = passed.decided;
        if passed.group_cuts > 0 {
            warn!(self.run.log, "a group grew beyond its limit and was cut: its events arrive in \
                                 more than one transaction";
                "cuts" => passed.group_cuts, "group_events_max" => self.run.config.source.group_events_max);
        }
        self.judge_paces(&passed);
        let travelled: Vec<usize> = passed.returned.iter().map(|lane| lane.index).collect();
        for mut returned in std::mem::take(&mut passed.returned) {
            let index = returned.index;
            let has_all = returned.lane.as_mut().is_ok_and(|lane| lane.has_all(shipped, through));
            self.take_returned(returned);
            self.note_stall(index, ended.filter(|_| has_all), decided, connection_id);
        }
        self.await_lane_tasks(passed.still_running);
        match passed.source_error {
            // The condition of these lanes fails, and not the source.
            Some(error) if passed.is_selective && error.kind() == ErrorKind::Unsuitable => {
                for index in travelled {
                    self.lose_lane(index, error.clone(), connection_id);
                }
            }
            Some(error) => self.lose_source(&error, connection_id),
            None => {}
        }
    }

    /// Rows that were copied once and are not there any more: the source must be compared again,
    /// not asked again and again.
    fn refuse_vanished_rows(&self, passed: &mut PassOutcome) {
        let is_short = passed.reached.ended == Some(ReadEnd::NothingMore)
            && passed.reached.through < passed.frontier;
        if is_short && passed.source_error.is_none() {
            let what = "events that were copied before are not at the source any more";
            let why = format!(
                "nothing was found after id {}, events up to {} were copied",
                shown(passed.reached.through),
                shown(passed.frontier)
            );
            passed.source_error = Some(
                Error::new(ErrorKind::Unavailable, what)
                    .because(why)
                    .fix("no action needed: Counterfoil reconnects and re-checks"),
            );
        }
    }

    /// A hole in consecutive ids where there was none when they were copied before.
    fn refuse_hole(&self, passed: &mut PassOutcome) {
        if let Some(ReadEnd::Stopped(CutterStop::AtMark { next, .. })) = passed.reached.ended
            && self.has_consecutive_ids()
            && Some(next) <= passed.frontier
            && passed.source_error.is_none()
        {
            let blockage = Blockage {
                after: passed.reached.taken,
                next: Some(next),
                reason: BlockReason::Missing,
            };
            let place = self.run.config.source.conninfo.describe();
            passed.source_error =
                Some(hole(&blockage, &place).because("it was there when it was copied before"));
        }
    }

    fn has_consecutive_ids(&self) -> bool {
        let source = self.source.connected();
        source.is_some_and(|source| matches!(source.rule, MarkRule::Consecutive(_)))
    }

    /// A read that ended before the frontier, at an id that was not decided: what lies there, or
    /// the end of its group, is known later. Read again at once, it would end in the same place.
    fn note_stall(
        &mut self,
        index: usize,
        ended: Option<ReadEnd>,
        decided: Option<i64>,
        connection_id: u64,
    ) {
        let frontier = self.source.frontier().shipped;
        let is_at_mark = matches!(ended, Some(ReadEnd::Stopped(CutterStop::AtMark { .. })));
        let state = &mut self.lanes[index];
        let is_stalled = is_at_mark
            && decided == self.source.decided()
            && state.position < frontier
            && connection_id == self.source.connection_id();
        state.stalled_at = is_stalled.then_some(StalledRead { position: state.position, decided });
    }

    fn judge_paces(&mut self, passed: &PassOutcome) {
        for index in &passed.cut_off {
            let state = &mut self.lanes[*index];
            if state.pace == LanePace::Together {
                info!(self.run.log, "destination is slow; it continues in its own pass"; key::DESTINATION => &state.name);
            }
            state.pace = LanePace::left();
        }
        let [returned] = passed.returned.as_slice() else { return };
        let state = &mut self.lanes[returned.index];
        // A pass without work says nothing of the pace.
        if returned.lane.as_ref().map_or(true, |lane| lane.position <= state.position) {
            return;
        }
        let held = returned.at.saturating_duration_since(passed.read_until);
        let pace = state.pace.after_pass(held, self.run.config.limits.hold_max);
        if pace == LanePace::Together && state.pace != pace {
            info!(self.run.log, "destination rejoined the shared read"; key::DESTINATION => &state.name);
        }
        state.pace = pace;
    }

    pub(super) fn await_lane_tasks(&mut self, mut lane_tasks: LaneTasks) {
        if !lane_tasks.is_empty() {
            self.tasks.spawn(async move {
                match lane_tasks.next().await {
                    Some(returned) => ConductorEvent::CameBack(Box::new(returned), lane_tasks),
                    None => ConductorEvent::Tick,
                }
            });
        }
    }

    pub(super) fn take_returned(&mut self, returned: ReturnedLane) {
        let index = returned.index;
        match returned.lane {
            Ok(lane) => {
                if self.lanes[index].returned(lane, &self.run.log) {
                    self.progressed_at = Instant::now();
                }
            }
            Err(error) => self.lose_lane(index, error, returned.connection_id),
        }
    }
}

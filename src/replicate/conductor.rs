//! Starts what is due and takes what comes back: the source, the lanes, the looks and the passes. Every task it starts ends with it.

use crate::error::{Error, Kind, Problems, Result};
use crate::log::key;
use crate::replicate::fan_out::{Group, Pace, Standing, groups};
use crate::replicate::lane::{Lane, Returned, Travellers};
use crate::replicate::late::{self, Audited};
use crate::replicate::pass::{Bounds, Passed, pass};
use crate::replicate::slot::{Slot, State};
use crate::replicate::upstream::{Source, Upstream};
use crate::replicate::{Replication, open};
use crate::retry::Policy;
use crate::source::cut::Mark;
use crate::source::wait::Follower;
use crate::stop::Stop;
use slog::{debug, error, info, warn};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

/// A pass takes about this long at most, so that lanes come together again and again.
const PASS_MAX: Duration = Duration::from_secs(5);
const RETRY_WAIT_MIN: Duration = Duration::from_millis(100);
/// So long after the source was opened it is waited for lanes that are still being opened.
const GATHER_MAX: Duration = Duration::from_secs(1);
/// How often it is looked whether the time allowed is over, and what to say of the progress.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// What a task ends with.
pub enum Event {
    /// The source was connected and checked, or was not.
    SourceOpened(Box<Result<(Source, Follower)>>),
    /// The follower found a mark, or lost its connection, which has this number.
    Looked(Box<Follower>, Result<Mark>, u64),
    /// A lane was connected and checked, or was not.
    LaneOpened(usize, Box<Result<Lane>>),
    /// A pass is over; `true`: it was led by a fresh mark.
    Passed(Box<Passed>, bool),
    /// A lane came back that had been cut off; others may still be out.
    CameBack(Returned, Travellers),
    /// Late arrivals were looked for.
    Audited(usize, Box<Result<Audited>>),
    /// Nothing happened: time to look at the clock.
    Tick,
}

/// See the module.
pub struct Conductor<'a> {
    run: &'a Replication,
    stop: &'a Stop,
    tasks: JoinSet<Event>,
    upstream: Upstream,
    slots: Vec<Slot>,
    bounds: Bounds,
    policy: Policy,
    /// The highest id visible at the first opening of the source; `None` until then.
    target: Option<Option<i64>>,
    progressed_at: Instant,
    is_leading_under_way: bool,
    is_over: bool,
    bug: Option<Error>,
}

impl<'a> Conductor<'a> {
    /// Nothing is connected yet, and everything is due.
    pub fn new(run: &'a Replication, stop: &'a Stop) -> Self {
        let limits = &run.config.replication;
        let now = Instant::now();
        let destinations = run.config.destinations.iter().enumerate();
        let slots = destinations.map(|(index, destination)| Slot::new(destination.name.clone(), Arc::clone(run.progress.gauge(index)), now));
        Self {
            run,
            stop,
            tasks: JoinSet::new(),
            upstream: Upstream::new(now),
            slots: slots.collect(),
            bounds: Bounds {
                room: Arc::new(Semaphore::new(limits.buffer_bytes_max)),
                room_max: limits.buffer_bytes_max,
                hold_max: limits.hold_max,
            },
            policy: Policy {
                wait_min: RETRY_WAIT_MIN,
                wait_max: limits.retry_wait_max,
            },
            target: None,
            progressed_at: now,
            is_leading_under_way: false,
            is_over: false,
            bug: None,
        }
    }

    /// Starts everything that is due now; nothing once it is time to end.
    pub fn begin_what_is_due(&mut self) {
        self.is_over |= self.is_done() || self.upstream.is_halted();
        if self.is_over || self.stop.is_requested() {
            return;
        }
        let now = Instant::now();
        if self.upstream.is_due(now) {
            self.open_source();
        }
        let Some(source) = self.upstream.source() else { return };
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            // What was compared over another connection to the source is opened and compared anew.
            if matches!(&slot.state, State::Ready(lane) if lane.epoch != source.epoch) {
                slot.state = State::Closed { until: now };
            }
            if slot.due().is_some_and(|due| due <= now) {
                self.open_lane(index, &source);
            }
        }
        self.begin_audits(&source, now);
        // Lanes that are opened at the same time begin together, so that they share their first read.
        let is_gathering = self.upstream.opened_at().elapsed() < GATHER_MAX && self.slots.iter().any(|slot| matches!(slot.state, State::Opening));
        if !is_gathering {
            self.begin_passes(&source);
            self.begin_look(source.epoch);
        }
    }

    /// Waits for the next thing; `None` when it is time to end.
    pub async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        let tick = Instant::now() + WATCH_INTERVAL;
        let lanes_due = self.slots.iter().filter_map(Slot::due).min();
        let due = [self.upstream.due(), lanes_due].into_iter().flatten().fold(tick, Ord::min);
        let event = tokio::select! {
            biased;
            () = self.stop.requested() => {
                self.drain().await;
                None
            }
            Some(event) = self.tasks.join_next() => Some(event),
            () = tokio::time::sleep_until(due.max(Instant::now() + Duration::from_millis(1)).into()) => return Some(Event::Tick),
        };
        self.unwrap(event?)
    }

    /// After a stop: waits for what is under way, as long as that is allowed; what is left is rolled back by the servers.
    async fn drain(&mut self) {
        self.is_over = true;
        let allowed = self.run.config.replication.shutdown_timeout;
        let under_way = async {
            while self.slots.iter().any(|slot| matches!(slot.state, State::Busy | State::Opening)) {
                let Some(event) = self.tasks.join_next().await else { break };
                if let Some(event) = self.unwrap(event) {
                    self.take(event);
                }
            }
        };
        if tokio::time::timeout(allowed, under_way).await.is_err() {
            warn!(self.run.log, "the batch in hand was not finished in time, its connection is closed and the server rolls it back");
        }
    }

    fn unwrap(&mut self, event: std::result::Result<Event, JoinError>) -> Option<Event> {
        match event {
            Ok(event) => Some(event),
            Err(error) => {
                self.bug = Some(Error::new(Kind::Bug, "a task ended without a result").because(error.to_string()));
                self.is_over = true;
                None
            }
        }
    }

    /// Takes what a task ended with.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::SourceOpened(opened) => self.take_source(*opened),
            Event::Looked(follower, Ok(mark), epoch) => self.upstream.saw(follower, mark, epoch),
            Event::Looked(_, Err(error), epoch) => self.lose_source(&error, epoch),
            Event::LaneOpened(index, opened) => self.take_opened(index, *opened),
            Event::Passed(passed, is_leading) => self.take_passed(*passed, is_leading),
            Event::CameBack(returned, travellers) => {
                self.take_returned(returned);
                self.await_travellers(travellers);
            }
            Event::Audited(index, audited) => self.take_audited(index, *audited),
            Event::Tick => self.watch(),
        }
    }

    /// Why the run ended, when not because all was done or a stop was requested.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        let halted = self.slots.iter().filter(|slot| matches!(slot.state, State::Halted)).filter_map(Slot::lost_with);
        for error in self.bug.iter().chain(self.upstream.halted_with()).chain(halted) {
            problems.push(error.clone());
        }
        if problems.is_empty() && !self.stop.is_requested() && !self.is_done() {
            self.slots.iter().filter(|slot| !self.has_arrived(slot)).for_each(|slot| problems.push(self.no_progress(slot)));
        }
        problems
    }

    fn is_done(&self) -> bool {
        let is_halted = |slot: &Slot| matches!(slot.state, State::Halted);
        self.slots.iter().all(|slot| is_halted(slot) || (self.run.until_caught_up && self.has_arrived(slot)))
    }

    fn has_arrived(&self, slot: &Slot) -> bool {
        self.target.is_some_and(|target| slot.was_opened && slot.position >= target)
    }

    /// The clock: is the time allowed over, and is there progress to be told?
    fn watch(&mut self) {
        self.run.progress.log(&self.run.log);
        let is_well = self.upstream.source().is_some() && self.slots.iter().all(|slot| slot.lost_with().is_none());
        if is_well && !self.run.until_caught_up {
            self.progressed_at = Instant::now();
        }
        let allowed = self.run.config.replication.retry_for;
        self.is_over |= allowed.is_some_and(|allowed| self.progressed_at.elapsed() > allowed);
    }

    fn no_progress(&self, slot: &Slot) -> Error {
        let allowed = self.run.config.replication.retry_for.unwrap_or_default();
        let what = format!("destination \"{}\" is not caught up, and nothing has moved for {} ms", slot.name, allowed.as_millis());
        if let Some(error) = self.upstream.lost_with().or(slot.lost_with()) {
            let kind = if error.kind() == Kind::Fed { Kind::Fed } else { Kind::Unavailable };
            return error.clone().of_kind(kind).while_doing(what);
        }
        let ours = Error::new(Kind::Unavailable, what).at(self.upstream.in_words());
        match self.upstream.holding() {
            Some(holding) => ours.because(holding).fix("end that transaction, then start again; nothing was lost"),
            None => ours.fix("start again: it goes on where it stands; retry_for_ms sets the time allowed"),
        }
    }

    fn open_source(&mut self) {
        let (run, stop, epoch) = (self.run.clone(), self.stop.clone(), self.upstream.begin_opening());
        self.tasks.spawn(async move {
            let opened = stop.or(open::source(&run, epoch)).await;
            Event::SourceOpened(Box::new(opened.unwrap_or_else(|| Err(stopped()))))
        });
    }

    fn take_source(&mut self, opened: Result<(Source, Follower)>) {
        match opened {
            Ok((source, follower)) => {
                if self.target.is_none() {
                    self.target = Some(source.highest);
                    self.run.progress.aim(source.highest);
                }
                if self.upstream.lost_with().is_some() {
                    info!(self.run.log, "the source is back");
                }
                let highest = self.slots.iter().filter_map(|slot| slot.position).max();
                self.upstream.opened(source, follower, highest);
            }
            Err(error) => self.lose_source(&error, self.upstream.epoch()),
        }
    }

    fn lose_source(&mut self, error: &Error, epoch: u64) {
        if error.kind() == Kind::Stopped || epoch != self.upstream.epoch() || self.upstream.due().is_some() {
            return;
        }
        let is_news = self.upstream.lost_with().is_none_or(|known| known.to_string() != error.to_string());
        let fix = error.remedy().unwrap_or_default().to_owned();
        let wait = self.upstream.lose(error, &self.policy, jitter());
        match wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)) {
            Some(wait_ms) if is_news => {
                warn!(self.run.log, "the source was lost, trying again"; key::ERROR => error.to_string(), key::FIX => fix, key::WAIT_MS => wait_ms);
            }
            Some(wait_ms) => debug!(self.run.log, "the source is still lost"; key::WAIT_MS => wait_ms),
            None => error!(self.run.log, "the source cannot be followed any more"; key::ERROR => error.to_string(), key::FIX => fix),
        }
        if self.run.fail_fast && wait.is_some() {
            self.upstream.halt(error.clone());
        }
    }

    fn open_lane(&mut self, index: usize, source: &Arc<Source>) {
        let (run, stop, source) = (self.run.clone(), self.stop.clone(), Arc::clone(source));
        let slot = &mut self.slots[index];
        slot.state = State::Opening;
        let (gauge, is_first) = (Arc::clone(&slot.gauge), !slot.was_opened);
        self.tasks.spawn(async move {
            let opened = stop.or(open::lane(&run, &source, index, gauge, is_first)).await;
            Event::LaneOpened(index, Box::new(opened.unwrap_or_else(|| Err(stopped()))))
        });
    }

    fn take_opened(&mut self, index: usize, opened: Result<Lane>) {
        match opened {
            Ok(lane) => {
                self.run.progress.at(index, lane.position);
                self.upstream.hear_of(lane.position, lane.epoch);
                self.slots[index].opened(lane, &self.policy, &self.run.log);
            }
            Err(error) => self.lose_lane(index, error),
        }
    }

    fn lose_lane(&mut self, index: usize, error: Error) {
        let is_over = self.run.fail_fast && !matches!(error.kind(), Kind::Stopped | Kind::Fed);
        let slot = &mut self.slots[index];
        slot.lost(error, &self.policy, jitter(), &self.run.log);
        if is_over {
            slot.halt();
            self.is_over = true;
        }
    }

    fn begin_look(&mut self, epoch: u64) {
        let front = self.upstream.front();
        let is_level = |slot: &Slot| matches!(&slot.state, State::Ready(lane) if lane.position >= front.shipped);
        if self.is_leading_under_way || !self.slots.iter().any(is_level) {
            return;
        }
        let Some(mut follower) = self.upstream.take_follower() else { return };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let seen = stop.or(follower.wait_for_more(front)).await.unwrap_or_else(|| Err(stopped()));
            Event::Looked(follower, seen, epoch)
        });
    }

    fn begin_passes(&mut self, source: &Arc<Source>) {
        for group in groups(&self.standings(), source.near_ids) {
            let is_level = group.highest >= self.upstream.front().shipped;
            let mark = if is_level && !self.is_leading_under_way { self.upstream.take_mark() } else { None };
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
        let Some(reading) = lanes.first().and_then(|lane| source.reading(&lane.wire, &self.run.config)) else { return };
        let readers = Arc::clone(if is_leading { &source.leading } else { &source.behind });
        let (source, after, bounds, stop) = (Arc::clone(source), group.after, self.bounds.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let batches = readers.batches(&reading, after, mark, &source.gate, PASS_MAX);
            let mut passed = pass(batches, lanes, &bounds, &stop).await;
            passed.epoch = source.epoch;
            Event::Passed(Box::new(passed), is_leading)
        });
    }

    fn take_passed(&mut self, mut passed: Passed, is_leading: bool) {
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

    fn await_travellers(&mut self, mut travellers: Travellers) {
        if !travellers.is_empty() {
            self.tasks.spawn(async move {
                match travellers.next().await {
                    Some(returned) => Event::CameBack(returned, travellers),
                    None => Event::Tick,
                }
            });
        }
    }

    fn take_returned(&mut self, returned: Returned) {
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

    fn begin_audits(&mut self, source: &Arc<Source>, now: Instant) {
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            let State::Ready(lane) = &slot.state else { continue };
            if now.duration_since(slot.audited_at) < late::INTERVAL {
                continue;
            }
            slot.audited_at = now;
            let (run, stop, source) = (self.run.clone(), self.stop.clone(), Arc::clone(source));
            let (wire, before, position) = (lane.wire.clone(), slot.audited, lane.position);
            self.tasks.spawn(async move {
                let audited = stop.or(late::audit(&run, &source, index, &wire, before, position)).await;
                Event::Audited(index, Box::new(audited.unwrap_or_else(|| Err(stopped()))))
            });
        }
    }

    fn take_audited(&mut self, index: usize, audited: Result<Audited>) {
        match audited {
            Ok(audited) => self.slots[index].audited = audited,
            Err(error) if error.kind().consequence().is_retried || error.kind() == Kind::Stopped => {
                debug!(self.run.log, "late arrivals could not be looked for"; key::DESTINATION => &self.slots[index].name, key::ERROR => error.to_string());
            }
            Err(error) => self.lose_lane(index, error),
        }
    }
}

fn stopped() -> Error {
    Error::new(Kind::Stopped, "a stop was requested")
}

fn jitter() -> f64 {
    rand::random()
}

//! A destination as the conductor sees it: closed, busy, ready or halted, and what is known of it.

use crate::error::{Error, Kind};
use crate::event::feed::Gauge;
use crate::event::range::shown;
use crate::log::key;
use crate::replicate::Checked;
use crate::replicate::fan_out::Pace;
use crate::replicate::lane::{Compared, Lane};
use crate::replicate::late::Audited;
use crate::replicate::upstream::History;
use crate::retry::{Happened, Health, Policy};
use slog::{Logger, debug, error, info, warn};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the lane is.
pub enum State {
    /// Not connected; due at this time.
    Closed {
        /// When.
        until: Instant,
    },
    /// With a task that connects and checks it.
    Opening,
    /// In a pass.
    Busy,
    /// Here, connected and checked.
    Ready(Box<Lane>),
    /// Stopped for good.
    Halted,
}

/// See the module.
pub struct Slot {
    /// As configured.
    pub name: String,
    /// What it has done.
    pub gauge: Arc<Gauge>,
    /// Whether it travels with others.
    pub pace: Pace,
    /// Where the lane is.
    pub state: State,
    /// The last position known.
    pub position: Option<i64>,
    /// Whether it was opened since the process started: then counts were compared.
    pub was_opened: bool,
    /// The past of the events it was last compared with.
    pub history: Option<History>,
    /// The table it was then, by oid.
    pub table: Option<u32>,
    /// It was compared while transactions were open that may still insert at or below this id: it is counted once more when they have ended.
    pub unconfirmed: Option<i64>,
    /// Whether it is being counted once more.
    pub confirming: Confirming,
    /// Its highest id that we know of: compared with the source, or appended by us.
    vouched: Option<i64>,
    /// Up to where late arrivals were looked for.
    pub audited: Audited,
    /// When late arrivals were last looked for.
    pub audited_at: Instant,
    /// Whether they are being looked for now.
    pub is_under_audit: bool,
    /// Its position, and up to where ids were decided, when a read ended before the front was reached: it waits for the next mark, as those at the
    /// front do.
    pub stalled_at: Option<Stall>,
    lost_with: Option<Error>,
    health: Health,
    closer: Option<Closer>,
}

/// Where a read ended at an id that was not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The lane's position.
    pub position: Option<i64>,
    /// Up to where ids were decided.
    pub decided: Option<i64>,
}

/// Whether a lane is being counted once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirming {
    /// Not yet, or not again before this time.
    From(Instant),
    /// Now.
    Now,
}

/// A look at rows that were rejected: smaller batches until all that was read then is appended.
struct Closer {
    events_max: u64,
    until: Option<i64>,
}

/// How much smaller the batches get at each rejection, down to single events.
const CLOSER_FACTOR: u64 = 100;
/// A hot spare looks as often whether the replicator it waits for has ended.
const FED_WAIT_MAX: Duration = Duration::from_secs(2);

impl Slot {
    /// Closed, and due now.
    pub fn new(name: String, gauge: Arc<Gauge>, checked: Option<Checked>, now: Instant) -> Self {
        let unconfirmed = checked.filter(|checked| !checked.is_final).and_then(|checked| checked.position);
        Self {
            name,
            gauge,
            pace: Pace::Together,
            state: State::Closed { until: now },
            position: None,
            was_opened: false,
            history: None,
            table: None,
            unconfirmed,
            confirming: Confirming::From(now),
            vouched: checked.and_then(|checked| checked.position),
            audited: Audited::default(),
            audited_at: now,
            is_under_audit: false,
            stalled_at: None,
            lost_with: None,
            health: Health::new(),
            closer: None,
        }
    }

    /// When it is due to be opened, if that is what is waited for.
    pub fn due(&self) -> Option<Instant> {
        if let State::Closed { until } = self.state {
            Some(until)
        } else {
            None
        }
    }

    /// Whether only a new mark can lead it on: it is at the front, or what follows is not decided.
    pub fn awaits_mark(&self, front: Option<i64>, decided: Option<i64>) -> bool {
        self.position >= front || self.is_stalled(decided)
    }

    /// Whether it waits, behind the front, for more ids to be decided.
    pub fn is_stalled(&self, decided: Option<i64>) -> bool {
        let here = Stall {
            position: self.position,
            decided,
        };
        self.stalled_at == Some(here)
    }

    /// The lane, if it is here; it is busy then.
    pub fn take_lane(&mut self) -> Option<Lane> {
        match std::mem::replace(&mut self.state, State::Busy) {
            State::Ready(lane) => Some(*lane),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Why it is lost or halted.
    pub fn lost_with(&self) -> Option<&Error> {
        self.lost_with.as_ref()
    }

    /// It was opened. One that was halted meanwhile stays halted.
    pub fn opened(&mut self, lane: Lane, policy: &Policy, log: &Logger) {
        if self.is_halted() {
            return;
        }
        self.health = self.health.next(Happened::Opened, policy, 0.0);
        match self.lost_with.take() {
            // Who was here before and is refused now waits for the end of its own lost session.
            Some(error) if error.kind() == Kind::Fed && !self.was_opened => {
                info!(log, "the destination was taken over"; key::DESTINATION => &self.name, key::POSITION => shown(lane.position));
            }
            Some(_) => info!(log, "the destination is back"; key::DESTINATION => &self.name, key::POSITION => shown(lane.position)),
            None if !self.was_opened => {
                info!(log, "the destination is ready"; key::DESTINATION => &self.name, key::POSITION => shown(lane.position))
            }
            None => {}
        }
        if !self.was_opened {
            self.audited.through = lane.position;
        }
        self.doubt(&lane);
        if lane.position < self.position {
            warn!(log, "the destination went backwards: its last events were removed and are appended again";
                key::DESTINATION => &self.name, key::POSITION => shown(lane.position), "position_before" => shown(self.position));
            self.audited = Audited {
                through: lane.position,
                rotated: None,
            };
        }
        self.was_opened = true;
        self.history = Some(lane.history.clone());
        self.table = Some(lane.table);
        self.position = lane.position;
        self.state = State::Ready(Box::new(lane));
    }

    /// What is not confirmed of what it holds: what was compared while transactions were open, and what somebody else appended since then.
    fn doubt(&mut self, lane: &Lane) {
        self.unconfirmed = match lane.compared {
            Compared::Whole { is_final } => lane.position.filter(|_| !is_final),
            Compared::LastEvent if lane.position > self.vouched => lane.position,
            Compared::LastEvent => self.unconfirmed.min(lane.position),
        };
        self.vouched = lane.position;
    }

    /// It came back from a pass. Gives whether it moved. One that was halted meanwhile, by an audit, stays halted: its lane is dropped.
    pub fn returned(&mut self, lane: Lane, policy: &Policy, log: &Logger) -> bool {
        let has_moved = lane.position > self.position;
        (self.position, self.vouched) = (lane.position, lane.position);
        if has_moved {
            debug!(log, "events were appended"; key::DESTINATION => &self.name, key::POSITION => shown(lane.position));
        }
        if !self.is_halted() {
            self.closer = self.closer.take().filter(|closer| self.position < closer.until);
            if has_moved {
                self.health = self.health.next(Happened::Worked, policy, 0.0);
            }
            self.state = State::Ready(Box::new(lane));
        }
        has_moved
    }

    /// It was lost: it waits, or stops for good. Nothing is news of one that was halted meanwhile.
    pub fn lost(&mut self, error: Error, policy: &Policy, jitter: f64, log: &Logger) {
        if self.is_halted() {
            return;
        }
        if matches!(error.kind(), Kind::Stopped | Kind::Upstream) {
            // Cut off, or failed by the source: not its fault, it is opened anew at once.
            self.state = State::Closed { until: Instant::now() };
            return;
        }
        let wait_max = if error.kind() == Kind::Fed {
            policy.wait_max.min(FED_WAIT_MAX)
        } else {
            policy.wait_max
        };
        self.health = self
            .health
            .next(Happened::Lost(error.kind()), &Policy { wait_max, ..*policy }, jitter);
        let is_news = self.lost_with.as_ref().is_none_or(|known| known.to_string() != error.to_string());
        let fix = error.remedy().unwrap_or_default().to_owned();
        if let Health::Waiting { wait, .. } = self.health {
            self.state = State::Closed {
                until: Instant::now() + wait,
            };
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            if is_news && error.kind() == Kind::Fed {
                info!(log, "waiting to take the destination over"; key::DESTINATION => &self.name, key::ERROR => error.to_string());
            } else if is_news {
                warn!(log, "the destination was lost, trying again"; key::DESTINATION => &self.name,
                    key::ERROR => error.to_string(), key::FIX => fix, key::WAIT_MS => wait_ms);
            } else {
                debug!(log, "the destination is still lost"; key::DESTINATION => &self.name, key::WAIT_MS => wait_ms);
            }
        } else {
            self.state = State::Halted;
            error!(log, "the destination stopped for good"; key::DESTINATION => &self.name, key::ERROR => error.to_string(), key::FIX => fix);
        }
        self.lost_with = Some(error);
    }

    /// Rows were rejected: the lane is opened anew, whose checks tell whether somebody else wrote there, and what comes before the rejected
    /// event is appended in smaller batches, at last one event at a time. `false` when there is nothing to look closer at.
    pub fn looks_closer(&mut self, error: &Error, events_max: u64, until: Option<i64>, log: &Logger) -> bool {
        let before = self.batch_events_max().unwrap_or(events_max);
        if self.is_halted() || error.kind() != Kind::Rejected || error.sqlstate().is_none() || before <= 1 {
            return false;
        }
        let events_max = (before / CLOSER_FACTOR).max(1);
        info!(log, "events were rejected, looking for the first of them"; key::DESTINATION => &self.name,
            key::ERROR => error.to_string(), "events_per_batch" => events_max);
        self.closer = Some(Closer { events_max, until });
        self.state = State::Closed { until: Instant::now() };
        true
    }

    /// How many events a batch may have while rejected rows are looked at.
    pub fn batch_events_max(&self) -> Option<u64> {
        self.closer.as_ref().map(|closer| closer.events_max)
    }

    /// How often it was lost since it last did work.
    pub fn losses(&self) -> u32 {
        self.health.losses()
    }

    /// Whether it stopped for good.
    pub fn is_halted(&self) -> bool {
        matches!(self.state, State::Halted)
    }

    /// Stops for good, whatever it was doing.
    pub fn halt(&mut self) {
        self.state = State::Halted;
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;

//! A destination as the conductor sees it: its connection, and what is known of it.

use crate::destination::feed::LaneGauge;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{key, logged_id};
use crate::replicate::arrival::ArrivalBoard;
use crate::replicate::check::lane_stores::CheckedContents;
use crate::replicate::command::CommandReply;
use crate::replicate::fan_out::LanePace;
use crate::replicate::history::SourceHistory;
use crate::replicate::lag::Lag;
use crate::replicate::lane::{Lane, LaneComparison};
use crate::replicate::reconcile::ReconciledRange;
use crate::retry::losses::LossCounts;
use crate::retry::{Connection, ConnectionPhase, LossOutcome, Outage, RetryPolicy};
use crate::stop::Stopper;
use slog::{Logger, debug, error, info, warn};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// See the module.
pub struct LaneState {
    /// As configured.
    pub name: String,
    /// What it has done.
    pub gauge: Arc<LaneGauge>,
    /// Whether it shares passes with others.
    pub pace: LanePace,
    /// The lane, as far as it is here.
    pub connection: Connection<Box<Lane>>,
    /// The last position known.
    pub position: Option<i64>,
    /// The highest id it is known to hold: its position, or below where it takes only some events.
    pub held: Option<i64>,
    /// Whether it was opened since the process started: then counts were compared.
    pub was_opened: bool,
    /// The past of the events it was last compared with.
    pub history: Option<SourceHistory>,
    /// The table it was then, by oid.
    pub table: Option<u32>,
    /// It was compared while transactions were open that may still insert at or below this id: it
    /// is counted once more when they have ended.
    pub unconfirmed: Option<i64>,
    /// Whether it is being counted once more.
    pub confirming: LaneRecount,
    /// Its highest id that we know of: compared with the source, or appended by us.
    vouched: Option<i64>,
    /// Up to where late arrivals were looked for.
    pub reconciled: ReconciledRange,
    /// When late arrivals were last looked for.
    pub reconciled_at: Instant,
    /// When that was last done to the end, and found nothing wrong.
    pub counted_at: Option<Instant>,
    /// What it was found to hold when it was last counted whole.
    pub counted: Option<CheckedContents>,
    /// Whether they are being looked for now.
    pub is_being_reconciled: bool,
    /// How often it was lost, and tries to open it failed; that another replicator holds it is no
    /// loss.
    pub losses: LossCounts,
    /// How long it has lacked something.
    pub lag: Lag,
    /// Its position, and up to where ids were decided, when a read ended before the frontier was
    /// reached: it waits for the next mark, as those at the front do.
    pub stalled_at: Option<StalledRead>,
    /// The number of its latest opening.
    pub opening: u64,
    /// That of the opening which follows when it was tried again after it had stopped: what was
    /// found out before is not of it.
    pub retried: u64,
    /// Whether an operator paused it: nothing is appended to it.
    pub is_paused: bool,
    /// Whether it has work of its own, as it said when it was here last: it is not caught up then.
    pub has_work: bool,
    /// When it was here last, and after how long it is to have a turn again.
    pub turn: (Instant, Option<Duration>),
    /// Who waits for a count.
    pub verifications: VerificationQueue,
    /// What is seen of it from outside, while another replicator holds it and it is waited for.
    pub watched: Option<WatchedArrival>,
    /// Whether it was found to hold everything that is waited for, fed by that one.
    pub is_fed_level: bool,
    closer: Option<BatchShrinking>,
}

/// A lane that is watched from outside.
pub struct WatchedArrival {
    /// What is known of it: the only one on this board.
    pub board: watch::Receiver<ArrivalBoard>,
    /// Ends the watch.
    pub stopper: Stopper,
}

/// Who waits for a count of all that a lane holds.
#[derive(Debug, Default)]
pub struct VerificationQueue {
    /// For the next one.
    pub wanted: Vec<oneshot::Sender<Result<CommandReply>>>,
    /// For the one under way.
    pub under_way: Vec<oneshot::Sender<Result<CommandReply>>>,
}

/// Where a read ended at an id that was not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StalledRead {
    /// The lane's position.
    pub position: Option<i64>,
    /// Up to where ids were decided.
    pub decided: Option<i64>,
}

/// Whether a lane is being counted once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneRecount {
    /// Not yet, or not again before this time.
    From(Instant),
    /// Now.
    Now,
}

/// A look at rows that were rejected: smaller batches until all that was read then is appended.
struct BatchShrinking {
    events_max: u64,
    until: Option<i64>,
}

/// How much smaller the batches get at each rejection, down to single events.
const CLOSER_FACTOR: u64 = 100;
/// A standby looks as often whether the replicator it waits for has ended.
const STANDBY_WAIT_MAX: Duration = Duration::from_secs(2);

impl LaneState {
    /// Closed, and due now.
    pub fn new(name: String, gauge: Arc<LaneGauge>, now: Instant) -> Self {
        Self {
            name,
            gauge,
            pace: LanePace::Together,
            connection: Connection::new(now),
            position: None,
            held: None,
            was_opened: false,
            history: None,
            table: None,
            unconfirmed: None,
            confirming: LaneRecount::From(now),
            vouched: None,
            reconciled: ReconciledRange::default(),
            reconciled_at: now,
            counted_at: None,
            counted: None,
            is_being_reconciled: false,
            losses: LossCounts::default(),
            lag: Lag::default(),
            stalled_at: None,
            opening: 0,
            retried: 0,
            is_paused: false,
            has_work: false,
            turn: (Instant::now(), None),
            verifications: VerificationQueue::default(),
            watched: None,
            is_fed_level: false,
            closer: None,
        }
    }

    /// It is ours, or refused: it is not watched from outside any more.
    pub(crate) fn end_watch(&mut self) {
        if let Some(watched) = self.watched.take() {
            watched.stopper.request();
            self.is_fed_level = false;
        }
    }

    /// The highest id it holds, also while a pass is under way.
    pub(crate) fn position_now(&self) -> Option<i64> {
        match self.connection.phase() {
            ConnectionPhase::Busy => self.position.max(self.gauge.committed_id()),
            _ => self.position,
        }
    }

    /// Notes that it is being opened, and gives the number of that.
    pub fn begin_opening(&mut self) -> u64 {
        self.opening += 1;
        self.connection.begin_opening();
        self.opening
    }

    /// Whether only a new mark can lead it on: it is at the frontier, or what follows is not
    /// decided.
    pub(crate) fn awaits_mark(&self, frontier: Option<i64>, decided: Option<i64>) -> bool {
        self.position >= frontier || self.is_stalled(decided)
    }

    /// Whether it waits, behind the frontier, for more ids to be decided.
    pub(crate) fn is_stalled(&self, decided: Option<i64>) -> bool {
        let here = StalledRead { position: self.position, decided };
        self.stalled_at == Some(here)
    }

    /// Whether it is here and takes only the events that a condition selects.
    pub(crate) fn is_selective(&self) -> bool {
        self.connection.open().is_some_and(|lane| lane.wire.rows.is_some())
    }

    /// Whether it is here and takes what a new mark lets through: rows may be read along for it.
    pub(crate) fn takes_more(&self, frontier: Option<i64>, decided: Option<i64>) -> bool {
        self.connection.open().is_some() && !self.is_paused && self.awaits_mark(frontier, decided)
    }

    /// Up to where it waits for ids to be decided: its comparison was not final, or it stands
    /// behind the frontier at a gap. One that is paused waits for no gap.
    pub(crate) fn wanted(&self, decided: Option<i64>) -> Option<i64> {
        self.connection.open()?;
        let unconfirmed = self.unconfirmed.filter(|through| Some(*through) > decided);
        let is_at_gap = self.is_stalled(decided) && !self.is_paused;
        let more = decided.map_or(i64::MIN, |decided| decided.saturating_add(1));
        unconfirmed.into_iter().chain(is_at_gap.then_some(more)).min()
    }

    /// It was opened. One that was halted meanwhile stays halted.
    pub fn opened(&mut self, mut lane: Lane, log: &Logger) {
        self.take_notes(&mut lane, log);
        let lost_with = self.connection.lost_with().cloned();
        let (position, history, table, compared) =
            (lane.position, lane.history.clone(), lane.table, lane.compared);
        if !self.connection.opened(Box::new(lane), Instant::now()) {
            return;
        }
        match lost_with {
            // Who was here before and is refused now waits for the end of its own lost session.
            Some(error) if error.kind() == ErrorKind::Fed && !self.was_opened => {
                info!(log, "the destination was taken over"; key::DESTINATION => &self.name, key::POSITION => logged_id(position));
            }
            Some(_) => {
                let away = self.connection.outage().map_or(0.0, Outage::seconds);
                info!(log, "the destination is back"; key::DESTINATION => &self.name, key::POSITION => logged_id(position), "away_seconds" => away)
            }
            None if !self.was_opened => {
                info!(log, "the destination is ready"; key::DESTINATION => &self.name, key::POSITION => logged_id(position))
            }
            None => {}
        }
        if !self.was_opened {
            self.reconciled.through = position;
        }
        if let LaneComparison::Whole(counted) = compared {
            self.counted = Some(counted);
        }
        self.doubt(position, compared);
        if position < self.held {
            warn!(log, "destination lost its most recent events; re-appending them";
                key::DESTINATION => &self.name, key::POSITION => logged_id(position), key::POSITION_BEFORE => logged_id(self.held));
            self.reconciled = ReconciledRange { through: position, rotated: None };
        }
        self.was_opened = true;
        self.history = Some(history);
        self.table = Some(table);
        (self.position, self.held) = (position, position);
    }

    /// What is not confirmed of what it holds: what was compared while transactions were open, and
    /// what another session appended since then.
    fn doubt(&mut self, position: Option<i64>, compared: LaneComparison) {
        self.unconfirmed = match compared {
            LaneComparison::Whole(checked) => position.filter(|_| !checked.is_final),
            LaneComparison::LastEvent if position > self.vouched => position,
            LaneComparison::LastEvent => self.unconfirmed.min(position),
        };
        self.vouched = position;
    }

    /// Whether it is to have a turn though there is nothing to append.
    pub(crate) fn is_turn_due(&self) -> bool {
        let (since, idle_max) = self.turn;
        let is_here = self.connection.open().is_some() && !self.is_paused;
        is_here && (self.has_work || idle_max.is_some_and(|idle_max| since.elapsed() > idle_max))
    }

    fn take_notes(&mut self, lane: &mut Lane, log: &Logger) {
        self.has_work = lane.destination.wants_turn();
        self.turn = (Instant::now(), lane.destination.idle_max());
        for note in lane.destination.take_notes() {
            warn!(log, "the destination has something to tell"; key::DESTINATION => &self.name,
                key::ERROR => note.what, key::FIX => note.fix);
        }
    }

    /// It came back from a pass. Gives whether it moved. One that was halted meanwhile, by an
    /// audit, stays halted: its lane is dropped.
    pub(crate) fn returned(&mut self, mut lane: Lane, log: &Logger) -> bool {
        self.take_notes(&mut lane, log);
        let has_moved = lane.position > self.position;
        (self.position, self.held, self.vouched) = (lane.position, lane.held, lane.held);
        if has_moved {
            debug!(log, "events were appended"; key::DESTINATION => &self.name, key::POSITION => logged_id(lane.position));
        }
        self.closer = self.closer.take().filter(|closer| self.position < closer.until);
        if has_moved {
            self.connection.worked();
        }
        self.connection.give_back(Box::new(lane));
        has_moved
    }

    /// It was lost: it waits, or stops for good. Nothing is news of one that was halted meanwhile.
    pub fn lost(&mut self, error: Error, policy: &RetryPolicy, jitter: f64, log: &Logger) {
        let now = Instant::now();
        if matches!(error.kind(), ErrorKind::Stopped | ErrorKind::Upstream) {
            // Cut off, or failed by the source: not its fault, it is opened again at once.
            return self.connection.reopen(now);
        }
        let is_held_by_another = error.kind() == ErrorKind::Fed;
        if !is_held_by_another && !self.connection.is_halted() {
            self.losses.add(error.kind());
        }
        let wait_max = if is_held_by_another {
            policy.wait_max.min(STANDBY_WAIT_MAX)
        } else {
            policy.wait_max
        };
        let (text, fix) = (error.to_string(), error.remedy().unwrap_or_default().to_owned());
        match self.connection.lose(error, &RetryPolicy { wait_max, ..*policy }, jitter, now) {
            LossOutcome::Waits { is_news: true, .. } if is_held_by_another => {
                info!(log, "standby: another replicator holds this destination"; key::DESTINATION => &self.name, key::ERROR => text);
            }
            LossOutcome::Waits { wait, is_news: true } => {
                warn!(log, "the destination was lost, trying again"; key::DESTINATION => &self.name,
                    key::ERROR => text, key::FIX => fix, key::WAIT_MS => milliseconds(wait));
            }
            LossOutcome::Waits { wait, is_news: false } => {
                debug!(log, "the destination is still lost"; key::DESTINATION => &self.name, key::WAIT_MS => milliseconds(wait));
            }
            LossOutcome::Halts => {
                error!(log, "the destination stopped for good"; key::DESTINATION => &self.name, key::ERROR => text, key::FIX => fix);
            }
            LossOutcome::None => {}
        }
    }

    /// What it waits for is tried now; one that had stopped is compared whole. Gives whether it
    /// waited.
    pub(crate) fn retry(&mut self, now: Instant) -> bool {
        if self.connection.is_halted() {
            (self.history, self.table) = (None, None);
            self.opening += 1;
            self.retried = self.opening;
        }
        self.connection.retry(now)
    }

    /// Rows were rejected: the lane is opened anew, whose checks tell whether somebody else wrote
    /// there, and what comes before the rejected event is appended in smaller batches, at last one
    /// event at a time. `false` when there is nothing to look closer at.
    pub(crate) fn shrink_batches(
        &mut self,
        error: &Error,
        events_max: u64,
        until: Option<i64>,
        log: &Logger,
    ) -> bool {
        let before = self.batch_events_max().unwrap_or(events_max);
        if self.connection.is_halted()
            || error.kind() != ErrorKind::Rejected
            || !error.is_of_rows()
            || before <= 1
        {
            return false;
        }
        let events_max = (before / CLOSER_FACTOR).max(1);
        info!(log, "events were rejected, looking for the first of them"; key::DESTINATION => &self.name,
            key::ERROR => error.to_string(), "events_per_batch" => events_max);
        self.closer = Some(BatchShrinking { events_max, until });
        self.connection.reopen(Instant::now());
        true
    }

    /// How many events a batch may have while rejected rows are looked at.
    pub(crate) fn batch_events_max(&self) -> Option<u64> {
        self.closer.as_ref().map(|closer| closer.events_max)
    }
}

/// A wait as the log has it.
pub(crate) fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

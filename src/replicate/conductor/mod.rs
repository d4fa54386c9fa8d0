//! Starts what is due and takes what comes back: the source, the lanes, the looks and the passes.
//! Every task it starts ends with it.

mod arrivals;
mod audits;
mod ending;
mod openings;
mod orders;
mod passes;
mod publish;

use crate::config::DestinationConfig;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::DayClock;
use crate::postgres::session::limit::ConnectionLimiter;
use crate::replicate::command::{CommandReceiver, LaneCommand};
use crate::replicate::lag::SightingHistory;
use crate::replicate::lane::{Lane, LaneTasks, ReturnedLane};
use crate::replicate::lane_state::LaneState;
use crate::replicate::open::OpenedSides;
use crate::replicate::outages::OutageLog;
use crate::replicate::pass::{LeadEnd, PassOutcome};
use crate::replicate::progress::ProgressLog;
use crate::replicate::reconcile::ReconcileOutcome;
use crate::replicate::replication::Replication;
use crate::replicate::rooms::PassRooms;
use crate::replicate::shared::SharedMember;
use crate::replicate::snapshot::Snapshot;
use crate::replicate::source_state::{SourceConnection, SourceState};
use crate::retry::{ConnectionPhase, RetryPolicy};
use crate::source::follow::Follower;
use crate::source::read::prefetch::ReadStart;
use crate::stop::Stop;
use slog::warn;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

/// A pass takes about this long at most, so that lanes come together again and again.
const PASS_MAX: Duration = Duration::from_secs(5);
/// A leading pass that takes longer (its only lane is stuck) leads no more: lanes that wait at its
/// level get a mark of their own.
const LEAD_MAX: Duration = Duration::from_secs(6);
/// So long after the source was opened it is waited for lanes that are still being opened.
const GATHER_MAX: Duration = Duration::from_secs(1);
/// How often it is looked whether the time allowed is over, and what to say of the progress.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// What a task ends with.
pub enum ConductorEvent {
    /// All sides were opened at the start, or a stop was requested meanwhile.
    Gathered(Option<Box<OpenedSides>>),
    /// The source was connected and checked, or was not.
    SourceOpened(Box<Result<(SourceConnection, Follower)>>),
    /// The follower found news, or lost its connection, which has this number.
    Looked(Box<Follower>, Result<ReadStart>, u64),
    /// A lane was connected and checked against the source's connection of this number, or was not;
    /// and which of its openings it was.
    LaneOpened(usize, Box<Result<Lane>>, u64, u64),
    /// A pass that goes beyond the frontier gave up the lead.
    Led(LeadEnd),
    /// A pass is over.
    Passed(Box<PassOutcome>),
    /// A lane came back that had been cut off; others may still be out.
    CameBack(Box<ReturnedLane>, LaneTasks),
    /// Late arrivals were looked for above this id; below it a lane was not confirmed.
    Reconciled(usize, u64, Option<i64>, Box<Result<ReconcileOutcome>>),
    /// A lane was counted once more up to this id.
    Confirmed(usize, u64, i64, Box<Result<()>>),
    /// An operator wants something done.
    Told(LaneCommand),
    /// Nothing happened: time to look at the clock.
    Tick,
}

/// See the module.
pub struct Conductor<'a> {
    run: &'a Replication,
    commands: CommandReceiver,
    stop: &'a Stop,
    tasks: JoinSet<ConductorEvent>,
    limiter: ConnectionLimiter,
    shared: SharedMember,
    rooms: PassRooms,
    source: SourceState,
    lanes: Vec<LaneState>,
    /// Told to the follower that looks for the mark.
    wants: watch::Sender<Option<i64>>,
    policy: RetryPolicy,
    /// The highest id visible at the first opening of the source; `None` until then.
    target: Option<Option<i64>>,
    progressed_at: Instant,
    /// Items that lanes had done at the last look.
    steps: u64,
    /// Since when the pass leads that was given the latest mark.
    leading: Option<Instant>,
    /// Where passes say that they have given up the lead.
    lead_ends: (mpsc::UnboundedSender<LeadEnd>, mpsc::UnboundedReceiver<LeadEnd>),
    tick_at: Instant,
    /// The connection over which passes have begun; the first has number 1.
    gathered: u64,
    is_over: bool,
    bug: Option<Error>,
    /// Why it ended before anything was written.
    refusals: Problems,
    began_at: Instant,
    clock: DayClock,
    /// The looks at the source over the present connection.
    looks: SightingHistory,
    /// How things stood when that was last told.
    board: Snapshot,
    progress_log: ProgressLog,
    outages: OutageLog,
}

impl<'a> Conductor<'a> {
    /// Nothing is connected yet, and everything is due.
    pub fn new(run: &'a Replication, commands: CommandReceiver, stop: &'a Stop) -> Self {
        let limits = &run.config.limits;
        let now = Instant::now();
        let destinations = run.config.destinations.iter();
        let lane = |destination: &DestinationConfig| {
            LaneState::new(destination.name.clone(), Arc::default(), now)
        };
        Self {
            run,
            commands,
            stop,
            tasks: JoinSet::new(),
            limiter: run.shared.limiter(),
            shared: run.shared.join(&run.config.name, run.config.destinations.len()),
            rooms: PassRooms::default(),
            source: SourceState::new(now),
            lanes: destinations.map(lane).collect(),
            wants: watch::Sender::new(None),
            policy: RetryPolicy::up_to(limits.retry_wait_max),
            target: None,
            progressed_at: now,
            steps: 0,
            leading: None,
            lead_ends: mpsc::unbounded_channel(),
            tick_at: now + WATCH_INTERVAL,
            gathered: 0,
            is_over: false,
            bug: None,
            refusals: Problems::new(),
            began_at: now,
            clock: DayClock::now(),
            looks: SightingHistory::default(),
            board: Snapshot::before(&run.config, run.until_caught_up),
            progress_log: ProgressLog::new(run.heartbeat, now),
            outages: OutageLog::new(run.config.destinations.len(), run.heartbeat),
        }
    }

    /// Starts everything that is due now; nothing once it is time to end.
    pub(crate) fn begin_what_is_due(&mut self) {
        if Instant::now() >= self.tick_at {
            self.tick_at = Instant::now() + WATCH_INTERVAL;
            self.watch();
        }
        self.follow_arrivals();
        self.is_over |= self.is_done() || self.source.connection().is_halted();
        if self.is_over || self.stop.is_requested() {
            return;
        }
        let now = Instant::now();
        if self.source.connection().due().is_some_and(|due| due <= now) {
            match self.target {
                Some(_) => self.open_source(),
                None => self.open_everything(),
            }
        }
        let Some(source) = self.source.connected() else { return };
        for index in 0..self.lanes.len() {
            let state = &mut self.lanes[index];
            // What was compared over another connection to the source is opened and compared again.
            if state
                .connection
                .open()
                .is_some_and(|lane| lane.connection_id != source.connection_id)
            {
                state.connection.reopen(now);
            }
            if state.connection.due().is_some_and(|due| due <= now) {
                self.open_lane(index, &source);
            }
        }
        self.begin_confirmations(&source, now);
        self.begin_audits(&source, now);
        // Lanes that are opened at the same time begin together, so that they share their first
        // read.
        if self.has_gathered(source.connection_id) {
            self.begin_passes(&source);
            self.begin_turns();
            self.begin_look(source.connection_id);
        }
    }

    /// Whether the first pass over a connection may begin; the later ones wait for no lane.
    fn has_gathered(&mut self, connection_id: u64) -> bool {
        let is_opening =
            |state: &LaneState| matches!(state.connection.phase(), ConnectionPhase::Opening);
        if self.source.opened_at().elapsed() >= GATHER_MAX || !self.lanes.iter().any(is_opening) {
            self.gathered = connection_id;
        }
        self.gathered == connection_id
    }

    /// Waits for the next thing; `None` when it is time to end.
    pub async fn next(&mut self) -> Option<ConductorEvent> {
        if self.is_over {
            return None;
        }
        // Without the source no lane can be opened, however long it has been due.
        let lanes_due = self
            .source
            .connected()
            .and_then(|_| self.lanes.iter().filter_map(|state| state.connection.due()).min());
        let due = [self.source.connection().due(), lanes_due]
            .into_iter()
            .flatten()
            .fold(self.tick_at, Ord::min);
        let event = tokio::select! {
            biased;
            () = self.stop.requested() => {
                self.drain().await;
                None
            }
            command = self.commands.next() => return Some(ConductorEvent::Told(command)),
            Some(end) = self.lead_ends.1.recv() => return Some(ConductorEvent::Led(end)),
            Some(event) = self.tasks.join_next() => Some(event),
            () = tokio::time::sleep_until(due.max(Instant::now() + Duration::from_millis(1)).into()) => return Some(ConductorEvent::Tick),
        };
        self.unwrap(event?)
    }

    /// After a stop: waits for what is under way, as long as that is allowed; what is left is
    /// rolled back by the servers.
    async fn drain(&mut self) {
        self.is_over = true;
        let allowed = self.run.config.limits.shutdown_timeout;
        let under_way = async {
            while self.lanes.iter().any(|state| {
                matches!(state.connection.phase(), ConnectionPhase::Busy | ConnectionPhase::Opening)
            }) {
                let Some(event) = self.tasks.join_next().await else { break };
                if let Some(event) = self.unwrap(event) {
                    self.take(event);
                }
            }
        };
        if tokio::time::timeout(allowed, under_way).await.is_err() {
            warn!(
                self.run.log,
                "the batch in hand was not finished in time, its connection is closed and the \
                 server rolls it back"
            );
        }
    }

    fn unwrap(
        &mut self,
        event: std::result::Result<ConductorEvent, JoinError>,
    ) -> Option<ConductorEvent> {
        match event {
            Ok(event) => Some(event),
            Err(error) => {
                self.bug = Some(
                    Error::new(ErrorKind::Bug, "a task ended without a result")
                        .because(error.to_string()),
                );
                self.is_over = true;
                None
            }
        }
    }

    /// Takes what a task ended with.
    pub fn take(&mut self, event: ConductorEvent) {
        match event {
            ConductorEvent::Gathered(Some(gathered)) => self.take_gathered(*gathered),
            ConductorEvent::Gathered(None) => {}
            ConductorEvent::SourceOpened(opened) => self.take_source(*opened),
            ConductorEvent::Looked(follower, Ok(read_start), connection_id) => {
                self.source.on_probe(follower, read_start, connection_id)
            }
            ConductorEvent::Looked(_, Err(error), connection_id) => {
                self.lose_source(&error, connection_id)
            }
            ConductorEvent::LaneOpened(index, opened, connection_id, number) => {
                self.take_opened(index, *opened, connection_id, number)
            }
            ConductorEvent::Led(end) => self.on_read_finished(&end),
            ConductorEvent::Passed(passed) => self.take_passed(*passed),
            ConductorEvent::CameBack(returned, lane_tasks) => {
                self.take_returned(*returned);
                self.await_lane_tasks(lane_tasks);
            }
            ConductorEvent::Reconciled(index, number, unconfirmed, reconciled) => {
                self.take_reconciled(index, number, unconfirmed, *reconciled)
            }
            ConductorEvent::Confirmed(index, number, through, confirmed) => {
                self.take_confirmed(index, number, through, *confirmed)
            }
            ConductorEvent::Told(command) => self.take_command(command),
            ConductorEvent::Tick => {}
        }
    }

    /// Tells how things stand at the end; gives why the run ended, when not because all was done or
    /// a stop was requested.
    pub fn end(&mut self) -> Problems {
        self.board.run.has_ended = true;
        self.publish();
        self.problems()
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Stopped, "a stop was requested")
}

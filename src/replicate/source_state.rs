//! The source as the conductor sees it: its connection, the frontier of what was shipped, and the
//! mark in hand.

use crate::config::ReplicationConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use crate::event::wire::Wire;
use crate::postgres::session::pool::{PooledSession, SessionPool};
use crate::postgres::session::server::ServerIdentity;
use crate::replicate::check::shape::SourceShape;
use crate::replicate::history::SourceHistory;
use crate::replicate::read_progress::ReadProgress;
use crate::retry::losses::LossCounts;
use crate::retry::{Connection, LossOutcome, RetryPolicy};
use crate::source::blocked::{SourceObservation, SourceView};
use crate::source::durability::DurabilityGate;
use crate::source::follow::Follower;
use crate::source::frontier::{BlockedGroup, ReadFrontier};
use crate::source::gauge::SourceGauge;
use crate::source::ids::Discipline;
use crate::source::ids::rule::MarkRule;
use crate::source::read::batcher::{BatchLimits, CutterStop, HighWaterMark};
use crate::source::read::prefetch::ReadStart;
use crate::source::read::sessions::ReadSessions;
use crate::source::read::{ReadEnd, ReadPlan};
use crate::stop::{self, Stop, Stopper};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One connection to the source, with everything that belongs to it.
pub struct SourceConnection {
    /// Counts the connections; a lane must have been compared over this one.
    pub connection_id: u64,
    /// What it looks like.
    pub shape: SourceShape,
    /// How ids are judged.
    pub rule: MarkRule,
    /// The highest id visible when it was opened.
    pub highest: Option<i64>,
    /// Everything up to this id was decided then.
    pub decided: Option<i64>,
    /// Lanes whose positions differ by no more ids than this share a read.
    pub near_ids: i64,
    /// The gates of batches.
    pub gate: DurabilityGate,
    /// The session of the leading fan-out, which may always read.
    pub leading: Arc<ReadSessions>,
    /// The sessions of the others.
    pub behind: Arc<ReadSessions>,
    /// Which server it is.
    pub server: ServerIdentity,
    /// For checks and counts.
    pub checks: SessionPool,
}

impl SourceConnection {
    /// The past of its events.
    pub fn history(&self) -> SourceHistory {
        SourceHistory::new(self.server.history(), self.shape.table.oid, self.gate.files())
    }

    /// A session for checks and counts, on the same server as all others: what another one says of
    /// its events is no word on these.
    ///
    /// # Errors
    /// Those of the connection; `Upstream` when another server answers: then the source is
    /// connected again.
    pub(crate) async fn check_session(&self) -> Result<PooledSession<'_>> {
        let lent = self.checks.get().await?;
        if lent.server().identity == self.server {
            return Ok(lent);
        }
        // While no lane is there to look for, this is how a restart of the source is noticed.
        Err(Error::new(ErrorKind::Upstream, "another server answers than before").at(lent.place()))
    }

    /// What is read for lanes of this form; `None` when the id does not travel.
    pub fn read_plan(&self, wire: &Wire, config: &ReplicationConfig) -> Option<ReadPlan> {
        Some(ReadPlan {
            table: self.shape.table.name.clone(),
            id_column: config.source.id_column.clone(),
            layout: wire.layout(&config.source.id_column, self.shape.group_by.as_deref())?,
            wire: wire.clone(),
            keeps: config.source.keeps,
            limits: BatchLimits {
                events_max: config.limits.max_events_per_write,
                bytes_max: config.limits.max_bytes_per_write,
                group_events_max: config.source.group_events_max,
            },
        })
    }

    /// The mark where everything up to an id is decided.
    fn mark_through(&self, decided: Option<i64>) -> HighWaterMark {
        match &self.rule {
            MarkRule::Consecutive(ids) => HighWaterMark::Consecutive(ids.clone()),
            MarkRule::Horizon { .. } | MarkRule::Copy | MarkRule::Grace(_) => {
                HighWaterMark::Decided(decided)
            }
        }
    }
}

/// See the module.
pub struct SourceState {
    connection: Connection<Arc<SourceConnection>>,
    connection_id: u64,
    follower: Option<Box<Follower>>,
    /// Ends looks over a connection that was given up.
    lost: Stopper,
    looks_until: Stop,
    read_start: Option<ReadStart>,
    /// When that came.
    news_at: Instant,
    frontier: ReadFrontier,
    /// Everything up to this id is decided, by the looks of the present connection. What a
    /// destination holds says nothing of that: others may have filled it while transactions were
    /// open.
    decided: Option<i64>,
    /// How large the rows of the last read were, on average.
    row_bytes: Option<u64>,
    sight: SourceView,
    opened_at: Instant,
    /// All sequences that have fed the table since the process began.
    sequences: Vec<u32>,
    gauge: Arc<SourceGauge>,
    losses: LossCounts,
}

impl SourceState {
    /// Not connected yet, and due now.
    pub fn new(now: Instant) -> Self {
        let (lost, looks_until) = stop::channel();
        Self {
            connection: Connection::new(now),
            connection_id: 0,
            follower: None,
            lost,
            looks_until,
            read_start: None,
            news_at: now,
            frontier: ReadFrontier::default(),
            decided: None,
            row_bytes: None,
            sight: SourceView::default(),
            opened_at: now,
            sequences: Vec::new(),
            gauge: Arc::default(),
            losses: LossCounts::default(),
        }
    }

    /// Whether it is here, and since how many losses.
    pub fn connection(&self) -> &Connection<Arc<SourceConnection>> {
        &self.connection
    }

    /// Notes that it is being opened; gives the number of the connection.
    pub fn begin_opening(&mut self) -> u64 {
        self.connection.begin_opening();
        self.connection_id += 1;
        self.connection_id
    }

    /// The number of the present or coming connection.
    pub(crate) fn connection_id(&self) -> u64 {
        self.connection_id
    }

    /// Takes the new connection. Nothing is known to be copied from it before
    /// [`SourceState::observe_position`]: after a failover, what a lane holds may be of another
    /// history.
    pub fn opened(&mut self, source: SourceConnection, follower: Follower) {
        self.sight = follower.view();
        self.follower = Some(Box::new(follower));
        self.read_start = None;
        self.frontier = ReadFrontier::default();
        self.decided = source.decided;
        if let Discipline::Sequence { sequence, .. } = source.shape.ids.discipline
            && !self.sequences.contains(&sequence)
        {
            self.sequences.push(sequence);
        }
        self.row_bytes = None;
        self.opened_at = Instant::now();
        self.connection.opened(Arc::new(source), self.opened_at);
    }

    /// Whether a look is under way, or the next one is waited for. While lanes append what an earlier
    /// look has found, none is.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.connection.open().is_some() && self.follower.is_none()
    }

    /// The present connection.
    pub(crate) fn connected(&self) -> Option<Arc<SourceConnection>> {
        self.connection.open().map(Arc::clone)
    }

    /// Takes a loss: everything that belongs to the connection is over.
    pub fn lose(&mut self, error: &Error, policy: &RetryPolicy, jitter: f64) -> LossOutcome {
        (self.follower, self.read_start) = (None, None);
        self.lost.request();
        (self.lost, self.looks_until) = stop::channel();
        if !self.connection.is_halted() {
            self.losses.add(error.kind());
        }
        self.connection.lose(error.clone(), policy, jitter, Instant::now())
    }

    /// How often it was lost since the process began, and tries to open it failed.
    pub(crate) fn losses(&self) -> LossCounts {
        self.losses
    }

    /// What is counted of it.
    pub(crate) fn gauge(&self) -> Arc<SourceGauge> {
        Arc::clone(&self.gauge)
    }

    /// Tries it now, if that is what is waited for. Gives whether it was.
    pub(crate) fn retry(&mut self, now: Instant) -> bool {
        !self.connection.is_halted() && self.connection.retry(now)
    }

    /// Stops for good.
    pub fn halt(&mut self) {
        self.connection.halt();
    }

    /// All sequences that have fed the table since the process began, by oid: a transaction may
    /// still insert what it drew from one of before.
    pub fn sequences(&self) -> &[u32] {
        &self.sequences
    }

    /// When it was last opened.
    pub(crate) fn opened_at(&self) -> Instant {
        self.opened_at
    }

    /// Where reading stands.
    pub fn frontier(&self) -> ReadFrontier {
        self.frontier
    }

    /// What the latest look saw, and what committed events wait for.
    pub fn sight(&self) -> SourceObservation {
        self.sight.now()
    }

    /// A lane was compared with the source over this connection, and has come to here: it reads on
    /// from there, and no look comes before it.
    pub(crate) fn observe_position(&mut self, position: Option<i64>, connection_id: u64) {
        if connection_id != self.connection_id {
            return;
        }
        self.frontier.shipped = self.frontier.shipped.max(position);
        self.forget_passed_block();
    }

    /// The follower, when it is here and the mark it found was used; and what ends its look when
    /// the connection is given up.
    pub(crate) fn take_follower(&mut self) -> Option<(Box<Follower>, Stop)> {
        if self.read_start.is_some() {
            return None;
        }
        self.follower.take().map(|follower| (follower, self.looks_until.clone()))
    }

    /// The follower came back with news; it is dropped when its connection is not the present one.
    pub(crate) fn on_probe(
        &mut self,
        follower: Box<Follower>,
        read_start: ReadStart,
        connection_id: u64,
    ) {
        if self.connection.open().is_some_and(|source| source.connection_id == connection_id) {
            self.decided = self.decided.max(read_start.mark.decided());
            self.follower = Some(follower);
            (self.read_start, self.news_at) = (Some(read_start), Instant::now());
        }
    }

    /// The mark in hand and what came along, once.
    pub(crate) fn take_read_start(&mut self) -> Option<ReadStart> {
        let is_fresh = self.news_at.elapsed() < FIRST_ROWS_MAX;
        let read_start = self.read_start.take()?;
        // Rows that nobody took at once may have changed since.
        let first = read_start.first.filter(|_| is_fresh);
        Some(ReadStart { first, ..read_start })
    }

    /// Whether rows are known to be so small that the first ones may be read along with a look, all
    /// of them in memory.
    pub(crate) fn has_small_rows(&self) -> bool {
        self.row_bytes.is_some_and(|bytes| bytes <= SMALL_ROW_BYTES)
    }

    /// Up to where everything is decided.
    pub fn decided(&self) -> Option<i64> {
        self.decided
    }

    /// The mark for a group that is behind the frontier; `None` when it is not.
    pub(crate) fn mark_behind(&self, after: Option<i64>) -> Option<HighWaterMark> {
        let source = self.connection.open()?;
        (self.frontier.shipped > after).then(|| source.mark_through(self.decided))
    }

    /// Takes how far a pass has read.
    pub fn shipped(&mut self, reached: &ReadProgress, is_leading: bool) {
        if reached.connection_id != self.connection_id {
            return;
        }
        if reached.through > self.frontier.shipped {
            self.connection.worked();
        }
        self.frontier.shipped = self.frontier.shipped.max(reached.through);
        self.row_bytes = reached.row_bytes.or(self.row_bytes);
        if is_leading {
            self.frontier.blocked = match reached.ended {
                Some(ReadEnd::Stopped(CutterStop::AtMark { next, is_within_group: true })) => {
                    Some(BlockedGroup { held: reached.taken, next })
                }
                _ => None,
            };
        }
        self.forget_passed_block();
    }

    fn forget_passed_block(&mut self) {
        let shipped = self.frontier.shipped;
        self.frontier.blocked =
            self.frontier.blocked.filter(|blocked| shipped < Some(blocked.next));
    }

    /// Where reading stands, in words.
    pub(crate) fn in_words(&self) -> String {
        format!("everything up to id {} was shipped", shown(self.frontier.shipped))
    }
}

/// Rows that came along with a look are taken so soon after it or not at all.
const FIRST_ROWS_MAX: Duration = Duration::from_millis(500);
/// Rows of this size on average are small.
const SMALL_ROW_BYTES: u64 = 16 * 1024;

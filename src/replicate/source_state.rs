//! The source as the conductor sees it: its connection, the front of what was shipped, and the mark in hand.

use crate::config::ReplicationConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use crate::event::wire::Wire;
use crate::postgres::session::pool::{PooledSession, SessionPool};
use crate::postgres::session::server::ServerIdentity;
use crate::replicate::check::shape::SourceShape;
use crate::replicate::history::History;
use crate::replicate::read_progress::Reached;
use crate::retry::{Connection, LossOutcome, RetryPolicy};
use crate::source::blocked::{Sight, View};
use crate::source::durability::Gate;
use crate::source::follow::Follower;
use crate::source::ids::Discipline;
use crate::source::ids::rule::Rule;
use crate::source::mark::{Blocked, Front};
use crate::source::read::batcher::{Limits, Mark, Stopped};
use crate::source::read::prefetch::News;
use crate::source::read::sessions::Readers;
use crate::source::read::{Ended, Reading};
use crate::stop::{self, Stop, Stopper};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One connection to the source, with everything that belongs to it.
pub struct Source {
    /// Counts the connections; a lane must have been compared over this one.
    pub epoch: u64,
    /// What it looks like.
    pub shape: SourceShape,
    /// How ids are judged.
    pub rule: Rule,
    /// The highest id visible when it was opened.
    pub highest: Option<i64>,
    /// Everything up to this id was decided then.
    pub decided: Option<i64>,
    /// Lanes whose positions differ by no more ids than this share a read.
    pub near_ids: i64,
    /// The gates of batches.
    pub gate: Gate,
    /// The session of the leading fan-out, which may always read.
    pub leading: Arc<Readers>,
    /// The sessions of the others.
    pub behind: Arc<Readers>,
    /// Which server it is.
    pub server: ServerIdentity,
    /// For checks and counts.
    pub checks: SessionPool,
}

impl Source {
    /// The past of its events.
    pub fn history(&self) -> History {
        History::new(self.server.history(), self.shape.table.oid, self.gate.files())
    }

    /// A session for checks and counts, on the same server as all others: what another one says of its events is no word on these.
    ///
    /// # Errors
    /// Those of the connection; `Upstream` when another server answers: then the source is connected again.
    pub(crate) async fn check_session(&self) -> Result<PooledSession<'_>> {
        let lent = self.checks.get().await?;
        if lent.server().identity == self.server {
            return Ok(lent);
        }
        // While no lane is there to look for, this is how a restart of the source is noticed.
        Err(Error::new(ErrorKind::Upstream, "another server answers than before").at(lent.place()))
    }

    /// What is read for lanes of this form; `None` when the id does not travel.
    pub fn reading(&self, wire: &Wire, config: &ReplicationConfig) -> Option<Reading> {
        Some(Reading {
            table: self.shape.table.name.clone(),
            id_column: config.source.id_column.clone(),
            layout: wire.layout(&config.source.id_column, self.shape.group_by.as_deref())?,
            wire: wire.clone(),
            limits: Limits {
                events_max: config.limits.max_events_per_write,
                bytes_max: config.limits.max_bytes_per_write,
                group_events_max: config.source.group_events_max,
            },
        })
    }

    /// The mark where everything up to an id is decided.
    fn mark_through(&self, decided: Option<i64>) -> Mark {
        match &self.rule {
            Rule::Consecutive { known_gaps } => Mark::Consecutive(Arc::clone(known_gaps)),
            Rule::Horizon { .. } | Rule::Copy | Rule::Grace(_) => Mark::Decided(decided),
        }
    }
}

/// See the module.
pub struct SourceState {
    connection: Connection<Arc<Source>>,
    epoch: u64,
    follower: Option<Box<Follower>>,
    /// Ends looks over a connection that was given up.
    lost: Stopper,
    looks_until: Stop,
    news: Option<News>,
    /// When that came.
    news_at: Instant,
    front: Front,
    /// Everything up to this id is decided, by the looks of the present connection. What a destination holds says nothing of that: others may
    /// have filled it while transactions were open.
    decided: Option<i64>,
    /// How large the rows of the last read were, on average.
    row_bytes: Option<u64>,
    sight: View,
    opened_at: Instant,
    /// All sequences that have fed the table since the process began.
    sequences: Vec<u32>,
}

impl SourceState {
    /// Not connected yet, and due now.
    pub fn new(now: Instant) -> Self {
        let (lost, looks_until) = stop::channel();
        Self {
            connection: Connection::new(now),
            epoch: 0,
            follower: None,
            lost,
            looks_until,
            news: None,
            news_at: now,
            front: Front::default(),
            decided: None,
            row_bytes: None,
            sight: View::default(),
            opened_at: now,
            sequences: Vec::new(),
        }
    }

    /// Whether it is here, and since how many losses.
    pub fn connection(&self) -> &Connection<Arc<Source>> {
        &self.connection
    }

    /// Notes that it is being opened; gives the number of the connection.
    pub fn begin_opening(&mut self) -> u64 {
        self.connection.begin_opening();
        self.epoch += 1;
        self.epoch
    }

    /// The number of the present or coming connection.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Takes the new connection. Nothing is known to be copied from it before [`SourceState::hear_of`]: after a failover, what a lane holds
    /// may be of another history.
    pub fn opened(&mut self, source: Source, follower: Follower) {
        self.sight = follower.view();
        self.follower = Some(Box::new(follower));
        self.news = None;
        self.front = Front::default();
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

    /// The present connection.
    pub(crate) fn connected(&self) -> Option<Arc<Source>> {
        self.connection.open().map(Arc::clone)
    }

    /// Takes a loss: everything that belongs to the connection is over.
    pub fn lose(&mut self, error: &Error, policy: &RetryPolicy, jitter: f64) -> LossOutcome {
        (self.follower, self.news) = (None, None);
        self.lost.request();
        (self.lost, self.looks_until) = stop::channel();
        self.connection.lose(error.clone(), policy, jitter, Instant::now())
    }

    /// Tries it now, if that is what is waited for. Gives whether it was.
    pub(crate) fn retry(&mut self, now: Instant) -> bool {
        !self.connection.is_halted() && self.connection.retry(now)
    }

    /// Stops for good.
    pub fn halt(&mut self) {
        self.connection.halt();
    }

    /// All sequences that have fed the table since the process began, by oid: a transaction may still insert what it drew from one of before.
    pub fn sequences(&self) -> &[u32] {
        &self.sequences
    }

    /// When it was last opened.
    pub(crate) fn opened_at(&self) -> Instant {
        self.opened_at
    }

    /// Where reading stands.
    pub fn front(&self) -> Front {
        self.front
    }

    /// What the latest look saw, and what committed events wait for.
    pub fn sight(&self) -> Sight {
        self.sight.now()
    }

    /// A lane was compared with the source over this connection, and has come to here: it reads on from there, and no look comes before it.
    pub(crate) fn hear_of(&mut self, position: Option<i64>, epoch: u64) {
        if epoch != self.epoch {
            return;
        }
        self.front.shipped = self.front.shipped.max(position);
        self.forget_passed_block();
    }

    /// The follower, when it is here and the mark it found was used; and what ends its look when the connection is given up.
    pub(crate) fn take_follower(&mut self) -> Option<(Box<Follower>, Stop)> {
        if self.news.is_some() {
            return None;
        }
        self.follower.take().map(|follower| (follower, self.looks_until.clone()))
    }

    /// The follower came back with news; it is dropped when its connection is not the present one.
    pub fn saw(&mut self, follower: Box<Follower>, news: News, epoch: u64) {
        if self.connection.open().is_some_and(|source| source.epoch == epoch) {
            self.decided = self.decided.max(news.mark.decided());
            self.follower = Some(follower);
            (self.news, self.news_at) = (Some(news), Instant::now());
        }
    }

    /// The mark in hand and what came along, once.
    pub(crate) fn take_news(&mut self) -> Option<News> {
        let is_fresh = self.news_at.elapsed() < FIRST_ROWS_MAX;
        let news = self.news.take()?;
        // Rows that nobody took at once may have changed since.
        let first = news.first.filter(|_| is_fresh);
        Some(News { first, ..news })
    }

    /// Whether rows are known to be so small that the first ones may be read along with a look, all of them in memory.
    pub(crate) fn has_small_rows(&self) -> bool {
        self.row_bytes.is_some_and(|bytes| bytes <= SMALL_ROW_BYTES)
    }

    /// Up to where everything is decided.
    pub fn decided(&self) -> Option<i64> {
        self.decided
    }

    /// The mark for a group that is behind the front; `None` when it is not.
    pub(crate) fn mark_behind(&self, after: Option<i64>) -> Option<Mark> {
        let source = self.connection.open()?;
        (self.front.shipped > after).then(|| source.mark_through(self.decided))
    }

    /// Takes how far a pass has read.
    pub fn shipped(&mut self, reached: &Reached, is_leading: bool) {
        if reached.epoch != self.epoch {
            return;
        }
        if reached.shipped > self.front.shipped {
            self.connection.worked();
        }
        self.front.shipped = self.front.shipped.max(reached.shipped);
        self.row_bytes = reached.row_bytes.or(self.row_bytes);
        if is_leading {
            self.front.blocked = match reached.ended {
                Some(Ended::Stopped(Stopped::AtMark {
                    next,
                    is_within_group: true,
                })) => Some(Blocked { held: reached.taken, next }),
                _ => None,
            };
        }
        self.forget_passed_block();
    }

    fn forget_passed_block(&mut self) {
        let shipped = self.front.shipped;
        self.front.blocked = self.front.blocked.filter(|blocked| shipped < Some(blocked.next));
    }

    /// Where reading stands, in words.
    pub(crate) fn in_words(&self) -> String {
        format!("everything up to id {} was shipped", shown(self.front.shipped))
    }
}

/// Rows that came along with a look are taken so soon after it or not at all.
const FIRST_ROWS_MAX: Duration = Duration::from_millis(500);
/// Rows of this size on average are small.
const SMALL_ROW_BYTES: u64 = 16 * 1024;

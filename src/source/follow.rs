//! Waits until more can be read: a notification, the poll timer, or a gap that is decided. A
//! notification is only a hint.
//!
//! Why no wake-up is lost: LISTEN comes before the first look. The doorbell's exclusive lock is
//! granted only when every writer that skipped its notification has ended, so what is asked after
//! it sees their rows; every later writer finds the lock taken, and rings. And whatever else goes
//! wrong with notifications, the poll timer looks again.

mod hearing;

use crate::config::libpq::Conninfo;
use crate::error::Result;
use crate::postgres::session::error::no_answer;
use crate::postgres::session::listen::{ListenOutcome, ListeningConnection};
use crate::source::blocked::{self, BlockReason, Blockage, BlockageTracker};
use crate::source::doorbell::Doorbell;
use crate::source::durability::DurabilityGate;
use crate::source::frontier::{MarkOutcome, ReadFrontier};
use crate::source::gap::Gap;
use crate::source::gauge::{LookCause, SourceGauge};
use crate::source::mark::MarkProbe;
use crate::source::read::prefetch::{ReadStart, RowPrefetch};
use crate::source::wakeup::Wakeup;
use slog::Logger;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A server that does not answer a look for so long is given up.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// Between two looks while writers are under way who may have skipped their notification.
const BUSY_WAIT_MIN: Duration = Duration::from_millis(2);
const BUSY_WAIT_MAX: Duration = Duration::from_millis(20);
/// After so long without an event and without the doorbell's lock (a prepared transaction keeps
/// it), polling slows down.
const UNARMED_MAX: Duration = Duration::from_secs(1);
/// While a bell should ring and cannot be heard or armed, the source is polled this often at least.
const DISCONNECTED_WAIT_MAX: Duration = Duration::from_secs(1);
/// The shortest wait between two looks where nothing rings.
const POLL_WAIT_MIN: Duration = Duration::from_millis(20);
/// After more than a few new ids were found and copied, the next look begins so long after that
/// answer at the earliest: what is written meanwhile travels together.
const PACE: Duration = Duration::from_millis(10);
/// After so few new ids it is looked for more at once.
const FEW_IDS: i64 = 16;

/// How a source is followed.
#[derive(Clone, Debug)]
pub struct FollowSettings {
    /// Where to listen.
    pub conninfo: Conninfo,
    /// Channels listened to.
    pub channels: Vec<String>,
    /// What rings.
    pub wakeup: Wakeup,
    /// The table's oid: second key of the doorbell's lock.
    pub table_oid: u32,
    /// Longest wait between two looks.
    pub poll_interval: Duration,
    /// To open the session that listens.
    pub connect_timeout: Duration,
    /// Up to which id a lane waits for everything to be decided; it changes while this one waits.
    pub wanted: watch::Receiver<Option<i64>>,
    /// Where looks are counted.
    pub gauge: Arc<SourceGauge>,
}

/// Follows one source, over one connection that looks and one that listens.
pub struct Follower {
    probe: MarkProbe,
    doorbell: Doorbell,
    how: FollowSettings,
    listening: ListeningState,
    /// Since when nothing new was seen.
    idle_since: Option<Instant>,
    /// When more was seen last, and up to where events had been copied then.
    saw_more: Option<(Instant, Option<i64>)>,
    blockages: BlockageTracker,
    /// Confirms that what is waited for is still what was compared.
    gate: DurabilityGate,
    log: Logger,
}

/// The session that listens, as far as there is one.
enum ListeningState {
    Connected(Box<ListeningConnection>, Instant),
    Connecting(JoinSet<Result<ListenOutcome>>),
    Disconnected(Instant),
}

impl Follower {
    /// Prepares; does not listen yet.
    pub async fn new(
        probe: MarkProbe,
        how: FollowSettings,
        gate: DurabilityGate,
        log: Logger,
    ) -> Result<Self> {
        Ok(Self {
            doorbell: Doorbell::new(Arc::clone(probe.session()), how.table_oid).await?,
            probe,
            listening: ListeningState::Disconnected(Instant::now()),
            idle_since: None,
            saw_more: None,
            blockages: BlockageTracker::default(),
            gate,
            how,
            log,
        })
    }

    /// Starts to listen where something rings: to be called before the first look.
    ///
    /// # Errors
    /// Those of the connection. A server without LISTEN is polled, which is logged.
    pub async fn listen(&mut self) -> Result<()> {
        if self.how.wakeup.is_notified() {
            let listening = ListeningConnection::open(
                &self.how.conninfo,
                &self.how.channels,
                self.how.connect_timeout,
            )
            .await?;
            self.on_listening(listening);
        }
        Ok(())
    }

    /// A shared view of what the latest look saw and what committed events wait for.
    pub fn view(&self) -> blocked::SourceView {
        self.blockages.view()
    }

    /// The first look, once it listens.
    pub async fn first_look(&mut self, settle_max: Duration) -> Result<(Option<i64>, Option<i64>)> {
        let found = self.probe.first_look(settle_max).await;
        self.blockages.observe(self.probe.sighting());
        found
    }

    /// Waits until rows beyond the frontier can be read, and gives the mark up to which. What a
    /// look after a rest may take along saves a question: few rows are expected then. May be
    /// dropped and called again.
    ///
    /// # Errors
    /// `Unavailable` when the connection is lost or another server answers; `Order` for a hole in
    /// consecutive ids.
    pub async fn wait_for_more(
        &mut self,
        frontier: ReadFrontier,
        prefetch: Option<&RowPrefetch>,
    ) -> Result<ReadStart> {
        let mut gap: Option<Gap> = None;
        let mut has_rested = false;
        let mut cause = Some(LookCause::Pass);
        if let Some(until) = self.saw_more.and_then(|before| paced(before, frontier)) {
            tokio::time::sleep_until(until.into()).await;
        }
        loop {
            let frontier =
                ReadFrontier { wanted: *self.how.wanted.borrow_and_update(), ..frontier };
            if let Some(cause) = cause.take() {
                self.how.gauge.looked(cause);
            }
            match self.look(frontier, prefetch.filter(|_| has_rested)).await? {
                MarkOutcome::More(news) => {
                    self.idle_since = None;
                    self.saw_more = Some((Instant::now(), frontier.shipped));
                    self.blockages.over(&self.log);
                    return Ok(news);
                }
                MarkOutcome::Blocked(blockage) => {
                    (self.idle_since, has_rested, cause) = (None, false, Some(LookCause::Poll));
                    self.wait_at_gap(blockage, gap.get_or_insert_with(Gap::begin)).await?;
                }
                MarkOutcome::Nothing => {
                    gap = None;
                    self.blockages.over(&self.log);
                    cause = self.rest_until_news(frontier).await?;
                    has_rested = true;
                }
            }
        }
    }

    /// Wakes up and looks, in one flush: writers need not ring from now on.
    async fn look(
        &mut self,
        frontier: ReadFrontier,
        prefetch: Option<&RowPrefetch>,
    ) -> Result<MarkOutcome> {
        let place = self.probe.session().place().to_owned();
        let (woken, seen, beat) = futures::join!(
            self.doorbell.disarm(),
            answered(place, self.probe.look(frontier, prefetch)),
            self.listening.overdue_heartbeat()
        );
        if let Some(beat) = beat {
            self.judge_heartbeat(beat);
        }
        self.blockages.observe(self.probe.sighting());
        woken.and(seen)
    }

    /// Goes to sleep, if there is a doorbell and no open writer has skipped it; then, in one flush,
    /// asks whether there is news.
    async fn has_news(&mut self, frontier: ReadFrontier) -> Result<bool> {
        let place = self.probe.session().place().to_owned();
        let may_arm = self.may_arm();
        let asking = answered(place, self.probe.has_news(frontier));
        let news = if may_arm {
            let (armed, news) = futures::join!(self.doorbell.arm(), asking);
            armed.and(news)
        } else {
            asking.await
        };
        self.blockages.observe(self.probe.sighting());
        news
    }

    fn may_arm(&self) -> bool {
        self.how.wakeup == Wakeup::Doorbell
            && matches!(self.listening, ListeningState::Connected(..))
            && !self.doorbell.is_armed()
    }

    async fn wait_at_gap(&mut self, blockage: Blockage, gap: &mut Gap) -> Result<()> {
        gap.confirm(&self.gate).await?;
        let place = self.probe.session().place().to_owned();
        if blockage.reason == BlockReason::Missing {
            return gap.wait_once(&blockage, &place).await;
        }
        answered(place, self.blockages.note(&self.probe.events(), blockage, &self.log)).await?;
        gap.wait().await;
        Ok(())
    }

    /// Nothing new: sleeps until something rings, until there is a higher id, or until something
    /// else is wanted. Nothing rings for what was committed before the doorbell's lock was granted,
    /// so that is asked for after it. Gives the cause of the look that follows; `None` for one that
    /// is counted already.
    async fn rest_until_news(&mut self, frontier: ReadFrontier) -> Result<Option<LookCause>> {
        let mut wanted = self.how.wanted.clone();
        loop {
            let idle = self.idle_since.get_or_insert_with(Instant::now).elapsed();
            if self.may_arm() && self.has_news(frontier).await? {
                return Ok(Some(LookCause::Pass));
            }
            let sleep = self.wait_after(idle);
            tokio::select! {
                biased;
                Ok(()) = wanted.changed() => return Ok(Some(LookCause::Pass)),
                cause = self.sleep_or_hear(sleep) => if cause.is_some() { return Ok(cause) },
            }
            if !self.may_arm() {
                self.how.gauge.looked(LookCause::Poll);
                if self.has_news(frontier).await? {
                    return Ok(None);
                }
            }
        }
    }

    /// How long to sleep, at most, after so long without an event.
    fn wait_after(&self, idle: Duration) -> Duration {
        let poll_interval = self.how.poll_interval;
        let is_listening = matches!(self.listening, ListeningState::Connected(..));
        let is_unarmed = self.how.wakeup == Wakeup::Doorbell && !self.doorbell.is_armed();
        match &self.how.wakeup {
            Wakeup::Polling { .. } => {
                (idle / 4).clamp(POLL_WAIT_MIN.min(poll_interval), poll_interval)
            }
            _ if !is_listening => {
                (idle / 4).clamp(POLL_WAIT_MIN, DISCONNECTED_WAIT_MAX).min(poll_interval)
            }
            _ if is_unarmed && idle < UNARMED_MAX => (idle / 8).clamp(BUSY_WAIT_MIN, BUSY_WAIT_MAX),
            _ if is_unarmed => poll_interval.min(DISCONNECTED_WAIT_MAX),
            _ => poll_interval,
        }
    }
}

/// Until when the next look waits, where many ids were copied since the last one. Under load,
/// looking at once would copy every few events by themselves, and take the processors from those
/// who write them.
fn paced((at, before): (Instant, Option<i64>), frontier: ReadFrontier) -> Option<Instant> {
    let new_ids = frontier.shipped?.saturating_sub(before?);
    (new_ids > FEW_IDS).then_some(at + PACE)
}

async fn answered<T>(place: String, work: impl Future<Output = Result<T>>) -> Result<T> {
    let limited = tokio::time::timeout(LOOK_MAX, work).await;
    limited.map_err(|_| no_answer(LOOK_MAX, "cannot find the mark").at(place))?
}

#[cfg(test)]
mod tests;

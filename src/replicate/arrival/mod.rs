//! Waits until destinations hold everything up to an id, whoever feeds them: asked from outside,
//! taking nothing.
//!
//! One has arrived when three things were found in this order: every id up to there is decided at
//! the source, so that nothing can appear there any more; its position has come so far; its first
//! event, its last event and its count are the source's up to its position.

mod board;
mod decision;

pub use board::{ArrivalBoard, ArrivalState, ArrivalTarget, LaneArrival, boards};

use crate::config::{DestinationConfig, ReplicationConfig};
use crate::destination::connector::{OpenLimits, SurveyedPlace};
use crate::destination::registry::connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::store::EventStore;
use crate::log;
use crate::postgres::session::error::answered;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::session::watchdog::{LockPatience, attended};
use crate::replicate::check::lane_stores::LaneStores;
use crate::replicate::check::observed::{ComparisonDepth, compare_observed};
use crate::replicate::check::source_store;
use crate::retry::RetryPolicy;
use crate::source::mark::MarkProbe;
use decision::{ArrivalSource, DecidedTarget, WHAT};
use futures::future::{try_join, try_join_all};
use std::time::Duration;
use tokio::sync::watch;

/// Between two questions at first; it grows by a half each time.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(50);
/// Between two questions at last.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(1);
/// The longest wait before a side that was lost is tried again.
const TRY_AGAIN_MAX: Duration = Duration::from_secs(2);

/// Destinations that are waited for.
pub struct ArrivalWatch<'a> {
    config: &'a ReplicationConfig,
    /// Their places in the configuration.
    lanes: Vec<usize>,
    target: ArrivalTarget,
    board: watch::Sender<ArrivalBoard>,
}

impl<'a> ArrivalWatch<'a> {
    /// Asks nothing yet. `lanes` are places in the configuration; the board has as many.
    pub fn new(
        config: &'a ReplicationConfig,
        lanes: Vec<usize>,
        target: ArrivalTarget,
        board: watch::Sender<ArrivalBoard>,
    ) -> Self {
        Self { config, lanes, target, board }
    }

    /// Asks until each has arrived or is refused; a side that is away is tried again. May be
    /// dropped at any time.
    pub async fn run(&self) {
        let mut losses = 0;
        let policy = RetryPolicy::up_to(TRY_AGAIN_MAX);
        loop {
            let Err(error) = self.over_one_connection().await else { return };
            if !error.kind().consequence().is_retried {
                self.board.send_modify(|board| {
                    let open = board.lanes.iter_mut().filter(|lane| !lane.is_settled());
                    open.for_each(|lane| lane.state = ArrivalState::Refused(error.clone()));
                });
                return;
            }
            self.board.send_modify(|board| board.source_error = Some(error));
            losses += 1;
            tokio::time::sleep(policy.wait(losses, rand::random())).await;
        }
    }

    /// # Errors
    /// What the source says: everything is asked again over another connection.
    async fn over_one_connection(&self) -> Result<()> {
        let (source, probe) = decision::open(self.config).await?;
        self.board.send_modify(|board| board.source_error = None);
        let decided = watch::Sender::new(None);
        let open: Vec<usize> = {
            let board = self.board.borrow();
            (0..self.lanes.len()).filter(|lane| !board.lanes[*lane].is_settled()).collect()
        };
        let lanes =
            open.into_iter().map(|lane| self.watch_lane(lane, &source, decided.subscribe()));
        let looking = self.look_until_decided(&source, probe, &decided);
        try_join(looking, try_join_all(lanes)).await.map(|_| ())
    }

    async fn look_until_decided(
        &self,
        source: &ArrivalSource,
        mut probe: MarkProbe,
        decided: &watch::Sender<Option<DecidedTarget>>,
    ) -> Result<()> {
        let mut wait = ASK_AGAIN_MIN;
        loop {
            // What was visible at the first look stays what is waited for.
            let known = self.board.borrow().through;
            let target = known.map_or(self.target, ArrivalTarget::Through);
            let (wanted, found) = decision::look(self.config, source, &mut probe, target).await?;
            self.board.send_if_modified(|board| {
                let (through, is_decided) = (Some(wanted), found.is_some());
                let is_news = (board.through, board.is_decided) != (through, is_decided);
                (board.through, board.is_decided) = (through, is_decided);
                is_news
            });
            if found.is_some() {
                decided.send_replace(found);
                return Ok(());
            }
            wait = pause(wait).await;
        }
    }

    /// # Errors
    /// What the source says.
    async fn watch_lane(
        &self,
        lane: usize,
        source: &ArrivalSource,
        decided: watch::Receiver<Option<DecidedTarget>>,
    ) -> Result<()> {
        let destination = &self.config.destinations[self.lanes[lane]];
        let connector = connector(destination);
        let limits = OpenLimits::of(self.config, "wait", RouteCache::unknown());
        let timeout = self.config.limits.connect_timeout;
        let (mut place, mut wait): (Option<Box<dyn SurveyedPlace + '_>>, _) = (None, ASK_AGAIN_MIN);
        loop {
            if place.is_none() {
                match answered(timeout, WHAT, connector.survey(&limits)).await {
                    Ok(surveyed) => place = Some(surveyed),
                    Err(error) => self.note_error(lane, error),
                }
            }
            let target = *decided.borrow();
            if let Some(surveyed) = &place
                && let Err(error) =
                    self.ask_lane((lane, destination), source, &**surveyed, target).await
            {
                if error.kind() == ErrorKind::Upstream {
                    return Err(error.of_kind(ErrorKind::Unavailable));
                }
                self.note_error(lane, error);
                place = None;
            }
            if self.board.borrow().lanes[lane].is_settled() {
                return Ok(());
            }
            wait = pause(wait).await;
        }
    }

    /// # Errors
    /// Those of its server; `Contents` where it disagrees; `Upstream` with what the source says.
    async fn ask_lane(
        &self,
        (lane, destination): (usize, &DestinationConfig),
        source: &ArrivalSource,
        place: &dyn SurveyedPlace,
        decided: Option<DecidedTarget>,
    ) -> Result<()> {
        let timeout = self.config.limits.connect_timeout;
        let theirs = place.store(Some(&source.shape.table))?;
        let position = answered(timeout, WHAT, theirs.ends()).await?.highest;
        let ours = source_store((&source.session, &source.shape), theirs.wire());
        // Of all events that are wanted those that this destination takes.
        let decided = match (decided, &theirs.wire().rows) {
            (Some(DecidedTarget { position: Some(through) }), Some(_)) => {
                let position = answered(timeout, WHAT, ours.highest_through(through)).await;
                let position = position.map_err(|error| error.of_kind(ErrorKind::Upstream))?;
                Some(DecidedTarget { position })
            }
            (decided, _) => decided,
        };
        let Some(target) = decided.filter(|decided| position >= decided.position) else {
            self.note(lane, position, ArrivalState::Behind);
            return Ok(());
        };
        self.note(lane, position, ArrivalState::Comparing);
        let name = &destination.name;
        let stores = [LaneStores { name, source: &ours, destination: &*theirs }];
        let comparing = compare_observed(source.shape.compared(), &stores, ComparisonDepth::Whole);
        let of_source = (&*source.session, &self.config.source.conninfo);
        let sessions: Vec<_> = std::iter::once(of_source).chain(place.sessions()).collect();
        let patience = (sessions.as_slice(), LockPatience::AllAreEnded);
        let compared = attended(patience, timeout, &log::none(), comparing).await;
        let position = compared
            .into_iter()
            .next()
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Bug, "a destination was not compared")))?;
        // Whoever went backwards meanwhile is behind again.
        let has_arrived = position >= target.position;
        self.note(
            lane,
            position,
            if has_arrived { ArrivalState::Arrived } else { ArrivalState::Behind },
        );
        Ok(())
    }

    fn note(&self, lane: usize, position: Option<i64>, state: ArrivalState) {
        self.board.send_if_modified(|board| {
            let known = &mut board.lanes[lane];
            let is_news = known.position != position
                || std::mem::discriminant(&known.state) != std::mem::discriminant(&state);
            *known = LaneArrival { position, state };
            is_news
        });
    }

    fn note_error(&self, lane: usize, error: Error) {
        let is_retried = error.kind().consequence().is_retried;
        let state =
            if is_retried { ArrivalState::Away(error) } else { ArrivalState::Refused(error) };
        self.board.send_modify(|board| board.lanes[lane].state = state);
    }
}

/// Waits, and gives how long to wait the next time.
async fn pause(wait: Duration) -> Duration {
    tokio::time::sleep(wait).await;
    (wait * 3 / 2).min(ASK_AGAIN_MAX)
}

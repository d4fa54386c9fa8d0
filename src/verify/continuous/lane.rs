//! One destination, compared again and again: opens both sides, asks [`LaneRounds`] what is next,
//! compares it, and publishes.

use crate::config::DestinationConfig;
use crate::error::{Error, Result};
use crate::event::range::IdRange;
use crate::log::recent::ROUTINE;
use crate::log::{DayClock, WallTime, key, logged_id};
use crate::postgres::session::error::no_answer;
use crate::retry::{Connection, LossOutcome, RetryPolicy};
use crate::verify::compare::configured::destination_place;
use crate::verify::compare::side::SidePlace;
use crate::verify::continuous::basis::ComparisonBasis;
use crate::verify::continuous::cut::{cut, segment_rows};
use crate::verify::continuous::known::RowFault;
use crate::verify::continuous::pair::LanePair;
use crate::verify::continuous::position::LanePosition;
use crate::verify::continuous::round::{ComparedSegment, LaneRounds, LaneStep, RoundMoment};
use crate::verify::continuous::segment::{self, SegmentFindings};
use crate::verify::continuous::snapshot::{
    LaneVerification, RoundSnapshot, VerificationState, VerificationWait,
};
use crate::verify::continuous::subject::SharedParts;
use crate::verify::continuous::telling::FaultTelling;
use slog::{info, warn};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A row that differs is looked at once more after this time before it is told: it may be on its
/// way.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A segment that takes longer is given up: a server does not answer.
const SEGMENT_MAX: Duration = Duration::from_secs(120);
/// What no time heals by itself is tried again after this.
const HALTED_WAIT: Duration = Duration::from_secs(60);
/// Tables that rest are looked at so often: nothing else would show that a server was put back, or
/// a table replaced, while no row comes.
const CONFIRM_WAIT: Duration = Duration::from_secs(15);
/// Positions that change quickly are taken together.
const FOLLOW_WAIT: Duration = Duration::from_millis(250);

/// See the module.
pub(super) struct VerifiedLane<'a> {
    shared: &'a SharedParts<'a>,
    index: usize,
    name: String,
    /// The source, of the rows that the destination takes, and the destination.
    places: (SidePlace, SidePlace),
    positions: watch::Receiver<Arc<Vec<LanePosition>>>,
    rounds: LaneRounds,
    connection: Connection<LanePair>,
    /// What the belief in earlier comparisons rests on.
    basis: Option<ComparisonBasis>,
    /// When both tables were last seen to be what they were.
    confirmed_at: Instant,
    telling: FaultTelling,
    events_compared: u64,
    clock: DayClock,
}

impl<'a> VerifiedLane<'a> {
    /// Of a destination that can be compared.
    pub fn new(
        shared: &'a SharedParts<'a>,
        index: usize,
        to: &DestinationConfig,
        source: &SidePlace,
        every: Duration,
    ) -> Option<Self> {
        let (of, postgres) = (shared.of, to.postgres()?);
        Some(Self {
            shared,
            index,
            name: to.name.clone(),
            places: (
                SidePlace { rows: postgres.rows.clone(), ..source.clone() },
                destination_place(to, postgres),
            ),
            positions: of.positions.clone(),
            rounds: LaneRounds::new(every),
            connection: Connection::new(Instant::now()),
            basis: None,
            confirmed_at: Instant::now(),
            telling: FaultTelling::new(&to.name, &of.config.flags, &of.log),
            events_compared: 0,
            clock: DayClock::now(),
        })
    }

    /// Compares for ever.
    ///
    /// # Errors
    /// `Contents` when a difference was found that is to stop the replication.
    pub async fn verify(mut self) -> Result<()> {
        loop {
            self.follow();
            let now = self.now();
            match self.rounds.next(now) {
                LaneStep::Wait(until) => {
                    self.publish();
                    let due = self.confirmation_due();
                    self.rest(until.into_iter().chain(due).min()).await;
                    if due.is_some_and(|due| due <= Instant::now())
                        && let Err(error) = self.confirm().await
                    {
                        self.lose(error);
                    }
                }
                LaneStep::Compare(range) => {
                    self.wait_for_retry().await;
                    if let Err(error) = self.step(range).await {
                        self.lose(error);
                    }
                    self.publish();
                    self.stop_if_different()?;
                }
            }
        }
    }

    /// When what is believed of tables that rest is to be confirmed; `None` where nothing is.
    fn confirmation_due(&self) -> Option<Instant> {
        self.basis.as_ref()?;
        Some(self.connection.due().unwrap_or(self.confirmed_at + CONFIRM_WAIT))
    }

    /// Looks whether both tables are still what they were; where they are not, nothing is believed.
    async fn confirm(&mut self) -> Result<()> {
        if self.connection.open().is_none() {
            self.open().await?;
        } else {
            // The semaphore is never closed.
            let _turn = self.shared.turn.acquire().await;
            self.confirm_basis().await?;
        }
        self.connection.worked();
        Ok(())
    }

    fn now(&mut self) -> RoundMoment {
        self.clock.follow();
        let at = Instant::now();
        RoundMoment { at, wall: self.clock.moment_of(at) }
    }

    /// Takes how the destination stands.
    fn follow(&mut self) -> LanePosition {
        let lane = self.positions.borrow_and_update().get(self.index).copied().unwrap_or_default();
        let now = self.now();
        self.rounds.follow(lane, now);
        lane
    }

    /// Until this time, or until the destination stands otherwise.
    async fn rest(&mut self, until: Option<Instant>) {
        let due = async |until: Option<Instant>| match until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        };
        let is_changed = tokio::select! {
            changed = self.positions.changed() => changed.is_ok(),
            () = due(until) => false,
        };
        if is_changed {
            let soon = Instant::now() + FOLLOW_WAIT;
            due(Some(until.map_or(soon, |until| until.min(soon)))).await;
        } else {
            // Nobody tells positions any more: only a stop is waited for.
            due(until).await;
        }
    }

    async fn wait_for_retry(&mut self) {
        let Some(due) = self.connection.due().filter(|_| self.connection.lost_with().is_some())
        else {
            return;
        };
        self.publish();
        tokio::time::sleep_until(due.into()).await;
    }

    /// Compares the next segment of a range.
    async fn step(&mut self, range: IdRange) -> Result<()> {
        if self.connection.open().is_none() {
            self.open().await?;
        }
        let shared = self.shared;
        // The semaphores are never closed.
        let turn = shared.turn.acquire().await;
        tokio::time::sleep_until(shared.next_read().into()).await;
        let of_process = shared.of.limits.turns.acquire().await;
        let (began, before) = (Instant::now(), self.follow());
        let compared = tokio::time::timeout(SEGMENT_MAX, self.compare(range, began)).await;
        drop((turn, of_process));
        let (range, found) =
            compared.unwrap_or_else(|_| Err(no_answer(SEGMENT_MAX, "cannot compare rows")))?;
        let SegmentFindings { found, rows, let_go } = found;
        let segment = ComparedSegment { range, found, let_go, began: before };
        self.events_compared += rows;
        if !self.confirm_basis().await? {
            // It may be of a table that is not there any more.
            self.connection.worked();
            return Ok(());
        }
        self.follow();
        let (now, number) = (self.now(), self.rounds.ended().is_none());
        let change = self.rounds.take(segment, now);
        self.telling.tell(&change, self.rounds.known());
        if number && self.rounds.ended().is_some() {
            self.end_round();
        }
        self.connection.worked();
        Ok(())
    }

    async fn open(&mut self) -> Result<()> {
        self.connection.begin_opening();
        let pair = LanePair::open(self.shared, (&self.places.0, &self.places.1)).await?;
        self.believe(pair.basis.clone());
        self.connection.opened(pair, Instant::now());
        Ok(())
    }

    /// Compares a segment, and what differs in it once more.
    async fn compare(&self, range: IdRange, began: Instant) -> Result<(IdRange, SegmentFindings)> {
        let pair = self.connection.open().expect("it is opened before it is compared");
        let keeps = self.shared.of.config.source.keeps;
        let (segment, read) =
            cut(pair, range, segment_rows(self.shared.settings.rows_per_second)).await?;
        let mut findings = segment::compare(pair, segment, keeps).await?;
        let read = if pair.sides.first.is_partial() { read } else { findings.rows };
        // What differs was merged after its digests.
        let read = if findings.found.is_empty() { read } else { read.saturating_mul(2) };
        self.shared.note_read(read, began);
        let known = self.rounds.known();
        let is_news = findings.found.iter().any(|(id, class)| !known.holds(*id, *class));
        if let (true, Some((first, _)), Some((last, _))) =
            (is_news, findings.found.first(), findings.found.last())
        {
            tokio::time::sleep(LOOK_AGAIN).await;
            let span = IdRange { after: first.checked_sub(1), through: *last };
            let again = segment::compare(pair, span, keeps).await?;
            self.shared.note_read(again.rows, Instant::now());
            findings.found = confirmed(&findings.found, again.found);
            findings.let_go = findings.let_go.max(again.let_go);
        }
        Ok((segment, findings))
    }

    /// Whether both tables are still what they were when what is believed was compared.
    async fn confirm_basis(&mut self) -> Result<bool> {
        let Some(pair) = self.connection.open() else { return Ok(true) };
        let (first, second) = (&pair.sides.first, &pair.sides.second);
        let basis = ComparisonBasis::ask(first, second, &pair.columns).await?;
        Ok(self.believe(basis))
    }

    /// Takes what both tables are now; gives whether that is what they were. Otherwise nothing is
    /// believed.
    fn believe(&mut self, basis: ComparisonBasis) -> bool {
        let keeps = self.shared.of.config.source.keeps;
        let broken = self.basis.as_ref().and_then(|earlier| earlier.broken_by(&basis, keeps));
        if let Some(side) = broken {
            info!(self.shared.of.log, "verification begins again: a server was started again, or its table replaced, altered or rewritten";
                key::DESTINATION => &self.name, "side" => side);
            self.rounds.begin_anew();
        }
        self.basis = Some(basis);
        self.confirmed_at = Instant::now();
        broken.is_none()
    }

    fn end_round(&mut self) {
        self.telling.end_round(self.rounds.known());
        info!(self.shared.of.log, # ROUTINE, "verification round ended"; key::DESTINATION => &self.name,
            "round" => self.rounds.number(), "verified_through" => logged_id(self.rounds.verified_through()),
            "differences" => self.rounds.known().counts().total());
    }

    fn lose(&mut self, error: Error) {
        let policy = RetryPolicy::up_to(self.shared.of.config.limits.retry_wait_max);
        let now = Instant::now();
        let told = error.to_string();
        let fix = error.remedy().unwrap_or_default().to_owned();
        let is_news = match self.connection.lose(error, &policy, rand::random(), now) {
            LossOutcome::Waits { is_news, .. } => is_news,
            LossOutcome::Halts => {
                self.connection.retry(now + HALTED_WAIT);
                true
            }
            LossOutcome::None => false,
        };
        if is_news {
            warn!(self.shared.of.log, "verification waits"; key::DESTINATION => &self.name,
                key::ERROR => told, key::FIX => fix);
        }
    }

    fn stop_if_different(&self) -> Result<()> {
        if !self.shared.stops_at_difference() {
            return Ok(());
        }
        let place = format!("{} {}", self.places.1.conninfo.describe(), self.places.1.table);
        self.telling.error(self.rounds.known(), place).map_or(Ok(()), Err)
    }

    fn publish(&mut self) {
        let lane = self.snapshot();
        self.shared.of.publisher.send_modify(|all| {
            let all = Arc::make_mut(all);
            all.at = WallTime::now();
            if let Some(place) = all.destinations.get_mut(self.index) {
                *place = lane;
            }
        });
    }

    fn snapshot(&self) -> LaneVerification {
        let (rounds, known) = (&self.rounds, self.rounds.known());
        let waits_for = self.connection.outage().filter(|outage| outage.ended.is_none());
        let retry_at = self.connection.due().map(|due| self.clock.moment_of(due));
        let waits_for = waits_for.map(|outage| {
            VerificationWait::of(&outage.error, self.clock.moment_of(outage.since), retry_at)
        });
        let counts = known.counts();
        let state = match rounds.progress() {
            // What is known to differ does so until it is compared again, whatever is away meanwhile.
            _ if counts.total() > 0 => VerificationState::Different,
            _ if waits_for.is_some() || !rounds.can_compare() => VerificationState::Waiting,
            Some(_) => VerificationState::Comparing,
            None => VerificationState::Resting,
        };
        LaneVerification {
            name: self.name.as_str().into(),
            state,
            verified_through_id: rounds.verified_through(),
            events_compared: self.events_compared,
            round: RoundSnapshot {
                number: rounds.number(),
                began_at: rounds.began().map(|began| began.wall),
                ended_at: rounds.ended().map(|ended| ended.wall),
                reached_id: rounds.progress().and_then(|(reached, _)| reached),
                share: rounds.share(self.connection.open().and_then(|pair| pair.lowest)),
            },
            differences: counts,
            differences_ever: known.counts_ever(),
            undecided: known.undecided(),
            listed: known.listed(),
            commands: self.telling.commands(known),
            waits_for,
        }
    }
}

/// What differed at both looks, as the second saw it. What only the second saw is looked at again in
/// the next round, and not counted as equal until then.
fn confirmed(first: &[(i64, RowFault)], second: Vec<(i64, RowFault)>) -> Vec<(i64, RowFault)> {
    let was_seen = |id: i64| first.binary_search_by_key(&id, |(seen, _)| *seen).is_ok();
    let confirm = |(id, class)| (id, if was_seen(id) { class } else { RowFault::Undecided });
    second.into_iter().map(confirm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_when_two_looks_saw_it_and_one_that_only_the_second_saw_is_undecided() {
        let first = [(3, RowFault::Missing), (5, RowFault::Changed), (9, RowFault::Missing)];
        let second = vec![(5, RowFault::Extra), (7, RowFault::Missing), (9, RowFault::Missing)];
        let expected = [(5, RowFault::Extra), (7, RowFault::Undecided), (9, RowFault::Missing)];
        assert_eq!(confirmed(&first, second), expected);
    }
}

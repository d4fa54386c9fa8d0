//! What the window knows of each replication at one moment: its snapshot, how old that is, how quick
//! it has been lately, and its past. Taken once a second; everything drawn comes from here, so that
//! no two parts of a page speak of different moments.

use super::history::{HistorySample, LaneSample, PlotHistory};
use super::lane_word::LaneWord;
use super::words::events;
use crate::config::ReplicationConfig;
use crate::log::WallTime;
use crate::replicate::command::CommandSender;
use crate::replicate::snapshot::{LaneSnapshot, Snapshot, SourceSnapshot};
use crate::supervise::{ReplicationEnd, Roster, SupervisedReplication};
use crate::verify::continuous::snapshot::{
    LaneVerification, VerificationSnapshot, VerificationState,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A rate is that of so many seconds at most.
const RATE_SECONDS: usize = 5;
/// A replication that has told nothing for so long is stuck: it tells twice a second otherwise.
pub(super) const SILENT_MAX: Duration = Duration::from_secs(10);

/// A replication at one moment.
#[derive(Clone, Debug)]
pub(super) struct ReplicationMoment {
    pub(super) name: String,
    pub(super) config: Arc<ReplicationConfig>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) end: Option<Arc<ReplicationEnd>>,
    pub(super) commander: CommandSender,
    /// When this was taken, by the clock of day.
    pub(super) now: WallTime,
    /// For how long it has told nothing.
    pub(super) silent: Duration,
    /// Ids a second at the source lately.
    pub(super) source_rate: f64,
    /// How each destination does, in the order of the snapshot.
    pub(super) lanes: Vec<LaneMoment>,
    pub(super) history: Arc<PlotHistory>,
    /// What is proved of each destination, row by row.
    pub(super) verification: Arc<VerificationSnapshot>,
}

/// A destination at one moment, besides what the snapshot has.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneMoment {
    pub(super) word: LaneWord,
    /// Seconds behind, by the present moment.
    pub(super) lag: Option<f64>,
    /// Ids that are visible at the source and not here; an upper bound of the events it lacks.
    pub(super) ids_behind: Option<u64>,
    /// Events a second lately.
    pub(super) rate: f64,
}

impl ReplicationMoment {
    /// Whether its loop is stuck.
    pub(super) fn is_stuck(&self) -> bool {
        self.end.is_none() && self.silent > SILENT_MAX
    }

    /// Whether it is a job, which ends by itself.
    pub(super) fn is_job(&self) -> bool {
        self.snapshot.run.is_until_caught_up
    }

    /// What is proved of each destination whose rows are compared one by one.
    pub(super) fn proofs(&self) -> impl Iterator<Item = &LaneVerification> {
        let all = self.verification.destinations.iter();
        all.filter(|proof| proof.state != VerificationState::Off)
    }

    /// Whether rows are compared one by one.
    pub(super) fn is_verified(&self) -> bool {
        self.proofs().next().is_some()
    }

    /// The id through which every destination is proved, row by row.
    pub(super) fn verified_through(&self) -> Option<i64> {
        let all = self.verification.destinations.iter();
        all.map(|proof| proof.verified_through_id).min().flatten()
    }

    /// The id through which the events of every destination were counted; counts agreed.
    pub(super) fn counted_through(&self) -> Option<i64> {
        let all = self.snapshot.lanes.iter();
        all.map(|lane| lane.count_check.and_then(|check| check.through_id)).min().flatten()
    }

    /// What is proved of a destination, where its rows are compared one by one.
    pub(super) fn proof(&self, lane: &str) -> Option<&LaneVerification> {
        self.proofs().find(|proof| &*proof.name == lane)
    }

    /// Each destination, with what the snapshot has.
    pub(super) fn lanes(&self) -> impl Iterator<Item = (&LaneSnapshot, &LaneMoment)> {
        self.snapshot.lanes.iter().zip(&self.lanes)
    }
}

/// Takes a moment of every replication, once a second.
#[derive(Debug)]
pub(super) struct MomentSampler {
    behind: Duration,
    known: BTreeMap<String, ObservedReplication>,
}

/// What is remembered of a replication between two moments.
#[derive(Debug)]
struct ObservedReplication {
    started_at: WallTime,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    told_at: Instant,
    /// The latest counts: when, highest id, events of each destination.
    counts: VecDeque<(Instant, Option<i64>, Vec<u64>)>,
    history: Arc<PlotHistory>,
}

impl MomentSampler {
    /// A destination that lags less than `behind` follows.
    pub(super) fn new(behind: Duration) -> Self {
        Self { behind, known: BTreeMap::new() }
    }

    /// Takes the present moment of all that are configured.
    pub(super) fn take(&mut self, roster: &Roster, now: Instant) -> Vec<Arc<ReplicationMoment>> {
        self.known.retain(|name, _| roster.iter().any(|entry| entry.name == *name));
        let mut moments = Vec::with_capacity(roster.len());
        for entry in roster.iter() {
            let observed = self.known.entry(entry.name.clone());
            let observed = observed.or_insert_with(|| ObservedReplication::new(entry, now));
            let started_at = entry.snapshots.borrow().run.started_at;
            if observed.started_at != started_at {
                *observed = ObservedReplication::new(entry, now);
            }
            moments.push(Arc::new(observed.moment(entry, self.behind, now)));
        }
        moments
    }
}

impl ObservedReplication {
    fn new(entry: &SupervisedReplication, now: Instant) -> Self {
        let snapshot = Arc::clone(&entry.snapshots.borrow());
        Self {
            started_at: snapshot.run.started_at,
            snapshots: entry.snapshots.clone(),
            told_at: now,
            counts: VecDeque::new(),
            history: Arc::new(PlotHistory::new(snapshot.run.is_until_caught_up)),
        }
    }

    fn moment(
        &mut self,
        entry: &SupervisedReplication,
        behind: Duration,
        now: Instant,
    ) -> ReplicationMoment {
        // One that has ended has no sender any more; what it told last is still there.
        let is_news = self.snapshots.has_changed().unwrap_or(false);
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        // A job that compares once more at its end has no loop any more that could be stuck.
        if is_news || snapshot.run.has_ended {
            self.told_at = now;
        }
        let silent = now.saturating_duration_since(self.told_at);
        let (mut source_rate, mut rates) = self.rates(&snapshot, now);
        if entry.end.is_some() {
            (source_rate, rates) = (0.0, vec![0.0; rates.len()]);
        }
        let unseen = if entry.end.is_some() { 0.0 } else { silent.as_secs_f64() };
        let lanes: Vec<LaneMoment> = snapshot
            .lanes
            .iter()
            .zip(rates)
            .map(|(lane, rate)| LaneMoment::of(lane, &snapshot, behind, unseen, rate))
            .collect();
        if entry.end.is_none() {
            let sample = sample(&snapshot, source_rate, &lanes);
            Arc::make_mut(&mut self.history).add(sample);
        }
        ReplicationMoment {
            name: entry.name.clone(),
            config: Arc::clone(&entry.config),
            end: entry.end.clone(),
            commander: entry.commander.clone(),
            now: WallTime::now(),
            silent,
            source_rate,
            lanes,
            history: Arc::clone(&self.history),
            verification: Arc::clone(&entry.verification.borrow()),
            snapshot,
        }
    }

    /// Ids a second at the source and events a second of each destination.
    fn rates(&mut self, snapshot: &Snapshot, now: Instant) -> (f64, Vec<f64>) {
        let events: Vec<u64> = snapshot.lanes.iter().map(|lane| lane.events).collect();
        self.counts.push_back((now, snapshot.source.highest_id, events));
        while self.counts.len() > RATE_SECONDS + 1 {
            self.counts.pop_front();
        }
        let (Some(first), Some(last)) = (self.counts.front(), self.counts.back()) else {
            return (0.0, vec![0.0; snapshot.lanes.len()]);
        };
        let seconds = (last.0 - first.0).as_secs_f64();
        if seconds < 0.1 {
            return (0.0, vec![0.0; snapshot.lanes.len()]);
        }
        // An empty table has no highest id; what came since came from nothing.
        let ids = match (first.1, last.1) {
            (Some(first), Some(last)) => last.saturating_sub(first).max(0) as f64,
            _ => 0.0,
        };
        let of_lane = |(first, last): (&u64, &u64)| last.saturating_sub(*first) as f64 / seconds;
        (ids / seconds, first.2.iter().zip(&last.2).map(of_lane).collect())
    }
}

impl LaneMoment {
    fn of(
        lane: &LaneSnapshot,
        snapshot: &Snapshot,
        behind: Duration,
        unseen: f64,
        rate: f64,
    ) -> Self {
        let word = LaneWord::of(lane, behind);
        // What a stuck loop told last grows old here.
        let lag = lane.lag_seconds.map(|lag| if unseen > 2.0 { lag + unseen } else { lag });
        let is_level = lane.lag_seconds == Some(0.0);
        let ids_behind = snapshot.source.highest_id.map(|highest| {
            let held = lane.position.unwrap_or_else(|| before(&snapshot.source, highest));
            let lacks = highest.saturating_sub(held);
            if is_level { 0 } else { lacks.max(0).unsigned_abs() }
        });
        Self { word, lag, ids_behind, rate }
    }
}

fn sample(snapshot: &Snapshot, source_rate: f64, lanes: &[LaneMoment]) -> HistorySample {
    let lane = |(lane, moment): (&LaneSnapshot, &LaneMoment)| LaneSample {
        lag: moment.lag.map_or(f32::NAN, |lag| lag as f32),
        rate: moment.rate as f32,
        share: lane_share(snapshot, lane, snapshot.run.target_id.or(snapshot.source.highest_id))
            .map_or(f32::NAN, |share| share as f32),
    };
    HistorySample {
        source_rate: source_rate as f32,
        lanes: snapshot.lanes.iter().zip(lanes).map(lane).collect(),
    }
}

/// Per cent of the source's ids up to this one that a position has reached: never 100 before it is
/// there. `None`: the source was not looked at yet.
pub(super) fn share(
    source: &SourceSnapshot,
    position: Option<i64>,
    through: Option<i64>,
) -> Option<f64> {
    let Some(through) = through else { return source.looked_at.map(|_| 100.0) };
    let Some(held) = position else { return Some(0.0) };
    if held >= through {
        return Some(100.0);
    }
    let before = before(source, through);
    let ids = |id: i64| i128::from(id) - i128::from(before);
    Some((ids(held) as f64 / ids(through) as f64 * 100.0).clamp(0.0, 99.9))
}

/// As [`share`], of what a destination holds. `None` as well while it was not asked.
pub(super) fn lane_share(
    snapshot: &Snapshot,
    lane: &LaneSnapshot,
    through: Option<i64>,
) -> Option<f64> {
    is_asked(lane).then(|| share(&snapshot.source, lane.position, through)).flatten()
}

/// Whether a destination has told what it holds.
pub(super) fn is_asked(lane: &LaneSnapshot) -> bool {
    lane.position.is_some() || lane.checks.is_some()
}

/// The id before the first one of a source that goes up to this one. Tables need not begin with 1.
pub(super) fn before(source: &SourceSnapshot, through: i64) -> i64 {
    let lowest = source.lowest_id.filter(|lowest| *lowest <= through);
    lowest.map_or(through.saturating_sub(1).min(0), |lowest| lowest.saturating_sub(1))
}

/// So many ids are so many events at most; exactly so many where ids are consecutive.
pub(super) fn at_most(of: &ReplicationMoment, ids: u64) -> String {
    let checks = of.snapshot.source.checks.as_ref();
    let is_exact = checks.is_some_and(|checks| checks.ids.starts_with("consecutive"));
    if is_exact || ids == 0 { events(ids) } else { format!("at most {}", events(ids)) }
}

#[cfg(test)]
mod tests;

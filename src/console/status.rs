//! `/status.json`: what `status --json` tells, from what the running replications know, and what
//! only they know besides.

use super::frame::WindowFrame;
use super::lane_word::LaneWord;
use super::moment::{LaneMoment, ReplicationMoment};
use super::words::shown;
use crate::error::Error;
use crate::log::WallTime;
use crate::replicate::health::Health;
use crate::replicate::snapshot::{BlockerSnapshot, ConnectionSnapshot, LaneSnapshot};
use serde::Serialize;

/// All replications of the process.
#[derive(Serialize)]
pub(super) struct ProcessStatus<'a> {
    as_of: WallTime,
    version: &'a str,
    replications: Vec<ReplicationEntry<'a>>,
}

#[derive(Serialize)]
struct ReplicationEntry<'a> {
    name: &'a str,
    is_until_caught_up: bool,
    started_at: WallTime,
    /// Milliseconds since it told how it stands.
    tick_ms: u64,
    target_id: Option<i64>,
    ended_at: Option<WallTime>,
    exit_code: Option<u8>,
    /// What ended it.
    problems: Vec<ProblemEntry>,
    source: SourceEntry<'a>,
    destinations: Vec<DestinationEntry<'a>>,
}

/// A failure, with its four parts, as it may be shown.
#[derive(Serialize)]
struct ProblemEntry {
    what: String,
    #[serde(rename = "where")]
    place: Option<String>,
    causes: Vec<String>,
    fix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<WallTime>,
}

#[derive(Serialize)]
struct SourceEntry<'a> {
    database: &'a str,
    table: &'a str,
    health: Health,
    highest_id: Option<i64>,
    settled_id: Option<i64>,
    looked_at: Option<WallTime>,
    /// Null while it is away.
    ids_per_second: Option<f64>,
    blocker: Option<&'a BlockerSnapshot>,
    outage: Option<ProblemEntry>,
    retry_in_seconds: Option<f64>,
}

#[derive(Serialize)]
struct DestinationEntry<'a> {
    name: &'a str,
    database: &'a str,
    table: &'a str,
    health: Health,
    state: LaneWord,
    position: Option<i64>,
    /// An upper bound of the events it lacks; null where that is not known.
    events_behind_max: Option<u64>,
    /// Seconds since it last held everything that was visible; null while it never did.
    lag_seconds: Option<f64>,
    events_per_second: f64,
    events: u64,
    bytes: u64,
    last_commit_at: Option<WallTime>,
    counted_through: Option<i64>,
    verified_through: Option<i64>,
    differences: Option<u64>,
    is_paused: bool,
    outage: Option<ProblemEntry>,
    retry_in_seconds: Option<f64>,
}

impl<'a> ProcessStatus<'a> {
    /// At the moment of a frame.
    pub(super) fn of(frame: &'a WindowFrame, version: &'a str) -> Self {
        let replications = frame.moments.iter().map(|moment| ReplicationEntry::of(moment));
        Self { as_of: WallTime::now(), version, replications: replications.collect() }
    }
}

impl<'a> ReplicationEntry<'a> {
    fn of(moment: &'a ReplicationMoment) -> Self {
        let (run, source) = (&moment.snapshot.run, &moment.snapshot.source);
        let retry_in = |at: Option<WallTime>| at.map(|at| at.seconds_since(moment.now).max(0.0));
        Self {
            name: &moment.name,
            is_until_caught_up: run.is_until_caught_up,
            started_at: run.started_at,
            tick_ms: u64::try_from(moment.silent.as_millis()).unwrap_or(u64::MAX),
            target_id: run.target_id,
            ended_at: moment.end.as_ref().map(|end| end.at),
            exit_code: moment.end.as_ref().map(|end| end.problems.exit_code()),
            problems: moment
                .end
                .iter()
                .flat_map(|end| end.problems.iter())
                .map(ProblemEntry::of)
                .collect(),
            source: SourceEntry {
                database: &source.database,
                table: &source.table,
                health: source.health,
                highest_id: source.highest_id,
                settled_id: source.settled_id(),
                looked_at: source.looked_at,
                ids_per_second: matches!(source.health, Health::Reachable | Health::Held)
                    .then_some(moment.source_rate),
                blocker: source.blocker.as_ref(),
                outage: ProblemEntry::of_outage(&source.connection),
                retry_in_seconds: retry_in(source.connection.retry_at),
            },
            destinations: moment
                .lanes()
                .map(|(lane, now)| DestinationEntry::of(moment, lane, now))
                .collect(),
        }
    }
}

impl ProblemEntry {
    fn of(problem: &Error) -> Self {
        Self {
            what: shown(problem.what()),
            place: problem.place().map(shown),
            causes: problem.causes().iter().map(|cause| shown(cause)).collect(),
            fix: problem.remedy().map(shown),
            exit_code: Some(problem.kind().consequence().exit_code),
            since: None,
        }
    }

    /// The outage that lasts, if one does.
    fn of_outage(connection: &ConnectionSnapshot) -> Option<Self> {
        let outage = connection.outage.as_ref().filter(|outage| outage.ended_at.is_none())?;
        Some(Self {
            what: shown(&outage.what),
            place: outage.place.as_deref().map(shown),
            causes: outage.causes.iter().map(|cause| shown(cause)).collect(),
            fix: outage.fix.as_deref().map(shown),
            exit_code: None,
            since: Some(outage.since),
        })
    }
}

impl<'a> DestinationEntry<'a> {
    fn of(moment: &'a ReplicationMoment, lane: &'a LaneSnapshot, now: &LaneMoment) -> Self {
        let proof = moment.proof(&lane.name);
        Self {
            name: &lane.name,
            database: &lane.database,
            table: &lane.table,
            health: lane.health,
            state: now.word,
            position: lane.position,
            events_behind_max: now.ids_behind,
            lag_seconds: now.lag,
            events_per_second: now.rate,
            events: lane.events,
            bytes: lane.bytes,
            last_commit_at: lane.last_commit_at,
            counted_through: lane.count_check.and_then(|check| check.through_id),
            verified_through: proof.and_then(|proof| proof.verified_through_id),
            differences: proof.map(|proof| proof.differences.total()),
            is_paused: lane.is_paused,
            outage: ProblemEntry::of_outage(&lane.connection),
            retry_in_seconds: lane
                .connection
                .retry_at
                .map(|at| at.seconds_since(moment.now).max(0.0)),
        }
    }
}

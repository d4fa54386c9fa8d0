//! The verification of a replication at one moment, as plain data: what a window, metrics and the
//! summary read. Nothing is decided by it.

use crate::config::ReplicationConfig;
use crate::error::Error;
use crate::log::WallTime;
use crate::verify::continuous::known::{FaultCounts, FaultRun};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::watch;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct VerificationSnapshot {
    /// When.
    pub at: WallTime,
    /// A round begins so many seconds after the last one began; `None`: nothing is compared.
    pub every_seconds: Option<f64>,
    /// Rows of the source that are read in a second at most, for all destinations together.
    pub rows_per_second: u32,
    /// The destinations, in the order of the configuration.
    pub destinations: Vec<LaneVerification>,
}

/// The verification of a destination.
#[derive(Clone, Debug, Serialize)]
pub struct LaneVerification {
    /// Name as configured.
    pub name: Arc<str>,
    /// In one word.
    pub state: VerificationState,
    /// Every row up to this id was compared and is equal, in this round or an earlier one that is
    /// still believed; `None`: of none that is known.
    pub verified_through_id: Option<i64>,
    /// Rows of the source that were compared since the start, again and again.
    pub events_compared: u64,
    /// The round under way, or the last one.
    pub round: RoundSnapshot,
    /// Rows that differ now, by class.
    pub differences: FaultCounts,
    /// Rows that were found to differ since the start, each once until it is equal again.
    pub differences_ever: FaultCounts,
    /// Rows that may be late, so that it is not known whether they differ.
    pub undecided: u64,
    /// The first rows that differ.
    pub listed: Vec<FaultRun>,
    /// What shows and cures them; `None` where nothing differs.
    pub commands: Option<FaultCommands>,
    /// What it waits for; `None` while both sides are there.
    pub waits_for: Option<VerificationWait>,
}

/// What a verification does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VerificationState {
    /// It is not configured, or the destination is not a table that can be compared.
    Off,
    /// A side is away, or nothing can be compared yet, and no row is known to differ.
    Waiting,
    /// Rows differ; it goes on, or waits for a side.
    Different,
    /// A round is under way.
    Comparing,
    /// The round has ended, and the next is not due; new rows are compared as they come.
    Resting,
}

/// A round.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RoundSnapshot {
    /// Its number since the start; 0 before the first.
    pub number: u64,
    /// When it began.
    pub began_at: Option<WallTime>,
    /// When it ended; `None` while it is under way.
    pub ended_at: Option<WallTime>,
    /// All rows up to here were compared in it.
    pub reached_id: Option<i64>,
    /// The part of its ids that is done, from 0 to 1.
    pub share: Option<f64>,
}

/// What shows and cures differences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultCommands {
    /// Shows them.
    pub show: String,
    /// What to do, with the commands.
    pub cure: String,
}

/// What a verification waits for.
#[derive(Clone, Debug, Serialize)]
pub struct VerificationWait {
    /// What could not be done.
    pub what: String,
    /// Where.
    #[serde(rename = "where")]
    pub place: Option<String>,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do.
    pub fix: Option<String>,
    /// Since when.
    pub since: WallTime,
    /// When it is tried again.
    pub retry_at: Option<WallTime>,
}

/// Where it is published; the first tells what is configured.
pub fn publisher(config: &ReplicationConfig) -> watch::Sender<Arc<VerificationSnapshot>> {
    let destinations = config.destinations.iter().map(|to| LaneVerification {
        name: to.name.as_str().into(),
        state: match config.verify.every {
            Some(_) if to.postgres().is_some() => VerificationState::Waiting,
            _ => VerificationState::Off,
        },
        verified_through_id: None,
        events_compared: 0,
        round: RoundSnapshot::default(),
        differences: FaultCounts::default(),
        differences_ever: FaultCounts::default(),
        undecided: 0,
        listed: Vec::new(),
        commands: None,
        waits_for: None,
    });
    watch::Sender::new(Arc::new(VerificationSnapshot {
        at: WallTime::now(),
        every_seconds: config.verify.every.map(|every| every.as_secs_f64()),
        rows_per_second: config.verify.rows_per_second,
        destinations: destinations.collect(),
    }))
}

impl VerificationWait {
    pub(super) fn of(error: &Error, since: WallTime, retry_at: Option<WallTime>) -> Self {
        Self {
            what: error.what().to_owned(),
            place: error.place().map(str::to_owned),
            causes: error.causes().to_vec(),
            fix: error.remedy().map(str::to_owned),
            since,
            retry_at,
        }
    }
}

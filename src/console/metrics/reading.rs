//! What a scrape reads: each replication and each of its destinations at one moment.

use super::process::ProcessReading;
use super::sample::{LabelCount, LabelPair};
use crate::config::DestinationConfig;
use crate::console::lane_word::LaneWord;
use crate::error::ErrorKind;
use crate::replicate::health::Health;
use crate::replicate::snapshot::{LaneSnapshot, Snapshot};
use crate::retry::losses::LossCounts;
use crate::supervise::SupervisedReplication;
use crate::verify::continuous::snapshot::{
    LaneVerification, VerificationSnapshot, VerificationState,
};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// All of it.
pub(super) struct MetricsScrape<'a> {
    /// `None` where what belongs to the process is left out.
    pub(super) process: Option<ProcessReading>,
    pub(super) replications: Vec<ReplicationReading<'a>>,
}

/// A replication.
pub(super) struct ReplicationReading<'a> {
    pub(super) handle: &'a SupervisedReplication,
    pub(super) snapshot: Arc<Snapshot>,
    verification: Arc<VerificationSnapshot>,
    behind: Duration,
}

/// A destination.
pub(super) struct LaneReading<'a> {
    pub(super) of: &'a ReplicationReading<'a>,
    pub(super) lane: &'a LaneSnapshot,
    pub(super) config: &'a DestinationConfig,
    verification: Option<&'a LaneVerification>,
}

/// Kinds of loss that are told from the beginning, so that the first one is seen as an increase.
const LOSSES_FORESEEN: [ErrorKind; 7] = [
    ErrorKind::Unavailable,
    ErrorKind::Access,
    ErrorKind::Unsuitable,
    ErrorKind::Contents,
    ErrorKind::Order,
    ErrorKind::Rejected,
    ErrorKind::Bug,
];

impl<'a> ReplicationReading<'a> {
    pub(super) fn of(handle: &'a SupervisedReplication, behind: Duration) -> Self {
        Self {
            handle,
            snapshot: Arc::clone(&handle.snapshots.borrow()),
            verification: Arc::clone(&handle.verification.borrow()),
            behind,
        }
    }

    pub(super) fn labels(&self) -> Vec<LabelPair<'a>> {
        vec![("replication", Cow::Borrowed(self.handle.name.as_str()))]
    }

    pub(super) fn lanes(&'a self) -> impl Iterator<Item = LaneReading<'a>> {
        let configs = &self.handle.config.destinations;
        let lanes = self.snapshot.lanes.iter().zip(configs).enumerate();
        lanes.map(|(index, (lane, config))| {
            let verification = self.verification.destinations.get(index);
            LaneReading { of: self, lane, config, verification }
        })
    }

    /// Of what it does at the moment; `None` once it has ended.
    pub(super) fn now<T>(&self, value: T) -> Option<T> {
        (self.handle.is_running() && !self.snapshot.run.has_ended).then_some(value)
    }

    /// Whether the source is connected and checked.
    pub(super) fn is_source_up(&self) -> bool {
        matches!(self.snapshot.source.health, Health::Reachable | Health::Held)
    }

    /// How long the oldest transaction has been open that events wait for; 0 where none wait.
    pub(super) fn hold_seconds(&self) -> f64 {
        let blocker = self.snapshot.source.blocker.as_ref();
        let now = self.snapshot.at.unix_seconds();
        blocker.map_or(0.0, |blocker| (now - blocker.since.unix_seconds()).max(0.0))
    }
}

impl<'a> LaneReading<'a> {
    pub(super) fn labels(&self) -> Vec<LabelPair<'a>> {
        let mut labels = self.of.labels();
        labels.push(("destination", Cow::Borrowed(&*self.lane.name)));
        labels
    }

    /// Its verification; `None` where it is not verified.
    pub(super) fn verification(&self) -> Option<&LaneVerification> {
        self.verification.filter(|found| found.state != VerificationState::Off)
    }

    /// In one word.
    pub(super) fn word(&self) -> LaneWord {
        LaneWord::of(self.lane, self.of.behind)
    }

    /// Whether it is connected and checked, or answers that another replicator holds it.
    pub(super) fn is_up(&self) -> bool {
        match self.lane.health {
            Health::Level
            | Health::Held
            | Health::Behind
            | Health::Unfed
            | Health::Reachable
            | Health::Paused
            | Health::Standby => true,
            Health::Opening
            | Health::Waiting
            | Health::Stopped
            | Health::Diverged
            | Health::Unreachable => false,
        }
    }

    /// At most so many events of the source lie above its position: sequences leave gaps. `None`
    /// while another replicator feeds it, and while it is empty.
    pub(super) fn lag_events(&self) -> Option<f64> {
        match self.lane.health {
            Health::Level => Some(0.0),
            Health::Standby => None,
            _ => {
                let highest = self.of.snapshot.source.highest_id?;
                Some(highest.saturating_sub(self.lane.position?).max(0) as f64)
            }
        }
    }

    /// As many events of the size of those that were copied.
    pub(super) fn lag_bytes(&self) -> Option<f64> {
        match self.lag_events()? {
            0.0 => Some(0.0),
            events if self.lane.events > 0 => {
                Some(events * self.lane.bytes as f64 / self.lane.events as f64)
            }
            _ => None,
        }
    }

    /// See [`LaneSnapshot::lag_seconds`]; says nothing while another replicator feeds it.
    pub(super) fn lag_seconds(&self) -> Option<f64> {
        self.lane.lag_seconds.filter(|_| self.lane.health != Health::Standby)
    }
}

/// Losses by the word of their kind.
pub(super) fn by_kind(losses: LossCounts) -> Vec<LabelCount> {
    let is_told = |kind: &ErrorKind| LOSSES_FORESEEN.contains(kind) || losses.of(*kind) > 0;
    let kinds = ErrorKind::ALL.into_iter().filter(is_told);
    kinds.map(|kind| (kind.word().into(), losses.of(kind))).collect()
}

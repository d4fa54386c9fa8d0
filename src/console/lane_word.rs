//! How a lane does, in the words of the window: those of its health, and instead of a flicker
//! between level and behind one word for a lane that keeps up and one for a lane that does not yet.

use crate::replicate::health::Health;
use crate::replicate::snapshot::LaneSnapshot;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LaneWord {
    /// It is being connected and checked for the first time.
    Opening,
    /// It has held everything since it was opened, and lags less than `behind_ms`.
    Following,
    /// It lacks more than that.
    Copying,
    /// What it lacks waits for a transaction at the source.
    Held,
    /// It, or the source, is away and is tried again.
    Waiting,
    /// Another replicator feeds it; this one takes it over when that one ends.
    Standby,
    /// An operator paused it.
    Paused,
    /// It stopped until a person acts.
    Stopped,
    /// It is not what its source is.
    Diverged,
}

/// What a word means for the one who reads it: a shape and a colour go with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NoteSeverity {
    /// All is well.
    Good,
    /// Nothing is wrong and nothing runs.
    Calm,
    /// Work is under way.
    Running,
    /// It waits; that may be right.
    Wait,
    /// A person should look.
    Bad,
}

impl LaneWord {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Opening,
        Self::Following,
        Self::Copying,
        Self::Held,
        Self::Waiting,
        Self::Standby,
        Self::Paused,
        Self::Stopped,
        Self::Diverged,
    ];

    /// Of a lane; one that lags less than `behind` follows.
    pub(crate) fn of(lane: &LaneSnapshot, behind: Duration) -> Self {
        let keeps_up = lane.lag_seconds.is_some_and(|lag| lag < behind.as_secs_f64());
        match lane.health {
            Health::Opening => Self::Opening,
            Health::Level => Self::Following,
            Health::Behind | Health::Unfed if keeps_up => Self::Following,
            Health::Behind | Health::Unfed => Self::Copying,
            Health::Held => Self::Held,
            Health::Waiting | Health::Unreachable | Health::Reachable => Self::Waiting,
            Health::Standby => Self::Standby,
            Health::Paused => Self::Paused,
            Health::Stopped => Self::Stopped,
            Health::Diverged => Self::Diverged,
        }
    }

    /// How it is to be taken.
    pub(crate) fn severity(self) -> NoteSeverity {
        match self {
            Self::Following => NoteSeverity::Good,
            Self::Standby => NoteSeverity::Calm,
            Self::Opening | Self::Copying => NoteSeverity::Running,
            Self::Held | Self::Paused => NoteSeverity::Wait,
            Self::Waiting | Self::Stopped | Self::Diverged => NoteSeverity::Bad,
        }
    }
}

impl fmt::Display for LaneWord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Opening => "opening",
            Self::Following => "following",
            Self::Copying => "copying",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::Standby => "standby",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
        })
    }
}

impl NoteSeverity {
    /// The class of its colour in the sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Calm => "calm",
            Self::Running => "run",
            Self::Wait => "wait",
            Self::Bad => "bad",
        }
    }
}

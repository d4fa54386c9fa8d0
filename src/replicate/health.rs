//! How a source or a destination does, in one word: the same words for the status, the log and
//! readers of a snapshot.

use serde::Serialize;
use std::fmt;

/// In one word. For `status` the first that applies of `unreachable` to `behind`; a running
/// replication tells the others too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It could not be asked.
    Unreachable,
    /// It answers; nothing else can be told.
    Reachable,
    /// Its last event is not the source's, or it has events that the source has not.
    Diverged,
    /// It lacks no visible event above its last one, which is the source's.
    Level,
    /// It lacks events, and no replicator holds its lock.
    Unfed,
    /// It lacks events because of a transaction at the source that may still fill a gap.
    Held,
    /// It lacks events, and a replicator feeds it.
    Behind,
    /// It is being connected and checked for the first time.
    Opening,
    /// It was lost and is tried again.
    Waiting,
    /// Another replicator holds it; this one takes it over when that one ends.
    Standby,
    /// An operator paused it.
    Paused,
    /// It stopped until a person acts.
    Stopped,
}

impl fmt::Display for Health {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Health::Unreachable => "unreachable",
            Health::Reachable => "reachable",
            Health::Diverged => "diverged",
            Health::Level => "level",
            Health::Unfed => "unfed",
            Health::Held => "held",
            Health::Behind => "behind",
            Health::Opening => "opening",
            Health::Waiting => "waiting",
            Health::Standby => "standby",
            Health::Paused => "paused",
            Health::Stopped => "stopped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_in_json_and_for_a_person() {
        for health in [
            Health::Unreachable,
            Health::Reachable,
            Health::Diverged,
            Health::Level,
            Health::Unfed,
            Health::Held,
            Health::Behind,
            Health::Opening,
            Health::Waiting,
            Health::Standby,
            Health::Paused,
            Health::Stopped,
        ] {
            assert_eq!(serde_json::to_value(health).unwrap(), health.to_string());
        }
    }
}

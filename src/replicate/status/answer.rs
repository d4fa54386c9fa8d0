//! What a status tells, and the exit code and the words that follow from it.

use crate::destination::connector::Replicator;
use crate::error::{Error, ErrorKind};
use crate::replicate::check::observed::ComparisonDepth;
use crate::replicate::health::Health;
use serde::Serialize;

/// Events behind are counted up to here.
pub(crate) const EVENTS_BEHIND_COUNTED_MAX: i64 = 1_000_000;

/// The whole replication at one moment. `Display` is a table for a person, `Serialize` the object
/// of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicationStatus {
    /// The source.
    pub source: SourceStatus,
    /// The destinations, in the order of the configuration.
    pub destinations: Vec<DestinationStatus>,
}

/// How the source does.
#[derive(Clone, Debug, Serialize)]
pub struct SourceStatus {
    /// Host, port and database.
    pub database: String,
    /// Schema and table.
    pub table: String,
    /// `reachable` or `unreachable`.
    pub health: Health,
    /// Highest visible id; null while there is no event.
    pub highest_id: Option<i64>,
    /// Why it could not be asked.
    pub error: Option<String>,
    /// Whether a start would refuse it, by what was found of its table.
    #[serde(skip)]
    pub(super) is_refused: bool,
}

/// How a destination does.
#[derive(Clone, Debug, Serialize)]
pub struct DestinationStatus {
    /// Name as configured.
    pub name: String,
    /// Host, port and database.
    pub database: String,
    /// Schema and table.
    pub table: String,
    /// In one word.
    pub health: Health,
    /// By what it was compared with the source; null while it is empty or could not be compared.
    pub compared_by: Option<ComparedBy>,
    /// Highest id it holds; null while it is empty or could not be asked.
    pub position: Option<i64>,
    /// Visible events of the source above its position, counted up to a million; null when it
    /// cannot be told.
    pub events_behind: Option<i64>,
    /// Whether that is all of them; otherwise there are at least so many.
    pub is_events_behind_exact: bool,
    /// Age, by the source's clock, of the first event it lacks; 0 when it lacks none; null where
    /// no column says when it was written (`time_column`) or it cannot be told.
    pub seconds_behind: Option<f64>,
    /// The replicator that holds its lock.
    pub replicator: Option<Replicator>,
    /// The transaction at the source for which it waits.
    pub held_by: Option<BlockingTransaction>,
    /// Why it could not be asked or compared, or how it disagrees: in the words of a start.
    pub error: Option<String>,
    /// What to do about that.
    pub fix: Option<String>,
    /// Whether a start would refuse it, by what was found of its table.
    #[serde(skip)]
    pub(super) is_refused: bool,
}

/// By what a destination was compared with the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedBy {
    /// By its last event, and where it begins: an event that is missing between is not seen.
    LastEvent,
    /// By its first event, its last event, and the count of all.
    FirstLastAndCount,
}

impl From<ComparisonDepth> for ComparedBy {
    fn from(depth: ComparisonDepth) -> Self {
        match depth {
            ComparisonDepth::LastEvent => Self::LastEvent,
            ComparisonDepth::Whole => Self::FirstLastAndCount,
        }
    }
}

impl DestinationStatus {
    /// Takes note of what went wrong, or disagrees.
    pub(super) fn tell(&mut self, error: &Error) {
        (self.error, self.fix) = (Some(error.to_string()), error.remedy().map(str::to_owned));
        self.is_refused = error.kind() == ErrorKind::Unsuitable;
    }
}

/// A transaction at the source that drew an id and has not ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockingTransaction {
    /// Its server process; null for a prepared transaction.
    pub pid: Option<i32>,
    /// As its application calls itself.
    pub application_name: Option<String>,
    /// Its role.
    pub user: Option<String>,
    /// For how long it has been open; null where our role may not know.
    pub seconds: Option<f64>,
}

impl ReplicationStatus {
    /// The exit code: 4 when contents disagree; 8 when the source could not be asked, or, with a
    /// limit, when a destination is further behind, out of reach, cannot be compared, or is fed by
    /// no replicator.
    pub fn exit_code(&self, events_behind_max: Option<u64>) -> u8 {
        let is_late = |destination: &DestinationStatus| {
            events_behind_max.is_some_and(|limit| {
                let behind =
                    destination.events_behind.and_then(|events| u64::try_from(events).ok());
                destination.replicator.is_none()
                    || !destination.is_events_behind_exact
                    || behind.is_none_or(|behind| behind > limit)
            })
        };
        if self.destinations.iter().any(|destination| destination.health == Health::Diverged) {
            4
        } else if self.source.is_refused || self.destinations.iter().any(|to| to.is_refused) {
            3
        } else if self.source.error.is_some() || self.destinations.iter().any(is_late) {
            8
        } else {
            0
        }
    }
}

/// What health follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct HealthSigns {
    pub(super) is_reached: bool,
    /// Whether it is an unbroken beginning of the source, as far as it was compared; `None` when it
    /// could not be.
    pub(super) is_equal: Option<bool>,
    pub(super) events_behind: Option<i64>,
    pub(super) is_fed: bool,
    pub(super) is_held: bool,
}

/// The first word that applies.
pub(super) fn health(signs: HealthSigns) -> Health {
    match signs {
        HealthSigns { is_reached: false, .. } => Health::Unreachable,
        HealthSigns { is_equal: Some(false), .. } => Health::Diverged,
        HealthSigns { is_equal: None, .. } | HealthSigns { events_behind: None, .. } => {
            Health::Reachable
        }
        HealthSigns { events_behind: Some(0), .. } => Health::Level,
        HealthSigns { is_fed: false, .. } => Health::Unfed,
        HealthSigns { is_held: true, .. } => Health::Held,
        _ => Health::Behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEHIND: HealthSigns = HealthSigns {
        is_reached: true,
        is_equal: Some(true),
        events_behind: Some(7),
        is_fed: true,
        is_held: false,
    };

    fn destination(
        health: Health,
        events_behind: Option<i64>,
        is_events_behind_exact: bool,
        is_fed: bool,
    ) -> DestinationStatus {
        DestinationStatus {
            name: "copy".to_owned(),
            database: "db2:5432/orders".to_owned(),
            table: "public.events".to_owned(),
            health,
            compared_by: None,
            position: Some(3),
            events_behind,
            is_events_behind_exact,
            seconds_behind: None,
            replicator: is_fed.then_some(Replicator {
                pid: Some(7),
                application_name: None,
                client_address: None,
            }),
            held_by: None,
            error: None,
            fix: None,
            is_refused: false,
        }
    }

    fn exit_code(
        health: Health,
        events_behind: Option<i64>,
        is_exact: bool,
        max: Option<u64>,
    ) -> u8 {
        replication(destination(health, events_behind, is_exact, true)).exit_code(max)
    }

    fn replication(destination: DestinationStatus) -> ReplicationStatus {
        let source = SourceStatus {
            database: "db1:5432/orders".to_owned(),
            table: "public.events".to_owned(),
            health: Health::Reachable,
            highest_id: Some(10),
            error: None,
            is_refused: false,
        };
        ReplicationStatus { source, destinations: vec![destination] }
    }

    #[test]
    fn health_is_the_first_word_that_applies() {
        assert_eq!(health(BEHIND), Health::Behind);
        assert_eq!(health(HealthSigns { is_held: true, ..BEHIND }), Health::Held);
        let unfed = HealthSigns { is_fed: false, is_held: true, ..BEHIND };
        assert_eq!(health(unfed), Health::Unfed);
        let level = HealthSigns { events_behind: Some(0), ..unfed };
        assert_eq!(health(level), Health::Level);
        let diverged = HealthSigns { is_equal: Some(false), ..level };
        assert_eq!(health(diverged), Health::Diverged);
        let unknown = HealthSigns { is_equal: None, ..BEHIND };
        assert_eq!(health(unknown), Health::Reachable);
        let away = HealthSigns { is_reached: false, ..diverged };
        assert_eq!(health(away), Health::Unreachable);
    }

    #[test]
    fn without_a_limit_only_disagreement_is_a_failure() {
        assert_eq!(exit_code(Health::Behind, Some(1_000_000), false, None), 0);
        assert_eq!(exit_code(Health::Unreachable, None, true, None), 0);
        assert_eq!(exit_code(Health::Diverged, Some(0), true, None), 4);
    }

    #[test]
    fn with_a_limit_whoever_is_further_behind_or_unknown_is_a_failure() {
        assert_eq!(exit_code(Health::Behind, Some(7), true, Some(7)), 0);
        assert_eq!(exit_code(Health::Behind, Some(8), true, Some(7)), 8);
        assert_eq!(exit_code(Health::Behind, Some(1_000_000), false, Some(2_000_000)), 8);
        assert_eq!(exit_code(Health::Unreachable, None, true, Some(7)), 8);
        assert_eq!(exit_code(Health::Diverged, None, true, Some(7)), 4);
    }

    #[test]
    fn a_side_that_a_start_would_refuse_is_a_failure_with_or_without_a_limit() {
        let mut refused = destination(Health::Reachable, None, true, false);
        refused.tell(&Error::new(ErrorKind::Unsuitable, "there is no table"));
        let mut status = replication(refused);
        assert_eq!((status.exit_code(None), status.exit_code(Some(7))), (3, 3));
        status.destinations.push(destination(Health::Diverged, None, true, true));
        assert_eq!(status.exit_code(None), 4);
        let mut away = destination(Health::Unreachable, None, true, false);
        away.tell(&Error::new(ErrorKind::Unavailable, "no answer"));
        assert_eq!(replication(away).exit_code(None), 0);
    }

    #[test]
    fn with_a_limit_one_that_nobody_feeds_is_a_failure_also_where_it_lacks_nothing() {
        let unfed = replication(destination(Health::Level, Some(0), true, false));
        assert_eq!((unfed.exit_code(None), unfed.exit_code(Some(7))), (0, 8));
    }
}

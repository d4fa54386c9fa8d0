//! Asks the databases: one session on each, a handful of short queries, and the counts where they
//! are wanted.

use crate::commands;
use crate::config::libpq::{Conninfo, HostAt};
use crate::config::{DestinationConfig, IdsSetting, ReplicationConfig, SourceConfig};
use crate::destination::connector::{OpenLimits, SurveyedPlace};
use crate::destination::registry::connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::store::EventStore;
use crate::log;
use crate::postgres::session::error::{ErrorSide, answered};
use crate::postgres::session::limit::ConnectionLimiter;
use crate::postgres::session::pooler::{self, RouteCache};
use crate::postgres::session::watchdog::{LockPatience, attended};
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::describe;
use crate::postgres::table::highest;
use crate::postgres::table::store::PgTable;
use crate::replicate::check::lane_stores::{ComparedSource, LaneStores};
use crate::replicate::check::observed::{ComparisonDepth, compare_observed};
use crate::replicate::health::Health;
use crate::replicate::status::answer::{
    DestinationStatus, EVENTS_BEHIND_COUNTED_MAX, HealthSigns, ReplicationStatus, SourceStatus,
    health,
};
use crate::replicate::status::distance::{
    CopyDistance, SourceAnswers, WHAT, distance, still_holding,
};
use crate::replicate::status::sessions::holders;
use crate::replicate::time_column::time_column;
use crate::source::capture::LogFacts;
use crate::source::ids::{self, Discipline, facts};
use futures::future::{join, join_all};
use std::time::Duration;

/// A destination that answers, and how it compares.
struct ComparedDestination<'a> {
    survey: Box<dyn SurveyedPlace + 'a>,
    /// Its highest id; `None` while it is empty.
    position: Option<i64>,
    /// Whether it is an unbroken beginning of the source, or why not; `None` without the source.
    comparison: Option<Result<()>>,
}

pub(super) async fn all(config: &ReplicationConfig, depth: ComparisonDepth) -> ReplicationStatus {
    let timeout = config.limits.connect_timeout;
    let limits = OpenLimits::of(config, "status", RouteCache::unknown());
    let connectors: Vec<_> = config.destinations.iter().map(connector).collect();
    let (limiter, surveys) = (ConnectionLimiter::new(), connectors.iter());
    let surveys = join_all(
        surveys.map(|connector| limiter.take(answered(timeout, WHAT, connector.survey(&limits)))),
    );
    let (answers, surveys) =
        join(answered(timeout, WHAT, source_answers(&config.source, timeout)), surveys).await;
    let compared = compared(config, answers.as_ref().ok(), surveys, depth).await;
    let told = config.destinations.iter().zip(compared).map(|(destination, compared)| {
        destination_status(answers.as_ref().ok(), destination, compared, depth, timeout)
    });
    let mut destinations = join_all(told).await;
    for fix in destinations.iter_mut().filter_map(|destination| destination.fix.as_mut()) {
        *fix = commands::naming(fix, &config.flags);
    }
    ReplicationStatus { source: source_status(&config.source, &answers), destinations }
}

async fn source_answers(config: &SourceConfig, timeout: Duration) -> Result<SourceAnswers> {
    let session = pooler::open(
        &config.conninfo,
        SessionPurpose { what: "status", side: ErrorSide::Source },
        timeout,
    )
    .await?;
    let table = describe::readable_source(&session, config).await?;
    let highest = session.query_one(&highest(&table.name, &config.id_column), &[]).await;
    let highest = highest.and_then(|row| row.try_get("highest"));
    let highest = highest.map_err(|e| session.error(&e, WHAT))?;
    let is_standby = session.server().is_in_recovery();
    let facts = facts::ask(&session, &table, &config.id_column, is_standby).await.ok();
    let discipline = facts.and_then(|facts| discipline(&facts, config.ids));
    let sequence = match &discipline {
        Some(Discipline::Sequence { sequence, .. }) => Some(*sequence),
        _ => None,
    };
    let holders = holders(&session, sequence).await?;
    let log = LogFacts::ask(&session, &table).await?;
    Ok(SourceAnswers {
        pruned: log.map(|log| log.certificates).unwrap_or_default(),
        time_column: time_column(&table, config).map_err(|error| error.at(session.place()))?,
        id_column: config.id_column.clone(),
        session,
        table,
        highest,
        sequence,
        is_standby,
        may_be_late: is_standby || discipline == Some(Discipline::Copy),
        holders,
    })
}

/// How ids are given out; `None` where a start would be refused.
fn discipline(facts: &facts::IdFacts, ids: IdsSetting) -> Option<Discipline> {
    Some(ids::judge(facts, ids, &[]).ok()?.discipline)
}

/// What both sides hold of the columns that are copied.
type ComparedStores<'a> = (PgTable<&'a Session>, Box<dyn EventStore + 'a>);

/// Compares every destination that answers: positions first, then what lies up to them.
async fn compared<'a>(
    config: &'a ReplicationConfig,
    answers: Option<&'a SourceAnswers>,
    surveys: Vec<Result<Box<dyn SurveyedPlace + 'a>>>,
    depth: ComparisonDepth,
) -> Vec<Result<ComparedDestination<'a>>> {
    let timeout = config.limits.connect_timeout;
    let positions = surveys.iter().map(|survey| async move {
        match survey {
            Ok(survey) => answered(timeout, WHAT, position(&**survey)).await,
            Err(_) => Ok(None),
        }
    });
    let positions = join_all(positions).await;
    let comparisons = match answers {
        Some(answers) => comparisons(config, answers, &surveys, &positions, depth).await,
        None => surveys.iter().map(|_| None).collect(),
    };
    let told = surveys.into_iter().zip(positions).zip(comparisons);
    told.map(|((survey, before), comparison)| {
        let survey = survey?;
        Ok(match (before, comparison) {
            (Err(error), _) => {
                ComparedDestination { survey, position: None, comparison: Some(Err(error)) }
            }
            (Ok(_), Some(Ok(position))) => {
                ComparedDestination { survey, position, comparison: Some(Ok(())) }
            }
            (Ok(position), Some(Err(error))) => {
                ComparedDestination { survey, position, comparison: Some(Err(error)) }
            }
            (Ok(position), None) => ComparedDestination { survey, position, comparison: None },
        })
    })
    .collect()
}

/// How each compares whose position is known; its position then.
async fn comparisons(
    config: &ReplicationConfig,
    answers: &SourceAnswers,
    surveys: &[Result<Box<dyn SurveyedPlace + '_>>],
    positions: &[Result<Option<i64>>],
    depth: ComparisonDepth,
) -> Vec<Option<Result<Option<i64>>>> {
    let stores = surveys.iter().zip(positions).map(|(survey, position)| {
        let survey = survey.as_ref().ok().filter(|_| position.is_ok())?;
        Some(store_pair(answers, &**survey))
    });
    let stores: Vec<Option<Result<ComparedStores<'_>>>> = stores.collect();
    let lanes = config.destinations.iter().zip(&stores).filter_map(|(destination, stores)| {
        let (source, theirs) = stores.as_ref()?.as_ref().ok()?;
        Some(LaneStores { name: &destination.name, source, destination: &**theirs })
    });
    let lanes: Vec<LaneStores<'_>> = lanes.collect();
    let mut verdicts = verdicts(config, answers, surveys, &lanes, depth).await.into_iter();
    let comparison = |stores: &Option<Result<ComparedStores<'_>>>| match stores {
        Some(Ok(_)) => verdicts.next(),
        Some(Err(unlike)) => Some(Err(unlike.clone())),
        None => None,
    };
    stores.iter().map(comparison).collect()
}

fn store_pair<'a>(
    answers: &'a SourceAnswers,
    survey: &'a dyn SurveyedPlace,
) -> Result<ComparedStores<'a>> {
    let theirs = survey.store(Some(&answers.table))?;
    let (table, id_column) = (&answers.table.name, &answers.id_column);
    let rows = theirs.wire().rows.as_ref();
    let ours = PgTable::new(&answers.session, table, id_column, theirs.wire()).matching(rows);
    Ok((ours.keyed_as(&answers.table), theirs))
}

/// Compares these, for as long as their servers work on it.
async fn verdicts(
    config: &ReplicationConfig,
    answers: &SourceAnswers,
    surveys: &[Result<Box<dyn SurveyedPlace + '_>>],
    lanes: &[LaneStores<'_>],
    depth: ComparisonDepth,
) -> Vec<Result<Option<i64>>> {
    let of = ComparedSource {
        table: &answers.table,
        is_standby: answers.is_standby,
        may_be_late: answers.may_be_late,
        keeps: config.source.keeps,
        pruned: &answers.pruned,
    };
    let places = surveys.iter().flatten().flat_map(|survey| survey.sessions());
    let sessions: Vec<_> =
        std::iter::once((&answers.session, &config.source.conninfo)).chain(places).collect();
    attended(
        (&sessions, LockPatience::AllAreEnded),
        config.limits.connect_timeout,
        &log::none(),
        compare_observed(of, lanes, depth),
    )
    .await
}

async fn destination_status(
    answers: Option<&SourceAnswers>,
    config: &DestinationConfig,
    compared: Result<ComparedDestination<'_>>,
    depth: ComparisonDepth,
    timeout: Duration,
) -> DestinationStatus {
    let mut status = DestinationStatus {
        name: config.name.clone(),
        database: database(config),
        table: config.settings().target(),
        health: Health::Unreachable,
        compared_by: None,
        position: None,
        events_behind: None,
        is_events_behind_exact: true,
        seconds_behind: None,
        replicator: None,
        held_by: None,
        error: None,
        fix: None,
        is_refused: false,
    };
    let compared = match compared {
        Ok(compared) => compared,
        Err(error) => {
            status.health = unasked(&error);
            status.tell(&error);
            return status;
        }
    };
    status.database = compared.survey.place();
    status.replicator = compared.survey.replicator().cloned();
    status.position = compared.position;
    status.health = Health::Reachable;
    let (Some(answers), Some(comparison)) = (answers, compared.comparison) else {
        return status;
    };
    let is_equal = match &comparison {
        Ok(()) => Some(true),
        Err(error) if error.kind() == ErrorKind::Contents => Some(false),
        Err(_) => None,
    };
    if is_equal.is_some() && status.position.is_some() {
        status.compared_by = Some(depth.into());
    }
    if let Err(error) = comparison {
        status.tell(&error);
    }
    if is_equal.is_some() {
        let rows = config.settings().rows();
        let distance = answered(timeout, WHAT, distance(answers, rows, status.position)).await;
        set_distance(&mut status, answers, is_equal, distance).await;
    }
    status
}

async fn set_distance(
    status: &mut DestinationStatus,
    answers: &SourceAnswers,
    is_equal: Option<bool>,
    distance: Result<CopyDistance>,
) {
    let distance = match distance {
        Ok(distance) => distance,
        Err(error) => {
            if is_equal == Some(false) {
                status.health = Health::Diverged;
            } else {
                status.tell(&error);
            }
            return;
        }
    };
    status.is_events_behind_exact = distance.events_behind <= EVENTS_BEHIND_COUNTED_MAX;
    status.events_behind = Some(distance.events_behind.min(EVENTS_BEHIND_COUNTED_MAX));
    status.seconds_behind = distance.seconds_behind;
    if has_gap_before(status.position, distance.first_missing) {
        status.held_by = still_holding(answers).await;
    }
    status.health = health(HealthSigns {
        is_reached: true,
        is_equal,
        events_behind: status.events_behind,
        is_fed: status.replicator.is_some(),
        is_held: status.held_by.is_some(),
    });
}

/// Whether ids are missing between the position and the next event: only then can a transaction
/// hold the destination.
fn has_gap_before(position: Option<i64>, first_missing: Option<i64>) -> bool {
    first_missing
        .is_some_and(|next| position.is_none_or(|position| position.checked_add(1) != Some(next)))
}

async fn position(survey: &dyn SurveyedPlace) -> Result<Option<i64>> {
    Ok(survey.store(None)?.ends().await?.highest)
}

fn source_status(config: &SourceConfig, source_answers: &Result<SourceAnswers>) -> SourceStatus {
    let reached = source_answers.as_ref().ok();
    SourceStatus {
        database: reached.map_or_else(
            || place(&config.conninfo),
            |source_answers| source_answers.session.place().to_owned(),
        ),
        table: config.table.to_string(),
        health: source_answers.as_ref().map_or_else(unasked, |_| Health::Reachable),
        highest_id: reached.and_then(|source_answers| source_answers.highest),
        error: source_answers.as_ref().err().map(Error::to_string),
        is_refused: source_answers
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Unsuitable),
    }
}

/// The health of what could not be asked: without its table a server is still reachable.
fn unasked(error: &Error) -> Health {
    match error.kind() {
        ErrorKind::Unsuitable => Health::Reachable,
        _ => Health::Unreachable,
    }
}

/// Where a destination is that was not reached.
fn database(config: &DestinationConfig) -> String {
    config
        .postgres()
        .map_or_else(|| config.settings().describe(), |postgres| place(&postgres.conninfo))
}

/// Host, port and database of what was not reached: its first host.
fn place(conninfo: &Conninfo) -> String {
    let Some(host) = conninfo.hosts.first() else {
        return conninfo.database.clone();
    };
    match &host.at {
        HostAt::Tcp { host: name, .. } => format!("{name}:{}/{}", host.port, conninfo.database),
        HostAt::Unix(dir) => format!("{}:{}/{}", dir.display(), host.port, conninfo.database),
    }
}

#[cfg(test)]
mod tests {
    use super::has_gap_before;

    #[test]
    fn only_ids_missing_right_after_the_position_can_hold_it() {
        assert!(has_gap_before(Some(3), Some(5)));
        assert!(!has_gap_before(Some(3), Some(4)));
        assert!(!has_gap_before(Some(3), None));
        assert!(has_gap_before(None, Some(1)));
        assert!(!has_gap_before(None, None));
    }
}

//! Asks the databases: one session on each, a handful of short queries.

use crate::config::libpq::{Conninfo, HostAt};
use crate::config::{DestinationConfig, GroupBy, IdsSetting, ReplicationConfig, SourceConfig};
use crate::destination::connector::{OpenLimits, SurveyedPlace};
use crate::destination::registry::connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::store::{EventStore, IdEnds};
use crate::postgres::session::error::{ErrorSide, no_answer};
use crate::postgres::session::limit::ConnectionLimiter;
use crate::postgres::session::pooler::{self, RouteCache};
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::EventTable;
use crate::postgres::table::describe;
use crate::postgres::table::highest;
use crate::postgres::table::store::PgTable;
use crate::replicate::health::Health;
use crate::replicate::status::answer::{
    BlockingTransaction, ComparedBy, DestinationStatus, EVENTS_BEHIND_COUNTED_MAX, HealthSigns,
    ReplicationStatus, SourceStatus, health,
};
use crate::replicate::status::sessions::holders;
use crate::source::ids::{self, Discipline, facts};
use crate::sql;
use futures::future::{join, join_all};
use postgres_types::Type;
use std::time::Duration;
use tokio_postgres::Row;

const WHAT: &str = "cannot find out how far it is";
const LATE: &str = "the source is a standby, which may lag: it lacks the last event";

/// The source, asked once for all destinations.
struct SourceAnswers {
    session: Session,
    table: EventTable,
    highest: Option<i64>,
    /// The column that says when an event happened.
    stamp: Option<String>,
    sequence: Option<u32>,
    /// Transactions that held the sequence at the beginning.
    holders: Vec<(String, BlockingTransaction)>,
}

/// How a destination compares with the source.
struct CopyDistance {
    position: Option<i64>,
    is_equal: bool,
    events_behind: i64,
    first_missing: Option<i64>,
    seconds_behind: Option<f64>,
}

pub(super) async fn all(config: &ReplicationConfig) -> ReplicationStatus {
    let timeout = config.limits.connect_timeout;
    let id_column = &config.source.id_column;
    let limits = OpenLimits::of(config, "status", RouteCache::unknown());
    let connectors: Vec<_> = config.destinations.iter().map(connector).collect();
    let (limiter, surveys) = (ConnectionLimiter::new(), connectors.iter());
    let surveys =
        join_all(surveys.map(|connector| limiter.take(within(timeout, connector.survey(&limits)))));
    let (source_answers, surveys) =
        join(within(timeout, source_answers(&config.source, timeout)), surveys).await;
    let compared =
        config.destinations.iter().zip(surveys).map(|(destination, survey)| {
            let source_answers = source_answers.as_ref().ok();
            async move {
                destination_status(source_answers, destination, survey, id_column, timeout).await
            }
        });
    let destinations = join_all(compared).await;
    ReplicationStatus { source: source_status(&config.source, &source_answers), destinations }
}

/// Twice the time to connect is enough for a handful of short queries.
async fn within<T>(timeout: Duration, asking: impl Future<Output = Result<T>>) -> Result<T> {
    let asked = tokio::time::timeout(timeout * 2, asking).await;
    asked.unwrap_or_else(|_| Err(no_answer(timeout * 2, WHAT)))
}

async fn source_answers(config: &SourceConfig, timeout: Duration) -> Result<SourceAnswers> {
    let session = pooler::open(
        &config.conninfo,
        SessionPurpose { what: "status", side: ErrorSide::Source },
        timeout,
    )
    .await?;
    let table = describe::readable(&session, &config.table, &config.id_column).await?;
    let highest = session.query_one(&highest(&table.name, &config.id_column), &[]).await;
    let highest = highest.and_then(|row| row.try_get("highest"));
    let highest = highest.map_err(|e| session.error(&e, WHAT))?;
    let sequence =
        match facts::ask(&session, &table, &config.id_column, session.server().is_in_recovery())
            .await
        {
            Ok(facts) => sequence(&facts, config.ids),
            Err(_) => None,
        };
    let holders = holders(&session, sequence).await?;
    Ok(SourceAnswers {
        stamp: stamp(&table, &config.group_by),
        session,
        table,
        highest,
        sequence,
        holders,
    })
}

/// The sequence whose users can hold the mark; `None` for other disciplines, and where a start
/// would be refused.
fn sequence(facts: &facts::IdFacts, ids: IdsSetting) -> Option<u32> {
    match ids::judge(facts, ids, &[]).ok()?.discipline {
        Discipline::Sequence { sequence, .. } => Some(sequence),
        Discipline::Consecutive | Discipline::Copy | Discipline::Grace(_) => None,
    }
}

/// The column that says when an event happened: the one to group by, or `ts`; only if it is a time
/// stamp.
fn stamp(table: &EventTable, group_by: &GroupBy) -> Option<String> {
    let name = match group_by {
        GroupBy::Column(name) | GroupBy::IfPresent(name) => name,
        GroupBy::Off => "ts",
    };
    let is_stamp = |oid: u32| oid == Type::TIMESTAMPTZ.oid() || oid == Type::TIMESTAMP.oid();
    let column = [name, "ts"]
        .into_iter()
        .filter_map(|name| table.column(name))
        .find(|column| is_stamp(column.type_oid));
    column.map(|column| column.name.clone())
}

async fn destination_status(
    source_answers: Option<&SourceAnswers>,
    config: &DestinationConfig,
    survey: Result<Box<dyn SurveyedPlace + '_>>,
    id_column: &str,
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
    };
    let survey = match survey {
        Ok(survey) => survey,
        Err(error) => {
            status.health = unasked(&error);
            status.error = Some(error.to_string());
            return status;
        }
    };
    status.database = survey.place();
    status.replicator = survey.replicator().cloned();
    let distance = match source_answers {
        Some(source_answers) => {
            within(timeout, distance(source_answers, &*survey, id_column)).await.map(Some)
        }
        None => within(timeout, position(&*survey)).await.map(|position| {
            status.position = position;
            None
        }),
    };
    match distance {
        Ok(distance) => set_distance(&mut status, source_answers, distance).await,
        Err(error) => {
            status.health = Health::Reachable;
            status.error = Some(error.to_string());
        }
    }
    status
}

async fn set_distance(
    status: &mut DestinationStatus,
    source_answers: Option<&SourceAnswers>,
    distance: Option<CopyDistance>,
) {
    let mut signs = HealthSigns {
        is_reached: true,
        is_equal: distance.as_ref().map(|distance| distance.is_equal),
        events_behind: distance.as_ref().map(|distance| distance.events_behind),
        is_fed: status.replicator.is_some(),
        is_held: false,
    };
    if let (Some(source_answers), Some(distance)) = (source_answers, distance) {
        status.position = distance.position;
        status.compared_by = distance.position.map(|_| ComparedBy::LastEvent);
        status.is_events_behind_exact = distance.events_behind <= EVENTS_BEHIND_COUNTED_MAX;
        status.events_behind = Some(distance.events_behind.min(EVENTS_BEHIND_COUNTED_MAX));
        status.seconds_behind = distance.seconds_behind;
        if has_gap_before(distance.position, distance.first_missing) {
            status.held_by = still_holding(source_answers).await;
            signs.is_held = status.held_by.is_some();
        }
    }
    status.health = health(signs);
}

/// Whether ids are missing between the position and the next event: only then can a transaction
/// hold the destination.
fn has_gap_before(position: Option<i64>, first_missing: Option<i64>) -> bool {
    first_missing
        .is_some_and(|next| position.is_none_or(|position| position.checked_add(1) != Some(next)))
}

/// The oldest transaction that used the sequence at the beginning and still does.
async fn still_holding(source_answers: &SourceAnswers) -> Option<BlockingTransaction> {
    let now = holders(&source_answers.session, source_answers.sequence).await.ok()?;
    let was_there =
        |virtual_id: &String| source_answers.holders.iter().any(|(before, _)| before == virtual_id);
    now.into_iter().find(|(virtual_id, _)| was_there(virtual_id)).map(|(_, holder)| holder)
}

async fn position(survey: &dyn SurveyedPlace) -> Result<Option<i64>> {
    Ok(survey.store(None)?.ends().await?.highest)
}

async fn distance(
    source_answers: &SourceAnswers,
    survey: &dyn SurveyedPlace,
    id_column: &str,
) -> Result<CopyDistance> {
    let theirs = survey.store(Some(&source_answers.table))?;
    let ours =
        PgTable::new(&source_answers.session, &source_answers.table.name, id_column, theirs.wire());
    let IdEnds { highest: position, .. } = theirs.ends().await?;
    let is_equal = match position {
        None => true,
        Some(position) => {
            let (source, destination) = futures::future::try_join(
                ours.event_digest(position),
                theirs.event_digest(position),
            )
            .await?;
            if source.is_none() && source_answers.session.server().is_in_recovery() {
                return Err(Error::new(ErrorKind::Unavailable, LATE));
            }
            source.is_some() && source == destination
        }
    };
    let (events_behind, first_missing) = behind(source_answers, id_column, position).await?;
    Ok(CopyDistance {
        position,
        is_equal,
        events_behind,
        first_missing,
        seconds_behind: seconds_behind(source_answers, id_column, first_missing).await?,
    })
}

async fn behind(
    source_answers: &SourceAnswers,
    id_column: &str,
    position: Option<i64>,
) -> Result<(i64, Option<i64>)> {
    let range = position.map_or_else(
        || "true".to_owned(),
        |position| format!("t.{} > {position}", sql::ident(id_column)),
    );
    let asked = sql::fill(
        include_str!("../../../sql/status/behind.sql"),
        &[
            ("id", sql::text(id_column)),
            ("table", sql::sql(source_answers.table.name.quoted())),
            ("range", sql::sql(range)),
        ],
    );
    let row = source_answers.session.query_one(&asked, &[]).await;
    let of_row = |row: Row| Ok((row.try_get("events")?, row.try_get("first_id")?));
    row.and_then(of_row).map_err(|e| source_answers.session.error(&e, WHAT))
}

async fn seconds_behind(
    source_answers: &SourceAnswers,
    id_column: &str,
    first_missing: Option<i64>,
) -> Result<Option<f64>> {
    let Some(stamp) = &source_answers.stamp else { return Ok(None) };
    let Some(first) = first_missing else { return Ok(Some(0.0)) };
    let asked = sql::fill(
        include_str!("../../../sql/status/event_time.sql"),
        &[
            ("id", sql::text(id_column)),
            ("ts", sql::text(&**stamp)),
            ("table", sql::sql(source_answers.table.name.quoted())),
        ],
    );
    let row = source_answers.session.query_opt(&asked, &[&first]).await;
    let age = row.and_then(|row| row.map(|row| row.try_get::<_, Option<f64>>("age_s")).transpose());
    let age = age.map_err(|e| source_answers.session.error(&e, WHAT))?;
    Ok(age.flatten().filter(|age| age.is_finite()).map(|age| age.max(0.0)))
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

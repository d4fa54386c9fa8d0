//! The checks before the first write: every side is looked at, everything that is wrong is told
//! together, nothing is written.

pub(crate) mod agreement;
mod certified;
mod conditions;
pub mod contents;
pub(super) mod damage;
mod disagreement;
pub mod dry_run;
mod duplicates;
pub mod lane_stores;
pub(crate) mod observed;
pub mod shape;
mod single_event;
pub(crate) mod tail;

use crate::config::{ReplicationConfig, SourceConfig};
use crate::destination::connector::{InspectedPlace, OpenLimits, OpenPlace};
use crate::destination::registry::connector;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::wire::Wire;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::limit::ConnectionLimiter;
use crate::postgres::session::patience::Patience;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::session::watchdog::{LockPatience, attended};
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::store::PgTable;
use crate::source::ids::settle::decided;
use duplicates::NamedSide;
use futures::future::{join, join_all};
use lane_stores::{CheckCircumstances, LaneContents, LaneStores};
use shape::SourceShape;
use slog::Logger;
use std::fmt;
use std::time::Duration;

/// Transactions that are open at the source before contents are compared are waited for so long:
/// most end, and the counts are final.
pub(super) const SETTLE_MAX: Duration = Duration::from_millis(300);
/// What the sessions of a check that takes nothing are called.
const WHAT: &str = "check";

/// Everything the checks found.
pub struct CheckFindings {
    /// A session at the source, if it was reached.
    session: Option<Session>,
    /// The source, if nothing is wrong with it.
    pub source: Option<SourceShape>,
    /// The destinations, in the order of the configuration.
    pub destinations: Vec<DestinationFindings>,
    /// Everything that is wrong, of all sides.
    pub problems: Problems,
}

/// What was found about one destination.
pub struct DestinationFindings {
    /// Name as configured.
    pub name: String,
    /// Host, port and database.
    pub place: String,
    /// The place, if it can hold what the source has.
    pub open: Option<Box<dyn OpenPlace>>,
    /// What it holds, if that equals what the source holds.
    pub contents: Option<LaneContents>,
}

impl DestinationFindings {
    /// Whether it was reached and passed every check.
    pub fn is_checked(&self) -> bool {
        self.contents.is_some()
    }
}

impl CheckFindings {
    /// Whether something was found that stops everything before the first write. A destination that
    /// could not be reached does not.
    pub fn is_refused(&self) -> bool {
        are_refused(&self.problems)
    }
}

/// Whether one of these stops everything before the first write.
pub(super) fn are_refused(problems: &Problems) -> bool {
    problems.iter().any(|problem| problem.kind().consequence().refuses_at_start)
}

/// Connects to all sides and runs every check, as much as possible at the same time; takes and
/// writes nothing.
///
/// Problems of one side do not hide those of another; contents are compared for each destination
/// with which nothing else is wrong. `has_written`: whether this run has written already, for the
/// words of what is wrong.
pub async fn everything(
    config: &ReplicationConfig,
    routes: &RouteCache,
    has_written: bool,
    log: &Logger,
) -> CheckFindings {
    let mut findings = shapes(config, routes).await;
    if findings.source.is_none()
        || findings.problems.iter().any(|problem| problem.kind() == ErrorKind::Usage)
    {
        return findings;
    }
    let CheckFindings { session: Some(session), source: Some(shape), destinations, problems } =
        &mut findings
    else {
        return findings;
    };
    let places: Vec<_> = destinations.iter().filter_map(named_place).collect();
    let sessions = std::iter::once((&*session, &config.source.conninfo));
    let sessions: Vec<_> =
        sessions.chain(places.iter().flat_map(|(_, place)| place.sessions())).collect();
    let comparing = async {
        let decided = decided(
            session,
            &shape.table.name,
            &shape.id_column,
            &shape.ids.discipline,
            SETTLE_MAX,
        )
        .await?;
        compare(
            (session, shape),
            &places,
            CheckCircumstances { decided, has_written, is_look: false },
        )
        .await
    };
    let compared =
        attended((&sessions, LockPatience::Endless), config.limits.connect_timeout, log, comparing)
            .await;
    let mut compared = problems.note(compared).unwrap_or_default().into_iter();
    let contents: Vec<_> = destinations
        .iter()
        .map(|destination| destination.open.as_ref().and_then(|_| problems.note(compared.next()?)))
        .collect();
    for (destination, contents) in destinations.iter_mut().zip(contents) {
        destination.contents = contents;
    }
    findings
}

/// Connects to all sides and runs every check but the comparison of contents: whether each
/// destination can hold what the source has, and whether no two sides are the same table. Takes and
/// writes nothing.
pub async fn shapes(config: &ReplicationConfig, routes: &RouteCache) -> CheckFindings {
    let limits = OpenLimits::of(config, WHAT, routes.clone());
    let (source, seen) =
        join(source(config, routes), inspect_all(config, &limits, &ConnectionLimiter::new())).await;
    let mut problems = Problems::new();
    let (session, shape) = match source {
        Ok((session, shape)) => (Some(session), shape.map_err(|wrong| problems.extend(wrong)).ok()),
        Err(error) => {
            problems.push(error);
            (None, None)
        }
    };
    let places = judge_all(shape.as_ref(), seen);
    let places = places.into_iter().map(|place| place.map_err(|wrong| problems.extend(wrong)).ok());
    let destinations =
        config.destinations.iter().zip(places).map(|(config, open)| DestinationFindings {
            name: config.name.clone(),
            place: open.as_ref().map_or_else(|| connector(config).describe(), |open| open.place()),
            open,
            contents: None,
        });
    let destinations: Vec<_> = destinations.collect();
    if let (Some(session), Some(shape)) = (&session, &shape) {
        let places: Vec<_> = destinations.iter().filter_map(named_place).collect();
        let doubled =
            find_duplicates((session, shape), &places, config.limits.connect_timeout).await;
        problems.extend(doubled.twice);
        doubled.source.into_iter().for_each(|error| problems.push(error));
        for (index, error) in doubled.lost {
            problems.extend(
                Problems::from(error).within(&format!("destination {:?}", places[index].0)),
            );
        }
    }
    CheckFindings { session, source: shape, destinations, problems }
}

/// A session at the source, and what it looks like or why it cannot be followed.
async fn source(
    config: &ReplicationConfig,
    routes: &RouteCache,
) -> Result<(Session, Result<SourceShape, Problems>)> {
    let timeout = config.limits.connect_timeout;
    let session = open_source(&config.source, routes, WHAT, timeout).await?;
    let patience = Patience { limit: timeout, who: "the source", place: session.place() };
    let asking = async { Ok(shape::source_shape(&session, config).await) };
    let shape = patience.with(vec![session.canceller()], asking).await?;
    Ok((session, shape))
}

/// Connects to the source.
///
/// # Errors
/// Those of the connection, with the source named.
pub(super) async fn open_source(
    config: &SourceConfig,
    routes: &RouteCache,
    what: &'static str,
    timeout: Duration,
) -> Result<Session> {
    let purpose = SessionPurpose { what, side: ErrorSide::Source };
    let opening = async {
        routes.probe(&config.conninfo, ErrorSide::Source, timeout).await?;
        Session::open(&config.conninfo, purpose, timeout).await
    };
    opening.await.map_err(|error| match error.kind() {
        ErrorKind::Unsuitable => error,
        _ => error.while_doing("cannot reach the source"),
    })
}

/// Looks at every destination by itself, in turns.
pub(super) async fn inspect_all(
    config: &ReplicationConfig,
    limits: &OpenLimits<'_>,
    limiter: &ConnectionLimiter,
) -> Vec<Result<Box<dyn InspectedPlace>, Problems>> {
    let inspected = config.destinations.iter().map(|destination| async move {
        let connector = connector(destination);
        limiter.take(connector.inspect(limits)).await
    });
    join_all(inspected).await
}

/// Holds every destination against the source. Without one only those that cannot be looked at are
/// told: a key that is named wrongly would be told of each.
pub(super) fn judge_all(
    source: Option<&SourceShape>,
    seen: Vec<Result<Box<dyn InspectedPlace>, Problems>>,
) -> Vec<Result<Box<dyn OpenPlace>, Problems>> {
    let judge = |seen: Result<Box<dyn InspectedPlace>, Problems>| match (seen, source) {
        (Ok(seen), Some(source)) => seen.judge(source.schema()),
        (Ok(_), None) => Err(Problems::new()),
        (Err(problems), _) => Err(problems),
    };
    seen.into_iter().map(judge).collect()
}

/// A place with its name in the configuration.
pub(super) type NamedPlace<'a> = (&'a str, &'a dyn OpenPlace);

fn named_place(destination: &DestinationFindings) -> Option<NamedPlace<'_>> {
    Some((&destination.name, &**destination.open.as_ref()?))
}

/// What came of looking whether the source or a place is named twice.
#[derive(Debug, Default)]
pub(super) struct DoubledPlaces {
    /// Those that are.
    pub twice: Problems,
    /// Why the source could not be asked.
    pub source: Option<Error>,
    /// The places that could not be asked, by their place among those that were given.
    pub lost: Vec<(usize, Error)>,
}

/// Finds tables that are named twice among the source and these places, by whatever name of the
/// host.
pub(super) async fn find_duplicates(
    (session, of): (&Session, &SourceShape),
    places: &[NamedPlace<'_>],
    limit: Duration,
) -> DoubledPlaces {
    let mut named = vec![NamedSide::source(session, Some(of))];
    let mut indices = Vec::new();
    for (index, (name, place)) in places.iter().enumerate() {
        if let Some((session, _)) = place.sessions().into_iter().next() {
            named.push(NamedSide::destination(name, session, Some(place.table())));
            indices.push(index);
        }
    }
    let found = duplicates::find(named, limit).await;
    let mut doubled = DoubledPlaces { twice: found.twice, ..DoubledPlaces::default() };
    for (side, error) in found.lost {
        match side.checked_sub(1) {
            None => doubled.source = Some(error),
            Some(place) => doubled.lost.push((indices[place], error)),
        }
    }
    doubled
}

/// Compares what these places hold with what the source holds, all at the same time; the source is
/// counted once for all. Reads only.
///
/// # Errors
/// What the source says: then nothing is known of any of them.
pub(super) async fn compare(
    (session, of): (&Session, &SourceShape),
    places: &[NamedPlace<'_>],
    when: CheckCircumstances,
) -> Result<Vec<Result<LaneContents>>> {
    let stores: Vec<_> = places
        .iter()
        .map(|(_, place)| (source_store((session, of), place.wire()), place.store()))
        .collect();
    let lanes = places.iter().zip(&stores).map(|((name, _), (source, destination))| LaneStores {
        name,
        source,
        destination: &**destination,
    });
    contents::compare_all(of.compared(), &lanes.collect::<Vec<_>>(), when).await
}

/// What the source holds of the columns that are copied.
pub(super) fn source_store<'a>(
    (source, of): (&'a Session, &SourceShape),
    wire: &Wire,
) -> PgTable<&'a Session> {
    PgTable::new(source, &of.table.name, &of.id_column, wire)
        .matching(wire.rows.as_ref())
        .keyed_as(&of.table)
}

impl fmt::Display for DestinationFindings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "destination {:?}, {}", self.name, self.place)
    }
}

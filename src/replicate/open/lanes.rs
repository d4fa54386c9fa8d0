//! Lanes are opened: each place is held against the source, taken, and compared with it.

use crate::destination::connector::{InspectedPlace, OpenLimits, OpenPlace, PlaceOwner};
use crate::destination::feed::LaneGauge;
use crate::destination::registry::connector;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::fail;
use crate::log::key;
use crate::postgres::session::Session;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::session::watchdog::{LockPatience, attended};
use crate::replicate::check::contents;
use crate::replicate::check::lane_stores::{CheckCircumstances, LaneStores};
use crate::replicate::check::{NamedPlace, compare, find_duplicates, judge_all, source_store};
use crate::replicate::lane::{Lane, LaneComparison};
use crate::replicate::replication::Replication;
use crate::replicate::source_state::SourceConnection;
use crate::source::ids::drawn;
use crate::stop::Stop;
use futures::future::join_all;
use slog::info;
use std::sync::Arc;

/// A lane that is to be opened.
pub(crate) struct LaneOpening {
    /// Its place in the configuration.
    pub index: usize,
    /// What it has done.
    pub gauge: Arc<LaneGauge>,
    /// What is known of it.
    pub known: LaneKnowledge,
    /// The key of the place that it held last.
    pub held_before: Option<String>,
}

/// What is known of a destination before it is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneKnowledge {
    /// It was not opened since the process began.
    pub is_first: bool,
    /// First event, last event and count were compared with this past of the source: the last event
    /// is enough.
    pub is_compared: bool,
    /// The table that was compared then, by oid.
    pub table: Option<u32>,
    /// Everything up to this id is decided at the source: a count taken from now on is final up to
    /// there.
    pub decided: Option<i64>,
}

impl LaneKnowledge {
    /// Whether its last event is enough, it being a table of this oid.
    fn is_compared(&self, table: u32) -> bool {
        self.is_compared && self.table.is_none_or(|compared| compared == table)
    }
}

/// A place that is ours and is being compared.
struct LaneCandidate {
    opening: LaneOpening,
    place: Box<dyn OpenPlace>,
    /// By this it is known to whoever finds it held.
    key: String,
    is_compared: bool,
}

/// Where a lane stands that was compared with the source.
type ComparedPosition = (Option<i64>, LaneComparison);

/// What was seen of the place of a lane by itself.
type PlaceInspection = Result<Box<dyn InspectedPlace>, Problems>;

/// Opens one lane from the beginning.
pub(super) async fn one(
    run: &Replication,
    source: &SourceConnection,
    opening: LaneOpening,
    others: &[(String, String)],
    stop: &Stop,
) -> Result<Lane, Problems> {
    let routes =
        if opening.known.is_compared { RouteCache::known() } else { RouteCache::unknown() };
    let limits = limits(run, routes);
    let connector = connector(&run.config.destinations[opening.index]);
    let seen = connector.inspect(&limits).await;
    let (mut lanes, duplicates) = opened(run, source, vec![(opening, seen)], others, stop).await;
    duplicates.or_ok(())?;
    lanes.pop().unwrap_or_else(|| Err(Problems::new()))
}

/// Opens these lanes, whose places were looked at; gives what is wrong with several of them
/// together besides.
pub(super) async fn opened(
    run: &Replication,
    source: &SourceConnection,
    lanes: Vec<(LaneOpening, PlaceInspection)>,
    others: &[(String, String)],
    stop: &Stop,
) -> (Vec<Result<Lane, Problems>>, Problems) {
    let lost = |error: Error, lanes: usize| {
        (0..lanes).map(|_| Err(error.clone().of_kind(ErrorKind::Upstream).into())).collect()
    };
    let lent = match source.check_session().await {
        Ok(lent) => lent,
        Err(error) => return (lost(error, lanes.len()), Problems::new()),
    };
    let (openings, seen): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
    let places = judge_all(Some(&source.shape), seen);
    let (places, twice) = singled(run, source, &lent, &openings, places).await;
    if !twice.is_empty() {
        let unjudged =
            |place: Result<Box<dyn OpenPlace>, Problems>| place.and(Err(Problems::new()));
        return (places.into_iter().map(unjudged).collect(), twice);
    }
    let taking =
        openings.into_iter().zip(places).map(|(opening, place)| taken(run, opening, place, others));
    let mut candidates = join_all(taking).await;
    let standings = compared(run, source, &lent, &candidates, stop).await;
    let mut standings = standings.into_iter();
    let readying = candidates.drain(..).map(|candidate| {
        let standing = candidate.as_ref().ok().and_then(|_| standings.next());
        async {
            let (candidate, standing) = (
                candidate?,
                standing
                    .unwrap_or_else(|| Err(Error::new(ErrorKind::Bug, "a lane was not compared"))),
            );
            Ok(ready(run, source, candidate, standing?).await?)
        }
    });
    (join_all(readying).await, Problems::new())
}

/// Finds out which places are the same table; those that cannot be asked are lost.
async fn singled(
    run: &Replication,
    source: &SourceConnection,
    lent: &Session,
    openings: &[LaneOpening],
    mut places: Vec<Result<Box<dyn OpenPlace>, Problems>>,
) -> (Vec<Result<Box<dyn OpenPlace>, Problems>>, Problems) {
    let (mut doubted, mut indices): (Vec<NamedPlace<'_>>, Vec<usize>) = (Vec::new(), Vec::new());
    for (index, (opening, place)) in openings.iter().zip(&places).enumerate() {
        if let Some(place) =
            place.as_ref().ok().filter(|place| !opening.known.is_compared(place.table()))
        {
            doubted.push((&run.config.destinations[opening.index].name, &**place));
            indices.push(index);
        }
    }
    if doubted.is_empty() {
        return (places, Problems::new());
    }
    let connect_timeout = run.config.limits.connect_timeout;
    let doubled = find_duplicates((lent, &source.shape), &doubted, connect_timeout).await;
    if let Some(error) = doubled.source {
        // Refusals that were found already are told all the same.
        let lost = |place: Result<Box<dyn OpenPlace>, Problems>| {
            place.and_then(|_| Err(error.clone().of_kind(ErrorKind::Upstream).into()))
        };
        return (places.into_iter().map(lost).collect(), doubled.twice);
    }
    for (place, error) in doubled.lost {
        places[indices[place]] = Err(error.into());
    }
    (places, doubled.twice)
}

/// Takes a place for us alone.
async fn taken(
    run: &Replication,
    opening: LaneOpening,
    place: Result<Box<dyn OpenPlace>, Problems>,
    others: &[(String, String)],
) -> Result<LaneCandidate, Problems> {
    let place = place?;
    fail::point!("lane.opening");
    let name = &run.config.destinations[opening.index].name;
    match place.take().await? {
        PlaceOwner::Ours(key) => {
            run.told.of_destination(name, place.warnings(), &run.log);
            let is_compared = opening.known.is_compared(place.table());
            Ok(LaneCandidate { opening, place, key, is_compared })
        }
        PlaceOwner::Another(holder, error) => {
            if holder.is_some() && holder == opening.held_before {
                return Err(still_ours(name, &error).into());
            }
            let own = others.iter().find(|(_, key)| Some(key) == holder.as_ref());
            Err(own.map_or(error, |(other, _)| named_twice(name, other, &place.place())).into())
        }
    }
}

/// The session over which we fed it is closed, and its server works on: it waits for a lock, or does
/// not know yet.
fn still_ours(name: &str, held: &Error) -> Error {
    let what = format!("our own earlier session still holds destination {name:?}");
    let still = Error::new(ErrorKind::Unavailable, what)
        .fix("wait until it ends; if it does not, look in pg_stat_activity there what it waits for, such as a lock of another session");
    let still = held.place().iter().fold(still, |still, place| still.at(*place));
    held.causes().iter().fold(still, |still, cause| still.because(cause.clone()))
}

/// One lane of ours holds what another one names.
fn named_twice(name: &str, other: &str, place: &str) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("{other} and destination {name:?} are the same database and table"),
    )
    .at(place)
    .because("this replicator holds it already, through the other connection")
    .fix("remove one of them from the configuration, or name another table")
}

/// Compares all of these with the source at the same time; one standing for each that is ours.
async fn compared(
    run: &Replication,
    source: &SourceConnection,
    lent: &Session,
    candidates: &[Result<LaneCandidate, Problems>],
    stop: &Stop,
) -> Vec<Result<ComparedPosition>> {
    let candidates: Vec<&LaneCandidate> = candidates.iter().flatten().collect();
    let places = candidates.iter().flat_map(|candidate| candidate.place.sessions());
    let sessions: Vec<_> =
        std::iter::once((lent, &run.config.source.conninfo)).chain(places).collect();
    let comparing = compare_all(run, source, lent, &candidates);
    let patience = match candidates.len() {
        0 | 1 => LockPatience::Endless,
        _ => LockPatience::OthersAreEnded,
    };
    let comparing =
        attended((&sessions, patience), run.config.limits.connect_timeout, &run.log, comparing);
    let Some(standings) = stop.or(comparing).await else {
        // Whoever counts still would hold the place for as long as that takes.
        join_all(sessions.iter().map(|(session, _)| session.cancel())).await;
        let stopped = || Err(Error::new(ErrorKind::Stopped, "a stop was requested"));
        return candidates.iter().map(|_| stopped()).collect();
    };
    // What one side still counts is of no use when the other has failed.
    let lost = standings.iter().zip(&candidates).filter(|(standing, _)| standing.is_err());
    let lost: Vec<&Session> = lost
        .flat_map(|(_, candidate)| candidate.place.sessions())
        .map(|(session, _)| session)
        .collect();
    if !lost.is_empty() {
        join_all(std::iter::once(lent).chain(lost).map(Session::cancel)).await;
    }
    standings
}

async fn compare_all(
    run: &Replication,
    source: &SourceConnection,
    lent: &Session,
    candidates: &[&LaneCandidate],
) -> Vec<Result<ComparedPosition>> {
    let name =
        |candidate: &LaneCandidate| run.config.destinations[candidate.opening.index].name.as_str();
    let quick =
        candidates.iter().map(|candidate| last_event(source, lent, (name(candidate), candidate)));
    let mut standings = join_all(quick).await;
    let doubted =
        || standings.iter().zip(candidates).filter(|(standing, _)| matches!(standing, Ok(None)));
    let places: Vec<NamedPlace<'_>> =
        doubted().map(|(_, candidate)| (name(candidate), &*candidate.place)).collect();
    let known = doubted().map(|(_, candidate)| candidate.opening.known).next();
    let contents = match known {
        Some(known) => {
            let when = CheckCircumstances {
                decided: known.decided,
                has_written: !known.is_first,
                is_look: false,
            };
            compare((lent, &source.shape), &places, when).await
        }
        None => Ok(Vec::new()),
    };
    let mut contents = contents.map(Vec::into_iter);
    for standing in &mut standings {
        if let Ok(None) = standing {
            *standing = match &mut contents {
                Ok(contents) => contents.next().transpose().map(|contents| {
                    contents.map(|contents| {
                        (contents.ends.highest, LaneComparison::Whole(contents.into()))
                    })
                }),
                // What the source says of all is the source's loss.
                Err(error) => Err(error.clone().of_kind(ErrorKind::Upstream)),
            };
        }
    }
    let confirming =
        standings.into_iter().zip(candidates).map(|(standing, candidate)| async move {
            let standing = standing?
                .ok_or_else(|| Error::new(ErrorKind::Bug, "a destination was not compared"))?;
            if let (Some(position), Some(sequence)) = (standing.0, source.rule.sequence()) {
                drawn::confirm(lent, sequence, position, name(candidate)).await?;
            }
            Ok(standing)
        });
    join_all(confirming).await
}

/// The cheap comparison of a lane that comes back; `None`: it must be compared whole, which may
/// take long.
async fn last_event(
    source: &SourceConnection,
    lent: &Session,
    (name, candidate): (&str, &LaneCandidate),
) -> Result<Option<ComparedPosition>> {
    // A standby that may only be late is waited for, once the two were known to belong together.
    if !candidate.is_compared && (candidate.opening.known.is_first || !source.shape.may_be_late()) {
        return Ok(None);
    }
    let (ours, theirs) =
        (source_store((lent, &source.shape), candidate.place.wire()), candidate.place.store());
    let lane = LaneStores { name, source: &ours, destination: &*theirs };
    let position = contents::last_event(source.shape.compared(), &lane).await?;
    if !candidate.is_compared {
        return Ok(None);
    }
    // What was compared before was this table, also where nothing was read of it since.
    let confirmed = source.gate.confirm_table().await;
    confirmed.map_err(|changed| changed.of_kind(ErrorKind::Upstream))?;
    Ok(Some((position, LaneComparison::LastEvent)))
}

/// Makes a lane of a place that was compared.
async fn ready(
    run: &Replication,
    source: &SourceConnection,
    candidate: LaneCandidate,
    (position, compared): ComparedPosition,
) -> Result<Lane> {
    fail::point!("lane.compared");
    let LaneCandidate { opening, place, key, .. } = candidate;
    let name = &run.config.destinations[opening.index].name;
    let (table, wire) = (place.table(), place.wire().clone());
    if opening.known.is_first {
        info!(run.log, "the destination was checked"; key::DESTINATION => name, key::DATABASE => place.place(), "copy_format" => wire.format_option());
    }
    let ready = place.into_destination().await?;
    let position = if ready.has_just_begun { ready.position } else { position };
    if ready.position != position {
        let what = format!("destination \"{name}\" was changed while it was compared");
        return Err(Error::new(ErrorKind::Unavailable, what)
            .fix("nothing was written; it is compared again"));
    }
    Ok(Lane {
        index: opening.index,
        position,
        held: position,
        table,
        key,
        wire,
        connection_id: source.connection_id,
        history: source.history(),
        compared,
        gauge: opening.gauge,
        destination: ready.destination,
    })
}

/// How places are opened.
pub(super) fn limits(run: &Replication, routes: RouteCache) -> OpenLimits<'_> {
    OpenLimits::of(&run.config, "append", routes)
}

//! Whether a destination holds what the source holds, as far as it goes: first event, last event,
//! count.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::representation::slate::{self, ColumnTexts};
use crate::event::store::{EventDigest, IdEnds};
use crate::event::wire::Wire;
use crate::replicate::check::agreement::{self, StoreAgreement};
use crate::replicate::check::damage;
use crate::replicate::check::disagreement::{
    ContentComparison, Disagreement, EventComparison, judge, lateness, message,
};
use crate::replicate::check::lane_stores::{
    CheckCircumstances, ComparedSource, LaneContents, LaneStores,
};
use crate::sql;
use futures::future::{join_all, try_join};

/// A comparison in the course of a run that finds out nothing about gaps.
const LATER: CheckCircumstances =
    CheckCircumstances { decided: None, has_written: true, is_look: false };

/// Compares first event, last event and count of every destination with the source's, all at the
/// same time; the source is counted once for all.
///
/// Reads only. An error is of one destination: `LaneContents` with the highest id up to which both
/// agree, or what its server says.
///
/// # Errors
/// What the source says: then nothing is known of any destination.
pub(crate) async fn compare_all(
    of: ComparedSource<'_>,
    lanes: &[LaneStores<'_>],
    when: CheckCircumstances,
) -> Result<Vec<Result<LaneContents>>> {
    let double = match lanes.first() {
        Some(lane) => lane.source.double().await?,
        None => None,
    };
    if let Some(id) = double {
        let twice = |lane: &LaneStores<'_>| Err(held_twice_at_source(lane, id));
        return Ok(lanes.iter().map(twice).collect());
    }
    let ends = join_all(lanes.iter().map(|lane| lane.destination.ends())).await;
    let positions: Vec<Option<i64>> =
        ends.iter().map(|ends| ends.as_ref().ok().and_then(|ends| ends.highest)).collect();
    let counted: Vec<_> =
        lanes.iter().zip(&ends).map(|(lane, ends)| count_through(lane, ends)).collect();
    let (source_counts, counts) =
        futures::future::join(count_slices(lanes, &positions), join_all(counted)).await;
    let source_counts = source_counts?;
    let found = lanes.iter().zip(ends).zip(counts).zip(source_counts);
    let verdicts: Vec<_> = found
        .map(|(((lane, ends), count), source_count)| {
            verdict(lane, (of, when), ends, (source_count, count))
        })
        .collect();
    Ok(join_all(verdicts).await)
}

/// The cheap check of a lane that comes back: its last event must be the source's of that id. Gives
/// its position.
///
/// # Errors
/// `LaneContents` with the highest id up to which both agree, `Unavailable` where a standby may
/// only be late; else what a server says.
pub async fn last_event(of: ComparedSource<'_>, lane: &LaneStores<'_>) -> Result<Option<i64>> {
    last_event_when(of, lane, LATER).await
}

/// As [`last_event`], under these circumstances.
///
/// # Errors
/// The same.
pub(super) async fn last_event_when(
    of: ComparedSource<'_>,
    lane: &LaneStores<'_>,
    when: CheckCircumstances,
) -> Result<Option<i64>> {
    let ends = lane.destination.ends().await?;
    let Some(position) = ends.highest else { return Ok(None) };
    let found = ContentComparison {
        source: lane.source.ends().await?,
        destination: ends,
        source_count: 0,
        destination_count: 0,
        ahead: 0,
        first: EventComparison::Equal,
        last: compare_event(lane, position).await?,
    };
    match judge(&found) {
        None => Ok(Some(position)),
        Some(Disagreement::Ahead { .. }) => {
            let ahead = lane.destination.count(IdRange::above(found.source.highest)).await?;
            let by = Disagreement::Ahead { by: ahead };
            let error =
                explain(lane, (of, when), &ContentComparison { ahead, ..found }, &by).await?;
            // A standby that starts again shows an older state until it has replayed what it had
            // before, and a copy one until it is fed again.
            Err(if of.may_be_late { error.of_kind(ErrorKind::Unavailable) } else { error })
        }
        Some(other) => Err(explain(lane, (of, when), &found, &other).await?),
    }
}

/// Its key does not exclude it, and a destination holds an id once.
fn held_twice_at_source(lane: &LaneStores<'_>, id: i64) -> Error {
    Error::new(ErrorKind::Order, format!("the source holds id {id} more than once"))
        .at(lane.source.place())
        .because("its unique index has other columns behind the id")
        .fix("find out which of them is the event, and remove the others; nothing more is written")
}

type CheckBaseline<'a> = (ComparedSource<'a>, CheckCircumstances);

async fn verdict(
    lane: &LaneStores<'_>,
    grounds: CheckBaseline<'_>,
    ends: Result<IdEnds>,
    counts: (u64, Result<u64>),
) -> Result<LaneContents> {
    compare(lane, grounds, ends?, (counts.0, counts.1?)).await
}

async fn count_through(lane: &LaneStores<'_>, ends: &Result<IdEnds>) -> Result<u64> {
    match ends.as_ref().map(|ends| ends.highest) {
        Ok(Some(position)) => lane.destination.count_all(position).await,
        _ => Ok(0),
    }
}

/// The source's events up to each position, in one reading for all: the slices between neighbouring
/// positions are counted and summed up.
async fn count_slices(lanes: &[LaneStores<'_>], positions: &[Option<i64>]) -> Result<Vec<u64>> {
    let Some(lane) = lanes.first() else { return Ok(Vec::new()) };
    let mut bounds: Vec<i64> = positions.iter().copied().flatten().collect();
    bounds.sort_unstable();
    bounds.dedup();
    let afters = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let mut slices = Vec::with_capacity(bounds.len());
    // One after the other: a cancellation ends one statement, and not those sent behind it.
    for (after, through) in afters.zip(&bounds) {
        slices.push(lane.source.count(IdRange { after, through: *through }).await?);
    }
    let through = |position: i64| {
        bounds
            .iter()
            .zip(&slices)
            .filter(|(bound, _)| **bound <= position)
            .map(|(_, count)| count)
            .sum()
    };
    Ok(positions.iter().map(|position| position.map_or(0, through)).collect())
}

async fn compare(
    lane: &LaneStores<'_>,
    (of, when): CheckBaseline<'_>,
    destination: IdEnds,
    counts: (u64, u64),
) -> Result<LaneContents> {
    let contents = LaneContents {
        ends: destination,
        events: counts.1,
        is_final: destination.highest <= when.decided,
    };
    let (Some(lowest), Some(highest)) = (destination.lowest, destination.highest) else {
        return Ok(contents);
    };
    if let Some(id) = lane.destination.double().await? {
        let what = format!("destination {:?} holds id {id} more than once", lane.name);
        return Err(Error::new(ErrorKind::Contents, what).at(lane.place()).fix(format!(
            "find out who inserted it, and remove what differs from the source; {}",
            when.ending()
        )));
    }
    let source_ends = lane.source.ends().await?;
    let ahead = if source_ends.highest < Some(highest) {
        lane.destination.count(IdRange::above(source_ends.highest)).await?
    } else {
        0
    };
    // As the slices are counted.
    let first = compare_event(lane, lowest).await?;
    let last = compare_event(lane, highest).await?;
    let found = ContentComparison {
        source: source_ends,
        destination,
        source_count: counts.0,
        destination_count: counts.1,
        ahead,
        first,
        last,
    };
    match judge(&found) {
        None => Ok(contents),
        Some(disagreement) => Err(explain(lane, (of, when), &found, &disagreement).await?),
    }
}

async fn compare_event(lane: &LaneStores<'_>, id: i64) -> Result<EventComparison> {
    let (source, destination) =
        try_join(lane.source.event_digest(id), lane.destination.event_digest(id)).await?;
    Ok(match (source, destination) {
        (None, _) => EventComparison::AbsentAtSource,
        (source, destination) if source == destination => EventComparison::Equal,
        (Some(source), destination) => EventComparison::Unlike {
            columns: unlike_columns(lane.source.wire(), &source, &destination.unwrap_or_default()),
        },
    })
}

fn unlike_columns(wire: &Wire, source: &EventDigest, destination: &EventDigest) -> Vec<String> {
    let columns = wire.columns.iter().enumerate();
    let unlike = columns.filter(|(index, _)| source.get(*index) != destination.get(*index));
    unlike.map(|(_, column)| sql::ident(&column.name)).collect()
}

/// Makes the message: what disagrees, up to where both agree, and what to do.
async fn explain(
    lane: &LaneStores<'_>,
    (of, when): CheckBaseline<'_>,
    found: &ContentComparison,
    disagreement: &Disagreement,
) -> Result<Error> {
    if when.is_look && of.may_be_late && disagreement.may_be_lateness(found) {
        return Ok(lateness(lane.name, of, (found, disagreement)).at(lane.place()));
    }
    if let (Disagreement::Count, Some(position)) = (disagreement, found.destination.highest)
        && let Some(damage) = damage::find(lane.source, lane.destination, position).await?
    {
        return Ok(damage.error(lane.name).at(lane.place()));
    }
    // Where the first event is unlike, there is nothing to search.
    let is_first = matches!(disagreement, Disagreement::First(_));
    let agreed = match (found.destination.lowest, found.source.highest) {
        (Some(lowest), Some(source_highest)) if !is_first => {
            let lowest = found.source.lowest.map_or(lowest, |other| other.min(lowest));
            let highest = found
                .destination
                .highest
                .map_or(source_highest, |highest| highest.min(source_highest));
            agreement::highest(lane.source, lane.destination, lowest, highest).await?
        }
        _ => StoreAgreement { through: None, is_exact: true },
    };
    let unlike_at = match disagreement {
        Disagreement::First(EventComparison::Unlike { .. }) => found.destination.lowest,
        Disagreement::Last(EventComparison::Unlike { .. }) => found.destination.highest,
        _ => None,
    };
    let is_slates = match unlike_at {
        Some(id) => is_slates_event(of, lane, id).await?,
        None => false,
    };
    Ok(message(lane, (of, when), (found, disagreement), agreed, is_slates).at(lane.place()))
}

async fn is_slates_event(of: ComparedSource<'_>, lane: &LaneStores<'_>, id: i64) -> Result<bool> {
    let (source, destination) =
        try_join(lane.source.event_text(id), lane.destination.event_text(id)).await?;
    let (Some(source), Some(destination)) = (source, destination) else {
        return Ok(false);
    };
    let columns =
        lane.source.wire().columns.iter().filter_map(|column| of.table.column(&column.name));
    let texts: Vec<ColumnTexts<'_>> = columns
        .zip(source.iter().zip(&destination))
        .map(|(column, (source, destination))| ColumnTexts {
            type_oid: column.type_oid,
            source: source.as_deref(),
            destination: destination.as_deref(),
        })
        .collect();
    Ok(slate::is_slates_work(&texts))
}

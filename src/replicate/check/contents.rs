//! Whether a destination holds what the source holds, as far as it goes: first event, last event,
//! count.

use crate::config::SourceRetention;
use crate::error::{Error, ErrorKind, Result};
use crate::event::floored::FlooredStore;
use crate::event::range::IdRange;
use crate::event::representation::slate::{self, ColumnTexts};
use crate::event::store::{EventStore, IdEnds, WholeCount};
use crate::replicate::check::agreement::{self, StoreAgreement};
use crate::replicate::check::certified::{but_pruned, require_certified};
use crate::replicate::check::damage;
use crate::replicate::check::disagreement::{
    ContentComparison, Disagreement, EventComparison, judge, lateness, message,
};
use crate::replicate::check::lane_stores::{
    CheckBaseline, CheckCircumstances, ComparedSource, LaneContents, LaneStores,
};
use crate::replicate::check::tail;
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
    // Best asked of all rows.
    let whole = lanes.iter().find(|lane| lane.source.wire().rows.is_none());
    let double = match whole.or(lanes.first()) {
        Some(lane) => lane.source.double().await?,
        None => None,
    };
    if let Some(id) = double {
        let twice = |lane: &LaneStores<'_>| Err(held_twice_at_source(lane, id));
        return Ok(lanes.iter().map(twice).collect());
    }
    let ends = join_all(lanes.iter().map(|lane| lane.destination.ends())).await;
    if of.keeps == SourceRetention::Tail {
        let compared = lanes.iter().zip(ends).map(|(lane, ends)| async move {
            compare_from_floor(lane, (of, when), ends?.highest).await
        });
        return Ok(join_all(compared).await);
    }
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
        last: tail::compare_last(lane, (of.keeps, when), position).await?,
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

/// Compares one destination whose highest id is `position`.
///
/// # Errors
/// `LaneContents` as [`super::contents::compare_all`]; what a server says.
async fn compare_from_floor(
    lane: &LaneStores<'_>,
    grounds: CheckBaseline<'_>,
    position: Option<i64>,
) -> Result<LaneContents> {
    if let Some(whole) = lane.destination.whole_count().await? {
        return compare_last_alone(lane, grounds, whole).await;
    }
    let mut tries_left = tail::COMPARISONS_MAX;
    loop {
        tries_left -= 1;
        if let Some(position) = position {
            let held = tail::require_last_event(lane, position, grounds.1).await;
            held.map_err(|missing| but_pruned(missing, grounds.0.pruned, position))?;
        }
        let through = IdRange::up_to(position.unwrap_or(i64::MIN));
        let (counted_from, source_count) = lane.source.lowest_and_count(through).await?;
        let destination_count =
            FlooredStore::new(lane.destination, counted_from).count(through).await?;
        // Events may have gone since; the first one that is compared must be there.
        let floor = lane.source.ends().await?.lowest;
        let destination = FlooredStore::new(lane.destination, floor);
        let lowest = destination.ends().await?.lowest.filter(|lowest| Some(*lowest) <= position);
        let compared = compare(
            &LaneStores { destination: &destination, ..*lane },
            grounds,
            IdEnds { lowest, highest: position },
            (source_count, destination_count),
        )
        .await;
        let is_disagreement =
            compared.as_ref().is_err_and(|error| error.kind() == ErrorKind::Contents);
        if !is_disagreement || tries_left == 0 || lane.source.ends().await?.lowest == floor {
            let contents = compared?;
            require_certified(lane, grounds.0.pruned, position, grounds.1).await?;
            return Ok(LaneContents { floor: counted_from, ..contents });
        }
    }
}

/// Of a destination that counts only all that it stands for, what the source has lost included.
async fn compare_last_alone(
    lane: &LaneStores<'_>,
    (_, when): CheckBaseline<'_>,
    whole: WholeCount,
) -> Result<LaneContents> {
    if let Some(position) = whole.through {
        tail::require_last_event(lane, position, when).await?;
    }
    let floor = lane.source.ends().await?.lowest;
    let ends = IdEnds { lowest: whole.through.and(floor), highest: whole.through };
    let is_final = whole.through <= when.decided;
    Ok(LaneContents { ends, events: whole.events, is_final, floor })
}

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

/// The source's events up to each position, in one reading for all that take every event: the slices
/// between neighbouring positions are counted and summed up. The others are counted by themselves.
async fn count_slices(lanes: &[LaneStores<'_>], positions: &[Option<i64>]) -> Result<Vec<u64>> {
    let is_whole = |lane: &LaneStores<'_>| lane.source.wire().rows.is_none();
    let whole = lanes.iter().zip(positions).filter(|(lane, _)| is_whole(lane));
    let mut bounds: Vec<i64> = whole.filter_map(|(_, position)| *position).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let afters = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let mut slices = Vec::with_capacity(bounds.len());
    // One after the other: a cancellation ends one statement, and not those sent behind it.
    if let Some(lane) = lanes.iter().find(|lane| is_whole(lane)) {
        for (after, through) in afters.zip(&bounds) {
            slices.push(lane.source.count(IdRange { after, through: *through }).await?);
        }
    }
    let through = |position: i64| {
        bounds
            .iter()
            .zip(&slices)
            .filter(|(bound, _)| **bound <= position)
            .map(|(_, count)| count)
            .sum()
    };
    let mut counts = Vec::with_capacity(lanes.len());
    for (lane, position) in lanes.iter().zip(positions) {
        counts.push(match position {
            None => 0,
            Some(position) if is_whole(lane) => through(*position),
            Some(position) => lane.source.count(IdRange::up_to(*position)).await?,
        });
    }
    Ok(counts)
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
        floor: None,
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
    let mut source_ends = lane.source.ends().await?;
    if of.keeps == SourceRetention::Tail {
        // It may have lost more since the destination was asked.
        source_ends.lowest = source_ends.lowest.min(destination.lowest);
    }
    let ahead = if source_ends.highest < Some(highest) {
        lane.destination.count(IdRange::above(source_ends.highest)).await?
    } else {
        0
    };
    // As the slices are counted.
    let first = tail::compare_first(lane, of.keeps, lowest).await?;
    let last = tail::compare_last(lane, (of.keeps, when), highest).await?;
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

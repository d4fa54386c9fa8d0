//! Whether a destination holds what the source holds, as far as it goes: first event, last event, count.

use crate::error::{Error, Kind, Result};
use crate::event::slate::{self, Texts};
use crate::postgres::connect::Session;
use crate::replicate::check::agreement::{self, Agreement};
use crate::replicate::check::damage;
use crate::replicate::check::disagreement::{Comparison, Disagreement, Found, judge, message};
use crate::replicate::check::holding::{Ends, EventDigest, Holding};
use crate::replicate::check::shape::{DestinationShape, SourceShape};
use crate::sql;
use futures::future::{join_all, try_join, try_join_all};

/// A destination whose contents are compared with the source's.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a> {
    /// Name as configured.
    pub name: &'a str,
    /// A session on it.
    pub session: &'a Session,
    /// Its table and what is copied.
    pub shape: &'a DestinationShape,
}

/// When contents are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// Up to where every id was decided at the source before.
    pub decided: Option<i64>,
    /// Whether this run has written already.
    pub has_written: bool,
}

/// A comparison in the course of a run that finds out nothing about gaps.
const LATER: Circumstances = Circumstances {
    decided: None,
    has_written: true,
};

impl Circumstances {
    /// What state things are in, at the end of a remedy.
    pub fn ending(self) -> &'static str {
        match self.has_written {
            false => "nothing was written",
            true => "nothing more is written, and what was written stays",
        }
    }
}

/// What a destination was found to hold, all of it equal to the source's as far as checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its lowest and highest id.
    pub ends: Ends,
    /// Its events.
    pub events: i64,
    /// Whether no transaction was open that may still insert at or below its highest id: then the count is the last word.
    pub is_final: bool,
}

impl Lane<'_> {
    /// What the source and what this destination hold of the copied columns.
    pub fn sides<'a>(&'a self, source: &'a Session, of: &'a SourceShape) -> (Holding<'a>, Holding<'a>) {
        let holding = |session, table| Holding {
            session,
            table,
            id_column: &of.id_column,
            wire: &self.shape.wire,
        };
        (holding(source, &of.table.name), holding(self.session, &self.shape.table.name))
    }

    fn place(&self) -> String {
        format!("destination {:?}, {}, {}", self.name, self.session.place(), self.shape.table.name)
    }
}

/// Compares first event, last event and count of every destination with the source's, all at the same time; the source is counted once for all.
///
/// Reads only. An error is of one destination: `Contents` with the highest id up to which both agree, or what its server says.
///
/// # Errors
/// What the source says: then nothing is known of any destination.
pub async fn compare_all(source: &Session, of: &SourceShape, lanes: &[Lane<'_>], when: Circumstances) -> Result<Vec<Result<Contents>>> {
    let asked: Vec<_> = lanes.iter().map(|lane| ends_of(lane, source, of)).collect();
    let ends = join_all(asked).await;
    let positions: Vec<Option<i64>> = ends.iter().map(|ends| ends.as_ref().ok().and_then(|ends| ends.highest)).collect();
    let counted: Vec<_> = lanes
        .iter()
        .zip(&ends)
        .map(|(lane, ends)| count_through(lane, source, of, ends))
        .collect();
    let (source_counts, counts) = futures::future::join(count_slices(source, of, lanes, &positions), join_all(counted)).await;
    let source_counts = source_counts?;
    let found = lanes.iter().zip(ends).zip(counts).zip(source_counts);
    let verdicts: Vec<_> = found
        .map(|(((lane, ends), count), source_count)| verdict(lane, (source, of, when), ends, (source_count, count)))
        .collect();
    Ok(join_all(verdicts).await)
}

/// The cheap check of a lane that comes back: its last event must be the source's of that id. Gives its position.
///
/// # Errors
/// `Contents` with the highest id up to which both agree, `Unavailable` where a standby may only be late; else what a server says.
pub async fn last_event(source: &Session, of: &SourceShape, lane: &Lane<'_>) -> Result<Option<i64>> {
    let (ours, theirs) = lane.sides(source, of);
    let ends = theirs.ends().await?;
    let Some(position) = ends.highest else { return Ok(None) };
    let found = Found {
        source: ours.ends().await?,
        destination: ends,
        source_count: 0,
        destination_count: 0,
        ahead: 0,
        first: Comparison::Equal,
        last: compare_event(ours, theirs, position).await?,
    };
    match judge(&found) {
        None => Ok(Some(position)),
        Some(Disagreement::Ahead { .. }) => {
            let ahead = theirs.count(found.source.highest, None).await?;
            let by = Disagreement::Ahead { by: ahead };
            let error = explain(lane, (ours, theirs), (of, LATER), &Found { ahead, ..found }, &by).await?;
            // A standby that starts again shows an older state until it has replayed what it had before, and a copy one until it is fed again.
            Err(if of.may_be_late() {
                error.of_kind(Kind::Unavailable)
            } else {
                error
            })
        }
        Some(other) => Err(explain(lane, (ours, theirs), (of, LATER), &found, &other).await?),
    }
}

async fn ends_of(lane: &Lane<'_>, source: &Session, of: &SourceShape) -> Result<Ends> {
    lane.sides(source, of).1.ends().await
}

type Source<'a> = (&'a Session, &'a SourceShape, Circumstances);

async fn verdict(lane: &Lane<'_>, source: Source<'_>, ends: Result<Ends>, counts: (i64, Result<i64>)) -> Result<Contents> {
    compare(lane, source, ends?, (counts.0, counts.1?)).await
}

async fn count_through(lane: &Lane<'_>, source: &Session, of: &SourceShape, ends: &Result<Ends>) -> Result<i64> {
    match ends.as_ref().map(|ends| ends.highest) {
        Ok(Some(position)) => lane.sides(source, of).1.count_all(position).await,
        _ => Ok(0),
    }
}

/// The source's events up to each position, in one reading for all: the slices between neighbouring positions are counted and summed up.
async fn count_slices(source: &Session, of: &SourceShape, lanes: &[Lane<'_>], positions: &[Option<i64>]) -> Result<Vec<i64>> {
    let Some(lane) = lanes.first() else { return Ok(Vec::new()) };
    let holding = lane.sides(source, of).0;
    let mut bounds: Vec<i64> = positions.iter().copied().flatten().collect();
    bounds.sort_unstable();
    bounds.dedup();
    let afters = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let slices = afters.zip(&bounds).map(|(after, through)| holding.counted(after, *through));
    let slices: Vec<_> = slices.collect();
    let slices = try_join_all(slices).await?;
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

/// How many events of the source each destination still lacks, when what it holds was found equal; one reading for all.
///
/// # Errors
/// What the source says.
pub async fn count_missing(source: &Session, of: &SourceShape, lanes: &[(Lane<'_>, Contents)]) -> Result<Vec<i64>> {
    let Some((lane, _)) = lanes.first() else { return Ok(Vec::new()) };
    let all = lane.sides(source, of).0.count(None, None).await?;
    Ok(lanes.iter().map(|(_, contents)| (all - contents.events).max(0)).collect())
}

async fn compare(lane: &Lane<'_>, (source, of, when): Source<'_>, destination: Ends, counts: (i64, i64)) -> Result<Contents> {
    let (ours, theirs) = lane.sides(source, of);
    let contents = Contents {
        ends: destination,
        events: counts.1,
        is_final: destination.highest <= when.decided,
    };
    let (Some(lowest), Some(highest)) = (destination.lowest, destination.highest) else {
        return Ok(contents);
    };
    let source_ends = ours.ends().await?;
    let ahead = if source_ends.highest < Some(highest) {
        theirs.count(source_ends.highest, None).await?
    } else {
        0
    };
    let (first, last) = try_join(compare_event(ours, theirs, lowest), compare_event(ours, theirs, highest)).await?;
    let found = Found {
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
        Some(disagreement) => Err(explain(lane, (ours, theirs), (of, when), &found, &disagreement).await?),
    }
}

async fn compare_event(ours: Holding<'_>, theirs: Holding<'_>, id: i64) -> Result<Comparison> {
    let (source, destination) = try_join(ours.event(id), theirs.event(id)).await?;
    Ok(match (source, destination) {
        (None, _) => Comparison::AbsentAtSource,
        (source, destination) if source == destination => Comparison::Equal,
        (Some(source), destination) => Comparison::Unlike {
            columns: unlike_columns(&ours, &source, &destination.unwrap_or_default()),
        },
    })
}

fn unlike_columns(holding: &Holding<'_>, source: &EventDigest, destination: &EventDigest) -> Vec<String> {
    let columns = holding.wire.columns.iter().enumerate();
    let unlike = columns.filter(|(index, _)| source.get(*index) != destination.get(*index));
    unlike.map(|(_, column)| sql::ident(&column.name)).collect()
}

/// Makes the message: what disagrees, up to where both agree, and what to do.
async fn explain(
    lane: &Lane<'_>,
    (ours, theirs): (Holding<'_>, Holding<'_>),
    (of, when): (&SourceShape, Circumstances),
    found: &Found,
    disagreement: &Disagreement,
) -> Result<Error> {
    if let (Disagreement::Count, Some(position)) = (disagreement, found.destination.highest)
        && let Some(damage) = damage::find((ours, theirs), position).await?
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
            agreement::highest(ours, theirs, lowest, highest).await?
        }
        _ => Agreement {
            through: None,
            is_exact: true,
        },
    };
    let unlike_at = match disagreement {
        Disagreement::First(Comparison::Unlike { .. }) => found.destination.lowest,
        Disagreement::Last(Comparison::Unlike { .. }) => found.destination.highest,
        _ => None,
    };
    let is_slates = match unlike_at {
        Some(id) => is_slates_event(of, ours, theirs, id).await?,
        None => false,
    };
    Ok(message(lane, (of, when), (found, disagreement), agreed, is_slates).at(lane.place()))
}

async fn is_slates_event(of: &SourceShape, ours: Holding<'_>, theirs: Holding<'_>, id: i64) -> Result<bool> {
    let (source, destination) = try_join(ours.event_text(id), theirs.event_text(id)).await?;
    let (Some(source), Some(destination)) = (source, destination) else {
        return Ok(false);
    };
    let columns = ours.wire.columns.iter().filter_map(|column| of.table.column(&column.name));
    let texts: Vec<Texts<'_>> = columns
        .zip(source.iter().zip(&destination))
        .map(|(column, (source, destination))| Texts {
            column,
            source: source.as_deref(),
            destination: destination.as_deref(),
        })
        .collect();
    Ok(slate::is_slates_work(&texts))
}

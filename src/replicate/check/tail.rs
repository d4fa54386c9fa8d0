//! A source that may lose its oldest events is compared from its lowest id on: what lies below is
//! kept by the destinations and has no equal any more.
//!
//! What was never copied must not vanish unseen. The oldest events go first; so as long as the
//! source holds the last event of a destination, it holds all that came after it.

use super::disagreement::EventComparison;
use super::lane_stores::{CheckCircumstances, LaneStores};
use super::single_event::compare_event;
use crate::config::SourceRetention;
use crate::error::{Error, ErrorKind, Result};
use crate::event::floored::FlooredStore;
use crate::event::range::shown;
use crate::event::store::EventStore;

/// A comparison during which events went is made so often.
pub(super) const COMPARISONS_MAX: u32 = 5;

/// Confirms that nothing can have gone that a destination lacks.
///
/// # Errors
/// `Contents` with the ids that may be missing.
pub(super) async fn require_last_event(
    lane: &LaneStores<'_>,
    position: i64,
    when: CheckCircumstances,
) -> Result<()> {
    let lowest = lane.source.ends().await?.lowest;
    // Nothing lies between an id and the next one.
    if lowest.is_some_and(|lowest| lowest.saturating_sub(1) <= position) {
        return Ok(());
    }
    let missing = match lowest.and_then(|lowest| lowest.checked_sub(1)) {
        Some(last) => format!("ids {}..{last}", position.saturating_add(1)),
        None => format!("ids from {} on", position.saturating_add(1)),
    };
    let what = format!(
        "the source has let go of events that destination {:?} may not have received: {missing}",
        lane.name
    );
    Err(Error::new(ErrorKind::Contents, what)
        .at(lane.place())
        .because(format!(
            "its last event has id {position}, and the lowest id at the source is {}",
            shown(lowest)
        ))
        .because(
            "whether there were events in between cannot be told any more: a source with keeps = \
             \"tail\" must hold the last event of each destination",
        )
        .fix(format!(
            "bring them back at the source (attach a partition again that was detached, or insert \
             them from a backup); where another destination holds them, copy them from there, with \
             ids = \"copy\"; otherwise keep this table as an archive and name an empty one; {}",
            when.ending()
        )))
}

/// Which events of a destination are compared with the source's: all, or those from the source's
/// lowest id on.
pub(crate) async fn comparable<'a>(
    source: &dyn EventStore,
    destination: &'a dyn EventStore,
    keeps: SourceRetention,
) -> Result<FlooredStore<'a>> {
    let floor = match keeps {
        SourceRetention::All => None,
        SourceRetention::Tail => source.ends().await?.lowest.or(Some(i64::MAX)),
    };
    Ok(FlooredStore::new(destination, floor))
}

/// How the first event compares; of a source that may lose its oldest, the first that is still
/// there.
pub(super) async fn compare_first(
    lane: &LaneStores<'_>,
    keeps: SourceRetention,
    lowest: i64,
) -> Result<EventComparison> {
    let mut first = lowest;
    for _ in 0..COMPARISONS_MAX {
        let compared = compare_event(lane, first).await?;
        let is_absent = compared == EventComparison::AbsentAtSource;
        if !is_absent || keeps == SourceRetention::All {
            return Ok(compared);
        }
        match lane.source.ends().await?.lowest {
            Some(begin) if begin > first => first = begin,
            Some(_) => return Ok(compared),
            None => break,
        }
    }
    // They go quicker than one can be asked for: counts and last event are compared all the same.
    Ok(EventComparison::Equal)
}

/// How a single event compares that lies above what may have gone.
pub(super) async fn compare_last(
    lane: &LaneStores<'_>,
    (keeps, when): (SourceRetention, CheckCircumstances),
    position: i64,
) -> Result<EventComparison> {
    if keeps == SourceRetention::All {
        return compare_event(lane, position).await;
    }
    require_last_event(lane, position, when).await?;
    let compared = compare_event(lane, position).await?;
    // It may have gone between the two questions, or be the one before the lowest.
    if compared == EventComparison::AbsentAtSource {
        require_last_event(lane, position, when).await?;
        if lane.source.ends().await?.lowest > Some(position) {
            return Ok(EventComparison::Equal);
        }
    }
    Ok(compared)
}

//! Compares what destinations hold while others may append to them: by the same judgement as at a
//! start, and taking nothing.
//!
//! A replicator appends in the order of ids, and only what is decided. So where the position is
//! asked first, what lies at or below it does not change any more, and may be counted on both sides
//! at any later time. Only a destination whose last events are taken away meanwhile is different in
//! each answer: that one is compared again.

use super::contents::{self, last_event_when};
use super::lane_stores::{CheckCircumstances, ComparedSource, LaneStores};
use crate::error::{ErrorKind, Result};
use crate::event::store::IdEnds;
use futures::future::join_all;

/// A destination that went backwards while it was compared is compared so often.
const COMPARISONS_MAX: u32 = 3;

/// How much of a destination is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonDepth {
    /// Its last event, and the lowest id: a few probes of an index.
    LastEvent,
    /// First event, last event, and the count of everything: both tables are read.
    Whole,
}

/// Compares these destinations with the source, all at the same time; gives the position of each
/// that equals the source up to there.
///
/// An error is of one destination: `Contents` with the highest id up to which both agree;
/// `Unavailable` where the source may only be late; what its server says; `Upstream` with what the
/// source says.
pub(crate) async fn compare_observed(
    of: ComparedSource<'_>,
    lanes: &[LaneStores<'_>],
    depth: ComparisonDepth,
) -> Vec<Result<Option<i64>>> {
    let mut found: Vec<Option<Result<Option<i64>>>> = lanes.iter().map(|_| None).collect();
    for tries_left in (0..COMPARISONS_MAX).rev() {
        let open: Vec<usize> = (0..lanes.len()).filter(|index| found[*index].is_none()).collect();
        if open.is_empty() {
            break;
        }
        let lanes: Vec<LaneStores<'_>> = open.iter().map(|index| lanes[*index]).collect();
        let before = join_all(lanes.iter().map(|lane| lane.destination.ends())).await;
        let compared = compare_once(of, &lanes, depth).await;
        for (((index, lane), before), compared) in open.iter().zip(&lanes).zip(before).zip(compared)
        {
            let is_disagreement =
                compared.as_ref().is_err_and(|error| error.kind() == ErrorKind::Contents);
            if !is_disagreement || tries_left == 0 || !has_changed(lane, before).await {
                found[*index] = Some(compared);
            }
        }
    }
    found.into_iter().flatten().collect()
}

async fn compare_once(
    of: ComparedSource<'_>,
    lanes: &[LaneStores<'_>],
    depth: ComparisonDepth,
) -> Vec<Result<Option<i64>>> {
    match depth {
        ComparisonDepth::LastEvent => {
            let compared =
                lanes.iter().map(|lane| last_event_when(of, lane, CheckCircumstances::LOOK));
            join_all(compared).await
        }
        ComparisonDepth::Whole => {
            match contents::compare_all(of, lanes, CheckCircumstances::LOOK).await {
                Ok(compared) => compared
                    .into_iter()
                    .map(|contents| contents.map(|contents| contents.ends.highest))
                    .collect(),
                Err(error) => {
                    lanes.iter().map(|_| Err(error.clone().of_kind(ErrorKind::Upstream))).collect()
                }
            }
        }
    }
}

/// Whether it begins or ends elsewhere than before, other than by what was appended.
async fn has_changed(lane: &LaneStores<'_>, before: Result<IdEnds>) -> bool {
    match (before, lane.destination.ends().await) {
        (Ok(before), Ok(now)) => now.highest < before.highest || now.lowest != before.lowest,
        _ => false,
    }
}

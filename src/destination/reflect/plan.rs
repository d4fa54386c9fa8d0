//! What is to be done to one table for some changes, given how it stands.

use super::mapping::TableMapping;
use super::state::EntryState;
use crate::config::TruncateReaction;
use crate::error::{Error, ErrorKind, Result};
use crate::event::captured::{ChangeSource, KeyRange};
use crate::event::change::{ChangeKind, LoggedChange};
use crate::event::net::{NetChanges, RowKey, net};
use std::collections::HashMap;
use std::sync::Arc;

/// See the module.
pub(super) enum TablePlan {
    /// A change emptied the table that its rows are older than in part, or may be: all of them go,
    /// and are loaded again from the first.
    Restart,
    Apply {
        /// Whether all rows go before anything else.
        is_emptied: bool,
        net: NetChanges,
    },
}

/// In how many parts the keys of a batch can be cut at most.
pub(super) const PARTS_MAX: u32 = 4_096;

/// The part that a key falls into.
pub(super) fn part_of(key: &RowKey) -> u32 {
    // FNV-1a: the same on every machine, for it is kept in a table.
    let mut hash: u32 = 0x811c_9dc5;
    for text in key.texts() {
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    hash % PARTS_MAX
}

/// Plans for the keys of one part of so many. The changes are of this table, in the order of ids.
///
/// # Errors
/// `Rejected` for a TRUNCATE that was to stop the destination; those of the source, which compares
/// keys.
pub(super) async fn plan(
    mapping: &TableMapping,
    entry: &EntryState,
    changes: &[&LoggedChange],
    (part, parts): (usize, usize),
    source: &Arc<dyn ChangeSource>,
) -> Result<TablePlan> {
    let (emptying, others): (Vec<&LoggedChange>, Vec<&LoggedChange>) =
        changes.iter().partition(|change| change.kind == ChangeKind::Truncate);
    let emptying = match mapping.truncate {
        TruncateReaction::Apply => emptying,
        TruncateReaction::Ignore => Vec::new(),
        TruncateReaction::Stop => match emptying.first() {
            Some(change) => return Err(stopped_by(mapping, change)),
            None => emptying,
        },
    };
    let is_elsewhere =
        |key: &RowKey| parts > 1 && usize::try_from(part_of(key)).unwrap_or(0) % parts != part;
    // Of a partition alone, perhaps: what the others hold is not known. The lock of such a TRUNCATE
    // does not keep transactions of the others before it or after it, either.
    if mapping.source.is_partitioned && mapping.loads && entry.is_settled() && !emptying.is_empty()
    {
        return Ok(TablePlan::Restart);
    }
    if entry.is_settled() {
        let kept = changes.iter().copied().filter(|change| {
            change.kind != ChangeKind::Truncate || mapping.truncate == TruncateReaction::Apply
        });
        let net = net(kept, mapping.source_key(), &|key, _| is_elsewhere(key))?;
        return Ok(TablePlan::Apply { is_emptied: net.emptied.is_some(), net });
    }
    let is_shown_by_all = |change: &&LoggedChange| {
        !entry.has_forgotten && entry.ranges.iter().all(|range| range.snapshot.shows(change.xact))
    };
    // Rows that were read before the table was emptied would stay for good.
    if !emptying.iter().all(is_shown_by_all) {
        return Ok(TablePlan::Restart);
    }
    let places = places(mapping, entry, &others, source).await?;
    let is_seen = |key: &RowKey, xact: i64| {
        is_elsewhere(key)
            || match places.get(key) {
                Some(place) => entry.ranges.get(*place).is_none_or(|of| of.snapshot.shows(xact)),
                None => false,
            }
    };
    let net = net(others.iter().copied(), mapping.source_key(), &is_seen)?;
    Ok(TablePlan::Apply { is_emptied: false, net })
}

/// The range in which each key lies; one beyond the last for a key that is not loaded yet.
async fn places(
    mapping: &TableMapping,
    entry: &EntryState,
    changes: &[&LoggedChange],
    source: &Arc<dyn ChangeSource>,
) -> Result<HashMap<RowKey, usize>> {
    let mut keys: Vec<RowKey> = Vec::new();
    for change in changes {
        for image in [&change.before, &change.after].into_iter().flatten() {
            keys.push(RowKey::of(image, mapping.source_key())?);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    if entry.is_loading && entry.loaded_through.is_none() {
        return Ok(keys.into_iter().map(|key| (key, entry.ranges.len())).collect());
    }
    let mut ranges: Vec<KeyRange> = entry.ranges.iter().map(|range| range.keys.clone()).collect();
    if entry.is_loading {
        ranges.push(KeyRange { after: entry.loaded_through.clone(), through: None });
    }
    let lying = source.ranges_of(&mapping.source, &ranges, &keys).await?;
    Ok(keys.into_iter().zip(lying).filter_map(|(key, place)| Some((key, place?))).collect())
}

fn stopped_by(mapping: &TableMapping, change: &LoggedChange) -> Error {
    let what =
        format!("{} was emptied by a TRUNCATE, which was to stop this", mapping.source.source);
    Error::new(ErrorKind::Rejected, what).at(format!("event {}", change.id)).fix(format!(
        "if {} is to be emptied too, set truncate = \"apply\" in its reflection, then start again; \
         nothing of this batch was written",
        mapping.table
    ))
}

//! By which rule ids are decided, as a look follows it.

use crate::config::SourceRetention;
use crate::postgres::table::TableName;
use crate::source::read::batcher::ConsecutiveIds;
use std::time::Duration;

/// How ids are judged.
#[derive(Clone, Debug)]
pub enum MarkRule {
    /// By the lock horizon on these relations: the sequence, the table and its leaf partitions.
    Horizon {
        /// Their oids.
        relations: Vec<u32>,
        /// The sequence, where our role may read how far it has come: no id above that was drawn
        /// from it.
        sequence: Option<TableName>,
    },
    /// Ids are consecutive, but for some.
    Consecutive(ConsecutiveIds),
    /// Ids become visible in their order: another Counterfoil feeds the table.
    Copy,
    /// A gap is given up after this time. Unsafe.
    Grace(Duration),
}

impl MarkRule {
    /// The sequence, where our role may read how far it has come.
    pub fn sequence(&self) -> Option<&TableName> {
        match self {
            Self::Horizon { sequence, .. } => sequence.as_ref(),
            Self::Consecutive(_) | Self::Copy | Self::Grace(_) => None,
        }
    }
}

/// The gaps of consecutive ids that are accepted: those that are known, and what lies below the
/// lowest id of a source that may lose its oldest events.
pub fn accepted_gaps(
    keeps: SourceRetention,
    known_gaps: &[(i64, i64)],
    lowest: Option<i64>,
) -> Vec<(i64, i64)> {
    let below = lowest.filter(|lowest| keeps == SourceRetention::Tail && *lowest > 1);
    let below = below.map(|lowest| (1, lowest.saturating_sub(1)));
    known_gaps.iter().copied().chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_a_source_that_loses_its_oldest_is_an_accepted_gap_and_nothing_else() {
        let (all, tail) = (SourceRetention::All, SourceRetention::Tail);
        assert_eq!(accepted_gaps(all, &[(3, 4)], Some(9)), [(3, 4)]);
        assert_eq!(accepted_gaps(tail, &[(12, 14)], Some(9)), [(12, 14), (1, 8)]);
        assert_eq!(accepted_gaps(tail, &[], Some(1)), []);
        assert_eq!(accepted_gaps(tail, &[], None), []);
    }
}

//! By which rule ids are decided, as a look follows it.

use crate::postgres::table::TableName;
use std::sync::Arc;
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
    /// Ids are consecutive, but for these ranges.
    Consecutive {
        /// First and last id of each.
        known_gaps: Arc<[(i64, i64)]>,
    },
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
            Self::Consecutive { .. } | Self::Copy | Self::Grace(_) => None,
        }
    }
}

//! How far a read of the source has come.

use crate::source::read::ReadEnd;

/// How far a read of the source has come. It says something about the source alone, whatever
/// becomes of the lanes.
#[derive(Clone, Copy, Debug)]
pub struct ReadProgress {
    /// The connection to the source over which it went.
    pub connection_id: u64,
    /// How the read ended; `None` while it goes on, or when it was stopped or failed.
    pub ended: Option<ReadEnd>,
    /// Id of the last row taken from the source, kept back ones included.
    pub taken: Option<i64>,
    /// Id of the last row of the last batch that was closed.
    pub shipped: Option<i64>,
    /// Up to which id nothing is left to read for the lanes that shared it: `shipped`, or beyond it
    /// where they take only rows that a condition selects.
    pub through: Option<i64>,
    /// How large its rows were on average; `None` without rows.
    pub row_bytes: Option<u64>,
}

//! By what a table is judged, and a row as that sees it.

use super::stats::TestingStats;

/// What ids of a table must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdRule {
    /// From 1 on, each exactly once; apart from these known gaps, ends included. The rows of a
    /// group stand next to each other.
    Consecutive(Vec<(i64, i64)>),
    /// Drawn from a sequence: gaps are legitimate, and groups of several programs may interleave.
    Sequence,
}

/// By what a table is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationRules {
    /// What its ids must be like.
    pub ids: IdRule,
    /// The id up to which it is read, because more may come beyond it: a group cut there is
    /// pending. `None` reads all of a table that rests: then nothing is pending.
    pub through: Option<i64>,
}

/// A row as the validation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatedRow {
    /// Its id.
    pub id: i64,
    /// Its time in microseconds; `None` where it has none.
    pub ts: Option<i64>,
    /// What the loader wrote about its group.
    pub testing: TestingStats,
}

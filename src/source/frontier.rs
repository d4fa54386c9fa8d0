//! How far a source was read, and what the next look found there.

use super::blocked::Blockage;
use super::read::prefetch::ReadStart;

/// Where the reading stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadFrontier {
    /// The highest id that a read or a lane has come to. It says nothing of the gaps below it: only
    /// a mark does.
    pub shipped: Option<i64>,
    /// What kept the last read from going on.
    pub blocked: Option<BlockedGroup>,
    /// A lane waits until everything up to this id is decided, though there may be nothing new to
    /// read.
    pub wanted: Option<i64>,
    /// Whether all who wait take only some events: what follows without a gap, and is not decided,
    /// is no news for them.
    pub is_selective: bool,
}

/// A group that reaches over the mark: its rows up to `held` could be shipped, but not its row
/// `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockedGroup {
    /// The last row that could be shipped.
    pub held: Option<i64>,
    /// The visible row after it.
    pub next: i64,
}

/// What a look found.
#[derive(Clone, Debug)]
pub enum MarkOutcome {
    /// No row lies beyond the frontier.
    Nothing,
    /// Rows lie beyond the frontier and may be read, up to this mark.
    More(ReadStart),
    /// Rows lie beyond the frontier, but none may be shipped yet.
    Blocked(Blockage),
}

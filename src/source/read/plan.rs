//! What is read, and in which form.

use crate::config::SourceRetention;
use crate::event::frame::RowLayout;
use crate::event::wire::Wire;
use crate::postgres::table::TableName;
use crate::source::read::batcher::BatchLimits;

/// What is read: one table, in one form.
#[derive(Clone, Debug)]
pub struct ReadPlan {
    /// The event table.
    pub table: TableName,
    /// Its key.
    pub id_column: String,
    /// Columns and form.
    pub wire: Wire,
    /// Where id and group are in a row.
    pub layout: RowLayout,
    /// Which of its events the source keeps. Where the oldest may go, a page begins at the row
    /// before it: as long as that is there, none above it is gone.
    pub keeps: SourceRetention,
    /// Limits of a batch.
    pub limits: BatchLimits,
}

impl ReadPlan {
    /// The row that must be there when what follows a position is read.
    pub(super) fn anchor(&self, after: Option<i64>) -> Option<i64> {
        after.filter(|_| self.keeps == SourceRetention::Tail)
    }
}

/// Where a page ends of which only the rows are read that a condition selects.
#[derive(Clone, Copy, Debug)]
pub struct SelectedEnd {
    /// Every row up to this id that is selected is in it; `None`: there is no row at all.
    pub through: Option<i64>,
    /// Whether no row of the table follows.
    pub is_last: bool,
}

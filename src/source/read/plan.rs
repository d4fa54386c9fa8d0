//! What is read, and in which form.

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
    /// Limits of a batch.
    pub limits: BatchLimits,
}

//! SQL text: identifiers and literals quoted in one place, and the files of `sql/` filled in as
//! psql fills them.

mod column_names;
mod condition;
mod fill;
mod fingerprint;
mod table_name;

pub use column_names::{ALIKE, ColumnNames};
pub use condition::{ConditionFault, RowCondition};
pub use fill::{SqlValue, fill, ident, literal, sql, text, without_header};
pub use fingerprint::{Fingerprint, TypeOids, renames, type_parts};
pub use table_name::TableName;

/// First key of the session lock that says "a replicator feeds this table" (`COFR`); the second key
/// is the table's oid.
pub const LOCK_REPLICATOR: i32 = 0x434F_4652;
/// First key of the transaction lock around each batch (the fence).
pub const LOCK_FENCE: i32 = LOCK_REPLICATOR + 1;
/// First key of the lock that says whether the replicator sleeps (the doorbell).
pub const LOCK_DOORBELL: i32 = LOCK_REPLICATOR + 2;

/// The trigger of `init destination --guard`, and its function.
pub const GUARD: &str = "counterfoil_guard";

/// Sets up a session that reads pages of an event table.
pub const READ: &str = concat!(
    include_str!("../sql/session/in_id_order.sql"),
    include_str!("../sql/session/read.sql")
);

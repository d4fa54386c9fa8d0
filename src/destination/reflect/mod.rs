//! Destinations whose tables are computed from change events: of each batch whole source
//! transactions are netted for each key (`event::net`), and what remains is applied set by set, in
//! the transaction that moves the position.
//!
//! **What is kept.** In the destination's own database: the position, how each table is loaded,
//! and the changes of transactions that go on beyond the position (`sql/reflect/state.sql`). A crash
//! leaves all of it as one commit left it.
//!
//! **Whole transactions.** All ids up to the end of a batch are decided, so every transaction of
//! which the batch holds a change has ended; those that have a change beyond it are asked for, and
//! theirs are kept until the batch that holds their last. `event::carry` decides, and says why
//! that respects every dependency.
//!
//! **Loads.** The rows of a table are read range by range in the order of its key, each range in a
//! snapshot of its own, between two batches. From then on a change of a key in the range is left
//! out exactly if its transaction is to be seen in that snapshot; a change of a key that is not
//! loaded yet is left out too, for the snapshot of its range will show it.

mod appender;
mod batch;
mod comparison;
mod connector;
mod forget;
mod kept;
mod literal;
mod load;
mod mapping;
mod order;
mod place;
mod plan;
mod setup;
mod standing;
mod state;
mod statements;
mod store;
mod table;
mod tables;
mod target;
mod wire;

pub(crate) use comparison::{ReflectionComparison, RowDifference, compare_table};
pub(crate) use connector::ReflectionsConnector;
pub(crate) use forget::{LoadRequest, request_load};
pub(crate) use setup::{ReflectionsSetup, set_up};

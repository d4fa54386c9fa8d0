//! The things that are copied: ranges of ids, batches of rows as bytes; and what a log of changes
//! says of the rows of a table.

pub(crate) mod captured;
pub(crate) mod carry;
pub(crate) mod change;
pub mod chunk;
pub mod fields;
pub mod floored;
pub mod frame;
pub mod merge;
pub(crate) mod net;
pub mod range;
pub mod representation;
pub mod store;
pub mod value;
pub mod wire;

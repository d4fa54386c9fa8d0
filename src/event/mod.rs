//! The things that are copied: tables, ranges of ids, batches of rows as bytes.

pub mod batch;
pub mod feed;
pub mod frame;
pub mod range;
pub mod table;
pub mod wire;

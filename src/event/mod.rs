//! The things that are copied: tables, ranges of ids, batches of rows as bytes.

pub mod batch;
pub mod compatible;
pub mod fields;
pub mod frame;
pub mod range;
pub mod slate;
pub mod store;
pub mod table;
pub mod trigger;
pub mod types;
pub mod value;
pub mod wire;

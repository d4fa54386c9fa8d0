//! The things that are copied: ranges of ids, batches of rows as bytes.

pub mod chunk;
pub mod fields;
pub mod floored;
pub mod frame;
pub mod merge;
pub mod range;
pub mod representation;
pub mod store;
pub mod value;
pub mod wire;

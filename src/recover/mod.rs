//! What cures a destination or a lost source: repair writes what a destination lacks, restore puts
//! events back into a source.

pub mod batch;
mod bounds;
pub mod endpoint;
mod indexed;
pub mod repair;
pub mod restore;

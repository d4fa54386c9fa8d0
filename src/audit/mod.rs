//! Compares what two sides hold, row by row: a verdict that can be trusted, and the cures that follow from it.

pub mod batch;
mod chunks;
pub mod class;
pub mod compare;
mod counts;
pub mod difference;
pub mod emission;
pub mod fence;
pub mod journal;
mod json;
pub mod merge;
pub mod opening;
pub mod outcome;
pub mod pair;
mod plan;
pub mod prove;
pub mod repair;
pub mod repair_sql;
pub mod restore;
pub mod schema;
pub mod show;
pub mod side;
mod stamp;
pub mod validate;
pub mod verdict;
mod walk;
mod whole_file;

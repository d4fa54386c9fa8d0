//! Compares what two sides hold, row by row: a verdict that can be trusted, and the cures that follow from it.

pub mod batch;
pub mod class;
pub mod compare;
pub mod difference;
mod indexed;
mod json;
pub mod merge;
pub mod reach;
pub mod repair;
pub mod restore;
pub mod show;
mod stamp;
pub mod validate;
pub mod verdict;

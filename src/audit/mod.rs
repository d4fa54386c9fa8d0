//! Compares what two sides hold, row by row: a verdict that can be trusted, and the cures that follow from it.

pub mod difference;
pub mod merge;
pub mod prove;

//! Compares what two sides hold, row by row, and validates one table by itself: a verdict that can
//! be trusted. It only reads.

pub mod class;
pub mod compare;
pub mod continuous;
pub mod difference;
mod json;
pub mod show;
pub mod validate;
pub mod verdict;

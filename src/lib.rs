//! Copies a PostgreSQL table of immutable events to many destinations, and proves that the copies
//! are equal.
//!
//! The rooms are described in `ARCHITECTURE.md`; each uses only the floors below its own.

pub mod cli;
pub mod commands;
pub mod config;
pub mod console;
pub mod destination;
pub mod error;
pub mod event;
mod fail;
pub mod fake;
pub(crate) mod histogram;
pub mod load;
pub mod log;
pub mod postgres;
pub mod recover;
pub mod replicate;
pub mod retry;
pub mod source;
pub mod sql;
pub mod stop;
pub mod supervise;
pub mod verify;

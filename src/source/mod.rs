//! The door in: how ids are given out, how far the source can be read, the one read of it, and when
//! its rows are safe on disk.

pub mod blocked;
pub mod capture;
mod doorbell;
pub mod durability;
pub mod follow;
pub(crate) mod frontier;
pub mod gap;
pub mod gauge;
mod grace;
pub(crate) mod horizon;
pub mod ids;
pub mod mark;
pub mod read;
pub mod setup;
pub mod wakeup;

//! The door in: how ids are given out, how far the source can be read, the one read of it, and when its rows are safe on disk.

pub mod along;
pub mod cut;
pub mod discipline;
mod doorbell;
pub mod drawn;
pub mod durability;
pub mod explain;
pub mod gap;
mod grace;
pub(crate) mod horizon;
pub mod mark;
pub mod next_id;
mod page;
pub mod read;
pub mod readers;
pub mod rule;
pub mod settle;
pub mod setup;
pub mod wait;

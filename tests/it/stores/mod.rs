//! Real event stores, with the packages that are published and their own writers: copied by default
//! or by what the program says, and judged by SQL, by events-diff and by status. docs/stores.md has
//! what was seen.

mod audit;
mod copying;
mod emmett;
mod eventsourcing;
mod graphile;
mod message_db;
mod outbox;
pub mod packages;
mod pghistory;
mod pgmq;
mod sessions;

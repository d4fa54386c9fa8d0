//! Plumbing to PostgreSQL: sessions, catalog, pool, notifications, private servers.

pub mod about;
pub mod attended;
mod cancel;
pub mod catalog;
pub mod connect;
pub mod database;
mod dial;
pub mod event_table;
pub mod fault;
pub mod identity;
pub mod listen;
pub mod objects;
pub(crate) mod patience;
pub mod pool;
pub mod pooler;
pub mod same_place;
pub mod script;
pub mod server;
mod socket;
pub mod table;
pub(crate) mod tls;
mod tour;
pub mod turns;
mod verify;
pub mod wanted;

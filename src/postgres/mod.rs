//! Plumbing to PostgreSQL: sessions, catalog, pool, notifications, private servers.

pub mod about;
pub mod catalog;
mod cancel;
pub mod connect;
mod dial;
pub mod fault;
pub mod identity;
pub mod listen;
pub mod pool;
pub mod pooler;
pub mod database;
pub mod event_table;
pub mod objects;
pub mod script;
pub mod server;
pub mod tls;
mod tour;
mod verify;
pub mod wanted;

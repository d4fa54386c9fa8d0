//! Plumbing to PostgreSQL: sessions, catalog, pool, notifications, private servers.

pub mod connect;
pub mod fault;

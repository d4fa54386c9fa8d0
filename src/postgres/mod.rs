//! Plumbing to PostgreSQL: sessions, tables, what `init` makes, private servers.

pub mod ddl;
pub mod same_database;
pub mod server;
pub mod session;
pub mod table;

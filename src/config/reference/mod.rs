//! What people and editors read about the configuration, written from the table of keys: an
//! example, a schema, a manual.

mod example;
mod manual;
mod schema;
mod words;

pub use example::example;
pub use manual::manual;
pub use schema::schema;
pub(super) use words::literal;

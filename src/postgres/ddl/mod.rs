//! What `init` makes: the objects that are there, those that are wanted, and the script from the
//! one to the other.

pub mod database;
pub mod event_table;
pub mod existing;
pub mod object;
pub mod script;
pub mod shape;

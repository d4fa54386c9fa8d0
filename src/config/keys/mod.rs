//! Every key of the configuration file, once: what may be written for it, what holds without it,
//! and what a person should know.
//!
//! The reader takes ranges, words and defaults from here; the example, the JSON Schema and
//! docs/configuration.md are written from here.

mod connection;
mod console;
mod destination;
mod key;
mod log;
mod metrics;
mod reflection;
mod replication;
mod root;
mod source;
mod table;
mod verify;

pub(crate) use console::CONSOLE;
pub(crate) use destination::{DESTINATION, PLAIN, POSTGRES};
pub(crate) use key::{
    AllowedWord, ExampleValue, IDENTIFIER_BYTES_MAX, IntegerRange, Key, KeyDefault, KeyGroup,
    KeyTable, LABEL_BYTES_MAX, MS_MAX, PORT, SlateName, Unit, ValueType,
};
pub(crate) use log::LOG;
pub(crate) use metrics::METRICS;
pub(crate) use reflection::REFLECTION;
pub(crate) use replication::REPLICATION;
pub(crate) use root::ROOT;
pub(crate) use source::SOURCE;
pub(crate) use table::TABLE;
pub(crate) use verify::VERIFY;

/// All tables of a file, from its top; kinds of destinations have keys besides.
pub(crate) const TABLES: &[KeyTable] =
    &[ROOT, SOURCE, TABLE, DESTINATION, REFLECTION, REPLICATION, VERIFY, LOG, CONSOLE, METRICS];

/// Those that belong to the process and not to a replication.
pub(crate) const PROCESS: &[KeyTable] = &[LOG, CONSOLE, METRICS];

//! The names of all keys, so that one fact has one name everywhere.

/// Name of a destination, as configured.
pub const DESTINATION: &str = "destination";
/// The replication, where a process has several.
pub const REPLICATION: &str = "replication";
/// Schema and name of a table.
pub const TABLE: &str = "table";
/// Host, port and database of a server, without user or password.
pub const DATABASE: &str = "database";
/// The highest id a destination holds.
pub const POSITION: &str = "position";
/// The highest id of a range.
pub const THROUGH: &str = "through";
/// A number of events.
pub const EVENTS: &str = "events";
/// A number of bytes.
pub const BYTES: &str = "bytes";
/// A duration in milliseconds.
pub const ELAPSED_MS: &str = "elapsed_ms";
/// How long is waited, in milliseconds.
pub const WAIT_MS: &str = "wait_ms";
/// What went wrong, in one line.
pub const ERROR: &str = "error";
/// What to do about it.
pub const FIX: &str = "fix";
/// An id.
pub const ID: &str = "id";
/// SHA-256 of a row before it was replaced, in hexadecimal digits.
pub const SHA256_BEFORE: &str = "sha256_before";
/// SHA-256 of the row that is there now, in hexadecimal digits.
pub const SHA256_AFTER: &str = "sha256_after";
/// The highest id before something.
pub const AFTER: &str = "after";
/// The lowest position of several destinations.
pub const LOWEST_POSITION: &str = "lowest_position";
/// The highest id that was seen at the source.
pub const HIGHEST_ID: &str = "highest_id";
/// A position that is not the present one any more.
pub const POSITION_BEFORE: &str = "position_before";
/// Keys whose value is an id, or null where there is none.
pub(super) const OF_IDS: [&str; 7] =
    [POSITION, THROUGH, ID, AFTER, LOWEST_POSITION, HIGHEST_ID, POSITION_BEFORE];
/// A signal of the system.
pub const SIGNAL: &str = "signal";

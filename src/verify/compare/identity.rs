//! Which table a side is.

/// Which table of which database: what a journal must not confuse.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TableIdentity {
    /// The number `initdb` gave the cluster, where it may be read.
    pub system_identifier: Option<u64>,
    /// Database.
    pub database: String,
    /// Schema and name of the table.
    pub table: String,
    /// Its oid.
    pub oid: u32,
    /// Whether the server is a standby: it may be late, and shares everything else with its
    /// primary.
    pub is_standby: bool,
}

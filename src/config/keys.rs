//! Every key of the configuration file: where it belongs, and what slate calls it in its JSON.

/// A key by our name, by slate's, or by both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) ours: Option<&'static str>,
    /// Only known in JSON.
    pub(super) slates: Option<&'static str>,
}

const fn ours(name: &'static str) -> Key {
    Key {
        ours: Some(name),
        slates: None,
    }
}

const fn both(ours: &'static str, slates: &'static str) -> Key {
    Key {
        ours: Some(ours),
        slates: Some(slates),
    }
}

const fn slates(name: &'static str) -> Key {
    Key {
        ours: None,
        slates: Some(name),
    }
}

/// The file itself. slate's two numbers stand here; ours are in `[replication]`.
pub(super) const ROOT: &[Key] = &[
    both("source", "eventSource"),
    both("destinations", "replicationDestinations"),
    ours("replication"),
    ours("log"),
    slates("maxEventsPerWrite"),
    slates("connectTimeout"),
];

/// `[source]`.
pub(super) const SOURCE: &[Key] = &[
    ours("url"),
    ours("host"),
    ours("port"),
    both("database", "databaseName"),
    ours("user"),
    ours("password"),
    ours("password_file"),
    ours("table"),
    ours("id_column"),
    ours("ids"),
    ours("group_by"),
    ours("group_events_max"),
    ours("channel"),
    ours("known_gaps"),
    ours("poll_interval_ms"),
    ours("durability_gate"),
];

/// `[[destinations]]`.
pub(super) const DESTINATION: &[Key] = &[
    ours("name"),
    ours("url"),
    ours("host"),
    ours("port"),
    both("database", "databaseName"),
    ours("user"),
    ours("password"),
    ours("password_file"),
    ours("table"),
    ours("writers"),
    ours("synchronous_commit"),
];

/// `[replication]`.
pub(super) const REPLICATION: &[Key] = &[
    ours("max_events_per_write"),
    ours("max_bytes_per_write"),
    ours("connect_timeout_ms"),
    ours("retry_wait_max_ms"),
    ours("retry_for_ms"),
    ours("hold_max_ms"),
    ours("readers_max"),
    ours("append_timeout_ms"),
    ours("buffer_bytes_max"),
    ours("shutdown_timeout_ms"),
];

/// `[log]`.
pub(super) const LOG: &[Key] = &[ours("level"), ours("format")];

/// All tables, as they are written in TOML.
pub(super) const TABLES: &[(&str, &[Key])] = &[
    ("the top of the file", ROOT),
    ("[source]", SOURCE),
    ("[[destinations]]", DESTINATION),
    ("[replication]", REPLICATION),
    ("[log]", LOG),
];

//! A configuration as a person would have written it, for databases of the tests.

use crate::harness::Database;
use counterfoil::config::libpq::Conninfo;
use counterfoil::config::{
    DestinationConfig, DestinationKind, GroupBy, IdsSetting, PostgresDestinationConfig,
    ReplicationConfig, ReplicationLimits, SourceConfig, SourceRetention, VerifyConfig,
};
use counterfoil::postgres::table::TableName;
use counterfoil::sql::ColumnNames;
use std::time::Duration;

/// A table by its name as SQL has it.
pub fn table(name: &str) -> TableName {
    TableName::parse(name).unwrap()
}

/// A source and its destinations by name, all with `public.events` and every default.
pub fn config(source: &Database, destinations: &[(&str, &Database)]) -> ReplicationConfig {
    ReplicationConfig {
        name: "test".to_owned(),
        source: SourceConfig {
            conninfo: source.conninfo.clone(),
            table: table("events"),
            id_column: "id".to_owned(),
            columns: Vec::new(),
            ids: IdsSetting::Auto,
            group_by: GroupBy::IfPresent("ts".to_owned()),
            time_column: None,
            group_events_max: 1_000_000,
            channel: "eventsinsert".to_owned(),
            known_gaps: Vec::new(),
            keeps: SourceRetention::All,
            poll_interval: Duration::from_secs(1),
            durability_gate: true,
        },
        destinations: destinations
            .iter()
            .map(|(name, database)| destination(name, &database.conninfo))
            .collect(),
        limits: ReplicationLimits {
            max_events_per_write: 10_000,
            max_bytes_per_write: 16 << 20,
            connect_timeout: Duration::from_secs(20),
            retry_wait_max: Duration::from_secs(30),
            retry_for: None,
            hold_max: Duration::from_millis(100),
            readers_max: 4,
            append_timeout: Duration::from_secs(120),
            buffer_bytes_max: 16 << 20,
            shutdown_timeout: Duration::from_secs(5),
        },
        verify: VerifyConfig::default(),
        flags: "--config …".to_owned(),
        revision: 0,
        notes: Vec::new(),
    }
}

/// A destination with `public.events` and every default.
pub fn destination(name: &str, conninfo: &Conninfo) -> DestinationConfig {
    DestinationConfig {
        name: name.to_owned(),
        kind: DestinationKind::Postgres(PostgresDestinationConfig {
            conninfo: conninfo.clone(),
            table: table("events"),
            rows: None,
            rename: ColumnNames::default(),
            writers: 1,
            synchronous_commit: None,
        }),
    }
}

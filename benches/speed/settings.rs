//! How the private servers of all measurements are set up.

use counterfoil::postgres::server::ServerSettings;

/// As in production, but that no checkpoint and no vacuum falls into one run and not into the
/// other.
pub fn settings() -> ServerSettings {
    let ours = [
        ("shared_buffers", "512MB"),
        ("max_wal_size", "32GB"),
        ("checkpoint_timeout", "1d"),
        ("autovacuum", "off"),
        ("wal_buffers", "16MB"),
        // What logical replication needs at a source, whoever runs.
        ("wal_level", "logical"),
        // Workers of subscriptions start no oftener than this: 5 s would fall into runs that follow
        // each other quickly.
        ("wal_retrieve_retry_interval", "100ms"),
    ];
    ours.iter()
        .fold(ServerSettings::new().durable(), |settings, (name, value)| settings.set(name, value))
}

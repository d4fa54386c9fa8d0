//! What an attack found at the edges of openings, pauses and reloads: each of these failed once.

mod gate;
mod openings;
mod pauses;
mod reloads;

use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{init_destination, init_source};
use crate::support::replicator::Setup;
use counterfoil::config::ReplicationConfig;

/// A source and a destination, without events.
pub async fn pair() -> (Database, Database) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    (source, copy)
}

/// A configuration from one to the other.
pub fn between(source: &Database, copy: &Database) -> Setup {
    Setup::from(source).to("copy", copy)
}

/// The configuration under another name.
pub fn named(name: &str, config: ReplicationConfig) -> ReplicationConfig {
    ReplicationConfig { name: name.to_owned(), ..config }
}

//! How far every destination is and how it does, from the databases alone: works while no
//! replicator runs, and does not retry.

mod answer;
mod ask;
mod distance;
mod sessions;
mod table;

pub use crate::destination::connector::Replicator;
pub use crate::replicate::check::observed::ComparisonDepth;
pub use crate::replicate::health::Health;
pub use answer::{
    BlockingTransaction, ComparedBy, DestinationStatus, ReplicationStatus, SourceStatus,
};

use crate::config::ReplicationConfig;

/// Asks the source and all destinations at the same time; a side that does not answer a short
/// question within `connect_timeout` twice is unreachable. A comparison that counts takes as long
/// as both servers work on it.
pub async fn status(config: &ReplicationConfig, depth: ComparisonDepth) -> ReplicationStatus {
    ask::all(config, depth).await
}

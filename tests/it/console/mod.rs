//! The window: what it says of a running replication, to whom, and that it never lies.

mod actions;
pub mod browser;
mod ending;
mod guarding;
mod probes;
mod reports;
pub mod site;
mod truth;

use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{init_destination, init_source, insert};
use crate::support::replicator::{Replicator, Setup};
use site::Site;

/// `[console]` on a free port of this machine, and these lines.
fn console(lines: &str) -> String {
    format!("[console]\nlisten = \"127.0.0.1:0\"\n{lines}")
}

/// A source with so many events, and an empty destination.
async fn pair(events: u32) -> (Database, Database) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, events).await;
    (source, copy)
}

/// Starts it with a window, and waits until that is open.
async fn opened(setup: &Setup, flags: &[&str]) -> (Replicator, Site) {
    let mut replicator = setup.start(flags);
    let site = Site::of(&mut replicator).await;
    (replicator, site)
}

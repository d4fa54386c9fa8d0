//! The window: what it says of a running replication, to whom, and that it never lies.

mod actions;
pub mod browser;
mod ending;
mod guarding;
mod probes;
mod reports;
pub mod site;
mod truth;

use crate::support::replicator::{Replicator, Setup};
use site::Site;

/// `[console]` on a free port of this machine, and these lines.
fn console(lines: &str) -> String {
    format!("[console]\nlisten = \"127.0.0.1:0\"\n{lines}")
}

/// Starts it with a window, and waits until that is open.
async fn opened(setup: &Setup, flags: &[&str]) -> (Replicator, Site) {
    let mut replicator = setup.start(flags);
    let site = Site::of(&mut replicator).await;
    (replicator, site)
}

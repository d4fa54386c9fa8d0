//! What the tests of a running replicator share: its process, its writers, a slow network, and how copies are compared.

pub mod events;
pub mod liar;
pub mod proxy;
pub mod replicator;
pub mod standby;

use crate::harness::{Database, fresh_destination};
use events::{arrives, init_destination, init_source, insert};
use proxy::{Network, Proxy};
use replicator::{Replicator, Setup};
use std::time::{Duration, Instant};

/// Nothing that is waited for takes longer, however busy the machine is.
pub const LONG: Duration = Duration::from_secs(90);

/// Waits until it is so; fails with `what` when that takes too long.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < LONG, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes this database a source with so many events and a destination that holds them; with the replicator that follows.
pub async fn following(source: Database, events: u32) -> (Database, Database, Replicator) {
    let destination = fresh_destination().await;
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, events).await;
    let replicator = Setup::from(&source)
        .to("copy", &destination)
        .key("retry_wait_max_ms = 500")
        .start(&[]);
    arrives(&destination, i64::from(events)).await;
    (source, destination, replicator)
}

/// Tells a figure to whoever runs the test with `--nocapture`.
#[allow(clippy::print_stdout, reason = "captured unless somebody asks for it")]
pub fn say(figure: &str) {
    println!("{figure}");
}

/// A way to the database through such a network.
pub async fn through(database: &Database, network: Network) -> Proxy {
    Proxy::new(&database.server.socket_dir(), database.server.port(), network).await
}

/// Whether the tests are to take the time they need: `COUNTERFOIL_TEST_FULL=1`.
pub fn is_full() -> bool {
    std::env::var_os("COUNTERFOIL_TEST_FULL").is_some_and(|value| value == "1")
}

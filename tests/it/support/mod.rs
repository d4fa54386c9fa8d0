//! What the tests of a running replicator share: its process, its writers, a slow network, and how
//! copies are compared.

pub mod events;
pub mod liar;
pub mod proxy;
pub mod replicator;
pub mod standby;
pub mod terminal;

use crate::harness::{Database, fresh_destination};
use events::{arrives, init_destination, init_source, insert};
use proxy::{Network, Proxy};
use replicator::{Replicator, Setup};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

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

/// Makes this database a source with so many events and a destination that holds them; with the
/// replicator that follows.
pub async fn following(source: Database, events: u32) -> (Database, Database, Replicator) {
    let destination = fresh_destination().await;
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, events).await;
    let replicator =
        Setup::from(&source).to("copy", &destination).key("retry_wait_max_ms = 500").start(&[]);
    arrives(&destination, i64::from(events)).await;
    (source, destination, replicator)
}

/// Ends the sessions that do this, or all of ours: `what` is a pattern. At least one must be there.
pub async fn terminate(database: &Database, what: &str) {
    let ended = database
        .query(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = \
             current_database() and application_name like 'counterfoil/{what}'"
        ))
        .await;
    assert!(!ended.is_empty(), "there is no session that does {what}");
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

/// A session that keeps everybody else from the event table, until its transaction ends.
pub async fn lock_out(database: &Database) -> Client {
    let locker = database.client().await;
    locker.batch_execute("begin; lock table events in access exclusive mode").await.unwrap();
    locker
}

/// A session that keeps everybody else from counting the events, until its transaction ends: the
/// table itself can be looked at.
pub async fn hold_up_counts(database: &Database) -> Client {
    let locker = database.client().await;
    locker.batch_execute("begin; reindex index events_pkey").await.unwrap();
    locker
}

/// The process that waits to count the events; 0 while none does.
pub async fn counting_process(database: &Database) -> Vec<String> {
    let waiting = "select coalesce(max(pid), 0) from pg_locks where relation = \
                   'events_pkey'::regclass and not granted";
    database.query(waiting).await
}

/// Whether the tests are to take the time they need: `COUNTERFOIL_TEST_FULL=1`.
pub fn is_full() -> bool {
    std::env::var_os("COUNTERFOIL_TEST_FULL").is_some_and(|value| value == "1")
}

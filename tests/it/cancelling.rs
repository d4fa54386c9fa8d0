//! What is asked of a server for a comparison that has failed or was stopped is cancelled there.

use crate::configured::config;
use crate::edges::pair;
use crate::harness::Database;
use crate::support::events::insert;
use crate::support::{counting_process, hold_up_counts, lock_out, terminate, until};
use crate::truth::running::{copy_all, until_answer, until_waiting};
use crate::truth::watched::Watched;
use counterfoil::replicate::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;

/// Lets the replicator's statements pass a session that locks them out, one by one, until one asks
/// for the digest of an event. Gives who locks that one out, and its process.
async fn hold_up_digest(database: &Database, mut locker: Client) -> (Client, String) {
    let waiting = "select pid || case when query ~ 'sha256' then '' else ' passes' end from \
                   pg_stat_activity where datname = current_database() and application_name like \
                   'counterfoil/%' and wait_event_type = 'Lock'";
    let queued = "select count(*) from pg_locks where relation = 'events'::regclass and mode = \
                  'AccessExclusiveLock' and not granted";
    loop {
        let mut found = Vec::new();
        until("a statement waits", async || {
            found = database.query(waiting).await;
            !found.is_empty()
        })
        .await;
        if let Some(process) = found.iter().find(|process| !process.ends_with("passes")) {
            return (locker, process.clone());
        }
        let next = database.client().await;
        let locking = tokio::spawn(async move {
            next.batch_execute("begin; lock table events in access exclusive mode").await.unwrap();
            next
        });
        until_answer(database, queued, &["1"]).await;
        drop(locker);
        locker = locking.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_asked_of_a_destination_is_cancelled_when_the_comparison_fails_at_the_source() {
    let (source, copy) = pair().await;
    insert(&source, 3).await;
    let config = config(&source, &[("copy", &copy)]);
    copy_all(&config).await;
    let (at_source, at_copy) = (lock_out(&source).await, lock_out(&copy).await);
    let mut watched = Watched::start(&config, false);
    let ((_at_source, _), (_at_copy, process)) =
        tokio::join!(hold_up_digest(&source, at_source), hold_up_digest(&copy, at_copy));
    terminate(&source, "check").await;
    let is_lost =
        |now: &Arc<Snapshot>| now.source.connection.losses + now.lanes[0].connection.losses > 0;
    watched.shows("the comparison has failed", is_lost).await;
    is_cancelled(&copy, &process).await;
}

/// Asserts that a server process is not kept waiting by a client that is gone, which a server
/// notices by itself only after ten seconds.
async fn is_cancelled(database: &Database, process: &str) {
    let waits = format!(
        "select count(*) from pg_stat_activity where pid = {process} and wait_event_type = 'Lock'"
    );
    let cancelled = until_answer(database, &waits, &["0"]);
    let cancelled = tokio::time::timeout(Duration::from_secs(4), cancelled).await;
    assert!(cancelled.is_ok(), "server process {process} goes on");
}

#[tokio::test]
async fn nothing_that_is_counted_for_destinations_at_different_positions_goes_on_after_a_stop() {
    let (source, ahead) = pair().await;
    let (_, behind) = pair().await;
    insert(&source, 5).await;
    let config = config(&source, &[("ahead", &ahead), ("behind", &behind)]);
    copy_all(&config).await;
    behind.execute("delete from events where id > 3").await;
    let locker = lock_out(&ahead).await;
    let watched = Watched::start(&config, false);
    until_waiting(&ahead, "counterfoil/append").await;
    let _counts = hold_up_counts(&source).await;
    drop(locker);
    until("the source counts", async || counting_process(&source).await != ["0"]).await;
    let process = counting_process(&source).await[0].clone();
    watched.running.stop().await;
    is_cancelled(&source, &process).await;
}

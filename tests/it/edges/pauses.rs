//! What changes at the source while destinations are paused.

use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, digest, init_destination, insert};
use crate::truth::watched::Watched;
use counterfoil::replicate::command::LaneAction;
use counterfoil::replicate::health::Health;
use std::time::Duration;

/// A source without the trigger that refuses changes, its destination, and a replication of both
/// that was paused when 6 events were copied; a seventh came then, and was looked at.
async fn paused_before_the_seventh() -> (Database, Database, Watched) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigserial primary key, ts timestamptz not null default now(), \
             event jsonb not null)",
        )
        .await;
    init_destination(&copy).await;
    let mut watched = Watched::start(&config(&source, &[("copy", &copy)]), false);
    for round in 1..=3 {
        insert(&source, 2).await;
        watched.is_level(0, 2 * round).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    watched.command("copy", LaneAction::Pause).await.unwrap();
    watched.is(0, Health::Paused).await;
    insert(&source, 1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    (source, copy, watched)
}

#[tokio::test]
async fn after_a_pause_an_event_is_copied_as_it_is_then() {
    let (source, copy, watched) = paused_before_the_seventh().await;
    source.execute("update events set event = '{\"changed\": true}' where id = 7").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    watched.command("copy", LaneAction::Resume).await.unwrap();
    arrives(&copy, 7).await;
    assert_eq!(digest(&copy, i64::MAX).await, digest(&source, i64::MAX).await);
    watched.running.stop().await;
}

#[tokio::test]
async fn after_a_pause_an_event_that_was_removed_meanwhile_is_not_copied() {
    let (source, copy, watched) = paused_before_the_seventh().await;
    source.execute("delete from events where id = 7").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    watched.command("copy", LaneAction::Resume).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    insert(&source, 1).await;
    arrives(&copy, 8).await;
    assert_eq!(digest(&copy, i64::MAX).await, digest(&source, i64::MAX).await);
    watched.running.stop().await;
}

//! Sides that are opened: at the start, and when a destination comes late or comes back.

use crate::configured::config;
use crate::edges::pair;
use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
};
use crate::pooler::{Mode, Pooler, through};
use crate::support::events::{digest, equal, init_destination, init_source, insert};
use crate::support::standby::promote;
use crate::support::{lock_out, terminate};
use crate::truth::watched::Watched;
use counterfoil::config::ReplicationConfig;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::replicate::health::Health;
use counterfoil::replicate::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

/// A table that takes changes, without a trigger.
const TABLE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                     default now(), event jsonb not null)";

/// A source with two events in such a table and its destination, and a replication of both that is
/// level.
async fn level() -> (Database, Database, Watched) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(TABLE).await;
    init_destination(&copy).await;
    insert(&source, 3).await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.limits.retry_wait_max = Duration::from_millis(50);
    let mut watched = Watched::start(&config, false);
    watched.is_level(0, 3).await;
    (source, copy, watched)
}

/// Everything that the present or last outage of a lane says.
fn outage(now: &Snapshot, lane: usize) -> String {
    format!("{:?}", now.lanes[lane].connection.outage)
}

#[tokio::test]
async fn a_destination_that_comes_back_to_a_source_that_was_emptied_and_refilled_is_compared_whole()
{
    let (source, copy, mut watched) = level().await;
    // Neither the table nor its last event is another, so that no look tells.
    source
        .execute(
            "begin; create temp table kept as select * from events where id <> 2; truncate \
             events; insert into events select * from kept; commit",
        )
        .await;
    terminate(&copy, "append").await;
    let diverged = watched.is(0, Health::Diverged).await;
    let found = outage(&diverged, 0);
    assert!(found.contains("does not hold as many events as the source"), "{found}");
}

#[tokio::test]
async fn a_destination_that_holds_an_id_above_the_sequence_is_opened_when_that_has_passed_it() {
    let (source, copy, mut watched) = level().await;
    let by_hand = "insert into events (id, ts, event) values (9, '2001-01-01Z', '{}')";
    source.execute(by_hand).await;
    copy.execute(&by_hand.replace("values", "overriding system value values")).await;
    terminate(&copy, "append").await;
    let waits = |now: &Arc<Snapshot>| {
        now.lanes[0].health == Health::Waiting
            && outage(now, 0).contains("holds id 9, which sequence public.events_id_seq has not")
    };
    watched.shows("it waits for the sequence", waits).await;
    source.execute("select setval('events_id_seq', 9)").await;
    insert(&source, 1).await;
    watched.is_level(0, 10).await;
    assert_eq!(digest(&copy, i64::MAX).await, digest(&source, i64::MAX).await);
    watched.running.stop().await;
}

/// A source, a destination on a server that is stopped, and the configuration of both.
async fn away() -> (Database, Database, ReplicationConfig) {
    let source = fresh_database().await;
    let late = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&late).await;
    insert(&source, 3).await;
    late.server.aside(PrivateServer::stop_fast).await.unwrap();
    let mut config = config(&source, &[("late", &late)]);
    config.limits.retry_wait_max = Duration::from_millis(50);
    (source, late, config)
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_before_a_destination_that_comes_late_is_found_out() {
    let (_source, late, mut config) = away().await;
    let pooler = Pooler::new(&late, Mode::InTurn).await;
    config.destinations[0].postgres_mut().unwrap().conninfo = through(&pooler, &late);
    let mut watched = Watched::start(&config, false);
    watched.is(0, Health::Waiting).await;
    late.server.aside(PrivateServer::start).await.unwrap();
    let stopped = watched.is(0, Health::Stopped).await;
    let found = outage(&stopped, 0);
    assert!(found.contains("a pooler in transaction or statement mode"), "{found}");
}

#[tokio::test]
async fn a_destination_that_comes_late_as_a_standby_is_fed_when_it_is_promoted() {
    let (source, late, config) = away().await;
    let mut watched = Watched::start(&config, false);
    watched.is(0, Health::Waiting).await;
    std::fs::write(late.server.data_dir().join("standby.signal"), "").unwrap();
    late.server.aside(PrivateServer::start).await.unwrap();
    let is_refused = |now: &Arc<Snapshot>| {
        now.lanes[0].health == Health::Waiting
            && outage(now, 0).contains("the server is a standby and takes no writes")
    };
    watched.shows("it is known for a standby", is_refused).await;
    promote(&late.server).await;
    equal(&source, &late).await;
    watched.running.stop().await;
}

#[tokio::test]
async fn a_comparison_at_the_start_may_take_longer_than_the_time_that_is_allowed_without_progress()
{
    let (source, copy) = pair().await;
    insert(&source, 3).await;
    let allowed = Duration::from_secs(3);
    let mut config = config(&source, &[("copy", &copy)]);
    config.limits.retry_for = Some(allowed);
    let locker = lock_out(&copy).await;
    let mut watched = Watched::start(&config, true);
    let is_over = |now: &Arc<Snapshot>| now.run.elapsed_seconds > allowed.as_secs_f64() + 1.5;
    let compared = watched.shows("it takes long", is_over).await;
    assert!(!compared.run.has_ended);
    drop(locker);
    let problems = watched.running.ends().await;
    assert!(problems.is_empty(), "{}", problems.report());
    equal(&source, &copy).await;
}

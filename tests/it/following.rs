//! The source is followed: woken by what rings, polled where nothing does, quiet while nothing
//! happens, and whatever is lost comes back.

use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
    own_server,
};
use crate::support::events::{
    arrives, equal, highest, init_destination, init_source, init_source_with, insert, statement,
};
use crate::support::replicator::{Replicator, Setup};
use crate::support::{is_full, say, terminate, until};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// With this, only something that rings brings an event sooner.
const POLL_SELDOM: &str = "poll_interval_ms = 3600000";

async fn pair(notify: &str) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source_with(&source, "sequence", notify).await;
    init_destination(&destination).await;
    (source, destination)
}

/// A replicator that has nothing to do.
async fn asleep(source: &Database, destination: &Database, key: &str) -> Replicator {
    insert(source, 1).await;
    let replicator = Setup::from(source).source_key(key).to("copy", destination).start(&[]);
    arrives(destination, 1).await;
    replicator
}

/// Waits until the doorbell's lock is taken: from then on whoever writes rings.
async fn armed(source: &Database) {
    until("the doorbell is armed", async || doorbells(source).await == 1).await;
}

async fn doorbells(source: &Database) -> u32 {
    let asked = "select count(*) from pg_locks where locktype = 'advisory' and mode = \
                 'ExclusiveLock' and granted and classid = 1129268820 and database = (select oid \
                 from pg_database where datname = current_database())";
    source.query(asked).await[0].parse().unwrap()
}

/// Writers that pause at random, so that the replicator falls asleep again and again, often just
/// when one of them begins.
#[tokio::test(flavor = "multi_thread")]
async fn no_wake_up_is_lost_while_writers_come_and_go_at_random() {
    let seconds = if is_full() { 30 } else { 8 };
    let (source, destination) = pair("doorbell").await;
    let replicator = asleep(&source, &destination, POLL_SELDOM).await;
    let (over, mut writers) = (Instant::now() + Duration::from_secs(seconds), JoinSet::new());
    for seed in 0..3 {
        let client = source.client().await;
        let mut random = StdRng::seed_from_u64(seed);
        writers.spawn(async move {
            let mut written = 0_u32;
            while Instant::now() < over {
                let hold = random.random_range(0..30);
                client.batch_execute(&format!("begin; {}", statement(1))).await.unwrap();
                tokio::time::sleep(Duration::from_millis(hold)).await;
                client.batch_execute("commit").await.unwrap();
                written += 1;
                let pause = if random.random_bool(0.3) { 300 } else { 20 };
                tokio::time::sleep(Duration::from_millis(random.random_range(0..pause))).await;
            }
            written
        });
    }
    let (mut longest, mut is_over) = (Duration::ZERO, false);
    while !is_over {
        is_over = Instant::now() > over;
        let (begun, committed) = (Instant::now(), highest(&source).await);
        while highest(&destination).await < committed {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "event {committed} was slept through"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        longest = longest.max(begun.elapsed());
    }
    let mut written = 0;
    while let Some(done) = writers.join_next().await {
        written += done.unwrap();
    }
    say(&format!(
        "{written} transactions in {seconds} s; the longest an event was waited for: {longest:?}"
    ));
    equal(&source, &destination).await;
    replicator.stops().await;
}

#[tokio::test]
async fn the_doorbell_rings_only_for_a_sleeper_and_wakes_it() {
    let (source, destination) = pair("doorbell").await;
    let replicator = asleep(&source, &destination, POLL_SELDOM).await;
    for id in 2..6 {
        armed(&source).await;
        insert(&source, 1).await;
        arrives(&destination, id).await;
    }
    replicator.stops().await;
    until("nobody would be rung for", async || doorbells(&source).await == 0).await;
}

#[tokio::test]
async fn under_load_events_travel_together() {
    let (source, destination) = pair("doorbell").await;
    let replicator = asleep(&source, &destination, POLL_SELDOM).await;
    let (client, since) = (source.client().await, Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        client.batch_execute(&statement(20)).await.unwrap();
    }
    let last = highest(&source).await;
    arrives(&destination, last).await;
    // A look every 10 ms at most, and one commit for each.
    let most = since.elapsed().as_millis() / 10 + 2;
    let commits =
        destination.query("select count(distinct xmin::text) from events where id > 1").await[0]
            .parse::<u128>()
            .unwrap();
    say(&format!("{last} events came in {commits} transactions"));
    assert!(commits <= most, "{commits} transactions, at most {most} were expected");
    replicator.stops().await;
}

#[tokio::test]
async fn slates_trigger_wakes_the_replicator_too() {
    let (source, destination) = pair("slate").await;
    let mut replicator = asleep(&source, &destination, POLL_SELDOM).await;
    replicator.says(&["trigger", "notify", "notifies of every insert"]).await;
    for id in 2..6 {
        insert(&source, 1).await;
        arrives(&destination, id).await;
    }
    replicator.stops().await;
}

#[tokio::test]
async fn without_a_trigger_the_source_is_polled() {
    let (source, destination) = pair("none").await;
    let mut replicator = asleep(&source, &destination, "").await;
    replicator.says(&["none, so the source is polled"]).await;
    for id in 2..6 {
        insert(&source, 1).await;
        arrives(&destination, id).await;
    }
    assert_eq!(
        source
            .query(
                "select count(*) from pg_stat_activity where application_name = \
                 'counterfoil/listen' and datname = current_database()"
            )
            .await,
        ["0"]
    );
    replicator.stops().await;
}

#[tokio::test]
async fn a_listener_that_is_lost_comes_back_and_wakes_again() {
    let (source, destination) = pair("doorbell").await;
    let mut replicator = asleep(&source, &destination, POLL_SELDOM).await;
    armed(&source).await;
    terminate(&source, "listen").await;
    replicator.says(&["LISTEN connection lost; polling until it reconnects"]).await;
    insert(&source, 1).await;
    arrives(&destination, 2).await;
    until("it listens again", async || replicator.lines(&["listening started"]) == 2).await;
    armed(&source).await;
    insert(&source, 1).await;
    arrives(&destination, 3).await;
    assert_eq!(replicator.lines(&["the source was lost"]), 0);
    replicator.stops().await;
}

#[tokio::test]
async fn a_sleeper_whose_own_session_is_ended_notices_though_nothing_rings() {
    let (source, destination) = pair("doorbell").await;
    let mut replicator = asleep(&source, &destination, POLL_SELDOM).await;
    armed(&source).await;
    terminate(&source, "mark").await;
    replicator.says(&["the source was lost, trying again", "57P01"]).await;
    replicator.says(&["the source is back"]).await;
    insert(&source, 1).await;
    arrives(&destination, 2).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_writer_that_outlasts_every_patience_is_not_slept_through() {
    let (source, destination) = pair("doorbell").await;
    let replicator = asleep(&source, &destination, POLL_SELDOM).await;
    insert(&source, 1).await;
    let writer = source.client().await;
    // It begins while nobody is armed, or rings for nothing: in both cases its event is only seen
    // at its commit.
    writer.batch_execute(&format!("begin; {}", statement(1))).await.unwrap();
    arrives(&destination, 2).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    writer.batch_execute("commit").await.unwrap();
    arrives(&destination, 3).await;
    replicator.stops().await;
}

#[tokio::test]
async fn both_sides_may_be_restarted_while_they_are_followed() {
    let source = fresh_database_on(&own_server(&ServerSettings::new())).await;
    let destination = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&destination).await;
    let mut replicator = asleep(&source, &destination, POLL_SELDOM).await;
    source.server.aside(PrivateServer::restart).await.unwrap();
    insert(&source, 1).await;
    arrives(&destination, 2).await;
    destination.server.aside(PrivateServer::restart).await.unwrap();
    insert(&source, 1).await;
    arrives(&destination, 3).await;
    replicator.says(&["the source was lost, trying again"]).await;
    replicator.says(&["the source is back"]).await;
    replicator.says(&["the destination was lost, trying again"]).await;
    replicator.says(&["the destination is back"]).await;
    replicator.stops().await;
}

#[tokio::test]
async fn while_nothing_happens_the_source_is_asked_less_than_three_times_a_second() {
    let logging = ServerSettings::new().set("log_statement", "all").set("log_line_prefix", "%a ");
    let server = own_server(&logging);
    for notify in ["doorbell", "none"] {
        let (source, destination) = (fresh_database_on(&server).await, fresh_destination().await);
        init_source_with(&source, "sequence", notify).await;
        init_destination(&destination).await;
        let replicator = asleep(&source, &destination, "").await;
        // Without a bell, the waits between two looks grow to their full length first.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let (begun, before) = (Instant::now(), asked(&server));
        tokio::time::sleep(Duration::from_secs(6)).await;
        let a_second = (asked(&server) - before) as f64 / begun.elapsed().as_secs_f64();
        say(&format!("{notify}: {a_second:.2} statements a second"));
        assert!(a_second > 0.0 && a_second < 3.0, "{notify}: {a_second} statements a second");
        replicator.stops().await;
    }
}

/// How many statements a replicator has sent to the server, by its log.
fn asked(server: &PrivateServer) -> usize {
    let is_statement = |line: &&str| {
        line.starts_with("counterfoil/")
            && (line.contains("statement:") || line.contains("execute "))
    };
    server.log().lines().filter(is_statement).count()
}

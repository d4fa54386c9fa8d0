//! Whatever is killed at whatever moment, the copies are equal in the end, and nothing needs a
//! hand.

use crate::harness::{Database, fresh_database_on, own_destination_server, own_server};
use crate::support::events::{
    Writers, digest, equal, highest, init_destination, init_source, init_source_with, insert,
};
use crate::support::replicator::{Replicator, Setup};
use crate::support::{is_full, say, until};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: u64 = 12;
const ROUNDS_FULL: u64 = 50;

/// What is ended in a round.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Replicator,
    Source,
    Destination,
}

async fn sides() -> (Database, Database) {
    let source =
        fresh_database_on(&own_server(&ServerSettings::new().set("wal_writer_delay", "10s"))).await;
    let destination = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    (source, destination)
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_and_crashes_at_random_moments_leave_equal_copies_and_need_no_hand() {
    let (rounds, seed) = (if is_full() { ROUNDS_FULL } else { ROUNDS }, 20_260_703);
    let (source, destination) = sides().await;
    init_source(&source).await;
    init_destination(&destination).await;
    let setup = Setup::from(&source)
        .to("copy", &destination)
        .key("retry_wait_max_ms = 500")
        .key("max_events_per_write = 300");
    let mut random = StdRng::seed_from_u64(seed);
    let writers = Writers::start(&source, 6, seed);
    let mut replicators = vec![setup.start(&[])];
    let mut happened = [0_u32; 3];
    for round in 0..rounds {
        if round % 3 == 1 {
            replicators.push(setup.start(&[]));
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(20..500))).await;
        let victim = [Victim::Replicator, Victim::Source, Victim::Replicator, Victim::Destination]
            [(round % 4) as usize];
        happened[victim as usize] += 1;
        let end = if random.random_bool(0.5) {
            PrivateServer::stop_immediate
        } else {
            PrivateServer::kill_nine
        };
        match victim {
            Victim::Replicator => {
                replicators.swap_remove(random.random_range(0..replicators.len())).kill_nine();
                if replicators.is_empty() {
                    replicators.push(setup.start(&[]));
                }
            }
            Victim::Source => crash(&source.server, end).await,
            Victim::Destination => crash(&destination.server, end).await,
        }
        let before = highest(&destination).await;
        until("events arrive again", async || highest(&destination).await > before).await;
        assert!(
            replicators.iter_mut().all(Replicator::is_running),
            "round {round}, after {victim:?}"
        );
    }
    let commits = writers.stop().await;
    equal(&source, &destination).await;
    assert!(replicators.iter_mut().all(Replicator::is_running));
    let events = highest(&destination).await;
    say(&format!(
        "{rounds} rounds, (replicator, source, destination) ended {happened:?} times, {commits} \
         commits, ids up to {events}"
    ));
}

async fn crash(
    server: &Arc<PrivateServer>,
    end: fn(&PrivateServer) -> counterfoil::error::Result<()>,
) {
    server.aside(end).await.unwrap();
    server.aside(PrivateServer::start).await.unwrap();
}

/// A source that writes its log to disk only when it is asked to.
pub fn forgetful() -> ServerSettings {
    ServerSettings::new()
        .set("wal_writer_delay", "10s")
        .set("synchronous_commit", "off")
        .set("autovacuum", "off")
        .set("checkpoint_timeout", "1h")
}

/// Lets events arrive that the source has not on its disk, and crashes the source at once. Gives
/// what both hold then.
async fn forget(with_gate: bool) -> (i64, i64) {
    let source = fresh_database_on(&own_server(&forgetful())).await;
    let destination = crate::harness::fresh_destination().await;
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 3).await;
    let mut replicator = Setup::from(&source)
        .source_key(&format!("durability_gate = {with_gate}"))
        .to("copy", &destination)
        .start(&[]);
    until("the first events arrive", async || highest(&destination).await == 3).await;
    source.execute("checkpoint").await;
    insert(&source, 20).await;
    until("all events arrive", async || highest(&destination).await == 23).await;
    source.server.aside(PrivateServer::kill_nine).await.unwrap();
    source.server.aside(PrivateServer::start).await.unwrap();
    let held = (highest(&source).await, highest(&destination).await);
    if held.0 < held.1 {
        let end = replicator.ends().await;
        assert_eq!(end.code, Some(4), "{end:?}");
        assert!(end.report.contains("is ahead of the source by 20 events"), "{}", end.report);
        assert!(end.report.contains("both agree up to id 3"), "{}", end.report);
    } else {
        insert(&source, 1).await;
        equal(&source, &destination).await;
        replicator.stops().await;
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_crash_takes_back_from_the_source_never_arrived() {
    assert_eq!(forget(true).await, (23, 23));
}

/// The counter-proof: without the gate such events arrive. The log's writer wakes every ten seconds
/// and may just then have saved them.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_durability_gate_a_crash_leaves_the_destination_ahead_of_its_source() {
    for _ in 0..5 {
        let (source, destination) = forget(false).await;
        if source < destination {
            return;
        }
    }
    panic!("five crashes took no event back: this test can no longer show what the gate is for");
}

/// A destination that writes its log to disk only when a commit waits for it, or its buffers are
/// full; and says what it is asked.
async fn forgetful_destination() -> Database {
    let settings = forgetful().set("log_statement", "all").set("wal_buffers", "64MB");
    let destination = fresh_database_on(&own_destination_server(&settings)).await;
    init_destination(&destination).await;
    destination
}

async fn crash_for_good(destination: &Database) -> i64 {
    crash(&destination.server, PrivateServer::kill_nine).await;
    highest(destination).await
}

fn soon_commits(destination: &Database) -> usize {
    destination.server.log().matches("set local synchronous_commit = off").count()
}

/// Batches that others follow do not wait for the disk; the last one does, and with it all of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_takes_nothing_back_from_a_destination_that_was_caught_up() {
    let source = crate::harness::fresh_database().await;
    init_source(&source).await;
    insert(&source, 5000).await;
    for writers in [1, 3] {
        let destination = forgetful_destination().await;
        let setup = Setup::from(&source).to("copy", &destination).key("max_events_per_write = 500");
        let setup = setup.destination_key(&format!("writers = {writers}"));
        let end = setup.start(&["--until-caught-up"]).ends().await;
        assert_eq!(end.code, Some(0), "{end:?}");
        let soon = soon_commits(&destination);
        assert!((1..=9).contains(&soon), "{soon} of 10 commits");
        assert_eq!(crash_for_good(&destination).await, 5000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_synchronous_commit_is_configured_every_commit_waits() {
    let source = crate::harness::fresh_database().await;
    init_source(&source).await;
    insert(&source, 5000).await;
    let destination = forgetful_destination().await;
    let setup = Setup::from(&source).to("copy", &destination).key("max_events_per_write = 500");
    let end = setup
        .destination_key("synchronous_commit = \"on\"")
        .start(&["--until-caught-up"])
        .ends()
        .await;
    assert_eq!((end.code, soon_commits(&destination)), (Some(0), 0), "{end:?}");
}

/// The batch before a large group is committed while the group is on its way, and then the group
/// turns out to reach over an open id.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_nothing_follows_after_all_survives_a_crash() {
    for writers in [1, 3] {
        let source = crate::harness::fresh_database().await;
        init_source_with(&source, "sequence", "doorbell").await;
        let destination = forgetful_destination().await;
        let setup = Setup::from(&source).to("copy", &destination);
        let setup = setup.destination_key(&format!("writers = {writers}"));
        insert(&source, 1).await;
        assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
        insert(&source, 699).await;
        let (a, b) = (source.client().await, source.client().await);
        let group = "insert into events (event) select jsonb_build_object('n', i, 'text', \
                     repeat(md5(i::text), 300)) from generate_series(1, 300) i";
        a.batch_execute(&format!("begin; {group}")).await.unwrap();
        b.batch_execute("begin; select nextval('events_id_seq')").await.unwrap();
        a.batch_execute(&format!("{group}; commit")).await.unwrap();
        let mut replicator = setup.start(&[]);
        replicator.says(&["replication is blocked by an open transaction"]).await;
        assert_eq!(highest(&destination).await, 700);
        assert!(soon_commits(&destination) > 0);
        replicator.kill_nine();
        assert_eq!(crash_for_good(&destination).await, 700);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consecutive_ids_survive_crashes_of_both_sides_under_two_replicators() {
    let (source, destination) = sides().await;
    init_source_with(&source, "consecutive", "doorbell").await;
    init_destination(&destination).await;
    let setup = Setup::from(&source).to("copy", &destination).key("retry_wait_max_ms = 500");
    let mut replicators = [setup.start(&[]), setup.start(&[])];
    let insert =
        "select insert_events(array_agg(jsonb_build_object('n', i))) from generate_series(1, 7) i";
    for end in [PrivateServer::stop_immediate, PrivateServer::kill_nine] {
        for database in [&source, &destination] {
            let client = source.client().await;
            for _ in 0..20 {
                client.batch_execute(insert).await.unwrap();
            }
            drop(client);
            crash(&database.server, end).await;
        }
    }
    source.execute(insert).await;
    equal(&source, &destination).await;
    assert_eq!(digest(&destination, 7).await, digest(&source, 7).await);
    assert!(replicators.iter_mut().all(Replicator::is_running));
}

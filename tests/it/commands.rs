//! What an operator tells a running replication: pause, resume, retry now, verify now.

use crate::configured::config;
use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
    own_server,
};
use crate::support::events::{
    Writers, equal, highest, init_destination, init_source, insert, prefix,
};
use crate::truth::watched::Watched;
use counterfoil::error::ErrorKind;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::replicate::command::{CommandReply, LaneAction};
use counterfoil::replicate::health::Health;
use counterfoil::replicate::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

async fn source_and_two() -> (Database, Database, Database) {
    let (source, one, two) =
        (fresh_database().await, fresh_destination().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&one).await;
    init_destination(&two).await;
    (source, one, two)
}

#[tokio::test]
async fn a_paused_destination_gets_nothing_while_writers_run_keeps_no_other_waiting_and_goes_on_when_resumed()
 {
    let (source, rests, goes) = source_and_two().await;
    let mut watched =
        Watched::start(&config(&source, &[("rests", &rests), ("goes", &goes)]), false);
    let writers = Writers::start(&source, 3, 11);
    watched
        .shows("both have events", |now| now.lanes.iter().all(|lane| lane.position > Some(20)))
        .await;
    assert_eq!(watched.command("rests", LaneAction::Pause).await.unwrap(), CommandReply::Accepted);
    let paused = watched.is(0, Health::Paused).await;
    assert!(paused.lanes[0].is_paused);
    let position = paused.lanes[0].position;
    let is_far = |now: &Arc<Snapshot>| now.lanes[1].position.unwrap() > position.unwrap() + 200;
    let later = watched.shows("the other goes on", is_far).await;
    assert_eq!((later.lanes[0].position, later.lanes[0].health), (position, Health::Paused));
    assert!(later.lanes[0].lag_seconds > Some(0.0), "it lags meanwhile");
    assert_eq!(Some(highest(&rests).await), position);
    writers.stop().await;
    equal(&source, &goes).await;
    assert_eq!(Some(prefix(&source, &rests).await), position);
    watched.command("rests", LaneAction::Resume).await.unwrap();
    equal(&source, &rests).await;
    let end = highest(&source).await;
    assert!(!watched.is_level(0, end).await.lanes[0].is_paused);
    watched.running.stop().await;
}

#[tokio::test]
async fn a_pause_survives_the_loss_of_the_source_and_of_the_destination_and_the_lock_is_held_meanwhile()
 {
    let source = fresh_database_on(&own_server(&ServerSettings::new())).await;
    let copy = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 3).await;
    let config = config(&source, &[("copy", &copy)]);
    let mut watched = Watched::start(&config, false);
    watched.is_level(0, 3).await;
    watched.command("copy", LaneAction::Pause).await.unwrap();
    watched.is(0, Health::Paused).await;
    for server in [&source.server, &copy.server] {
        let opened_at = watched.snapshots.borrow().lanes[0].checks.as_ref().unwrap().at;
        server.aside(PrivateServer::kill_nine).await.unwrap();
        server.aside(PrivateServer::start).await.unwrap();
        insert(&source, 2).await;
        let is_back = |now: &Arc<Snapshot>| {
            now.lanes[0].health == Health::Paused
                && now.lanes[0].checks.as_ref().unwrap().at > opened_at
        };
        let back = watched.shows("it is opened again and still paused", is_back).await;
        assert_eq!(back.lanes[0].position, Some(3));
    }
    let mut second = Watched::start(&config, false);
    second.is(0, Health::Standby).await;
    second.running.stopped().await;
    watched.command("copy", LaneAction::Resume).await.unwrap();
    equal(&source, &copy).await;
    watched.running.stop().await;
}

#[tokio::test]
async fn a_retry_ends_a_long_wait() {
    let source = fresh_database().await;
    let copy = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 3).await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.limits.retry_wait_max = Duration::from_secs(3600);
    let mut watched = Watched::start(&config, false);
    watched.is_level(0, 3).await;
    copy.server.aside(PrivateServer::kill_nine).await.unwrap();
    insert(&source, 2).await;
    let waits_long = |now: &Arc<Snapshot>| now.lanes[0].connection.losses > 6;
    let lost = watched.shows("it was tried again and again", waits_long).await;
    copy.server.aside(PrivateServer::start).await.unwrap();
    watched.command("copy", LaneAction::Retry).await.unwrap();
    let back = watched.is_level(0, 5).await;
    assert!(Some(back.at) < lost.lanes[0].connection.retry_at, "it was tried before it was due");
    let refused = watched.command("copy", LaneAction::Retry).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    watched.running.stop().await;
}

#[tokio::test]
async fn a_verification_counts_everything_finds_a_planted_hole_and_a_retry_after_the_repair_compares_it_whole()
 {
    let (source, sound, holed) = source_and_two().await;
    // The hole will lie where neither what is counted each minute nor the first part of the
    // rotation comes.
    for first in [1, 3_000_001, 9_000_001] {
        source.execute(&format!("select setval('events_id_seq', {first}, false)")).await;
        insert(&source, 20).await;
    }
    let end = 9_000_020;
    let mut watched =
        Watched::start(&config(&source, &[("sound", &sound), ("holed", &holed)]), false);
    watched.is_level(0, end).await;
    watched.is_level(1, end).await;
    let verified = watched.command("holed", LaneAction::Verify).await.unwrap();
    assert_eq!(verified, CommandReply::Verified { through_id: Some(end) });
    holed
        .execute(
            "create table kept as select * from events where id = 3000007; delete from events \
             where id = 3000007",
        )
        .await;
    let found = watched.command("holed", LaneAction::Verify).await.unwrap_err();
    assert_eq!(found.kind(), ErrorKind::Order, "{found}");
    assert!(found.to_string().contains("next after id 3000006"), "{found}");
    watched.is(1, Health::Diverged).await;
    let refused = watched.command("holed", LaneAction::Verify).await.unwrap_err();
    assert!(refused.to_string().contains("cannot verify destination \"holed\" now"), "{refused}");
    // Nothing was mended: the whole comparison of the next opening says so, the last event being
    // right.
    watched.command("holed", LaneAction::Retry).await.unwrap();
    let is_refused = |now: &Arc<Snapshot>| {
        let outage = now.lanes[1].connection.outage.as_ref().unwrap();
        now.lanes[1].health == Health::Diverged && !outage.what.contains("next after id")
    };
    watched.shows("it is refused again, by its checks", is_refused).await;
    holed.execute("insert into events overriding system value select * from kept").await;
    watched.command("holed", LaneAction::Retry).await.unwrap();
    watched.is_level(1, end).await;
    insert(&source, 5).await;
    equal(&source, &holed).await;
    equal(&source, &sound).await;
    watched.running.stop().await;
}

#[tokio::test]
async fn a_command_for_an_unknown_destination_or_after_the_end_is_refused() {
    let (source, one, two) = source_and_two().await;
    let mut watched = Watched::start(&config(&source, &[("one", &one), ("two", &two)]), false);
    watched.is(0, Health::Level).await;
    let unknown = watched.command("three", LaneAction::Pause).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Usage);
    assert!(unknown.remedy().unwrap().contains("\"one\", \"two\""), "{unknown}");
    let Watched { running, commander, .. } = watched;
    running.stop().await;
    let ended = commander.command("one", LaneAction::Pause, "a test").await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Unavailable);
    assert!(ended.to_string().contains("the replication has ended"), "{ended}");
}

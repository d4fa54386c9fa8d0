//! Sides that are lost, frozen or refused while all are opened together.

use super::gate::{Gate, Then};
use super::{between, pair};
use crate::configured::config;
use crate::support::events::{arrives, highest, insert};
use crate::support::{lock_out, until};
use crate::truth::running::{DEADLINE, until_waiting};
use crate::truth::watched::Watched;
use counterfoil::error::ErrorKind;
use counterfoil::replicate::command::{CommandReply, LaneAction};
use counterfoil::replicate::health::Health;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_refusal_at_the_start_holds_although_the_check_session_died() {
    let (source, sound) = pair().await;
    let (_, other) = pair().await;
    insert(&source, 5).await;
    // `other` holds one event that differs.
    other
        .execute(
            "insert into events (id, ts, event) overriding system value values (1, now(), '{}')",
        )
        .await;
    // `sound` holds the first, as the source has it, so that its comparison asks its table.
    let mut client = sound.client().await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table events in access exclusive mode").await.unwrap();
    let mut watched =
        Watched::start(&config(&source, &[("sound", &sound), ("other", &other)]), true);
    until_waiting(&sound, "counterfoil/append").await;
    source
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = \
             current_database() and application_name = 'counterfoil/check'",
        )
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    lock.commit().await.unwrap();
    let _problems = tokio::time::timeout(DEADLINE, watched.running.ended()).await.unwrap();
    assert_eq!(
        highest(&sound).await,
        0,
        "something was written though the other destination is refused"
    );
}

#[tokio::test]
async fn a_refusal_at_the_start_holds_although_another_destination_was_lost_meanwhile() {
    let (source, sound) = pair().await;
    let (_, other) = pair().await;
    let (_, lost) = pair().await;
    insert(&source, 5).await;
    other
        .execute(
            "insert into events (id, ts, event) overriding system value values (1, now(), '{}')",
        )
        .await;
    let proxy =
        Gate::new(&lost, lost.server.socket_dir(), b"pg_advisory_lock_shared", Then::Close).await;
    let mut config = config(&source, &[("sound", &sound), ("other", &other), ("lost", &lost)]);
    config.destinations[2].postgres_mut().unwrap().conninfo = proxy.conninfo.clone();
    config.limits.retry_for = Some(Duration::from_secs(3));
    let mut watched = Watched::start(&config, true);
    let _problems = tokio::time::timeout(DEADLINE, watched.running.ended()).await.unwrap();
    assert_eq!(
        highest(&sound).await,
        0,
        "something was written though another destination is refused"
    );
}

#[tokio::test]
async fn a_destination_whose_table_is_locked_keeps_no_other_from_starting() {
    let (source, sound) = pair().await;
    let (_, locked) = pair().await;
    insert(&source, 5).await;
    let mut config = config(&source, &[("locked", &locked), ("sound", &sound)]);
    let _problems = Watched::start(&config, true).running.ended().await;
    sound.execute("truncate events").await;
    let lock = lock_out(&locked).await;
    config.limits.connect_timeout = Duration::from_secs(1);
    let watched = Watched::start(&config, false);
    arrives(&sound, 5).await;
    insert(&source, 1).await;
    arrives(&sound, 6).await;
    lock.batch_execute("commit").await.unwrap();
    arrives(&locked, 6).await;
    watched.running.stop().await;
}

#[tokio::test]
async fn a_lane_that_had_stopped_is_compared_whole_although_an_older_opening_is_under_way() {
    let (source, copy) = pair().await;
    insert(&source, 20).await;
    let (_, other) = pair().await;
    let proxy = Gate::new(&copy, copy.server.socket_dir(), b"QQ-nothing-QQ", Then::Close).await;
    let mut config = config(&source, &[("copy", &copy), ("other", &other)]);
    config.destinations[0].postgres_mut().unwrap().conninfo = proxy.conninfo.clone();
    let mut watched = Watched::start(&config, false);
    watched.is_level(0, 20).await;
    let mut client = copy.client().await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table events in access exclusive mode").await.unwrap();
    let commander = watched.commander.clone();
    let verification =
        tokio::spawn(async move { commander.command("copy", LaneAction::Verify, "a test").await });
    until_waiting(&copy, "counterfoil/audit").await;
    // From here on new connections wait in the network.
    proxy.hold();
    copy.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
         and application_name = 'counterfoil/append'",
    )
    .await;
    watched.shows("it is lost", |now| now.lanes[0].connection.losses > 0).await;
    until("it is being opened", async || proxy.waiting() > 0).await;
    lock.batch_execute("delete from events where id = 7").await.unwrap();
    lock.commit().await.unwrap();
    let found = verification.await.unwrap().unwrap_err();
    assert_eq!(found.kind(), ErrorKind::Order, "{found}");
    watched.is(0, Health::Diverged).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(watched.command("copy", LaneAction::Retry).await.unwrap(), CommandReply::Accepted);
    tokio::time::sleep(Duration::from_millis(500)).await;
    proxy.admit(1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    insert(&source, 3).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let written = highest(&copy).await;
    proxy.admit(1000);
    tokio::time::sleep(Duration::from_secs(4)).await;
    insert(&source, 3).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        written, 20,
        "events were appended behind a hole that was known, without the whole comparison"
    );
    assert_eq!(
        highest(&copy).await,
        20,
        "events were appended behind a hole that was known, without the whole comparison (later)"
    );
}

#[tokio::test]
async fn a_destination_that_is_counted_at_a_quiet_source_is_not_counted_again() {
    let (source, copy) = pair().await;
    insert(&source, 20).await;
    let setup = between(&source, &copy);
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.log.matches("counted again").count(), 0, "{}", end.log);
}

#[tokio::test]
async fn a_destination_that_freezes_while_duplicates_are_looked_for_is_given_up() {
    let (source, frozen) = pair().await;
    let (_, free) = pair().await;
    insert(&source, 5).await;
    let proxy =
        Gate::new(&frozen, frozen.server.socket_dir(), b"pg_advisory_lock_shared", Then::Freeze)
            .await;
    let mut config = config(&source, &[("frozen", &frozen), ("free", &free)]);
    config.destinations[0].postgres_mut().unwrap().conninfo = proxy.conninfo.clone();
    config.limits.connect_timeout = Duration::from_secs(2);
    config.limits.retry_for = Some(Duration::from_secs(5));
    let mut watched = Watched::start(&config, true);
    let _began = Instant::now();
    let ended = tokio::time::timeout(Duration::from_secs(50), watched.running.ended()).await;
    assert!(ended.is_ok(), "the start does not end");
}

#[tokio::test]
async fn a_lane_that_freezes_while_duplicates_are_looked_for_is_given_up() {
    let (source, frozen) = pair().await;
    insert(&source, 5).await;
    let proxy = Gate::new(
        &frozen,
        frozen.server.socket_dir(),
        b"pg_advisory_lock_shared",
        Then::FreezeOnce,
    )
    .await;
    let mut config = config(&source, &[("frozen", &frozen)]);
    config.destinations[0].postgres_mut().unwrap().conninfo = proxy.conninfo.clone();
    config.limits.connect_timeout = Duration::from_secs(2);
    let watched = Watched::start(&config, false);
    let _began = Instant::now();
    let arrived = tokio::time::timeout(Duration::from_secs(50), arrives(&frozen, 5)).await;
    assert!(arrived.is_ok(), "a connection that froze once is waited for for ever");
    drop(watched);
}

#[tokio::test]
async fn a_stop_while_all_are_compared_leaves_no_process_that_holds_the_destination() {
    let (source, copy) = pair().await;
    insert(&source, 5).await;
    let mut client = copy.client().await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table events in access exclusive mode").await.unwrap();
    let watched = Watched::start(&config(&source, &[("copy", &copy)]), false);
    until_waiting(&copy, "counterfoil/append").await;
    watched.running.stop().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let held = copy
        .query(
            "select l.locktype || ' ' || a.application_name || ' ' || a.query from pg_locks l join \
             pg_stat_activity a using (pid) where a.datname = current_database() and l.locktype = \
             'advisory'",
        )
        .await;
    let mut second = Watched::start(&config(&source, &[("copy", &copy)]), false);
    let _shown = tokio::time::timeout(
        Duration::from_secs(5),
        second.snapshots.wait_for(|now| now.lanes[0].health == Health::Standby),
    )
    .await;
    drop(lock);
    assert!(held.is_empty(), "its server process goes on and holds the destination: {held:?}");
}

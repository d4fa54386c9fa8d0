//! Real physical standbys: promoted with and without the newest events, synchronous, as source and
//! as destination.

use crate::harness::{Database, fresh_database, fresh_database_on, fresh_destination, own_server};
use crate::support::events::{
    arrives, digest, equal, highest, init_destination, init_source, init_source_with, insert,
    statement,
};
use crate::support::replicator::{Setup, counterfoil, url};
use crate::support::standby::{cut_off, either, level, on, promote, standby_of};
use crate::support::until;
use crate::truth::running::until_looked_twice;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use std::sync::Arc;

/// A server that keeps enough of its log for a standby.
async fn primary() -> Arc<PrivateServer> {
    own_server(
        &ServerSettings::new().set("wal_keep_size", "64MB").set("max_prepared_transactions", "5"),
    )
}

/// A source on a server of its own, with a standby, and a destination; ten events are at all three.
struct Replicated {
    source: Database,
    standby: Arc<PrivateServer>,
    destination: Database,
    setup: Setup,
}

async fn replicated(ids: &str) -> Replicated {
    let source = fresh_database_on(&primary().await).await;
    let destination = fresh_destination().await;
    init_source_with(&source, ids, "doorbell").await;
    init_destination(&destination).await;
    let standby = standby_of(&source.server).await;
    let hosts = either([&source.server, &standby], &source.conninfo.database);
    let setup = Setup::from_url(&hosts).to("copy", &destination).key("retry_wait_max_ms = 500");
    insert_by(&source, ids, 10).await;
    level(&source.server, &standby).await;
    Replicated { source, standby, destination, setup }
}

async fn insert_by(source: &Database, ids: &str, events: u32) {
    match ids {
        "consecutive" => {
            let call = format!(
                "select insert_events(array(select jsonb_build_object('n', i) from \
                 generate_series(1, {events}) i))"
            );
            source.execute(&call).await;
        }
        _ => insert(source, events).await,
    }
}

#[tokio::test]
async fn a_promoted_standby_that_lacks_the_newest_events_ends_the_run_with_4_and_rewinding_cures_it()
 {
    for ids in ["sequence", "consecutive"] {
        let all = replicated(ids).await;
        let promoted = on(&all.standby, &all.source.conninfo.database);
        let mut replicator = all.setup.start(&[]);
        arrives(&all.destination, 10).await;
        cut_off(&all.standby).await;
        insert_by(&all.source, ids, 10).await;
        arrives(&all.destination, 20).await;
        let before = digest(&all.destination, i64::MAX).await;
        all.source.server.aside(PrivateServer::kill_nine).await.unwrap();
        promote(&all.standby).await;
        let end = replicator.ends().await;
        assert_eq!(end.code, Some(4), "{ids}: {end:?}");
        for words in [
            "ahead of the source by 10 events",
            "both agree up to id 10",
            "--destination copy --rewind-to 10 ",
        ] {
            assert!(end.report.contains(words), "{ids}: {words} is not in {}", end.report);
        }
        assert_eq!(digest(&all.destination, i64::MAX).await, before, "nothing was written");

        // The new primary gives ids out again that the destination holds with other contents; then
        // more than it holds.
        insert_by(&promoted, ids, 40).await;
        let end = all.setup.start(&["--until-caught-up"]).ends().await;
        assert_eq!(end.code, Some(4), "{ids}: {end:?}");
        assert!(end.report.contains("--rewind-to 10 "), "{ids}: {}", end.report);
        let config = tempfile::tempdir().unwrap();
        let file = config.path().join("counterfoil.toml");
        let (source, destination) = (url(&promoted), url(&all.destination));
        std::fs::write(
            &file,
            format!(
                "[source]\nurl = '{source}'\n[[destinations]]\nname = 'copy'\nurl = \
                 '{destination}'\n"
            ),
        )
        .unwrap();
        let file = file.display().to_string();
        counterfoil(&[
            "repair",
            "--config",
            &file,
            "--destination",
            "copy",
            "--rewind-to",
            "10",
            "--yes",
        ])
        .await;
        assert_eq!(highest(&all.destination).await, 10);
        assert_eq!(all.setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
        equal(&promoted, &all.destination).await;
    }
}

#[tokio::test]
async fn a_promoted_standby_that_has_every_event_is_followed_on_without_a_restart() {
    let all = replicated("sequence").await;
    let promoted = on(&all.standby, &all.source.conninfo.database);
    let mut replicator = all.setup.start(&[]);
    arrives(&all.destination, 10).await;
    all.source.server.aside(PrivateServer::kill_nine).await.unwrap();
    promote(&all.standby).await;
    insert(&promoted, 5).await;
    replicator.says(&["the source is back"]).await;
    equal(&promoted, &all.destination).await;
    replicator.stops().await;
}

#[tokio::test]
async fn what_a_synchronous_standby_lacks_never_arrives() {
    let all = replicated("sequence").await;
    let replicator = all.setup.start(&[]);
    arrives(&all.destination, 10).await;
    cut_off(&all.standby).await;
    all.source.execute("alter system set synchronous_standby_names = '*'").await;
    all.source.execute("select pg_reload_conf()").await;
    let source = &all.source;
    until("the standby is wanted", async || {
        source.query("show synchronous_standby_names").await == ["*"]
    })
    .await;
    let writer = all.source.client().await;
    let insert_alone = tokio::spawn(async move {
        writer.batch_execute("insert into events (event) values ('{}')").await
    });
    until("the writer waits for the standby", async || {
        source.query("select count(*) from pg_stat_activity where wait_event = 'SyncRep'").await
            != ["0"]
    })
    .await;
    // Whoever asks now sees ten events; the commit is not there until the standby has it.
    assert_eq!(highest(&all.source).await, 10);
    all.source.server.aside(PrivateServer::kill_nine).await.unwrap();
    assert!(insert_alone.await.unwrap().is_err());
    promote(&all.standby).await;
    let promoted = on(&all.standby, &all.source.conninfo.database);
    insert(&promoted, 3).await;
    equal(&promoted, &all.destination).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_standby_is_followed_by_polling_where_ids_are_consecutive_and_refused_where_they_are_not()
{
    let all = replicated("consecutive").await;
    let standby = on(&all.standby, &all.source.conninfo.database);
    let setup = Setup::from(&standby).to("copy", &all.destination);
    let mut replicator = setup.start(&[]);
    for _ in 0..5 {
        insert_by(&all.source, "consecutive", 3).await;
        equal(&all.source, &all.destination).await;
    }
    replicator.says(&["a standby cannot be listened to"]).await;
    // A crash of the primary takes nothing back that the standby has replayed; the standby itself
    // may be restarted.
    all.standby.aside(PrivateServer::restart).await.unwrap();
    insert_by(&all.source, "consecutive", 3).await;
    equal(&all.source, &all.destination).await;
    replicator.stops().await;

    let all = replicated("sequence").await;
    let standby = on(&all.standby, &all.source.conninfo.database);
    let end = Setup::from(&standby).to("copy", &all.destination).start(&[]).ends().await;
    assert_eq!(end.code, Some(3), "{end:?}");
    assert!(end.report.contains("locks of open transactions cannot be seen"), "{}", end.report);
    assert_eq!(highest(&all.destination).await, 0);
}

#[tokio::test]
async fn with_fail_fast_the_loss_of_a_standby_that_is_followed_ends_everything() {
    let all = replicated("consecutive").await;
    let standby = on(&all.standby, &all.source.conninfo.database);
    let mut replicator = Setup::from(&standby).to("copy", &all.destination).start(&["--fail-fast"]);
    arrives(&all.destination, 10).await;
    all.standby.aside(PrivateServer::stop_immediate).await.unwrap();
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(end.report.contains("error: "), "{}", end.report);
    assert_eq!(highest(&all.destination).await, 10);
}

#[tokio::test]
async fn a_promoted_physical_copy_of_the_source_is_a_destination_like_any_other() {
    let all = replicated("sequence").await;
    let copy = on(&all.standby, &all.source.conninfo.database);
    promote(&all.standby).await;
    insert(&all.source, 7).await;
    let setup = Setup::from(&all.source).to("copy", &copy);
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    equal(&all.source, &copy).await;
}

/// What it holds was filled by the log while a transaction was open at the source, which may still
/// fill its gap.
#[tokio::test]
async fn a_copy_that_was_promoted_while_a_transaction_was_open_is_fed_and_proven_when_that_has_ended()
 {
    for (end, code) in [("rollback", 0), ("commit", 4)] {
        let all = replicated("sequence").await;
        let late = all.source.client().await;
        late.batch_execute(&format!("begin; {}", statement(1))).await.unwrap();
        insert(&all.source, 2).await;
        level(&all.source.server, &all.standby).await;
        let copy = on(&all.standby, &all.source.conninfo.database);
        promote(&all.standby).await;
        let before = highest(&copy).await;
        let mut job = Setup::from(&all.source).to("copy", &copy).start(&["--until-caught-up"]);
        job.says(&["the destination is ready"]).await;
        assert!(job.is_running());
        late.batch_execute(end).await.unwrap();
        let ended = job.ends().await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let (verdict, out, err) = crate::diff::compared(&all.source, &copy, &[]).await;
        assert_eq!(verdict, i32::from(code == 4), "{out}{err}");
        assert_eq!(highest(&copy).await, before);
    }
}

#[tokio::test]
async fn a_destination_that_fails_over_to_a_standby_without_the_newest_events_gets_them_again() {
    let source = fresh_database().await;
    let destination = fresh_database_on(&primary().await).await;
    init_source(&source).await;
    init_destination(&destination).await;
    let standby = standby_of(&destination.server).await;
    let hosts = either([&destination.server, &standby], &destination.conninfo.database);
    insert(&source, 10).await;
    let mut replicator =
        Setup::from(&source).and_url("copy", &hosts).key("retry_wait_max_ms = 500").start(&[]);
    arrives(&destination, 10).await;
    level(&destination.server, &standby).await;
    cut_off(&standby).await;
    insert(&source, 10).await;
    arrives(&destination, 20).await;
    destination.server.aside(PrivateServer::kill_nine).await.unwrap();
    promote(&standby).await;
    equal(&source, &on(&standby, &destination.conninfo.database)).await;
    replicator
        .says(&[
            "destination lost its most recent events; re-appending them",
            "\"position_before\":20",
        ])
        .await;
    replicator.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_crashes_and_comes_back_behind_is_waited_for_and_never_called_diverged() {
    let all = replicated("consecutive").await;
    let standby = on(&all.standby, &all.source.conninfo.database);
    let mut replicator = Setup::from(&standby)
        .to("copy", &all.destination)
        .key("retry_wait_max_ms = 200")
        .start(&[]);
    for round in 1..=3 {
        for _ in 0..40 {
            insert_by(&all.source, "consecutive", 50).await;
        }
        arrives(&all.destination, 10 + round * 2000 - 500).await;
        all.standby.aside(PrivateServer::kill_nine).await.unwrap();
        all.standby.aside(PrivateServer::start).await.unwrap();
    }
    equal(&all.source, &all.destination).await;
    // It comes back without its last commits, and replays them when it is let.
    standby.execute("checkpoint").await;
    insert_by(&all.source, "consecutive", 50).await;
    equal(&all.source, &all.destination).await;
    standby.execute("alter system set recovery_min_apply_delay = '1h'").await;
    all.standby.aside(PrivateServer::kill_nine).await.unwrap();
    all.standby.aside(PrivateServer::start).await.unwrap();
    replicator.says(&["the source is a standby, which may only be late"]).await;
    standby.execute("alter system reset recovery_min_apply_delay").await;
    standby.execute("select pg_reload_conf()").await;
    insert_by(&all.source, "consecutive", 50).await;
    equal(&all.source, &all.destination).await;
    replicator.stops().await;
}

/// A prepared transaction is rolled back at the old primary after the standby's last record, so
/// that its gap is dead there, and committed on the new one.
#[tokio::test]
async fn a_transaction_that_was_prepared_before_a_failover_and_is_committed_after_it_ends_the_run_with_4()
 {
    let all = replicated("sequence").await;
    // After a notification nothing can be prepared.
    all.source.execute("drop trigger counterfoil_doorbell on events").await;
    let mut replicator = all.setup.start(&[]);
    arrives(&all.destination, 10).await;
    let writer = all.source.client().await;
    for statement in
        ["begin; insert into events (event) values ('{\"id\": 11}')", "prepare transaction 'late'"]
    {
        writer.batch_execute(statement).await.unwrap();
    }
    insert(&all.source, 3).await;
    level(&all.source.server, &all.standby).await;
    cut_off(&all.standby).await;
    all.source.execute("rollback prepared 'late'").await;
    arrives(&all.destination, 14).await;
    all.source.server.aside(PrivateServer::kill_nine).await.unwrap();
    promote(&all.standby).await;
    let promoted = on(&all.standby, &all.source.conninfo.database);
    replicator.says(&["the source is back"]).await;
    // The sequence goes on behind a gap, which the prepared transaction may own.
    insert(&promoted, 1).await;
    until_looked_twice(&promoted).await;
    assert_eq!(highest(&all.destination).await, 14);
    promoted.execute("commit prepared 'late'").await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    for words in [
        "lacks 1 event that appeared since it was compared: a transaction was open then",
        "both agree up to id 10",
    ] {
        assert!(end.report.contains(words), "{words} is not in {}", end.report);
    }
    assert_eq!(all.destination.query("select count(*) from events where id = 11").await, ["0"]);
}

/// The standby has the higher of two ids and lacks the lower one, both destinations hold both, and
/// the standby is promoted.
async fn overtaken(all: &Replicated) -> Database {
    // The higher id is committed first, and is all that the standby receives.
    let slow = all.source.client().await;
    slow.batch_execute("begin; insert into events (event) values ('{\"id\": 11}')").await.unwrap();
    insert(&all.source, 1).await;
    level(&all.source.server, &all.standby).await;
    cut_off(&all.standby).await;
    slow.batch_execute("commit").await.unwrap();
    arrives(&all.destination, 12).await;
    assert_eq!(digest(&all.destination, 12).await, digest(&all.source, 12).await);
    all.source.server.aside(PrivateServer::kill_nine).await.unwrap();
    promote(&all.standby).await;
    let promoted = on(&all.standby, &all.source.conninfo.database);
    insert(&promoted, 3).await;
    promoted
}

#[tokio::test]
async fn a_promoted_standby_that_lacks_an_event_below_the_last_one_ends_the_run_with_4() {
    let all = replicated("sequence").await;
    let mut replicator = all.setup.start(&[]);
    arrives(&all.destination, 10).await;
    overtaken(&all).await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    assert!(end.report.contains("both agree up to id 10"), "{}", end.report);
    assert_eq!(highest(&all.destination).await, 12);
}

#[tokio::test]
async fn a_hot_spare_that_takes_over_after_a_failover_compares_as_at_the_start() {
    let all = replicated("sequence").await;
    let mut first = all.setup.start(&[]);
    arrives(&all.destination, 10).await;
    let mut spare = all.setup.start(&[]);
    spare.says(&["standby: another replicator holds this destination"]).await;
    overtaken(&all).await;
    for replicator in [&mut first, &mut spare] {
        let end = replicator.ends().await;
        assert_eq!(end.code, Some(4), "{end:?}");
        assert!(end.report.contains("both agree up to id 10"), "{}", end.report);
    }
    assert_eq!(highest(&all.destination).await, 12);
}

//! How a run ends: by signals, by what a destination rejects, by what is away too long; and how a
//! hot spare takes over.

use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
};
use crate::support::events::{
    arrives, equal, highest, init_destination, init_source, init_source_with, insert, prefix,
    statement,
};
use crate::support::proxy::Network;
use crate::support::replicator::{Replicator, Setup};
use crate::support::{lock_out, through, until};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use rustix::process::Signal;
use std::collections::BTreeSet;
use tokio_postgres::Client;

async fn pair() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    (source, destination)
}

/// A destination on a server of its own, for a test that stops or freezes it.
async fn own_destination() -> Database {
    let destination = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_destination(&destination).await;
    destination
}

#[tokio::test]
async fn the_first_signal_of_either_kind_during_a_copy_ends_it_with_a_prefix_and_exit_code_0() {
    for signal in [Signal::INT, Signal::TERM] {
        let (source, destination) = pair().await;
        insert(&source, 20_000).await;
        let slow = Network { bytes_per_s: Some(500_000), ..Network::default() };
        let proxy = through(&destination, slow).await;
        let setup = Setup::from(&source)
            .and_url("copy", &proxy.url(&destination.conninfo.database))
            .key("max_events_per_write = 1000");
        let mut replicator = setup.start(&[]);
        until("the copy is under way", async || highest(&destination).await > 0).await;
        replicator.signal(signal);
        let end = replicator.ends().await;
        assert_eq!((end.code, end.report.as_str()), (Some(0), ""));
        let position = prefix(&source, &destination).await;
        assert!(position > 0 && position < 20_000, "{position}");
    }
}

#[tokio::test]
async fn a_job_that_is_stopped_before_its_end_does_not_say_that_it_is_done() {
    let (source, destination) = pair().await;
    insert(&source, 20).await;
    let lock = lock_out(&destination).await;
    let mut job = Setup::from(&source).to("copy", &destination).start(&["--until-caught-up"]);
    until("it waits", async || job.log().contains("counterfoil started")).await;
    job.signal(Signal::TERM);
    let end = job.ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(end.report.contains("stopped before everything was copied"), "{}", end.report);
    assert!(end.report.contains("start again: it continues where it stopped"), "{}", end.report);
    lock.batch_execute("rollback").await.unwrap();
    let again = Setup::from(&source).to("copy", &destination).start(&["--until-caught-up"]);
    let mut again = again;
    assert_eq!(again.ends().await.code, Some(0));
    equal(&source, &destination).await;
}

/// Commits of this destination take their time.
async fn slow_to_commit(destination: &Database, seconds: u32) {
    destination
        .execute(&format!(
            "create function dawdle() returns trigger language plpgsql as $$begin perform \
             pg_sleep({seconds}); return null; end$$; create constraint trigger dawdle after \
             insert on events deferrable initially deferred for each row when (new.event ->> 'n' = \
             '7') execute function dawdle()"
        ))
        .await;
}

#[tokio::test]
async fn a_destination_that_does_not_answer_keeps_a_stop_waiting_no_longer_than_allowed() {
    let (source, destination) = pair().await;
    slow_to_commit(&destination, 5).await;
    let setup = Setup::from(&source).to("copy", &destination).key("shutdown_timeout_ms = 500");
    let mut replicator = setup.start(&[]);
    insert(&source, 1).await;
    arrives(&destination, 1).await;
    insert(&source, 9).await;
    committing(&destination).await;
    replicator.signal(Signal::TERM);
    let end = replicator.ends().await;
    assert_eq!((end.code, end.report.as_str()), (Some(0), ""));
    assert!(end.log.contains("the batch in hand was not finished in time"), "{}", end.log);
    let position = prefix(&source, &destination).await;
    assert!(position == 1 || position == 10, "{position}");
}

#[tokio::test]
async fn a_second_signal_leaves_at_once_with_130() {
    let (source, destination) = pair().await;
    slow_to_commit(&destination, 60).await;
    let setup = Setup::from(&source).to("copy", &destination).key("shutdown_timeout_ms = 3600000");
    let mut replicator = setup.start(&[]);
    insert(&source, 10).await;
    committing(&destination).await;
    replicator.signal(Signal::INT);
    replicator.says(&["stopping", "SIGINT"]).await;
    assert!(replicator.is_running());
    replicator.signal(Signal::TERM);
    assert_eq!(replicator.ends().await.code, Some(130));
}

async fn committing(destination: &Database) {
    let asked = "select count(*) from pg_stat_activity where datname = current_database() and \
                 query = 'commit' and wait_event = 'PgSleep'";
    until("a commit takes its time", async || destination.query(asked).await == ["1"]).await;
}

#[tokio::test]
async fn a_stop_ends_at_once_though_a_destination_is_frozen() {
    let (source, _) = pair().await;
    let destination = own_destination().await;
    let setup = Setup::from(&source).to("copy", &destination).key("shutdown_timeout_ms = 3600000");
    let mut replicator = setup.start(&[]);
    insert(&source, 10).await;
    arrives(&destination, 10).await;
    destination.server.aside(PrivateServer::freeze).await;
    insert(&source, 10).await;
    replicator.says(&["a pass began", "\"after\":10"]).await;
    replicator.signal(Signal::TERM);
    let end = replicator.ends().await;
    assert_eq!((end.code, end.report.as_str()), (Some(0), ""));
    destination.server.thaw();
    prefix(&source, &destination).await;
}

#[tokio::test]
async fn a_second_replicator_waits_and_takes_over_when_the_first_is_killed() {
    let (source, destination) = pair().await;
    let setup = Setup::from(&source).to("copy", &destination);
    insert(&source, 1).await;
    let first = setup.start(&[]);
    arrives(&destination, 1).await;
    let mut spare = setup.start(&[]);
    spare
        .says(&[
            "standby: another replicator holds this destination",
            "another replicator feeds",
            "counterfoil/append",
        ])
        .await;
    insert(&source, 1).await;
    arrives(&destination, 2).await;
    assert_eq!(spare.lines(&["the destination is ready"]), 0);
    first.kill_nine();
    spare.says(&["the destination was taken over"]).await;
    insert(&source, 1).await;
    arrives(&destination, 3).await;
    equal(&source, &destination).await;
    spare.stops().await;
}

/// Holds a destination as a replicator does, and feeds it nothing.
async fn hold(destination: &Database) -> Client {
    let holder = destination.client().await;
    let hold = "select pg_advisory_lock(1129268818, 'events'::regclass::oid::int4)";
    holder.batch_execute(hold).await.unwrap();
    holder
}

#[tokio::test]
async fn a_second_replicator_that_is_to_catch_up_gives_up_with_5_where_nothing_moves() {
    let (source, destination) = pair().await;
    insert(&source, 2).await;
    let _holder = hold(&destination).await;
    let setup = Setup::from(&source).to("copy", &destination).key("retry_for_ms = 1500");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(5), "{end:?}");
    assert!(end.report.contains("another replicator feeds destination \"copy\""), "{end:?}");
    assert!(end.log.contains("another replicator feeds the destination: waiting"), "{end:?}");
    assert!(end.log.contains("\"events_per_s\":0.0,\"position\":null"), "{end:?}");
}

#[tokio::test]
async fn beside_a_running_replicator_a_run_until_caught_up_ends_with_0_when_all_are_level() {
    let (source, fed) = pair().await;
    let ours = fresh_destination().await;
    init_destination(&ours).await;
    insert(&source, 2).await;
    let first = Setup::from(&source).to("copy", &fed).start(&[]);
    arrives(&fed, 2).await;
    let setup = Setup::from(&source).to("copy", &fed).to("ours", &ours).key("retry_for_ms = 20000");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!((end.code, end.report.as_str()), (Some(0), ""), "{end:?}");
    for words in [
        "another replicator feeds the destination: waiting until it holds",
        "the destination is level: another replicator feeds it",
    ] {
        assert!(end.log.contains(words), "{words}: {}", end.log);
    }
    let summary = end.log.lines().find(|line| line.contains("\"msg\":\"summary\"")).unwrap();
    assert!(
        summary.contains("\"destination\":\"copy\"") && summary.contains("\"position\":2"),
        "{summary}"
    );
    equal(&source, &ours).await;
    first.stops().await;
}

#[tokio::test]
async fn it_ends_when_the_other_one_has_copied_the_rest() {
    let (source, destination) = pair().await;
    insert(&source, 5).await;
    destination.execute(&copied_rows(&source, "id <= 3").await).await;
    let _holder = hold(&destination).await;
    let setup = Setup::from(&source).to("copy", &destination).key("retry_for_ms = 20000");
    let mut second = setup.start(&["--until-caught-up"]);
    second.says(&["another replicator feeds the destination: waiting"]).await;
    assert!(second.is_running());
    destination.execute(&copied_rows(&source, "id > 3").await).await;
    let end = second.ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
}

/// The statement that inserts these rows of the source as they are.
async fn copied_rows(source: &Database, which: &str) -> String {
    let rows = source
        .query(&format!(
            "select string_agg(format('(%s, %L, %L)', id, ts, event), ', ') from events where {which}"
        ))
        .await;
    format!("insert into events (id, ts, event) values {}", rows[0])
}

#[tokio::test]
async fn a_destination_that_another_feeds_and_that_lacks_an_event_between_ends_it_with_4() {
    let (source, destination) = pair().await;
    insert(&source, 5).await;
    destination.execute(&copied_rows(&source, "id <> 3").await).await;
    let _holder = hold(&destination).await;
    let setup = Setup::from(&source).to("copy", &destination).key("retry_for_ms = 20000");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    assert!(end.report.contains("does not hold as many events as the source"), "{end:?}");
}

#[tokio::test]
async fn what_another_feeds_is_not_called_caught_up_while_an_open_transaction_may_insert_below() {
    let (source, destination) = pair().await;
    let writer = source.client().await;
    writer.batch_execute(&format!("begin; {}", statement(1))).await.unwrap();
    insert(&source, 2).await;
    destination.execute(&copied_rows(&source, "true").await).await;
    let _holder = hold(&destination).await;
    let setup = Setup::from(&source).to("copy", &destination).key("retry_for_ms = 20000");
    let mut second = setup.start(&["--until-caught-up"]);
    second.says(&["another replicator feeds the destination: waiting"]).await;
    let looks = "select count(*) from pg_stat_activity where datname = current_database() and \
                 application_name = 'counterfoil/wait'";
    until("it looks", async || destination.query(looks).await == ["1"]).await;
    assert_eq!(second.lines(&["the destination is level"]), 0);
    writer.batch_execute("rollback").await.unwrap();
    let end = second.ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let again = Setup::from(&source).to("copy", &destination).key("retry_for_ms = 1000");
    let writer = source.client().await;
    writer.batch_execute(&format!("begin; {}", statement(1))).await.unwrap();
    insert(&source, 1).await;
    destination.execute(&copied_rows(&source, "id > 3").await).await;
    let end = again.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(end.report.contains("a transaction at the source may still insert"), "{end:?}");
}

#[tokio::test]
async fn with_fail_fast_the_first_loss_of_a_destination_ends_everything() {
    let (source, healthy) = pair().await;
    let lost = own_destination().await;
    let setup = Setup::from(&source).to("healthy", &healthy).to("lost", &lost);
    let mut replicator = setup.start(&["--fail-fast"]);
    insert(&source, 1).await;
    arrives(&lost, 1).await;
    arrives(&healthy, 1).await;
    lost.server.aside(PrivateServer::stop_immediate).await.unwrap();
    insert(&source, 1).await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(end.report.contains("cannot append to destination \"lost\""), "{}", end.report);
    prefix(&source, &healthy).await;
}

#[tokio::test]
async fn with_fail_fast_a_destination_that_another_replicator_holds_is_waited_for() {
    let (source, copy) = pair().await;
    let setup = Setup::from(&source).to("copy", &copy);
    let first = setup.start(&[]);
    insert(&source, 1).await;
    arrives(&copy, 1).await;
    let mut second = setup.start(&["--fail-fast"]);
    second.says(&["standby: another replicator holds this destination"]).await;
    first.stops().await;
    second.says(&["the destination was taken over"]).await;
    insert(&source, 1).await;
    equal(&source, &copy).await;
    second.stops().await;
}

#[tokio::test]
async fn a_rejected_event_stops_its_lane_alone_after_all_events_before_it() {
    let (source, good) = pair().await;
    let bad = fresh_destination().await;
    init_destination(&bad).await;
    bad.execute("alter table events add constraint no_forties check (event ->> 'n' <> '41')").await;
    insert(&source, 60).await;
    let setup = Setup::from(&source).to("good", &good).to("bad", &bad);
    let mut replicator = setup.start(&[]);
    replicator.says(&["the destination stopped for good", "\"destination\":\"bad\""]).await;
    insert(&source, 1).await;
    arrives(&good, 61).await;
    assert_eq!(prefix(&source, &bad).await, 40);
    replicator.signal(Signal::TERM);
    assert_eq!(
        replicator.ends().await.code,
        Some(7),
        "what stopped a lane is told in the end, also after a signal"
    );

    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(7), "{end:?}");
    assert!(
        end.report.contains("cannot append to destination \"bad\"")
            && end.report.contains("id 41\n")
            && end.report.contains("violates check constraint \"no_forties\" (SQLSTATE 23514)"),
        "{}",
        end.report
    );
    assert!(!end.report.contains("é"), "an event is quoted: {}", end.report);

    bad.execute("alter table events drop constraint no_forties").await;
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    equal(&source, &bad).await;
}

#[tokio::test]
async fn a_rejection_in_the_middle_of_one_transaction_leaves_what_came_before_that_transaction() {
    let (source, bad) = pair().await;
    bad.execute(
        "create function refuse() returns trigger language plpgsql as $$begin if new.event ->> 'n' \
         = '5' then raise 'not this one'; end if; return new; end$$; create trigger refuse before \
         insert on events for each row execute function refuse()",
    )
    .await;
    insert(&source, 3).await;
    source
        .execute(
            "insert into events (ts, event) select now(), jsonb_build_object('n', i) from \
             generate_series(4, 6) i",
        )
        .await;
    let end = Setup::from(&source).to("bad", &bad).start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(7), "{end:?}");
    assert!(
        end.report.contains("ids 4..6") && end.report.contains("not this one"),
        "{}",
        end.report
    );
    assert_eq!(prefix(&source, &bad).await, 3);
}

#[tokio::test]
async fn a_destination_that_is_away_from_the_start_stops_nobody_and_is_named_in_the_end() {
    let (source, good) = pair().await;
    insert(&source, 5).await;
    let setup = Setup::from(&source)
        .to("good", &good)
        .and_url("gone", "host=127.0.0.1 port=1 user=postgres dbname=nowhere")
        .key("retry_for_ms = 1500");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(
        end.report.contains("destination \"gone\" is not caught up")
            && end.report.contains("127.0.0.1:1"),
        "{}",
        end.report
    );
    assert!(!end.report.contains("\"good\""), "{}", end.report);
    equal(&source, &good).await;
}

#[tokio::test]
async fn a_run_that_follows_ends_with_8_when_a_destination_is_away_too_long() {
    let (source, good) = pair().await;
    let lost = own_destination().await;
    let setup = Setup::from(&source).to("good", &good).to("lost", &lost).key("retry_for_ms = 1500");
    let mut replicator = setup.start(&[]);
    insert(&source, 1).await;
    arrives(&lost, 1).await;
    lost.server.aside(PrivateServer::stop_immediate).await.unwrap();
    insert(&source, 1).await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(end.report.contains("destination \"lost\""), "{}", end.report);
    equal(&source, &good).await;
}

#[tokio::test]
async fn a_transaction_that_holds_the_mark_is_named_with_its_process_application_and_age() {
    let (source, destination) = pair().await;
    let holder = source.client().await;
    holder.batch_execute("set application_name = 'slow worker'; begin").await.unwrap();
    holder.batch_execute(&statement(1)).await.unwrap();
    let pid: i32 = holder.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    insert(&source, 2).await;
    let named = [format!("pid {pid}"), "slow worker".to_owned(), "open for".to_owned()];
    let mut replicator = Setup::from(&source)
        .to("copy", &destination)
        .key("retry_for_ms = 14000")
        .start(&["--until-caught-up"]);
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    let line =
        end.log.lines().find(|line| line.contains("replication is blocked by an open transaction"));
    for text in [end.report.as_str(), line.unwrap_or_default()] {
        assert!(named.iter().all(|name| text.contains(name.as_str())), "{text} in {end:?}");
    }
    assert!(end.report.contains("2 committed events from id 2 on"), "{}", end.report);
    assert_eq!(highest(&destination).await, 0);
}

/// A replicator, with these keys, whose source is locked: the session that looks for the mark waits
/// in its checks.
async fn locked_source(keys: &[&str]) -> (Database, Replicator, Client) {
    let (source, destination) = pair().await;
    insert(&source, 5).await;
    let setup = Setup::from(&source).to("copy", &destination);
    let setup = keys.iter().fold(setup, |setup, key| setup.key(key));
    let locker = lock_out(&source).await;
    (destination, setup.start(&[]), locker)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_never_answers_its_checks_ends_the_time_allowed_with_8() {
    let keys = ["retry_for_ms = 2000", "connect_timeout_ms = 1500"];
    let (_destination, mut replicator, _locker) = locked_source(&keys).await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert_eq!(end.report.matches("error: ").count(), 1, "{}", end.report);
    assert!(end.report.contains("cannot open the source"), "{}", end.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_stops_an_opening_is_told_and_waited_for() {
    let (destination, mut replicator, locker) = locked_source(&["connect_timeout_ms = 1500"]).await;
    replicator.says(&["cannot open the source", "no answer for 1500 ms", "locked the table"]).await;
    locker.batch_execute("rollback").await.unwrap();
    arrives(&destination, 5).await;
    replicator.stops().await;
}

/// A statement that waits for a lock waits for ever, whoever has asked.
#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_was_given_up_leaves_nobody_waiting_at_the_server() {
    let (destination, replicator, locker) = locked_source(&["connect_timeout_ms = 1500"]).await;
    let waiting = "select coalesce(string_agg(pid::text, ','), '') from pg_locks where relation = \
                   'events'::regclass and not granted";
    let mut seen = BTreeSet::new();
    until("it has tried three times", async || {
        let pids: String = locker.query_one(waiting, &[]).await.unwrap().get(0);
        assert!(!pids.contains(','), "several wait: {pids}");
        seen.insert(pids);
        seen.len() > 3
    })
    .await;
    locker.batch_execute("rollback").await.unwrap();
    arrives(&destination, 5).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_prepared_transaction_that_holds_the_mark_is_named_by_its_gid() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source_with(&source, "sequence", "none").await;
    init_destination(&destination).await;
    let gid = format!("forgotten {}", source.conninfo.database);
    source.execute(&format!("begin; {}; prepare transaction '{gid}'", statement(1))).await;
    insert(&source, 2).await;
    let setup = Setup::from(&source).to("copy", &destination).key("retry_for_ms = 3000");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    source.execute(&format!("rollback prepared '{gid}'")).await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(
        end.report.contains(&format!("the prepared transaction \"{gid}\""))
            && end.report.contains("ROLLBACK PREPARED"),
        "{}",
        end.report
    );
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    equal(&source, &destination).await;
}

#[tokio::test]
async fn a_stop_while_the_source_was_never_reached_ends_with_0() {
    let (source, destination) = pair().await;
    let unreachable = "host=127.0.0.1 port=1 user=postgres dbname=nowhere sslmode=disable";
    let mut replicator = Setup::from_url(unreachable).to("copy", &destination).start(&[]);
    replicator.says(&["the source cannot be reached, trying again"]).await;
    assert_eq!(replicator.stops().await.report, "");
    drop(source);
}

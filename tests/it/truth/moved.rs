//! A destination that somebody else changes between two batches: the batch is only ever appended to
//! what it follows.

use super::prefix::Checker;
use super::running::{DEADLINE, Running, copy_all, until_waiting};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::liar::Liar;
use crate::support::replicator::Setup;
use counterfoil::config::{GroupBy, ReplicationConfig};
use counterfoil::error::ErrorKind;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                      default '2026-04-03 10:11:12.123456+00', event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
const TS: &str = "'2026-04-03 10:11:12.123456+00'";
const INSERT: &str = "insert into events (event) values ('{}')";
/// What a second replicator does: it takes the fence, then looks and appends.
const FENCE: &str = "select pg_advisory_xact_lock(x'434F4653'::int, 'events'::regclass::oid::int4)";

/// Three events at the source.
async fn three_events() -> (Database, Database, ReplicationConfig) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(&format!("{SOURCE}; {INSERT}; {INSERT}; {INSERT}")).await;
    destination.execute(DESTINATION).await;
    let mut config = config(&source, &[("copy", &destination)]);
    config.source.poll_interval = Duration::from_millis(20);
    config.limits.retry_wait_max = Duration::from_millis(100);
    (source, destination, config)
}

#[tokio::test]
async fn last_events_that_were_removed_at_the_destination_are_copied_again() {
    let (source, destination, config) = three_events().await;
    let (running, mut checker) = (Running::start(&config), Checker::new(&destination));
    checker.arrive("1,2,3").await;
    destination.execute("delete from events where id > 1").await;
    source.execute(INSERT).await;
    checker.arrive("1,2,3,4").await;
    running.stop().await;
    checker.judge(&source).await;
}

#[tokio::test]
async fn what_another_replicator_appended_while_this_one_waited_for_the_fence_is_not_appended_again()
 {
    for writers in [1, 4] {
        let (source, destination, mut config) = three_events().await;
        config.source.group_by = GroupBy::Off;
        config.limits.max_events_per_write = 1;
        config.destinations[0].postgres_mut().unwrap().writers = writers;
        let (running, mut checker) = (Running::start(&config), Checker::new(&destination));
        checker.arrive("1,2,3").await;
        let other = destination.client().await;
        other.batch_execute(&format!("begin; {FENCE}")).await.unwrap();
        source.execute(&format!("{INSERT}; {INSERT}")).await;
        until_waiting(&destination, "counterfoil/append").await;
        let same =
            format!("insert into events values (4, {TS}, '{{}}'), (5, {TS}, '{{}}'); commit");
        // With several writers a later batch can stand in the way of these rows, which must not
        // last.
        tokio::time::timeout(DEADLINE, other.batch_execute(&same)).await.unwrap().unwrap();
        source.execute(INSERT).await;
        checker.arrive("1,2,3,4,5,6").await;
        running.stop().await;
        checker.judge(&source).await;
    }
}

#[tokio::test]
async fn an_event_of_somebody_else_at_the_destination_ends_the_run_with_4() {
    let (source, destination, config) = three_events().await;
    let (running, mut checker) = (Running::start(&config), Checker::new(&destination));
    checker.arrive("1,2,3").await;
    destination
        .execute("insert into events values (4, now(), '{\"by\": \"somebody else\"}')")
        .await;
    source.execute(&format!("{INSERT}; {INSERT}")).await;
    let problems = running.ends().await;
    let worst = problems.worst().unwrap();
    assert_eq!(
        (worst.kind(), worst.kind().consequence().exit_code),
        (ErrorKind::Contents, 4),
        "{worst}"
    );
    assert!(worst.report().contains("both agree up to id 3"), "{}", worst.report());
    assert_eq!(checker.look("the end").await, "1,2,3,4");
}

#[tokio::test]
async fn two_replicators_of_one_destination_take_turns_and_double_nothing() {
    let (source, destination, config) = three_events().await;
    let (first, second) = (Running::start(&config), Running::start(&config));
    let mut checker = Checker::new(&destination);
    checker.arrive("1,2,3").await;
    first.stop().await;
    source.execute(INSERT).await;
    checker.arrive("1,2,3,4").await;
    second.stop().await;
    copy_all(&config).await;
    checker.judge(&source).await;
}

/// An event comes by hand after the comparison, and before the destination is asked where it
/// stands.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_between_the_comparison_and_the_opening_of_a_destination_is_compared_too()
 {
    let (source, destination, config) = three_events().await;
    copy_all(&config).await;
    source.execute(INSERT).await;
    let (ask, asked) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let (ask, answered) = (Mutex::new(Some(ask)), Mutex::new(answered));
    // The session that appends prepares the question for its position once everything was compared.
    let lie = move |what: &str, kind: u8, contents: &[u8]| {
        if what == "counterfoil/append" && kind == b'T' && contents.get(2..10) == Some(b"highest\0")
        {
            let first = ask.lock().unwrap().take();
            first.iter().for_each(|ask| {
                ask.send(()).unwrap();
                tokio::task::block_in_place(|| {
                    answered.lock().unwrap().recv_timeout(DEADLINE).unwrap()
                });
            });
        }
        None
    };
    let server = &destination.server;
    let way = Liar::new(&server.socket_dir(), server.port(), Arc::new(lie)).await;
    let setup = Setup::from(&source).and_url("copy", &way.url(&destination.conninfo.database));
    let mut replicator = setup.key("retry_wait_max_ms = 300").start(&["--until-caught-up"]);
    tokio::task::spawn_blocking(move || asked.recv_timeout(DEADLINE).unwrap()).await.unwrap();
    let stranger = format!("insert into events values (4, {TS}, '{{\"by\": \"hand\"}}')");
    destination.execute(&stranger).await;
    answer.send(()).unwrap();
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    assert!(end.log.contains("was changed while it was compared"), "{}", end.log);
    assert!(end.report.contains("holds another event 4 than the source"), "{}", end.report);
}

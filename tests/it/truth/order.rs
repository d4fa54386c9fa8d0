//! The deterministic matrix: every way in which a lower id can commit after a higher one. The
//! source is looked at while it is open, and nothing above it may arrive; once it is decided,
//! everything does.

use super::prefix::Checker;
use super::running::{Running, until_answer, until_looked_twice, until_waiting};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use counterfoil::config::ReplicationConfig;
use std::time::Duration;
use tokio_postgres::Client;

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                      default clock_timestamp(), event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
const INSERT: &str = "insert into events (event) values ('{}')";

/// A source and a destination, and what is needed to follow one with the other.
struct Stage {
    source: Database,
    destination: Database,
    config: ReplicationConfig,
}

impl Stage {
    /// Both empty.
    async fn new() -> Self {
        let (source, destination) = (fresh_database().await, fresh_destination().await);
        source.execute(SOURCE).await;
        destination.execute(DESTINATION).await;
        let mut config = config(&source, &[("copy", &destination)]);
        config.source.poll_interval = Duration::from_millis(20);
        Self { source, destination, config }
    }

    /// With event 1 copied.
    async fn following(&self) -> (Running, Checker<'_>) {
        self.source.execute(INSERT).await;
        let running = Running::start(&self.config);
        let mut checker = Checker::new(&self.destination);
        checker.arrive("1").await;
        (running, checker)
    }

    async fn client(&self) -> Client {
        self.source.client().await
    }

    /// After looks enough, the destination holds these ids and no more.
    async fn hold(&self, checker: &mut Checker<'_>, ids: &str) {
        until_looked_twice(&self.source).await;
        assert_eq!(checker.look("a hold").await, ids);
    }
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
}

#[tokio::test]
async fn an_insert_that_overlaps_a_higher_one_holds_it() {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let a = stage.client().await;
    run(&a, &format!("begin; {INSERT}")).await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&a, "commit").await;
    checker.arrive("1,2,3").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn an_id_that_was_only_drawn_holds_those_above_it() {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let a = stage.client().await;
    run(&a, "begin; select nextval('events_id_seq')").await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&a, "insert into events (id, event) values (2, '{}'); commit").await;
    checker.arrive("1,2,3").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn a_plain_insert_that_is_still_in_its_before_trigger_holds_those_above_it() {
    let stage = Stage::new().await;
    let slow = "create function slow() returns trigger language plpgsql as $$begin
            if new.event ? 'slow' then perform pg_advisory_xact_lock(42); end if; return new; end$$;
        create trigger slow before insert on events for each row execute function slow()";
    stage.source.execute(slow).await;
    let (running, mut checker) = stage.following().await;
    let (gate, a) = (stage.client().await, stage.client().await);
    run(&gate, "select pg_advisory_lock(42)").await;
    let insert = tokio::spawn(async move {
        run(&a, "insert into events (event) values ('{\"slow\": true}')").await
    });
    let waiting = "select count(*) from pg_locks l join pg_database d on d.oid = l.database where \
                   d.datname = current_database() and l.locktype = 'advisory' and not l.granted";
    until_answer(&stage.source, waiting, &["1"]).await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&gate, "select pg_advisory_unlock(42)").await;
    insert.await.unwrap();
    checker.arrive("1,2,3").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn an_id_that_is_used_again_after_a_savepoint_was_rolled_back_is_waited_for() {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let a = stage.client().await;
    run(&a, &format!("begin; savepoint s; {INSERT}; rollback to savepoint s")).await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&a, "insert into events (id, event) values (2, '{}'); commit").await;
    checker.arrive("1,2,3").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn a_prepared_transaction_holds_those_above_it_before_and_after_it_was_prepared() {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let (a, b) = (stage.client().await, stage.client().await);
    let name = |what: &str| format!("{what} {}", stage.source.conninfo.database);
    let (early, late) = (name("early"), name("late"));
    run(&b, &format!("begin; {INSERT}")).await;
    run(&b, &format!("prepare transaction '{early}'")).await;
    run(&a, &format!("begin; {INSERT}")).await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&a, &format!("prepare transaction '{late}'")).await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&b, &format!("commit prepared '{early}'")).await;
    stage.hold(&mut checker, "1,2").await;
    running.stop().await;
    let running = Running::start(&stage.config);
    stage.hold(&mut checker, "1,2").await;
    run(&a, &format!("commit prepared '{late}'")).await;
    checker.arrive("1,2,3,4,5").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn a_writer_that_stays_open_for_long_is_waited_for_also_by_a_replicator_that_starts_meanwhile()
 {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let a = stage.client().await;
    run(&a, &format!("begin; {INSERT}")).await;
    for _ in 0..5 {
        stage.source.execute(INSERT).await;
        stage.hold(&mut checker, "1").await;
    }
    running.stop().await;
    let running = Running::start(&stage.config);
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&a, &format!("{INSERT}; commit")).await;
    checker.arrive("1,2,3,4,5,6,7,8,9").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn a_gap_that_was_rolled_back_stalls_nothing_whatever_else_is_open() {
    let stage = Stage::new().await;
    stage.source.execute("create table other (what text)").await;
    let (running, mut checker) = stage.following().await;
    let (a, writer, reader) = (stage.client().await, stage.client().await, stage.client().await);
    run(&writer, "begin; insert into other values ('open for ever')").await;
    run(&reader, "begin isolation level repeatable read; select count(*) from events").await;
    run(&a, &format!("begin; {INSERT}; rollback")).await;
    stage.source.execute(INSERT).await;
    checker.arrive("1,3").await;
    run(
        &a,
        &format!(
            "begin; {INSERT}; savepoint s; {INSERT}; rollback to savepoint s; {INSERT}; commit"
        ),
    )
    .await;
    checker.arrive("1,3,4,6").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn the_first_event_of_an_empty_destination_waits_for_those_that_may_come_before_it() {
    for is_following_before in [false, true] {
        let stage = Stage::new().await;
        let mut checker = Checker::new(&stage.destination);
        let early = is_following_before.then(|| Running::start(&stage.config));
        if is_following_before {
            until_looked_twice(&stage.source).await;
        }
        let a = stage.client().await;
        run(&a, "begin; select nextval('events_id_seq')").await;
        stage.source.execute(INSERT).await;
        let running = early.unwrap_or_else(|| Running::start(&stage.config));
        stage.hold(&mut checker, "").await;
        run(&a, "insert into events (id, event) values (1, '{}'); commit").await;
        checker.arrive("1,2").await;
        running.stop().await;
        checker.judge(&stage.source).await;
    }
}

/// The race that decides the order of the mark's statements: the highest id is asked, and waits for
/// a table lock; meanwhile one transaction draws an id and stays open, and the one with the lock
/// commits a higher one. Whoever asked for the holders before, or takes a holder that is new to
/// have drawn its ids after the highest one, skips the lower id. Another hold keeps the looks
/// going.
#[tokio::test]
async fn an_id_drawn_while_the_highest_one_was_being_read_is_waited_for() {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let (holder, a, locker) = (stage.client().await, stage.client().await, stage.client().await);
    run(&holder, "begin; select nextval('events_id_seq')").await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    run(&locker, "begin; lock table events in access exclusive mode").await;
    until_waiting(&stage.source, "counterfoil/mark").await;
    run(&a, "begin; select nextval('events_id_seq')").await;
    run(&locker, &format!("{INSERT}; commit")).await;
    stage.hold(&mut checker, "1").await;
    run(&holder, "insert into events (id, event) values (2, '{}'); commit").await;
    stage.hold(&mut checker, "1,2,3").await;
    run(&a, "insert into events (id, event) values (4, '{}'); commit").await;
    checker.arrive("1,2,3,4,5").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn contiguous_events_are_copied_while_a_transaction_that_may_only_come_later_is_open() {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let (a, b) = (stage.client().await, stage.client().await);
    run(&a, &format!("begin; {INSERT}")).await;
    run(&b, &format!("begin; {INSERT}; {INSERT}")).await;
    run(&a, "commit").await;
    checker.arrive("1,2").await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1,2").await;
    run(&b, "commit").await;
    checker.arrive("1,2,3,4,5").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

#[tokio::test]
async fn a_hold_ends_with_the_connection_of_the_writer_that_caused_it() {
    let stage = Stage::new().await;
    let (running, mut checker) = stage.following().await;
    let a = stage.client().await;
    run(&a, &format!("begin; {INSERT}")).await;
    stage.source.execute(INSERT).await;
    stage.hold(&mut checker, "1").await;
    drop(a);
    checker.arrive("1,3").await;
    running.stop().await;
    checker.judge(&stage.source).await;
}

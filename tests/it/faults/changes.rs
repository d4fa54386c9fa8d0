//! Tables that are changed while they are followed: rewritten, emptied, with other columns; and
//! rows that a destination does not take.

use crate::check::values::fresh_encoded;
use crate::configured::{config, table};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{
    Writers, arrives, equal, highest, init_destination, init_source, insert, prefix,
};
use crate::support::replicator::{Replicator, Setup};
use crate::support::{LONG, following};
use crate::truth::running::{Running, copy_all, replication};
use counterfoil::error::ErrorKind;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::postgres::table::describe;
use counterfoil::source::durability::DurabilityGate;
use std::sync::Arc;
use std::time::Duration;

async fn followed() -> (Database, Database, Replicator) {
    following(fresh_database().await, 5).await
}

#[tokio::test]
async fn tables_that_are_rewritten_vacuumed_and_frozen_are_followed_on() {
    let (source, destination, mut replicator) = followed().await;
    let writers = Writers::start(&source, 3, 11);
    for _ in 0..3 {
        for side in [&source, &destination] {
            for statement in [
                "vacuum full events",
                "cluster events using events_pkey",
                "vacuum (freeze) events",
                "reindex table events",
                "alter table events set (fillfactor = 90)",
                "alter table events alter column event type jsonb using event",
                "analyze events",
            ] {
                side.execute(statement).await;
            }
        }
    }
    writers.stop().await;
    equal(&source, &destination).await;
    assert!(replicator.is_running());
    replicator.stops().await;
}

#[tokio::test]
async fn a_source_that_is_emptied_ends_the_run_with_4_and_nothing_is_written() {
    for refill in [0, 3, 8] {
        let (source, destination, mut replicator) = followed().await;
        source
            .execute("alter table events disable trigger all; truncate events restart identity")
            .await;
        if refill > 0 {
            insert(&source, refill).await;
        }
        let end = match refill {
            // Ids that it had already are nothing new to whoever waits for higher ones; a start
            // tells.
            0 | 3 => {
                replicator.stops().await;
                Setup::from(&source).to("copy", &destination).start(&[]).ends().await
            }
            _ => replicator.ends().await,
        };
        assert_eq!(end.code, Some(4), "{refill}: {end:?}");
        assert_eq!(destination.query("select count(*), max(id) from events").await, ["5|5"]);
    }
}

#[tokio::test]
async fn a_column_that_is_renamed_or_dropped_stops_with_3_and_both_lists() {
    for (at_source, change) in [
        (true, "alter table events rename column event to happening"),
        (true, "alter table events drop column event"),
        (false, "alter table events rename column event to happening"),
        (false, "alter table events drop column event"),
    ] {
        let (source, destination, mut replicator) = followed().await;
        let changed = if at_source { &source } else { &destination };
        changed.execute(change).await;
        let insert = match (at_source, change.contains("rename")) {
            (true, true) => "insert into events (happening) values ('{}')",
            (true, false) => "insert into events (ts) values (now())",
            (false, _) => "insert into events (event) values ('{}')",
        };
        source.execute(insert).await;
        let end = replicator.ends().await;
        assert_eq!(end.code, Some(3), "{change}: {end:?}");
        assert!(
            end.report.contains("\"event\"") || end.report.contains(" event"),
            "{change}: {}",
            end.report
        );
        assert_eq!(highest(&destination).await, 5);
    }
}

/// Of three events that a destination holds and two more it takes the first and not the second.
async fn refuses_the_fifth(constraint: &str, fourth: &str, fifth: &str, words: &str) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigserial primary key, ts timestamptz, event jsonb not null)",
        )
        .await;
    destination
        .execute(
            "create table events (id bigint primary key, ts timestamptz, event jsonb not null)",
        )
        .await;
    source
        .execute(
            "insert into events (ts, event) select clock_timestamp(), to_jsonb(i) from \
             generate_series(1, 3) i",
        )
        .await;
    let setup = Setup::from(&source).to("copy", &destination);
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    destination.execute(constraint).await;
    for row in [fourth, fifth] {
        source.execute(&format!("insert into events (ts, event) values ({row})")).await;
    }
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(7), "{constraint}: {end:?}");
    assert!(end.report.contains(words) && end.report.contains("id 5\n"), "{}", end.report);
    assert_eq!(prefix(&source, &destination).await, 4);
}

#[tokio::test]
async fn rows_that_constraints_refuse_stop_the_lane_with_7_and_name_the_id() {
    let not_null = "alter table events alter column ts set not null";
    refuses_the_fifth(not_null, "now(), '4'", "null, '5'", "null value in column \"ts\"").await;
    let unique = "alter table events add constraint once unique (event)";
    refuses_the_fifth(unique, "now(), '4'", "now(), '2'", "violates unique constraint \"once\"")
        .await;
    let known = "create table known (event jsonb primary key); insert into known select event from \
                 events; alter table events add constraint known foreign key (event) references \
                 known";
    refuses_the_fifth(
        known,
        "now(), '3'",
        "now(), '99'",
        "violates foreign key constraint \"known\"",
    )
    .await;
}

#[tokio::test]
async fn a_character_that_the_destination_cannot_hold_stops_its_lane_with_7_at_that_event() {
    let source = fresh_database().await;
    let destination = fresh_encoded(&fresh_destination().await, "LATIN1").await;
    init_source(&source).await;
    init_destination(&destination).await;
    source
        .execute(
            "insert into events (event) select jsonb_build_object('text', x) from \
             unnest(array['ä', 'é', '€', 'ö']) x",
        )
        .await;
    let end = Setup::from(&source)
        .source_key("group_by = ''")
        .to("copy", &destination)
        .start(&["--until-caught-up"])
        .ends()
        .await;
    assert_eq!(end.code, Some(7), "{end:?}");
    assert!(end.report.contains("id 3\n") && end.report.contains("22P05"), "{}", end.report);
    assert_eq!(destination.query("select max(id) from events").await, ["2"]);
}

#[tokio::test]
async fn a_partition_of_a_partition_that_is_emptied_is_noticed_and_a_new_one_disturbs_nothing() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create sequence numbers;
             create table events (id bigint primary key default nextval('numbers'), ts timestamptz not null default clock_timestamp(), event jsonb not null) partition by range (id);
             create table low partition of events for values from (1) to (100) partition by range (id);
             create table lowest partition of low for values from (1) to (4);
             create table lower partition of low for values from (4) to (100)",
        )
        .await;
    init_destination(&destination).await;
    source.execute("insert into events (event) select '{}' from generate_series(1, 5)").await;
    let mut replicator =
        Setup::from(&source).to("copy", &destination).key("retry_wait_max_ms = 500").start(&[]);
    arrives(&destination, 5).await;
    source
        .execute(
            "create table high partition of events for values from (100) to (200); insert into \
             events (event) values ('{}')",
        )
        .await;
    arrives(&destination, 6).await;
    assert_eq!(replicator.lines(&["was lost"]), 0, "{}", replicator.log());
    source
        .execute(
            "truncate lowest; insert into events (id, event) values (1, '{\"another\": 1}'), (2, \
             '{}'), (3, '{}'); insert into events (event) values ('{}')",
        )
        .await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    assert!(end.log.contains("the source's table was emptied or rewritten"), "{}", end.log);
    assert_eq!(highest(&destination).await, 6);
}

#[tokio::test]
async fn a_table_that_only_a_trigger_of_the_destination_misses_stops_the_lane_with_3() {
    let (source, destination, mut replicator) = followed().await;
    destination
        .execute(
            "create function count_up() returns trigger language plpgsql as $$begin insert into \
             counts values (1); return null; end$$; create trigger count_up after insert on events \
             for each row execute function count_up()",
        )
        .await;
    insert(&source, 1).await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(3), "{end:?}");
    assert!(end.report.contains("relation \"counts\" does not exist"), "{}", end.report);
    assert_eq!(highest(&destination).await, 5);
}

/// A replicator that audits all the time and has copied ten events.
async fn audited() -> (Database, Database, Running) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigserial primary key, ts timestamptz not null default \
             clock_timestamp(), event jsonb not null)",
        )
        .await;
    init_destination(&destination).await;
    source.execute("insert into events (event) select '{}' from generate_series(1, 9)").await;
    let config = config(&source, &[("copy", &destination)]);
    copy_all(&config).await;
    let mut run = replication(&config, false);
    run.reconcile_interval = Duration::from_millis(50);
    let running = Running::start_as(run);
    source.execute("insert into events (event) values ('{}')").await;
    arrives(&destination, 10).await;
    (source, destination, running)
}

#[tokio::test]
async fn an_event_that_is_removed_at_the_source_stops_its_destinations() {
    let (source, destination, running) = audited().await;
    source.execute("delete from events where id = 4").await;
    let problems = running.ends().await;
    assert!(
        problems
            .report()
            .contains("the destination holds an event that the source does not, next after id 3"),
        "{}",
        problems.report()
    );
    assert_eq!(problems.exit_code(), 4);
    assert_eq!(highest(&destination).await, 10);
}

#[tokio::test]
async fn an_event_that_is_removed_at_a_destination_is_found_by_the_audit_and_brought_back() {
    let (source, destination, running) = audited().await;
    destination.execute("delete from events where id = 4").await;
    let problems = running.ends().await;
    assert!(
        problems.report().contains("or was removed at the destination"),
        "{}",
        problems.report()
    );
    assert_eq!(problems.exit_code(), 6);
    let (code, printed, complaint) =
        crate::repair::repair(&source, &destination, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    equal(&source, &destination).await;
}

#[tokio::test]
async fn the_gate_of_a_table_that_is_gone_lets_nothing_through() {
    let source = fresh_database().await;
    init_source(&source).await;
    let purpose = SessionPurpose { what: "mark", side: ErrorSide::Source };
    let session = Arc::new(Session::open(&source.conninfo, purpose, LONG).await.unwrap());
    let events = describe::table(&session, &table("events"), "id").await.unwrap().unwrap();
    let gate = DurabilityGate::new(session, &events, Vec::new(), true).await.unwrap();
    gate.durable().await.unwrap();
    source.execute("drop table events").await;
    for refused in [gate.durable().await, gate.confirm_table().await] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

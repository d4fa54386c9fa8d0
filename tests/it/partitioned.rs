//! Tables that are partitioned by something else than their id: the key begins with the id and has
//! the partition's column behind it.

use crate::command::{counterfoil, told};
use crate::configured::config;
use crate::diff::compared;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, highest};
use crate::support::replicator::Setup;
use crate::truth::running::{DEADLINE, Running, replication};
use counterfoil::error::{ErrorKind, Problems};
use std::time::Duration;

const BY_MONTH: &str = "create table events (id bigint generated always as identity, ts \
                        timestamptz not null, event jsonb not null, unique (id, ts)) partition by \
                        range (ts); create table events_1 partition of events for values from \
                        ('2026-01-01') to ('2026-02-01'); create table events_2 partition of \
                        events for values from ('2026-02-01') to ('2026-03-01')";

const PLAIN: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";

/// Events of each month in turn.
async fn insert(source: &Database, months: &str, events: u32) {
    source
        .execute(&format!(
            "insert into events (ts, event) select (array[{months}]::timestamptz[])[1 + i % \
             cardinality(array[{months}])], jsonb_build_object('i', i) from generate_series(1, \
             {events}) i"
        ))
        .await;
}

const BOTH: &str = "'2026-01-05', '2026-02-05'";

async fn pair(destination: &str) -> (Database, Database) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(BY_MONTH).await;
    copy.execute(destination).await;
    insert(&source, BOTH, 50).await;
    (source, copy)
}

async fn are_equal(source: &Database, copy: &Database) {
    let (code, out, err) = compared(source, copy, &[]).await;
    assert_eq!(code, 0, "{out}{err}");
}

async fn first_of(problems: Problems) -> (ErrorKind, String) {
    let first = problems.worst().expect("a problem");
    (first.kind(), first.report())
}

#[tokio::test]
async fn a_table_by_month_is_followed_while_partitions_come_and_empty_ones_go() {
    let (source, copy) = pair(PLAIN).await;
    let running = Running::start(&config(&source, &[("copy", &copy)]));
    arrives(&copy, 50).await;
    source
        .execute(
            "create table events_3 (like events_2 including all excluding identity); alter table events attach \
             partition events_3 for values from ('2026-03-01') to ('2026-04-01')",
        )
        .await;
    insert(&source, "'2026-03-03', '2026-01-03'", 20).await;
    arrives(&copy, 70).await;
    source
        .execute(
            "create table events_4 partition of events for values from ('2026-04-01') to \
             ('2026-05-01'); alter table events detach partition events_4; drop table events_4",
        )
        .await;
    insert(&source, BOTH, 20).await;
    arrives(&copy, 90).await;
    running.stop().await;
    are_equal(&source, &copy).await;
}

#[tokio::test]
async fn a_destination_by_month_takes_what_its_source_by_tenant_has() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigserial, tenant text not null, ts timestamptz not null \
             default '2026-01-05', primary key (id, tenant)) partition by list (tenant); create \
             table a partition of events for values in ('a'); create table b partition of events \
             for values in ('b'); insert into events (tenant) select chr(97 + i % 2) from \
             generate_series(1, 40) i",
        )
        .await;
    copy.execute(
        "create table events (id bigint not null, tenant text not null, ts timestamptz not null, \
         unique (id, ts)) partition by range (ts); create table m partition of events for values \
         from ('2026-01-01') to ('2026-02-01')",
    )
    .await;
    let running = Running::start(&config(&source, &[("copy", &copy)]));
    arrives(&copy, 40).await;
    running.stop().await;
    are_equal(&source, &copy).await;
}

#[tokio::test]
async fn a_partition_with_events_that_is_detached_stops_it_and_no_advice_is_to_empty_the_copy() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(BY_MONTH).await;
    copy.execute(PLAIN).await;
    insert(&source, "'2026-01-05'", 25).await;
    insert(&source, "'2026-02-05'", 25).await;
    let config = config(&source, &[("copy", &copy)]);
    let running = Running::start(&config);
    arrives(&copy, 50).await;
    source.execute("alter table events detach partition events_1").await;
    insert(&source, "'2026-02-05'", 1).await;
    let (kind, told) = first_of(running.ends().await).await;
    assert_eq!(kind, ErrorKind::Contents, "{told}");
    assert!(told.contains("do not empty this destination"), "{told}");
    assert!(!told.contains("--rewind-to"), "{told}");
    let attach = "alter table events attach partition events_1 for values from ('2026-01-01') to \
                  ('2026-02-01')";
    source.execute(attach).await;
    let running = Running::start(&config);
    insert(&source, BOTH, 10).await;
    arrives(&copy, 61).await;
    running.stop().await;
    are_equal(&source, &copy).await;
}

/// An id of the other month, given a second time.
const DOUBLE: &str = "insert into events overriding system value select id, case when ts < \
                      '2026-02-01' then '2026-02-07' else '2026-01-07' end::timestamptz, event \
                      from events where id = 7";

#[tokio::test]
async fn an_id_that_is_there_twice_is_told_at_either_side_before_anything_is_copied() {
    let (source, copy) = pair(&BY_MONTH.replace("generated always as identity", "not null")).await;
    source.execute(DOUBLE).await;
    let config = config(&source, &[("copy", &copy)]);
    let (kind, told) = first_of(Running::start(&config).ends().await).await;
    assert_eq!(kind, ErrorKind::Order, "{told}");
    assert!(told.contains("the source holds id 7 more than once"), "{told}");
    assert_eq!(copy.query("select count(*) from events").await, ["0"]);
    let (code, _, err) = compared(&source, &copy, &[]).await;
    assert_eq!((code, err.contains("holds id 7 more than once")), (2, true), "{err}");
    source.execute("delete from events where id = 7 and extract(day from ts) = 7").await;
    let running = Running::start(&config);
    arrives(&copy, 50).await;
    running.stop().await;
    copy.execute(&DOUBLE.replace("overriding system value ", "")).await;
    copy.execute("delete from events where id = 9").await;
    let (kind, told) = first_of(Running::start(&config).ends().await).await;
    assert_eq!(kind, ErrorKind::Contents, "{told}");
    assert!(told.contains("destination \"copy\" holds id 7 more than once"), "{told}");
}

#[tokio::test]
async fn an_id_that_is_given_a_second_time_later_is_found_by_the_counts() {
    let (source, copy) = pair(PLAIN).await;
    let mut run = replication(&config(&source, &[("copy", &copy)]), false);
    run.reconcile_interval = Duration::from_millis(50);
    let running = Running::start_as(run);
    arrives(&copy, 50).await;
    source.execute(DOUBLE).await;
    let (kind, told) =
        first_of(tokio::time::timeout(DEADLINE, running.ends()).await.unwrap()).await;
    assert!(matches!(kind, ErrorKind::Order | ErrorKind::Contents), "{told}");
    assert_eq!(highest(&copy).await, 50);
}

#[tokio::test]
async fn two_new_events_of_one_id_are_never_copied() {
    let (source, copy) = pair(PLAIN).await;
    let running = Running::start(&config(&source, &[("copy", &copy)]));
    arrives(&copy, 50).await;
    source
        .execute(
            "begin; insert into events overriding system value values (51, '2026-01-08', '{}'), \
             (51, '2026-02-08', '{}'); select setval('events_id_seq', 51); commit",
        )
        .await;
    let (kind, told) =
        first_of(tokio::time::timeout(DEADLINE, running.ends()).await.unwrap()).await;
    assert_eq!(kind, ErrorKind::Order, "{told}");
    assert!(highest(&copy).await <= 51);
}

#[tokio::test]
async fn without_a_sequence_the_key_must_be_the_id_alone() {
    let (source, copy) = pair(PLAIN).await;
    let setup = Setup::from(&source).source_key("ids = \"grace:1s\"").to("copy", &copy);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, setup.text()).unwrap();
    let run = counterfoil(&["run", "--dry-run", "--config", path.to_str().unwrap()]).output();
    let (code, out, err) = told(&run.unwrap());
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.contains("nothing keeps an id from being in public.events twice"), "{out}");
}

#[tokio::test]
async fn a_comparison_without_a_key_names_an_index_that_a_partitioned_table_can_have() {
    let table =
        "create table events (id bigint not null, at date not null) partition by range (at)";
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for database in [&first, &second] {
        database.execute(table).await;
    }
    let (code, _, err) = compared(&first, &second, &[]).await;
    assert_eq!(code, 2, "{err}");
    let index = "CREATE UNIQUE INDEX ON public.events (\"id\", \"at\");";
    assert!(err.contains("has no unique index on \"id\" alone"), "{err}");
    assert!(err.contains(&format!("fix: {index}")), "{err}");
    for database in [&first, &second] {
        database.execute(index).await;
    }
    let (code, out, err) = compared(&first, &second, &[]).await;
    assert_ne!(code, 2, "{out}{err}");
}

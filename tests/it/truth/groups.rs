//! Neighbours of one `ts` arrive in one transaction of the destination, as they left the source.

use super::prefix::Checker;
use super::running::{Running, copy_all, until_answer, until_looked_twice};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use counterfoil::config::{GroupBy, ReplicationConfig};
use std::time::Duration;

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                      default now(), event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
/// Groups of 1, 2, … 60 events.
const SIXTY_GROUPS: &str = "insert into events (ts, event) select timestamptz '2026-01-01 00:00:00.000001+00' + g * interval '1 us', jsonb_build_object('group', g, 'n', n)
    from generate_series(1, 60) g, generate_series(1, g) n order by g, n";
/// The sizes of the destination's transactions, in their order.
const TRANSACTIONS: &str = "select count(*) from events group by xmin::text order by min(id)";
const SPLIT: &str = "select count(*) from (select 1 from events group by ts having count(distinct \
                     xmin::text) > 1) split";

async fn pair() -> (Database, Database, ReplicationConfig) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(SOURCE).await;
    destination.execute(DESTINATION).await;
    let mut config = config(&source, &[("copy", &destination)]);
    config.source.poll_interval = Duration::from_millis(20);
    (source, destination, config)
}

#[tokio::test]
async fn a_group_is_never_split_however_small_batches_are() {
    for (events_max, bytes_max) in [(1, 16 << 20), (50, 16 << 20), (10_000, 4096)] {
        let (source, destination, mut config) = pair().await;
        config.limits.max_events_per_write = events_max;
        config.limits.max_bytes_per_write = bytes_max;
        source.execute(SIXTY_GROUPS).await;
        copy_all(&config).await;
        assert_eq!(destination.query(SPLIT).await, ["0"]);
        let transactions = destination.query(TRANSACTIONS).await;
        assert!(transactions.len() > 15, "{transactions:?}");
        Checker::new(&destination).judge(&source).await;
    }
}

#[tokio::test]
async fn without_groups_batches_are_cut_at_their_limit() {
    let (source, destination, mut config) = pair().await;
    config.source.group_by = GroupBy::Off;
    config.limits.max_events_per_write = 100;
    source.execute(SIXTY_GROUPS).await;
    copy_all(&config).await;
    let transactions = destination.query(TRANSACTIONS).await;
    assert_eq!(transactions[..18], ["100"; 18]);
    assert_eq!(transactions[18..], ["30"]);
}

#[tokio::test]
async fn a_group_beyond_its_limit_is_cut_there_and_nowhere_else() {
    let (source, destination, mut config) = pair().await;
    config.source.group_events_max = 500;
    config.limits.max_events_per_write = 100;
    source.execute("insert into events (event) select '{}' from generate_series(1, 1200)").await;
    source.execute("insert into events (event) select '{}' from generate_series(1, 80)").await;
    copy_all(&config).await;
    let transactions = destination.query(TRANSACTIONS).await;
    assert_eq!(transactions[..2], ["500", "500"]);
    assert_eq!(
        destination.query("select count(distinct xmin::text) from events where id > 1200").await,
        ["1"]
    );
    Checker::new(&destination).judge(&source).await;
}

/// The rows of a large group are on their way before it is known where it ends; it ends above an id
/// that may still come.
#[tokio::test]
async fn a_group_that_reaches_over_an_open_id_waits_as_a_whole_also_when_it_is_streamed() {
    for text in ["", "repeat(md5(i::text), 300)"] {
        let (source, destination, config) = pair().await;
        let (a, b) = (source.client().await, source.client().await);
        let text = if text.is_empty() { "''" } else { text };
        source.execute("insert into events (event) values ('{}')").await;
        let running = Running::start(&config);
        let mut checker = Checker::new(&destination);
        checker.arrive("1").await;
        let insert = format!(
            "insert into events (event) select jsonb_build_object('n', i, 'text', {text}) from \
             generate_series(1, 300) i"
        );
        a.batch_execute(&format!("begin; {insert}")).await.unwrap();
        b.batch_execute("begin; select nextval('events_id_seq')").await.unwrap();
        a.batch_execute(&format!("{insert}; commit")).await.unwrap();
        until_looked_twice(&source).await;
        assert_eq!(checker.look("the hold").await, "1");
        b.batch_execute("rollback").await.unwrap();
        until_answer(&destination, TRANSACTIONS, &["1", "600"]).await;
        running.stop().await;
        checker.judge(&source).await;
    }
}

#[tokio::test]
async fn a_group_that_is_parted_by_a_late_event_is_two_groups() {
    let (source, destination, config) = pair().await;
    let (a, b) = (source.client().await, source.client().await);
    source.execute("insert into events (event) values ('{}')").await;
    let running = Running::start(&config);
    let mut checker = Checker::new(&destination);
    checker.arrive("1").await;
    b.batch_execute("begin; select now()").await.unwrap();
    a.batch_execute("begin; insert into events (event) values ('{\"a\": 1}')").await.unwrap();
    b.batch_execute("select nextval('events_id_seq')").await.unwrap();
    a.batch_execute("insert into events (event) values ('{\"a\": 2}'); commit").await.unwrap();
    until_looked_twice(&source).await;
    assert_eq!(checker.look("the hold").await, "1");
    b.batch_execute("insert into events (id, event) values (3, '{\"b\": 1}'); commit")
        .await
        .unwrap();
    checker.arrive("1,2,3,4").await;
    running.stop().await;
    checker.judge(&source).await;
}

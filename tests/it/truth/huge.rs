//! Memory of the process, measured by the system: bounded whatever the size of an event or of a
//! source transaction.

use super::is_full;
use super::prefix::assert_same_bytes;
use super::program::{Program, peak_kb};
use super::running::until_answer;
use crate::harness::{Database, fresh_database, fresh_destination};

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                      default now(), event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
/// Without large rows the process stays below this.
const PEAK_KB_MAX: u64 = 64 * 1024;

async fn pair() -> (Database, [Database; 2]) {
    let (source, destinations) =
        (fresh_database().await, [fresh_destination().await, fresh_destination().await]);
    source.execute(SOURCE).await;
    for destination in &destinations {
        destination.execute(DESTINATION).await;
    }
    (source, destinations)
}

/// Follows the source with the program until both destinations have everything, and what comes
/// then; gives the most memory that the process had. No destination goes on alone: then each would
/// read its rows by itself.
async fn peak_of_a_copy(
    source: &Database,
    destinations: &[Database; 2],
    then: Option<&str>,
) -> u64 {
    let named = [("one", &destinations[0].conninfo), ("other", &destinations[1].conninfo)];
    let program = Program::between(&source.conninfo, "[replication]\nhold_max_ms = 600000", &named);
    let mut child = program.spawn();
    arrived(source, destinations).await;
    if let Some(insert) = then {
        source.execute(insert).await;
        arrived(source, destinations).await;
    }
    let peak = peak_kb(&child);
    child.kill().await.unwrap();
    peak
}

async fn arrived(source: &Database, destinations: &[Database; 2]) {
    let all = source.query("select count(*), max(id) from events").await;
    for destination in destinations {
        until_answer(destination, "select count(*), max(id) from events", &[all[0].as_str()]).await;
    }
}

async fn an_event_of_100_mb_between_small_ones(is_there_before: bool) {
    let (source, destinations) = pair().await;
    let small = "insert into events (event) values ('{\"small\": 1}')";
    let large = format!(
        "{small}, (jsonb_build_object('large', repeat('ä\\\"x', 15 * 1024 * 1024))), \
         ('{{\"small\": 2}}')"
    );
    source.execute(if is_there_before { &large } else { small }).await;
    let peak = peak_of_a_copy(&source, &destinations, (!is_there_before).then_some(&large)).await;
    let row_kb: u64 =
        source.query("select max(octet_length(event::text)) / 1024 from events").await[0]
            .parse()
            .unwrap();
    assert!(row_kb > 100 * 1024, "{row_kb} kB");
    println!("a row of {row_kb} kB: the process had {peak} kB at most");
    assert!(peak < PEAK_KB_MAX + 2 * row_kb, "{peak} kB");
    let digest =
        "select id, octet_length(event::text), md5(event::text), ts from events order by id";
    for destination in &destinations {
        assert_same_bytes(&source, destination, digest, "text").await;
    }
}

#[tokio::test]
async fn an_event_of_100_mb_is_copied_and_costs_less_than_twice_its_size() {
    an_event_of_100_mb_between_small_ones(true).await;
}

#[tokio::test]
async fn an_event_of_100_mb_that_comes_after_small_ones_costs_no_more() {
    an_event_of_100_mb_between_small_ones(false).await;
}

#[tokio::test]
async fn one_transaction_of_a_million_events_arrives_in_one_transaction_and_in_constant_memory() {
    let (source, destinations) = pair().await;
    let events = if is_full() { 1_000_000 } else { 60_000 };
    let insert = format!(
        "insert into events (event) select jsonb_build_object('entity', 'Order', 'n', i, 'text', \
         repeat(md5(i::text), 9)) from generate_series(1, {events}) i"
    );
    source.execute(&insert).await;
    source.execute("insert into events (event) values ('{\"next\": true}')").await;
    let peak = peak_of_a_copy(&source, &destinations, None).await;
    println!("a transaction of {events} events: the process had {peak} kB at most");
    assert!(peak < PEAK_KB_MAX, "{peak} kB");
    for destination in &destinations {
        assert_eq!(destination.query("select count(distinct xmin::text) from events").await, ["2"]);
        assert_same_bytes(
            &source,
            destination,
            "select count(*), sum(hashtextextended(e::text, 0)) from events e",
            "text",
        )
        .await;
    }
}

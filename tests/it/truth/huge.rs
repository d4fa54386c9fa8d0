//! Memory of the process, measured by the system: bounded whatever the size of an event or of a source transaction.

use super::is_full;
use super::prefix::assert_same_bytes;
use super::program::{Program, peak_kb};
use super::running::until_answer;
use crate::harness::{Database, fresh_database, fresh_destination};

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null default now(), event jsonb not null)";
const DESTINATION: &str = "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
/// Without large rows the process stays below this.
const PEAK_KB_MAX: u64 = 64 * 1024;
/// On a busy machine one destination may need a tenth of a second more than the other for a large row; it would be cut off, and read the row itself.
const ONE_READER: &str = "[replication]\nhold_max_ms = 60000";

async fn pair() -> (Database, [Database; 2]) {
    let (source, destinations) = (fresh_database().await, [fresh_destination().await, fresh_destination().await]);
    source.execute(SOURCE).await;
    for destination in &destinations {
        destination.execute(DESTINATION).await;
    }
    (source, destinations)
}

/// Follows the source with the program until both destinations have everything; gives the most memory that the process had.
async fn peak_of_a_copy(source: &Database, destinations: &[Database; 2], more: &str) -> u64 {
    let named = [("one", &destinations[0].conninfo), ("other", &destinations[1].conninfo)];
    let program = Program::between(&source.conninfo, more, &named);
    let mut child = program.spawn();
    let all = source.query("select count(*), max(id) from events").await;
    for destination in destinations {
        until_answer(destination, "select count(*), max(id) from events", &[all[0].as_str()]).await;
    }
    let peak = peak_kb(&child);
    child.kill().await.unwrap();
    peak
}

#[tokio::test]
async fn an_event_of_100_mb_is_copied_and_costs_less_than_twice_its_size() {
    let (source, destinations) = pair().await;
    let large = "insert into events (event) values ('{\"small\": 1}'), (jsonb_build_object('large', repeat('ä\\\"x', 15 * 1024 * 1024))), ('{\"small\": 2}')";
    source.execute(large).await;
    let row_kb: u64 = source.query("select max(octet_length(event::text)) / 1024 from events").await[0]
        .parse()
        .unwrap();
    assert!(row_kb > 100 * 1024, "{row_kb} kB");
    let peak = peak_of_a_copy(&source, &destinations, ONE_READER).await;
    println!("a row of {row_kb} kB: the process had {peak} kB at most");
    assert!(peak < PEAK_KB_MAX + 2 * row_kb, "{peak} kB");
    let digest = "select id, octet_length(event::text), md5(event::text), ts from events order by id";
    for destination in &destinations {
        assert_same_bytes(&source, destination, digest, "text").await;
    }
}

#[tokio::test]
async fn one_transaction_of_a_million_events_arrives_in_one_transaction_and_in_constant_memory() {
    let (source, destinations) = pair().await;
    let events = if is_full() { 1_000_000 } else { 60_000 };
    let insert = format!(
        "insert into events (event) select jsonb_build_object('entity', 'Order', 'n', i, 'text', repeat(md5(i::text), 9)) from generate_series(1, {events}) i"
    );
    source.execute(&insert).await;
    source.execute("insert into events (event) values ('{\"next\": true}')").await;
    let peak = peak_of_a_copy(&source, &destinations, "").await;
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

//! Many destinations, large events, high ids, a long absence.

use crate::harness::{Database, fresh_database, fresh_database_on, own_server};
use crate::support::events::{init_source, insert};
use crate::support::replicator::{Replicator, Setup, url};
use crate::support::{is_full, say, until};
use counterfoil::postgres::server::Settings;
use std::time::Instant;

/// Tables of one server as destinations.
async fn many(tables: usize, connections: usize) -> (Database, Database, Setup) {
    let settings = Settings::new()
        .set("max_connections", &connections.to_string())
        .set("shared_buffers", "64MB");
    let (source, destination) = (fresh_database().await, fresh_database_on(&own_server(&settings)).await);
    init_source(&source).await;
    insert(&source, 3).await;
    let create = format!(
        "do $$ begin for i in 1..{tables} loop execute 'create table events_' || i || ' (id bigint primary key, ts timestamptz not null, event jsonb not null)'; end loop; end $$"
    );
    destination.execute(&create).await;
    let mut setup = Setup::from(&source);
    for table in 1..=tables {
        setup = setup
            .and_url(&format!("copy {table}"), &url(&destination))
            .destination_key(&format!("table = 'public.events_{table}'"));
    }
    (source, destination, setup)
}

/// How many sessions of ours a server has.
async fn sessions(database: &Database) -> usize {
    let ours = "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'counterfoil/%'";
    database.query(ours).await[0].parse().unwrap()
}

async fn all_hold(destination: &Database, tables: usize, events: usize) {
    let mut next = 1;
    until("every destination has every event", async || {
        while next <= tables {
            let count = destination.query(&format!("select count(*) from events_{next}")).await;
            if count != [events.to_string()] {
                return false;
            }
            next += 1;
        }
        true
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_destinations_start_together_and_hold_one_connection_each() {
    let tables = if is_full() { 1000 } else { 100 };
    // One for each destination, few more while they are checked, and the test's own.
    let (source, destination, setup) = many(tables, tables + 60).await;
    let (start, replicator): (Instant, Replicator) = (Instant::now(), setup.start(&[]));
    let (mut at_source, mut at_destination) = (0, 0);
    until("every destination is fed", async || {
        at_source = at_source.max(sessions(&source).await);
        let now = sessions(&destination).await;
        at_destination = at_destination.max(now);
        now >= tables && destination.query(&format!("select count(*) from events_{tables}")).await == ["3"]
    })
    .await;
    all_hold(&destination, tables, 3).await;
    say(&format!(
        "{tables} destinations were fed after {:?}; at most {at_source} sessions at the source, {at_destination} at the destination",
        start.elapsed()
    ));
    insert(&source, 2).await;
    all_hold(&destination, tables, 5).await;
    assert!(at_source < 30, "{at_source} sessions at the source");
    assert_eq!(replicator.lines(&["was lost"]), 0, "{}", replicator.log());
    let rested = sessions(&destination).await;
    assert!((tables..tables + 20).contains(&rested), "{rested} sessions at the destination");
    replicator.stops().await;
}

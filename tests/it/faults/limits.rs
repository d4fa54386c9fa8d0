//! Many destinations, large events, high ids, a long absence.

use crate::harness::{Database, fresh_database, fresh_database_on, fresh_destination, own_server};
use crate::support::events::{equal, init_destination, init_source, insert};
use crate::support::replicator::{Replicator, Setup, url};
use crate::support::{is_full, say, until};
use crate::truth::program::{Program, finish};
use counterfoil::postgres::server::ServerSettings;
use std::time::Instant;

/// Tables of one server as destinations.
async fn many(tables: usize, connections: usize) -> (Database, Database, Setup) {
    let settings = ServerSettings::new()
        .set("max_connections", &connections.to_string())
        .set("shared_buffers", "64MB");
    let (source, destination) =
        (fresh_database().await, fresh_database_on(&own_server(&settings)).await);
    init_source(&source).await;
    insert(&source, 3).await;
    let create = format!(
        "do $$ begin for i in 1..{tables} loop execute 'create table events_' || i || ' (id bigint \
         primary key, ts timestamptz not null, event jsonb not null)'; end loop; end $$"
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
    let ours = "select count(*) from pg_stat_activity where datname = current_database() and \
                application_name like 'counterfoil/%'";
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
    let (source, destination, setup) = many(tables, tables * 3).await;
    let (start, replicator): (Instant, Replicator) = (Instant::now(), setup.start(&[]));
    let (mut at_source, mut at_destination) = (0, 0);
    until("every destination is fed", async || {
        at_source = at_source.max(sessions(&source).await);
        let now = sessions(&destination).await;
        at_destination = at_destination.max(now);
        now >= tables
            && destination.query(&format!("select count(*) from events_{tables}")).await == ["3"]
    })
    .await;
    all_hold(&destination, tables, 3).await;
    say(&format!(
        "{tables} destinations were fed after {:?}; at most {at_source} sessions at the source, \
         {at_destination} at the destination",
        start.elapsed()
    ));
    insert(&source, 2).await;
    all_hold(&destination, tables, 5).await;
    // Sixteen at a time, and those that take longer than a second on a busy machine.
    assert!(at_source < tables / 2, "{at_source} sessions at the source");
    assert_eq!(replicator.lines(&["was lost"]), 0, "{}", replicator.log());
    until("each holds one connection", async || sessions(&destination).await == tables).await;
    replicator.stops().await;
}

#[tokio::test]
async fn an_event_with_half_a_gigabyte_is_copied() {
    let megabytes = if is_full() { 500 } else { 130 };
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute("create table events (id bigserial primary key, event bytea not null)").await;
    destination.execute("create table events (id bigint primary key, event bytea not null)").await;
    source
        .execute(&format!(
            "alter table events alter event set storage external; insert into events (event) \
             values ('\\x01'), (decode(repeat(md5('x'), {megabytes} * 65536), 'hex')), ('\\x02')"
        ))
        .await;
    let bytes = source.query("select max(octet_length(event)) from events").await;
    assert_eq!(bytes, [(megabytes * 1024 * 1024).to_string()]);
    let end =
        Setup::from(&source).to("copy", &destination).start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let digest = "select id, octet_length(event), sha256(event) from events order by id";
    assert_eq!(destination.query(digest).await, source.query(digest).await);
}

#[tokio::test]
async fn a_destination_that_was_away_for_a_week_goes_on_where_it_stood() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    let of_the_week = "insert into events (ts, event) select now() - interval '8 days' + i * \
                       interval '7 seconds', jsonb_build_object('n', i) from generate_series(1, \
                       100000) i";
    source.execute(of_the_week).await;
    let setup = Setup::from(&source).to("copy", &destination);
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    destination.execute("delete from events where id > 12000").await;
    let program = Program::between(&source.conninfo, "", &[("copy", &destination.conninfo)]);
    let behind = finish(program.subcommand("status", &["--json", "--max-lag", "10"])).await;
    assert_eq!(behind.code, 8, "{behind}");
    let status: serde_json::Value = serde_json::from_str(&behind.stdout).unwrap();
    let copy = &status["destinations"][0];
    assert_eq!(copy["events_behind"], 88_000, "{behind}");
    assert!(copy["seconds_behind"].as_f64().unwrap() > 7.0 * 86_400.0, "{behind}");
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    equal(&source, &destination).await;
}

//! Encodings, types and columns: what can be copied is compared right, and the rest is refused.

use super::{EVENTS, HUNDRED, SEQUENCE, cure, equal_pair, findings, refusal};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use counterfoil::error::Error;
use counterfoil::event::frame::CopyFormat;
use counterfoil::event::wire::ReadAs;

pub async fn fresh_encoded(beside: &Database, encoding: &str) -> Database {
    let name = format!("{}_{}", beside.conninfo.database, encoding.to_lowercase());
    beside
        .execute(&format!(
            "create database {name} encoding '{encoding}' locale 'C' template template0"
        ))
        .await;
    Database {
        conninfo: beside.server.conninfo(&name),
        server: std::sync::Arc::clone(&beside.server),
    }
}

#[tokio::test]
async fn sql_ascii_is_refused_and_another_encoding_warned_about_but_compared_right() {
    let (source, destination) = equal_pair().await;
    let ascii = fresh_encoded(&destination, "SQL_ASCII").await;
    let latin = fresh_encoded(&destination, "LATIN1").await;
    ascii.execute(EVENTS).await;
    let umlaut = "insert into events (id, ts, event) overriding system value values (101, \
                  '2026-04-03 10:11:12.5+00', '{\"name\": \"Zoë\"}')";
    source.execute(&format!("{umlaut}; select setval('events_id_seq', 101)")).await;
    latin.execute(&format!("{EVENTS}; {HUNDRED}; set client_encoding = 'UTF8'; {umlaut}")).await;
    let found = findings(&config(&source, &[("ascii", &ascii), ("latin", &latin)])).await;
    assert_eq!(found.problems.iter().count(), 1, "{}", found.problems.report());
    assert!(found.problems.report().contains("SQL_ASCII"));
    let latin = &found.destinations[1];
    assert_eq!(latin.contents.unwrap().events, 101);
    let warned = latin.open.as_ref().unwrap().warnings();
    assert!(
        warned.iter().any(|w| w.what == "the source has encoding UTF8, the destination LATIN1"),
        "{warned:?}"
    );
}

#[tokio::test]
async fn a_source_of_unknown_encoding_is_refused() {
    let source = fresh_encoded(&fresh_database().await, "SQL_ASCII").await;
    let destination = fresh_destination().await;
    source.execute(SEQUENCE).await;
    destination.execute(EVENTS).await;
    let (code, problem) = refusal(&config(&source, &[("copy", &destination)])).await;
    assert_eq!(code, 3);
    assert!(problem.what().contains("SQL_ASCII"), "{problem}");
    assert!(problem.place().unwrap().starts_with("source "), "{problem:?}");
}

#[tokio::test]
async fn unlike_types_are_refused_and_int4_goes_into_int8() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id serial primary key, ts timestamp not null, price \
             numeric(10,2)); insert into events (ts, price) values ('2026-01-02', 1.10)",
        )
        .await;
    destination
        .execute(
            "create table events (id bigint primary key, ts timestamptz not null, price \
             numeric(10,4)); insert into events values (1, '2026-01-02', 1.10)",
        )
        .await;
    let config = config(&source, &[("copy", &destination)]);
    let problems: Vec<Error> = findings(&config).await.problems.into_iter().collect();
    assert_eq!(problems.len(), 2);
    for problem in &problems {
        cure(&destination, problem).await;
    }
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    let wire = found.destinations[0].open.as_ref().unwrap().wire();
    assert_eq!((wire.columns[0].read_as, wire.format), (ReadAs::Widened, CopyFormat::Binary));
}

#[tokio::test]
async fn generated_and_extra_columns_and_user_types_find_their_way() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    let mood = "create type mood as enum ('sad', 'glad');";
    source
        .execute(&format!(
            "{mood} create table events (id bigserial primary key, m mood, twice int); insert into \
             events (m, twice) values ('sad', 4)"
        ))
        .await;
    destination
        .execute(&format!(
            "{mood} create table events (id bigint primary key, m mood, note text default 'x', \
             twice int generated always as (4) stored); insert into events (id, m) values (1, \
             'sad')"
        ))
        .await;
    let config = config(&source, &[("copy", &destination)]);
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    let shape = found.destinations[0].open.as_ref().unwrap().postgres().unwrap();
    let names: Vec<&str> = shape.wire.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!((names, shape.wire.format), (vec!["id", "m"], CopyFormat::Text));
    destination
        .execute(
            "alter table events add column demanded int not null default 0; alter table events \
             alter column demanded drop default",
        )
        .await;
    assert!(
        refusal(&config).await.1.what().contains("\"demanded\" of the destination must be given")
    );
}

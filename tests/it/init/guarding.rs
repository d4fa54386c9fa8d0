//! Events of a source never change, and a guarded copy is changed by Counterfoil alone.

use super::{consecutive_source, events, open};
use crate::harness::{Database, fresh_database};
use counterfoil::destination::postgres::setup::{DestinationSetup, apply};
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::sql::{LOCK_FENCE, LOCK_REPLICATOR};

#[tokio::test]
async fn a_source_refuses_every_change_of_events_that_are_there() {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    database
        .execute(
            "create table parent (id bigint primary key); alter table events add parent bigint \
             references parent; select insert_events(array['1']::jsonb[])",
        )
        .await;
    for change in [
        "update events set event = '2'",
        "delete from events",
        "delete from events where false",
        "truncate events",
        "truncate parent cascade",
        "insert into events (id, ts, event) values (1, now(), '2') on conflict (id) do update set \
         event = '2'",
        "set session_replication_role = replica; delete from events",
    ] {
        let refused = database.client().await.batch_execute(change).await.unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(refused.code().code(), "42501", "{change}");
        assert!(
            refused.message().contains("is not allowed on public.events: events never change"),
            "{refused}"
        );
    }
    assert_eq!(database.query("select event from events").await, ["1"]);
}

#[tokio::test]
async fn a_guarded_copy_is_changed_by_counterfoil_while_it_holds_the_table_and_by_nobody_else() {
    let database = guarded_copy().await;
    for lock in [LOCK_REPLICATOR, LOCK_FENCE] {
        let append = open(&database, "append", ErrorSide::Destination).await;
        assert_refused(
            &append.batch_execute("insert into public.events values (1, now(), '1')").await,
            "INSERT",
        );
        let transaction = format!(
            "begin; select pg_advisory_xact_lock({lock}, 'public.events'::regclass::oid::int4); \
             insert into public.events values (1, now(), '1'); copy public.events from program \
             'echo 2,2026-01-01,2' (format csv); update public.events set event = '3'; delete from \
             public.events where id = 2; truncate public.events; rollback"
        );
        append.batch_execute(&transaction).await.unwrap();
    }
}

#[tokio::test]
async fn a_guarded_copy_refuses_others_even_while_counterfoil_holds_the_table() {
    let database = guarded_copy().await;
    let holder = open(&database, "lane", ErrorSide::Destination).await;
    let hold =
        format!("select pg_advisory_lock({LOCK_REPLICATOR}, 'public.events'::regclass::oid::int4)");
    holder.batch_execute(&hold).await.unwrap();
    for (change, word) in [
        ("insert into public.events values (1, now(), '1')", "INSERT"),
        ("copy public.events from program 'echo 2,2026-01-01,2' (format csv)", "INSERT"),
        ("update public.events set event = '3'", "UPDATE"),
        ("delete from public.events", "DELETE"),
        ("truncate public.events", "TRUNCATE"),
        ("set session_replication_role = replica; truncate public.events", "TRUNCATE"),
    ] {
        assert_refused(&database.client().await.batch_execute(change).await, word);
    }
    holder.batch_execute("insert into public.events values (1, now(), '1')").await.unwrap();
}

#[tokio::test]
async fn the_lock_of_another_table_does_not_open_the_guard() {
    let database = guarded_copy().await;
    let append = open(&database, "append", ErrorSide::Destination).await;
    append
        .batch_execute(&format!(
            "select pg_advisory_lock({LOCK_REPLICATOR}, 'pg_class'::regclass::oid::int4)"
        ))
        .await
        .unwrap();
    assert_refused(&append.batch_execute("truncate public.events").await, "TRUNCATE");
}

async fn guarded_copy() -> Database {
    let database = fresh_database().await;
    let session = open(&database, "init", ErrorSide::Destination).await;
    let plan = DestinationSetup::new(events()).guarded();
    apply(&session, &plan).await.unwrap();
    assert!(apply(&session, &plan).await.unwrap().created.is_empty());
    database
}

fn assert_refused(result: &Result<(), tokio_postgres::Error>, word: &str) {
    let refused = result.as_ref().unwrap_err().as_db_error().unwrap();
    assert_eq!(refused.code().code(), "42501");
    assert_eq!(
        refused.message(),
        format!(
            "{word} is not allowed on public.events: it is a copy that only Counterfoil changes"
        )
    );
}

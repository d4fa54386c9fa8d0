//! Names and search paths that mean harm change nothing.

use super::{events, facts, init, session, table};
use crate::harness::{Database, fresh_database};
use counterfoil::source::setup::{IdsOption, NotifyOption, SourceSetup};
use counterfoil::sql::{LOCK_DOORBELL, ident, literal};

const NAMES: [(&str, &str); 6] = [
    ("public", "\"; drop table bystander; --"),
    ("\"; drop table bystander; --", "Events with 'quotes' and spaces"),
    ("ÄRA", "$counterfoil$; drop table bystander; --"),
    ("new\nline; drop table bystander", "per%cent %I %L back\\slash"),
    ("x:y", ":'schema' :\"table\" :schema $1[1] $2"),
    ("select", "id_"),
];

#[tokio::test]
async fn any_name_gives_a_source_that_works() {
    for (schema, name) in NAMES {
        let database = fresh_database().await;
        database.execute("create table bystander ()").await;
        let plan = SourceSetup::new(
            table(schema, name),
            IdsOption::Consecutive,
            Some(NotifyOption::Doorbell),
        );
        init(&database, &plan).await.unwrap();
        assert!(init(&database, &plan).await.unwrap().created.is_empty(), "{schema} {name}");
        works(&database, schema, name).await;
    }
}

#[tokio::test]
async fn any_name_gives_sql_of_a_dry_run_that_works() {
    for (schema, name) in NAMES {
        let database = fresh_database().await;
        database.execute("create table bystander ()").await;
        let plan = SourceSetup::new(
            table(schema, name),
            IdsOption::Consecutive,
            Some(NotifyOption::Doorbell),
        );
        database.execute(&plan.sql(&facts(&database, plan.table()).await)).await;
        works(&database, schema, name).await;
    }
}

async fn works(database: &Database, schema: &str, name: &str) {
    let (schema, quoted) = (ident(schema), format!("{}.{}", ident(schema), ident(name)));
    let client = database.client().await;
    client
        .batch_execute(&format!("select {schema}.insert_events(array['1','2']::jsonb[])"))
        .await
        .unwrap();
    client
        .batch_execute(&format!("select {schema}.insert_events('($1[1], $2, ''3'')')"))
        .await
        .unwrap();
    assert_eq!(database.query(&format!("select count(*), max(id) from {quoted}")).await, ["3|3"]);
    for change in [
        format!("update {quoted} set id = 9"),
        format!("delete from {quoted}"),
        format!("truncate {quoted}"),
    ] {
        assert_eq!(
            client.batch_execute(&change).await.unwrap_err().code().unwrap().code(),
            "42501",
            "{change}"
        );
    }
    let mut listener = session(database).await;
    let arm = format!(
        "listen counterfoil; select pg_advisory_lock({LOCK_DOORBELL}, {}::regclass::oid::int4)",
        literal(&quoted)
    );
    listener.batch_execute(&arm).await.unwrap();
    client
        .batch_execute(&format!("select {schema}.insert_events(array['4']::jsonb[])"))
        .await
        .unwrap();
    assert_eq!(listener.notifications().recv().await.unwrap().payload(), "");
    assert_eq!(database.query("select count(*) from bystander").await, ["0"]);
}

#[tokio::test]
async fn a_hostile_search_path_changes_neither_init_nor_what_it_made() {
    let database = fresh_database().await;
    let name = &database.conninfo.database;
    database
        .execute(&format!(
            "create schema evil; create function evil.clock_timestamp() returns timestamptz \
             language sql as $$select timestamptz '1999-01-01'$$; create function \
             evil.greatest_of() returns int language sql as 'select 1'; create function \
             evil.cardinality(jsonb[]) returns int language sql as 'select 99'; create function \
             evil.pg_notify(text, text) returns void language sql as $$select \
             pg_catalog.pg_notify('evil', '')$$; create function evil.set_config(text, text, \
             boolean) returns text language sql as $$select '1999-01-01'$$; create function \
             evil.minus(bigint, integer) returns bigint language sql as 'select -7::bigint'; \
             create operator evil.- (leftarg = bigint, rightarg = integer, function = evil.minus); \
             create function evil.path(jsonb, text[]) returns text immutable language sql as \
             $$select 'evil'$$; create operator evil.#>> (leftarg = jsonb, rightarg = text[], \
             function = evil.path); create function evil.pg_try_advisory_xact_lock_shared(int, \
             int) returns boolean language sql as 'select false'; alter database {name} set \
             search_path = evil, pg_catalog, public"
        ))
        .await;
    init(
        &database,
        &SourceSetup::new(events(), IdsOption::Consecutive, Some(NotifyOption::Doorbell)),
    )
    .await
    .unwrap();
    let client = database.client().await;
    client
        .batch_execute(
            "select public.insert_events(pg_catalog.array_append('{}', '1'::jsonb)); select \
             public.insert_events('($1[1], $2, ''2'')')",
        )
        .await
        .unwrap();
    let sane =
        "select id, ts > pg_catalog.now() - interval '1 hour' from public.events order by id";
    assert_eq!(database.query(sane).await, ["1|t", "2|t"]);
    let of_evil = "select count(*) from pg_catalog.pg_index where indrelid = \
                   'public.events'::regclass and pg_catalog.pg_get_indexdef(indexrelid) like \
                   '%evil%'";
    assert_eq!(database.query(of_evil).await, ["0"]);
    let when = "select pg_catalog.pg_get_triggerdef(oid) like '%evil%' from pg_catalog.pg_trigger \
                where tgname = 'counterfoil_doorbell'";
    assert_eq!(database.query(when).await, ["f"]);
}

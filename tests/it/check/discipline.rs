//! How ids are given out is found from the catalog, and what cannot be followed is refused with the
//! statement that cures it.

use super::{EVENTS, SEQUENCE, equal_pair, findings, refusal};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_database_on, fresh_destination, own_server};
use counterfoil::config::{IdsSetting, ReplicationConfig};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::source::ids::Discipline;
use std::time::Duration;

/// slate's schema, as far as ids go.
const SLATE: &str =
    "create table events (id bigint not null primary key, ts timestamptz not null default now(), event jsonb not null default '{}');
    create table id (id bigint primary key); insert into id values (1);
    create function insert_events(insertvalues text) returns integer language sql as 'select 0'";

async fn pair(schema: &str) -> (Database, Database, ReplicationConfig) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(schema).await;
    destination.execute(EVENTS).await;
    let config = config(&source, &[("copy", &destination)]);
    (source, destination, config)
}

async fn discipline(config: &ReplicationConfig) -> Discipline {
    let found = findings(config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    found.source.unwrap().ids.discipline
}

#[tokio::test]
async fn identity_serial_and_a_plain_default_are_followed_by_their_sequence() {
    for schema in [
        SEQUENCE,
        "create table events (id bigserial primary key, ts timestamptz not null default now(), \
         event jsonb not null)",
        "create schema other; create sequence other.\"A seq\"; create table events (id bigint \
         primary key default nextval('other.\"A seq\"'), ts timestamptz not null default now(), \
         event jsonb not null)",
    ] {
        let (source, _destination, config) = pair(schema).await;
        assert!(matches!(discipline(&config).await, Discipline::Sequence { .. }), "{schema}");
        source.execute("insert into events (event) select '{}' from generate_series(1, 3)").await;
        let Discipline::Sequence { sequence, lock_relations, readable } = discipline(&config).await
        else {
            panic!("{schema}")
        };
        let expected = source
            .query(
                "select oid from pg_class where relkind = 'S' union all select \
                 'events'::regclass::oid",
            )
            .await;
        let given: Vec<String> = lock_relations.iter().map(u32::to_string).collect();
        assert_eq!((given.as_slice(), sequence), (expected.as_slice(), lock_relations[0]));
        assert!(readable.is_some(), "{schema}");
    }
}

#[tokio::test]
async fn a_sequence_that_caches_steps_or_cycles_is_refused_and_the_statements_cure_it() {
    let (source, _destination, config) = pair(SEQUENCE).await;
    for (option, cure) in [
        ("cache 20", "ALTER SEQUENCE public.events_id_seq CACHE 1;"),
        ("increment 50", "ALTER SEQUENCE public.events_id_seq INCREMENT 1;"),
        ("cycle", "ALTER SEQUENCE public.events_id_seq NO CYCLE;"),
    ] {
        source.execute(&format!("alter sequence events_id_seq {option}")).await;
        let (code, problem) = refusal(&config).await;
        assert_eq!(code, 3);
        assert!(problem.remedy().unwrap().starts_with(cure), "{problem:?}");
        source.execute(cure).await;
        assert!(findings(&config).await.problems.is_empty());
    }
}

#[tokio::test]
async fn ids_from_elsewhere_are_refused_until_the_sequence_is_beyond_them() {
    let (source, _destination, config) = pair(SEQUENCE).await;
    source
        .execute(
            "insert into events (id, event) overriding system value select i, '{}' from \
             generate_series(1, 9) i",
        )
        .await;
    let (code, problem) = refusal(&config).await;
    assert_eq!(code, 3);
    assert_eq!(problem.causes(), ["the highest id is 9, the last value of the sequence none"]);
    let remedy = problem.remedy().unwrap();
    let statement = &remedy[remedy.find("SELECT setval").unwrap()..remedy.find(';').unwrap()];
    source.execute(statement).await;
    assert!(matches!(discipline(&config).await, Discipline::Sequence { .. }));
}

#[tokio::test]
async fn slates_schema_is_consecutive_with_and_without_its_function() {
    let (source, _destination, config) = pair(SLATE).await;
    assert_eq!(discipline(&config).await, Discipline::Consecutive);
    source
        .execute("insert into events (id) select generate_series(1, 200); update id set id = 201")
        .await;
    assert_eq!(discipline(&config).await, Discipline::Consecutive);
    source.execute("drop function insert_events").await;
    assert_eq!(discipline(&config).await, Discipline::Consecutive);
    let judged = findings(&config).await.source.unwrap().ids.to_string();
    assert_eq!(
        judged,
        "consecutive: public.id holds the next id, and the newest ids have no hole (10000 were \
         checked, or all)"
    );
    source.execute("update id set id = 300").await;
    let (code, problem) = refusal(&config).await;
    assert_eq!(code, 3);
    assert!(
        problem.what().starts_with("cannot tell how public.events.\"id\" is assigned"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_hole_in_consecutive_ids_ends_with_6_unless_it_is_known() {
    let (source, _destination, mut config) = pair(SLATE).await;
    source
        .execute(
            "insert into events (id) select generate_series(1, 200); delete from events where id \
             in (42, 50, 51)",
        )
        .await;
    let (code, problem) = refusal(&config).await;
    assert_eq!((code, problem.what()), (6, "gap: id 42 is missing, 43 exists"));
    config.source.known_gaps = vec![(42, 42), (50, 51)];
    assert_eq!(discipline(&config).await, Discipline::Consecutive);
}

#[tokio::test]
async fn a_trigger_that_draws_ids_is_refused_with_what_to_do() {
    let (source, _destination, config) = pair(EVENTS).await;
    source
        .execute(
            "create sequence s; create function draw() returns trigger language plpgsql as $$ \
             begin new.id := nextval('s'); return new; end $$; create trigger draw before insert \
             on events for each row execute function draw()",
        )
        .await;
    let (code, problem) = refusal(&config).await;
    assert_eq!(code, 3);
    assert!(
        problem.what().starts_with("trigger \"draw\" of public.events calls nextval"),
        "{problem}"
    );
}

#[tokio::test]
async fn what_is_configured_is_taken_and_checked_as_strictly() {
    let (source, _destination) = equal_pair().await;
    let destination = fresh_destination().await;
    destination.execute(EVENTS).await;
    let mut config = config(&source, &[("copy", &destination)]);
    config.source.ids = IdsSetting::Consecutive;
    assert_eq!(discipline(&config).await, Discipline::Consecutive);
    source.execute("delete from events where id = 7").await;
    assert_eq!(refusal(&config).await.0, 6);
    config.source.ids = IdsSetting::Sequence;
    assert!(matches!(discipline(&config).await, Discipline::Sequence { .. }));
    source.execute("alter sequence events_id_seq cache 20").await;
    assert_eq!(refusal(&config).await.0, 3);
    config.source.ids = IdsSetting::Grace(Duration::from_secs(5));
    assert_eq!(discipline(&config).await, Discipline::Grace(Duration::from_secs(5)));
}

/// A database with these objects on a server that was then put into recovery, as a standby is.
async fn on_a_standby(schema: &str) -> Database {
    let database = fresh_database_on(&own_server(&ServerSettings::new())).await;
    database.execute(schema).await;
    database.server.aside(PrivateServer::stop_fast).await.unwrap();
    std::fs::write(database.server.data_dir().join("standby.signal"), "").unwrap();
    database.server.aside(PrivateServer::start).await.unwrap();
    database
}

#[tokio::test]
async fn a_standby_is_followed_with_consecutive_ids_and_refused_with_a_sequence() {
    let destination = fresh_destination().await;
    destination.execute(EVENTS).await;
    let source =
        on_a_standby(&format!("{SLATE}; insert into events (id) select generate_series(1, 9)"))
            .await;
    let found = findings(&config(&source, &[("copy", &destination)])).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    let shape = found.source.unwrap();
    assert_eq!(shape.ids.discipline, Discipline::Consecutive);
    assert!(shape.wakeup.to_string().contains("a standby cannot be listened to"));
    let source = on_a_standby(SEQUENCE).await;
    let (code, problem) = refusal(&config(&source, &[("copy", &destination)])).await;
    assert_eq!(code, 3);
    assert!(problem.what().contains("locks of open transactions cannot be seen"), "{problem}");
}

#[tokio::test]
async fn a_destination_that_is_a_standby_is_waited_for_and_stops_nobody() {
    let (source, _) = equal_pair().await;
    let destination = on_a_standby(EVENTS).await;
    let found = findings(&config(&source, &[("copy", &destination)])).await;
    assert!(!found.is_refused() && !found.destinations[0].is_checked());
    let report = found.problems.report();
    assert!(report.contains("the server is a standby and takes no writes"), "{report}");
}

#[tokio::test]
async fn a_sequence_in_a_schema_that_our_role_may_not_use_is_no_obstacle_but_is_said() {
    let (source, _destination, mut config) = pair(
        "create schema hidden; create sequence hidden.q;
         create table events (id bigint primary key default nextval('hidden.q'), ts timestamptz not null default now(), event jsonb not null)",
    )
    .await;
    let role = format!("reader_{}", source.conninfo.database);
    source
        .execute(&format!(
            "create role {role} login; grant select on events to {role}; grant select on sequence \
             hidden.q to {role}"
        ))
        .await;
    config.source.conninfo.user.clone_from(&role);
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    let warnings = &found.source.as_ref().unwrap().ids.warnings;
    assert!(warnings[0].what.contains("sequence hidden.q may not be read"), "{warnings:?}");
    crate::truth::running::copy_all(&config).await;
    source.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

//! What is created, and what is not created again.

use super::{consecutive_source, events, facts, init, objects, open, refusal, session, table};
use crate::harness::{Database, fresh_database, fresh_database_on, own_server};
use counterfoil::destination::postgres::setup as destination;
use counterfoil::postgres::ddl::database::{
    DatabaseCreation, create_database, maintenance_session, missing_database,
};
use counterfoil::postgres::ddl::existing::ExistingObjects;
use counterfoil::postgres::server::ServerSettings;
use counterfoil::postgres::session::SessionPurpose;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::settings;
use counterfoil::source::setup::{IdsOption, NotifyOption, SourceSetup};
use std::sync::Arc;
use std::time::Duration;

const FIVE_INDEXES: [&str; 5] = [
    "i events_expr_idx",
    "i events_expr_idx1",
    "i events_expr_idx2",
    "i events_expr_idx3",
    "i events_ts_idx",
];

#[tokio::test]
async fn a_new_source_of_consecutive_ids_has_slates_schema_and_a_doorbell() {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    let mut expected = vec![
        "f counterfoil_doorbell()",
        "f filter_sql_command()",
        "f insert_events(events jsonb[])",
        "f insert_events(insertvalues text)",
    ];
    expected.extend(FIVE_INDEXES);
    expected.extend([
        "i events_pkey",
        "i id_pkey",
        "r events",
        "r id",
        "t check_sql_command A",
        "t counterfoil_doorbell A",
    ]);
    expected.sort_unstable();
    let mut found = objects(&database, "public").await;
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(database.query("select id from id").await, ["1"]);
    let columns = "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute \
                   where attrelid = 'events'::regclass and attnum > 0 order by attnum";
    assert_eq!(
        database.query(columns).await,
        ["id|bigint|t", "ts|timestamp with time zone|t", "event|jsonb|t"]
    );
    let indexed = "select pg_get_indexdef(indexrelid, 1, false) from pg_index where indrelid = \
                   'events'::regclass order by 1";
    assert_eq!(
        database.query(indexed).await,
        [
            "((event #>> '{entityId}'::text[]))",
            "((event #>> '{entityName}'::text[]))",
            "((event #>> '{operation}'::text[]))",
            "((event #>> '{propertyName}'::text[]))",
            "id",
            "ts"
        ]
    );
}

#[tokio::test]
async fn a_new_source_of_a_sequence_gives_ids_and_ts_itself_and_has_no_counter() {
    let database = fresh_database().await;
    init(&database, &SourceSetup::new(events(), IdsOption::Sequence, Some(NotifyOption::Slate)))
        .await
        .unwrap();
    let mut found = objects(&database, "public").await;
    found.retain(|object| !object.starts_with('i'));
    assert_eq!(
        found,
        [
            "S events_id_seq",
            "f filter_sql_command()",
            "f notify_event_insert()",
            "r events",
            "t check_sql_command A",
            "t notify_insert A"
        ]
    );
    database.execute("insert into events (event) values ('1'), ('2')").await;
    let shared = "select array_agg(id order by id), count(distinct ts) from events";
    assert_eq!(database.query(shared).await, ["{1,2}|1"]);
    let chosen = database
        .client()
        .await
        .batch_execute("insert into events (id, event) values (9, '9')")
        .await;
    assert_eq!(chosen.unwrap_err().code().unwrap().code(), "428C9");
    database
        .execute("copy events (id, ts, event) from program 'echo 9,2026-01-01,9' (format csv)")
        .await;
}

#[tokio::test]
async fn a_new_destination_has_the_table_and_its_indexes_alone() {
    let database = fresh_database().await;
    let plan = destination::DestinationSetup::new(table("copies", "events"));
    let session = open(&database, "init", ErrorSide::Destination).await;
    destination::apply(&session, &plan).await.unwrap();
    let mut expected = FIVE_INDEXES.to_vec();
    expected.extend(["i events_pkey", "r events"]);
    expected.sort_unstable();
    assert_eq!(objects(&database, "copies").await, expected);
    let again = destination::apply(&session, &plan).await.unwrap();
    assert!(again.created.is_empty(), "{again}");
}

#[tokio::test]
async fn running_it_twice_creates_nothing_and_says_so() {
    for ids in [IdsOption::Consecutive, IdsOption::Sequence] {
        for notify in [
            Some(NotifyOption::Doorbell),
            Some(NotifyOption::Slate),
            Some(NotifyOption::None),
            None,
        ] {
            let database = fresh_database().await;
            let plan = SourceSetup::new(events(), ids, notify);
            let first = init(&database, &plan).await.unwrap();
            assert!(!first.created.is_empty() && first.present.is_empty(), "{first}");
            let before = objects(&database, "public").await;
            let second = init(&database, &plan).await.unwrap();
            assert!(second.created.is_empty(), "{ids:?} {notify:?}: {second}");
            let missed: Vec<_> = first
                .created
                .iter()
                .filter(|what| !what.contains("index") && !second.to_string().contains(*what))
                .collect();
            assert!(missed.is_empty(), "{missed:?} not in {second}");
            assert!(second.to_string().contains("nothing to create"), "{second}");
            assert_eq!(objects(&database, "public").await, before);
        }
    }
}

#[tokio::test]
async fn inits_at_the_same_time_are_harmless() {
    let database = fresh_database().await;
    let plan = SourceSetup::new(
        table("new", "events"),
        IdsOption::Consecutive,
        Some(NotifyOption::Doorbell),
    );
    let sessions = [session(&database).await, session(&database).await, session(&database).await];
    let applied = sessions.iter().map(|session| counterfoil::source::setup::apply(session, &plan));
    let reports = futures::future::try_join_all(applied).await.unwrap();
    let makers = reports.iter().filter(|report| !report.created.is_empty()).count();
    assert_eq!(makers, 1);
}

#[tokio::test]
async fn the_sql_of_a_dry_run_makes_the_same_and_nothing_is_missing_then() {
    for ids in [IdsOption::Consecutive, IdsOption::Sequence] {
        let (dry, wet) = (fresh_database().await, fresh_database().await);
        let plan = SourceSetup::new(table("s", "t"), ids, Some(NotifyOption::Doorbell));
        let sql = plan.sql(&facts(&dry, plan.table()).await);
        assert!(objects(&dry, "s").await.is_empty());
        dry.execute(&sql).await;
        init(&wet, &plan).await.unwrap();
        assert_eq!(objects(&dry, "s").await, objects(&wet, "s").await);
        let after = plan.sql(&facts(&dry, plan.table()).await);
        assert!(after.lines().all(|line| line.starts_with("--")), "{after}");
        assert!(init(&dry, &plan).await.unwrap().created.is_empty());
    }
}

#[tokio::test]
async fn only_what_is_missing_is_in_the_sql_of_a_dry_run() {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    database.execute("drop function insert_events(text)").await;
    let plan = SourceSetup::new(events(), IdsOption::Consecutive, None);
    let sql = plan.sql(&facts(&database, &events()).await);
    assert_eq!(sql.matches("\ncreate ").count(), 1, "{sql}");
    assert!(sql.contains("-- already there: table public.events"), "{sql}");
    assert_eq!(
        init(&database, &plan).await.unwrap().created,
        ["function public.insert_events(text)"]
    );
}

#[tokio::test]
async fn by_default_there_is_a_doorbell_unless_two_phase_commit_is_on() {
    let with_two_phase = fresh_database().await;
    let plan = SourceSetup::new(events(), IdsOption::Consecutive, None);
    let report = init(&with_two_phase, &plan).await.unwrap().to_string();
    assert!(
        report.contains("max_prepared_transactions is 50") && report.contains("--notify doorbell"),
        "{report}"
    );
    assert!(
        !objects(&with_two_phase, "public").await.iter().any(|object| object.contains("doorbell"))
    );
    let asked = init(
        &with_two_phase,
        &SourceSetup::new(events(), IdsOption::Consecutive, Some(NotifyOption::Doorbell)),
    )
    .await
    .unwrap();
    assert_eq!(asked.created.len(), 2, "{asked}");

    let server = own_server(&ServerSettings::new());
    let without = fresh_database_on(&server).await;
    let report = init(&without, &plan).await.unwrap().to_string();
    assert!(report.contains("created trigger counterfoil_doorbell on public.events"), "{report}");
}

#[tokio::test]
async fn a_former_destination_goes_on_after_its_last_id() {
    let database = fresh_database().await;
    let session = open(&database, "init", ErrorSide::Destination).await;
    destination::apply(&session, &destination::DestinationSetup::new(events())).await.unwrap();
    database.execute("insert into events select n, now(), '{}' from generate_series(1, 5) n").await;
    let by_sequence = refusal(
        init(&database, &SourceSetup::new(events(), IdsOption::Sequence, Some(NotifyOption::None)))
            .await,
    );
    assert!(by_sequence.contains("generated always as identity"), "{by_sequence}");
    consecutive_source(&database).await;
    assert_eq!(database.query("select insert_events(array['6']::jsonb[])").await, ["1"]);
    assert_eq!(database.query("select max(id) from events").await, ["6"]);
}

#[tokio::test]
async fn the_sql_that_makes_a_former_destination_a_source_of_a_sequence_works() {
    let database = fresh_database().await;
    database
        .execute(
            "create table events (id bigint primary key, ts timestamptz not null, event jsonb not \
             null); insert into events select n, now(), '{}' from generate_series(1, 5) n",
        )
        .await;
    let plan = SourceSetup::new(events(), IdsOption::Sequence, Some(NotifyOption::None));
    let refused = refusal(init(&database, &plan).await);
    let sql = &refused[refused.find("alter table").unwrap()..];
    database.execute(sql).await;
    init(&database, &plan).await.unwrap();
    assert_eq!(
        database.query("insert into events (ts, event) values (now(), '6') returning id").await,
        ["6"]
    );
}

#[tokio::test]
async fn a_missing_database_is_created_once() {
    let here = fresh_database().await;
    let conninfo = counterfoil::config::libpq::Conninfo {
        database: "made \"by\" init".to_owned(),
        ..here.conninfo.clone()
    };
    let purpose = SessionPurpose { what: "init", side: ErrorSide::Source };
    let maintenance =
        maintenance_session(&conninfo, purpose, Duration::from_secs(30)).await.unwrap();
    let missing = missing_database(&maintenance, &conninfo.database).await.unwrap().unwrap();
    assert_eq!(missing, "create database \"made \"\"by\"\" init\";");
    let promised =
        ExistingObjects::of_new_database(settings::about(&maintenance).await.unwrap(), &events());
    assert_eq!(
        create_database(&maintenance, &conninfo.database).await.unwrap(),
        DatabaseCreation::Now
    );
    assert_eq!(
        create_database(&maintenance, &conninfo.database).await.unwrap(),
        DatabaseCreation::Before
    );
    let created = Database { conninfo, server: Arc::clone(&here.server) };
    assert!(created.query("show server_encoding").await == ["UTF8"]);
    let plan = SourceSetup::new(events(), IdsOption::Consecutive, None);
    let creates = |sql: &str| {
        sql.lines()
            .filter(|line| line.starts_with("create "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        creates(&plan.sql(&promised)),
        creates(&plan.sql(&facts(&created, &events()).await))
    );
}

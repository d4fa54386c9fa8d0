//! What is not ours is never replaced: init changes nothing then and prints the SQL that would.
//! slate's source is taken as it is.

use super::{consecutive_source, events, facts, init, objects, open, refusal, table};
use crate::harness::{Database, fresh_database};
use counterfoil::destination::postgres::setup as destination;
use counterfoil::error::{ErrorKind, Problems};
use counterfoil::postgres::ddl::script::SetupReport;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::source::setup::{IdsOption, NotifyOption, SourceSetup, apply};
use std::time::Duration;

fn plan(notify: Option<NotifyOption>) -> SourceSetup {
    SourceSetup::new(events(), IdsOption::Consecutive, notify)
}

const SHAPE: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null);";

#[tokio::test]
async fn a_foreign_relation_of_one_of_our_names_is_refused_and_the_printed_sql_clears_the_way() {
    for foreign in [
        "create view events as select 1 as id",
        "create table events (id uuid primary key)",
        "create table events (id bigint, ts timestamptz not null, event jsonb not null)",
        "create table events (id bigint primary key, payload text)",
        "create table events (id bigserial primary key, ts timestamptz not null, event jsonb not \
         null)",
    ] {
        is_refused_until_cleared(foreign, "table public.events").await;
    }
    let of_another_shape = format!("{SHAPE} create table id (id bigint primary key, name text)");
    for foreign in [&of_another_shape, "create table id (id bigint primary key)"] {
        is_refused_until_cleared(foreign, "table public.id, the next id").await;
    }
}

#[tokio::test]
async fn a_foreign_function_of_one_of_our_names_is_refused_and_the_printed_sql_clears_the_way() {
    for (name, of_another) in [
        (
            "insert_events(jsonb[])",
            "insert_events(e jsonb[]) returns integer language sql as 'select 1'",
        ),
        (
            "insert_events(text)",
            "insert_events(t text) returns bigint language sql as 'select 1::bigint'",
        ),
        (
            "filter_sql_command()",
            "filter_sql_command() returns trigger language plpgsql as 'begin return new; end'",
        ),
        (
            "counterfoil_doorbell()",
            "counterfoil_doorbell() returns integer language sql as 'select 1'",
        ),
    ] {
        is_refused_until_cleared(
            &format!("create function {of_another}"),
            &format!("function public.{name}"),
        )
        .await;
    }
}

#[tokio::test]
async fn a_foreign_trigger_of_one_of_our_names_is_refused_and_the_printed_sql_clears_the_way() {
    let other =
        "create function other() returns trigger language plpgsql as 'begin return new; end'";
    for (name, when) in
        [("check_sql_command", "before update"), ("counterfoil_doorbell", "after insert")]
    {
        let foreign = format!(
            "{SHAPE} {other}; create trigger {name} {when} on events for each row execute function \
             other()"
        );
        is_refused_until_cleared(&foreign, &format!("trigger {name} on public.events")).await;
    }
}

async fn is_refused_until_cleared(foreign: &str, what: &str) {
    let database = fresh_database().await;
    database.execute(foreign).await;
    let before = objects(&database, "public").await;
    let problems = init(&database, &plan(Some(NotifyOption::Doorbell))).await.expect_err(foreign);
    assert_eq!(objects(&database, "public").await, before, "{foreign}");
    assert_eq!(problems.worst().unwrap().kind(), ErrorKind::Unsuitable);
    let problem = problems.iter().find(|problem| problem.what() == format!("cannot create {what}"));
    let remedy = problem.unwrap_or_else(|| panic!("{foreign}: {problems:?}")).remedy().unwrap();
    database.execute(remedy.split_once('\n').unwrap().1).await;
    init(&database, &plan(Some(NotifyOption::Doorbell)))
        .await
        .unwrap_or_else(|e| panic!("{foreign}: {}", e.report()));
}

#[tokio::test]
async fn an_object_of_ours_that_was_changed_is_refused_too() {
    for change in [
        "alter table events disable trigger check_sql_command",
        "alter table events enable trigger counterfoil_doorbell",
        "create or replace function filter_sql_command() returns trigger language plpgsql as \
         'begin return null; end'",
        "drop trigger counterfoil_doorbell on events; create trigger counterfoil_doorbell after \
         insert on events for each statement execute function counterfoil_doorbell(); alter table \
         events enable always trigger counterfoil_doorbell",
    ] {
        let database = fresh_database().await;
        consecutive_source(&database).await;
        database.execute(change).await;
        let refused = refusal(init(&database, &plan(None)).await);
        assert!(refused.contains("nothing was changed"), "{refused}");
    }
}

#[tokio::test]
async fn a_second_source_of_consecutive_ids_in_one_schema_is_refused_with_the_two_ways_out() {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    let second = SourceSetup::new(
        table("public", "others"),
        IdsOption::Consecutive,
        Some(NotifyOption::Doorbell),
    );
    let refused = refusal(init(&database, &second).await);
    assert!(refused.contains("a schema of its own"), "{refused}");
    assert!(refused.contains("--ids sequence"), "{refused}");
    let by_sequence = SourceSetup::new(
        table("public", "others"),
        IdsOption::Sequence,
        Some(NotifyOption::Doorbell),
    );
    init(&database, &by_sequence).await.unwrap();
    assert!(
        refusal(
            init(&database, &SourceSetup::new(table("public", "id"), IdsOption::Consecutive, None))
                .await
        )
        .contains("cannot call the event table id")
    );
}

#[tokio::test]
async fn everything_that_stands_in_the_way_is_told_at_once_and_printed_by_a_dry_run() {
    let database = fresh_database().await;
    database
        .execute(
            "create view events as select 1; create function filter_sql_command() returns integer \
             language sql as 'select 1'",
        )
        .await;
    let refused = refusal(init(&database, &plan(None)).await);
    assert!(refused.contains("cannot create table public.events"), "{refused}");
    assert!(refused.contains("cannot create function public.filter_sql_command()"), "{refused}");
    assert!(refused.contains("drop function \"public\".filter_sql_command();"), "{refused}");
    let script = plan(None).script(&facts(&database, &events()).await);
    assert_eq!(script.refusals().iter().count(), 2);
    assert!(script.sql().contains("-- error: cannot create table public.events"));
    assert!(script.sql().contains("-- create table \"public\".id ("));
    let live = script.sql().lines().filter(|line| !line.starts_with("--")).count();
    assert_eq!(live, 0, "whoever pipes it into psql changes nothing:\n{}", script.sql());
}

#[tokio::test]
async fn an_event_table_of_another_shape_with_a_sequence_gets_the_triggers_alone() {
    let database = fresh_database().await;
    database.execute("create table events (id serial primary key, payload text)").await;
    let report = init(
        &database,
        &SourceSetup::new(events(), IdsOption::Sequence, Some(NotifyOption::Doorbell)),
    )
    .await
    .unwrap();
    assert_eq!(report.created.len(), 4, "{report}");
    assert!(report.to_string().contains("has columns of its own"), "{report}");
    let session = open(&database, "init", ErrorSide::Destination).await;
    let report =
        destination::apply(&session, &destination::DestinationSetup::new(events())).await.unwrap();
    assert!(
        report.created.is_empty() && report.to_string().contains("makes public.events a source"),
        "{report}"
    );
}

#[tokio::test]
async fn missing_indexes_of_a_table_that_is_there_are_named_with_sql_that_locks_nobody_out() {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    database.execute("drop index events_ts_idx").await;
    let report = init(&database, &plan(None)).await.unwrap();
    assert!(report.created.is_empty(), "{report}");
    let note = report.notes.iter().find(|note| note.contains("create index concurrently")).unwrap();
    assert_eq!(note.matches("create index").count(), 1);
    database.execute(note.split_once('\n').unwrap().1).await;
    let again = init(&database, &plan(None)).await.unwrap();
    assert!(!again.to_string().contains("create index"), "{again}");
}

#[tokio::test]
async fn slates_source_is_taken_as_it_is() {
    let database = slates_source().await;
    let before = objects(&database, "public").await;
    let report = init(&database, &plan(None)).await.unwrap();
    assert!(report.created.is_empty(), "{report}");
    assert_eq!(objects(&database, "public").await, before);
    let told = report.to_string();
    for present in [
        "table public.events",
        "public.id",
        "insert_events(text)",
        "trigger check_sql_command",
        "trigger notify_insert",
    ] {
        assert!(
            told.contains(&format!("already there: {present}")) || told.contains(present),
            "{present} in {told}"
        );
    }
    assert!(told.contains("8 kB"), "{told}");
}

#[tokio::test]
async fn the_sql_that_is_told_for_slates_source_lets_large_events_in() {
    let database = slates_source().await;
    let large = "select insert_events('($1[1], $2, to_jsonb(repeat(''x'', 9000)))')";
    assert!(database.client().await.batch_execute(large).await.is_err());
    let report = init(&database, &plan(None)).await.unwrap();
    let note = report.notes.iter().find(|note| note.contains("8 kB")).unwrap();
    database.execute(note.split_once('\n').unwrap().1).await;
    database.execute(large).await;
    let after = init(&database, &plan(None)).await.unwrap();
    assert!(after.created.is_empty() && !after.to_string().contains("8 kB"), "{after}");
}

#[tokio::test]
async fn a_doorbell_or_slates_own_notification_beside_slates_trigger_is_refused_with_the_sql_for_it()
 {
    for notify in [NotifyOption::Doorbell, NotifyOption::Slate] {
        let database = slates_source().await;
        let problems = init(&database, &plan(Some(notify))).await.unwrap_err();
        let remedy = problems.iter().next().unwrap().remedy().unwrap().to_owned();
        database.execute(remedy.split_once('\n').unwrap().1).await;
        let report = init(&database, &plan(Some(notify))).await.unwrap();
        assert!(report.created.is_empty(), "{report}");
        database
            .execute("select insert_events('($1[1], $2, to_jsonb(repeat(''x'', 9000)))')")
            .await;
    }
}

async fn slates_source() -> Database {
    let database = fresh_database().await;
    database.execute(include_str!("slates_source.sql")).await;
    database
}

#[tokio::test]
async fn a_role_without_the_privileges_is_told_which_and_changes_nothing() {
    let database = fresh_database().await;
    let role = format!("nobody_{}", database.conninfo.database);
    database
        .execute(&format!("create role {role} login; revoke create on schema public from public"))
        .await;
    let in_schema = init_as(&database, &role, &plan(Some(NotifyOption::Doorbell))).await;
    let told = refusal(in_schema);
    assert!(told.contains(&format!("grant create on schema \"public\" to \"{role}\";")), "{told}");
    let elsewhere = SourceSetup::new(table("new", "events"), IdsOption::Consecutive, None);
    let told = refusal(init_as(&database, &role, &elsewhere).await);
    assert!(told.contains("grant create on database"), "{told}");
    assert!(objects(&database, "public").await.is_empty());

    consecutive_source(&database).await;
    database
        .execute(&format!(
            "drop trigger check_sql_command on events; grant create on schema public to {role}"
        ))
        .await;
    let told = init_as(&database, &role, &plan(None)).await.unwrap_err();
    assert_eq!(told.worst().unwrap().kind(), ErrorKind::Access);
    assert!(
        told.report().contains(&format!("role {role} does not own public.events: postgres does")),
        "{}",
        told.report()
    );
}

async fn init_as(
    database: &Database,
    role: &str,
    plan: &SourceSetup,
) -> Result<SetupReport, Problems> {
    let mut conninfo = database.conninfo.clone();
    conninfo.user = role.to_owned();
    let purpose = SessionPurpose { what: "init", side: ErrorSide::Source };
    let session = Session::open(&conninfo, purpose, Duration::from_secs(30)).await.unwrap();
    apply(&session, plan).await
}

#[tokio::test]
async fn a_refusal_leaves_the_session_usable() {
    let database = fresh_database().await;
    database.execute("create view events as select 1").await;
    let session = open(&database, "init", ErrorSide::Source).await;
    assert!(apply(&session, &plan(None)).await.is_err());
    database.execute("drop view events").await;
    apply(&session, &plan(None)).await.unwrap();
    session.batch_execute("begin; commit").await.unwrap();
}

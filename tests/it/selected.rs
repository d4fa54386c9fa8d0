//! `where`: a destination takes the events that a condition selects, is a prefix of just these, and
//! is compared with just these.

use crate::command::{counterfoil, told};
use crate::configured::config;
use crate::diff::events_diff;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, highest, init_source, init_source_with};
use crate::support::replicator::Setup;
use crate::support::until;
use crate::truth::running::{DEADLINE, Running, copy_all, replication, until_answer};
use counterfoil::config::ReplicationConfig;
use counterfoil::sql::RowCondition;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::process::Command;
use std::time::Duration;

const TABLE: &str = "create table events (id bigint primary key, ts timestamptz not null, event \
                     jsonb not null)";
/// Every third event.
const THIRD: &str = "(event ->> 'n')::int % 3 = 0";

async fn insert(source: &Database, events: u32) {
    source
        .execute(&format!(
            "insert into events (ts, event) select clock_timestamp(), jsonb_build_object('n', i) \
             from generate_series(1, {events}) i"
        ))
        .await;
}

fn selecting(config: &mut ReplicationConfig, lane: usize, condition: &str) {
    let rows = RowCondition::parse(condition).unwrap_or_else(|fault| panic!("{fault}"));
    config.destinations[lane].postgres_mut().unwrap().rows = Some(rows);
}

/// A source, a copy of every event, and one of every third.
async fn three() -> (Database, Database, Database, ReplicationConfig) {
    let (source, all) = (fresh_database().await, fresh_destination().await);
    let third = fresh_destination().await;
    init_source(&source).await;
    all.execute(TABLE).await;
    third.execute(TABLE).await;
    let mut config = config(&source, &[("all", &all), ("third", &third)]);
    selecting(&mut config, 1, THIRD);
    (source, all, third, config)
}

/// What a database holds of the events that a condition selects, up to an id.
async fn digest(database: &Database, condition: &str, through: i64) -> String {
    let query = format!(
        "select count(*) || ' ' || coalesce(md5(string_agg(e::text, ',' order by id)), '') from \
         events e where id <= {through} and ({condition})"
    );
    database.query(&query).await[0].clone()
}

async fn is_prefix(source: &Database, copy: &Database, condition: &str) {
    let through = highest(copy).await;
    assert_eq!(digest(source, condition, through).await, digest(copy, "true", through).await);
}

async fn is_whole(source: &Database, copy: &Database, condition: &str) {
    let all = digest(source, condition, i64::MAX).await;
    until("it has everything", async || digest(copy, "true", i64::MAX).await == all).await;
}

fn setup(source: &Database, copy: &Database) -> Setup {
    let key = format!("where = \"{THIRD}\"");
    Setup::from(source).to("copy", copy).destination_key(&key)
}

fn run(mut command: Command, setup: &Setup) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, setup.text()).unwrap();
    told(&command.arg("--config").arg(&path).output().unwrap())
}

fn succeeds(command: Command, setup: &Setup) -> String {
    let (code, out, err) = run(command, setup);
    assert_eq!(code, Some(0), "{out}{err}");
    out
}

#[tokio::test]
async fn each_destination_gets_what_it_takes_whoever_is_ahead_and_whatever_comes_last() {
    let (source, all, third, config) = three().await;
    insert(&source, 100).await;
    copy_all(&config).await;
    assert_eq!(third.query("select count(*), max(id) from events").await, ["33|99"]);
    let mut replicated = replication(&config, false);
    replicated.reconcile_interval = Duration::from_millis(20);
    let running = Running::start_as(replicated);
    for events in [1, 2, 3, 50, 1, 1] {
        insert(&source, events).await;
        is_whole(&source, &third, THIRD).await;
        is_whole(&source, &all, "true").await;
    }
    // Three hundred events that are not for it: it stands where they end, and rests.
    source.execute("insert into events (ts, event) select now(), '{\"n\": 1}' from generate_series(1, 300)").await;
    is_whole(&source, &all, "true").await;
    let commits = "select xact_commit from pg_stat_database where datname = current_database()";
    until("nobody reads any more", async || {
        let read = async || source.query(commits).await[0].parse::<i64>().unwrap();
        let before = read().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        read().await - before < 6
    })
    .await;
    insert(&source, 3).await;
    is_whole(&source, &third, THIRD).await;
    running.stop().await;
    copy_all(&config).await;
}

#[tokio::test]
async fn every_command_compares_it_with_what_it_takes() {
    let (source, _, copy, _) = three().await;
    insert(&source, 101).await;
    let setup = setup(&source, &copy);
    let out = succeeds(counterfoil(&["run", "--dry-run"]), &setup);
    assert!(out.contains("33 events"), "{out}");
    succeeds(counterfoil(&["run", "--until-caught-up"]), &setup);
    is_whole(&source, &copy, THIRD).await;
    let out = succeeds(counterfoil(&["run", "--dry-run"]), &setup);
    assert!(out.contains("missing        nothing"), "{out}");
    let out = succeeds(counterfoil(&["status"]), &setup);
    assert!(out.contains("level") || out.contains("unfed"), "{out}");
    assert!(out.contains(" 0 "), "{out}");
    succeeds(counterfoil(&["wait"]), &setup);
    for flags in [&["--validate"][..], &["--exact"], &["--complete"]] {
        let out = succeeds(events_diff(flags), &setup);
        assert!(out.contains("33 rows of source, 33 of destination"), "{out}");
    }
    copy.execute("delete from events where id in (30, 33)").await;
    let (code, out, err) = run(counterfoil(&["status"]), &setup);
    assert_eq!(code, Some(4), "{out}{err}");
    assert!(out.contains("it has 31, the source 33"), "{out}{err}");
    let repair = ["repair", "--destination", "copy", "--insert-missing", "--yes"];
    let out = succeeds(counterfoil(&repair), &setup);
    assert!(out.contains("2 events were written"), "{out}");
    is_whole(&source, &copy, THIRD).await;
    // An event that is not for it is extra.
    copy.execute("insert into events values (31, now(), '{\"n\": 31}')").await;
    let (code, out, _) = run(events_diff(&[]), &setup);
    assert_eq!((code, out.contains("differences: 1 extra")), (Some(1), true), "{out}");
    let (code, _, err) = run(counterfoil(&["restore", "--from", "copy"]), &setup);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("it takes only some events"), "{err}");
}

#[tokio::test]
async fn consecutive_ids_have_no_hole_because_some_are_not_taken() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source_with(&source, "consecutive", "none").await;
    copy.execute(TABLE).await;
    let call = "select insert_events(array(select jsonb_build_object('n', i) from \
                generate_series(1, 100) i))";
    source.execute(call).await;
    let mut config = config(&source, &[("copy", &copy)]);
    selecting(&mut config, 0, THIRD);
    let running = Running::start(&config);
    arrives(&copy, 99).await;
    source.execute(call).await;
    arrives(&copy, 199).await;
    running.stop().await;
    copy_all(&config).await;
    is_whole(&source, &copy, THIRD).await;
}

#[tokio::test]
async fn an_event_that_is_not_decided_yet_is_waited_for_though_none_above_it_is_taken() {
    let (source, all, third, config) = three().await;
    insert(&source, 30).await;
    let running = Running::start(&config);
    is_whole(&source, &third, THIRD).await;
    let slow = source.client().await;
    slow.batch_execute("begin; insert into events (ts, event) values (now(), '{\"n\": 3}')")
        .await
        .unwrap();
    source
        .execute(
            "insert into events (ts, event) select now(), '{\"n\": 1}' from generate_series(1, 50)",
        )
        .await;
    until_answer(&source, "select count(*) from pg_stat_activity where application_name = 'counterfoil/mark' and datname = current_database()", &["1"]).await;
    slow.batch_execute("commit").await.unwrap();
    is_whole(&source, &third, THIRD).await;
    is_whole(&source, &all, "true").await;
    running.stop().await;
}

#[tokio::test]
async fn a_few_events_of_many_are_found_page_by_page_in_either_form() {
    for (column, condition) in [("text", "id % 20000 = 7"), ("mood", "id in (1, 49999)")] {
        let (source, copy) = (fresh_database().await, fresh_destination().await);
        for (database, id) in [(&source, "generated always as identity"), (&copy, "")] {
            database
                .execute(&format!(
                    "create type mood as enum ('ok'); create table events (id bigint primary key \
                     {id}, ts timestamptz not null default now(), m {column} not null default 'ok')"
                ))
                .await;
        }
        source.execute("insert into events (ts) select now() from generate_series(1, 50000)").await;
        let mut config = config(&source, &[("copy", &copy)]);
        selecting(&mut config, 0, condition);
        copy_all(&config).await;
        is_whole(&source, &copy, condition).await;
        source.execute("insert into events (ts) select now() from generate_series(1, 20000)").await;
        copy_all(&config).await;
        is_whole(&source, &copy, condition).await;
    }
}

#[tokio::test]
async fn with_a_source_that_loses_its_oldest_events_it_is_refused() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    let (code, _, err) = run(
        counterfoil(&["run", "--dry-run"]),
        &setup(&source, &copy).source_key("keeps = \"tail\""),
    );
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("that none was lost uncopied could not be told"), "{err}");
}

#[tokio::test]
async fn events_that_are_not_for_it_are_read_once_while_what_follows_is_undecided() {
    let (source, _, third, mut config) = three().await;
    config.destinations.remove(0);
    insert(&source, 3).await;
    copy_all(&config).await;
    source.execute("insert into events (ts, event) values (now(), '{\"n\": 1}')").await;
    let slow = source.client().await;
    let drawn = "begin; insert into events (ts, event) values (now(), '{\"n\": 3}')";
    slow.batch_execute(drawn).await.unwrap();
    source.execute("insert into events (ts, event) values (now(), '{\"n\": 6}')").await;
    let running = Running::start(&config);
    until_answer(&third, crate::truth::running::FED, &["1"]).await;
    let commits = "select xact_commit from pg_stat_database where datname = current_database()";
    let read = async || source.query(commits).await[0].parse::<i64>().unwrap();
    until("it looks now and then", async || {
        let before = read().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        read().await - before < 60
    })
    .await;
    assert_eq!(highest(&third).await, 3, "what is above an undecided event waits");
    slow.batch_execute("commit").await.unwrap();
    is_whole(&source, &third, THIRD).await;
    running.stop().await;
}

#[tokio::test]
async fn a_condition_that_fails_for_an_event_stops_its_destination_alone_and_names_itself() {
    let (source, all, third, mut config) = three().await;
    selecting(&mut config, 1, "100 / (event ->> 'n')::int > 3");
    insert(&source, 3).await;
    let mut running = Running::start(&config);
    is_whole(&source, &third, "true").await;
    source.execute("insert into events (ts, event) values (now(), '{\"n\": 0}')").await;
    insert(&source, 3).await;
    is_whole(&source, &all, "true").await;
    assert!(!running.has_ended());
    assert_eq!(highest(&third).await, 3);
    until_answer(&third, crate::truth::running::FED, &["0"]).await;
    assert!(tokio::time::timeout(Duration::from_millis(300), running.ended()).await.is_err());
    let told = running.stopped().await.report();
    assert!(told.contains("cannot be evaluated for every event"), "{told}");
    assert!(told.contains("SQLSTATE 22012"), "{told}");
    let setup = Setup::from(&source).to("copy", &third);
    let setup = setup.destination_key("where = \"100 / (event ->> 'n')::int > 3\"");
    let (code, out, err) = run(counterfoil(&["status"]), &setup);
    assert_eq!(code, Some(3), "{out}{err}");
}

#[tokio::test]
async fn the_audit_finds_an_event_that_was_removed_at_a_destination_that_takes_some() {
    let (source, _, third, config) = three().await;
    let mut replicated = replication(&config, false);
    replicated.reconcile_interval = Duration::from_millis(20);
    insert(&source, 32).await;
    let running = Running::start_as(replicated);
    is_whole(&source, &third, THIRD).await;
    third.execute("delete from events where id = 9").await;
    let problems = tokio::time::timeout(DEADLINE, async {
        // The other one goes on, so that the process does.
        until_answer(&third, crate::truth::running::FED, &["0"]).await;
        running.stopped().await
    });
    let told = problems.await.unwrap().report();
    assert!(told.contains("next after id 6"), "{told}");
}

#[tokio::test]
async fn under_writers_and_restarts_it_is_a_prefix_of_what_it_takes_at_every_moment() {
    let (source, all, third, config) = three().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let client = source.client().await;
        writers.spawn(async move {
            let mut random = StdRng::seed_from_u64(writer);
            for _ in 0..60 {
                let (first, events) = (random.random_range(0..9), random.random_range(1..6));
                let end = if random.random_range(0..5) == 0 { "rollback" } else { "commit" };
                let begin = format!(
                    "begin; insert into events (ts, event) select clock_timestamp(), \
                     jsonb_build_object('n', {first} + i) from generate_series(1, {events}) i"
                );
                client.batch_execute(&begin).await.unwrap();
                tokio::time::sleep(Duration::from_millis(random.random_range(0..12))).await;
                client.batch_execute(end).await.unwrap();
            }
        });
    }
    while !writers.is_empty() {
        let running = Running::start(&config);
        for _ in 0..8 {
            is_prefix(&source, &third, THIRD).await;
            is_prefix(&source, &all, "true").await;
            let _ = tokio::time::timeout(Duration::from_millis(20), writers.join_next()).await;
        }
        running.stop().await;
    }
    copy_all(&config).await;
    is_whole(&source, &third, THIRD).await;
    is_whole(&source, &all, "true").await;
}

#[tokio::test]
async fn a_condition_that_cannot_be_evaluated_or_changes_is_refused_before_anything_is_written() {
    let (source, _, copy, _) = three().await;
    insert(&source, 3).await;
    let with = |condition: &str| {
        let key = format!("where = {condition:?}");
        let setup = Setup::from(&source).to("copy", &copy).destination_key(&key);
        run(counterfoil(&["run", "--dry-run"]), &setup)
    };
    for (condition, code, words) in [
        ("kind = 'a'", 3, "column \"kind\" does not exist"),
        ("id", 3, "argument of WHERE must be type boolean"),
        ("now() < ts", 3, "must be marked IMMUTABLE"),
        ("random() < 0.5", 3, "must be marked IMMUTABLE"),
        ("age(ts) > '1 day'", 3, "must be marked IMMUTABLE"),
        ("ts::date > '2026-01-01'", 3, "must be marked IMMUTABLE"),
        ("('no' || 'w')::timestamptz > ts", 3, "must be marked IMMUTABLE"),
        ("events::text like '%a%'", 3, "must be marked IMMUTABLE"),
        ("ctid > '(0,1)'", 3, "index creation on system columns is not supported"),
        ("id in (table id)", 2, "it holds table"),
        ("ts > 'yesterday'", 2, "'yesterday' can be a time, which is another one tomorrow"),
        ("true) or (true", 2, "a ) closes nothing"),
        ("id in (select 1)", 2, "it holds select"),
    ] {
        let (found, out, err) = with(condition);
        assert_eq!(found, Some(code), "{condition}: {out}{err}");
        assert!(format!("{out}{err}").contains(words), "{condition}: {out}{err}");
    }
    let (code, out, err) = with(
        "date_trunc('day', ts at time zone 'UTC') > '2020-01-01' and length(event ->> 'n') > 0 and events.id > 0",
    );
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn a_condition_that_was_changed_is_named_and_no_advice_is_to_weaken_the_checks() {
    let (source, _, copy, _) = three().await;
    insert(&source, 30).await;
    succeeds(counterfoil(&["run", "--until-caught-up"]), &setup(&source, &copy));
    for condition in ["id > 15", "id % 2 = 0", "true"] {
        let key = format!("where = {condition:?}");
        let changed = Setup::from(&source).to("copy", &copy).destination_key(&key);
        let (code, out, err) = run(counterfoil(&["status"]), &changed);
        assert_eq!(code, Some(4), "{out}{err}");
        assert!(out.contains("if where was changed since it was filled, set it back"), "{out}");
        assert!(!out.contains("keeps = ") && !out.contains("restore"), "{out}");
    }
}

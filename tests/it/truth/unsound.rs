//! Ids that are not given out in the transaction that inserts them: refused at the start where it
//! can be seen, else found out by the audit of late arrivals.

use super::prefix::Checker;
use super::running::{FED, Running, copy_all, replication, until_answer, until_looked_twice};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_database_on, fresh_destination, own_server};
use crate::support::replicator::Setup;
use counterfoil::config::{IdsSetting, ReplicationConfig};
use counterfoil::error::{Error, ErrorKind};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::replicate::command::{LaneAction, commands};
use std::time::Duration;

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                      default clock_timestamp(), event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
const INSERT: &str = "insert into events (event) values ('{}')";

async fn pair() -> (Database, Database, ReplicationConfig) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(SOURCE).await;
    destination.execute(DESTINATION).await;
    let mut config = config(&source, &[("copy", &destination)]);
    config.source.poll_interval = Duration::from_millis(20);
    (source, destination, config)
}

async fn audited(config: &ReplicationConfig) -> Running {
    let mut run = replication(config, false);
    run.reconcile_interval = Duration::from_millis(50);
    Running::start_as(run)
}

/// The one thing that ended a run.
async fn end(running: Running) -> (u8, Error) {
    let problems = running.ends().await;
    assert_eq!(problems.iter().count(), 1, "{}", problems.report());
    let problem = problems.into_iter().next().unwrap();
    (problem.kind().consequence().exit_code, problem)
}

#[tokio::test]
async fn a_sequence_that_hands_out_twenty_ids_at_a_time_is_refused_before_anything_is_written() {
    let (source, destination, config) = pair().await;
    source.execute(&format!("alter sequence events_id_seq cache 20; {INSERT}")).await;
    let (code, problem) = end(Running::start(&config)).await;
    assert_eq!(code, 3);
    assert!(
        problem.report().contains("ALTER SEQUENCE public.events_id_seq CACHE 1;"),
        "{}",
        problem.report()
    );
    assert_eq!(destination.query("select count(*) from events").await, ["0"]);
}

#[tokio::test]
async fn a_sequence_that_counts_in_steps_is_refused_before_anything_is_written() {
    let (source, destination, config) = pair().await;
    source.execute(&format!("alter sequence events_id_seq increment 50; {INSERT}")).await;
    let (code, problem) = end(Running::start(&config)).await;
    assert_eq!(code, 3);
    assert!(problem.report().contains("INCREMENT 1;"), "{}", problem.report());
    assert_eq!(destination.query("select count(*) from events").await, ["0"]);
}

#[tokio::test]
async fn an_id_that_was_drawn_in_an_earlier_transaction_is_found_out_with_6_while_events_keep_coming()
 {
    let (source, destination, config) = pair().await;
    let (running, mut checker) = (audited(&config).await, Checker::new(&destination));
    source.execute(INSERT).await;
    checker.arrive("1").await;
    source.execute("select nextval('events_id_seq')").await;
    source.execute(INSERT).await;
    checker.arrive("1,3").await;
    source.execute("insert into events (id, event) values (2, '{\"late\": true}')").await;
    while !running.has_ended() {
        source.execute(INSERT).await;
    }
    let (code, problem) = end(running).await;
    assert_eq!((code, problem.kind()), (6, ErrorKind::Order));
    assert_eq!(problem.what(), "an event is missing at the destination, next after id 1");
    let cure = "--insert-missing brings it";
    assert!(problem.report().contains(cure), "{}", problem.report());
    assert_eq!(destination.query("select count(*) from events where id = 2").await, ["0"]);
    let (code, printed, complaint) =
        crate::repair::repair(&source, &destination, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    copy_all(&config).await;
    Checker::new(&destination).judge(&source).await;
}

#[tokio::test]
async fn an_event_that_was_removed_at_the_source_is_found_out_with_4() {
    let (source, destination, config) = pair().await;
    let (running, mut checker) = (audited(&config).await, Checker::new(&destination));
    source.execute(&format!("{INSERT}; {INSERT}; {INSERT}")).await;
    checker.arrive("1,2,3").await;
    source.execute("delete from events where id = 2").await;
    let (code, problem) = end(running).await;
    assert_eq!(code, 4);
    assert_eq!(
        problem.what(),
        "the destination holds an event that the source does not, next after id 1"
    );
}

#[tokio::test]
async fn a_late_arrival_stops_only_the_destinations_that_lack_it() {
    let (source, ahead, mut config) = pair().await;
    let late = fresh_destination().await;
    late.execute(DESTINATION).await;
    config.destinations.push(crate::configured::destination("late", &late.conninfo));
    let mut run = replication(&config, false);
    run.reconcile_interval = Duration::from_millis(50);
    let (commander, commands) = commands();
    let running = Running::start_by_command(run, commands);
    commander.command("late", LaneAction::Pause, "a test").await.unwrap();
    source.execute(&format!("{INSERT}; select nextval('events_id_seq'); {INSERT}")).await;
    until_answer(&ahead, "select string_agg(id::text, ',' order by id) from events", &["1,3"])
        .await;
    source.execute("insert into events (id, event) values (2, '{}')").await;
    commander.command("late", LaneAction::Resume, "a test").await.unwrap();
    until_answer(&late, "select count(*) from events where id <= 3", &["3"]).await;
    while ahead.query(FED).await != ["0"] {
        source.execute(INSERT).await;
    }
    source.execute(INSERT).await;
    let highest = source.query("select max(id) from events").await;
    let highest: Vec<&str> = highest.iter().map(String::as_str).collect();
    until_answer(&late, "select max(id) from events", &highest).await;
    let all = "select e::text from events e order by id";
    assert_eq!(late.query(all).await, source.query(all).await);
    let problems = running.stopped().await;
    assert_eq!(
        problems.iter().map(Error::kind).collect::<Vec<_>>(),
        [ErrorKind::Order],
        "{}",
        problems.report()
    );
}

#[tokio::test]
async fn a_gap_is_given_up_after_a_grace_that_was_asked_for_and_an_event_after_it_is_found_out() {
    let (source, destination, mut config) = pair().await;
    config.source.ids = IdsSetting::Grace(Duration::from_millis(300));
    source.execute("alter sequence events_id_seq cache 20").await;
    let running = audited(&config).await;
    let (a, b) = (source.client().await, source.client().await);
    for client in [&a, &b, &a] {
        client.batch_execute(INSERT).await.unwrap();
    }
    until_answer(&destination, "select max(id) from events", &["21"]).await;
    a.batch_execute(INSERT).await.unwrap();
    let (code, problem) = end(running).await;
    assert_eq!(code, 6);
    assert!(problem.what().starts_with("an event is missing at the destination"), "{problem}");
}

/// Waits until an event that came too late is found out, repairs as the message says, and copies
/// on.
async fn found_out_and_cured(
    running: Running,
    source: &Database,
    destination: &Database,
    config: &ReplicationConfig,
) {
    let (code, problem) = end(running).await;
    assert_eq!((code, problem.kind()), (6, ErrorKind::Order));
    assert!(problem.report().contains("--insert-missing brings it"), "{}", problem.report());
    let (code, printed, complaint) =
        crate::repair::repair(source, destination, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    copy_all(config).await;
    Checker::new(destination).judge(source).await;
}

#[tokio::test]
async fn a_sequence_that_begins_to_hand_out_twenty_ids_at_a_time_while_it_is_followed_stops_with_3_before_anything_is_lost()
 {
    let (source, destination, config) = pair().await;
    let running = audited(&config).await;
    source.execute(INSERT).await;
    until_answer(&destination, "select max(id) from events", &["1"]).await;
    source.execute("alter sequence events_id_seq cache 20").await;
    let (a, b) = (source.client().await, source.client().await);
    for client in [&a, &b] {
        client.batch_execute(INSERT).await.unwrap();
    }
    let (code, problem) = end(running).await;
    assert_eq!(code, 3, "{}", problem.report());
    let cure = "ALTER SEQUENCE public.events_id_seq CACHE 1;";
    assert!(problem.report().contains(cure), "{}", problem.report());
    a.batch_execute(INSERT).await.unwrap();
    assert_eq!(
        source.query("select string_agg(id::text, ',' order by id) from events").await,
        ["1,2,3,22"]
    );
    assert_eq!(destination.query("select max(id) from events").await, ["1"]);
    source.execute(cure).await;
    drop((a, b));
    copy_all(&config).await;
    Checker::new(&destination).judge(&source).await;
}

/// Nothing tells whether the ids between will be drawn: the event waits until the sequence has
/// passed it.
#[tokio::test]
async fn an_id_set_by_hand_above_the_sequence_waits_until_that_has_passed_it_and_nothing_is_lost() {
    let (source, destination, config) = pair().await;
    let (running, mut checker) = (audited(&config).await, Checker::new(&destination));
    source.execute(&format!("{INSERT}; {INSERT}; {INSERT}")).await;
    checker.arrive("1,2,3").await;
    source.execute("insert into events (id, event) values (7, '{}')").await;
    until_looked_twice(&source).await;
    assert_eq!(checker.look("a hold").await, "1,2,3");
    for ids in ["1,2,3,4", "1,2,3,4,5", "1,2,3,4,5,6,7"] {
        source.execute(INSERT).await;
        checker.arrive(ids).await;
    }
    // The sequence gives 7 out too, in vain.
    assert!(source.client().await.batch_execute(INSERT).await.is_err());
    source.execute(INSERT).await;
    checker.arrive("1,2,3,4,5,6,7,8").await;
    running.stop().await;
    checker.judge(&source).await;
}

#[tokio::test]
async fn a_job_that_meets_an_id_set_by_hand_above_the_sequence_names_it_and_the_statement_it_names_lets_it_through()
 {
    let (source, destination, config) = pair().await;
    source.execute(&format!("{INSERT}; {INSERT}")).await;
    let running = Running::start(&config);
    until_answer(&destination, "select max(id) from events", &["2"]).await;
    running.stop().await;
    let setup = Setup::from(&source).to("copy", &destination).key("retry_for_ms = 2500");
    let mut replicator = setup.start(&[]);
    replicator.says(&["the destination is ready"]).await;
    source.execute("insert into events (id, event) values (9, '{}')").await;
    replicator.stops().await;
    let refused = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let cure = refused
        .report
        .split_once("after a load from elsewhere: ")
        .unwrap()
        .1
        .split_once("; otherwise")
        .unwrap()
        .0;
    source.execute(cure).await;
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    assert_eq!(destination.query("select max(id) from events").await, ["9"]);
}

#[tokio::test]
async fn an_explicit_id_in_a_gap_of_long_ago_is_found_out_with_6() {
    let (source, destination, config) = pair().await;
    source.execute(&format!("{INSERT}; select nextval('events_id_seq')")).await;
    source.execute("insert into events (event) select '{}' from generate_series(1, 70000)").await;
    copy_all(&config).await;
    let running = audited(&config).await;
    source.execute(INSERT).await;
    until_answer(&destination, "select max(id) from events", &["70003"]).await;
    source.execute("insert into events (id, event) values (2, '{\"late\": true}')").await;
    found_out_and_cured(running, &source, &destination, &config).await;
}

/// A destination that commits without waiting for its disk may forget its last events in a crash:
/// nothing has arrived late then, and nobody has removed anything. The lane is idle, so nobody but
/// the audit asks.
#[tokio::test]
async fn a_destination_that_forgot_its_last_events_in_a_crash_is_given_them_again_though_it_is_audited_first()
 {
    let settings = ServerSettings::new().set("wal_writer_delay", "10s").set("autovacuum", "off");
    let destination = fresh_database_on(&own_server(&settings)).await;
    let source = fresh_database().await;
    source.execute(SOURCE).await;
    destination.execute(DESTINATION).await;
    let mut config = config(&source, &[("copy", &destination)]);
    config.destinations[0].postgres_mut().unwrap().synchronous_commit = Some("off".to_owned());
    config.limits.retry_wait_max = Duration::from_millis(100);
    source.execute(&format!("{INSERT}; {INSERT}; {INSERT}")).await;
    copy_all(&config).await;
    destination.execute("checkpoint").await;
    let running = audited(&config).await;
    source.execute(&format!("{INSERT}; {INSERT}")).await;
    until_answer(&destination, "select max(id) from events", &["5"]).await;
    destination.server.aside(PrivateServer::kill_nine).await.unwrap();
    destination.server.aside(PrivateServer::start).await.unwrap();
    until_answer(&destination, "select max(id) from events", &["5"]).await;
    let all = "select e::text from events e order by id";
    assert_eq!(destination.query(all).await, source.query(all).await);
    running.stop().await;
}

#[tokio::test]
async fn a_sequence_that_is_set_back_while_it_is_followed_is_refused_before_an_id_is_lost() {
    let (source, destination, config) = pair().await;
    source.execute(&format!("{INSERT}; {INSERT}")).await;
    source.execute("select nextval('events_id_seq')").await;
    source.execute(INSERT).await;
    let running = Running::start(&config);
    until_answer(&destination, "select max(id) from events", &["4"]).await;
    source.execute("select setval('events_id_seq', 2)").await;
    source.execute(INSERT).await;
    let (code, problem) = end(running).await;
    assert_eq!(code, 3);
    assert!(problem.what().contains("do not come from sequence public.events_id_seq"), "{problem}");
}

#[tokio::test]
async fn a_sequence_that_is_set_to_the_value_that_comes_next_is_followed_on() {
    let (source, destination, config) = pair().await;
    source.execute(&format!("{INSERT}; {INSERT}")).await;
    source.execute("select nextval('events_id_seq'), nextval('events_id_seq')").await;
    let running = Running::start(&config);
    let ids = "select string_agg(id::text, ',' order by id) from events";
    until_answer(&destination, ids, &["1,2"]).await;
    source.execute("select setval('events_id_seq', 3, false)").await;
    until_looked_twice(&source).await;
    source.execute(INSERT).await;
    until_answer(&destination, ids, &["1,2,3"]).await;
    running.stop().await;
}

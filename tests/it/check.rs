//! Start-up checks: what does not fit is refused with its exit code and a remedy that works, and
//! nothing is written.

mod advice;
mod contents;
mod discipline;
mod tables;
mod types;
pub mod values;

use crate::configured::{self, config};
use crate::harness::{Database, fresh_database, fresh_destination};
use counterfoil::config::ReplicationConfig;
use counterfoil::error::Error;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::pooler::RouteCache;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::replicate::check::dry_run::{self, DryRun};
use counterfoil::replicate::check::{self, CheckFindings};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// A source as `init source --ids sequence` makes it, without triggers.
const SEQUENCE: &str = "create table events (id bigint generated always as identity primary key, \
                        ts timestamptz not null default now(), event jsonb not null)";
/// A destination for it.
const EVENTS: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
/// A hundred events, the same wherever it runs.
const HUNDRED: &str = "insert into events (id, ts, event) overriding system value select i, \
                       timestamptz '2026-04-03 10:11:12.123456+00' + i * interval '1 s', \
                       jsonb_build_object('n', i) from generate_series(1, 100) i";

/// A source and a destination with the same hundred events.
async fn equal_pair() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(&format!("{SEQUENCE}; {HUNDRED}; select setval('events_id_seq', 100)")).await;
    destination.execute(&format!("{EVENTS}; {HUNDRED}")).await;
    (source, destination)
}

async fn open(
    conninfo: &counterfoil::config::libpq::Conninfo,
    side: ErrorSide,
) -> Result<Session, Error> {
    Session::open(conninfo, SessionPurpose { what: "test", side }, LONG).await
}

async fn findings(config: &ReplicationConfig) -> CheckFindings {
    check::everything(config, &RouteCache::unknown(), false, &counterfoil::log::none()).await
}

async fn dry_run(config: &ReplicationConfig) -> DryRun {
    dry_run::dry_run(config, &counterfoil::log::none()).await.unwrap()
}

/// The one problem that is found, with its exit code.
async fn refusal(config: &ReplicationConfig) -> (u8, Error) {
    let found = findings(config).await;
    assert_eq!(found.problems.iter().count(), 1, "{}", found.problems.report());
    let problem = found.problems.into_iter().next().unwrap();
    (problem.kind().consequence().exit_code, problem)
}

/// Runs the statements of a remedy as an administrator would.
async fn cure(database: &Database, problem: &Error) {
    let statement = problem.remedy().unwrap();
    database.execute(&statement[..=statement.rfind(';').unwrap()]).await;
}

#[tokio::test]
async fn an_equal_destination_passes_with_what_it_holds() {
    let (source, destination) = equal_pair().await;
    let found = findings(&config(&source, &[("copy", &destination)])).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    assert!(!found.is_refused() && found.destinations[0].is_checked());
    let contents = found.destinations[0].contents.unwrap();
    assert_eq!(
        (contents.ends.lowest, contents.ends.highest, contents.events),
        (Some(1), Some(100), 100)
    );
}

#[tokio::test]
async fn a_prefix_and_an_empty_destination_pass_together() {
    let (source, prefix) = equal_pair().await;
    let empty = fresh_destination().await;
    prefix.execute("delete from events where id > 60").await;
    empty.execute(EVENTS).await;
    let found = findings(&config(&source, &[("prefix", &prefix), ("empty", &empty)])).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    let events: Vec<u64> = found.destinations.iter().map(|d| d.contents.unwrap().events).collect();
    assert_eq!(events, [60, 0]);
}

#[tokio::test]
async fn problems_of_all_sides_are_told_together() {
    let (source, one) = equal_pair().await;
    let two = fresh_destination().await;
    one.execute("alter table events drop column ts").await;
    let config = config(&source, &[("one", &one), ("two", &two)]);
    let found = findings(&config).await;
    let report = found.problems.report();
    assert_eq!(found.problems.iter().count(), 2, "{report}");
    assert!(
        report.contains("destination \"one\"") && report.contains("destination \"two\""),
        "{report}"
    );
    assert!(
        report.contains("ALTER TABLE public.events ADD COLUMN \"ts\" timestamp with time zone;"),
        "{report}"
    );
    assert!(report.contains("there is no table public.events"), "{report}");
    assert!(found.is_refused());
}

#[tokio::test]
async fn a_source_without_its_table_does_not_hide_that_a_destination_has_none() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    let found = findings(&config(&source, &[("copy", &destination)])).await;
    let report = found.problems.report();
    assert_eq!(report.matches("there is no table public.events").count(), 2, "{report}");
    assert!(
        report.contains("counterfoil init source")
            && report.contains("counterfoil init destination"),
        "{report}"
    );
}

#[tokio::test]
async fn a_destination_out_of_reach_does_not_stop_the_others() {
    let (source, destination) = equal_pair().await;
    let mut config = config(&source, &[("here", &destination), ("away", &destination)]);
    config.destinations[1].postgres_mut().unwrap().conninfo.database = "nowhere".to_owned();
    config.destinations[1].postgres_mut().unwrap().conninfo.hosts[0].port = 1;
    let found = findings(&config).await;
    assert!(!found.is_refused(), "{}", found.problems.report());
    assert!(found.destinations[0].is_checked() && !found.destinations[1].is_checked());
    assert_eq!(found.problems.worst().unwrap().kind().consequence().exit_code, 8);
    assert!(found.problems.report().contains("destination \"away\""));
}

#[tokio::test]
async fn the_source_named_by_another_host_is_wrong_usage_but_another_table_there_is_allowed() {
    let source = fresh_database().await;
    source.execute(&format!("{SEQUENCE}; create table copies (like events)")).await;
    source.execute("alter table copies add primary key (id)").await;
    let mut config = config(&source, &[("itself", &source)]);
    config.destinations[0].postgres_mut().unwrap().conninfo =
        source.server.conninfo_tcp(&source.conninfo.database);
    let (code, problem) = refusal(&config).await;
    assert_eq!(code, 2);
    assert_eq!(
        problem.what(),
        "the source and destination \"itself\" are the same database and table"
    );
    config.destinations[0].postgres_mut().unwrap().table = configured::table("copies");
    assert!(findings(&config).await.problems.is_empty());
}

#[tokio::test]
async fn a_destination_named_twice_is_wrong_usage() {
    let (source, destination) = equal_pair().await;
    let mut config = config(&source, &[("a", &destination), ("b", &destination)]);
    config.destinations[1].postgres_mut().unwrap().conninfo =
        destination.server.conninfo_tcp(&destination.conninfo.database);
    assert_eq!(refusal(&config).await.0, 2);
}

#[tokio::test]
async fn a_dry_run_says_what_is_there_what_is_missing_and_how_long_it_may_take() {
    let (source, destination) = equal_pair().await;
    destination.execute("delete from events where id > 40").await;
    let report = dry_run(&config(&source, &[("copy", &destination)])).await.to_string();
    for said in [
        "sequence: public.events_id_seq feeds \"id\", one value at a time",
        "none, so the source is polled: no trigger of public.events notifies",
        "id, ts, event as binary COPY",
        "40 events, ids 1..40; first event, last event and count are the source's",
        "missing        60 events, about 0.0 MB",
        "an estimate that assumes 100000 events/s and 50 MB/s",
        "all checks passed; nothing was written",
    ] {
        assert!(report.contains(said), "{said} in {report}");
    }
}

#[tokio::test]
async fn a_dry_run_of_a_wrong_destination_ends_with_the_refusal() {
    let (source, destination) = equal_pair().await;
    destination.execute("update events set event = '{}' where id = 100").await;
    let run = dry_run(&config(&source, &[("copy", &destination)])).await;
    assert!(run.to_string().contains("holds another event 100 than the source"), "{run}");
    assert_eq!(run.findings.problems.worst().unwrap().kind().consequence().exit_code, 4);
}

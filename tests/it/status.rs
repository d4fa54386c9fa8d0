//! `status` tells from the databases alone how far each destination is, and how it does.

use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{Writers, equal, highest, init_destination, init_source};
use crate::support::replicator::Setup;
use crate::support::until;
use counterfoil::postgres::session::pooler::RouteCache;
use counterfoil::replicate::check::everything;
use counterfoil::replicate::status::{
    ComparedBy, ComparisonDepth, DestinationStatus, Health, ReplicationStatus, status,
};
use std::time::Duration;

const SOURCE: &str = "create table events (id bigint generated always as identity primary key, ts \
                      timestamptz not null default now(), event jsonb not null default '{}')";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
/// Events whose time stamps are equal wherever they are inserted, a minute ago.
const FIVE: &str = "insert into events (id, ts, event) overriding system value select i, \
                    date_trunc('day', now()) - interval '1 minute', '{}' from generate_series(1, \
                    5) i";

async fn pair() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(&format!("{SOURCE}; {FIVE}; select setval('events_id_seq', 5)")).await;
    destination.execute(&format!("{DESTINATION}; {FIVE}")).await;
    (source, destination)
}

async fn asked(
    source: &Database,
    destination: &Database,
) -> (ReplicationStatus, DestinationStatus) {
    let config = config(source, &[("copy", destination)]);
    let status = status(&config, ComparisonDepth::Whole).await;
    let destination = status.destinations[0].clone();
    (status, destination)
}

/// Takes the lock that a replicator holds, as one would.
async fn feed(destination: &Database) -> tokio_postgres::Client {
    let client = destination.client().await;
    client
        .batch_execute(
            "set application_name = 'counterfoil/append'; select pg_advisory_lock(1129268818, \
             'events'::regclass::oid::int4)",
        )
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn a_destination_that_lacks_nothing_is_level() {
    let (source, destination) = pair().await;
    let (status, copy) = asked(&source, &destination).await;
    assert_eq!((copy.health, copy.position, copy.events_behind), (Health::Level, Some(5), Some(0)));
    assert_eq!((copy.seconds_behind, copy.replicator, copy.error), (Some(0.0), None, None));
    assert_eq!((status.source.highest_id, status.exit_code(None)), (Some(5), 0));
    assert_eq!(copy.compared_by, Some(ComparedBy::FirstLastAndCount));
    let told = status.to_string();
    assert!(told.contains("copy: no replicator feeds it, new events are not copied"), "{told}");
    assert!(told.contains("compared by first event, last event and count"), "{told}");
    assert_eq!(status.exit_code(Some(0)), 8, "no replicator feeds it");
    let _feeding = feed(&destination).await;
    assert_eq!(asked(&source, &destination).await.0.exit_code(Some(0)), 0);
}

#[tokio::test]
async fn asked_quickly_only_the_last_event_is_compared_and_nothing_more_is_claimed() {
    let (source, destination) = pair().await;
    destination.execute("delete from events where id = 3").await;
    let config = config(&source, &[("copy", &destination)]);
    let quick = status(&config, ComparisonDepth::LastEvent).await;
    let copy = &quick.destinations[0];
    assert_eq!((copy.health, copy.compared_by), (Health::Level, Some(ComparedBy::LastEvent)));
    assert!(
        quick.to_string().contains("compared by the last event of each destination alone"),
        "{quick}"
    );
    destination.execute("update events set event = '[]' where id = 5").await;
    let quick = status(&config, ComparisonDepth::LastEvent).await;
    assert_eq!((quick.destinations[0].health, quick.exit_code(None)), (Health::Diverged, 4));
}

/// What a start says of this pair, in one line.
async fn said_at_a_start(source: &Database, destination: &Database) -> String {
    let config = config(source, &[("copy", destination)]);
    let log = counterfoil::log::none();
    let found = everything(&config, &RouteCache::unknown(), false, &log).await;
    assert_eq!(found.problems.exit_code(), 4);
    found.problems.worst().unwrap().to_string()
}

#[tokio::test]
async fn what_a_start_refuses_is_diverged_in_the_same_words() {
    for (at_source, at_destination, words) in [
        ("", "delete from events where id in (2, 3)", "does not hold as many events as the source"),
        ("delete from events where id = 2", "", "up to id 5 it has 5, the source 4"),
        ("delete from events where id <= 2", "", "does not begin as the source does"),
        ("", "delete from events where id <= 2", "the first id is 3 there and 1 at the source"),
        ("delete from events where id > 2", "", "is ahead of the source by 3 events"),
    ] {
        let (source, destination) = pair().await;
        source.execute(at_source).await;
        destination.execute(at_destination).await;
        let (status, copy) = asked(&source, &destination).await;
        assert_eq!((copy.health, status.exit_code(None)), (Health::Diverged, 4), "{words}");
        let error = copy.error.unwrap();
        assert!(error.contains(words), "{error}");
        assert_eq!(error, said_at_a_start(&source, &destination).await);
        let fix = copy.fix.unwrap();
        assert!(status.to_string().contains(&format!("copy: fix: {fix}")), "{status}");
        assert_eq!(copy.position, Some(5), "{words}");
    }
}

#[tokio::test]
async fn a_destination_that_is_being_written_to_is_never_called_different() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    let replicator =
        Setup::from(&source).to("copy", &destination).key("max_events_per_write = 50").start(&[]);
    let writers = Writers::start(&source, 4, 11);
    until("events arrive", async || highest(&destination).await > 100).await;
    for round in 0..50 {
        let (status, copy) = asked(&source, &destination).await;
        assert_ne!(status.exit_code(None), 4, "{round}: {copy:?}");
        assert_eq!(copy.compared_by, Some(ComparedBy::FirstLastAndCount), "{round}: {copy:?}");
    }
    writers.stop().await;
    equal(&source, &destination).await;
    let (_, copy) = asked(&source, &destination).await;
    assert_eq!((copy.health, copy.events_behind), (Health::Level, Some(0)), "{copy:?}");
    replicator.stops().await;
}

#[tokio::test]
async fn a_destination_that_lacks_events_is_unfed_or_behind_by_who_holds_its_lock() {
    let (source, destination) = pair().await;
    destination.execute("delete from events where id > 2").await;
    let (status, copy) = asked(&source, &destination).await;
    assert_eq!((copy.health, copy.events_behind), (Health::Unfed, Some(3)));
    assert!(copy.seconds_behind.unwrap() >= 60.0, "{copy:?}");
    assert_eq!(
        [status.exit_code(None), status.exit_code(Some(3)), status.exit_code(Some(2))],
        [0, 8, 8]
    );
    let _feeding = feed(&destination).await;
    let (status, copy) = asked(&source, &destination).await;
    assert_eq!([status.exit_code(Some(3)), status.exit_code(Some(2))], [0, 8]);
    let replicator = copy.replicator.unwrap();
    assert_eq!(
        (copy.health, replicator.application_name.as_deref()),
        (Health::Behind, Some("counterfoil/append"))
    );
    assert!(replicator.pid.is_some());
}

#[tokio::test]
async fn a_transaction_at_the_source_that_drew_an_id_is_named() {
    let (source, destination) = pair().await;
    let writer = source.client().await;
    writer
        .batch_execute(
            "set application_name = 'slow worker'; begin; insert into events default values",
        )
        .await
        .unwrap();
    source.execute("insert into events default values").await;
    let _feeding = feed(&destination).await;
    let (_, copy) = asked(&source, &destination).await;
    assert_eq!((copy.health, copy.events_behind), (Health::Held, Some(1)));
    let holder = copy.held_by.unwrap();
    assert_eq!(holder.application_name.as_deref(), Some("slow worker"));
    assert!(holder.pid.is_some() && holder.seconds.is_some());
    writer.batch_execute("rollback").await.unwrap();
    assert_eq!(asked(&source, &destination).await.1.health, Health::Behind);
}

#[tokio::test]
async fn another_last_event_or_one_too_many_is_divergence_and_exit_4() {
    let (source, destination) = pair().await;
    destination.execute("update events set event = '[]' where id = 5").await;
    let (status, copy) = asked(&source, &destination).await;
    assert_eq!((copy.health, status.exit_code(None)), (Health::Diverged, 4));
    destination
        .execute(
            "update events set event = '{}' where id = 5; insert into events values (6, now(), \
             '{}')",
        )
        .await;
    assert_eq!(asked(&source, &destination).await.1.health, Health::Diverged);
}

#[tokio::test]
async fn an_empty_destination_lacks_everything_and_an_empty_pair_nothing() {
    let (source, destination) = pair().await;
    destination.execute("truncate events").await;
    let (_, copy) = asked(&source, &destination).await;
    assert_eq!((copy.position, copy.events_behind, copy.health), (None, Some(5), Health::Unfed));
    source.execute("truncate events").await;
    let (_, copy) = asked(&source, &destination).await;
    assert_eq!((copy.position, copy.events_behind, copy.health), (None, Some(0), Health::Level));
}

#[tokio::test]
async fn more_than_a_million_events_behind_are_at_least_a_million() {
    let (source, destination) = pair().await;
    source
        .execute(
            "insert into events (id) overriding system value select generate_series(6, 1000005); \
             select setval('events_id_seq', 1000005)",
        )
        .await;
    let (_, copy) = asked(&source, &destination).await;
    assert_eq!((copy.events_behind, copy.is_events_behind_exact), (Some(1_000_000), true));
    source
        .execute(
            "insert into events (id) overriding system value values (1000006); select \
             setval('events_id_seq', 1000006)",
        )
        .await;
    let (status, copy) = asked(&source, &destination).await;
    assert_eq!((copy.events_behind, copy.is_events_behind_exact), (Some(1_000_000), false));
    assert!(status.to_string().contains("at least 1000000"), "{status}");
}

#[tokio::test]
async fn seconds_are_unknown_where_no_column_says_when() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigserial primary key, ts text); insert into events (ts) \
             values ('x')",
        )
        .await;
    destination.execute("create table events (id bigint primary key, ts text)").await;
    let (_, copy) = asked(&source, &destination).await;
    assert_eq!((copy.events_behind, copy.seconds_behind), (Some(1), None));
}

#[tokio::test]
async fn who_is_out_of_reach_does_not_hide_the_others() {
    let (source, destination) = pair().await;
    let mut config = config(
        &source,
        &[("here", &destination), ("away", &destination), ("bare", &fresh_destination().await)],
    );
    config.destinations[1].postgres_mut().unwrap().conninfo.hosts[0].port = 1;
    let all = status(&config, ComparisonDepth::Whole).await;
    let healths: Vec<Health> =
        all.destinations.iter().map(|destination| destination.health).collect();
    assert_eq!(healths, [Health::Level, Health::Unreachable, Health::Reachable]);
    assert_eq!((all.exit_code(None), all.exit_code(Some(0))), (3, 3));
    assert_eq!(all.destinations[0].compared_by, Some(ComparedBy::FirstLastAndCount));
    assert!(
        all.destinations[2].error.as_ref().unwrap().contains("there is no table public.events")
    );
    config.source.conninfo.hosts[0].port = 1;
    config.limits.connect_timeout = Duration::from_secs(10);
    let all = status(&config, ComparisonDepth::Whole).await;
    assert_eq!((all.source.health, all.exit_code(None)), (Health::Unreachable, 3));
    assert_eq!(
        (all.destinations[0].health, all.destinations[0].position),
        (Health::Reachable, Some(5))
    );
}

#[tokio::test]
async fn the_object_for_scripts_has_the_words_of_the_manual() {
    let (source, destination) = pair().await;
    let (status, _) = asked(&source, &destination).await;
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["source"]["health"], "reachable");
    let copy = &json["destinations"][0];
    assert_eq!((copy["name"].as_str(), copy["health"].as_str()), (Some("copy"), Some("level")));
    assert_eq!((copy["events_behind"].as_i64(), copy["position"].as_i64()), (Some(0), Some(5)));
    assert!(copy["replicator"].is_null());
}

#[tokio::test]
async fn a_standby_that_may_lag_calls_no_destination_diverged() {
    let server = crate::harness::own_server(
        &counterfoil::postgres::server::ServerSettings::new().set("wal_keep_size", "64MB"),
    );
    let primary = crate::harness::fresh_database_on(&server).await;
    let destination = fresh_destination().await;
    primary.execute(DESTINATION).await;
    destination.execute(DESTINATION).await;
    let standby = crate::support::standby::standby_of(&server).await;
    let late = crate::support::standby::on(&standby, &primary.conninfo.database);
    destination.execute(FIVE).await;
    let (_, found) = asked(&late, &destination).await;
    assert_eq!(found.health, Health::Reachable);
    assert!(found.error.unwrap().contains("the source is a standby, which may only be late"));
}

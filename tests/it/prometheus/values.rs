//! Each value is that of the replication, whatever happens to it.

use super::assert_taken;
use super::samples::Samples;
use super::supervised::Supervised;
use crate::configured::config;
use crate::edges::pair;
use crate::harness::{Database, fresh_database_on, own_destination_server};
use crate::support::events::{init_destination, insert};
use counterfoil::console::metrics::format::MetricsFormat;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::replicate::command::LaneAction;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn source(now: &Samples, name: &str) -> Option<f64> {
    now.value(&format!("counterfoil_source_{name}"), &[("replication", "test")])
}

fn losses(now: &Samples, destination: &str) -> f64 {
    let labels = [("destination", destination)];
    now.all("counterfoil_destination_losses_total", &labels).map(|sample| sample.value).sum()
}

#[tokio::test]
async fn a_replication_that_is_well_tells_what_it_has_done_and_where_it_stands() {
    let (source_database, copy) = pair().await;
    insert(&source_database, 5).await;
    let config = config(&source_database, &[("copy", &copy)]);
    let mut running = Supervised::start(vec![config], false);
    running.follows("copy", 5.0).await;
    for _ in 0..3 {
        insert(&source_database, 1).await;
        let holds = source_database.query("select max(id)::text from events").await;
        running.follows("copy", holds[0].parse().unwrap()).await;
    }
    let is_settled = |now: &Samples| {
        source(now, "mark_id") == Some(8.0) && now.of("batches_total", "copy") >= Some(4.0)
    };
    let now = running.shows("the mark is settled", is_settled).await;
    assert_eq!((source(&now, "up"), source(&now, "highest_id")), (Some(1.0), Some(8.0)));
    assert_eq!(source(&now, "hold_seconds"), Some(0.0));
    let looks = |cause| now.value("counterfoil_source_looks_total", &[("cause", cause)]).unwrap();
    assert!(looks("doorbell") >= 3.0 && looks("pass") >= 4.0, "{now:?}");
    assert!(looks("poll") <= 4.0, "it does not poll while something rings: {}", looks("poll"));
    assert!(source(&now, "durability_wait_seconds_count") >= Some(4.0), "{now:?}");
    assert!(source(&now, "durability_wait_seconds_sum") > Some(0.0));
    assert_eq!(now.state("copy").as_deref(), Some("following"));
    assert_eq!((now.of("up", "copy"), now.of("is_alone", "copy")), (Some(1.0), Some(0.0)));
    assert_eq!((now.of("lag_events", "copy"), now.of("lag_bytes", "copy")), (Some(0.0), Some(0.0)));
    assert_eq!(now.of("events_total", "copy"), Some(8.0));
    assert!(now.of("bytes_total", "copy") > Some(500.0) && losses(&now, "copy") == 0.0);
    let batches = now.of("batches_total", "copy");
    assert_eq!(now.of("append_seconds_count", "copy"), batches);
    assert_eq!(now.of("batch_events_count", "copy"), batches);
    assert_eq!(now.of("batch_events_sum", "copy"), Some(8.0));
    let appended = now.of("append_seconds_sum", "copy").unwrap();
    assert!(appended > 0.0 && appended < 60.0, "{appended}");
    let ended = now.of("last_append_timestamp_seconds", "copy").unwrap();
    assert!((unix_now() - ended).abs() < 60.0, "{ended}");
    assert_eq!(now.of("retry_timestamp_seconds", "copy"), None);
    let info = now.all("counterfoil_destination_info", &[("destination", "copy")]).next().unwrap();
    assert_eq!(info.labels["database"], copy.conninfo.database);
    assert_eq!(info.labels["table"], "public.events");
    let room = now.value("counterfoil_buffer_bytes_max", &[]);
    assert_eq!((now.value("counterfoil_buffer_bytes", &[]), room), (Some(0.0), Some(16777216.0)));
    assert_eq!(now.value("counterfoil_run_exit_code", &[]), None, "it has not ended");
    assert!(now.value("process_resident_memory_bytes", &[]) > Some(1e6));
    assert!(now.value("process_open_fds", &[]) > Some(3.0));
    assert_taken(&running.text(MetricsFormat::Text));
    assert!(running.stopped().await.is_empty());
}

async fn two_copies() -> (Database, Database, Database, Supervised) {
    let (source_database, stays) = pair().await;
    let goes = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_destination(&goes).await;
    insert(&source_database, 5).await;
    let mut config = config(&source_database, &[("stays", &stays), ("goes", &goes)]);
    config.limits.retry_wait_max = Duration::from_secs(1);
    let running = Supervised::start(vec![config], false);
    running.follows("stays", 5.0).await;
    running.follows("goes", 5.0).await;
    (source_database, stays, goes, running)
}

#[tokio::test]
async fn a_killed_destination_is_away_with_its_losses_its_next_try_and_a_growing_lag_and_keeps_its_position()
 {
    let (source_database, _stays, goes, mut running) = two_copies().await;
    goes.server.aside(PrivateServer::kill_nine).await.unwrap();
    insert(&source_database, 4).await;
    let is_away = |now: &Samples| {
        now.of("up", "goes") == Some(0.0)
            && now.of("lag_events", "goes") == Some(4.0)
            && now.of("retry_timestamp_seconds", "goes").is_some()
    };
    let away = running.shows("the destination is away", is_away).await;
    assert_eq!(away.state("goes").as_deref(), Some("waiting"));
    assert!(losses(&away, "goes") >= 1.0 && losses(&away, "stays") == 0.0, "{away:?}");
    assert_eq!(away.of("position_id", "goes"), Some(5.0));
    let retry = away.of("retry_timestamp_seconds", "goes").unwrap();
    assert!((retry - unix_now()).abs() < 60.0, "{retry}");
    let bytes = away.of("bytes_total", "goes").unwrap() / 5.0 * 4.0;
    assert_eq!(away.of("lag_bytes", "goes"), Some(bytes));
    let lag = away.of("lag_seconds", "goes").unwrap();
    running.shows("its lag grows", |now| now.of("lag_seconds", "goes") > Some(lag + 1.0)).await;
    running.follows("stays", 9.0).await;
    goes.server.aside(PrivateServer::start).await.unwrap();
    let back = running.follows("goes", 9.0).await;
    assert_eq!(back.of("retry_timestamp_seconds", "goes"), None);
    assert!(losses(&back, "goes") >= losses(&away, "goes"), "losses only grow");
    assert_eq!(back.of("up", "goes"), Some(1.0));
    assert!(running.stopped().await.is_empty());
}

#[tokio::test]
async fn a_paused_destination_is_up_and_lags_and_a_held_source_tells_since_when() {
    let (source_database, copy) = pair().await;
    insert(&source_database, 5).await;
    let mut running = Supervised::start(vec![config(&source_database, &[("copy", &copy)])], false);
    running.follows("copy", 5.0).await;
    running.command("copy", LaneAction::Pause).await;
    let is_paused = |now: &Samples| now.state("copy").as_deref() == Some("paused");
    let paused = running.shows("the destination is paused", is_paused).await;
    assert_eq!(paused.of("up", "copy"), Some(1.0));
    running.command("copy", LaneAction::Resume).await;
    running.follows("copy", 5.0).await;
    let writer = source_database.client().await;
    writer.batch_execute("begin; select nextval('events_id_seq')").await.unwrap();
    insert(&source_database, 2).await;
    let is_held = |now: &Samples| source(now, "hold_seconds") > Some(0.0);
    let held = running.shows("something is held", is_held).await;
    assert_eq!((source(&held, "highest_id"), source(&held, "mark_id")), (Some(8.0), Some(5.0)));
    assert_eq!(held.state("copy").as_deref(), Some("held"));
    assert!(source(&held, "hold_seconds") < Some(60.0) && source(&held, "up") == Some(1.0));
    assert_eq!(held.of("lag_events", "copy"), Some(3.0), "at most three are missing");
    writer.batch_execute("rollback").await.unwrap();
    let free = running.follows("copy", 8.0).await;
    assert_eq!(source(&free, "hold_seconds"), Some(0.0));
    assert!(running.stopped().await.is_empty());
}

#[tokio::test]
async fn a_run_that_has_ended_tells_how_and_nothing_of_a_present_that_it_has_not() {
    let (source_database, copy) = pair().await;
    insert(&source_database, 7).await;
    let mut running = Supervised::start(vec![config(&source_database, &[("copy", &copy)])], true);
    assert!(running.ends().await.is_empty());
    let end = Samples::parse(&running.text(MetricsFormat::Text));
    let run =
        |name: &str| end.value(&format!("counterfoil_run_{name}"), &[("replication", "test")]);
    assert_eq!((run("exit_code"), run("target_id")), (Some(0.0), Some(7.0)));
    let finished = run("finished_timestamp_seconds").unwrap();
    assert!((finished - unix_now()).abs() < 60.0 && run("duration_seconds") > Some(0.0));
    assert_eq!(
        (end.of("position_id", "copy"), end.of("events_total", "copy")),
        (Some(7.0), Some(7.0))
    );
    for name in ["up", "lag_seconds", "lag_events", "is_alone", "retry_timestamp_seconds"] {
        assert_eq!(end.of(name, "copy"), None, "{name}");
    }
    assert_eq!((end.state("copy"), source(&end, "up")), (None, None));
    assert_taken(&running.text(MetricsFormat::Text));
}

#[tokio::test]
async fn a_verified_destination_tells_through_which_id_and_what_differs_and_another_nothing() {
    let (source_database, copy) = pair().await;
    insert(&source_database, 50).await;
    let mut config = config(&source_database, &[("copy", &copy)]);
    let mut unverified = Supervised::start(vec![config.clone()], true);
    assert!(unverified.ends().await.is_empty());
    let none = Samples::parse(&unverified.text(MetricsFormat::Text));
    let is_of_verification =
        |name: &str| name.contains("verif") || name == "counterfoil_differences_total";
    assert!(!none.0.iter().any(|sample| is_of_verification(&sample.name)), "{none:?}");
    config.verify.every = Some(Duration::from_secs(1));
    let mut running = Supervised::start(vec![config], false);
    let of = |now: &Samples, name: &str| now.value(&format!("counterfoil_{name}"), &[]);
    let is_verified = |now: &Samples| {
        of(now, "verified_through_id") == Some(50.0)
            && of(now, "verification_last_round_timestamp_seconds").is_some()
    };
    let now = running.shows("all is verified", is_verified).await;
    assert!(of(&now, "verification_events_total") >= Some(50.0), "{now:?}");
    let ended = of(&now, "verification_last_round_timestamp_seconds").unwrap();
    assert!((ended - unix_now()).abs() < 60.0, "{ended}");
    let found =
        |now: &Samples, class| now.value("counterfoil_differences_total", &[("class", class)]);
    for class in ["missing", "extra", "changed", "representation", "doubled"] {
        assert_eq!(found(&now, class), Some(0.0), "{class}");
    }
    copy.execute("update events set event = '{}' where id = 33").await;
    let differs = running.shows("it differs", |now| found(now, "changed") == Some(1.0)).await;
    assert_eq!(found(&differs, "missing"), Some(0.0));
    assert!(of(&differs, "verified_through_id") < Some(33.0), "{differs:?}");
    running.stopped().await;
}

#[tokio::test]
async fn what_is_not_known_yet_is_left_out() {
    let (source_database, copy) = pair().await;
    let config = config(&source_database, &[("copy", &copy)]);
    let mut away = config.clone();
    away.source.conninfo.hosts[0].port = 1;
    let mut running = Supervised::start(vec![away], false);
    let is_lost = |now: &Samples| {
        let labels = [("kind", "unavailable")];
        now.value("counterfoil_source_losses_total", &labels) > Some(0.0)
    };
    let now = running.shows("the source was not found", is_lost).await;
    assert_eq!(source(&now, "up"), Some(0.0));
    assert_eq!((now.of("up", "copy"), now.state("copy")), (Some(0.0), Some("opening".to_owned())));
    for name in ["highest_id", "mark_id", "hold_seconds", "notification_queue_ratio"] {
        assert_eq!(source(&now, name), None, "{name}");
    }
    for name in ["position_id", "lag_seconds", "lag_events", "lag_bytes"] {
        assert_eq!(now.of(name, "copy"), None, "{name}");
    }
    assert_eq!(now.of("events_total", "copy"), Some(0.0), "what is counted begins with 0");
    running.stopped().await;
}

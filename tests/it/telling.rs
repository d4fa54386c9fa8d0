//! What the log says while nothing happens, and while something is away.

use crate::harness::{
    fresh_database, fresh_database_on, fresh_destination, own_destination_server, own_server,
};
use crate::support::events::{arrives, init_destination, init_source, insert};
use crate::support::replicator::{Replicator, Setup};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use serde_json::Value;

/// The last line with these words, as an object.
fn last(replicator: &Replicator, words: &str) -> Value {
    let log = replicator.log();
    let line = log.lines().rev().find(|line| line.contains(words)).unwrap();
    serde_json::from_str(line).unwrap()
}

#[tokio::test]
async fn a_heartbeat_tells_position_lag_and_rate_also_of_a_trickle() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    let setup = Setup::from(&source).to("copy", &destination).log_key("heartbeat_ms = 300");
    let mut replicator = setup.start(&[]);
    replicator.says(&["how it stands", "\"position\":null", "\"highest_id\":null"]).await;
    insert(&source, 3).await;
    arrives(&destination, 3).await;
    replicator.says(&["how it stands", "\"position\":3", "\"destinations_level\":1"]).await;
    let line = last(&replicator, "\"position\":3");
    assert_eq!((&line["events"], &line["events_behind_max"]), (&3.into(), &0.into()), "{line}");
    assert_eq!((line["lag_seconds"].as_f64(), &line["highest_id"]), (Some(0.0), &3.into()));
    assert!(line["events_per_s"].is_number() && line["destinations"] == 1, "{line}");
    let keys: Vec<&String> = line.as_object().unwrap().keys().take(4).collect();
    assert_eq!(keys, ["ts", "level", "msg", "position"]);
    replicator.stops().await;
}

#[tokio::test]
async fn a_destination_that_stays_away_is_told_again_and_when_it_is_back_how_long_it_was() {
    let source = fresh_database().await;
    let destination = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 1).await;
    let setup = Setup::from(&source)
        .to("copy", &destination)
        .key("retry_wait_max_ms = 500")
        .log_key("heartbeat_ms = 700");
    let mut replicator = setup.start(&[]);
    arrives(&destination, 1).await;
    destination.server.aside(PrivateServer::stop_immediate).await.unwrap();
    replicator.says(&["the destination is still away", "\"destination\":\"copy\""]).await;
    let line = last(&replicator, "the destination is still away");
    assert_eq!(line["level"], "warning", "{line}");
    assert!(line["since"].as_str().unwrap().starts_with("20"), "{line}");
    assert!(line["seconds"].is_u64() && line["wait_ms"].is_u64(), "{line}");
    assert!(line["error"].as_str().unwrap().contains("cannot"), "{line}");
    destination.server.aside(PrivateServer::start).await.unwrap();
    replicator.says(&["the destination is back"]).await;
    let line = last(&replicator, "the destination is back");
    assert!(line["away_seconds"].as_f64().unwrap() >= 0.7, "{line}");
    let told = replicator.lines(&["the destination is still away"]);
    replicator.says(&["how it stands", "\"destinations_level\":1"]).await;
    assert_eq!(replicator.lines(&["the destination is still away"]), told);
    replicator.stops().await;
}

#[tokio::test]
async fn a_source_that_stays_away_and_a_destination_that_is_held_are_told_again() {
    let source = fresh_database_on(&own_server(&ServerSettings::new())).await;
    let destination = fresh_destination().await;
    init_source(&source).await;
    init_destination(&destination).await;
    let setup = Setup::from(&source)
        .to("copy", &destination)
        .key("retry_wait_max_ms = 500")
        .log_key("heartbeat_ms = 700");
    let mut replicator = setup.start(&[]);
    replicator.says(&["the destination is ready"]).await;
    let mut spare = setup.start(&[]);
    spare.says(&["standby: another replicator still holds this destination", "since"]).await;
    source.server.aside(PrivateServer::stop_immediate).await.unwrap();
    replicator.says(&["the source is still away", "since", "wait_ms"]).await;
    source.server.aside(PrivateServer::start).await.unwrap();
    replicator.says(&["the source is back", "away_seconds"]).await;
    replicator.stops().await;
    spare.stops().await;
}

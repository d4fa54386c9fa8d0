//! What a running replication tells of itself at every moment: true while all is well, while a side
//! is away and while something is held.

use crate::configured::config;
use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
};
use crate::support::events::{init_destination, init_source, insert};
use crate::truth::watched::Watched;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::replicate::health::Health;
use counterfoil::replicate::snapshot::{LaneSnapshot, Snapshot};
use std::sync::Arc;
use std::time::Duration;

async fn pair() -> (Database, Database) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    (source, copy)
}

fn lag(lane: &LaneSnapshot) -> f64 {
    lane.lag_seconds.unwrap()
}

#[tokio::test]
async fn an_unreachable_destination_is_told_with_its_error_its_next_try_and_its_return_and_its_lag_grows_meanwhile()
 {
    let source = fresh_database().await;
    init_source(&source).await;
    let (stays, goes) = (
        fresh_destination().await,
        fresh_database_on(&own_destination_server(&ServerSettings::new())).await,
    );
    init_destination(&stays).await;
    init_destination(&goes).await;
    insert(&source, 5).await;
    let mut config = config(&source, &[("stays", &stays), ("goes", &goes)]);
    config.limits.retry_wait_max = Duration::from_secs(1);
    let mut watched = Watched::start(&config, false);
    let level = watched.is_level(1, 5).await;
    assert_eq!(level.lanes[1].lag_seconds, Some(0.0));
    assert!(level.lanes[1].connection.outage.is_none());
    goes.server.aside(PrivateServer::kill_nine).await.unwrap();
    insert(&source, 5).await;
    let away = |now: &Arc<Snapshot>| {
        now.lanes[1].health == Health::Waiting && now.lanes[1].connection.retry_at > Some(now.at)
    };
    let lost = watched.shows("a destination is away and tried again", away).await;
    let outage = lost.lanes[1].connection.outage.as_ref().unwrap();
    assert!(
        !outage.what.is_empty() && !outage.causes.is_empty() && outage.ended_at.is_none(),
        "{outage:?}"
    );
    assert!(lost.lanes[1].connection.losses > 0);
    let before = lag(&lost.lanes[1]);
    let is_later = |now: &Arc<Snapshot>| lag(&now.lanes[1]) >= before + 1.0;
    let later = watched.shows("its lag grows", is_later).await;
    assert_eq!(later.lanes[1].position, Some(5), "the last position is kept");
    assert_eq!(
        later.lanes[1].connection.outage.as_ref().unwrap().since,
        outage.since,
        "it is the same outage"
    );
    watched.is_level(0, 10).await;
    goes.server.aside(PrivateServer::start).await.unwrap();
    let back = watched.is_level(1, 10).await;
    assert_eq!(back.lanes[1].lag_seconds, Some(0.0));
    assert_eq!((back.lanes[1].events, back.lanes[1].connection.retry_at), (10, None));
    let outage = back.lanes[1].connection.outage.as_ref().unwrap();
    assert!(outage.ended_at > Some(outage.since), "{outage:?}");
    watched.running.stop().await;
}

#[tokio::test]
async fn a_transaction_that_holds_the_mark_is_named_and_what_waits_for_it_is_held_and_lags() {
    let (source, copy) = pair().await;
    insert(&source, 3).await;
    let mut watched = Watched::start(&config(&source, &[("copy", &copy)]), false);
    watched.is_level(0, 3).await;
    let writer = source.client().await;
    writer
        .batch_execute(
            "set application_name = 'slow import'; begin; select nextval('events_id_seq')",
        )
        .await
        .unwrap();
    let pid: i32 = writer.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    insert(&source, 2).await;
    let is_blocked = |now: &Arc<Snapshot>| now.source.blocker.is_some();
    let held = watched.shows("something is held", is_blocked).await;
    let blocker = held.source.blocker.as_ref().unwrap();
    assert_eq!((blocker.pid, blocker.application.as_deref()), (Some(pid), Some("slow import")));
    assert_eq!((blocker.after_id, blocker.next_id), (Some(3), Some(5)));
    assert!(blocker.since < held.at && blocker.words.contains("2 committed events"), "{blocker:?}");
    assert!(blocker.fix.contains("end that transaction"), "{blocker:?}");
    assert_eq!((held.source.health, held.lanes[0].health), (Health::Held, Health::Held));
    assert_eq!((held.source.highest_id, held.source.decided_id), (Some(6), Some(3)));
    assert!(lag(&held.lanes[0]) > 0.0);
    writer.batch_execute("rollback").await.unwrap();
    let free = watched.is_level(0, 6).await;
    assert!(free.source.blocker.is_none() && free.source.health == Health::Reachable);
    watched.running.stop().await;
}

#[tokio::test]
async fn a_run_tells_what_its_checks_found_what_it_aims_at_and_that_it_has_ended() {
    let (source, copy) = pair().await;
    insert(&source, 7).await;
    let mut watched = Watched::start(&config(&source, &[("copy", &copy)]), true);
    let end = watched.shows("it has ended", |now| now.run.has_ended).await;
    assert!(watched.running.ends().await.is_empty());
    assert_eq!((end.run.target_id, end.run.is_until_caught_up), (Some(7), true));
    assert!(end.run.elapsed_seconds > 0.0 && end.run.started_at < end.at);
    let checks = end.source.checks.as_ref().unwrap();
    assert!(checks.ids.starts_with("sequence: ") && !checks.wakeup.is_empty(), "{checks:?}");
    let lane = &end.lanes[0];
    assert_eq!((&*lane.name, lane.events, lane.position), ("copy", 7, Some(7)));
    assert!(lane.bytes > 0 && lane.last_commit_at >= Some(end.run.started_at), "{lane:?}");
    let checks = lane.checks.as_ref().unwrap();
    assert!(checks.was_counted);
    assert_eq!(
        (checks.events, checks.first_id, checks.last_id, checks.format),
        (Some(0), None, None, "binary")
    );
    let json = serde_json::to_value(&*end).unwrap();
    assert_eq!(json["lanes"][0]["pace"], "together");
    assert_eq!(json["source"]["health"], "reachable");
}

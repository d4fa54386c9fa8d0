//! The rules of truth: each has a test here or beside the words that it is about.

use super::{console, opened, pair};
use crate::harness::{
    fresh_database, fresh_database_on, fresh_destination, own_destination_server, own_server,
};
use crate::support::events::{arrives, init_destination, init_source, insert};
use crate::support::replicator::Setup;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use serde_json::Value;

fn lag(destination: &Value) -> f64 {
    destination["lag_seconds"].as_f64().unwrap()
}

#[tokio::test]
async fn what_cannot_be_asked_keeps_its_last_value_with_its_age_and_its_lag_grows() {
    let source = fresh_database().await;
    let copy = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 5).await;
    let setup =
        Setup::from(&source).to("copy", &copy).key("retry_wait_max_ms = 500").process(&console(""));
    let (replicator, site) = opened(&setup, &[]).await;
    let level = site.is("following").await;
    assert_eq!(level["destinations"][0]["position"], 5);
    assert_eq!(
        (lag(&level["destinations"][0]), &level["destinations"][0]["events_behind_max"]),
        (0.0, &0.into())
    );
    copy.server.aside(PrivateServer::kill_nine).await.unwrap();
    insert(&source, 3).await;
    let away = site.is("waiting").await;
    let away_for = |now: &Value| lag(&now["destinations"][0]);
    let first = away_for(&away);
    let later = site.shows("its lag grows", |now| away_for(now) >= first + 2.0).await;
    let lane = &later["destinations"][0];
    assert_eq!((&lane["position"], &lane["events_behind_max"]), (&5.into(), &3.into()), "{lane}");
    assert!(!lane["outage"]["what"].as_str().unwrap().is_empty(), "{lane}");
    let page = site.page_shows("copy is away").await;
    assert!(
        page.contains("position 5, ") && page.contains(" s ago"),
        "the age of the position: {page}"
    );
    assert!(page.contains("<title>✕ 1 of 1 away · counterfoil · Counterfoil</title>"), "{page}");
    for part in ["<dt>where</dt>", "<dt>why</dt>", "<dt>state</dt>", "<dt>what to do</dt>"] {
        assert!(page.contains(part), "the note lacks {part}: {page}");
    }
    copy.server.aside(PrivateServer::start).await.unwrap();
    let back = site.is("following").await;
    assert_eq!(back["destinations"][0]["outage"], Value::Null);
    assert_eq!(back["destinations"][0]["position"], 8);
    replicator.stops().await;
}

#[tokio::test]
async fn a_source_that_is_away_is_the_headline_and_nothing_of_it_is_told_as_zero() {
    let source = fresh_database_on(&own_server(&ServerSettings::new())).await;
    let copy = fresh_destination().await;
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 5).await;
    let setup =
        Setup::from(&source).to("copy", &copy).key("retry_wait_max_ms = 500").process(&console(""));
    let (replicator, site) = opened(&setup, &[]).await;
    site.is("following").await;
    source.server.aside(PrivateServer::kill_nine).await.unwrap();
    let away = site.shows("the source is away", |now| now["source"]["health"] == "waiting").await;
    assert_eq!(away["source"]["highest_id"], 5, "the newest id that was seen stays");
    let page = site.page_shows("The source is away").await;
    assert!(page.contains("not known<span>ids written"), "its rate is not known: {page}");
    let lags =
        |now: &Value| now["destinations"][0]["lag_seconds"].as_f64().is_some_and(|lag| lag > 1.0);
    site.shows("the lag grows while the source is away", lags).await;
    source.server.aside(PrivateServer::start).await.unwrap();
    site.is("following").await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_position_never_stands_above_the_newest_event_and_a_lane_that_keeps_up_does_not_flicker()
{
    let (source, copy) = pair(5).await;
    let (replicator, site) =
        opened(&Setup::from(&source).to("copy", &copy).process(&console("behind_ms = 60000")), &[])
            .await;
    site.is("following").await;
    for round in 1..=60 {
        insert(&source, 1 + round % 7).await;
        let now = site.get("/status.json").await.json();
        let (source, lane) =
            (&now["replications"][0]["source"], &now["replications"][0]["destinations"][0]);
        assert!(source["highest_id"].as_i64() >= lane["position"].as_i64(), "{now}");
        assert!(source["highest_id"].as_i64() >= source["settled_id"].as_i64(), "{now}");
        assert_eq!(lane["state"], "following", "{now}");
    }
    arrives(&copy, 5).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_transaction_that_holds_the_mark_is_named_with_what_it_holds_back_and_what_ends_it() {
    let (source, copy) = pair(3).await;
    let (replicator, site) = opened(
        &Setup::from(&source).to("copy", &copy).process(&console("ready_hold_ms = 1500")),
        &[],
    )
    .await;
    site.is("following").await;
    let writer = source.client().await;
    let begin = "set application_name = 'slow <import>'; begin; select nextval('events_id_seq')";
    writer.batch_execute(begin).await.unwrap();
    let pid: i32 = writer.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    insert(&source, 2).await;
    let held = site.is("held").await;
    assert_eq!(held["source"]["blocker"]["pid"], pid);
    let page = site.page_shows("Waiting for a transaction at the source").await;
    assert!(page.contains("copy waits for a transaction at the source"), "{page}");
    assert!(page.contains(&format!("process {pid}, application slow &#60;import&#62;")), "{page}");
    assert!(!page.contains("<import>"), "a name was not escaped: {page}");
    crate::support::until("it is not ready", async || site.get("/readyz").await.status == 503)
        .await;
    let unready = site.get("/readyz").await;
    assert!(
        unready.body.contains("a transaction at the source has held events back for"),
        "{unready:?}"
    );
    writer.batch_execute("rollback").await.unwrap();
    site.is("following").await;
    assert_eq!(site.get("/readyz").await.status, 200);
    replicator.stops().await;
}

#[tokio::test]
async fn a_source_that_nobody_asks_while_a_batch_takes_its_time_is_not_called_silent() {
    let (source, copy) = pair(3).await;
    let (replicator, site) =
        opened(&Setup::from(&source).to("copy", &copy).process(&console("")), &[]).await;
    site.is("following").await;
    let other = copy.client().await;
    other.batch_execute("begin; lock table events in share mode").await.unwrap();
    insert(&source, 40).await;
    let lags = |now: &Value| lag(&now["destinations"][0]) > 6.0;
    let late = site.shows("the batch takes its time", lags).await;
    assert_eq!(late["destinations"][0]["state"], "copying", "{late}");
    let page = site.page_shows("copy is catching up").await;
    assert!(!page.contains("The source does not answer"), "{page}");
    other.batch_execute("rollback").await.unwrap();
    site.is("following").await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_source_that_is_frozen_while_it_is_asked_is_called_silent() {
    let server = own_server(&ServerSettings::new());
    let source = fresh_database_on(&server).await;
    let copy = fresh_destination().await;
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 3).await;
    let (replicator, site) =
        opened(&Setup::from(&source).to("copy", &copy).process(&console("")), &[]).await;
    site.is("following").await;
    server.freeze();
    site.is("waiting").await;
    site.page_shows("The source does not answer").await;
    server.thaw();
    site.is("following").await;
    replicator.stops().await;
}

#[tokio::test]
async fn what_was_not_compared_is_not_called_equal() {
    let (source, copy) = pair(3).await;
    let (replicator, site) =
        opened(&Setup::from(&source).to("copy", &copy).process(&console("")), &[]).await;
    let page = site.page_shows("Every destination follows the source").await;
    assert!(page.contains("the rows are not compared one by one"), "{page}");
    assert!(page.contains("<dd>not verified</dd>"), "{page}");
    assert!(!page.contains("without a difference"), "{page}");
    replicator.stops().await;
}

#[tokio::test]
async fn what_is_verified_is_told_with_its_id_and_a_difference_is_red_everywhere() {
    let (source, copy) = pair(30).await;
    let verify = console("") + "\n[verify]\nevery = \"1s\"\nrows_per_second = 100000\n";
    let setup = Setup::from(&source).to("copy", &copy).process(&verify);
    let (replicator, site) = opened(&setup, &[]).await;
    let through = |now: &Value| now["destinations"][0]["verified_through"] == 30;
    site.shows("it is verified through 30", through).await;
    let page = site.page_shows("Verified through id 30, row by row, without a difference").await;
    assert!(page.contains("<dt>Differences ever found</dt><dd>0</dd>"), "{page}");
    assert_eq!(site.get("/readyz").await.status, 200);
    copy.execute("alter table events disable trigger all; update events set event = '{\"n\": 0}' where id = 7").await;
    let differs = |now: &Value| now["destinations"][0]["differences"] == 1;
    let now = site.shows("a difference is found", differs).await;
    assert_eq!(now["destinations"][0]["verified_through"], 6, "{now}");
    let page = site.page_shows("copy is not equal to the source").await;
    assert!(page.contains("changed: id 7") && page.contains("events-diff --config"), "{page}");
    assert!(page.contains("<title>✕ copy differs"), "{page}");
    assert!(!page.contains("without a difference"), "{page}");
    let unready = site.get("/readyz").await;
    assert!(unready.status == 503 && unready.body.contains("rows differ"), "{unready:?}");
    let original = source.query("select event::text from events where id = 7").await;
    copy.execute(&format!("update events set event = '{}' where id = 7", original[0])).await;
    site.shows("it is equal again", through).await;
    let page = site.page_shows("without a difference").await;
    assert!(page.contains("<dt>Differences ever found</dt><dd>1</dd>"), "it forgot: {page}");
    replicator.stops().await;
}

#[tokio::test]
async fn several_replications_have_one_overview_with_the_worst_first_and_a_page_each() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    let other = fresh_database().await;
    for database in [&source, &other] {
        init_source(database).await;
    }
    init_destination(&copy).await;
    insert(&source, 3).await;
    let well = Setup::from(&source).to("copy", &copy);
    let ill = Setup::from(&other).and_url("lost", "postgres://nobody@127.0.0.1:1/x");
    let mut replicator = crate::support::replicator::start_folder(
        &[("a well", &well), ("z ill", &ill)],
        &["--console", "127.0.0.1:0"],
    );
    let site = super::Site::of(&mut replicator).await;
    let page = site.page_shows("lost is away").await;
    let (worst, best) = (page.find("z ill").unwrap(), page.find("a well").unwrap());
    assert!(worst < best, "the worst is not first: {page}");
    assert!(page.contains("<title>✕ 1 of 2 replications · Counterfoil</title>"), "{page}");
    let one = site.get("/replications/a%20well").await;
    assert!(one.status == 200 && one.body.contains("All replications"), "{one:?}");
    assert_eq!(site.get("/replications/nobody").await.status, 404);
    let mut live = site.live("a%20well").await;
    live.tells("event: title").await;
    live.tells("id=\\\"flow\\\"").await;
    replicator.signal(rustix::process::Signal::TERM);
    replicator.ends().await;
}

#[tokio::test]
async fn before_the_first_contact_nothing_is_told_of_what_either_side_holds() {
    let copy = fresh_destination().await;
    init_destination(&copy).await;
    let setup = Setup::from_url("postgres://nobody@127.0.0.1:1/x")
        .to("copy", &copy)
        .key("retry_for_ms = 3000")
        .process(&console(""));
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    let flags = ["--until-caught-up", "--report", report.to_str().unwrap()];
    let (mut replicator, site) = opened(&setup, &flags).await;
    let page = site.page_shows("The source is away").await;
    let now = site.get("/status.json").await.json();
    assert_eq!(now["replications"][0]["source"]["ids_per_second"], Value::Null, "{now}");
    replicator.signal(rustix::process::Signal::TERM);
    assert_eq!(replicator.ends().await.code, Some(8));
    let report = std::fs::read_to_string(report).unwrap();
    for text in [&page, &report] {
        assert!(text.contains("what copy holds is not known"), "{text}");
        assert!(text.contains("position not known"), "{text}");
        for all in ["100.0%", "100.0 %", "100.0 per cent"] {
            assert!(!text.contains(all), "all of what is not known: {text}");
        }
        assert!(!text.contains("position none"), "{text}");
    }
    assert!(report.contains("not tried again, the run has ended"), "{report}");
}

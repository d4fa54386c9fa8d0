//! A destination that is not a prefix of the source is refused with the highest id up to which both
//! agree.

use super::{EVENTS, HUNDRED, equal_pair, findings, open, refusal};
use crate::configured::config;
use crate::harness::{Database, fresh_destination};
use counterfoil::error::Error;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::table::store::PgTable;
use counterfoil::replicate::check::contents::last_event;
use counterfoil::replicate::check::lane_stores::LaneStores;

async fn disagreement(change_source: &str, change_destination: &str) -> Error {
    let (source, destination) = equal_pair().await;
    source.execute(change_source).await;
    destination.execute(change_destination).await;
    let (code, problem) = refusal(&config(&source, &[("copy", &destination)])).await;
    assert_eq!(code, 4, "{problem}");
    problem
}

fn says(problem: &Error, what: &str, agreed: &str, remedy: &str) {
    assert_eq!(problem.what(), what);
    assert_eq!(problem.causes().iter().filter(|cause| *cause == agreed).count(), 1, "{problem:?}");
    assert!(problem.remedy().unwrap().contains(remedy), "{problem:?}");
}

#[tokio::test]
async fn a_destination_ahead_of_its_source() {
    let problem = disagreement("delete from events where id > 80", "").await;
    says(
        &problem,
        "destination \"copy\" is ahead of the source by 20 events",
        "both agree up to id 80",
        "counterfoil repair --config … --destination copy --rewind-to 80 ",
    );
    assert!(problem.remedy().unwrap().contains(
        "if the source lost events, counterfoil restore --config … --from copy brings these 20 back"
    ));
}

#[tokio::test]
async fn a_source_that_is_empty_while_its_destination_is_not() {
    let problem = disagreement("truncate events", "").await;
    says(
        &problem,
        "destination \"copy\" is ahead of the source by 100 events",
        "they agree on no event",
        "counterfoil restore --config … --from copy brings them back",
    );
}

#[tokio::test]
async fn another_first_event() {
    let problem = disagreement("", "update events set event = '{}' where id = 1").await;
    says(
        &problem,
        "destination \"copy\" does not begin as the source does",
        "they agree on no event",
        "name the right table",
    );
    assert!(problem.causes().contains(&"it differs in \"event\"".to_owned()), "{problem:?}");
}

#[tokio::test]
async fn a_destination_that_begins_later() {
    let problem = disagreement("", "delete from events where id < 5").await;
    says(
        &problem,
        "destination \"copy\" does not begin as the source does",
        "they agree on no event",
        "name the right table, or empty this one with counterfoil repair --config … --destination \
         copy --rewind-to 4 ",
    );
}

#[tokio::test]
async fn a_last_event_that_differs_by_a_microsecond() {
    let problem =
        disagreement("", "update events set ts = ts + interval '1 us' where id > 90").await;
    says(
        &problem,
        "destination \"copy\" holds another event 100 than the source",
        "both agree up to id 90",
        "counterfoil repair --config … --destination copy --rewind-to 90 ",
    );
    assert!(problem.causes().contains(&"it differs in \"ts\"".to_owned()), "{problem:?}");
}

#[tokio::test]
async fn a_last_event_the_source_does_not_have() {
    let change = "delete from events where id = 100; select setval('events_id_seq', 200);
        insert into events (id, ts, event) overriding system value values (200, now(), '{}')";
    let problem = disagreement(change, "").await;
    says(
        &problem,
        "destination \"copy\" holds another event 100 than the source",
        "both agree up to id 99",
        "counterfoil repair --config … --destination copy --rewind-to 99 ",
    );
}

#[tokio::test]
async fn a_hole_in_the_count() {
    let problem = disagreement("", "delete from events where id in (40, 41)").await;
    says(
        &problem,
        "destination \"copy\" does not hold as many events as the source",
        "both agree up to id 39",
        "counterfoil repair --config … --destination copy --insert-missing inserts",
    );
    assert!(
        problem.causes().contains(&"up to id 100 it has 98, the source 100".to_owned()),
        "{problem:?}"
    );
}

#[tokio::test]
async fn an_event_too_many() {
    let problem = disagreement("delete from events where id = 30", "").await;
    says(
        &problem,
        "destination \"copy\" does not hold as many events as the source",
        "both agree up to id 29",
        "counterfoil repair --config … --destination copy --rewind-to 29 ",
    );
}

#[tokio::test]
async fn an_altered_event_below_a_hole_ends_the_agreement() {
    let problem = disagreement(
        "",
        "delete from events where id = 70; update events set event = '{\"n\": 11.0}' where id = 11",
    )
    .await;
    says(
        &problem,
        "destination \"copy\" does not hold as many events as the source",
        "both agree up to id 10",
        "copied again",
    );
}

#[tokio::test]
async fn a_copy_by_slates_replicator_is_recognised() {
    let problem = disagreement(
        "update events set event = '{\"big\": 12345678901234567890, \"price\": 1.10}' where id = \
         100",
        "update events set ts = date_trunc('milliseconds', ts), event = case when id = 100 then \
         '{\"big\": 12345678901234567000, \"price\": 1.1}' else event end",
    )
    .await;
    says(
        &problem,
        "destination \"copy\" does not begin as the source does",
        "they agree on no event",
        "counterfoil repair --config … --destination copy --accept-slate brings",
    );
}

#[tokio::test]
async fn one_wrong_destination_does_not_hide_what_the_others_hold() {
    let (source, right) = equal_pair().await;
    let wrong = fresh_destination().await;
    wrong.execute(&format!("{EVENTS}; {HUNDRED}; delete from events where id = 3")).await;
    let found = findings(&config(&source, &[("wrong", &wrong), ("right", &right)])).await;
    assert!(
        found.is_refused()
            && !found.destinations[0].is_checked()
            && found.destinations[1].is_checked()
    );
}

#[tokio::test]
async fn an_event_of_ten_megabytes_and_nulls_and_bytes_are_compared() {
    let (source, destination) = equal_pair().await;
    let more = "alter table events add column bytes bytea, add column nothing text;
        insert into events (id, ts, event, bytes) overriding system value values (101, '2026-01-01', jsonb_build_object('big', repeat('x', 10000000)), repeat('y', 5000000)::bytea)";
    source.execute(&format!("{more}; select setval('events_id_seq', 101)")).await;
    destination.execute(more).await;
    let config = config(&source, &[("copy", &destination)]);
    assert!(findings(&config).await.problems.is_empty());
    destination.execute("update events set nothing = '' where id = 101").await;
    let (_, problem) = refusal(&config).await;
    assert!(problem.causes().contains(&"it differs in \"nothing\"".to_owned()), "{problem:?}");
    destination
        .execute("update events set nothing = null, bytes = bytes || '\\x00' where id = 101")
        .await;
    let (_, problem) = refusal(&config).await;
    assert!(problem.causes().contains(&"it differs in \"bytes\"".to_owned()), "{problem:?}");
    assert!(problem.causes().contains(&"both agree up to id 100".to_owned()), "{problem:?}");
}

async fn come_back(source: &Database, destination: &Database) -> Result<Option<i64>, Error> {
    let config = config(source, &[("copy", destination)]);
    let empty = fresh_destination().await;
    empty.execute(EVENTS).await;
    let shapes = findings(&configured_with(&config, &empty)).await;
    let of = shapes.source.unwrap();
    let wire = shapes.destinations[0].open.as_ref().unwrap().wire();
    let ours = open(&source.conninfo, ErrorSide::Source).await.unwrap();
    let theirs = open(&destination.conninfo, ErrorSide::Destination).await.unwrap();
    let events = &config.source.table;
    let lane = LaneStores {
        name: "copy",
        source: &PgTable::new(&ours, events, "id", wire),
        destination: &PgTable::new(&theirs, events, "id", wire),
    };
    last_event(of.compared(), &lane).await
}

fn configured_with(
    config: &counterfoil::config::ReplicationConfig,
    destination: &Database,
) -> counterfoil::config::ReplicationConfig {
    let mut config = config.clone();
    config.destinations[0].postgres_mut().unwrap().conninfo = destination.conninfo.clone();
    config
}

#[tokio::test]
async fn a_lane_that_comes_back_is_checked_by_its_last_event() {
    let (source, destination) = equal_pair().await;
    destination.execute("delete from events where id > 60").await;
    assert_eq!(come_back(&source, &destination).await.unwrap(), Some(60));
    destination.execute("update events set event = '{}' where id = 60").await;
    let error = come_back(&source, &destination).await.unwrap_err();
    says(
        &error,
        "destination \"copy\" holds another event 60 than the source",
        "both agree up to id 59",
        "counterfoil repair --config … --destination copy --rewind-to 59 ",
    );
    source.execute("delete from events where id > 30").await;
    let error = come_back(&source, &destination).await.unwrap_err();
    says(
        &error,
        "destination \"copy\" is ahead of the source by 30 events",
        "both agree up to id 30",
        "counterfoil repair --config … --destination copy --rewind-to 30 ",
    );
    destination.execute("truncate events").await;
    assert_eq!(come_back(&source, &destination).await.unwrap(), None);
}

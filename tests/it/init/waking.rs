//! The doorbell rings while the replicator sleeps and never else; slate's notification names table
//! and id.

use super::{consecutive_source, events, init, session};
use crate::harness::fresh_database;
use counterfoil::postgres::session::Session;
use counterfoil::source::setup::{IdsOption, NotifyOption, SourceSetup};
use counterfoil::sql::LOCK_DOORBELL;

#[tokio::test]
async fn the_doorbell_is_silent_while_nobody_sleeps_and_rings_once_for_a_transaction_while_somebody_does()
 {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    let mut sleeper = session(&database).await;
    sleeper.batch_execute("listen counterfoil").await.unwrap();
    let insert = "begin; select insert_events(array['1','2']::jsonb[]); select \
                  insert_events(array['3']::jsonb[]); commit";
    database.execute(insert).await;
    assert_eq!(rung(&mut sleeper).await, 0);
    arm(&sleeper).await;
    database.execute(insert).await;
    assert_eq!(rung(&mut sleeper).await, 1);
    database.execute("begin; select insert_events(array['4']::jsonb[]); rollback").await;
    assert_eq!(rung(&mut sleeper).await, 0);
    sleeper
        .batch_execute(&format!(
            "select pg_advisory_unlock({LOCK_DOORBELL}, 'public.events'::regclass::oid::int4)"
        ))
        .await
        .unwrap();
    database.execute(insert).await;
    assert_eq!(rung(&mut sleeper).await, 0);
}

#[tokio::test]
async fn the_doorbell_rings_for_copies_for_replicated_rows_and_after_a_rename() {
    let database = fresh_database().await;
    init(&database, &SourceSetup::new(events(), IdsOption::Sequence, Some(NotifyOption::Doorbell)))
        .await
        .unwrap();
    let mut sleeper = session(&database).await;
    sleeper.batch_execute("listen counterfoil").await.unwrap();
    arm(&sleeper).await;
    for insert in [
        "copy events (event) from program 'echo 1'",
        "set session_replication_role = replica; insert into events (event) values ('2')",
        "alter table events rename to renamed; insert into renamed (event) values ('3')",
    ] {
        database.execute(insert).await;
        assert_eq!(rung(&mut sleeper).await, 1, "{insert}");
    }
}

#[tokio::test]
async fn a_writer_holds_the_doorbell_to_its_end_so_nobody_falls_asleep_over_it() {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    let writer = database.client().await;
    writer.batch_execute("begin; select insert_events(array['1']::jsonb[])").await.unwrap();
    let fall_asleep = format!(
        "select pg_try_advisory_lock({LOCK_DOORBELL}, 'public.events'::regclass::oid::int4)"
    );
    assert_eq!(database.query(&fall_asleep).await, ["f"]);
    writer.batch_execute("commit").await.unwrap();
    assert_eq!(database.query(&fall_asleep).await, ["t"]);
}

#[tokio::test]
async fn an_event_of_50_mb_can_be_inserted_while_the_replicator_sleeps() {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    let mut sleeper = session(&database).await;
    sleeper.batch_execute("listen counterfoil").await.unwrap();
    arm(&sleeper).await;
    database
        .execute(
            "select insert_events(array[jsonb_build_object('large', repeat('x', 50 * 1024 * \
             1024))])",
        )
        .await;
    assert_eq!(rung(&mut sleeper).await, 1);
    assert_eq!(database.query("select length(event ->> 'large') from events").await, ["52428800"]);
}

#[tokio::test]
async fn slates_notification_holds_table_and_id_so_large_events_fit() {
    let database = fresh_database().await;
    init(&database, &SourceSetup::new(events(), IdsOption::Consecutive, Some(NotifyOption::Slate)))
        .await
        .unwrap();
    let mut listener = session(&database).await;
    listener.batch_execute("listen eventsinsert").await.unwrap();
    database.execute("select insert_events(array[to_jsonb(repeat('x', 20000)), '2'])").await;
    listener.batch_execute("select 1").await.unwrap();
    let mut payloads = Vec::new();
    while let Ok(notification) = listener.notifications().try_recv() {
        payloads.push(notification.payload().to_owned());
    }
    assert_eq!(
        payloads,
        [r#"{"table" : "events", "id" : 1}"#, r#"{"table" : "events", "id" : 2}"#]
    );
}

async fn arm(sleeper: &Session) {
    let arm =
        format!("select pg_advisory_lock({LOCK_DOORBELL}, 'public.events'::regclass::oid::int4)");
    sleeper.batch_execute(&arm).await.unwrap();
}

/// How often it has rung by now: notifications of commits before a query arrive no later than its
/// answer does.
async fn rung(sleeper: &mut Session) -> usize {
    sleeper.batch_execute("select 1").await.unwrap();
    let mut count = 0;
    while let Ok(notification) = sleeper.notifications().try_recv() {
        assert_eq!((notification.channel(), notification.payload()), ("counterfoil", ""));
        count += 1;
    }
    count
}

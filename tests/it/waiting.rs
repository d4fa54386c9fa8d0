//! `counterfoil wait` ends with 0 when destinations hold everything up to an id, whoever feeds them;
//! with 8 and who lacks it when the time is over.

use crate::command::{counterfoil, told};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::status_command::{command, configuration, connection, pair};
use crate::support::events::{init_destination, init_source, insert};
use crate::support::replicator::Setup;
use crate::support::until;
use serde_json::Value;
use std::process::Stdio;
use tempfile::TempDir;

/// Runs it with one destination, "copy".
fn wait(
    source: &Database,
    destination: &Database,
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    command(&configuration(source, destination), &[&["wait"], arguments].concat())
}

#[tokio::test]
async fn a_destination_that_holds_everything_is_told_at_once() {
    let (source, destination) = pair(5).await;
    let (code, printed, complaint) = wait(&source, &destination, &[]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{printed}");
    assert_eq!(
        printed,
        "everything through id 5 is held by 1 of 1 destinations\ncopy: holds everything, position \
         5\n"
    );
    let (code, printed, _) = wait(&source, &destination, &["--json"]);
    let object: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, &object["is_held"], &object["through"]), (Some(0), &true.into(), &5.into()));
    let copy = &object["destinations"][0];
    assert_eq!((&copy["name"], &copy["is_held"]), (&"copy".into(), &true.into()));
    assert_eq!((&copy["position"], &copy["error"]), (&5.into(), &Value::Null));
}

#[tokio::test]
async fn one_that_lacks_events_is_named_when_the_time_is_over_and_the_exit_code_is_8() {
    let (source, destination) = pair(3).await;
    let (code, printed, _) = wait(&source, &destination, &["--timeout", "700ms"]);
    assert_eq!(code, Some(8), "{printed}");
    assert_eq!(
        printed,
        "everything through id 5 is held by 0 of 1 destinations: too few\ncopy: lacks events, \
         position 3\n"
    );
    let (code, printed, _) = wait(&source, &destination, &["--through", "3"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.starts_with("everything through id 3 is held by 1 of 1"), "{printed}");
    let (code, printed, _) =
        wait(&source, &destination, &["--through", "9", "--timeout", "500ms", "--json"]);
    let object: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, &object["is_held"]), (Some(8), &false.into()), "{printed}");
    assert_eq!((&object["is_decided"], &object["through"]), (&false.into(), &9.into()));
}

#[tokio::test]
async fn events_that_are_missing_below_end_it_at_once_with_4_and_what_to_do() {
    let (source, destination) = pair(5).await;
    destination.execute("delete from events where id = 2").await;
    let (code, printed, _) = wait(&source, &destination, &["--timeout", "1h"]);
    assert_eq!(code, Some(4), "{printed}");
    assert!(printed.contains("copy: is refused, position 5"), "{printed}");
    assert!(printed.contains("does not hold as many events as the source"), "{printed}");
    assert!(printed.contains("copy: fix: counterfoil repair"), "{printed}");
}

#[tokio::test]
async fn an_open_transaction_that_may_still_insert_below_keeps_it_from_being_proved() {
    let (source, destination) = pair(5).await;
    let writer = source.client().await;
    let insert = "insert into events (ts, event) values ('2026-01-01', '{}')";
    writer.batch_execute(&format!("begin; {insert}")).await.unwrap();
    source.execute(insert).await;
    destination.execute("insert into events values (7, '2026-01-01', '{}')").await;
    let (code, printed, _) = wait(&source, &destination, &["--timeout", "700ms"]);
    assert_eq!(code, Some(8), "{printed}");
    assert!(printed.contains("may still insert at or below it"), "{printed}");
    assert!(printed.contains("copy: cannot be told yet, position 7"), "{printed}");
    writer.batch_execute("rollback").await.unwrap();
    assert_eq!(wait(&source, &destination, &[]).0, Some(0));
    writer.batch_execute(&format!("begin; {insert}")).await.unwrap();
    source.execute(insert).await;
    destination.execute("insert into events values (9, '2026-01-01', '{}')").await;
    writer.batch_execute("commit").await.unwrap();
    assert_eq!(wait(&source, &destination, &[]).0, Some(4), "8 is missing");
}

#[tokio::test]
async fn some_of_several_destinations_can_be_enough() {
    let (source, behind) = pair(3).await;
    let (_, level) = pair(5).await;
    let both = format!(
        "{}[[destinations]]\nname = \"level\"\n{}",
        configuration(&source, &behind),
        connection(&level)
    );
    let wait = |arguments: &[&str]| command(&both, &[&["wait"], arguments].concat());
    let (code, printed, _) = wait(&["--any", "1"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("is held by 1 of 2 destinations\n"), "{printed}");
    let (code, printed, _) = wait(&["--timeout", "500ms"]);
    assert_eq!(code, Some(8));
    assert!(printed.contains("copy: lacks events, position 3"), "{printed}");
    assert!(printed.contains("level: holds everything, position 5"), "{printed}");
    assert_eq!(wait(&["--destination", "level"]).0, Some(0));
    let (code, _, complaint) = wait(&["--any", "3"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("--any 3 can never be"), "{complaint}");
}

#[tokio::test]
async fn a_source_that_cannot_be_asked_is_told_and_the_exit_code_is_8() {
    let (source, destination) = pair(5).await;
    let gone = configuration(&source, &destination).replacen("port = ", "port = 1 # ", 1);
    let (code, printed, _) = command(&gone, &["wait", "--timeout", "500ms"]);
    assert_eq!(code, Some(8), "{printed}");
    assert!(printed.contains("the source cannot be asked: "), "{printed}");
    assert!(printed.contains("everything is held by 0 of 1 destinations: too few"), "{printed}");
}

#[tokio::test]
async fn it_takes_nothing_from_a_replicator_that_starts_meanwhile_and_ends_when_that_has_copied() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 100).await;
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("counterfoil.toml");
    std::fs::write(&config, configuration(&source, &destination)).unwrap();
    let waiting = counterfoil(&["wait", "--config", config.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let looks = "select count(*) from pg_stat_activity where datname = current_database() and \
                 application_name = 'counterfoil/wait'";
    until("it looks", async || destination.query(looks).await == ["1"]).await;
    assert_eq!(source.query(looks).await, ["1"]);
    let replicator = Setup::from(&source).to("copy", &destination).start(&[]);
    let ended = tokio::task::spawn_blocking(move || waiting.wait_with_output().unwrap());
    let (code, printed, complaint) = told(&ended.await.unwrap());
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{printed}");
    assert!(printed.contains("everything through id 100 is held by 1 of 1"), "{printed}");
    replicator.stops().await;
}

//! What a reload makes of replications that have changed, are ending, or have ended with a failure.

use crate::edges::{between, pair};
use crate::harness::{Database, fresh_destination};
use crate::support::events::{arrives, equal, init_destination, insert};
use crate::support::replicator::{Replicator, Setup, start_folder};
use crate::support::{terminate, until};
use crate::truth::running::until_waiting;
use rustix::process::Signal;
use tokio_postgres::Client;

/// Writes the file of a replication, or removes it, and has all files read again: the reload of
/// this number.
async fn reload(replicator: &mut Replicator, name: &str, setup: Option<&Setup>, number: usize) {
    let file = replicator.folder().join(format!("{name}.toml"));
    match setup {
        Some(setup) => std::fs::write(file, setup.text()).unwrap(),
        None => std::fs::remove_file(file).unwrap(),
    }
    replicator.signal(Signal::HUP);
    until("it was reloaded", async || {
        replicator.lines(&["the configuration was reloaded"]) == number
    })
    .await;
}

/// An event that cannot be appended to the copy while the session that is given lives.
async fn held_up(source: &Database, copy: &Database) -> Client {
    let locker = copy.client().await;
    locker.batch_execute("begin; lock table events in share mode").await.unwrap();
    insert(source, 1).await;
    until_waiting(copy, "counterfoil/append").await;
    locker
}

const SEVEN: &[&str] = &["replication started", "\"max_events_per_write\":7,"];

#[tokio::test]
async fn a_file_that_is_changed_back_restarts_its_replication_as_it_was_at_first() {
    let (source, copy) = pair().await;
    let first = between(&source, &copy);
    let mut replicator = start_folder(&[("one", &first)], &[]);
    replicator.says(&["replication started"]).await;
    let seven = first.clone().key("max_events_per_write = 7");
    reload(&mut replicator, "one", Some(&seven), 1).await;
    replicator.says(SEVEN).await;
    reload(&mut replicator, "one", Some(&first), 2).await;
    let restarts = ["the configuration was reloaded", "\"restarted\":1"];
    assert_eq!(replicator.lines(&restarts), 2, "{}", replicator.log());
    until("it is started for the third time", async || {
        replicator.lines(&["replication started"]) == 3
    })
    .await;
    assert_eq!(replicator.lines(SEVEN), 1, "{}", replicator.log());
}

#[tokio::test]
async fn a_file_that_is_changed_back_before_its_replication_has_ended_is_followed_as_it_is_then() {
    let (source, copy) = pair().await;
    let first = between(&source, &copy);
    let mut replicator = start_folder(&[("one", &first)], &[]);
    insert(&source, 5).await;
    arrives(&copy, 5).await;
    let locker = held_up(&source, &copy).await;
    let seven = first.clone().key("max_events_per_write = 7");
    reload(&mut replicator, "one", Some(&seven), 1).await;
    reload(&mut replicator, "one", Some(&first), 2).await;
    drop(locker);
    until("it is started again", async || replicator.lines(&["replication started"]) == 2).await;
    assert_eq!(replicator.lines(SEVEN), 0, "{}", replicator.log());
    insert(&source, 5).await;
    equal(&source, &copy).await;
}

#[tokio::test]
async fn a_failure_of_a_replication_whose_file_is_gone_is_no_failure_of_the_process() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    other_copy.execute("drop table events").await;
    let (sound, broken) = (between(&source, &copy), between(&other_source, &other_copy));
    let mut replicator = start_folder(&[("sound", &sound), ("broken", &broken)], &[]);
    replicator.says(&["a replication has ended", "\"replication\":\"broken\""]).await;
    reload(&mut replicator, "broken", None, 1).await;
    assert_eq!(replicator.stops().await.report, "");
}

#[tokio::test]
async fn a_destination_that_had_stopped_is_no_failure_of_the_process_once_its_file_is_gone() {
    let ((source, copy), (other_source, refuses)) = (pair().await, pair().await);
    let takes = fresh_destination().await;
    init_destination(&takes).await;
    refuses.execute("alter table events add check (id < 3)").await;
    let half = between(&other_source, &refuses).to("takes", &takes);
    let mut replicator = start_folder(&[("sound", &between(&source, &copy)), ("half", &half)], &[]);
    insert(&other_source, 3).await;
    replicator.says(&["the destination stopped for good", "\"replication\":\"half\""]).await;
    reload(&mut replicator, "half", None, 1).await;
    replicator.says(&["a replication has ended", "\"replication\":\"half\""]).await;
    assert_eq!(replicator.stops().await.report, "");
}

#[tokio::test]
async fn with_fail_fast_a_replication_that_fails_while_a_reload_ends_it_ends_no_other() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    let (stays, goes) = (between(&source, &copy), between(&other_source, &other_copy));
    let mut replicator = start_folder(&[("stays", &stays), ("goes", &goes)], &["--fail-fast"]);
    for (source, copy) in [(&source, &copy), (&other_source, &other_copy)] {
        insert(source, 5).await;
        arrives(copy, 5).await;
    }
    let _locker = held_up(&other_source, &other_copy).await;
    reload(&mut replicator, "goes", None, 1).await;
    terminate(&other_copy, "append").await;
    replicator.says(&["a replication has ended", "\"replication\":\"goes\""]).await;
    insert(&source, 5).await;
    equal(&source, &copy).await;
    assert_eq!(replicator.stops().await.report, "");
}

#[tokio::test]
async fn a_replication_that_had_failed_is_started_with_what_its_file_says_now() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    let nowhere = fresh_destination().await;
    let (sound, broken) = (between(&source, &copy), between(&other_source, &nowhere));
    let mut replicator = start_folder(&[("sound", &sound), ("broken", &broken)], &[]);
    replicator.says(&["a replication has ended", "\"replication\":\"broken\""]).await;
    insert(&other_source, 5).await;
    reload(&mut replicator, "broken", Some(&between(&other_source, &other_copy)), 1).await;
    equal(&other_source, &other_copy).await;
    assert_eq!(replicator.stops().await.report, "");
}

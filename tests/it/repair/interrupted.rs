//! A repair that is killed or stopped leaves whole batches, and another one does the rest.

use super::replacing::on_purpose;
use super::{KINDS, pair, prepared, prepared_to_wait, repair, succeeds};
use crate::harness::Database;
use crate::support::events::digest;
use crate::support::{lock_out, until};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// Waits until the repair waits for a lock of somebody else.
async fn waits(destination: &Database) {
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and \
                   application_name = 'counterfoil/repair' and wait_event_type = 'Lock'";
    until("the repair waits", async || destination.query(waiting).await == ["1"]).await;
}

/// Starts a repair that comes to a halt in its third batch, because of what somebody has open
/// there.
async fn halted(
    source: &Database,
    destination: &Database,
    how: &[&str],
    blocking: &str,
) -> (Child, tokio_postgres::Client, TempDir) {
    let somebody = destination.client().await;
    somebody.batch_execute(&format!("begin; {blocking}")).await.unwrap();
    let dir = TempDir::new().unwrap();
    let mut command = prepared(&dir, source, destination, how);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    waits(destination).await;
    (child, somebody, dir)
}

/// No session of a repair is left.
async fn is_gone(destination: &Database) {
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and \
                    application_name = 'counterfoil/repair'";
    until("its sessions are gone", async || destination.query(sessions).await == ["0"]).await;
}

#[tokio::test]
async fn missing_events_of_whole_batches_are_there_after_a_kill() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute("delete from events where id between 21 and 60").await;
    let how = ["--insert-missing", "--yes"];
    // An event that is on its way under an id of the third batch of seven.
    let (mut child, somebody, _dir) =
        halted(&source, &destination, &how, "insert into events values (36, now(), '{}')").await;
    child.kill().unwrap();
    child.wait().unwrap();
    somebody.batch_execute("rollback").await.unwrap();
    is_gone(&destination).await;
    assert_eq!(
        destination.query("select count(*), max(id) from events where id between 21 and 60").await,
        ["14|34"]
    );
    let printed = succeeds(&source, &destination, &how).await;
    assert!(printed.contains("26 events were written"), "{printed}");
}

#[tokio::test]
async fn a_tail_is_shorter_by_whole_batches_after_a_kill() {
    let (source, destination) = pair(KINDS[0]).await;
    let how = ["--rewind-to", "60", "--yes"];
    let (mut child, somebody, _dir) =
        halted(&source, &destination, &how, "select from events where id = 85 for update").await;
    child.kill().unwrap();
    child.wait().unwrap();
    somebody.batch_execute("rollback").await.unwrap();
    is_gone(&destination).await;
    assert_eq!(destination.query("select count(*), max(id) from events").await, ["86|86"]);
    let printed = succeeds(&source, &destination, &how).await;
    assert!(printed.contains("26 events were deleted"), "{printed}");
}

#[tokio::test]
async fn what_slate_altered_is_replaced_in_whole_batches_after_a_kill() {
    let (source, destination) = pair(KINDS[1]).await;
    let altered = "select count(*), min(id) from events where ts = date_trunc('milliseconds', ts)";
    destination.execute("update events set ts = date_trunc('milliseconds', ts)").await;
    let how = ["--accept-slate", "--yes"];
    let (mut child, somebody, _dir) =
        halted(&source, &destination, &how, "select from events where id = 17 for update").await;
    child.kill().unwrap();
    child.wait().unwrap();
    somebody.batch_execute("rollback").await.unwrap();
    is_gone(&destination).await;
    assert_eq!(destination.query(altered).await, ["86|15"]);
    assert_eq!(destination.query("select count(*) from events").await, ["100"]);
    let printed = succeeds(&source, &destination, &how).await;
    assert!(printed.contains("86 events were written"), "{printed}");
}

/// A destination in which the events 5, 17 and 30 are not the source's, and what it holds.
async fn outdated() -> (Database, Database, String) {
    let (source, destination) = pair(KINDS[0]).await;
    let correct = "update events set event = '{\"is\": \"corrected\"}' where id in (5, 17, 30)";
    on_purpose(&source, correct).await;
    let before = digest(&destination, i64::MAX).await;
    (source, destination, before)
}

/// Puts a halt between the rows that were taken out and the last ones that are put in.
const HALTS: &str = "create function halts() returns trigger language plpgsql as 'begin perform \
                     pg_advisory_xact_lock(4711); return new; end'; create trigger halts before \
                     insert on events for each row when (new.id = 17) execute function halts()";

const REPLACE: [&str; 3] = ["--replace", "5,17,30", "--yes"];

#[tokio::test]
async fn named_events_are_all_old_after_a_kill_between_the_first_and_the_last() {
    let locks =
        ["select from events where id = 17 for update", "select pg_advisory_xact_lock(4711)"];
    for lock in locks {
        let (source, destination, before) = outdated().await;
        destination.execute(HALTS).await;
        let (mut child, somebody, _dir) = halted(&source, &destination, &REPLACE, lock).await;
        child.kill().unwrap();
        child.wait().unwrap();
        somebody.batch_execute("rollback").await.unwrap();
        is_gone(&destination).await;
        assert_eq!(digest(&destination, i64::MAX).await, before, "{lock}");
        let printed = succeeds(&source, &destination, &REPLACE).await;
        assert!(printed.contains("3 events were replaced or removed"), "{printed}");
    }
}

#[tokio::test]
async fn named_events_are_all_new_after_a_signal_that_lets_the_transaction_end() {
    let (source, destination, before) = outdated().await;
    destination.execute(HALTS).await;
    let lock = "select pg_advisory_xact_lock(4711)";
    let (child, somebody, _dir) = halted(&source, &destination, &REPLACE, lock).await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    somebody.batch_execute("rollback").await.unwrap();
    let (code, printed, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert!(printed.contains("id 30 was replaced"), "{printed}");
    let after = digest(&destination, i64::MAX).await;
    assert!(after != before && after == digest(&source, i64::MAX).await, "{printed}{complaint}");
}

#[tokio::test]
async fn a_named_event_that_changes_at_either_side_after_the_plan_leaves_every_old_row() {
    let (source, destination, before) = outdated().await;
    let lock = "select from events where id = 17 for update";
    let (child, somebody, _dir) = halted(&source, &destination, &REPLACE, lock).await;
    on_purpose(&source, "update events set event = '{\"is\": \"newer\"}' where id = 5").await;
    somebody.batch_execute("rollback").await.unwrap();
    let (code, _, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{complaint}");
    assert!(
        complaint.contains("an event that was put in is not the source's")
            && complaint.contains("id 5")
            && complaint.contains("the source changed it meanwhile"),
        "{complaint}"
    );
    assert_eq!(digest(&destination, i64::MAX).await, before);
    let (child, somebody, _dir) = halted(&source, &destination, &REPLACE, lock).await;
    on_purpose(&source, "delete from events where id = 5").await;
    somebody.batch_execute("rollback").await.unwrap();
    let (code, _, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{complaint}");
    assert!(complaint.contains("the source inserted or deleted an event meanwhile"), "{complaint}");
    assert_eq!(digest(&destination, i64::MAX).await, before);
    let change = "update events set event = '{\"by\": \"hand\"}' where id = 17";
    let (child, somebody, _dir) = halted(&source, &destination, &REPLACE, change).await;
    somebody.batch_execute("commit").await.unwrap();
    let (code, _, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{complaint}");
    assert!(
        complaint.contains("was changed while it was to be replaced")
            && complaint.contains("id 17"),
        "{complaint}"
    );
    assert_eq!(
        destination.query("select event from events where id in (17) ").await,
        ["{\"by\": \"hand\"}"]
    );
    assert_eq!(destination.query("select count(*) from events where event ? 'is'").await, ["0"]);
    succeeds(&source, &destination, &REPLACE).await;
}

#[tokio::test]
async fn an_event_that_is_changed_while_it_is_to_be_replaced_is_not_lost() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute("update events set ts = date_trunc('milliseconds', ts)").await;
    let change = "update events set event = '{\"by\": \"hand\"}' where id = 17";
    let (child, somebody, _dir) =
        halted(&source, &destination, &["--accept-slate", "--yes"], change).await;
    somebody.batch_execute("commit").await.unwrap();
    let (code, _, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{complaint}");
    assert!(
        complaint.contains("was changed while it was to be replaced")
            && complaint.contains("id 17"),
        "{complaint}"
    );
    assert_eq!(
        destination.query("select event from events where id = 17").await,
        ["{\"by\": \"hand\"}"]
    );
    assert_eq!(
        destination
            .query("select count(*) from events where ts = date_trunc('milliseconds', ts)")
            .await,
        ["86"]
    );
}

#[tokio::test]
async fn a_signal_lets_the_batch_in_hand_end() {
    let (source, destination) = pair(KINDS[0]).await;
    let how = ["--rewind-to", "60", "--yes"];
    let (child, somebody, _dir) =
        halted(&source, &destination, &how, "select from events where id = 85 for update").await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    somebody.batch_execute("rollback").await.unwrap();
    let (code, printed, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{printed}{complaint}");
    let left: i64 = destination.query("select count(*) from events").await[0].parse().unwrap();
    assert!(left == 79 && printed.contains("stopped before the end"), "{left} {printed}");
    succeeds(&source, &destination, &how).await;
}

#[tokio::test]
async fn a_batch_that_cannot_end_in_time_is_rolled_back_after_a_signal() {
    let (source, destination) = pair(KINDS[0]).await;
    let how = ["--rewind-to", "60", "--yes"];
    // It is given up after shutdown_timeout_ms, five seconds, while somebody still has what it
    // waits for.
    let (child, somebody, _dir) =
        halted(&source, &destination, &how, "select from events where id = 85 for update").await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let (code, printed, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert!(
        printed.contains("14 events were deleted") && printed.contains("stopped before the end"),
        "{printed}"
    );
    somebody.batch_execute("rollback").await.unwrap();
    is_gone(&destination).await;
    assert_eq!(destination.query("select count(*), max(id) from events").await, ["86|86"]);
    succeeds(&source, &destination, &how).await;
}

#[tokio::test]
async fn what_somebody_has_locked_for_too_long_is_told_and_nothing_is_left_waiting() {
    let (source, destination) = pair(KINDS[0]).await;
    let somebody = destination.client().await;
    somebody.batch_execute("begin; select from events where id = 85 for update").await.unwrap();
    let dir = TempDir::new().unwrap();
    let mut command =
        prepared_to_wait(&dir, &source, &destination, &["--rewind-to", "60", "--yes"], 500);
    let (code, printed, complaint) = crate::command::told(&command.output().unwrap());
    assert_eq!(code, Some(8), "{printed}{complaint}");
    assert!(printed.contains("14 events were deleted"), "{printed}");
    assert!(
        complaint.contains("no answer for 500 ms")
            && complaint.contains("locked what is to be changed"),
        "{complaint}"
    );
    is_gone(&destination).await;
    assert_eq!(destination.query("select count(*), max(id) from events").await, ["86|86"]);
    somebody.batch_execute("rollback").await.unwrap();
}

#[tokio::test]
async fn a_signal_before_anything_is_written_changes_nothing() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute("delete from events where id = 5").await;
    let somebody = lock_out(&destination).await;
    let dir = TempDir::new().unwrap();
    let mut command = prepared(&dir, &source, &destination, &["--insert-missing", "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    waits(&destination).await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let (code, printed, complaint) = crate::command::told(&child.wait_with_output().unwrap());
    assert_eq!((code, printed.as_str()), (Some(0), "nothing was changed\n"), "{complaint}");
    somebody.batch_execute("rollback").await.unwrap();
    assert_eq!(destination.query("select count(*) from events").await, ["99"]);
}

#[tokio::test]
async fn a_connection_that_is_lost_in_a_commit_leaves_its_outcome_open_and_says_so() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute("delete from events where id between 21 and 40").await;
    destination
        .execute(
            "create function dies() returns trigger language plpgsql as 'begin perform \
             pg_terminate_backend(pg_backend_pid()); return null; end'; create constraint trigger \
             dies after insert on events deferrable initially deferred for each row when (new.id = \
             30) execute function dies()",
        )
        .await;
    let how = ["--insert-missing", "--yes"];
    let (code, printed, complaint) = repair(&source, &destination, &how);
    assert_eq!(code, Some(8), "{printed}{complaint}");
    assert!(printed.contains("7 events were written"), "{printed}");
    assert!(complaint.contains("it is not known whether this batch was committed"), "{complaint}");
    assert!(!complaint.contains("nothing of this batch was written"), "{complaint}");
    destination.execute("drop trigger dies on events").await;
    succeeds(&source, &destination, &how).await;
}

//! A restore that is killed, stopped or disturbed leaves whole batches, and another one does the
//! rest.

use super::{KINDS, destinations, insert, new_source, prepared, restore, state, triggers};
use crate::command::told;
use crate::harness::Database;
use crate::repair::AS_A_RESTORE;
use crate::support::events::digest;
use crate::support::replicator::url;
use crate::support::until;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Stdio};
use tempfile::TempDir;

const FROM_LONG: [&str; 3] = ["--from", "long", "--yes"];
/// Who holds this lets no restore beyond event 17, in the third batch of seven.
const HALT: &str = "select pg_advisory_lock(4711)";

/// Starts a restore and waits until it has come to a halt in its third batch.
async fn halted(
    source: &Database,
    long: &Database,
    short: &Database,
) -> (Child, tokio_postgres::Client, TempDir) {
    source
        .execute(
            "create function halts(id bigint) returns boolean language plpgsql as 'begin if id = \
             17 then perform pg_advisory_xact_lock_shared(4711); end if; return true; end'; alter \
             table events add constraint halts check (halts(id))",
        )
        .await;
    let somebody = source.client().await;
    somebody.batch_execute(HALT).await.unwrap();
    let dir = TempDir::new().unwrap();
    let (theirs, others) = (url(long), url(short));
    let mut command =
        prepared(&dir, &url(source), &[("long", &theirs), ("short", &others)], &FROM_LONG);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    waits(source, "counterfoil/restore", 1).await;
    (child, somebody, dir)
}

/// Lets the restore go on.
async fn let_go(somebody: &tokio_postgres::Client) {
    somebody.batch_execute("select pg_advisory_unlock_all()").await.unwrap();
}

async fn waits(source: &Database, application: &str, sessions: u32) {
    let waiting = format!(
        "select count(*) from pg_stat_activity where datname = current_database() and \
         application_name = '{application}' and wait_event_type = 'Lock'"
    );
    until("a session waits", async || source.query(&waiting).await == [sessions.to_string()]).await;
}

async fn is_gone(source: &Database) {
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and \
                    application_name = 'counterfoil/restore'";
    until("its sessions are gone", async || source.query(sessions).await == ["0"]).await;
}

/// What gives out the next id of this kind.
fn next_id(kind: &str) -> &'static str {
    match kind {
        "sequence" => "select last_value + 1 from events_id_seq",
        _ => "select id from id",
    }
}

#[tokio::test]
async fn after_a_kill_whole_batches_are_there_no_trigger_is_off_and_no_id_is_given_out_twice() {
    for kind in KINDS {
        let (source, (long, short)) = (new_source(kind).await, destinations().await);
        let before = triggers(&source).await;
        let (mut child, somebody, _dir) = halted(&source, &long, &short).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let_go(&somebody).await;
        is_gone(&source).await;
        assert_eq!(source.query("select count(*), max(id) from events").await, ["14|14"], "{kind}");
        assert_eq!(source.query(next_id(kind)).await, ["102"], "{kind}");
        assert_eq!(triggers(&source).await, before, "{kind}");
        let (code, printed, complaint) = restore(&source, &long, &short, &FROM_LONG);
        assert_eq!(code, Some(0), "{kind}: {printed}{complaint}");
        assert!(
            printed.contains("highest id 14") && printed.contains("87 events, ids 15..101"),
            "{printed}"
        );
        assert_eq!(digest(&source, i64::MAX).await, digest(&long, i64::MAX).await);
    }
}

#[tokio::test]
async fn a_signal_lets_the_batch_in_hand_end() {
    let (source, (long, short)) = (new_source("consecutive").await, destinations().await);
    let (child, somebody, _dir) = halted(&source, &long, &short).await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let_go(&somebody).await;
    let (code, printed, complaint) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert!(
        printed.contains("21 events were written") && printed.contains("run it again"),
        "{printed}"
    );
    assert_eq!(source.query("select count(*), max(id) from events").await, ["21|21"]);
    assert_eq!(restore(&source, &long, &short, &FROM_LONG).0, Some(0));
}

#[tokio::test]
async fn a_writer_that_comes_in_between_gets_an_id_of_its_own_and_ends_the_restore() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    let (child, somebody, _dir) = halted(&source, &long, &short).await;
    let writer = source.client().await;
    writer.batch_execute("set application_name = 'writer'").await.unwrap();
    let writing = tokio::spawn(async move { writer.batch_execute(insert("sequence")).await });
    waits(&source, "writer", 1).await;
    let_go(&somebody).await;
    writing.await.unwrap().unwrap();
    let (code, printed, complaint) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{printed}{complaint}");
    for words in [
        "another session has written into the table",
        "its highest id is 102, 21 was expected",
        "stop all writers to the source",
    ] {
        assert!(complaint.contains(words), "{complaint}");
    }
    assert_eq!(
        source
            .query("select string_agg(id::text, ',' order by id) from events where id > 20")
            .await,
        ["21,102"]
    );
    let before = state(&source).await;
    let (code, _, complaint) = restore(&source, &long, &short, &FROM_LONG);
    assert_eq!(code, Some(4), "{complaint}");
    assert!(complaint.contains("the first event that differs has id 22"), "{complaint}");
    assert_eq!(state(&source).await, before);
    source
        .execute(&format!(
            "{AS_A_RESTORE}; delete from events where id = 102; alter table events enable trigger \
             all"
        ))
        .await;
    assert_eq!(restore(&source, &long, &short, &FROM_LONG).0, Some(0));
}

#[tokio::test]
async fn a_destination_that_was_not_held_to_the_end_is_told() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    let (child, somebody, _dir) = halted(&source, &long, &short).await;
    short
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = \
             current_database() and application_name = 'counterfoil/restore'",
        )
        .await;
    let_go(&somebody).await;
    let (code, printed, complaint) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(8), "{printed}{complaint}");
    for words in [
        "destination \"short\" was not locked to the end",
        "start again: the command compares everything again",
    ] {
        assert!(complaint.contains(words), "{complaint}");
    }
    assert!(!printed.contains("verified"), "{printed}");
    assert_eq!(restore(&source, &long, &short, &FROM_LONG).0, Some(0));
}

#[tokio::test]
async fn a_destination_that_outgrows_the_other_is_told() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    let (child, somebody, _dir) = halted(&source, &long, &short).await;
    short.execute("insert into events values (500, now(), '{}')").await;
    let_go(&somebody).await;
    let (code, printed, complaint) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{printed}{complaint}");
    assert!(complaint.contains("destination \"short\" has outgrown \"long\""), "{complaint}");
}

#[tokio::test]
async fn an_event_that_was_on_its_way_before_the_first_batch_is_seen() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    let writer = source.client().await;
    writer.batch_execute(&format!("begin; {}", insert("sequence"))).await.unwrap();
    let dir = TempDir::new().unwrap();
    let (theirs, others) = (url(&long), url(&short));
    let mut command =
        prepared(&dir, &url(&source), &[("long", &theirs), ("short", &others)], &FROM_LONG);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    waits(&source, "counterfoil/restore", 1).await;
    writer.batch_execute("commit").await.unwrap();
    let (code, printed, complaint) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{printed}{complaint}");
    assert!(complaint.contains("its highest id is 1, none was expected"), "{complaint}");
    assert_eq!(source.query("select string_agg(id::text, ',') from events").await, ["1"]);
}

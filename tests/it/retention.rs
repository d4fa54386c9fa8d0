//! `keeps = "tail"`: the source may lose its oldest events, destinations keep them; and what was
//! never copied does not vanish unseen.

use crate::command::{counterfoil, told};
use crate::configured::config;
use crate::diff::events_diff;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, highest};
use crate::support::replicator::Setup;
use crate::support::until;
use crate::truth::running::{DEADLINE, Running, copy_all, replication};
use counterfoil::config::{ReplicationConfig, SourceRetention};
use counterfoil::error::{ErrorKind, Problems};
use std::process::Command;
use std::time::Duration;

const SOURCE: &str = "create table events (id bigint primary key generated always as identity, ts \
                      timestamptz not null default now(), event text not null)";
const COPY: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event text not null)";

async fn insert(source: &Database, events: u32) {
    let statement = format!(
        "insert into events (event) select 'event ' || i from generate_series(1, {events}) i"
    );
    source.execute(&statement).await;
}

/// A source of fifty events, and an empty destination.
async fn pair() -> (Database, Database) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(SOURCE).await;
    copy.execute(COPY).await;
    insert(&source, 50).await;
    (source, copy)
}

fn tail(source: &Database, copy: &Database) -> ReplicationConfig {
    let mut config = config(source, &[("copy", copy)]);
    config.source.keeps = SourceRetention::Tail;
    config
}

async fn lose_through(source: &Database, id: i64) {
    source.execute(&format!("delete from events where id <= {id}")).await;
}

fn worst(problems: &Problems) -> (ErrorKind, String) {
    let worst = problems.worst().expect("a problem");
    (worst.kind(), worst.report())
}

async fn ended(running: Running) -> (ErrorKind, String) {
    worst(&tokio::time::timeout(DEADLINE, running.ends()).await.expect("an end"))
}

/// Exit code, stdout and stderr of a command with this configuration.
fn run(command: Command, source: &Database, copy: &Database) -> (Option<i32>, String, String) {
    with(command, &Setup::from(source).source_key("keeps = \"tail\"").to("copy", copy))
}

fn with(mut command: Command, setup: &Setup) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, setup.text()).unwrap();
    told(&command.arg("--config").arg(&path).output().unwrap())
}

fn succeeds(command: Command, source: &Database, copy: &Database) -> String {
    let (code, out, err) = run(command, source, copy);
    assert_eq!(code, Some(0), "{out}{err}");
    out
}

/// What both hold from an id on.
async fn same_from(source: &Database, copy: &Database, id: i64) {
    let query = format!(
        "select count(*) || ' ' || coalesce(md5(string_agg(id || ' ' || ts || ' ' || event, ',' \
         order by id)), '') from events where id >= {id}"
    );
    assert_eq!(source.query(&query).await, copy.query(&query).await);
}

#[tokio::test]
async fn the_oldest_events_may_go_while_they_are_followed_and_the_copy_keeps_them() {
    let (source, copy) = pair().await;
    let mut replicated = replication(&tail(&source, &copy), false);
    replicated.reconcile_interval = Duration::from_millis(20);
    let running = Running::start_as(replicated);
    arrives(&copy, 50).await;
    for through in [10, 49, 69, 89] {
        lose_through(&source, through).await;
        insert(&source, 20).await;
        arrives(&copy, highest(&source).await).await;
    }
    running.stop().await;
    assert_eq!(copy.query("select count(*), min(id), max(id) from events").await, ["130|1|130"]);
    same_from(&source, &copy, 90).await;
    // Opened again, from the same place; and everything that looks agrees.
    copy_all(&tail(&source, &copy)).await;
    let out = succeeds(counterfoil(&["run", "--dry-run"]), &source, &copy);
    assert!(
        out.contains("41 events from id 90 on, where the source begins, up to id 130"),
        "{out}"
    );
    let out = succeeds(counterfoil(&["status", "--max-lag", "1000"]), &source, &copy);
    assert!(out.contains("130"), "{out}");
    succeeds(counterfoil(&["wait"]), &source, &copy);
    let out = succeeds(events_diff(&["--validate"]), &source, &copy);
    assert!(out.contains("compared: ids 90..130: 41 rows of source, 41 of"), "{out}");
    assert!(
        out.contains("source begins at id 90: what destination \"copy\" holds below, from id 1 on"),
        "{out}"
    );
    succeeds(counterfoil(&["run", "--until-caught-up"]), &source, &copy);
}

#[tokio::test]
async fn what_may_have_gone_before_it_was_copied_is_refused_with_its_ids_at_the_start() {
    let (source, copy) = pair().await;
    copy_all(&tail(&source, &copy)).await;
    insert(&source, 30).await;
    lose_through(&source, 70).await;
    let (kind, told) = ended(Running::start(&tail(&source, &copy))).await;
    assert_eq!(kind, ErrorKind::Contents, "{told}");
    assert!(told.contains("destination \"copy\" may not have received: ids 51..70"), "{told}");
    assert!(
        told.contains("its last event has id 50, and the lowest id at the source is 71"),
        "{told}"
    );
    assert!(!told.contains("--rewind-to") && !told.contains("empty this"), "{told}");
    for command in [counterfoil(&["run"]), counterfoil(&["status"])] {
        let (code, out, err) = run(command, &source, &copy);
        assert_eq!(code, Some(4), "{out}{err}");
        assert!(format!("{out}{err}").contains("ids 51..70"), "{out}{err}");
    }
    let (code, out, err) = run(events_diff(&[]), &source, &copy);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.contains("no row could be compared, and may lack ids 51..70"), "{out}");
    assert_eq!(highest(&copy).await, 50);
    // All of it gone: from the last one on.
    lose_through(&source, 80).await;
    let (kind, told) = ended(Running::start(&tail(&source, &copy))).await;
    assert_eq!(kind, ErrorKind::Contents, "{told}");
    assert!(told.contains("may not have received: ids from 51 on"), "{told}");
}

/// Inserted and removed in one transaction: no look sees what goes.
async fn swallows(source: &Database, events: u32, through: i64) {
    source
        .execute(&format!(
            "begin; insert into events (event) select 'swallowed' from generate_series(1, \
             {events}); delete from events where id <= {through}; commit"
        ))
        .await;
}

#[tokio::test]
async fn what_goes_before_it_is_copied_stops_a_lane_that_is_level() {
    for (column, first_copy) in [("text", 50), ("text", 0), ("mood", 50)] {
        let (source, copy) = (fresh_database().await, fresh_destination().await);
        let mood = "create type mood as enum ('ok'); ";
        for (database, table) in [(&source, SOURCE), (&copy, COPY)] {
            let table =
                table.replace("event text", &format!("m {column} default 'ok', event text"));
            database.execute(&format!("{mood}{table}")).await;
        }
        insert(&source, 50).await;
        let running = Running::start(&tail(&source, &copy));
        arrives(&copy, 50).await;
        // Rows come along with a look, or a pass reads them.
        let more = 50 - first_copy;
        swallows(&source, 10 + more, 55 + i64::from(more)).await;
        let (kind, told) = ended(running).await;
        assert_eq!(kind, ErrorKind::Contents, "{told}");
        assert!(told.contains("may not have received: ids 51.."), "{told}");
        assert_eq!(highest(&copy).await, 50, "{column}");
    }
}

#[tokio::test]
async fn where_nothing_can_lie_between_it_goes_on() {
    let (source, copy) = pair().await;
    let running = Running::start(&tail(&source, &copy));
    arrives(&copy, 50).await;
    swallows(&source, 5, 50).await;
    arrives(&copy, 55).await;
    running.stop().await;
    lose_through(&source, 55).await;
    insert(&source, 1).await;
    copy_all(&tail(&source, &copy)).await;
    assert_eq!(copy.query("select count(*) from events").await, ["56"]);
}

#[tokio::test]
async fn a_hole_above_the_floor_is_found_at_the_start_and_by_the_audit() {
    let (source, copy) = pair().await;
    copy_all(&tail(&source, &copy)).await;
    lose_through(&source, 10).await;
    source.execute("delete from events where id = 30").await;
    let (kind, told) = ended(Running::start(&tail(&source, &copy))).await;
    assert_eq!(kind, ErrorKind::Contents, "{told}");
    assert!(told.contains("up to id 50 it has 40, the source 39"), "{told}");
    assert!(told.contains("both agree up to id 29"), "{told}");
    let (code, out, err) = run(events_diff(&[]), &source, &copy);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("differences: 1 extra"), "{out}");
    copy.execute("delete from events where id = 30").await;
    let mut replicated = replication(&tail(&source, &copy), false);
    replicated.reconcile_interval = Duration::from_millis(20);
    let running = Running::start_as(replicated);
    insert(&source, 1).await;
    arrives(&copy, 51).await;
    source.execute("delete from events where id in (5, 6, 7, 11, 12, 40)").await;
    let (kind, told) = ended(running).await;
    assert_eq!(kind, ErrorKind::Contents, "{told}");
    assert!(told.contains("next after id 39"), "{told}");
}

#[tokio::test]
async fn a_partition_may_be_detached_and_a_new_destination_begins_where_the_source_does() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigint generated always as identity, ts timestamptz not null \
             default now(), event text not null, primary key (id)) partition by range (id); \
             create table events_1 partition of events for values from (1) to (31); create table \
             events_2 partition of events for values from (31) to (1000)",
        )
        .await;
    copy.execute(COPY).await;
    insert(&source, 50).await;
    let late = fresh_destination().await;
    late.execute(COPY).await;
    let running = Running::start(&tail(&source, &copy));
    arrives(&copy, 50).await;
    source.execute("alter table events detach partition events_1").await;
    insert(&source, 5).await;
    arrives(&copy, 55).await;
    running.stop().await;
    assert_eq!(copy.query("select count(*) from events").await, ["55"]);
    copy_all(&tail(&source, &late)).await;
    assert_eq!(late.query("select min(id), count(*) from events").await, ["31|25"]);
    // Without the setting it says what to set.
    let (kind, told) = ended(Running::start(&config(&source, &[("copy", &copy)]))).await;
    assert_eq!(kind, ErrorKind::Contents, "{told}");
    assert!(told.contains("set keeps = \"tail\" in [source]"), "{told}");
}

#[tokio::test]
async fn consecutive_ids_begin_at_the_lowest_that_is_left_and_have_no_hole_above() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigint primary key, ts timestamptz not null default now(), \
             event text not null); insert into events (id, event) select i, 'e' from \
             generate_series(20, 50) i",
        )
        .await;
    copy.execute(COPY).await;
    let mut config = tail(&source, &copy);
    config.source.ids = counterfoil::config::IdsSetting::Consecutive;
    let running = Running::start(&config);
    arrives(&copy, 50).await;
    source.execute("insert into events (id, event) values (51, 'e')").await;
    arrives(&copy, 51).await;
    lose_through(&source, 30).await;
    source.execute("insert into events (id, event) values (52, 'e'), (54, 'e')").await;
    let (kind, told) = ended(running).await;
    assert_eq!(kind, ErrorKind::Order, "{told}");
    assert!(told.contains("52 is followed by 54"), "{told}");
    source.execute("delete from events where id = 54").await;
    let setup = Setup::from(&source).source_key("keeps = \"tail\"\nids = \"consecutive\"");
    let (code, out, err) = with(events_diff(&["--validate"]), &setup.to("copy", &copy));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("source: valid: 22 rows, ids 31..52"), "{out}");
    assert!(out.contains("valid: 32 rows, ids 20..51"), "{out}");
}

#[tokio::test]
async fn starts_counts_and_comparisons_stay_true_while_the_oldest_events_go_all_the_time() {
    let (source, copy) = pair().await;
    insert(&source, 4000).await;
    copy_all(&tail(&source, &copy)).await;
    let (client, writer) = (source.client().await, source.client().await);
    let purging = tokio::spawn(async move {
        for through in (1..3900).step_by(3) {
            let purge = format!("delete from events where id <= {through}");
            client.batch_execute(&purge).await.unwrap();
        }
    });
    let writing = tokio::spawn(async move {
        for _ in 0..400 {
            let insert = "insert into events (event) values ('late')";
            writer.batch_execute(insert).await.unwrap();
        }
    });
    let mut comparisons = 0;
    while !purging.is_finished() {
        copy_all(&tail(&source, &copy)).await;
        succeeds(events_diff(&[]), &source, &copy);
        succeeds(events_diff(&["--exact"]), &source, &copy);
        succeeds(counterfoil(&["status"]), &source, &copy);
        comparisons += 1;
    }
    purging.await.unwrap();
    writing.await.unwrap();
    copy_all(&tail(&source, &copy)).await;
    assert!(comparisons > 0);
    assert_eq!(copy.query("select count(*) from events").await, ["4450"]);
    same_from(&source, &copy, 3899).await;
}

#[tokio::test]
async fn a_repair_judges_what_the_source_still_has_and_cuts_off_nothing_else() {
    let (source, copy) = pair().await;
    copy_all(&tail(&source, &copy)).await;
    lose_through(&source, 20).await;
    copy.execute("delete from events where id in (30, 31)").await;
    let insert = ["repair", "--destination", "copy", "--insert-missing", "--yes"];
    let out = succeeds(counterfoil(&insert), &source, &copy);
    assert!(out.contains("2 events were written"), "{out}");
    assert_eq!(copy.query("select count(*) from events").await, ["50"]);
    let rewind = |id| ["repair", "--destination", "copy", "--rewind-to", id, "--yes"];
    let (code, out, err) = run(counterfoil(&rewind("5")), &source, &copy);
    assert_eq!(code, Some(4), "{out}{err}");
    assert!(err.contains("the source has let go of what would have to be copied again"), "{err}");
    assert!(err.contains("--rewind-to 20"), "{err}");
    let replace = ["repair", "--destination", "copy", "--replace", "7,25", "--yes"];
    let (code, out, err) = run(counterfoil(&replace), &source, &copy);
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(err.contains("the source has let go of them"), "{err}");
    source.execute("update events set event = 'corrected' where id = 25").await;
    let replace = ["repair", "--destination", "copy", "--replace", "25", "--yes"];
    succeeds(counterfoil(&replace), &source, &copy);
    same_from(&source, &copy, 21).await;
    succeeds(counterfoil(&rewind("20")), &source, &copy);
    assert_eq!(highest(&copy).await, 20);
    copy_all(&tail(&source, &copy)).await;
    assert_eq!(copy.query("select count(*) from events").await, ["50"]);
}

#[tokio::test]
async fn a_source_that_lost_its_end_is_restored_from_a_copy_that_holds_more_at_both_ends() {
    let (source, copy) = pair().await;
    copy_all(&tail(&source, &copy)).await;
    source.execute("delete from events where id <= 20 or id > 40").await;
    let restore = ["restore", "--from", "copy", "--yes"];
    let out = succeeds(counterfoil(&restore), &source, &copy);
    assert!(out.contains("10 events, ids 41..50"), "{out}");
    assert_eq!(source.query("select min(id), count(*) from events").await, ["21|30"]);
    insert(&source, 1).await;
    copy_all(&tail(&source, &copy)).await;
    until("the copy has it", async || highest(&copy).await == 51).await;
    same_from(&source, &copy, 21).await;
}

#[tokio::test]
async fn an_archive_whose_source_is_empty_or_was_purged_out_of_order_is_cut_by_no_command_nor_advice()
 {
    let (source, copy) = pair().await;
    copy_all(&tail(&source, &copy)).await;
    let repair =
        |how: &[&str]| counterfoil(&[&["repair", "--destination", "copy", "--yes"], how].concat());
    // Purged in the middle: what lies above the hole is not copied again, below it either.
    source.execute("delete from events where id in (20, 21, 40)").await;
    let (code, out, err) = run(counterfoil(&["status"]), &source, &copy);
    assert_eq!(code, Some(4), "{out}{err}");
    assert!(out.contains("events may go from the low end only, in the order of ids"), "{out}");
    assert!(!out.contains("--rewind-to"), "{out}");
    let (code, out, err) = run(repair(&["--rewind-to", "19"]), &source, &copy);
    assert_eq!(code, Some(4), "{out}{err}");
    assert!(err.contains("the source no longer has all of what follows"), "{err}");
    // Nothing is left at all.
    source.execute("truncate events").await;
    for how in [&["--rewind-to", "0"][..], &["--insert-missing"], &["--replace", "1"]] {
        let (code, out, err) = run(repair(how), &source, &copy);
        assert!(matches!(code, Some(2 | 4)), "{how:?}: {out}{err}");
        assert!(!format!("{out}{err}").contains("exactly what the source does"), "{out}{err}");
    }
    let (code, out, err) = run(events_diff(&[]), &source, &copy);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.contains("has no equal there any more"), "{out}");
    assert!(!out.contains("--replace"), "{out}");
    assert_eq!(copy.query("select count(*) from events").await, ["50"]);
}

//! Results that cannot be written: a full disk is one error, a reader that has left is nothing,
//! and neither is a panic.

use crate::command::{counterfoil, told};
use crate::diff::{TABLE, events_diff};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::load::program as loader;
use crate::status_command::{configuration, pair};
use crate::support::events::{init_destination, init_source};
use crate::support::replicator::url;
use std::fs::OpenOptions;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A configuration file of a pair, removed with this.
struct ConfiguredPair {
    source: Database,
    destination: Database,
    dir: TempDir,
}

impl ConfiguredPair {
    /// A destination with the first so many of five events.
    async fn holding(held: u32) -> Self {
        let (source, destination) = pair(held).await;
        Self::of(source, destination)
    }

    fn of(source: Database, destination: Database) -> Self {
        let dir = TempDir::new().unwrap();
        let text = configuration(&source, &destination);
        std::fs::write(dir.path().join("c.toml"), text).unwrap();
        Self { source, destination, dir }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = counterfoil(arguments);
        command.arg("--config").arg(self.dir.path().join("c.toml"));
        command
    }
}

/// Exit code and complaint of a command whose output goes there.
async fn ended(mut command: Command, out: Stdio) -> (Option<i32>, String) {
    let child = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await;
    let (code, _, complaint) = told(&output.unwrap());
    (code, complaint)
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// On a full disk it ends with one error and nothing else, with 1, and a comparison with 2.
async fn assert_full(command: Command) {
    let name = format!("{command:?}");
    let is_comparison = name.contains("events-diff") && !name.contains("\"-V\"");
    let expected = if is_comparison { 2 } else { 1 };
    let (code, complaint) = ended(command, full()).await;
    let errors = complaint.matches("error: ").count();
    assert_eq!((code, errors), (Some(expected), 1), "{name}: {complaint}");
    let said = "error: cannot write the result\n  where: standard output\n  cause: No space left \
                on device (os error 28)\n    fix: write it to a disk with space, then start again: \
                what was done stays\n";
    assert!(complaint.ends_with(said), "{name}: {complaint}");
    assert!(!complaint.contains("panicked"), "{name}: {complaint}");
}

/// Without a reader it ends as it would have ended, without a word of that.
async fn assert_unread(command: Command, code: i32) {
    let name = format!("{command:?}");
    let (ended_with, complaint) = ended(command, unread()).await;
    assert_eq!(ended_with, Some(code), "{name}: {complaint}");
    for word in ["error:", "panicked", "cannot write", "Broken pipe"] {
        assert!(!complaint.contains(word), "{name}: {complaint}");
    }
}

const SHORT_LOAD: [&str; 3] = ["--world=orders", "--events=10", "--url"];

#[tokio::test]
async fn a_full_disk_is_one_error_with_exit_code_1_and_never_a_panic() {
    let level = ConfiguredPair::holding(5).await;
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["run", "--dry-run"],
        &["repair", "--insert-missing", "--destination=copy"],
    ] {
        assert_full(level.command(arguments)).await;
    }
    let (first, second) = (url(&level.source), url(&level.destination));
    for arguments in [
        &["init", "source", "--dry-run", "--url", &first][..],
        &["init", "destination", "--dry-run", "--url", &second],
        &["init", "destination", "--url", &second],
    ] {
        assert_full(counterfoil(arguments)).await;
    }
    assert_full(events_diff(&[&first, &second])).await;
    assert_full(events_diff(&["--format=jsonl", &first, &second])).await;
    assert_full(events_diff(&["--dry-run", &first, &second])).await;
    assert_full(loader(&[&SHORT_LOAD[..], &[&first, "--dry-run"]].concat())).await;
    assert_full(loader(&[&SHORT_LOAD[..], &[&first]].concat())).await;
    assert_eq!(level.source.query("select count(*) from events").await, ["5"]);
    for program in [
        counterfoil(&["--help"]),
        counterfoil(&["completions", "bash"]),
        events_diff(&["-V"]),
        loader(&["-h"]),
    ] {
        assert_full(program).await;
    }
}

#[tokio::test]
async fn nothing_is_repaired_or_restored_where_the_plan_cannot_be_written() {
    let holed = ConfiguredPair::holding(5).await;
    holed.destination.execute("delete from events where id = 3").await;
    let repair = ["repair", "--insert-missing", "--destination=copy", "--yes"];
    assert_full(holed.command(&repair)).await;
    assert_eq!(holed.destination.query("select count(*) from events").await, ["4"]);
    let lost = lost().await;
    assert_full(lost.command(&["restore", "--from=copy", "--yes"])).await;
    assert_eq!(lost.source.query("select count(*) from events").await, ["0"]);
}

/// A new source, and a destination with five events.
async fn lost() -> ConfiguredPair {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    let fill = "insert into events select i, '2026-01-01', '{}' from generate_series(1, 5) i";
    destination.execute(fill).await;
    ConfiguredPair::of(source, destination)
}

#[tokio::test]
async fn a_reader_that_has_left_changes_no_exit_code_and_is_not_complained_of() {
    let behind = ConfiguredPair::holding(3).await;
    let (first, second) = (url(&behind.source), url(&behind.destination));
    assert_unread(behind.command(&["status"]), 0).await;
    assert_unread(behind.command(&["status", "--max-lag=1"]), 8).await;
    assert_unread(behind.command(&["status", "--json", "--max-lag=1"]), 8).await;
    assert_unread(behind.command(&["run", "--dry-run"]), 0).await;
    let plan = ["init", "source", "--ids=sequence", "--dry-run", "--url", &first];
    assert_unread(counterfoil(&plan), 0).await;
    assert_unread(counterfoil(&["init", "destination", "--dry-run", "--url", &second]), 0).await;
    assert_unread(events_diff(&[&first, &second]), 0).await;
    assert_unread(events_diff(&["--complete", &first, &second]), 1).await;
    assert_unread(events_diff(&["--complete", "--format=jsonl", &first, &second]), 1).await;
    for program in [
        counterfoil(&["--help"]),
        counterfoil(&["completions", "bash"]),
        events_diff(&["-V"]),
        loader(&["-h"]),
    ] {
        assert_unread(program, 0).await;
    }
    behind.destination.execute("update events set event = '1' where id = 3").await;
    assert_unread(behind.command(&["run", "--dry-run"]), 4).await;
    assert_unread(behind.command(&["status"]), 4).await;
}

#[tokio::test]
async fn what_is_written_is_written_to_its_end_although_nobody_reads_of_it() {
    let holed = ConfiguredPair::holding(5).await;
    holed.destination.execute("delete from events where id = 3").await;
    let repair = ["repair", "--insert-missing", "--destination=copy", "--yes"];
    assert_unread(holed.command(&repair), 0).await;
    assert_eq!(holed.destination.query("select count(*) from events").await, ["5"]);
    let lost = lost().await;
    assert_unread(lost.command(&["restore", "--from=copy", "--yes"]), 0).await;
    assert_eq!(lost.source.query("select count(*) from events").await, ["5"]);
    let (new, copy) = (fresh_database().await, fresh_destination().await);
    assert_unread(counterfoil(&["init", "source", "--url", &url(&new)]), 0).await;
    assert_unread(counterfoil(&["init", "destination", "--url", &url(&copy)]), 0).await;
    assert_unread(loader(&[&SHORT_LOAD[..], &[&url(&new)]].concat()), 0).await;
    assert_eq!(new.query("select count(*) from events").await, ["10"]);
    assert_eq!(copy.query("select count(*) from events").await, ["0"]);
}

/// Two tables of which the second has other events, from this id on.
async fn unlike(from: u32) -> (Database, Database) {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    let fill = "insert into events select i, '2026-01-01', to_jsonb(i) from generate_series(1, \
                20000) i";
    for database in [&first, &second] {
        database.execute(&format!("{TABLE}; {fill}")).await;
    }
    second.execute(&format!("update events set event = '0' where id >= {from}")).await;
    (first, second)
}

#[tokio::test]
async fn the_head_of_a_comparison_is_read_without_a_complaint_and_the_script_is_whole() {
    let (first, second) = unlike(1).await;
    let (first_url, second_url) = (url(&first), url(&second));
    for format in ["--format=text", "--format=jsonl"] {
        let mut command = events_diff(&[format, &first_url, &second_url]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        drop(lines);
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await;
        let (code, _, complaint) = told(&output.unwrap());
        assert_eq!((code, complaint.as_str()), (Some(1), ""), "{format}");
    }
    second.execute("update events set event = to_jsonb(id); delete from events where id < 9").await;
    let dir = TempDir::new().unwrap();
    let script = dir.path().join("repair.sql");
    let mut command = events_diff(&[&first_url, &second_url, "--repair-sql"]);
    command.arg(&script);
    assert_unread(command, 1).await;
    let written = std::fs::read_to_string(script).unwrap();
    assert_eq!(written.lines().filter(|line| line.starts_with("insert")).count(), 8, "{written}");
}

#[tokio::test]
async fn the_log_of_a_run_that_nobody_reads_stops_no_copy() {
    for out in [unread(), full()] {
        let behind = ConfiguredPair::holding(2).await;
        let run = behind.command(&["run", "--until-caught-up"]);
        let (code, complaint) = ended(run, out).await;
        assert_eq!((code, complaint.as_str()), (Some(0), ""));
        assert_eq!(behind.destination.query("select count(*) from events").await, ["5"]);
    }
}

#[tokio::test]
async fn a_complaint_that_cannot_be_written_is_no_panic_either() {
    let (full, mut command) =
        (OpenOptions::new().write(true).open("/dev/full").unwrap(), counterfoil(&["status"]));
    command.args(["--config", "/nowhere/at/all.toml"]).stderr(full);
    assert_eq!(command.status().unwrap().code(), Some(2));
}

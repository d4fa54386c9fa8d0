//! `counterfoil restore` rebuilds a lost source from a destination, or refuses and writes nothing.

mod interrupted;
mod partitions;
mod refusing;
mod restoring;

use crate::command::{counterfoil, told};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::repair::HUNDRED;
use crate::support::events::{digest, init_destination, init_source_with};
use crate::support::replicator::url;
use std::fmt::Write as _;
use std::process::Command;
use tempfile::TempDir;

/// How the new source gives out ids.
const KINDS: [&str; 3] = ["sequence", "consecutive", "slate"];

/// An event that slate's trigger could not notify of.
const LARGE: &str = "insert into events values (101, '2026-05-01 00:00:00.000001+00', \
                     jsonb_build_object('large', repeat('x', 20000)))";

/// A new, empty source of this kind.
async fn new_source(kind: &str) -> Database {
    let source = fresh_database().await;
    match kind {
        "slate" => source.execute(include_str!("../init/slates_source.sql")).await,
        "consecutive" => init_source_with(&source, kind, "slate").await,
        _ => init_source_with(&source, kind, "doorbell").await,
    }
    source
}

/// A destination with 101 events, and one with the first sixty of them.
async fn destinations() -> (Database, Database) {
    let (long, short) = (fresh_destination().await, fresh_destination().await);
    init_destination(&long).await;
    init_destination(&short).await;
    long.execute(&format!("{HUNDRED}; {LARGE}")).await;
    short.execute(&format!("{HUNDRED}; delete from events where id > 60")).await;
    (long, short)
}

/// A restore that is not yet started: from "long" unless the arguments say otherwise.
fn prepared(
    dir: &TempDir,
    source: &str,
    destinations: &[(&str, &str)],
    arguments: &[&str],
) -> Command {
    let config = dir.path().join("counterfoil.toml");
    let mut text = format!("[source]\nurl = '{source}'\n");
    for (name, url) in destinations {
        write!(text, "[[destinations]]\nname = \"{name}\"\nurl = '{url}'\n").unwrap();
    }
    text += "[replication]\nmax_events_per_write = 7\n[log]\nformat = \"json\"\n";
    std::fs::write(&config, text).unwrap();
    let mut command = counterfoil(&["restore"]);
    command.args(arguments).arg("--config").arg(config);
    command
}

/// Exit code, stdout and stderr of a restore.
fn restore(
    source: &Database,
    long: &Database,
    short: &Database,
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let dir = TempDir::new().unwrap();
    let destinations = [("long", url(long)), ("short", url(short))];
    let destinations: Vec<(&str, &str)> =
        destinations.iter().map(|(name, url)| (*name, url.as_str())).collect();
    told(&prepared(&dir, &url(source), &destinations, arguments).output().unwrap())
}

/// Everything that a restore may not change unless it succeeds.
async fn state(database: &Database) -> Vec<String> {
    let mut state = vec![digest(database, i64::MAX).await];
    state.extend(triggers(database).await);
    state
}

/// The triggers and whether they fire.
async fn triggers(database: &Database) -> Vec<String> {
    database
        .query(
            "select tgname, tgenabled from pg_trigger where tgrelid = 'events'::regclass order by \
             tgname",
        )
        .await
}

/// What inserts an event at a source of this kind.
fn insert(kind: &str) -> &'static str {
    match kind {
        "slate" => "select insert_events('($1[1], $2, ''{\"after\": 1}'')')",
        "consecutive" => "select insert_events(array['{\"after\": 1}']::jsonb[])",
        _ => "insert into events (ts, event) values (now(), '{\"after\": 1}')",
    }
}

//! `load-fake-data` writes what it says, by every method, into every kind of source; and what it
//! writes can be validated.

mod losing;
mod refusing;
mod stopping;
mod writing;

use crate::command::told;
use crate::harness::{Database, fresh_database};
use crate::support::events::init_source_with;
use crate::support::replicator::url;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// The program with these flags, without a configuration or a URL from outside.
pub fn program(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-fake-data"));
    command
        .args(flags)
        .env_remove("COUNTERFOIL_CONFIG")
        .env_remove("COUNTERFOIL_URL")
        .stdin(Stdio::null());
    command
}

/// As [`program`]; what it complains of is not looked at.
fn silent(flags: &[&str]) -> Command {
    let mut command = program(flags);
    command.stderr(Stdio::null());
    command
}

/// Runs it; gives exit code, what it printed and what it complained of.
fn run(flags: &[&str]) -> (Option<i32>, String, String) {
    told(&program(flags).output().unwrap())
}

/// Loads the database; must succeed. Gives what it printed.
fn load(database: &Database, flags: &[&str]) -> String {
    let url = url(database);
    let (code, printed, complaint) = run(&[&["--url", url.as_str()], flags].concat());
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{printed}");
    printed
}

async fn source(ids: &str) -> Database {
    let database = fresh_database().await;
    init_source_with(&database, ids, "doorbell").await;
    database
}

/// A source as slate-init-db leaves it.
async fn slates_source() -> Database {
    let database = fresh_database().await;
    database.execute(include_str!("../init/slates_source.sql")).await;
    database
}

/// All rows in the order of their ids: id, ts as text, event.
async fn rows(database: &Database) -> Vec<(i64, String, Value)> {
    let rows = database
        .client()
        .await
        .query("select id, ts::text, event::text from events order by id", &[])
        .await
        .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), serde_json::from_str(row.get(2)).unwrap()))
        .collect()
}

/// Asserts what a validation of the table asserts, for groups that are not interleaved; gives the
/// number of groups of each program.
async fn validated(database: &Database) -> BTreeMap<String, u64> {
    let rows = rows(database).await;
    let mut programs: BTreeMap<String, u64> = BTreeMap::new();
    let mut at = 0;
    while at < rows.len() {
        let stats = &rows[at].2["testingStats"];
        let count = usize::try_from(stats["dbOperationEventCount"].as_u64().unwrap()).unwrap();
        let number = programs.entry(stats["programId"].as_str().unwrap().to_owned()).or_default();
        *number += 1;
        assert_eq!(
            stats["dbOperationNum"], *number,
            "a hole in the groups of a program, at {}",
            rows[at].0
        );
        for (place, (id, ts, event)) in rows[at..at + count].iter().enumerate() {
            assert_eq!(event["testingStats"]["dbOperationEventNum"], place + 1);
            assert_eq!(event["testingStats"]["dbOperationEventCount"], count);
            assert_eq!(event["testingStats"]["dbOperationId"], stats["dbOperationId"]);
            assert_eq!((*id, ts), (rows[at].0 + i64::try_from(place).unwrap(), &rows[at].1));
        }
        at += count;
    }
    programs
}

/// The events without their times.
fn timeless(rows: Vec<(i64, String, Value)>) -> Vec<Value> {
    let timeless = |(_, _, mut event): (i64, String, Value)| {
        event["testingStats"]["dbOperationTS"] = Value::Null;
        event
    };
    rows.into_iter().map(timeless).collect()
}

/// The fact of a plan or summary.
fn fact<'a>(printed: &'a str, name: &str) -> &'a str {
    let lines = printed.lines().filter_map(|line| line.split_once(':'));
    let mut facts = lines.filter(|(found, _)| *found == name).map(|(_, fact)| fact.trim());
    facts.next_back().unwrap_or_else(|| panic!("no {name} in\n{printed}"))
}

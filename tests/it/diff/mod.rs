//! `events-diff`: every way in which a copy can be wrong is found, classed and shown, with the
//! right exit code.

mod busy;
mod damages;
mod edges;
mod files;
mod flags;
pub mod hidden;
mod interrupted;
mod procedure;
mod several;

use crate::command::told;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::url;
use std::process::{Command, Stdio};

/// The columns of slate's table.
pub const TABLE: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb)";
/// So many events of a thousand ids, every third of them left out.
pub const FILL: &str = "insert into events select i, timestamptz '2026-01-01 00:00:00.123456Z' + i \
                        * interval '1 second', jsonb_build_object('n', i, 'amount', 1.10, \
                        'nested', '[[1], 2]'::jsonb, 'name', 'Zoë ' || i) from generate_series(1, \
                        1000) i where i % 3 > 0";

/// The program with these arguments, without a configuration from outside.
pub fn events_diff(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_events-diff"));
    command.args(arguments).env_remove("COUNTERFOIL_CONFIG").stdin(Stdio::null());
    command
}

/// What it says of two databases: exit code, stdout, stderr.
pub async fn compared(
    first: &Database,
    second: &Database,
    flags: &[&str],
) -> (i32, String, String) {
    let (first, second) = (url(first), url(second));
    let mut arguments = vec![first.as_str(), second.as_str()];
    arguments.extend(flags);
    run(&arguments).await
}

/// Runs it to its end.
pub async fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = tokio::process::Command::from(events_diff(arguments)).output().await.unwrap();
    let (code, out, err) = told(&output);
    (code.unwrap(), out, err)
}

/// Two equal tables, of which nothing tells how ids are given out.
pub async fn equal_pair() -> (Database, Database) {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for database in [&first, &second] {
        database.execute(&format!("{TABLE}; {FILL}")).await;
    }
    (first, second)
}

//! Reflections: tables that are computed from captured ones hold, at every commit, exactly what whole
//! transactions of the source did; their rows are loaded while that goes on; what is not as the log
//! has it is found.

mod applying;
mod drifting;
mod edges;
mod hammering;
mod keys;
mod loading;
mod mapping;
mod references;
mod values;

use crate::command::{counterfoil, told};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::{Setup, url};

/// A source whose tables, made by this SQL, are captured, and an empty destination.
async fn captured(sql: &str, tables: &[&str]) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(sql).await;
    let url = url(&source);
    let mut arguments = vec!["capture", "install", "--url", &url];
    arguments.extend(tables.iter().flat_map(|table| ["--table", table]));
    let (code, out, err) = told(&counterfoil(&arguments).output().unwrap());
    assert_eq!(code, Some(0), "{out}{err}");
    (source, destination)
}

/// Computes into this destination, by these lines of its reflections; `keys` are of the destination.
fn reflecting(
    source: &Database,
    destination: &Database,
    keys: &str,
    reflections: &[&str],
) -> Setup {
    let tables: Vec<String> =
        reflections.iter().map(|lines| format!("[[destinations.reflections]]\n{lines}")).collect();
    Setup::from(source)
        .source_key("table = \"counterfoil.changes\"")
        .key("retry_wait_max_ms = 200")
        .to("shop", destination)
        .destination_key(&format!("{keys}\n{}", tables.join("\n")))
}

/// Runs a command with a configuration.
fn command(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String, String) {
    crate::status_command::command(&setup.text(), arguments)
}

/// Makes what the destination lacks.
fn init(setup: &Setup) -> String {
    let (code, out, err) = command(setup, &["init", "destination"]);
    assert_eq!(code, Some(0), "{out}{err}");
    out
}

/// Runs until everything is computed that is there now.
fn catch_up(setup: &Setup) {
    let (code, out, err) = command(setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(0), "{out}{err}");
}

/// The rows of a table in the order of its first column.
async fn rows(database: &Database, table: &str) -> Vec<String> {
    database.query(&format!("select * from {table} order by 1")).await
}

/// Asserts that a table is the same on both sides.
async fn same(source: &Database, destination: &Database, table: &str) {
    assert_eq!(rows(destination, table).await, rows(source, table).await, "{table}");
}

/// Asserts that everything is proven equal.
fn equal(setup: &Setup) {
    let (code, out, err) = command(setup, &["reflect", "verify"]);
    assert_eq!(code, Some(0), "{out}{err}");
}

//! Capture: what a table goes through stands in the log, whoever did it and however; what is made
//! can be seen, renewed and taken away.

mod hostile;
mod installing;
mod pruning;
mod removing;
mod seeing;
mod standing;

use crate::command::{counterfoil, told};
use crate::harness::Database;
use crate::support::replicator::url;

/// Runs `counterfoil capture` with these words.
fn capture(what: &str, database: &Database, flags: &[&str]) -> (Option<i32>, String, String) {
    let url = url(database);
    let mut arguments = vec!["capture", what, "--url", &url];
    arguments.extend(flags);
    told(&counterfoil(&arguments).output().unwrap())
}

/// The same, where it must end well; gives what it printed.
fn captured(what: &str, database: &Database, flags: &[&str]) -> String {
    let (code, out, err) = capture(what, database, flags);
    assert_eq!(code, Some(0), "{out}{err}");
    out
}

/// What the log holds: operation and both images.
async fn changes(database: &Database) -> Vec<String> {
    let sql = "select op, coalesce(before::text, '-'), coalesce(after::text, '-') from \
               counterfoil.changes order by id";
    database.query(sql).await
}

/// A table of two columns.
async fn orders(database: &Database) {
    database.execute("create table orders (id int primary key, item text)").await;
}

//! A file of SQLite as destination: made, filled, followed, compared, held, killed, refused.

mod copying;
mod crashing;
mod holding;
mod refusing;
mod values;

use crate::command::{counterfoil, told};
use crate::diff::events_diff;
use crate::harness::{Database, fresh_database};
use crate::support::events::highest;
use crate::support::replicator::{Setup, url};
use crate::support::until;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A source with its table, and a place for a file.
struct Pair {
    source: Database,
    dir: TempDir,
}

impl Pair {
    /// A table of this definition at the source; no file yet.
    async fn of(table: &str) -> Self {
        let source = fresh_database().await;
        source.execute(table).await;
        Self { source, dir: TempDir::new().unwrap() }
    }

    /// With the table of most tests, made in the file too.
    async fn made() -> Self {
        let pair = Self::of(TABLE).await;
        pair.init(&[]);
        pair
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("copy.db")
    }

    fn setup(&self) -> Setup {
        Setup::from_url(&url(&self.source))
            .and_url("copy", &format!("sqlite:{}", self.file().display()))
    }

    /// Runs a program with the configuration; its exit code, and what it said.
    fn run(&self, command: Command, setup: &Setup) -> (Option<i32>, String, String) {
        run(command, setup)
    }

    fn init(&self, flags: &[&str]) -> String {
        let (code, out, err) =
            run(counterfoil(&[&["init", "destination"], flags].concat()), &self.setup());
        assert_eq!(code, Some(0), "{out}{err}");
        out
    }

    fn copy(&self) -> (Option<i32>, String, String) {
        self.run(counterfoil(&["run", "--until-caught-up"]), &self.setup())
    }

    fn copied(&self) {
        let (code, out, err) = self.copy();
        assert_eq!(code, Some(0), "{out}{err}");
    }

    /// Every row of both is compared.
    fn is_equal(&self) {
        let (code, out, err) = self.run(events_diff(&[]), &self.setup());
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.contains("verdict: equal"), "{out}");
    }

    /// Waits until the file ends as the source does.
    async fn arrives(&self) {
        let last = highest(&self.source).await;
        until("everything arrives", async || self.position() == last).await;
    }

    fn position(&self) -> i64 {
        seen(&self.file(), "select coalesce(max(id), 0) from events")[0].parse().unwrap()
    }

    /// What the file holds is the beginning of the source; gives up to which id.
    async fn prefix(&self) -> i64 {
        let position = self.position();
        let theirs =
            seen(&self.file(), "select id || ' ' || ts || ' ' || event from events order by id");
        let query = format!(
            "set timezone = 'UTC'; select id || ' ' || ts || ' ' || event from events where id <= \
             {position} order by id"
        );
        assert_eq!(theirs, self.source.query(&query).await);
        position
    }

    async fn insert(&self, events: u32) {
        self.source
            .execute(&format!(
                "insert into events (ts, event) select now(), jsonb_build_object('n', i) from \
                 generate_series(1, {events}) i"
            ))
            .await;
    }
}

const TABLE: &str = "create table events (id bigint generated always as identity primary key, ts \
                     timestamptz not null, event jsonb not null)";

fn run(mut command: Command, setup: &Setup) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, setup.text()).unwrap();
    told(&command.arg("--config").arg(&path).output().unwrap())
}

/// What a program that reads the file sees.
fn seen(file: &Path, query: &str) -> Vec<String> {
    let reader = Connection::open(file).unwrap();
    reader.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    let mut statement = reader.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells = (0..columns).map(|at| {
            Ok(match row.get_ref(at)? {
                rusqlite::types::ValueRef::Null => "null".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Real(number) => format!("{number:?}"),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                rusqlite::types::ValueRef::Blob(bytes) => format!("{bytes:?}"),
            })
        });
        Ok(cells.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

//! A copy that is told what its tables look like: which columns are copied, what they
//! are called, and which is the time.

mod renamed;
mod subset;
mod time_column;

use crate::command::{counterfoil, told};
use crate::diff;
use crate::harness::Database;
use crate::support::replicator::{Setup, url};
use tempfile::TempDir;

/// A configuration in a folder of its own, for the programs that read it.
struct Configured {
    _dir: TempDir,
    path: String,
}

impl Configured {
    fn new(setup: &Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.toml");
        std::fs::write(&path, setup.text()).unwrap();
        Self { path: path.to_str().unwrap().to_owned(), _dir: dir }
    }

    /// What a command of `counterfoil` prints and complains of; it must end with this code.
    fn runs(&self, command: &[&str], code: i32) -> String {
        let arguments = [command, &["--config", &self.path]].concat();
        let (ended, out, err) = told(&counterfoil(&arguments).output().unwrap());
        assert_eq!(ended, Some(code), "{command:?}: {out}{err}");
        out + &err
    }

    /// As [`Configured::runs`], of `events-diff`.
    async fn compares(&self, flags: &[&str], code: i32) -> String {
        let arguments = [flags, &["--config", &self.path]].concat();
        let (ended, out, err) = diff::run(&arguments).await;
        assert_eq!(ended, code, "{flags:?}: {out}{err}");
        out + &err
    }

    /// Makes the tables, copies all that is there, and has every command find it equal.
    async fn copies_and_is_equal(&self) {
        self.runs(&["init", "destination", "--with-indexes"], 0);
        self.is_copied_and_equal().await;
    }

    async fn is_copied_and_equal(&self) {
        self.runs(&["run", "--dry-run"], 0);
        self.runs(&["run", "--until-caught-up"], 0);
        let compared = self.compares(&["--validate"], 0).await;
        assert!(compared.contains("equal"), "{compared}");
        self.runs(&["wait", "--timeout", "30s"], 0);
        let status = self.runs(&["status"], 0);
        assert!(status.contains("level"), "{status}");
    }
}

/// Asserts that two databases answer alike, with something.
async fn same(source: &Database, asked: &str, destination: &Database, there: &str) {
    let rows = source.query(asked).await;
    assert!(!rows.is_empty());
    assert_eq!(destination.query(there).await, rows);
}

/// The database as this role reaches it.
fn url_as(database: &Database, role: &str) -> String {
    url(database).replace("user=postgres", &format!("user={role}"))
}

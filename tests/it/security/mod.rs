//! What a person with bad intentions, or a role with few privileges, can and cannot do.

mod encrypted;
mod lying;
mod names;
mod privileges;
mod secrets;
mod shadows;

use crate::command::told;
use crate::harness::Database;
use crate::support::replicator::url;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Exit code, stdout and stderr.
type Told = (Option<i32>, String, String);

/// The database as this role reaches it.
fn url_as(database: &Database, role: &str) -> String {
    url(database).replace("user=postgres", &format!("user={role}"))
}

/// A role that may log in and nothing else; roles are known to the whole server, so its name has
/// that of the database.
async fn role_of(database: &Database, what: &str) -> String {
    let role = format!("{what}_{}", database.conninfo.database);
    database.execute(&format!("create role {role} login")).await;
    role
}

/// One of our programs, without anything from outside.
fn program(name: &str) -> Command {
    let path = match name {
        "counterfoil" => env!("CARGO_BIN_EXE_counterfoil"),
        "events-diff" => env!("CARGO_BIN_EXE_events-diff"),
        "load-fake-data" => env!("CARGO_BIN_EXE_load-fake-data"),
        other => panic!("there is no program {other}"),
    };
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs one of our programs to its end.
async fn run(name: &str, arguments: &[&str]) -> Told {
    let mut command = tokio::process::Command::from(program(name));
    told(&command.args(arguments).output().await.unwrap())
}

/// It must end with this code.
async fn runs(name: &str, arguments: &[&str], code: i32) -> Told {
    let told = run(name, arguments).await;
    assert_eq!(told.0, Some(code), "{name} {arguments:?}\n{}\n{}", told.1, told.2);
    told
}

/// A configuration in a directory of its own.
struct Configured {
    dir: TempDir,
}

impl Configured {
    /// Copies from here to there.
    fn new(source: &str, destinations: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut text = format!("[source]\nurl = '''{source}'''\n");
        for (name, url) in destinations {
            write!(text, "[[destinations]]\nname = '''{name}'''\nurl = '''{url}'''\n").unwrap();
        }
        text += "[log]\nformat = \"json\"\nlevel = \"debug\"\n";
        std::fs::write(dir.path().join("counterfoil.toml"), text).unwrap();
        Self { dir }
    }

    fn path(&self) -> String {
        self.dir.path().join("counterfoil.toml").display().to_string()
    }

    /// Runs a command with it; it must end with this code.
    async fn runs(&self, name: &str, arguments: &[&str], code: i32) -> Told {
        let path = self.path();
        runs(name, &[arguments, &["--config", &path]].concat(), code).await
    }

    /// Runs a command with it.
    async fn run(&self, name: &str, arguments: &[&str]) -> Told {
        let path = self.path();
        run(name, &[arguments, &["--config", &path]].concat()).await
    }
}

//! The packages of the stores, from the registry they are published in, and their own programs as
//! writers.

use crate::harness::Database;
use crate::support::say;
use counterfoil::config::libpq::HostAt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use tokio::process::Command;
use tokio::task::JoinSet;

/// Where packages come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Registry {
    Pypi,
    Npm,
    /// npm too: what drives a browser.
    Browser,
}

/// The directory of the registry's packages, installed by tools/stores once; `None` where they
/// cannot be had, which is said, and which fails the test where COUNTERFOIL_TEST_STORES=required.
pub fn packages(registry: Registry) -> Option<&'static Path> {
    static PYPI: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    static NPM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    static BROWSER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let (name, installed) = match registry {
        Registry::Pypi => ("pypi", &PYPI),
        Registry::Npm => ("npm", &NPM),
        Registry::Browser => ("browser", &BROWSER),
    };
    match installed.get_or_init(|| install(name)) {
        Ok(dir) => Some(dir),
        Err(reason) => {
            skip(reason);
            None
        }
    }
}

/// Says that a test is skipped, where the output of tests is not captured.
pub fn skip(reason: &str) {
    let is_required = std::env::var_os("COUNTERFOIL_TEST_STORES").is_some_and(|v| v == "required");
    assert!(!is_required, "COUNTERFOIL_TEST_STORES=required: {reason}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test of real stores");
    drop(writeln!(std::io::stderr(), "skipped: {test}: {reason}"));
}

fn install(registry: &str) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/stores");
    let output = std::process::Command::new(script)
        .arg(registry)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(PathBuf::from(text(&output.stdout))),
        false => Err(text(&output.stderr).lines().last().unwrap_or("no reason").to_owned()),
    }
}

/// A script beside this file, with the packages of its registry, in this database.
pub fn script(dir: &Path, name: &str, database: &Database, arguments: &[&str]) -> Command {
    let program = if name.ends_with(".py") { "python3" } else { "node" };
    let mut command = Command::new(program);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stores").join(name))
        .args(arguments)
        .env("PYTHONPATH", dir)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("STORES", dir.join("node_modules"));
    at(command, database)
}

/// The command with libpq's variables for this database.
pub fn at(mut command: Command, database: &Database) -> Command {
    let host = &database.conninfo.hosts[0];
    let HostAt::Unix(socket) = &host.at else { panic!("a private server has a socket") };
    command
        .env("PGHOST", socket)
        .env("PGPORT", host.port.to_string())
        .env("PGUSER", &database.conninfo.user)
        .env("PGDATABASE", &database.conninfo.database)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs all of them at once, to their end; each must succeed.
pub async fn run(commands: Vec<Command>) {
    let mut running = JoinSet::new();
    for mut command in commands {
        running.spawn(async move {
            let output = command.output().await.unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status.success(), text(&output.stdout), text(&output.stderr))
        });
    }
    while let Some(ended) = running.join_next().await {
        let (has_succeeded, out, err) = ended.unwrap();
        assert!(has_succeeded, "{out}{err}");
        say(out.trim());
    }
}

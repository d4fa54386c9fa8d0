//! The program itself, run as a person would: a configuration in a file, flags, an exit code and
//! what it prints.

use super::running::DEADLINE;
use crate::harness::Database;
use counterfoil::config::libpq::{Conninfo, HostAt};
use std::path::PathBuf;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A configuration in a file that goes with this value.
pub struct Program {
    dir: TempDir,
    config: PathBuf,
}

/// How a run ended.
pub struct Ended {
    /// Exit code.
    pub code: i32,
    /// Everything on standard output: the log.
    pub stdout: String,
    /// Everything on standard error: what was wrong.
    pub stderr: String,
}

impl Program {
    /// Writes a configuration under this name.
    pub fn configured(name: &str, text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join(name);
        std::fs::write(&config, text).unwrap();
        Self { dir, config }
    }

    /// With `public.events` of a source and of destinations by name; `more` is put before the
    /// destinations.
    pub fn between(source: &Conninfo, more: &str, destinations: &[(&str, &Conninfo)]) -> Self {
        let mut text = format!("[source]\nurl = \"{}\"\n{more}\n", url(source));
        for (name, conninfo) in destinations {
            text.push_str(&format!(
                "[[destinations]]\nname = \"{name}\"\nurl = \"{}\"\n",
                url(conninfo)
            ));
        }
        Self::configured("counterfoil.toml", &text)
    }

    /// The command of `run` with these flags, apart from whatever the environment of the tests
    /// says.
    pub fn command(&self, flags: &[&str]) -> Command {
        self.subcommand("run", flags)
    }

    /// Another command, in the same way.
    pub fn subcommand(&self, name: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        for (name, _) in std::env::vars()
            .filter(|(name, _)| name.starts_with("PG") || name.starts_with("COUNTERFOIL"))
        {
            command.env_remove(name);
        }
        command
            .env("HOME", self.dir.path())
            .arg(name)
            .arg("--config")
            .arg(&self.config)
            .args(flags);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs it to its end.
    pub async fn run(&self, flags: &[&str]) -> Ended {
        finish(self.command(flags)).await
    }

    /// Starts it, silent; it is killed when dropped.
    pub fn spawn(&self) -> Child {
        self.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Runs a command to its end.
pub async fn finish(mut command: Command) -> Ended {
    let output = tokio::time::timeout(DEADLINE, command.output()).await.unwrap().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The most memory that a process ever had, in kilobytes (proc(5): `VmHWM`).
pub fn peak_kb(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A keyword string of libpq.
fn url(conninfo: &Conninfo) -> String {
    let host = &conninfo.hosts[0];
    let at = match &host.at {
        HostAt::Unix(dir) => dir.display().to_string(),
        HostAt::Tcp { host, .. } => host.clone(),
    };
    format!("host={at} port={} user={} dbname={}", host.port, conninfo.user, conninfo.database)
}

/// Who this run was about, for the message of a failed assertion.
impl std::fmt::Display for Ended {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "exit code {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Everything a database's event table holds, as text.
pub async fn rows(database: &Database) -> Vec<String> {
    database.query("select e::text from public.events e order by e").await
}

/// The command `init` of a side, with every default.
pub fn init(side: &str, conninfo: &Conninfo) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    command.args(["init", side, "--url", &url(conninfo)]).kill_on_drop(true);
    command
}

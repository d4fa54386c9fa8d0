//! The replicator as a process: started with a configuration, watched by its log, signalled,
//! killed; gone with its test.

use super::{LONG, until};
use crate::harness::Database;
use counterfoil::config::libpq::HostAt;
use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// A configuration in the making.
#[derive(Clone)]
pub struct Setup {
    source: String,
    source_keys: String,
    destinations: String,
    replication: String,
    log: String,
    process: String,
}

impl Setup {
    /// Copies from this source, with every default.
    pub fn from(source: &Database) -> Self {
        Self::from_url(&url(source))
    }

    /// As [`Setup::from`], by another connection string.
    pub fn from_url(url: &str) -> Self {
        Self {
            source: url.to_owned(),
            source_keys: String::new(),
            destinations: String::new(),
            replication: String::new(),
            log: String::new(),
            process: String::new(),
        }
    }

    /// Adds a line to `[source]`.
    pub fn source_key(mut self, line: &str) -> Self {
        writeln!(self.source_keys, "{line}").unwrap();
        self
    }

    /// Adds a destination.
    pub fn to(self, name: &str, database: &Database) -> Self {
        self.and_url(name, &url(database))
    }

    /// Adds a destination by its connection string, and other keys after it.
    pub fn and_url(mut self, name: &str, url: &str) -> Self {
        write!(self.destinations, "[[destinations]]\nname = \"{name}\"\nurl = '{url}'\n").unwrap();
        self
    }

    /// Adds a line to the destination that was added last.
    pub fn destination_key(mut self, line: &str) -> Self {
        writeln!(self.destinations, "{line}").unwrap();
        self
    }

    /// Adds a line to `[replication]`.
    pub fn key(mut self, line: &str) -> Self {
        writeln!(self.replication, "{line}").unwrap();
        self
    }

    /// Adds a line to `[log]`.
    pub fn log_key(mut self, line: &str) -> Self {
        writeln!(self.log, "{line}").unwrap();
        self
    }

    /// Adds a section of the process.
    pub fn process(mut self, section: &str) -> Self {
        writeln!(self.process, "{section}").unwrap();
        self
    }

    /// Starts `counterfoil run` with these flags.
    pub fn start(&self, flags: &[&str]) -> Replicator {
        self.start_by(program(), flags)
    }

    /// As [`Setup::start`], as a replication of this name.
    pub fn start_named(&self, name: &str, flags: &[&str]) -> Replicator {
        self.start_in(program(), name, flags)
    }

    fn start_in(&self, command: Command, name: &str, flags: &[&str]) -> Replicator {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(format!("{name}.toml"));
        std::fs::write(&file, format!("{}{LOG}{}{}", self.text(), self.log, self.process)).unwrap();
        start(command, dir, &file, flags)
    }

    /// As [`Setup::start`], by this command, which runs `counterfoil` with what is added to it.
    pub fn start_by(&self, command: Command, flags: &[&str]) -> Replicator {
        self.start_in(command, "counterfoil", flags)
    }

    /// The file, without what belongs to the process.
    pub fn text(&self) -> String {
        let Self { source, source_keys, destinations, replication, .. } = self;
        format!(
            "[source]\nurl = \
             '{source}'\n{source_keys}\n{destinations}\n[replication]\n{replication}\n"
        )
    }
}

/// What belongs to the process.
const LOG: &str = "[log]\nformat = \"json\"\nlevel = \"debug\"\n";

/// Starts `counterfoil run` with a folder of these replications, by the name of their files.
pub fn start_folder(replications: &[(&str, &Setup)], flags: &[&str]) -> Replicator {
    let files: Vec<(String, String)> =
        replications.iter().map(|(name, setup)| (format!("{name}.toml"), setup.text())).collect();
    start_files("", &files, program(), |_| {}, flags)
}

/// Starts `counterfoil run` by this command with a folder of these files, and what these lines say of
/// the process; the folder is sealed before it starts.
pub fn start_files(
    process: &str,
    files: &[(String, String)],
    command: Command,
    seal: impl FnOnce(&Path),
    flags: &[&str],
) -> Replicator {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("configuration");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("process.toml"), format!("{LOG}{process}")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    seal(&folder);
    start(command, dir, &folder, flags)
}

fn start(mut command: Command, dir: TempDir, config: &Path, flags: &[&str]) -> Replicator {
    let open = |name: &str| File::create(dir.path().join(name)).unwrap();
    let child = command
        .arg("run")
        .arg("--config")
        .arg(config)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(open("log"))
        .stderr(open("stderr"))
        .spawn()
        .unwrap();
    Replicator { child, dir }
}

/// A running `counterfoil run`; killed when dropped.
pub struct Replicator {
    child: Child,
    dir: TempDir,
}

/// How a process ended.
#[derive(Debug)]
pub struct End {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it said last, to the person.
    pub report: String,
    /// Everything it logged.
    pub log: String,
}

impl Replicator {
    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// How many lines it has logged with all of these words.
    pub fn lines(&self, words: &[&str]) -> usize {
        self.log().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }

    /// Waits until it has logged a line with all of these words.
    pub async fn says(&mut self, words: &[&str]) {
        let start = Instant::now();
        while self.lines(words) == 0 {
            let has_ended = self.child.try_wait().unwrap();
            assert!(
                start.elapsed() < LONG && (has_ended.is_none() || self.lines(words) > 0),
                "it does not say {words:?} ({has_ended:?}, {}):\n{}",
                self.report(),
                self.log()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// The folder of its configuration.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("configuration")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    pub fn kill_nine(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The most memory that was its own so far, in KiB.
    pub fn memory_peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended by itself.
    pub async fn ends(&mut self) -> End {
        let mut end = None;
        until("the replicator ends", async || {
            end = self.ended();
            end.is_some()
        })
        .await;
        let end = end.unwrap();
        assert_ne!(end.signal, Some(6), "it aborted");
        end
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<End> {
        let status = self.child.try_wait().unwrap()?;
        Some(End {
            code: status.code(),
            signal: status.signal(),
            report: self.report(),
            log: self.log(),
        })
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits until it has; it must end with 0.
    pub async fn stops(mut self) -> End {
        self.signal(Signal::TERM);
        let end = self.ends().await;
        assert_eq!(end.code, Some(0), "{end:?}");
        end
    }

    fn report(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("stderr")).unwrap()
    }
}

impl Drop for Replicator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A database as a configuration names it.
pub fn url(database: &Database) -> String {
    let host = &database.conninfo.hosts[0];
    let HostAt::Unix(dir) = &host.at else { panic!("a private server has a socket") };
    format!(
        "host={} port={} user={} dbname={}",
        dir.display(),
        host.port,
        database.conninfo.user,
        database.conninfo.database
    )
}

/// A database as superuser, at a port of 127.0.0.1 and without TLS: through whatever stands before
/// its server.
pub fn url_at(port: u16, database: &str) -> String {
    format!("host=127.0.0.1 port={port} user=postgres dbname={database} sslmode=disable")
}

/// Runs `counterfoil` with these arguments; it must succeed.
pub async fn counterfoil(arguments: &[&str]) {
    let mut command = tokio::process::Command::from(program());
    let output = command.args(arguments).stdin(Stdio::null()).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// `counterfoil`, without an environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    command.env_clear();
    command
}

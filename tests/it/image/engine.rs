//! The container engine: podman with a store of its own for one test, gone with it.

use crate::support::LONG;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Command;

/// The name of the image within the archive that tools/image writes.
pub const IMAGE: &str = "localhost/counterfoil:latest";
/// As much of a log as Kubernetes puts into a termination message (kubelet,
/// `MaxContainerTerminationMessageLogLines` and `…LogLength`).
const MESSAGE_LINES_MAX: usize = 80;
const MESSAGE_BYTES_MAX: usize = 2048;
/// The longest path of its directory for a run that podman takes.
const RUNROOT_LENGTH_MAX: usize = 50;

/// podman and its store.
pub struct Engine {
    dir: TempDir,
}

/// A container to be run: what is mounted and set, and its arguments.
#[derive(Default)]
pub struct Container<'a> {
    /// Files of ours and where they stand, read-only.
    pub mounts: Vec<(PathBuf, &'a str)>,
    /// `NAME=value`.
    pub variables: Vec<&'a str>,
    /// Another program of the image.
    pub entrypoint: Option<&'a str>,
    /// What comes after the image.
    pub arguments: Vec<&'a str>,
}

/// How a container ended.
#[derive(Debug)]
pub struct ContainerEnd {
    /// Its exit code.
    pub code: i32,
    /// Both of its streams, as they came.
    pub log: String,
}

impl ContainerEnd {
    /// What Kubernetes keeps of it with `terminationMessagePolicy: FallbackToLogsOnError`.
    pub fn termination_message(&self) -> &str {
        let starts = self.log.match_indices('\n').map(|(at, _)| at + 1);
        let starts: Vec<usize> =
            std::iter::once(0).chain(starts).filter(|at| *at < self.log.len()).collect();
        let start = starts.len().saturating_sub(MESSAGE_LINES_MAX);
        let start = starts.get(start).copied().unwrap_or(0);
        let start = start.max(self.log.len().saturating_sub(MESSAGE_BYTES_MAX));
        let start = (start..=self.log.len()).find(|at| self.log.is_char_boundary(*at)).unwrap();
        &self.log[start..]
    }
}

impl Engine {
    /// An empty store.
    pub fn new() -> Self {
        Self { dir: short_dir() }
    }

    /// podman with these arguments.
    pub async fn podman(&self, arguments: &[&str]) -> Output {
        tokio::time::timeout(LONG, self.command(arguments).output()).await.unwrap().unwrap()
    }

    /// What podman prints; it must succeed.
    pub async fn told(&self, arguments: &[&str]) -> String {
        let output = self.podman(arguments).await;
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "podman {arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs a container to its end, with nothing that it does not need.
    pub async fn run(&self, container: &Container<'_>) -> ContainerEnd {
        let log = self.dir.path().join("log");
        let option = format!("path={}", log.display());
        let output = self.start(&["--rm", "--log-opt", &option], container).await;
        let code = output.status.code().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(code < 125, "podman itself failed: {complaint}");
        let log = streams(&std::fs::read_to_string(&log).unwrap_or_default());
        std::fs::remove_file(self.dir.path().join("log")).unwrap();
        ContainerEnd { code, log }
    }

    /// Starts a container that stays, under this name.
    pub async fn follow(&self, name: &str, container: &Container<'_>) {
        let output = self.start(&["--detach", "--name", name], container).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Sends what the image wants for a stop; gives the exit code, and how long it took.
    pub async fn stop(&self, name: &str) -> (String, Duration) {
        let start = Instant::now();
        self.told(&["stop", "--time", "30", name]).await;
        let took = start.elapsed();
        (self.told(&["inspect", name, "--format", "{{.State.ExitCode}}"]).await, took)
    }

    async fn start(&self, flags: &[&str], container: &Container<'_>) -> Output {
        let mut arguments = vec!["run", "--network", "host", "--pull", "never"];
        arguments.extend(["--read-only", "--read-only-tmpfs=false", "--cap-drop", "all"]);
        arguments.extend(["--security-opt", "no-new-privileges", "--memory", "64m"]);
        arguments.extend(flags);
        let mounts = container.mounts.iter();
        let mounts: Vec<String> =
            mounts.map(|(file, place)| format!("{}:{place}:ro", file.display())).collect();
        mounts.iter().for_each(|mount| arguments.extend(["--volume", mount]));
        container.variables.iter().for_each(|variable| arguments.extend(["--env", variable]));
        arguments.extend(container.entrypoint.iter().flat_map(|program| ["--entrypoint", program]));
        arguments.push(IMAGE);
        arguments.extend(&container.arguments);
        self.podman(&arguments).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = podman(self.dir.path());
        command.args(arguments).kill_on_drop(true);
        command
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for arguments in [["pod", "rm"], ["container", "rm"], ["image", "rm"]] {
            let command = self.command(&arguments);
            let _ = command.into_std().args(["--all", "--force"]).output();
        }
    }
}

/// A directory whose path podman accepts, which takes 50 characters at most for what is in it.
pub fn short_dir() -> TempDir {
    let usual = std::env::temp_dir();
    let is_short = usual.as_os_str().len() + "/.tmpabcdef/r".len() <= RUNROOT_LENGTH_MAX;
    tempfile::tempdir_in(if is_short { usual.as_path() } else { Path::new("/tmp") }).unwrap()
}

/// podman, with its store in this directory.
pub fn podman(dir: &Path) -> Command {
    let mut command = Command::new("podman");
    for (flag, name) in [("--root", "storage"), ("--runroot", "r"), ("--tmpdir", "tmp")] {
        command.arg(flag).arg(dir.join(name));
    }
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/image/containers.conf");
    command.args([OsStr::new("--storage-driver"), OsStr::new("vfs")]);
    command.env("CONTAINERS_CONF", settings).stdin(Stdio::null());
    command
}

/// The lines of a log as podman and Kubernetes keep it: time, stream, whole or part, text.
pub fn streams(kept: &str) -> String {
    let mut log = String::new();
    for line in kept.lines() {
        let mut words = line.splitn(4, ' ').skip(2);
        let is_whole = words.next() == Some("F");
        log.push_str(words.next().unwrap_or_default());
        log.push_str(if is_whole { "\n" } else { "" });
    }
    log
}

#[test]
fn a_termination_message_is_the_end_of_a_log_within_lines_and_bytes() {
    let end = |log: &str| ContainerEnd { code: 1, log: log.to_owned() };
    assert_eq!(end("").termination_message(), "");
    assert_eq!(end("a\nb\n").termination_message(), "a\nb\n");
    let many: String = (1..=100).map(|line| format!("{line}\n")).collect();
    assert!(end(&many).termination_message().starts_with("21\n22\n"));
    let long = format!("{}é\n", "x".repeat(4000));
    assert_eq!(end(&long).termination_message().len(), MESSAGE_BYTES_MAX);
}

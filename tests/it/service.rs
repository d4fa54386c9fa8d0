//! What a service manager is told over its socket, by real runs: ready, alive, reloading, stopping.

use crate::edges::{between, pair};
use crate::harness::fresh_destination;
use crate::support::events::{init_destination, insert};
use crate::support::replicator::{Replicator, Setup};
use crate::support::{LONG, counting_process, hold_up_counts, until};
use rustix::process::Signal;
use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The process is taken for dead after so long without a word.
const WATCHDOG: Duration = Duration::from_secs(4);

/// The end of the socket at which a service manager listens.
struct Manager {
    socket: tokio::net::UnixDatagram,
    name: String,
    heard: Vec<String>,
    _dir: Option<TempDir>,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let address = SocketAddr::from_pathname(&path).unwrap();
        Self::at(&address, path.to_str().unwrap().to_owned(), Some(dir))
    }

    /// At a name that is in no directory.
    fn at_abstract_name() -> Self {
        let name = format!("counterfoil-{}-{}", std::process::id(), rand::random::<u64>());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self::at(&address, format!("@{name}"), None)
    }

    fn at(address: &SocketAddr, name: String, dir: Option<TempDir>) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::UnixDatagram::from_std(socket).unwrap();
        Self { socket, name, heard: Vec::new(), _dir: dir }
    }

    /// `counterfoil` as this manager starts it.
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        command
            .env_clear()
            .env("NOTIFY_SOCKET", &self.name)
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        command
    }

    fn start(&self, setup: &Setup) -> Replicator {
        setup.start_by(self.program(), &[])
    }

    /// The next line; `None` when none comes in this time.
    async fn next_within(&mut self, time: Duration) -> Option<String> {
        if self.heard.is_empty() {
            let mut message = [0; 4096];
            let length = tokio::time::timeout(time, self.socket.recv(&mut message)).await.ok()?;
            let text = std::str::from_utf8(&message[..length.unwrap()]).unwrap();
            assert!(!text.is_empty(), "an empty message");
            self.heard.extend(text.lines().map(str::to_owned));
        }
        Some(self.heard.remove(0))
    }

    /// Waits for a line that begins so; gives all lines up to it.
    async fn hears(&mut self, start: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.starts_with(start)) {
            let next = self.next_within(LONG).await;
            lines.push(next.unwrap_or_else(|| panic!("no {start:?} after {lines:?}")));
        }
        lines
    }
}

fn has(lines: &[String], start: &str) -> bool {
    lines.iter().any(|line| line.starts_with(start))
}

#[tokio::test]
async fn a_service_is_ready_after_its_checks_lives_visibly_and_says_that_it_stops() {
    let (source, copy) = pair().await;
    insert(&source, 5).await;
    let locker = hold_up_counts(&copy).await;
    let mut manager = Manager::new();
    let replicator = manager.start(&between(&source, &copy));
    until("it counts", async || counting_process(&copy).await != ["0"]).await;
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.extend(manager.hears("WATCHDOG=1").await);
    }
    assert!(!has(&lines, "READY=1"), "it was not checked: {lines:?}");
    assert!(has(&lines, "EXTEND_TIMEOUT_USEC=60000000"), "{lines:?}");
    assert!(has(&lines, "STATUS=0 of 1 destinations level: copy opening"), "{lines:?}");
    drop(locker);
    manager.hears("READY=1").await;
    manager.hears("STATUS=1 of 1 destinations level").await;
    let lines = manager.hears("WATCHDOG=1").await;
    assert!(!has(&lines, "STOPPING=1"), "{lines:?}");
    let end = replicator.stops().await;
    let lines = manager.hears("STOPPING=1").await;
    assert!(!has(&lines, "READY=1"), "{lines:?}");
    assert!(!end.log.contains("service manager"), "{}", end.log);
}

#[tokio::test]
async fn a_reload_is_told_with_its_moment_and_again_when_it_is_over_or_was_refused() {
    let (source, copy) = pair().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("one.toml");
    std::fs::write(&file, between(&source, &copy).text()).unwrap();
    let mut manager = Manager::at_abstract_name();
    let mut command = manager.program();
    command.args(["run", "--config"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    manager.hears("READY=1").await;
    for text in [between(&source, &copy).key("max_events_per_write = 7").text(), "[".to_owned()] {
        std::fs::write(&file, text).unwrap();
        let before = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec;
        rustix::process::kill_process(pid, Signal::HUP).unwrap();
        manager.hears("RELOADING=1").await;
        let lines = manager.hears("MONOTONIC_USEC=").await;
        assert_eq!(lines.len(), 1, "in the same message: {lines:?}");
        let microseconds: i64 = lines[0].split_once('=').unwrap().1.parse().unwrap();
        assert!((before..before + 90).contains(&(microseconds / 1_000_000)), "{lines:?}");
        manager.hears("READY=1").await;
    }
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    manager.hears("STOPPING=1").await;
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_service_whose_log_nobody_reads_is_stuck_and_feeds_no_watchdog_until_it_goes_on() {
    let (source, copy) = pair().await;
    let other = fresh_destination().await;
    init_destination(&other).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("one.toml");
    let setup = between(&source, &copy).to("other", &other);
    let log = "[log]\nformat = \"json\"\nlevel = \"debug\"\n";
    std::fs::write(&file, setup.text() + log).unwrap();
    let mut manager = Manager::new();
    let mut command = manager.program();
    command.args(["run", "--config"]).arg(&file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    manager.hears("READY=1").await;
    manager.hears("WATCHDOG=1").await;
    // The loop itself writes a line for each pass: until the pipe is full, and it waits for a reader.
    let writing = tokio::spawn(async move {
        loop {
            insert(&source, 1).await;
        }
    });
    // As the manager itself judges: no word for longer than the watchdog's time. (A thread that is
    // blocked can keep the look at the replications from running, too: then nobody says why.)
    let start = std::time::Instant::now();
    while manager
        .next_within(WATCHDOG * 3 / 2)
        .await
        .is_some_and(|line| !line.contains(" is stuck"))
    {
        assert!(start.elapsed() < LONG, "its log fills no pipe");
    }
    writing.abort();
    let mut output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let _ = output.read_to_end(&mut Vec::new());
    });
    manager.hears("WATCHDOG=1").await;
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
}

#[tokio::test]
async fn a_refusal_at_the_start_is_told_with_its_reason_and_never_as_ready() {
    let (source, copy) = pair().await;
    copy.execute("drop table events").await;
    let mut manager = Manager::new();
    let mut replicator = manager.start(&between(&source, &copy));
    assert_eq!(replicator.ends().await.code, Some(3));
    let mut lines = manager.hears("STOPPING=1").await;
    lines.extend(manager.hears("STATUS=").await);
    assert!(!has(&lines, "READY=1"), "{lines:?}");
    assert!(lines.last().unwrap().contains("there is no table public.events"), "{lines:?}");
}

#[tokio::test]
async fn a_job_that_ends_well_was_ready_however_quickly_it_ends() {
    let (source, copy) = pair().await;
    let mut manager = Manager::new();
    let mut replicator =
        between(&source, &copy).start_by(manager.program(), &["--until-caught-up"]);
    assert_eq!(replicator.ends().await.code, Some(0));
    manager.hears("READY=1").await;
    manager.hears("STOPPING=1").await;
}

#[tokio::test]
async fn a_source_that_is_away_lets_the_service_be_ready_and_the_status_names_it() {
    let (_, copy) = pair().await;
    let away = Setup::from_url("host=/nowhere user=u dbname=d").to("copy", &copy);
    let mut manager = Manager::new();
    let replicator = manager.start(&away);
    let mut lines = manager.hears("READY=1").await;
    if !has(&lines, "STATUS=0 of 1 destinations level: source waiting") {
        lines.extend(manager.hears("STATUS=0 of 1 destinations level: source waiting").await);
    }
    replicator.stops().await;
}

#[tokio::test]
async fn a_manager_that_cannot_be_told_is_logged_and_stops_nothing() {
    let (source, copy) = pair().await;
    for name in ["/nowhere/notify", "vsock:2:1"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        command.env_clear().env("NOTIFY_SOCKET", name);
        let mut replicator = between(&source, &copy).start_by(command, &["--until-caught-up"]);
        let end = replicator.ends().await;
        assert_eq!(end.code, Some(0), "{end:?}");
        let words = ["the service manager cannot be told how the replications stand", name];
        assert!(words.iter().all(|word| end.log.contains(word)), "{}", end.log);
    }
}

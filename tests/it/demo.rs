//! `counterfoil demo` ends in a proof, or in nothing, and leaves nothing behind.

use crate::command::{Running, counterfoil, told};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A place for what the demo makes, that the account of its servers can enter too.
fn temporary() -> TempDir {
    let builder =
        tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir_in("/tmp");
    builder.unwrap()
}

fn demo(arguments: &[&str], temporary: &TempDir) -> Command {
    let mut command = counterfoil(&["demo"]);
    command.args(arguments).env("TMPDIR", temporary.path());
    command
}

/// Whether there is a file in the directory, or a process that has it in its command line.
fn is_anything_left(dir: &Path) -> bool {
    let name = dir.to_str().unwrap();
    let knows = |process: std::fs::DirEntry| {
        let command_line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command_line).contains(name)
    };
    dir.read_dir().unwrap().next().is_some()
        || std::fs::read_dir("/proc").unwrap().flatten().any(knows)
}

fn wait_until_nothing_is_left(temporary: &TempDir) {
    let began = Instant::now();
    while is_anything_left(temporary.path()) {
        assert!(began.elapsed() < Duration::from_secs(60), "something is left");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The columns of the proof of one side: name, events, last id and digest.
fn proof<'a>(story: &'a str, name: &str) -> Vec<&'a str> {
    let line = story.lines().find(|line| {
        line.split_whitespace().next() == Some(name) && line.split_whitespace().count() == 4
    });
    line.unwrap_or_else(|| panic!("no proof of {name} in\n{story}"))
        .split_whitespace()
        .skip(1)
        .collect()
}

#[test]
fn the_demo_proves_three_tables_equal_and_keeps_them_for_looking_around_until_ctrl_c() {
    let temporary = temporary();
    let mut running = Running::start(demo(&["--events", "600", "--keep"], &temporary));
    let last_command = running.line_with(" run --until-caught-up ");
    let story = running.told.clone();
    assert!(story.contains("\nequal: all "), "{story}");
    let source = proof(&story, "source");
    let events: u64 = source[0].replace(',', "").parse().unwrap();
    assert!((600..700).contains(&events), "{story}");
    assert_eq!(source[2].len(), 64, "{story}");
    assert_eq!(
        (proof(&story, "north"), proof(&story, "south")),
        (source.clone(), source),
        "{story}"
    );
    for told in [
        "were rolled back in",
        "were committed after an event with a higher id",
        "killed with SIGKILL",
        "replicator: the destination was lost, trying again: south",
    ] {
        assert!(story.contains(told), "no {told:?} in\n{story}");
    }
    let config = last_command.trim().rsplit(' ').next().unwrap();
    let status = counterfoil(&["status", "--config", config]).output().unwrap();
    let (code, standing, _) = told(&status);
    assert_eq!((code, standing.matches(" level ").count()), (Some(0), 2), "{standing}");
    assert!(is_anything_left(temporary.path()));
    running.signal(Signal::INT);
    assert_eq!(running.end(), Some(0), "{}", running.told);
    wait_until_nothing_is_left(&temporary);
}

#[test]
fn ctrl_c_in_the_middle_of_the_demo_ends_it_without_a_proof_and_leaves_nothing() {
    let temporary = temporary();
    let mut running = Running::start(demo(&["--events", "20000"], &temporary));
    running.line_with("replication starts while writing goes on");
    running.signal(Signal::INT);
    assert_eq!(running.end(), Some(130), "{}", running.told);
    assert!(running.told.contains("stopped before the proof"), "{}", running.told);
    assert!(!running.told.contains("equal"), "{}", running.told);
    wait_until_nothing_is_left(&temporary);
}

#[test]
fn a_killed_demo_leaves_nothing() {
    let temporary = temporary();
    let mut running = Running::start(demo(&["--events", "20000"], &temporary));
    running.line_with("writers begin");
    running.signal(Signal::KILL);
    running.end();
    wait_until_nothing_is_left(&temporary);
}

#[test]
fn without_postgresql_the_demo_says_in_one_line_what_to_install() {
    let temporary = temporary();
    let mut command = demo(&[], &temporary);
    let (code, _, complaint) =
        told(&command.env("COUNTERFOIL_POSTGRES_BIN", temporary.path()).output().unwrap());
    assert_eq!(code, Some(3), "{complaint}");
    let fix = complaint.lines().find(|line| line.trim_start().starts_with("fix: "));
    assert!(fix.is_some_and(|fix| fix.contains("apt-get install postgresql")), "{complaint}");
    assert!(!is_anything_left(temporary.path()));
}

#[test]
fn the_demo_opens_a_window_over_it_and_goes_on_after_the_proof_until_ctrl_c() {
    let temporary = temporary();
    let mut running = Running::start(demo(&["--events", "600", "--console"], &temporary));
    let opened = running.line_with("the window is open at http://");
    let address = opened.trim().rsplit("http://").next().unwrap().to_owned();
    running.line_with("The writers go on, and the window stays open");
    let began = Instant::now();
    let shown = loop {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        if page.contains("Verified through id ") && page.contains("north") {
            break page;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{page}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(shown.contains("south"), "{shown}");
    running.signal(Signal::INT);
    assert_eq!(running.end(), Some(0), "{}", running.told);
    wait_until_nothing_is_left(&temporary);
}

//! Results that cannot be written: an error with its exit code, never a panic.

use crate::command::{counterfoil, told};
use crate::diff::events_diff;
use crate::status_command::{configuration, pair};
use crate::support::replicator::url;
use std::fs::OpenOptions;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Its exit code and what it complains of, where its output goes onto a full disk, and where nobody
/// reads it.
fn unwritten(command: impl Fn() -> Command) -> [(Option<i32>, String); 2] {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    [Stdio::from(full), Stdio::from(writer)].map(|out| {
        let child = command().stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        let (code, _, complaint) = told(&child.wait_with_output().unwrap());
        (code, complaint)
    })
}

#[tokio::test]
async fn a_result_that_cannot_be_written_ends_with_an_error_and_never_with_a_panic() {
    let (source, destination) = pair(5).await;
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("counterfoil.toml");
    std::fs::write(&config, configuration(&source, &destination)).unwrap();
    let config = config.to_str().unwrap();
    let (first, second) = (url(&source), url(&destination));
    let ours = |arguments: &[&str]| {
        let arguments: Vec<String> =
            arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let command = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            counterfoil(&arguments)
        };
        (Box::new(command) as Box<dyn Fn() -> Command>, 8)
    };
    let load = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_load-fake-data"));
        command
            .args(["--url", &first, "--world=orders", "--events=10", "--dry-run"])
            .env_remove("COUNTERFOIL_CONFIG");
        command
    };
    let cases = [
        ours(&["status", "--config", config]),
        ours(&["status", "--json", "--config", config]),
        ours(&["run", "--dry-run", "--config", config]),
        ours(&["repair", "--insert-missing", "--destination=copy", "--config", config]),
        ours(&["init", "source", "--dry-run", "--url", &first]),
        ours(&["init", "destination", "--url", &second]),
        (Box::new(|| events_diff(&[&first, &second])), 2),
        (Box::new(load), 8),
    ];
    for (command, expected) in cases {
        for (code, complaint) in unwritten(&command) {
            assert_eq!(code, Some(expected), "{:?}: {complaint}", command());
            assert!(
                complaint.contains("cannot write the result") && !complaint.contains("panicked"),
                "{:?}: {complaint}",
                command()
            );
        }
    }
}

#[tokio::test]
async fn a_complaint_that_cannot_be_written_is_no_panic_either() {
    let (full, mut command) =
        (OpenOptions::new().write(true).open("/dev/full").unwrap(), counterfoil(&["status"]));
    command.args(["--config", "/nowhere/at/all.toml"]).stderr(full);
    assert_eq!(command.status().unwrap().code(), Some(2));
}

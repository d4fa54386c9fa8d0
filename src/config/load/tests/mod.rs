//! Whole files: what is taken, what is refused, and where.
#![allow(clippy::unwrap_used)]

mod columns;
mod console;
mod files;
mod keys;
mod problems;
mod rename;
mod several;
mod slate;
mod sqlite;
mod values;
mod verify;

use super::*;
use crate::config::libpq::{HostAt, SslMode};
use crate::config::{GroupBy, IdsSetting};
use crate::log::LogFormat;
use secrecy::ExposeSecret;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

const VARIABLES: [(&str, &str); 5] = [
    ("SOURCE_PASSWORD", "hunter2"),
    ("DESTINATION_PASSWORD", "hunter2 too"),
    ("WAIT", "250"),
    ("SECRET", "hunter2"),
    ("EMPTY", ""),
];

fn variable(name: &str) -> Option<String> {
    let found = VARIABLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| (*value).to_owned())
}

fn environment() -> Environment<'static> {
    Environment { var: &variable, os_user: Some("ann".to_owned()), ..Environment::empty() }
}

/// Loads a file of this name, text and permissions.
fn load_file(
    name: &str,
    text: &str,
    mode: u32,
    flags: &Flags,
) -> std::result::Result<ReplicationConfig, Problems> {
    load_whole(name, text, mode, flags).map(|(_, replication)| replication)
}

/// As [`load_file`], with what the file says of the process.
fn load_whole(
    name: &str,
    text: &str,
    mode: u32,
    flags: &Flags,
) -> std::result::Result<(ProcessConfig, ReplicationConfig), Problems> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let loaded = load_with(&path, flags, &environment());
    // Another text of the same meaning is equal here.
    loaded.map(|(process, replication)| {
        (process, ReplicationConfig { revision: 0, flags: String::new(), ..replication })
    })
}

/// What a file that is right says of the process.
fn process(name: &str, text: &str) -> ProcessConfig {
    load_whole(name, text, 0o600, &Flags::default()).unwrap().0
}

fn toml(text: &str) -> std::result::Result<ReplicationConfig, Problems> {
    load_file("config.toml", text, 0o600, &Flags::default())
}

fn json(text: &str) -> std::result::Result<ReplicationConfig, Problems> {
    load_file("config.json", text, 0o600, &Flags::default())
}

/// What, place without the folder, and fix of each problem.
fn told(problems: Problems) -> Vec<[String; 3]> {
    let tell = |problem: Error| {
        assert_eq!(problem.kind(), ErrorKind::Usage, "{}", problem.report());
        let place = problem.place().unwrap();
        let place = place.rsplit_once('/').map_or(place, |(_, name)| name).to_owned();
        [problem.what().to_owned(), place, problem.remedy().unwrap().to_owned()]
    };
    problems.into_iter().map(tell).collect()
}

/// The only problem of a TOML file.
fn problem(text: &str) -> [String; 3] {
    let problems = told(toml(text).unwrap_err());
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap()
}

const SOURCE: &str = "[source]\nurl = \"postgres://reader@db1/orders\"\n";
const DESTINATION: &str =
    "[[destinations]]\nname = \"a\"\nurl = \"postgres://writer@db2/orders\"\n";

/// A file that is right, with these lines at the end of its source.
fn with_source(lines: &str) -> String {
    format!("{SOURCE}{lines}\n{DESTINATION}")
}

/// A file that is right, with these lines at the end of its only destination.
fn with_destination(lines: &str) -> String {
    format!("{SOURCE}{DESTINATION}{lines}\n")
}

const SLATE: &str = r#"{
  "maxEventsPerWrite": 500,
  "connectTimeout": 2000,
  "eventSource": { "host": "db1", "databaseName": "orders", "user": "reader", "password": "hunter2" },
  "replicationDestinations": [
    { "host": "db2", "databaseName": "orders", "user": "writer", "password": "hunter2" },
    { "host": "db3", "databaseName": "orders", "user": "writer", "password": "hunter2" }
  ]
}"#;

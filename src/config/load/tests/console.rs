//! Where the window listens and who may use it.

use super::*;
use crate::config::load::load_all;
use crate::config::{ConsoleConfig, ListenAddress, MetricsAccess, PasswordHashSource};
use std::path::Path;

/// A right file with this beneath `[console]`.
fn console(lines: &str) -> std::result::Result<ConsoleConfig, Problems> {
    let text = with_destination(&format!("[console]\n{lines}"));
    load_whole("c.toml", &text, 0o600, &Flags::default()).map(|(process, _)| process.console)
}

fn problem(lines: &str) -> [String; 3] {
    let mut problems = told(console(lines).unwrap_err());
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.remove(0)
}

const HASH: &str = "password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA\"";

#[test]
fn nothing_listens_unless_an_address_is_given() {
    let config = console("").unwrap();
    assert_eq!((config.listen, config.metrics), (None, MetricsAccess::Open));
    let listens = |text: &str| console(&format!("listen = {text:?}")).unwrap().listen.unwrap();
    assert_eq!(listens("127.0.0.1:8080"), ListenAddress::Tcp("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(listens("localhost:8080"), ListenAddress::Tcp("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(listens(":8080"), ListenAddress::Tcp("0.0.0.0:8080".parse().unwrap()));
    assert_eq!(listens("[::]:0").to_string(), "[::]:0");
    assert_eq!(listens("unix:/run/a.sock"), ListenAddress::Unix("/run/a.sock".into()));
    assert!(listens("[::1]:1").is_local() && !listens(":1").is_local());
    for wrong in ["8080", "unix:", "db1:80", "127.0.0.1", "127.0.0.1:99999"] {
        let [what, place, fix] = problem(&format!("listen = {wrong:?}"));
        assert_eq!(what, format!("console.listen cannot be {wrong:?}"));
        assert!(
            place.ends_with("console.listen") && fix.contains("127.0.0.1:8080"),
            "{place} {fix}"
        );
    }
}

#[test]
fn the_command_line_says_where_it_listens_whatever_the_file_says() {
    let text = with_destination("[console]\nlisten = \"127.0.0.1:1\"");
    let flags = Flags { console: ListenAddress::parse(":2"), ..Flags::default() };
    let (process, _) = load_whole("c.toml", &text, 0o600, &flags).unwrap();
    assert_eq!(process.console.listen, ListenAddress::parse(":2"));
}

#[test]
fn a_secret_never_crosses_a_network_in_the_clear() {
    let beyond = "listen = \":8080\"";
    for secret in [HASH, "password_hash_file = \"h\"", "token_file = \"t\""] {
        let [what, _, fix] = problem(&format!("{beyond}\n{secret}"));
        assert!(what.contains("in the clear") && fix.contains("tls_certificate"), "{what}: {fix}");
        for safe in [
            "listen = \"127.0.0.1:8080\"",
            "listen = \"unix:/s\"",
            "listen = \":8080\"\nbehind_tls_proxy = true",
            "listen = \":8080\"\ntls_certificate = \"c\"\ntls_key = \"k\"",
        ] {
            assert!(console(&format!("{safe}\n{secret}")).unwrap().has_login(), "{safe}");
        }
    }
    assert!(!console(beyond).unwrap().has_login());
}

#[test]
fn what_contradicts_itself_is_refused() {
    let here = "listen = \"127.0.0.1:8080\"";
    let [what, _, fix] = problem(&format!("{here}\ntls_key = \"k\""));
    assert_eq!(
        (what.as_str(), fix.as_str()),
        ("console.tls_key is set without tls_certificate", "set tls_certificate too")
    );
    let [what, ..] = problem(&format!("{here}\nedit = true"));
    assert_eq!(what, "console.edit needs a login, so that each change has its author");
    let [what, ..] = problem(&format!("{here}\nmetrics = \"login\""));
    assert_eq!(what, "console.metrics is \"login\" and nobody can sign in");
    let [what, ..] = problem(&format!("{HASH}\npassword_hash_file = \"h\""));
    assert_eq!(what, "console.password_hash and console.password_hash_file are the same setting");
    let [what, ..] = problem("password_hash = \"secret\"");
    assert_eq!(what, "console.password_hash is not an argon2id hash");
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let config = console("password_hash_file = \"secrets/hash\"").unwrap();
    let Some(PasswordHashSource::File(file)) = config.password_hash else { panic!("no file") };
    assert!(file.is_absolute() && file.ends_with("secrets/hash"), "{file:?}");
}

#[test]
fn sections_of_the_process_may_stand_in_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.toml", &with_destination(""));
    write("log.toml", "[log]\nlevel = \"debug\"");
    write("window.toml", "[console]\nlisten = \"127.0.0.1:8080\"\n[metrics]\nfile = \"a.prom\"");
    let config = load_all(&[folder.path().to_owned()], &Flags::default(), &environment()).unwrap();
    assert_eq!(config.process.log.level, slog::Level::Debug);
    assert!(config.process.console.listen.is_some());
    assert_eq!(
        config.process.metrics.file.as_deref(),
        Some(folder.path().join("a.prom").as_path())
    );
    assert!(Path::new("a.prom").is_relative());
}

/// A folder with these files, read as `run` reads it.
fn of_process_alone(
    files: &[(&str, &str)],
    may_be_empty: bool,
) -> std::result::Result<usize, Problems> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let flags = Flags { may_be_empty, ..Flags::default() };
    let config = load_all(&[folder.path().to_owned()], &flags, &environment());
    config.map(|config| config.replications.len())
}

#[test]
fn a_window_in_which_the_first_replication_can_be_made_needs_none_to_begin_with() {
    let edit = format!("[console]\nlisten = \"127.0.0.1:0\"\nedit = true\n{HASH}\n");
    for files in [vec![("a.toml", &*edit)], vec![("a.toml", &*edit), ("b.toml", "[log]\n")]] {
        assert_eq!(of_process_alone(&files, true).unwrap(), 0);
        assert!(of_process_alone(&files, false).is_err(), "another command needs one");
    }
    for line in ["edit = true\n", "listen = \"127.0.0.1:0\"\n"] {
        let text = edit.replace(line, "");
        let problem = of_process_alone(&[("a.toml", &text)], true).unwrap_err();
        assert_eq!(problem.into_worst().what(), "there is no source", "{text}");
    }
    let begun = format!("{edit}[source]\nurl = \"postgres://a@b/c\"\n");
    assert!(of_process_alone(&[("a.toml", &begun)], true).is_err(), "half of one is none");
}

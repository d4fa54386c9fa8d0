//! Files as such: those that are shipped, those that cannot be read, what the command line changes.

use super::*;
use crate::config::SourceConfig;

fn shipped(name: &str) -> ReplicationConfig {
    shipped_whole(name).1
}

fn shipped_whole(name: &str) -> (ProcessConfig, ReplicationConfig) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    load_with(&path, &Flags::default(), &environment())
        .unwrap_or_else(|problems| panic!("{}", problems.report()))
}

#[test]
fn the_shipped_files_load_without_notes() {
    for name in ["example.toml", "minimal.toml", "slate.json"] {
        assert!(shipped(name).notes.is_empty(), "{name}");
    }
}

#[test]
fn the_example_shows_the_defaults() {
    let ((example_process, example), (minimal_process, minimal)) =
        (shipped_whole("example.toml"), shipped_whole("minimal.toml"));
    assert_eq!(format!("{:?}", example.limits), format!("{:?}", minimal.limits));
    assert_eq!(format!("{example_process:?}"), format!("{minimal_process:?}"));
    let without_connection = |config: &ReplicationConfig| {
        let conninfo = minimal.source.conninfo.clone();
        let source = SourceConfig { conninfo: conninfo.clone(), ..config.source.clone() };
        let mut destination = config.destinations[0].clone();
        destination.postgres_mut().unwrap().conninfo = conninfo;
        format!("{source:?} {destination:?}")
    };
    assert_eq!(without_connection(&example), without_connection(&minimal));
}

#[test]
fn a_file_with_a_password_that_everyone_can_read_gets_a_note() {
    let literal = SLATE.replace("500", "10000");
    let note = |text: &str, mode: u32| {
        load_file("c.json", text, mode, &Flags::default()).unwrap().notes.join("\n")
    };
    assert!(note(&literal, 0o644).contains("holds a password and can be read by every user"));
    assert_eq!(note(&literal, 0o640), "");
    assert_eq!(note(&literal.replace("hunter2", "${SECRET}"), 0o644), "");
    let url = |url: &str| with_source("").replace("postgres://reader@db1/orders", url);
    let noted =
        |text: &str| !load_file("c.toml", text, 0o644, &Flags::default()).unwrap().notes.is_empty();
    assert!(noted(&url("postgres://reader:hunter2@db1/orders")));
    assert!(noted(&url("host=db1 password=hunter2 dbname=orders")));
    assert!(!noted(&url("postgres://reader:${SECRET}@db1/orders")));
    assert!(!noted(&url("postgres://reader@db1/orders")));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_systems_reason() {
    let path = PathBuf::from("/nonexistent/config.toml");
    let problems = load(&path, &environment()).unwrap_err();
    let report = problems.report();
    assert!(report.contains("where: /nonexistent/config.toml\n  cause: No such file"), "{report}");
    assert_eq!(problems.worst().unwrap().kind(), ErrorKind::Usage);
    let dir = tempfile::tempdir().unwrap();
    assert!(load(dir.path(), &environment()).unwrap_err().report().contains("directory"));
    let path = dir.path().join("latin1.toml");
    std::fs::write(&path, b"a = 1\nb = \"\xe9\"\n").unwrap();
    assert!(load(&path, &environment()).unwrap_err().report().contains("line 2 is not UTF-8"));
    let path = dir.path().join("large.toml");
    std::fs::write(&path, " ".repeat(5 << 20)).unwrap();
    assert!(load(&path, &environment()).unwrap_err().report().contains("more than"));
}

#[test]
fn a_passfile_that_others_can_read_gets_one_note() {
    let home = tempfile::tempdir().unwrap();
    let passfile = home.path().join(".pgpass");
    std::fs::write(&passfile, "*:*:*:*:x").unwrap();
    std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o644)).unwrap();
    let env = Environment { home: Some(home.path().to_owned()), ..environment() };
    let path = home.path().join("config.toml");
    std::fs::write(&path, with_source("")).unwrap();
    let notes = load(&path, &env).unwrap().notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains(".pgpass was ignored"), "{notes:?}");
}

#[test]
fn the_flags_choose_destinations_and_another_default_of_retry_for() {
    let text =
        with_destination("[[destinations]]\nname = \"billing\"\nurl = \"postgres://db3/orders\"");
    let with = |names: &[&str]| {
        let flags = Flags {
            destinations: names.iter().map(|name| (*name).to_owned()).collect(),
            until_caught_up: true,
            ..Flags::default()
        };
        load_file("c.toml", &text, 0o600, &flags)
    };
    let config = with(&["billing"]).unwrap();
    assert_eq!(config.destinations.len(), 1);
    assert_eq!(config.destinations[0].name, "billing");
    assert_eq!(config.limits.retry_for, Some(Duration::from_secs(60)));
    assert_eq!(with(&[]).unwrap().destinations.len(), 2);
    let problems = told(with(&["biling", "a"]).unwrap_err());
    assert_eq!(
        problems[0],
        ["there is no destination \"biling\"", "--destination", "did you mean \"billing\"?"]
    );
    let flags = Flags { until_caught_up: true, ..Flags::default() };
    let never =
        load_file("c.toml", &with_destination("[replication]\nretry_for_ms = 0"), 0o600, &flags)
            .unwrap();
    assert_eq!(never.limits.retry_for, None, "0 that is written is for ever");
}

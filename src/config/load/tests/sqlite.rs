//! A destination in a file of SQLite.

use super::*;
use crate::config::{DestinationKind, SqliteDestinationConfig};

fn with_file(url: &str, lines: &str) -> String {
    format!("{SOURCE}[[destinations]]\nurl = \"{url}\"\n{lines}\n")
}

fn destination(text: &str) -> (String, SqliteDestinationConfig) {
    let config = toml(text).unwrap_or_else(|problems| panic!("{}", problems.report()));
    let to = config.destinations.into_iter().next().unwrap();
    let DestinationKind::Sqlite(sqlite) = to.kind else { panic!("it is no file") };
    (to.name, sqlite)
}

#[test]
fn the_path_of_a_file_is_taken_as_it_is_and_a_relative_one_beside_the_configuration() {
    let (name, to) = destination(&with_file("sqlite:/var/lib/my orders.db", ""));
    assert_eq!(to.path, PathBuf::from("/var/lib/my orders.db"));
    assert_eq!((name.as_str(), to.table.as_str()), ("my orders", "events"));
    assert!(to.rows.is_none());
    let (_, to) = destination(&with_file("sqlite:data/orders.db", ""));
    assert!(to.path.is_absolute() && to.path.ends_with("data/orders.db"), "{:?}", to.path);
}

#[test]
fn table_names_and_condition_are_as_those_of_any_destination() {
    let lines = "table = \"My Events\"\nwhere = \"kind = 'a'\"\nrename = { event = \"payload\" }";
    let (_, to) = destination(&with_file("sqlite:a.db", lines));
    assert_eq!((to.table.as_str(), to.rename.there("event")), ("My Events", "payload"));
    assert!(to.rows.is_some());
}

#[test]
fn several_tables_go_into_tables_of_their_names() {
    let text = with_file("sqlite:a.db", "")
        .replace("[[destinations]]", "table = [\"audit.trail\", \"events\"]\n[[destinations]]");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let config = load_all(&[path], &Flags::default(), &environment()).unwrap();
    let tables: Vec<String> = config
        .replications
        .iter()
        .map(|replication| replication.destinations[0].settings().target())
        .collect();
    assert_eq!(tables, ["trail", "events"]);
}

#[test]
fn what_is_no_file_of_ours_is_refused_at_its_place() {
    for url in [
        "sqlite:",
        "sqlite://a.db",
        "sqlite::memory:",
        "sqlite:a.db?mode=ro",
        "sqlite:a#b",
        "sqlite:file:a",
    ] {
        let [what, place, fix] = problem(&with_file(url, ""));
        assert!(what.contains("is not the path of a file"), "{url}: {what}");
        assert_eq!(place, "config.toml:4:7, destinations[0].url");
        assert!(fix.contains("sqlite:/var/lib/orders.db"), "{fix}");
    }
    for (line, key) in [("writers = 2", "writers"), ("host = \"a\"", "host")] {
        let [what, _, fix] = problem(&with_file("sqlite:a.db", line));
        assert_eq!(what, format!("unknown key \"{key}\""));
        assert!(fix.contains("another kind of destination"), "{fix}");
    }
    for table in ["", "sqlite_sequence", "a\\nb"] {
        let [what, ..] = problem(&with_file("sqlite:a.db", &format!("table = \"{table}\"")));
        assert!(what.starts_with("destinations[0].table cannot be"), "{what}");
    }
}

#[test]
fn one_table_of_a_file_is_one_destination_whatever_the_case() {
    let second = "[[destinations]]\nname = \"b\"\nurl = \"sqlite:a.db\"\ntable = \"EVENTS\"\n";
    let [what, ..] = problem(&format!("{}{second}", with_file("sqlite:a.db", "")));
    assert!(what.contains("are the same"), "{what}");
    let other = second.replace("EVENTS", "others");
    assert!(toml(&format!("{}{other}", with_file("sqlite:a.db", ""))).is_ok());
}

#[test]
fn what_is_not_compared_in_rotation_is_noted() {
    let config = toml(&format!("{}[verify]\nevery = \"24h\"\n", with_file("sqlite:a.db", "")));
    let notes = config.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("events-diff does that")), "{notes:?}");
}

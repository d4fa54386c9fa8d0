//! Several files, a folder of them, and several tables of one source.

use super::*;
use crate::config::{Config, ReplicationConfig, SourceRetention};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load_folder(files: &[(&str, &str)]) -> Result<Config, Problems> {
    load_all(&[folder(files).path().to_owned()], &Flags::default(), &environment())
}

/// A replication from `source` to `destination`, both databases.
fn replication(source: &str, destination: &str) -> String {
    format!(
        "[source]\nurl = \"postgres://db1/{source}\"\n[[destinations]]\nurl = \
         \"postgres://db2/{destination}\"\n"
    )
}

fn names(config: &Config) -> Vec<&str> {
    config.replications.iter().map(|replication| replication.name.as_str()).collect()
}

/// What, place without the folder, and fix of the only problem.
fn only_problem(loaded: Result<Config, Problems>) -> [String; 3] {
    let problems = told(loaded.unwrap_err());
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap()
}

const TABLES: &str =
    "[source]\nurl = \"postgres://db1/orders\"\ntable = [\"audit.trail\", \"billing.entries\"]\n";

#[test]
fn a_folder_holds_a_replication_in_each_file_and_the_process_in_one_without_a_source() {
    let config = load_folder(&[
        ("b.toml", &replication("b", "b")),
        ("a.toml", &replication("a", "a")),
        (
            "c.json",
            r#"{"source": {"url": "postgres://db1/c"}, "destinations": [{"url": "postgres://db2/c"}], "name": "see"}"#,
        ),
        ("process.toml", "[log]\nlevel = \"debug\"\n"),
        (".hidden.toml", "wrong"),
        ("notes.txt", "no configuration"),
    ]);
    let config = config.unwrap_or_else(|problems| panic!("{}", problems.report()));
    assert_eq!(names(&config), ["a", "b", "see"]);
    assert_eq!(config.process.log.level, slog::Level::Debug);
    assert_eq!(config.replications[2].source.conninfo.database, "c");
}

#[test]
fn files_are_taken_one_by_one_in_their_order() {
    let folder = folder(&[
        ("a.toml", &replication("a", "a")),
        ("b.toml", &replication("b", "b")),
        ("c.toml", "wrong"),
    ]);
    let paths = ["b.toml", "a.toml"].map(|name| folder.path().join(name));
    let config = load_all(&paths, &Flags::default(), &environment()).unwrap();
    assert_eq!(names(&config), ["b", "a"]);
    assert_eq!(config.process.log.level, slog::Level::Info);
}

#[test]
fn the_problems_of_all_files_are_told_together() {
    let text = replication("a", "a");
    let problems = told(
        load_folder(&[
            ("a.toml", "x = 1\n"),
            ("b.toml", &format!("nam = 1\n{text}")),
            ("c.toml", "="),
        ])
        .unwrap_err(),
    );
    let places: Vec<&str> = problems.iter().map(|[_, place, _]| place.as_str()).collect();
    assert_eq!(places, ["a.toml:1:1, x", "b.toml:1:1, nam", "c.toml:1:1"]);
}

#[test]
fn a_file_alone_must_hold_a_replication_and_so_must_one_of_several() {
    let problems = told(load_folder(&[("log.toml", "[log]\nlevel = \"debug\"\n")]).unwrap_err());
    assert_eq!(problems[0][0], "there is no source");
    let [what, ..] = only_problem(load_folder(&[("a.toml", ""), ("b.toml", "[log]\n")]));
    assert_eq!(what, "the file says nothing");
    let two = told(load_folder(&[("b.toml", "[log]\n"), ("c.toml", "[log]\n")]).unwrap_err());
    assert!(two.iter().any(|[what, ..]| what == "there is no replication"), "{two:#?}");
    let loaded = load_folder(&[
        ("a.toml", &replication("a", "a")),
        ("b.toml", "[[destinations]]\nurl = \"postgres://db2/b\"\n"),
    ]);
    let [what, place, _] = only_problem(loaded);
    assert_eq!((what.as_str(), place.as_str()), ("there is no source", "b.toml:1:1, source"));
    let [what, ..] = only_problem(load_folder(&[("notes.txt", "")]));
    assert_eq!(what, "there is no configuration in the folder");
}

#[test]
fn what_belongs_to_the_process_stands_with_a_replication_only_where_that_is_the_only_one() {
    let log = "[log]\nlevel = \"debug\"\n";
    let (a, b) = (replication("a", "a"), replication("b", "b"));
    let config = load_folder(&[("a.toml", &format!("{a}{log}"))]).unwrap();
    assert_eq!(config.process.log.level, slog::Level::Debug);
    let [what, place, fix] =
        only_problem(load_folder(&[("a.toml", &format!("{a}{log}")), ("b.toml", &b)]));
    assert_eq!(what, "[log] belongs to the process, which has several replications");
    assert_eq!(place, "a.toml:5:1, log");
    assert_eq!(fix, "move [log] to a file of its own, without [source]");
    let [what, place, fix] =
        only_problem(load_folder(&[("a.toml", &a), ("p.toml", log), ("q.toml", log)]));
    assert_eq!((what.as_str(), place.as_str()), ("[log] stands in two files", "q.toml:1:1, log"));
    assert!(fix.ends_with("p.toml:1:1, log"), "{fix}");
}

#[test]
fn replications_have_names_and_tables_of_their_own() {
    let named = |text: &str| format!("name = \"one\"\n{text}");
    let loaded = load_folder(&[
        ("a.toml", &named(&replication("a", "a"))),
        ("b.toml", &named(&replication("b", "b"))),
    ]);
    let [what, place, fix] = only_problem(loaded);
    assert_eq!((what.as_str(), place.as_str()), ("two replications are named \"one\"", "b.toml"));
    assert!(fix.ends_with("a.toml"), "{fix}");
    let [what, place, _] = only_problem(load_folder(&[
        ("a.toml", &replication("a", "x")),
        ("b.toml", &replication("b", "x")),
    ]));
    assert_eq!(
        what,
        "replications \"a\" and \"b\" write to the same table: db2:5432/x, table public.events"
    );
    assert_eq!(place, "b.toml");
}

#[test]
fn a_list_of_tables_is_a_replication_for_each() {
    let text = format!(
        "{TABLES}[tables.\"billing.entries\"]\nid_column = \"entry_id\"\nids = \
         \"sequence\"\ngroup_by = \"\"\ntime_column = \"at\"\n{DESTINATION}writers = 2\n"
    );
    let config = load_folder(&[("orders.toml", &text)])
        .unwrap_or_else(|problems| panic!("{}", problems.report()));
    assert_eq!(names(&config), ["orders/audit.trail", "orders/billing.entries"]);
    let facts = |replication: &ReplicationConfig| {
        let (source, to) = (&replication.source, replication.destinations[0].postgres().unwrap());
        let tables = (source.table.to_string(), to.table.to_string(), to.writers);
        (tables, source.id_column.clone(), source.ids, source.group_by.clone())
    };
    let table = |name: &str| (name.to_owned(), name.to_owned(), 2);
    let first = (
        table("audit.trail"),
        "id".to_owned(),
        IdsSetting::Auto,
        GroupBy::IfPresent("ts".to_owned()),
    );
    assert_eq!(facts(&config.replications[0]), first);
    let second =
        (table("billing.entries"), "entry_id".to_owned(), IdsSetting::Sequence, GroupBy::Off);
    assert_eq!(facts(&config.replications[1]), second);
    let times = config.replications.iter().map(|of| of.source.time_column.as_deref());
    assert_eq!(times.collect::<Vec<_>>(), [None, Some("at")]);
}

#[test]
fn a_list_of_one_table_is_one_replication() {
    let config = toml(&with_source("table = [\"audit.trail\"]")).unwrap();
    assert_eq!(
        (config.name.as_str(), config.source.table.to_string().as_str()),
        ("config", "audit.trail")
    );
    assert_eq!(config.destinations[0].postgres().unwrap().table.to_string(), "audit.trail");
}

#[test]
fn what_is_wrong_with_several_tables_is_told() {
    for (lines, wrong) in [
        ("table = []", "source.table names no table"),
        ("table = [\"a\", \"public.a\"]", "source.table names public.a twice"),
        ("table = [\"a.b.c\"]", "source.table cannot be \"a.b.c\""),
        ("table = [3]", "source.table must be text, not a number"),
    ] {
        assert_eq!(problem(&with_source(lines))[0], wrong, "{lines}");
    }
    let of_tables = |lines: &str| {
        only_problem(load_folder(&[("c.toml", &format!("{TABLES}{lines}\n{DESTINATION}"))]))
    };
    let [what, place, fix] = of_tables("[tables.\"billing.entry\"]");
    assert_eq!(
        (what.as_str(), place.as_str()),
        ("the source has no table \"billing.entry\"", "c.toml:4:9, tables.\"billing.entry\"")
    );
    assert_eq!(fix, "did you mean \"billing.entries\"?");
    let [what, ..] = of_tables("[tables.\"audit.trail\"]\nids = \"copy\"\nknown_gaps = [1]");
    assert_eq!(what, "tables.\"audit.trail\".known_gaps applies to consecutive ids only");
    let [_, _, fix] = of_tables("[tables.\"audit.trail\"]\nid_colum = \"x\"");
    assert_eq!(fix, "did you mean \"id_column\"?");
    let loaded = load_folder(&[("c.toml", &format!("{TABLES}{DESTINATION}table = \"x\"\n"))]);
    assert_eq!(only_problem(loaded)[0], "destinations[0].table is one table, and the source has 2");
}

#[test]
fn a_destination_that_is_asked_for_is_looked_for_in_all_replications() {
    let folder =
        folder(&[("a.toml", &replication("a", "north")), ("b.toml", &replication("b", "south"))]);
    let with = |name: &str| {
        let flags = Flags {
            destinations: vec![name.to_owned()],
            until_caught_up: true,
            ..Flags::default()
        };
        load_all(&[folder.path().to_owned()], &flags, &environment())
    };
    let config = with("south").unwrap();
    assert_eq!(names(&config), ["b"]);
    assert_eq!(config.replications[0].limits.retry_for, Some(Duration::from_secs(60)));
    assert_eq!(only_problem(with("sout"))[2], "did you mean \"south\"?");
}

#[test]
fn a_command_about_one_replication_wants_it_named_where_there_are_several() {
    let folder =
        folder(&[("a.toml", &replication("a", "north")), ("b.toml", &replication("b", "south"))]);
    let one = |replications: &[&str], destinations: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let flags = Flags {
            destinations: owned(destinations),
            replications: owned(replications),
            ..Flags::default()
        };
        load_one(&[folder.path().to_owned()], &flags, &environment())
            .map(|(_, replication)| replication.name)
    };
    let problem = one(&[], &[]).unwrap_err().into_worst();
    assert_eq!(
        problem.what(),
        "the configuration has 2 replications, and this command is about one"
    );
    assert_eq!(problem.remedy(), Some("name one of them with --replication: a, b"));
    assert_eq!(one(&["b"], &[]).unwrap(), "b");
    assert_eq!(one(&[], &["north"]).unwrap(), "a", "a destination tells it too");
    let unknown = one(&["c"], &[]).unwrap_err().into_worst();
    assert_eq!(unknown.what(), "there is no replication \"c\"");
}

#[test]
fn a_file_that_is_written_otherwise_has_another_revision() {
    let revision = |text: &str| load_folder(&[("a.toml", text)]).unwrap().replications[0].revision;
    let text = replication("a", "a");
    assert_eq!(revision(&text), revision(&text));
    assert_ne!(revision(&text), revision(&format!("{text}writers = 2\n")));
}

#[test]
fn which_events_the_source_keeps_is_said_for_all_tables_or_for_one() {
    let keeps = |text: &str| {
        let config = load_folder(&[("a.toml", text)]).unwrap();
        config.replications.iter().map(|found| found.source.keeps).collect::<Vec<_>>()
    };
    let to = "[[destinations]]\nurl = \"postgres://db2/copy\"\n";
    let (all, tail) = (SourceRetention::All, SourceRetention::Tail);
    assert_eq!(keeps(&format!("{TABLES}{to}")), [all, all]);
    assert_eq!(keeps(&format!("{TABLES}keeps = \"tail\"\n{to}")), [tail, tail]);
    let own = "[tables.\"billing.entries\"]\nkeeps = \"tail\"\n";
    assert_eq!(keeps(&format!("{TABLES}{own}{to}")), [all, tail]);
    let own = "keeps = \"tail\"\n[tables.\"billing.entries\"]\nkeeps = \"all\"\n";
    assert_eq!(keeps(&format!("{TABLES}{own}{to}")), [tail, all]);
}

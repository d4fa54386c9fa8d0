//! Which columns are copied: what must be among them is known before anything is connected to.

use super::*;

#[test]
fn the_key_and_what_other_keys_name_must_be_among_the_columns_that_are_copied() {
    let lines = "columns = [\"ts\", \"event\"]\ngroup_by = \"call\"\ntime_column = \"at\"";
    let problems = told(toml(&with_source(lines)).unwrap_err());
    let place = "config.toml:3:11, source.columns";
    let expected = [
        [
            "source.columns lacks the key column, \"id\"",
            place,
            "columns = [\"id\", \"ts\", \"event\"]",
        ],
        [
            "source.columns lacks the column of group_by, \"call\"",
            place,
            "columns = [\"call\", \"ts\", \"event\"], or set group_by = \"\"",
        ],
        [
            "source.columns lacks the column of time_column, \"at\"",
            place,
            "columns = [\"at\", \"ts\", \"event\"], or leave time_column out",
        ],
    ];
    assert_eq!(problems, expected);
    // ts is what holds without being written: it need not be there.
    let config = toml(&with_source("columns = [\"id\", \"event\"]")).unwrap();
    assert_eq!(config.source.columns, ["id", "event"]);
}

#[test]
fn a_column_stands_once_and_is_a_name() {
    let [what, place, fix] = problem(&with_source("columns = [\"id\", \"a\", \"a\"]"));
    assert_eq!(what, "source.columns names \"a\" twice");
    assert_eq!(
        (place.as_str(), fix.as_str()),
        ("config.toml:3:23, source.columns", "remove one of them")
    );
    let [what, ..] = problem(&with_source("columns = [\"id\", 3]"));
    assert_eq!(what, "source.columns must be text, not a number");
    let [what, _, fix] = problem(&with_source("columns = \"id\""));
    assert_eq!(what, "source.columns must be a list, not text");
    assert_eq!(fix, "write the names of columns, as in [\"id\", \"ts\"]");
}

#[test]
fn one_of_several_tables_has_columns_of_its_own() {
    let of_tables = |lines: &str| {
        let tables = "table = [\"audit.trail\", \"billing.entries\"]";
        format!("{SOURCE}{tables}\n{lines}\n{DESTINATION}")
    };
    let load = |lines: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, of_tables(lines)).unwrap();
        load_all(&[path], &Flags::default(), &environment())
    };
    let lines = "columns = [\"id\", \"ts\"]\n[tables.\"billing.entries\"]\n";
    let columns = |lines: &str| {
        let config = load(lines).unwrap_or_else(|problems| panic!("{}", problems.report()));
        let of = config.replications.into_iter().map(|replication| replication.source.columns);
        of.collect::<Vec<_>>()
    };
    let both = [vec!["id".to_owned(), "ts".to_owned()], vec!["nr".to_owned(), "sum".to_owned()]];
    assert_eq!(columns(&format!("{lines}id_column = \"nr\"\ncolumns = [\"nr\", \"sum\"]")), both);
    assert_eq!(columns(&format!("{lines}columns = []"))[1], Vec::<String>::new());
    assert_eq!(columns(lines)[1], ["id", "ts"]);
    // What is missing is told where the list stands, once.
    let problems = told(load(&format!("{lines}id_column = \"nr\"")).unwrap_err());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0][0], "source.columns lacks the key column, \"nr\"");
    let problems = told(load(&format!("{lines}columns = [\"nr\"]")).unwrap_err());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        (problems[0][0].as_str(), problems[0][1].as_str()),
        (
            "tables.\"billing.entries\".columns lacks the key column, \"id\"",
            "c.toml:6:11, tables.\"billing.entries\".columns"
        )
    );
}

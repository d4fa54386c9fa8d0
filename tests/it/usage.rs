//! Wrong usage is told with what to do, and never with a password that was given in the wrong place.

use crate::command::{counterfoil, told};
use crate::diff::events_diff;
use crate::load::program as loader;
use crate::support::replicator::url;
use std::process::Command;

const URL: &str = "postgres://ann:Geheim7Wort9@db1.internal/orders";
const SHOWN: &str = "postgres://ann:…@db1.internal/orders";

/// What it complains of, having ended with 2 and without the password.
fn refused(mut command: Command) -> String {
    let (code, printed, complaint) = told(&command.output().unwrap());
    assert_eq!((code, printed.lines().count() < 2), (Some(2), true), "{command:?}: {printed}");
    let all = format!("{printed}{complaint}");
    assert!(!all.contains("Geheim7") && !all.contains("Wort9"), "{all}");
    complaint
}

#[test]
fn a_url_where_a_command_takes_none_is_told_without_its_password_and_with_its_place() {
    let into_file = "write the connection into a configuration file, as url beneath [source] or \
                     [[destinations]], and name the file with --config FILE";
    for (command, tip) in [
        (counterfoil(&["status", URL]), into_file),
        (counterfoil(&["run", URL, URL]), into_file),
        (counterfoil(&["run", "--until-caught-up", URL]), into_file),
        (counterfoil(&[URL]), "begin with a command: `init` takes --url URL; `run`, `status`,"),
        (counterfoil(&["init", URL]), "name the side, and the database with --url URL:"),
        (counterfoil(&["init", "source", URL]), "name the database with --url URL"),
        (loader(&[URL]), "name the database with --url URL"),
        (events_diff(&[URL, URL, URL]), "two URLs are compared, the reference first, and no more"),
    ] {
        let complaint = refused(command);
        assert!(complaint.contains(SHOWN) && complaint.contains(tip), "{complaint}");
    }
}

#[test]
fn a_password_in_any_argument_that_cannot_be_read_is_hidden() {
    let keywords = "host=db1 password='Geheim7 Wort9'";
    for (command, shown) in [
        (counterfoil(&["status", keywords]), "'host=db1 password=…'"),
        (counterfoil(&["status", "-c", "x.toml", "--max-lag", URL]), SHOWN),
        (counterfoil(&["init", "source", "--ids", URL]), SHOWN),
        (counterfoil(&["run", "--password=Geheim7Wort9"]), "'--password'"),
        (counterfoil(&["run", "password=Geheim7Wort9"]), "'password=…'"),
        (counterfoil(&["run", "postgres://ann:Geheim7@Wort9/x@db1"]), "'postgres://ann:…@db1'"),
        (counterfoil(&["run", "postgres://db1/x?password=Geheim7Wort9&a=b"]), "?password=…&a=b'"),
        (loader(&["--method", URL]), SHOWN),
        (loader(&["--seed", keywords]), "'host=db1 password=…'"),
        (events_diff(&["--format", URL]), SHOWN),
        (events_diff(&["--max-diffs", URL, URL]), SHOWN),
    ] {
        let complaint = refused(command);
        assert!(complaint.starts_with("error: ") && complaint.contains(shown), "{complaint}");
    }
}

#[test]
fn a_url_in_the_place_of_a_file_is_told_where_it_belongs() {
    for command in [
        counterfoil(&["run", "--config", URL]),
        counterfoil(&["status", "-c", URL]),
        counterfoil(&["restore", "--from=a", "-c", URL]),
        events_diff(&["--config", URL]),
        loader(&["--config", URL]),
    ] {
        let complaint = refused(command);
        let said = format!(
            "error: a connection stands where a file is expected\n  where: --config {SHOWN}\n    \
             fix: write it into a file, as url = \"…\" beneath [source] and [[destinations]]"
        );
        assert!(complaint.starts_with(&said), "{complaint}");
    }
    let complaint = refused(counterfoil(&["run", "-c", "host=db1 password=Geheim7Wort9"]));
    assert!(complaint.contains("where: --config host=db1 password=…\n"), "{complaint}");
}

#[tokio::test]
async fn a_url_in_the_place_of_a_table_or_a_name_is_told_without_its_password() {
    let database = url(&crate::diff::equal_pair().await.0);
    let no_table = format!(
        "error: cannot read the table name \"{SHOWN}\": it is the URL of a connection\n    fix: \
         write it as in SQL: events, public.events"
    );
    for command in [
        counterfoil(&["init", "source", "--table", URL, "--url", &database]),
        loader(&["--table", URL, "--url", &database]),
        events_diff(&["--table", URL, &database, &database]),
    ] {
        let complaint = refused(command);
        assert!(complaint.starts_with(&no_table), "{complaint}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    let text = format!("[source]\nurl = \"{database}\"\n[[destinations]]\nurl = \"dbname=x\"\n");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    for command in [
        counterfoil(&["run", "-c", path, "--destination", URL]),
        counterfoil(&["run", "-c", path, "--replication", URL]),
        counterfoil(&["restore", "-c", path, "--from", URL]),
        events_diff(&["-c", path, "--destination", URL]),
        events_diff(&[&database, &database, "--id-column", URL]),
    ] {
        let complaint = refused(command);
        assert!(complaint.contains(SHOWN), "{complaint}");
    }
}

#[test]
fn a_file_without_its_flag_gets_the_flag() {
    for command in [counterfoil(&["run", "copy.toml"]), counterfoil(&["status", "copy.toml"])] {
        let complaint = refused(command);
        assert!(complaint.contains("unexpected argument 'copy.toml' found"), "{complaint}");
        let tip = "tip: name the configuration with --config copy.toml\n";
        assert!(complaint.contains(tip), "{complaint}");
    }
    let complaint = refused(counterfoil(&["run", "nonsense"]));
    assert!(!complaint.contains("tip:"), "{complaint}");
}

/// slate's example configuration, with comments and trailing commas as people write them.
const SLATES_JS: &str = "\"use strict\";\n// ours\nmodule.exports = {\n  maxEventsPerWrite: 500,\n  \
                         connectTimeout: 15000,\n  eventSource: {\n    host: 'db1',\n    \
                         databaseName: \"orders\",\n    user: \"reader\",\n    password: \
                         \"Geheim7Wort9\", // secret\n  },\n  replicationDestinations: [\n    { \
                         host: \"db2\", databaseName: \"orders\", user: \"writer\", password: \
                         \"Geheim7Wort9\" },\n  ],\n};\n";

#[test]
fn a_file_in_another_language_is_named_in_one_error_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "# ours\nsource:\n  url: postgres://a:Geheim7Wort9@b/c\ndestinations:\n  - url: x\n";
    for (name, text, what, fix) in [
        ("config.js", SLATES_JS, "JavaScript", "save what it exports as JSON, in a file whose"),
        ("config.json", SLATES_JS, "JavaScript", "save what it exports as JSON, in a file whose"),
        ("c.toml", SLATES_JS, "JavaScript", "node -p 'JSON.stringify(require(path.resolve(\""),
        ("c.yaml", yaml, "YAML", "write it as TOML, as in config/example.toml, or save it as JSON"),
        ("c.toml", yaml, "YAML", "write it as TOML, as in config/example.toml, or save it as JSON"),
        ("c.toml", "{\n \"source\": {}\n}", "JSON", "give the file a name that ends in .json"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let complaint = refused(counterfoil(&["run", "-c", path.to_str().unwrap()]));
        let shown = path.display();
        let said = format!(
            "error: cannot read the configuration: this is {what}, and TOML or JSON is expected\n  \
             where: {shown}\n    fix: "
        );
        assert!(complaint.starts_with(&said) && complaint.contains(fix), "{name}: {complaint}");
        assert_eq!(complaint.lines().count(), 3, "{name}: {complaint}");
    }
}

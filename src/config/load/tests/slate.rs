//! JSON: slate's configuration, ours, and both.

use super::*;

#[test]
fn slates_json_works_as_it_is() {
    let config = json(SLATE).unwrap();
    assert_eq!(config.source.conninfo.describe(), "db1:5432/orders");
    assert_eq!(config.source.conninfo.user, "reader");
    assert!(
        matches!(&config.source.conninfo.hosts[0].at, HostAt::Tcp { host, .. } if host == "db1")
    );
    let names: Vec<&str> =
        config.destinations.iter().map(|destination| destination.name.as_str()).collect();
    assert_eq!(names, ["orders", "orders-2"]);
    assert_eq!(config.limits.max_events_per_write, 10_000);
    assert_eq!(config.limits.connect_timeout, Duration::from_secs(2));
    assert_eq!(config.notes, ["maxEventsPerWrite was raised from 500 to 10000"]);
    let quiet = json(&SLATE.replace("500", "20000")).unwrap();
    assert_eq!((quiet.limits.max_events_per_write, quiet.notes.len()), (20_000, 0));
}

#[test]
fn our_own_keys_work_in_json_and_beside_slates() {
    let text = SLATE
        .replace(
            "\"maxEventsPerWrite\": 500,",
            "\"replication\": {\"max_events_per_write\": 5}, \"log\": {\"level\": \"error\"},",
        )
        .replace("\"host\": \"db2\",", "\"host\": \"db2\", \"name\": \"two\", \"writers\": 2,");
    let config = json(&text).unwrap();
    assert_eq!(config.limits.max_events_per_write, 5, "ours is not raised");
    assert_eq!(process("c.json", &text).log.level, slog::Level::Error);
    assert_eq!(
        (config.destinations[0].name.as_str(), config.destinations[0].postgres().unwrap().writers),
        ("two", 2)
    );
    let text =
        r#"{"source": {"url": "postgres://db1/a"}, "destinations": [{"url": "postgres://db2/a"}]}"#;
    assert_eq!(json(text).unwrap().destinations[0].name, "a");
}

#[test]
fn problems_of_json_have_their_lines_and_columns() {
    let text = SLATE
        .replace("500", "\"x\"")
        .replace("\"databaseName\": \"orders\", \"user\": \"reader\"", "\"databaseNam\": 1");
    let problems = told(json(&text).unwrap_err());
    assert_eq!(problems[0][0], "maxEventsPerWrite must be a whole number, not text");
    assert_eq!(problems[0][1], "config.json:2:24, maxEventsPerWrite");
    assert_eq!(problems[1][1], "config.json:4:35, eventSource.databaseNam");
    assert_eq!(problems[1][2], "did you mean \"databaseName\"?");
    let [what, place, fix] = &told(json("{\n  \"source\": {},\n}").unwrap_err())[0];
    assert_eq!(what, "cannot read the configuration: expected a key in double quotes");
    assert_eq!((place.as_str(), fix.as_str()), ("config.json:3:1", "correct the JSON here"));
    assert_eq!(
        told(json("[]").unwrap_err())[0][0],
        "the configuration must be a table, not a list"
    );
}

#[test]
fn the_same_setting_in_both_languages_is_told() {
    let text = SLATE.replace(
        "\"connectTimeout\": 2000,",
        "\"connectTimeout\": 2000, \"replication\": {\"connect_timeout_ms\": 1},",
    );
    let [what, ..] = &told(json(&text).unwrap_err())[0];
    assert_eq!(
        what,
        "\"connectTimeout\" and \"replication.connect_timeout_ms\" are the same setting"
    );
    let text = SLATE.replace(
        "\"databaseName\": \"orders\", \"user\": \"reader\"",
        "\"databaseName\": \"orders\", \"database\": \"x\"",
    );
    let [what, ..] = &told(json(&text).unwrap_err())[0];
    assert_eq!(what, "\"databaseName\" and \"database\" are the same setting");
}

#[test]
fn slates_names_are_not_known_in_toml() {
    let [what, _, fix] = problem(&with_destination("databaseName = \"x\""));
    assert_eq!(
        (what.as_str(), fix.as_str()),
        ("unknown key \"databaseName\"", "did you mean \"database\"?")
    );
}

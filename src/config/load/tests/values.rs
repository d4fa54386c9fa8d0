//! What is taken from a file, and what stands where nothing is written.

use super::*;

#[test]
fn defaults_are_those_that_are_documented() {
    let config = toml(&with_source("")).unwrap();
    assert_eq!(config.source.table.to_string(), "public.events");
    assert_eq!(config.source.id_column, "id");
    assert!(config.source.columns.is_empty());
    assert_eq!(config.source.ids, IdsSetting::Auto);
    assert_eq!(config.source.group_by, GroupBy::IfPresent("ts".to_owned()));
    assert_eq!(config.source.time_column, None);
    assert_eq!(config.source.group_events_max, 1_000_000);
    assert_eq!(config.source.channel, "eventsinsert");
    assert!(config.source.known_gaps.is_empty() && config.source.durability_gate);
    assert_eq!(config.source.poll_interval, Duration::from_secs(1));
    let destination = config.destinations[0].postgres().unwrap();
    assert_eq!(
        (destination.writers, destination.synchronous_commit.as_deref(), destination.commits()),
        (1, None, "on")
    );
    let replication = &config.limits;
    assert_eq!(replication.max_events_per_write, 10_000);
    assert_eq!(replication.max_bytes_per_write, 16_777_216);
    assert_eq!(replication.connect_timeout, Duration::from_secs(15));
    assert_eq!(replication.retry_wait_max, Duration::from_secs(5));
    assert_eq!(replication.retry_for, None);
    assert_eq!(replication.hold_max, Duration::from_millis(100));
    assert_eq!(replication.readers_max, 4);
    assert_eq!(replication.append_timeout, Duration::from_secs(120));
    assert_eq!(replication.buffer_bytes_max, 16_777_216);
    assert_eq!(replication.shutdown_timeout, Duration::from_secs(5));
    let log = process("c.toml", &with_source("")).log;
    assert_eq!((log.level, log.format), (slog::Level::Info, LogFormat::Auto));
    assert_eq!(log.heartbeat, Some(Duration::from_secs(300)));
}

const EVERY_VALUE: &str = r#"
        [source]
        host = "h1,h2"
        port = "1,2"
        database = "orders"
        user = "bob"
        password = "${SECRET}"
        table = '"My Schema".Events'
        id_column = "nr"
        columns = ["nr", "at"]
        ids = "consecutive"
        group_by = ""
        time_column = "at"
        group_events_max = 7
        channel = "c"
        known_gaps = ["100..120", "42", 43, "110..130"]
        poll_interval_ms = "${WAIT}"
        durability_gate = false
        [[destinations]]
        url = "host=db2 dbname=copy sslmode=disable"
        port = 6
        writers = 16
        synchronous_commit = "remote_apply"
        password_command = ["bin/token", "${SECRET}", ""]
        [replication]
        max_events_per_write = 1
        max_bytes_per_write = 2
        connect_timeout_ms = 3
        retry_wait_max_ms = 4
        retry_for_ms = 5
        hold_max_ms = 6
        readers_max = 7
        append_timeout_ms = 8
        buffer_bytes_max = 65_536
        shutdown_timeout_ms = 0
        [log]
        level = "debug"
        format = "json"
        heartbeat_ms = 0
        "#;

#[test]
fn files_and_programs_of_passwords_are_beside_the_configuration_and_names_alone_in_path() {
    let password = |line: &str| toml(&with_source(line)).unwrap().source.conninfo.password;
    let file = password("password_file = \"secret\"").file.unwrap();
    assert!(file.is_absolute() && file.ends_with("secret"), "beside the configuration file");
    let program = |program: &str| {
        password(&format!("password_command = [\"{program}\", \"x\"]")).command.unwrap().program
    };
    assert_eq!(program("aws").to_str(), Some("aws"));
    assert_eq!(program("/bin/cat").to_str(), Some("/bin/cat"));
    assert!(program("./token").is_absolute());
    let none = password("password = \"hunter2\"\npassword_command = []");
    assert!(none.command.is_none() && none.given.is_some());
}

#[test]
fn every_value_arrives() {
    let config = toml(EVERY_VALUE).unwrap();
    let source = &config.source;
    assert_eq!(source.conninfo.describe(), "h1:1,h2:2/orders");
    assert_eq!(source.conninfo.password.given.as_ref().unwrap().expose_secret(), "hunter2");
    assert_eq!((source.table.schema.as_str(), source.table.name.as_str()), ("My Schema", "events"));
    assert_eq!((source.id_column.as_str(), source.channel.as_str()), ("nr", "c"));
    assert_eq!((source.ids, &source.group_by), (IdsSetting::Consecutive, &GroupBy::Off));
    assert_eq!(source.time_column.as_deref(), Some("at"));
    assert_eq!(source.columns, ["nr", "at"]);
    assert_eq!((source.group_events_max, source.durability_gate), (7, false));
    assert_eq!(source.known_gaps, [(42, 43), (100, 130)]);
    assert_eq!(source.poll_interval, Duration::from_millis(250));
    assert_eq!(config.destinations[0].name, "copy");
    let destination = config.destinations[0].postgres().unwrap();
    assert_eq!(destination.conninfo.describe(), "db2:6/copy");
    assert_eq!(destination.conninfo.sslmode, SslMode::Disable);
    assert_eq!(destination.table, source.table, "the source's is the default");
    assert_eq!((destination.writers, destination.commits()), (16, "remote_apply"));
    let command = destination.conninfo.password.command.as_ref().unwrap();
    assert!(command.program.is_absolute() && command.program.ends_with("bin/token"), "{command:?}");
    assert_eq!(command.arguments, ["hunter2", ""]);
    assert!(!format!("{config:?}").contains("hunter2"));
    let replication = format!("{:?}", config.limits);
    assert_eq!(
        replication,
        "ReplicationLimits { max_events_per_write: 1, max_bytes_per_write: 2, connect_timeout: \
         3ms, retry_wait_max: 4ms, retry_for: Some(5ms), hold_max: 6ms, readers_max: 7, \
         append_timeout: 8ms, buffer_bytes_max: 65536, shutdown_timeout: 0ns }"
    );
    let log = process("c.toml", EVERY_VALUE).log;
    assert_eq!((log.level, log.format), (slog::Level::Debug, LogFormat::Json));
    assert_eq!(log.heartbeat, None);
}

#[test]
fn ids_and_groups_have_their_forms() {
    let ids = |text: &str| {
        toml(&with_source(&format!("ids = \"{text}\""))).map(|config| config.source.ids).ok()
    };
    assert_eq!(ids("sequence"), Some(IdsSetting::Sequence));
    assert_eq!(ids("grace:5s"), Some(IdsSetting::Grace(Duration::from_secs(5))));
    assert_eq!(ids("grace:500ms"), Some(IdsSetting::Grace(Duration::from_millis(500))));
    for wrong in [
        "grace:0s",
        "grace:",
        "grace:5",
        "grace:-1s",
        "grace:+1s",
        "grace:5m",
        "grace:99999999999999999s",
        "grace",
        "x",
        "",
    ] {
        assert_eq!(ids(wrong), None, "{wrong}");
    }
    let grouped = toml(&with_source("group_by = \"transaction\"")).unwrap().source.group_by;
    assert_eq!(grouped, GroupBy::Column("transaction".to_owned()));
}

#[test]
fn a_replication_is_named_as_written_else_like_its_file() {
    let named =
        |text: &str| load_file("orders.eu.toml", text, 0o600, &Flags::default()).unwrap().name;
    assert_eq!(named(&with_source("")), "orders.eu");
    assert_eq!(named(&format!("name = \"billing\"\n{}", with_source(""))), "billing");
    let [what, place, _] = problem(&format!("name = \"\"\n{}", with_source("")));
    assert_eq!(
        (what.as_str(), place.as_str()),
        ("name must be 1 to 200 bytes of text in one line", "config.toml:1:8, name")
    );
}

#[test]
fn names_of_destinations_are_distinct_and_made_where_they_are_missing() {
    let [what, place, _] = problem(&format!(
        "{SOURCE}{DESTINATION}[[destinations]]\nname = \"a\"\nurl = \"postgres://db3/orders\"\n"
    ));
    assert_eq!(what, "two destinations are named \"a\"");
    assert_eq!(place, "config.toml:6:1, destinations[1].name");
    let unnamed = |host: &str| format!("[[destinations]]\nurl = \"postgres://{host}/orders\"\n");
    let named = "[[destinations]]\nname = \"orders-2\"\nurl = \"postgres://db9/orders\"\n";
    let config = toml(&format!("{SOURCE}{}{}{named}", unnamed("db2"), unnamed("db3"))).unwrap();
    let names: Vec<&str> =
        config.destinations.iter().map(|destination| destination.name.as_str()).collect();
    assert_eq!(names, ["orders", "orders-3", "orders-2"]);
}

#[test]
fn another_host_port_database_or_table_is_another_destination() {
    let other = |url: &str, table: &str| {
        format!("[[destinations]]\nurl = \"{url}\"\ntable = \"{table}\"\n")
    };
    let config = toml(&format!(
        "{SOURCE}{DESTINATION}{}{}{}",
        other("postgres://db1/orders", "copy"),
        other("postgres://db1:5433/orders", "events"),
        other("postgres://db1/other", "events")
    ));
    assert_eq!(config.unwrap().destinations.len(), 4);
}

//! What is refused, where and with which fix.

use super::*;
use crate::config::keys::TABLES;
use crate::config::kinds::keys_of;
use proptest::prelude::*;

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let problems = told(
        toml(
            "[source]\nurl = \"postgres://db1:x/orders\"\npol_interval_ms = 5\nids = \
             \"automatic\"\n\n[[destinations]]\nname = \"a\"\nurl = \
             \"postgres://db2/orders\"\nwriters = 17\n[replicaton]\n[log]\nlevel = 3\n",
        )
        .unwrap_err(),
    );
    let places: Vec<&str> = problems.iter().map(|problem| problem[1].as_str()).collect();
    assert_eq!(
        places,
        [
            "config.toml:2:7, source.url",
            "config.toml:3:1, source.pol_interval_ms",
            "config.toml:4:7, source.ids",
            "config.toml:9:11, destinations[0].writers",
            "config.toml:10:2, replicaton",
            "config.toml:12:9, log.level",
        ]
    );
    assert_eq!(problems[1][0], "unknown key \"pol_interval_ms\"");
    assert_eq!(problems[1][2], "did you mean \"poll_interval_ms\"?");
    assert_eq!(problems[3][0], "destinations[0].writers must be between 1 and 16, not 17");
    assert_eq!(problems[4][2], "did you mean \"replication\"?");
    assert_eq!(problems[5][0], "log.level must be text, not a number");
}

#[test]
fn a_key_of_another_table_is_sent_there() {
    let [what, _, fix] = problem(&with_destination("poll_interval_ms = 5"));
    assert_eq!(
        (what.as_str(), fix.as_str()),
        ("unknown key \"poll_interval_ms\"", "\"poll_interval_ms\" belongs to [source]")
    );
    let [_, _, fix] = problem(&with_destination("[replication]\nname = \"orders\""));
    assert_eq!(fix, "\"name\" belongs to the top of the file or [[destinations]]");
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    for (lines, range) in [
        ("poll_interval_ms = 0", "between 1 and 31536000000 milliseconds, not 0"),
        ("poll_interval_ms = 99999999999999", "not 99999999999999"),
        ("group_events_max = 0", "between 1 and"),
        ("group_events_max = -5", "not -5"),
    ] {
        let [what, ..] = problem(&with_source(lines));
        assert!(what.contains(range), "{what}");
    }
    for line in [
        "readers_max = 0",
        "max_events_per_write = 0",
        "max_bytes_per_write = 0",
        "connect_timeout_ms = 0",
        "retry_wait_max_ms = 0",
        "retry_for_ms = -1",
        "hold_max_ms = 0",
        "append_timeout_ms = 0",
        "buffer_bytes_max = 65535",
        "shutdown_timeout_ms = -1",
    ] {
        let [what, ..] = problem(&with_destination(&format!("[replication]\n{line}")));
        assert!(what.contains("must be between"), "{what}");
    }
    let [what, ..] = problem(&with_destination("writers = 0"));
    assert!(what.contains("between 1 and 16, not 0"), "{what}");
}

#[test]
fn wrong_types_are_refused_with_the_right_one() {
    for (lines, wrong) in [
        ("poll_interval_ms = \"5\"", "source.poll_interval_ms must be a whole number, not text"),
        (
            "poll_interval_ms = 5.0",
            "source.poll_interval_ms must be a whole number, not a number with a fraction",
        ),
        ("durability_gate = 1", "source.durability_gate must be true or false, not a number"),
        ("channel = true", "source.channel must be text, not true or false"),
        ("channel = \"\"", "source.channel must have between 1 and 63 bytes"),
        ("known_gaps = \"42\"", "source.known_gaps must be a list, not text"),
        ("known_gaps = [\"5..4\"]", "source.known_gaps cannot hold \"5..4\""),
        ("known_gaps = [1.5]", "source.known_gaps must be text, not a number with a fraction"),
        ("table = \"a.b.c\"", "source.table cannot be \"a.b.c\""),
        ("password = 12345", "source.password must be text, not a number"),
    ] {
        assert_eq!(problem(&with_source(lines))[0], wrong);
    }
    assert_eq!(
        problem(&format!("source = 1\n{DESTINATION}"))[0],
        "source must be a table, not a number"
    );
    let [what, _, fix] = problem(&format!("{SOURCE}[destinations]\nname = \"a\"\n"));
    assert_eq!(what, "destinations must be a list of tables, not a table");
    assert!(fix.contains("[[destinations]]"), "{fix}");
}

#[test]
fn wrong_words_are_refused_with_the_right_ones() {
    let [what, _, fix] = problem(&with_destination("[log]\nlevel = \"warn\""));
    assert_eq!(what, "log.level cannot be \"warn\"");
    assert_eq!(
        fix,
        "use one of critical, error, warning, info, debug, trace; did you mean \"warning\"?"
    );
    let [_, _, fix] = problem(&with_destination("synchronous_commit = \"yes\""));
    assert!(fix.contains("on, off, local, remote_write, remote_apply"), "{fix}");
    let [_, _, fix] = problem(&with_source("ids = \"serial\""));
    assert!(fix.contains("auto, consecutive, sequence, copy, grace:5s"), "{fix}");
}

#[test]
fn a_destination_of_an_unknown_kind_is_refused_with_the_schemes_that_are_known() {
    let text =
        with_destination("writers = 17").replace("postgres://writer@db2", "mysql://writer@db2");
    let problems: Vec<Error> = toml(&text).unwrap_err().into_iter().collect();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    let report = problems[0].report();
    assert!(
        report.contains("config.toml:5:7, destinations[0].url")
            && report.contains("only PostgreSQL and SQLite are supported"),
        "{report}"
    );
    let fix = problems[0].remedy().unwrap();
    for kind in crate::config::kinds::KINDS {
        for scheme in kind.schemes {
            assert!(fix.contains(&format!("{scheme}{}", kind.before_place)), "{fix}");
        }
    }
    assert!(problems[1].what().contains("writers must be between 1 and 16"), "{problems:#?}");
}

#[test]
fn known_gaps_have_no_meaning_in_a_sequence() {
    let [what, ..] = problem(&with_source("ids = \"sequence\"\nknown_gaps = [1]"));
    assert!(what.contains("consecutive ids only"), "{what}");
}

#[test]
fn what_is_missing_is_told_with_what_to_add() {
    let problems = told(toml("").unwrap_err());
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert_eq!(
        (problems[0][0].as_str(), problems[0][1].as_str()),
        ("there is no source", "config.toml:1:1, source")
    );
    assert_eq!(problems[1][0], "there are no destinations");
    assert_eq!(problem(&format!("destinations = []\n{SOURCE}"))[0], "there are no destinations");
    let [what, place, _] = problem(&format!("{SOURCE}[[destinations]]\nname = \"a\"\n"));
    assert_eq!(what, "destinations[0] does not say where its database is");
    assert_eq!(place, "config.toml:3:1, destinations[0]");
}

#[test]
fn variables_are_filled_in_everywhere_and_a_missing_one_is_told() {
    let config = toml(&with_source("channel = \"a${WAIT}b$${WAIT}${EMPTY}\"")).unwrap();
    assert_eq!(config.source.channel, "a250b${WAIT}");
    let [what, place, _] = problem(&with_source("channel = \"${MISSING}\""));
    assert_eq!(what, "the environment variable MISSING is not set");
    assert_eq!(place, "config.toml:3:11, source.channel");
    for wrong in ["${", "${}", "${A B}", "${1}", "x${SECRET"] {
        let [what, ..] = problem(&with_source(&format!("channel = \"{wrong}\"")));
        assert!(what.contains("without the name of a variable"), "{wrong}: {what}");
    }
    let [what, ..] = problem(&with_source("password = \"${MISSING}\""));
    assert_eq!(what, "the environment variable MISSING is not set");
}

#[test]
fn a_password_comes_from_one_place() {
    let command = "password_command = [\"token\"]";
    for (line, what) in [
        (
            "password = \"hunter2\"",
            "the password is given twice: by itself and by password_command",
        ),
        (
            "password_file = \"x\"",
            "the password is given twice: by password_file and by password_command",
        ),
        ("password_command = \"token\"", "source.password_command must be a list, not text"),
        ("password_command = [\"\"]", "source.password_command names no program"),
        ("password_command = [\"a\", 3]", "source.password_command must be text, not a number"),
    ] {
        let lines =
            if line.contains("command") { line.to_owned() } else { format!("{line}\n{command}") };
        assert_eq!(problem(&with_source(&lines))[0], what, "{lines}");
    }
}

#[test]
fn values_of_variables_and_passwords_are_never_shown() {
    for lines in [
        "channel = \"c\"\nids = \"${SECRET}\"",
        "table = \"${SECRET}.b.c\"",
        "known_gaps = [\"${SECRET}\"]",
        "poll_interval_ms = \"${SECRET}\"",
        "durability_gate = \"${SECRET}\"",
        "password = \"hunter2\"\npassword_file = \"x\"",
        "password_command = [\"\", \"${SECRET}\"]",
        "password = hunter2",
        "password = \"hunter2",
        "[log]\nlevel = \"${SECRET}\"",
    ] {
        let problems = toml(&with_source(lines)).unwrap_err();
        let shown = format!("{} {problems:?}", problems.report());
        assert!(!shown.contains("hunter2"), "{lines}: {shown}");
    }
    let config = toml(&with_source("password = \"hunter2\"")).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let problems = json("{\"source\": {\"password\": \"hunter2}").unwrap_err();
    assert!(!problems.report().contains("hunter2"));
}

#[test]
fn a_bad_connection_is_told_at_its_key_without_its_password() {
    let text = format!(
        "[source]\nurl = \"postgres://u:hunter2@db1/orders?sslmod=require\"\n{DESTINATION}"
    );
    let problems = toml(&text).unwrap_err();
    let report = problems.report();
    assert!(report.contains("config.toml:2:7, source.url"), "{report}");
    assert!(
        report.contains("did you mean \"sslmode\"?") && !report.contains("hunter2"),
        "{report}"
    );
    let [what, place, _] = problem(&with_source("user = \"x\""));
    assert_eq!(what, "user is given twice: in url and as a setting");
    assert_eq!(place, "config.toml:2:7, source.url");
}

#[test]
fn the_same_table_is_never_configured_twice() {
    let [what, place, _] = problem(&format!(
        "{SOURCE}[[destinations]]\nname = \"a\"\nurl = \"host=DB1 port=5432 user=w \
         dbname=orders\"\n"
    ));
    assert_eq!(
        what,
        "destination \"a\" is the source itself: DB1:5432/orders, table public.events"
    );
    assert_eq!(place, "config.toml:3:1, destinations[0]");
    let [what, ..] = problem(&format!(
        "{SOURCE}{DESTINATION}[[destinations]]\nname = \"b\"\nurl = \
         \"postgres://x@db5,db2/orders\"\n"
    ));
    assert!(what.starts_with("destinations \"a\" and \"b\" are the same"), "{what}");
}

proptest! {
    #[test]
    fn arbitrary_values_never_panic(value in "\"[a-z0-9.:$ \
                                              {}]*\"|-?[0-9]{1,22}|true|\\[\\]|\\{\\}|1\\.5|\\[\"[0-9.]*\"\\]", index in any::<prop::sample::Index>()) {
        let table = &TABLES[1 + index.index(TABLES.len() - 1)];
        let keys = keys_of(table);
        let key = keys[index.index(keys.len())].name;
        let _ = toml(&format!("{}\n{key} = {value}\n", table.header));
    }
}

#[test]
fn a_value_of_a_variable_is_shown_by_its_name_wherever_it_came_to_stand() {
    for url in [
        "host=h user=u ${SECRET}=1",
        "${SECRET}host=h",
        "postgres://u@h/d?${SECRET}sslmode=require",
        "postgres://u@h:${SECRET}/d",
    ] {
        let text = format!(
            "[source]\nurl = \"{url}\"\n[[destinations]]\nname = \"a\"\nurl = \"host=b\"\n"
        );
        let report = load_file("c.toml", &text, 0o600, &Flags::default()).unwrap_err().report();
        assert!(!report.contains("hunter2"), "{url}: {report}");
    }
    let text = "[source]\nurl = \"host=h user=u ${SECRET}=1\"\n[[destinations]]\nname = \"a\"\nurl \
                = \"host=b\"\n";
    let report = load_file("c.toml", text, 0o600, &Flags::default()).unwrap_err().report();
    assert!(report.contains("${SECRET}"), "{report}");
}

//! What is copied, and what the commands say of it.

use super::*;
use crate::diff::events_diff;
use crate::harness::fresh_destination;
use crate::support::events::init_destination;

#[tokio::test]
async fn a_table_is_made_filled_followed_and_found_equal_by_every_command() {
    let pair = Pair::of(TABLE).await;
    pair.insert(1000).await;
    let printed = pair.init(&["--dry-run"]);
    assert!(printed.contains("\"id\" INTEGER PRIMARY KEY"), "{printed}");
    assert!(printed.contains("\"ts\" TEXT NOT NULL,\n    \"event\" TEXT NOT NULL\n) strict;"));
    assert!(!pair.file().exists(), "a dry run makes nothing");
    let made = pair.init(&[]);
    assert!(made.contains("created file ") && made.contains("created table \"events\""), "{made}");
    assert!(pair.init(&[]).contains("nothing was missing"));
    let (code, out, err) = pair.run(counterfoil(&["run", "--dry-run"]), &pair.setup());
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("copied         id, ts, event as text COPY"), "{out}");
    pair.copied();
    let ends = "select count(*), min(id), max(id), sum(event ->> 'n') from events";
    assert_eq!(seen(&pair.file(), ends), ["1000|1|1000|500500"]);
    let (code, out, err) = pair.run(counterfoil(&["status"]), &pair.setup());
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains(" level ") && out.contains("no replicator feeds it"), "{out}");
    pair.insert(10).await;
    let (code, out, _) = pair.run(counterfoil(&["wait", "--timeout", "1s"]), &pair.setup());
    assert_eq!(code, Some(8), "{out}");
    pair.copied();
    let (code, out, err) = pair.run(counterfoil(&["wait", "--timeout", "20s"]), &pair.setup());
    assert_eq!(code, Some(0), "{out}{err}");
    pair.is_equal();
}

#[tokio::test]
async fn a_follower_brings_each_event_at_once_and_says_who_it_is() {
    let pair = Pair::made().await;
    let mut running = pair.setup().start(&[]);
    for events in [1, 2, 300, 1] {
        pair.insert(events).await;
        pair.arrives().await;
    }
    let (code, out, err) = pair.run(counterfoil(&["status", "--json"]), &pair.setup());
    assert_eq!(code, Some(0), "{out}{err}");
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let copy = &answer["destinations"][0];
    assert_eq!(copy["health"], "level", "{out}");
    assert_eq!(copy["replicator"]["pid"], running.pid(), "{out}");
    assert!(running.is_running());
    running.stops().await;
    pair.is_equal();
}

#[tokio::test]
async fn one_read_feeds_postgresql_and_sqlite_with_names_columns_and_conditions_of_their_own() {
    let pair = Pair::of(TABLE).await;
    let other = fresh_destination().await;
    init_destination(&other).await;
    pair.insert(500).await;
    let third = pair.dir.path().join("third.db");
    let setup = pair
        .setup()
        .destination_key("rename = { event = \"payload\", id = \"number\" }")
        .destination_key("table = \"orders\"")
        .to("other", &other)
        .and_url("third", &format!("sqlite:{}", third.display()))
        .destination_key("where = \"(event ->> 'n')::int % 3 = 0\"");
    let (code, out, err) = run(counterfoil(&["init", "destination"]), &setup);
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, out, err) = run(counterfoil(&["run", "--until-caught-up"]), &setup);
    assert_eq!(code, Some(0), "{out}{err}");
    let renamed = "select count(*), max(number), max(payload ->> 'n') from orders";
    assert_eq!(seen(&pair.file(), renamed), ["500|500|500"]);
    let of_third = "select count(*), min(id), max(id) from events";
    assert_eq!(seen(&third, of_third), ["166|3|498"]);
    for name in ["copy", "other", "third"] {
        let (code, out, err) = run(events_diff(&["--destination", name]), &setup);
        assert_eq!(code, Some(0), "{name}: {out}{err}");
    }
    let (code, out, err) = run(counterfoil(&["status"]), &setup);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn several_tables_go_into_one_file_and_some_columns_of_each() {
    let pair = Pair::of(TABLE).await;
    pair.source.execute("create table trail (id bigserial primary key, a int, b text); insert into trail (a, b) select i, 'x' from generate_series(1, 300) i").await;
    pair.insert(300).await;
    let setup = Setup::from_url(&url(&pair.source))
        .source_key("table = [\"public.events\", \"public.trail\"]\n[tables.\"public.trail\"]\ncolumns = [\"id\", \"b\"]")
        .and_url("copy", &format!("sqlite:{}", pair.file().display()));
    let (code, out, err) = run(counterfoil(&["init", "destination"]), &setup);
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, out, err) = run(counterfoil(&["run", "--until-caught-up"]), &setup);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(seen(&pair.file(), "select count(*), max(b), max(id) from trail"), ["300|x|300"]);
    assert_eq!(seen(&pair.file(), "select count(*) from events"), ["300"]);
    assert_eq!(seen(&pair.file(), "select name from pragma_table_info('trail')"), ["id", "b"]);
}

#[tokio::test]
async fn every_difference_is_found_named_and_shown() {
    let pair = Pair::made().await;
    pair.insert(50).await;
    pair.copied();
    let change = |sql: &str| Connection::open(pair.file()).unwrap().execute_batch(sql).unwrap();
    change("delete from events where id = 7; update events set event = '{\"n\": 99}' where id = 9");
    let (code, out, err) = pair.run(events_diff(&[]), &pair.setup());
    assert_eq!(code, Some(1), "{out}{err}");
    for told in
        ["missing  id 7", "changed  id 9: event", "1 missing, 1 changed", "verdict: different"]
    {
        assert!(out.contains(told), "{told}: {out}");
    }
    let (code, out, _) = pair.run(events_diff(&["--format", "jsonl"]), &pair.setup());
    assert_eq!((code, out.lines().count()), (Some(1), 5), "{out}");
    let (code, out, _) = pair.run(events_diff(&["--max-diffs", "1"]), &pair.setup());
    assert!(code == Some(1) && out.contains("ended after 1 differences, at id 7"), "{out}");
    let (code, out, _) = pair.run(events_diff(&["--from", "10"]), &pair.setup());
    assert!(code == Some(0) && out.contains("41 rows of source, 41 of destination"), "{out}");
    let (code, out, _) = pair.run(events_diff(&["--through", "6"]), &pair.setup());
    assert_eq!(code, Some(0), "{out}");
    change("insert into events values (51, '2026-01-01', '{}')");
    let (code, out, _) = pair.run(events_diff(&["--from", "10"]), &pair.setup());
    assert!(code == Some(1) && out.contains("extra  id 51"), "{out}");
    for flag in [&["--validate"][..], &["--resume", "x"], &["--repair-sql", "x"]] {
        let (code, _, err) = pair.run(events_diff(flag), &pair.setup());
        assert!(code == Some(2) && err.contains("is for tables of PostgreSQL"), "{err}");
    }
    // What a start and a status say of the same.
    let (code, out, err) = pair.run(counterfoil(&["status"]), &pair.setup());
    assert_eq!(code, Some(4), "{out}{err}");
    let (code, out, err) = pair.copy();
    assert_eq!(code, Some(4), "{out}{err}");
    change("delete from events where id = 51");
    let (code, out, err) = pair.copy();
    assert_eq!(code, Some(4), "{out}{err}");
    assert!(err.contains("both agree up to id 6"), "{out}{err}");
}

#[tokio::test]
async fn rows_that_come_while_it_is_compared_are_pending_and_no_difference() {
    let pair = Pair::made().await;
    pair.insert(50).await;
    pair.copied();
    pair.insert(5).await;
    let (code, out, err) = pair.run(events_diff(&[]), &pair.setup());
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("pending: 5 rows of source above id 50"), "{out}");
    let (code, out, _) = pair.run(events_diff(&["--complete"]), &pair.setup());
    assert!(code == Some(1) && out.contains("5 missing"), "{out}");
    let (code, out, _) = pair.run(events_diff(&["--dry-run"]), &pair.setup());
    assert!(code == Some(0) && out.contains("would compare every row"), "{out}");
}

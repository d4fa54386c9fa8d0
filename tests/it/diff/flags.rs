//! Flags of `events-diff`, and what is refused.

use super::{compared, equal_pair, run};
use crate::harness::fresh_database;
use crate::support::replicator::url;

#[tokio::test]
async fn the_first_differences_by_id_are_given_and_then_it_ends() {
    let (first, second) = equal_pair().await;
    second
        .execute(
            "delete from events where id in (4, 500, 700); insert into events values (3, now(), \
             '{}')",
        )
        .await;
    let (code, out, _) = compared(&first, &second, &["--max-diffs", "2"]).await;
    assert_eq!(code, 1);
    assert!(
        out.contains("extra  id 3") && out.contains("missing  id 4") && !out.contains("id 500:"),
        "{out}"
    );
    assert!(out.contains("not certain: ended after 2 differences, at id 4"), "{out}");
}

#[tokio::test]
async fn a_summary_counts_differences_by_class_and_column_and_shows_none() {
    let (first, second) = equal_pair().await;
    second
        .execute(
            "delete from events where id in (4, 500); insert into events values (3, now(), \
             '{}'); update events set event = '\"secret\"' where id = 700",
        )
        .await;
    let (code, out, err) = compared(&first, &second, &["--summary"]).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        out.contains("\ndifferences: 2 missing, 1 extra, 1 changed (event in 1)\n")
            && out.ends_with("verdict: different\n"),
        "{out}"
    );
    for shown in ["id 3", "id 4", "id 500", "id 700", "secret", "shown:"] {
        assert!(!out.contains(shown), "{shown}: {out}");
    }
    let (code, out, _) = compared(&first, &second, &["--summary", "--format=jsonl"]).await;
    assert_eq!(code, 1, "{out}");
    let types: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].to_string())
        .collect();
    assert_eq!(types, ["\"comparison\"", "\"summary\"", "\"verdict\""]);
    assert!(out.contains("\"missing\":2,\"extra\":1,\"changed\":1"), "{out}");
    let (code, out, _) = compared(&first, &second, &["--summary", "--max-diffs=2"]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("not certain: ended after 2 differences"), "{out}");
}

#[tokio::test]
async fn only_the_ids_that_were_asked_for_are_compared() {
    let (first, second) = equal_pair().await;
    second.execute("delete from events where id in (4, 500)").await;
    let range =
        |from: &'static str, through: &'static str| vec!["--from", from, "--through", through];
    for (flags, code) in [
        (range("5", "499"), 0),
        (range("4", "499"), 1),
        (range("5", "500"), 1),
        (range("-9", "3"), 0),
        (vec!["--from", "501"], 0),
    ] {
        let (found, out, err) = compared(&first, &second, &flags).await;
        assert_eq!(found, code, "{flags:?}\n{out}{err}");
    }
    let (_, out, _) = compared(&first, &second, &range("5", "499")).await;
    assert!(out.contains("compared: ids 5..499: 330 rows of first, 330 of second"), "{out}");
}

#[tokio::test]
async fn what_is_pending_counts_as_missing_where_completeness_is_asked_for() {
    let (first, second) = equal_pair().await;
    assert_eq!(compared(&first, &second, &["--complete"]).await.0, 0);
    second.execute("delete from events where id > 990").await;
    assert_eq!(compared(&first, &second, &[]).await.0, 0);
    let (code, out, _) = compared(&first, &second, &["--complete"]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("differences: 7 missing"), "{out}");
    let (_, out, _) = compared(&first, &second, &[]).await;
    assert!(out.contains("pending: 7 rows of first above id 989"), "{out}");
}

#[tokio::test]
async fn a_second_table_that_goes_on_where_the_first_ends_is_never_equal() {
    let (first, second) = equal_pair().await;
    first.execute("delete from events where id > 990").await;
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!(code, 3, "{out}");
    assert!(
        out.contains("second goes on where first ends: 7 rows above id 989 were not compared"),
        "{out}"
    );
    let (_, out, _) = compared(&first, &second, &["--format=jsonl"]).await;
    assert!(out.contains("\"pending\":0,\"pending_second\":7"), "{out}");
    assert_eq!(compared(&first, &second, &["--complete"]).await.0, 1);
    first.execute("truncate events").await;
    assert_eq!(compared(&first, &second, &[]).await.0, 3);
    assert_eq!(compared(&first, &second, &["--complete"]).await.0, 1);
}

#[tokio::test]
async fn a_table_that_grew_since_it_was_analysed_is_compared_by_chunks_of_as_many_rows() {
    let (first, second) = (fresh_database().await, fresh_database().await);
    for database in [&first, &second] {
        let one = "insert into events select i, now(), '{}' from generate_series(1, 10) i; analyze \
                   events";
        let more = "insert into events select i, now(), '{}' from generate_series(11, 100000) i";
        database.execute(&format!("{}; {one}", super::TABLE)).await;
        database.execute(more).await;
    }
    let (_, out, _) = compared(&first, &second, &["--dry-run"]).await;
    assert!(out.contains("by digests of 512 rows"), "{out}");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_compared_and_compares_nothing() {
    let (first, second) = equal_pair().await;
    second.execute("delete from events where id = 4").await;
    let (code, out, _) = compared(&first, &second, &["--dry-run"]).await;
    assert_eq!(code, 0);
    assert!(
        out.contains("would compare ids up to 1000") && out.ends_with("verdict: none, dry run\n"),
        "{out}"
    );
}

#[tokio::test]
async fn json_lines_are_one_object_each_with_a_schema_version_and_the_verdict_last() {
    let (first, second) = equal_pair().await;
    second
        .execute(
            "delete from events where id = 4; update events set event = jsonb_set(event, '{name}', \
             '\"\\u001b[31mred\\nline\"') where id <= 200",
        )
        .await;
    let (code, out, _) = compared(&first, &second, &["--format", "jsonl"]).await;
    assert_eq!(code, 1);
    let lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["schema_version"] == 1), "{out}");
    assert!(!out.contains('\u{1b}'), "no control character reaches a terminal");
    let types = |of: &str| lines.iter().filter(|line| line["type"] == of).count();
    assert_eq!(
        (types("comparison"), types("difference"), types("summary"), types("verdict")),
        (1, 134, 1, 1)
    );
    let missing = lines.iter().find(|line| line["class"] == "missing").unwrap();
    assert_eq!((missing["id"].as_i64(), missing["second"].is_null()), (Some(4), true));
    let last = lines.last().unwrap();
    assert_eq!(
        (last["verdict"].as_str(), last["exit_code"].as_i64()),
        (Some("different"), Some(1))
    );
}

#[tokio::test]
async fn tables_and_keys_of_other_names_are_compared() {
    let (first, second) = equal_pair().await;
    first
        .execute(
            "create schema \"Odd \"\"one\"; alter table events rename id to \"Key\"; alter table \
             events rename to \"E;v'ents\"; alter table \"E;v'ents\" set schema \"Odd \"\"one\"",
        )
        .await;
    second.execute("alter table events rename id to \"Key\"").await;
    let flags = [
        "--table",
        "\"Odd \"\"one\".\"E;v'ents\"",
        "--second-table",
        "events",
        "--id-column",
        "Key",
    ];
    let (code, out, err) = compared(&first, &second, &flags).await;
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test]
async fn what_cannot_be_compared_ends_with_2_and_says_why() {
    let (first, second) = equal_pair().await;
    let empty = fresh_database().await;
    let url_of_none = url(&empty).replace("dbname=", "dbname=nowhere_");
    let cases = [
        (vec![url(&first)], "give two URLs"),
        (vec![], "nothing to compare was named"),
        (
            vec![url(&first), url(&second), "--from=5".to_owned(), "--through=4".to_owned()],
            "--from 5 is above --through 4",
        ),
        (vec![url(&first), url(&second), "--table=a.b.c".to_owned()], "a.b.c"),
        (
            vec![url(&first), url(&second), "--resume=/nowhere/at/all".to_owned()],
            "cannot read the journal",
        ),
        (
            vec![url(&first), url(&second), "--repair-sql=/nowhere/at/all".to_owned()],
            "cannot write the script",
        ),
        (vec![url(&first), url(&second), "--id-column=key".to_owned()], "has no column \"key\""),
        (vec![url(&first), url(&empty)], "there is no table"),
        (vec![url(&first), url_of_none], "nowhere_"),
        (vec![url(&first), url(&first)], "both sides are the same table"),
        (vec!["postgres://u:secret@127.0.0.1:1/x".to_owned(), url(&second)], "cannot connect"),
        (vec!["--config=/nowhere/at/all.toml".to_owned()], "cannot read the configuration file"),
    ];
    for (arguments, says) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, out, err) = run(&arguments).await;
        assert_eq!(code, 2, "{arguments:?}\n{out}{err}");
        assert!(err.contains(says), "{arguments:?}\n{err}");
        assert!(!err.contains("secret") && !out.contains("verdict: equal"));
    }
}

#[tokio::test]
async fn types_of_a_user_are_the_same_where_their_names_are() {
    let (first, second) = equal_pair().await;
    second.execute("create type before as enum ('x')").await;
    for database in [&first, &second] {
        database
            .execute(
                "create type mood as enum ('a', 'b'); alter table events add column mood mood \
                 default 'b'",
            )
            .await;
    }
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("columns: the same\n"), "{out}");
}

#[tokio::test]
async fn a_view_is_refused_with_a_fix_that_can_be_followed() {
    let (first, second) = equal_pair().await;
    second
        .execute("alter table events rename to stored; create view events as select * from stored")
        .await;
    let (code, _, err) = compared(&first, &second, &[]).await;
    assert_eq!(
        (code, err.contains("is a view"), err.contains("CREATE UNIQUE")),
        (2, true, false),
        "{err}"
    );
}

#[tokio::test]
async fn a_table_without_a_unique_index_on_its_id_cannot_be_compared() {
    let (first, second) = equal_pair().await;
    second
        .execute("alter table events drop constraint events_pkey; create index on events (id)")
        .await;
    let (code, out, err) = compared(&first, &second, &[]).await;
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("no unique index") && err.contains("CREATE UNIQUE INDEX"), "{err}");
    assert!(out.ends_with("verdict: none, could not compare\n"), "{out}");
}

#[tokio::test]
async fn an_id_that_is_no_integer_cannot_be_compared() {
    let (first, second) = equal_pair().await;
    for database in [&first, &second] {
        database
            .execute(
                "create domain fraction as numeric; create domain whole as int; create domain \
                 positive as whole check (value > 0)",
            )
            .await;
    }
    for (of, told) in [
        ("numeric", "public.events.\"key\" is numeric, not an integer"),
        ("fraction", "public.events.\"key\" is public.fraction, not an integer"),
        ("positive[]", "not an integer"),
        ("positive", ""),
    ] {
        for database in [&first, &second] {
            database.execute(&format!("alter table events add key {of} unique")).await;
        }
        let (code, out, err) = compared(&first, &second, &["--id-column=key"]).await;
        assert_eq!(
            (code, err.contains(told)),
            (if told.is_empty() { 3 } else { 2 }, true),
            "{of}: {out}{err}"
        );
        for database in [&first, &second] {
            database.execute("alter table events drop column key").await;
        }
    }
}

/// What an INSERT there would lack hides no difference.
#[tokio::test]
async fn a_second_table_that_takes_no_insert_is_compared_and_gets_no_script() {
    let demanding = "alter table events add column note text not null default 'x'; alter table \
                     events alter note drop default";
    let computing = "alter table events rename id to n; alter table events drop constraint \
                     events_pkey; alter table events add id bigint generated always as (n) stored \
                     primary key";
    for (change, why) in [
        (demanding, "column \"note\" of the destination must be given"),
        (computing, "the destination computes its id column"),
    ] {
        let (first, second) = equal_pair().await;
        second.execute(change).await;
        let (code, out, err) = compared(&first, &second, &[]).await;
        assert_eq!(code, 0, "{out}{err}");
        assert!(
            out.contains("rows cannot be inserted into the second table: ") && out.contains(why),
            "{out}"
        );
        let dir = tempfile::tempdir().unwrap();
        let flag = format!("--repair-sql={}", dir.path().join("repair.sql").display());
        let (code, out, err) = compared(&first, &second, &[&flag]).await;
        assert_eq!(code, 2, "{out}");
        assert!(err.contains("cannot write INSERTs for second") && err.contains(why), "{err}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        second.execute("delete from events where id = 4").await;
        assert_eq!(compared(&first, &second, &[]).await.0, 1);
    }
}

#[tokio::test]
async fn a_table_that_others_inherit_from_cannot_be_compared() {
    let (first, second) = equal_pair().await;
    second
        .execute(
            "create table younger () inherits (events); insert into younger values (1, now(), \
             '{}')",
        )
        .await;
    let (code, _, err) = compared(&first, &second, &[]).await;
    assert_eq!((code, err.contains("other tables inherit from")), (2, true), "{err}");
}

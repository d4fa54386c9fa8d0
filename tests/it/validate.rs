//! A table is validated by itself: as the loader fills it, and with every damage planted.

use crate::configured::table;
use crate::harness::{Database, fresh_database};
use counterfoil::error::{ErrorKind, Result};
use counterfoil::fake::World;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::postgres::table::describe;
use counterfoil::verify::validate::{
    IdRule, Validation, ValidationRules, ValidationVerdict, validate,
};
use std::time::Duration;

const TABLE: &str = "create table events (id bigint not null primary key, ts timestamptz not null, \
                     event jsonb not null)";
/// Without a key, so that an id can occur twice, as in a table with a damaged index.
const TABLE_WITHOUT_KEY: &str =
    "create table events (id bigint not null, ts timestamptz not null, event jsonb not null)";

/// A table with so many groups of the loader: ids from 1 on, a microsecond apart.
async fn filled(create: &str, groups: usize) -> Database {
    let database = fresh_database().await;
    let client = database.client().await;
    client.batch_execute(create).await.unwrap();
    let events: Vec<String> = World::persons(11).take(groups).flatten().collect();
    let insert = "insert into events select n, timestamptz '2026-01-01' + n * interval '1 \
                  microsecond', event::jsonb from unnest($1::text[]) with ordinality as \
                  fresh(event, n)";
    client.execute(insert, &[&events]).await.unwrap();
    database
}

async fn asked(database: &Database, rules: &ValidationRules) -> Result<Validation> {
    let purpose = SessionPurpose { what: "audit", side: ErrorSide::Source };
    let session =
        Session::open(&database.conninfo, purpose, Duration::from_secs(20)).await.unwrap();
    let events = describe::table(&session, &table("events"), "id").await.unwrap().unwrap();
    validate(session, &events, "id", rules, &mut |_| {}).await
}

async fn validated(database: &Database) -> Validation {
    asked(database, &consecutive(None)).await.unwrap()
}

fn consecutive(through: Option<i64>) -> ValidationRules {
    ValidationRules { ids: IdRule::Consecutive(Vec::new()), through }
}

/// Words and counts of what makes it invalid.
fn faults(validation: &Validation) -> Vec<(&'static str, u64)> {
    let faults = validation.findings.iter().filter(|finding| finding.is_fault);
    faults.map(|finding| (finding.fault.word(), finding.count)).collect()
}

/// The ids of a group by its number, with no other group.
async fn ids_of_group(database: &Database, number: u64) -> Vec<i64> {
    let asked = format!(
        "select id from events where (event -> 'testingStats' ->> 'dbOperationNum')::int8 = \
         {number} order by id"
    );
    database.query(&asked).await.iter().map(|id| id.parse().unwrap()).collect()
}

/// The number of a group of three events that is neither the first nor the last.
async fn group_of_three(database: &Database) -> u64 {
    let asked = "select min((event -> 'testingStats' ->> 'dbOperationNum')::int8) from events \
                 where event -> 'testingStats' ->> 'dbOperationEventCount' = '3' and id > 20";
    database.query(asked).await[0].parse().unwrap()
}

#[tokio::test]
async fn a_table_of_many_pages_as_the_loader_fills_it_is_valid() {
    let database = filled(TABLE, 20_000).await;
    let validation = validated(&database).await;
    assert_eq!(validation.verdict(), ValidationVerdict::Valid, "{validation}");
    assert_eq!(validation.groups.complete, 20_000);
    let expected = database.query("select count(*), min(id), max(id) from events").await;
    let shown = |id: Option<i64>| id.unwrap().to_string();
    assert_eq!(
        format!("{}|{}|{}", validation.rows, shown(validation.first_id), shown(validation.last_id)),
        expected[0]
    );
    assert!(validation.rows > 40_000, "{validation}");
}

#[tokio::test]
async fn an_empty_table_is_valid() {
    let database = fresh_database().await;
    database.execute(TABLE).await;
    assert_eq!(validated(&database).await.to_string(), "valid: no rows");
}

/// Plants each damage in a table that is whole, and expects these words and counts.
async fn each(database: &Database, cases: Vec<(String, &str)>) {
    for (damage, expected) in cases {
        let client = database.client().await;
        client.batch_execute("create table safe as table events").await.unwrap();
        client.batch_execute(&damage).await.unwrap_or_else(|error| panic!("{error:?} in {damage}"));
        let validation = validated(database).await;
        let told: Vec<String> =
            faults(&validation).iter().map(|(word, count)| format!("{word} {count}")).collect();
        assert_eq!(told.join(", "), expected, "{damage}\n{validation}");
        assert_eq!(validation.verdict(), ValidationVerdict::Invalid);
        client
            .batch_execute(
                "truncate events; insert into events select * from safe; drop table safe",
            )
            .await
            .unwrap();
    }
    assert_eq!(
        validated(database).await.verdict(),
        ValidationVerdict::Valid,
        "the table is whole again"
    );
}

#[tokio::test]
async fn what_is_lost_or_doubled_is_told_by_its_name() {
    let database = filled(TABLE, 200).await;
    let ids = ids_of_group(&database, group_of_three(&database).await).await;
    let (first, middle, group) = (ids[0], ids[1], format!("{}, {}, {}", ids[0], ids[1], ids[2]));
    let end: i64 = database.query("select max(id) from events").await[0].parse().unwrap();
    let again = |ids: &str| {
        format!(
            "insert into events select {end} + row_number() over (order by id), ts, event from \
             events where id in ({ids})"
        )
    };
    let gone = |ids: &str| format!("delete from events where id in ({ids})");
    let closed_up = |by: i64| {
        format!(
            "; update events set id = -id where id > {first}; update events set id = -id - {by} \
             where id < 0"
        )
    };
    let middle = middle.to_string();
    let cases = vec![
        (gone(&middle), "gap 1, incomplete_group 1"),
        (gone(&middle) + &closed_up(1), "incomplete_group 1"),
        (gone(&group), "gap 1, missing_group 1"),
        (gone(&group) + &closed_up(3), "missing_group 1"),
        (gone("1, 2, 3"), "gap 1, missing_group 1"),
        (again(&middle), "doubled_event 1"),
        (again(&group), "doubled_group 1"),
    ];
    each(&database, cases).await;
}

#[tokio::test]
async fn what_is_altered_is_told_by_its_name() {
    let database = filled(TABLE, 200).await;
    let id = ids_of_group(&database, group_of_three(&database).await).await[1];
    let end = database.query("select max(id) from events").await.remove(0);
    let set = |path: &str, value: &str, on: &str| {
        format!("update events set event = jsonb_set(event, '{{{path}}}', {value}) where {on}")
    };
    let one = format!("id = {id}");
    let all_garbled = format!("garbled_stats {end}");
    let cases = vec![
        (
            format!("update events set event = event - 'testingStats' where id = {id}"),
            "not_adjacent 1, incomplete_group 1, without_stats 1",
        ),
        (
            set("testingStats,dbOperationEventNum", "'\"2\"'", &one),
            "garbled_stats 1, not_adjacent 1, incomplete_group 1",
        ),
        (
            set("testingStats,programId", "to_jsonb(repeat('x', 1000000))", &one),
            "garbled_stats 1, not_adjacent 1, incomplete_group 1",
        ),
        (set("testingStats", "'[]'", "true"), all_garbled.as_str()),
    ];
    each(&database, cases).await;
}

#[tokio::test]
async fn the_contents_of_two_rows_that_changed_places_are_told() {
    let database = filled(TABLE, 200).await;
    let number = group_of_three(&database).await;
    let first = ids_of_group(&database, number).await[1];
    let second = ids_of_group(&database, number + 40).await[0];
    database
        .execute(&format!(
            "update events e set event = other.event from events other where (e.id, other.id) in \
             (({first}, {second}), ({second}, {first}))"
        ))
        .await;
    let validation = validated(&database).await;
    let words: Vec<_> = faults(&validation).into_iter().map(|(word, _)| word).collect();
    assert!(words.contains(&"incomplete_group") && words.contains(&"out_of_order"), "{validation}");
}

#[tokio::test]
async fn an_id_that_occurs_twice_is_found_also_where_two_pages_meet() {
    let database = filled(TABLE_WITHOUT_KEY, 20_000).await;
    // With id 7 twice, id 19999 stands on the last row of the first page and, again, on the first
    // of the second one.
    database
        .execute("insert into events select * from events where id in (7, 19999, 20001, 39999)")
        .await;
    let validation = validated(&database).await;
    assert_eq!(faults(&validation)[0], ("duplicate_id", 4), "{validation}");
    let words = "ids that occur again: the index is damaged or missing, try REINDEX TABLE: id 7; \
                 id 19999; id 20001; id 39999";
    assert!(validation.to_string().contains(words), "{validation}");
}

#[tokio::test]
async fn a_table_in_which_one_id_fills_more_than_a_page_is_an_error_and_no_endless_read() {
    let database = fresh_database().await;
    let same = "insert into events select 5, now(), '{}' from generate_series(1, 40001)";
    database.execute(&format!("{TABLE_WITHOUT_KEY}; {same}")).await;
    let error = asked(&database, &consecutive(None)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.what()),
        (ErrorKind::Contents, "more than 20000 rows have one id")
    );
}

#[tokio::test]
async fn a_group_that_the_fence_cuts_is_pending_and_nothing_beyond_is_read() {
    let database = filled(TABLE, 100).await;
    let ids = ids_of_group(&database, group_of_three(&database).await).await;
    let validation = asked(&database, &consecutive(Some(ids[1]))).await.unwrap();
    assert_eq!(
        (validation.verdict(), validation.groups.pending),
        (ValidationVerdict::Valid, 1),
        "{validation}"
    );
    assert_eq!(validation.last_id, Some(ids[1]));
    database.execute(&format!("delete from events where id > {}", ids[1])).await;
    assert_eq!(
        faults(&validated(&database).await),
        [("incomplete_group", 1)],
        "a table that rests"
    );
}

#[tokio::test]
async fn times_that_run_backwards_are_noted_to_the_microsecond_and_infinity_is_a_time() {
    let database = filled(TABLE, 100).await;
    let backwards = "update events set ts = ts - interval '2 microseconds' where id = 30; update \
                     events set ts = '-infinity' where id = 1; update events set ts = 'infinity' \
                     where id = (select max(id) from events)";
    database.execute(backwards).await;
    let validation = validated(&database).await;
    assert_eq!(validation.verdict(), ValidationVerdict::Valid);
    assert_eq!(
        (validation.findings[0].fault.word(), validation.findings[0].count),
        ("ts_backwards", 1)
    );
    assert_eq!(validation.findings[0].first, ["id 30, by 1 µs"]);
}

#[tokio::test]
async fn a_table_of_any_shape_is_judged_by_its_ids_and_says_what_was_not_looked_at() {
    let database = fresh_database().await;
    database
        .execute(
            "create table events (\"when\" date, id int primary key, event text); insert into \
             events values (null, 1, '{}'), (null, 3, '')",
        )
        .await;
    let validation =
        asked(&database, &ValidationRules { ids: IdRule::Sequence, through: None }).await.unwrap();
    let expected = "valid: 2 rows, ids 1..3; not loader data (no testingStats), so groups were not \
                    judged\n  noted: 1 gaps in the ids: id 2\n  noted: there is no timestamp \
                    column \"ts\": times were not looked at\n  noted: there is no JSON column \
                    \"event\": groups were not looked at";
    assert_eq!(validation.to_string(), expected);
    assert_eq!(faults(&validated(&database).await), [("gap", 1)]);
}

#[tokio::test]
async fn events_that_are_no_objects_have_no_stats_in_json_and_in_jsonb() {
    for of in ["json", "jsonb"] {
        let database = fresh_database().await;
        let values = "values (1, 'null'), (2, '\"testingStats\"'), (3, '[\"testingStats\"]'), (4, \
                      '7'), (5, null)";
        database
            .execute(&format!(
                "create table events (id bigint primary key, event {of}); insert into events \
                 {values}"
            ))
            .await;
        let validation = validated(&database).await;
        assert_eq!(
            (validation.verdict(), validation.rows, validation.groups.rows),
            (ValidationVerdict::Valid, 5, 0),
            "{of}: {validation}"
        );
    }
}

#[tokio::test]
async fn a_read_that_fails_is_an_error_and_never_a_verdict() {
    let database = fresh_database().await;
    let failing = "create table stored (id bigint primary key, event text); insert into stored \
                   select i, '{}' from generate_series(1, 100) i; insert into stored values (101, \
                   'no json'); create view events as select id, event::json as event from stored";
    database.execute(failing).await;
    let error = asked(&database, &consecutive(None)).await.unwrap_err();
    assert!(error.to_string().contains("invalid input syntax"), "{error}");
}

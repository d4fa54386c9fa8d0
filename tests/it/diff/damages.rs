//! Planted damages: each is found, classed and shown rightly, by digests and byte by byte.

use super::{FILL, TABLE, compared, equal_pair};
use crate::harness::{fresh_database, fresh_destination};

/// A damage of the second table, and what must be said of it.
struct Damage {
    what: &'static str,
    /// Done to both tables first.
    before: &'static str,
    /// Done to the second table.
    sql: &'static str,
    code: i32,
    /// Found in the output, in this order.
    says: &'static [&'static str],
}

const DAMAGES: &[Damage] = &[
    Damage {
        what: "nothing",
        before: "",
        sql: "",
        code: 0,
        says: &["columns: the same", "667 rows of first, 667 of second", "verdict: equal"],
    },
    Damage {
        what: "a changed byte",
        before: "",
        sql: "update events set event = jsonb_set(event, '{name}', '\"Zoé 4\"') where id = 4",
        code: 1,
        says: &[
            "changed  id 4: event (name)",
            "Zoë 4",
            "Zoé 4",
            "differences: 1 changed (event in 1)",
            "verdict: different",
        ],
    },
    Damage {
        what: "a changed microsecond",
        before: "",
        sql: "update events set ts = ts + interval '1 microsecond' where id = 500",
        code: 1,
        says: &[
            "changed  id 500: ts",
            ".123456+00",
            ".123457+00",
            "differences: 1 changed (ts in 1)",
        ],
    },
    Damage {
        what: "microseconds cut off",
        before: "",
        sql: "update events set ts = date_trunc('milliseconds', ts) where id = 500",
        code: 1,
        says: &[
            "changed  id 500: ts (only the representation differs)",
            ".123456+00",
            ".123+00",
            "1 changed in representation only (ts in 1)",
        ],
    },
    Damage {
        what: "the scale of a number",
        before: "",
        sql: "update events set event = jsonb_set(event, '{amount}', '1.1') where id = 7",
        code: 1,
        says: &[
            "changed  id 7: event (amount",
            "(only the representation differs)",
            "1.10",
            "1.1",
            "1 changed in representation only",
        ],
    },
    Damage {
        what: "another nesting of the same values",
        before: "",
        sql: "update events set event = jsonb_set(event, '{nested}', '[[1, 2]]') where id = 7",
        code: 1,
        says: &["changed  id 7: event (nested", "differences: 1 changed (event in 1)"],
    },
    Damage {
        what: "a hole first",
        before: "",
        sql: "delete from events where id = 1",
        code: 1,
        says: &["missing  id 1", "667 rows of first, 666 of second", "differences: 1 missing"],
    },
    Damage {
        what: "a hole in the middle",
        before: "",
        sql: "delete from events where id between 400 and 402",
        code: 1,
        says: &["missing  id 400", "missing  id 401", "differences: 2 missing"],
    },
    Damage {
        what: "an end that has not come yet",
        before: "",
        sql: "delete from events where id = 1000",
        code: 0,
        says: &["ids up to 998", "pending: 1 rows of first above id 998", "verdict: equal"],
    },
    Damage {
        what: "an extra row below the first",
        before: "",
        sql: "insert into events values (-5, now(), '{\"a\": 1}')",
        code: 1,
        says: &["extra  id -5", "667 rows of first, 668 of second", "differences: 1 extra"],
    },
    Damage {
        what: "an extra row in a gap",
        before: "",
        sql: "insert into events values (600, now(), '{\"a\": 1}')",
        code: 1,
        says: &["extra  id 600", "+", "\"a\": 1", "differences: 1 extra"],
    },
    Damage {
        what: "swapped contents",
        before: "",
        sql: "update events e set event = o.event from events o where o.id = 9 - e.id and e.id in \
              (4, 5)",
        code: 1,
        says: &[
            "changed  id 4: event",
            "changed  id 5: event",
            "differences: 2 changed (event in 2)",
        ],
    },
    Damage {
        what: "a row under another id",
        before: "",
        sql: "update events set id = 501 where id = 500; update events set id = 500 where id = 502",
        code: 1,
        says: &["changed  id 500: ts, event", "extra  id 501", "differences: "],
    },
    Damage {
        what: "NULL instead of an empty string",
        before: "alter table events add column note text not null default ''; alter table events \
                 alter column note drop not null",
        sql: "update events set note = null where id = 4",
        code: 1,
        says: &["changed  id 4: note", "NULL", "differences: 1 changed (note in 1)"],
    },
    Damage {
        what: "negative ids",
        before: "insert into events select -i, 'epoch', '{}' from generate_series(1, 50) i",
        sql: "delete from events where id = -50; update events set event = '1' where id = -1",
        code: 1,
        says: &["changed  id -1: event", "missing  id -50", "differences: 1 missing, 1 changed"],
    },
    Damage {
        what: "gaps on both sides",
        before: "delete from events where id between 100 and 300",
        sql: "delete from events where id = 700",
        code: 1,
        says: &["missing  id 700", "differences: 1 missing"],
    },
    Damage {
        what: "everything",
        before: "",
        sql: "update events set event = event || '{\"x\": 1}'",
        code: 1,
        says: &[
            "changed  id 1: event (x added",
            "differences: 667 changed (event in 667)",
            "shown: the first 100",
        ],
    },
    Damage {
        what: "another order of columns",
        before: "",
        sql: "drop table events; create table events (event jsonb, ts timestamptz not null, id \
              bigint primary key); insert into events (id, ts, event) select id, ts, event from \
              copied",
        code: 0,
        says: &[
            "columns: comparable, but not quite the same",
            "the order of columns differs",
            "verdict: equal",
        ],
    },
    Damage {
        what: "another column type",
        before: "",
        sql: "alter table events alter column event type json using event::json",
        code: 1,
        says: &["columns: different: rows cannot be compared", "event", "verdict: different"],
    },
    Damage {
        what: "another type of the time",
        before: "",
        sql: "alter table events alter column ts type timestamp",
        code: 1,
        says: &["columns: different", "ts", "verdict: different"],
    },
    Damage {
        what: "a column that is missing",
        before: "",
        sql: "alter table events drop column event",
        code: 1,
        says: &["columns: different", "event", "verdict: different"],
    },
    Damage {
        what: "an empty second table",
        before: "",
        sql: "truncate events",
        code: 3,
        says: &["not certain: second is empty", "verdict: inconclusive"],
    },
    Damage {
        what: "two empty tables",
        before: "truncate events",
        sql: "",
        code: 0,
        says: &["compared: no row", "verdict: equal"],
    },
    Damage {
        what: "an empty first table",
        before: "truncate events",
        sql: "insert into events select * from copied",
        code: 3,
        says: &["not certain: first is empty", "verdict: inconclusive"],
    },
];

/// Asserts that all of them occur, each after the one before.
fn assert_in_order(out: &str, says: &[&str], what: &str) {
    let mut rest = out;
    for wanted in says {
        let at = rest.find(wanted);
        assert!(at.is_some(), "{what}: {wanted:?} is not said, or not in its place:\n{out}");
        rest = &rest[at.unwrap() + wanted.len()..];
    }
}

#[tokio::test]
async fn every_damage_is_found_classed_and_shown() {
    let (first, second) = equal_pair().await;
    for damage in DAMAGES {
        let anew = format!(
            "drop table if exists events, copied; {TABLE}; {FILL}; create table copied as table \
             events; {}",
            damage.before
        );
        first.execute(&anew).await;
        second.execute(&anew).await;
        second.execute(damage.sql).await;
        for flags in [&[][..], &["--exact"]] {
            let (code, out, err) = compared(&first, &second, flags).await;
            assert_eq!(code, damage.code, "{} {flags:?}:\n{out}{err}", damage.what);
            assert_in_order(&out, damage.says, damage.what);
            assert!(
                out.lines().last().unwrap().starts_with("verdict: "),
                "{}:\n{out}",
                damage.what
            );
        }
    }
}

#[tokio::test]
async fn rows_of_many_chunks_are_compared_each_once_wherever_they_differ() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for database in [&first, &second] {
        database
            .execute(&format!(
                "{TABLE}; insert into events select i * 7 - 70000, now(), jsonb_build_object('n', \
                 i) from generate_series(1, 60000) i; analyze events"
            ))
            .await;
    }
    first.execute("update events set ts = 'epoch'").await;
    second.execute("update events set ts = 'epoch'").await;
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!((code, out.contains("60000 rows of first, 60000 of second")), (0, true), "{out}");
    second
        .execute(
            "delete from events where id % 4096 = 0; update events set event = '{}' where id % \
             5000 = 0 and id % 4096 <> 0; insert into events values (-69994, 'epoch', '{}')",
        )
        .await;
    let missing = first.query("select count(*) from events where id % 4096 = 0").await.remove(0);
    let changed = first
        .query("select count(*) from events where id % 5000 = 0 and id % 4096 <> 0")
        .await
        .remove(0);
    for flags in [&[][..], &["--exact"], &["--connections", "5"], &["--connections", "1"]] {
        let (code, out, _) = compared(&first, &second, flags).await;
        assert_eq!(code, 1, "{out}");
        assert_in_order(
            &out,
            &[
                "extra  id -69994",
                &format!("differences: {missing} missing, 1 extra, {changed} changed"),
            ],
            "many chunks",
        );
    }
}

#[tokio::test]
async fn a_table_that_differs_everywhere_is_merged_and_still_counted_to_the_last_row() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for (database, value) in [(&first, 1), (&second, 2)] {
        database
            .execute(&format!(
                "{TABLE}; insert into events select i, 'epoch', '{value}' from generate_series(1, \
                 300000) i; analyze events"
            ))
            .await;
    }
    second
        .execute(
            "update events set event = '1' where id > 290000 and id < 299000; delete from events \
             where id = 299500",
        )
        .await;
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!(code, 1);
    assert_in_order(
        &out,
        &[
            "300000 rows of first, 299999 of second",
            "differences: 1 missing, 291000 changed (event in 291000)",
        ],
        "all",
    );
}

#[tokio::test]
async fn values_of_any_type_and_size_are_compared() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for database in [&first, &second] {
        database
            .execute(
                "create type mood as enum ('glad', 'sad'); create domain cents as numeric(12, 2); \
                 create table events (id int primary key, ts timestamptz, mood mood, paid cents, \
                 raw bytea, tags text[], what json, at inet); insert into events select i, \
                 'infinity', 'glad', 1.10, decode(repeat('00ff', i), 'hex'), array['a', null, ''], \
                 '{\"a\" :  1}', '10.0.0.1' from generate_series(1, 50) i; update events set raw = \
                 decode(repeat('ab', 5000000), 'hex') where id = 7",
            )
            .await;
    }
    assert_eq!(compared(&first, &second, &[]).await.0, 0);
    let ways = [
        ("set raw = set_byte(raw, 4999999, 1) where id = 7", "changed  id 7: raw"),
        ("set mood = 'sad' where id = 50", "changed  id 50: mood"),
        ("set paid = 1.11 where id = 1", "changed  id 1: paid"),
        ("set tags = array['a', '', null] where id = 1", "changed  id 1: tags"),
        ("set ts = '-infinity' where id = 2", "changed  id 2: ts"),
        (
            "set what = '{\"a\": 1}' where id = 2",
            "changed  id 2: what (only the representation differs)",
        ),
    ];
    for (way, says) in ways {
        let row: String = way.split("where ").nth(1).unwrap().to_owned();
        second
            .execute(&format!(
                "create table kept as select * from events where {row}; update events {way}"
            ))
            .await;
        let (code, out, err) = compared(&first, &second, &[]).await;
        assert_eq!((code, out.contains(says)), (1, true), "{way}\n{out}{err}");
        second
            .execute(&format!(
                "delete from events where {row}; insert into events select * from kept; drop table \
                 kept"
            ))
            .await;
    }
}

/// What an index does not know is not read by it; only a count without it tells.
#[tokio::test]
async fn rows_that_an_index_does_not_know_are_told_by_the_counts() {
    let (first, second) = equal_pair().await;
    let ready = |is: bool| {
        format!("update pg_index set indisready = {is} where indexrelid = 'events_pkey'::regclass")
    };
    second.execute(&ready(false)).await;
    second.execute("insert into events values (3, now(), '{}'), (6, now(), '{}')").await;
    second.execute(&ready(true)).await;
    for flags in [&[] as &[&str], &["--exact"]] {
        let (code, out, err) = compared(&first, &second, flags).await;
        assert_eq!(code, 3, "{flags:?}: {out}{err}");
        assert!(
            out.contains("its index of the id knows 667 rows of 669: REINDEX it"),
            "{flags:?}: {out}"
        );
    }
    second.execute("reindex table events").await;
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("differences: 2 extra"), "{out}");
}

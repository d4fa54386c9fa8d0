//! Rows that the index of the id does not know, and rows that come while others are counted: what a
//! side only seems to lack is no difference.

use super::{FILL, TABLE, compared, equal_pair, events_diff};
use crate::command::Running;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::url;

/// Lets a table get rows of which its index of the id hears nothing.
pub async fn hidden(database: &Database, rows: &str) {
    let ready = |is: bool| {
        format!("update pg_index set indisready = {is} where indexrelid = 'events_pkey'::regclass")
    };
    database.execute("alter table events set (autovacuum_enabled = off)").await;
    database.execute(&ready(false)).await;
    database.execute(rows).await;
    database.execute(&ready(true)).await;
}

/// Lets the index forget rows that are there.
pub async fn forgotten(database: &Database, which: &str) {
    let keep = format!(
        "create table kept as select * from events where {which}; delete from events where {which}"
    );
    database.execute(&keep).await;
    hidden(database, "insert into events overriding system value select * from kept").await;
}

#[tokio::test]
async fn what_an_index_hides_is_neither_missing_nor_extra_and_a_change_is_a_difference_all_the_same()
 {
    for is_of_second in [true, false] {
        let (first, second) = equal_pair().await;
        let (damaged, name) = if is_of_second { (&second, "second") } else { (&first, "first") };
        forgotten(damaged, "id in (4, 5)").await;
        for flags in
            [&[][..], &["--exact"], &["--max-diffs=1"], &["--complete"], &["--through=900"]]
        {
            let (code, out, err) = compared(&first, &second, flags).await;
            assert_eq!(code, 3, "{name} {flags:?}: {out}{err}");
            let told = format!("not certain: {name}: its index of the id knows");
            assert!(
                out.contains(&told) && out.contains("what it seems to lack may be there"),
                "{flags:?}: {out}"
            );
        }
        second.execute("update events set event = '{}' where id = 8").await;
        for flags in [&[][..], &["--max-diffs=3"]] {
            let (code, out, err) = compared(&first, &second, flags).await;
            assert_eq!(code, 1, "{flags:?}: {out}{err}");
        }
        damaged.execute("reindex table events").await;
        let (code, out, _) = compared(&first, &second, &[]).await;
        assert_eq!((code, out.contains("differences: 1 changed")), (1, true), "{out}");
    }
}

#[tokio::test]
async fn no_script_doubles_a_row_that_an_index_hides() {
    let (first, second) = equal_pair().await;
    second.execute("delete from events where id = 7").await;
    forgotten(&second, "id in (4, 5)").await;
    let dir = tempfile::tempdir().unwrap();
    let flag = format!("--repair-sql={}", dir.path().join("missing.sql").display());
    second.execute("update events set event = '{}' where id = 2").await;
    for (flags, expected) in [(vec![&*flag], 1), (vec![&flag, "--max-diffs=2"], 1)] {
        let (code, out, err) = compared(&first, &second, &flags).await;
        assert_eq!(code, expected, "{out}{err}");
        assert!(
            out.contains("no script was written: what seems to be missing may be there"),
            "{out}"
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
    second.execute("reindex table events").await;
    assert_eq!(compared(&first, &second, &[&flag]).await.0, 1);
    let sql = std::fs::read_to_string(dir.path().join("missing.sql")).unwrap();
    assert_eq!(sql.matches("insert into").count(), 1, "{sql}");
}

#[tokio::test]
async fn a_table_whose_index_does_not_know_its_end_is_never_equal() {
    let (first, second) = equal_pair().await;
    hidden(&second, "insert into events values (1001, now(), '{}'), (2000, now(), '{}')").await;
    for flags in [&[][..], &["--exact"], &["--complete"], &["--through=2000"], &["--from=5"]] {
        let (code, out, err) = compared(&first, &second, flags).await;
        assert_eq!(code, 3, "{flags:?}: {out}{err}");
        assert!(
            out.contains(
                "second: above id 1000 its index of the id knows 0 rows of 2, so that the end"
            ),
            "{flags:?}: {out}"
        );
    }
    assert_eq!(compared(&first, &second, &["--through=1000"]).await.0, 0);
    for database in [&first, &second] {
        database.execute("truncate events").await;
    }
    assert_eq!(compared(&first, &second, &[]).await.0, 0);
    hidden(&first, "insert into events values (1, now(), '{}')").await;
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("first: its index of the id knows 0 rows of 1"), "{out}");
}

/// More than are read again at the end: the others are taken as they were found, though they come
/// before they are counted.
#[tokio::test]
async fn rows_that_come_while_they_are_compared_are_no_difference_however_many() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    let rows = |from: u32| {
        format!(
            "insert into events select i, 'epoch', jsonb_build_object('n', repeat(md5(i::text), \
             10)) from generate_series({from}, 120000) i; analyze events"
        )
    };
    first.execute(&format!("{TABLE}; {}", rows(1))).await;
    second.execute(&format!("{TABLE}; {}", rows(20_001))).await;
    let late = second.client().await;
    let lower = rows(1).replace("120000", "20000").replace("; analyze events", "");
    late.batch_execute(&format!("begin; {lower}")).await.unwrap();
    let mut running =
        Running::start(events_diff(&[&url(&first), &url(&second), "--connections=1"]));
    running.line_with("missing  id 10001");
    late.batch_execute("commit").await.unwrap();
    assert_eq!(running.end(), Some(3), "{}", running.told);
    assert!(running.told.contains("rows came or went meanwhile"), "{}", running.told);
    assert_eq!(compared(&first, &second, &[]).await.0, 0);
}

#[tokio::test]
async fn an_asked_range_beyond_what_can_be_compared_is_not_called_equal() {
    let (first, second) = equal_pair().await;
    second.execute("delete from events where id > 990").await;
    for (flags, expected) in [
        (&["--from=990"][..], 3),
        (&["--from=1000"], 3),
        (&["--from=995", "--through=995"], 3),
        (&["--from=999", "--through=999"], 0),
        (&["--from=1001"], 0),
    ] {
        let (code, out, err) = compared(&first, &second, flags).await;
        assert_eq!(code, expected, "{flags:?}: {out}{err}");
        assert_eq!(
            out.contains("no row was compared: what can be compared ends at id 989"),
            code == 3,
            "{out}"
        );
    }
}

#[tokio::test]
async fn an_id_that_only_its_domain_keeps_from_being_null_is_counted_where_it_is_null() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for database in [&first, &second] {
        let table = "create domain eid as bigint not null; create table events (id eid unique, ts \
                     timestamptz, event jsonb)";
        database.execute(&format!("{table}; {FILL}")).await;
    }
    assert_eq!(compared(&first, &second, &["--validate"]).await.0, 0);
    second
        .execute("insert into events values ((select id from events where false), now(), '{}')")
        .await;
    for flags in [&[][..], &["--validate"]] {
        let (code, out, err) = compared(&first, &second, flags).await;
        assert_eq!(code, 1, "{out}{err}");
        assert!(out.contains("without an id: 0 rows of first, 1 of second"), "{out}");
    }
}

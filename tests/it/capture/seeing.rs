//! Whatever a table goes through is in the log, and the log is copied like any other event table.

use super::{captured, changes, orders};
use crate::harness::{fresh_database, fresh_destination};
use crate::support::replicator::Setup;

#[tokio::test]
async fn inserts_updates_deletes_keys_and_truncates_are_seen_with_both_images() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    database.execute("insert into orders values (1, 'a'), (2, null)").await;
    database.execute("update orders set id = 3 where id = 1").await;
    database.execute("insert into orders values (2, 'b') on conflict (id) do update set item = excluded.item").await;
    database.execute("delete from orders where id = 3; truncate orders").await;
    assert_eq!(
        changes(&database).await,
        [
            r#"I|-|{"id":1,"item":"a"}"#,
            r#"I|-|{"id":2,"item":null}"#,
            r#"U|{"id":1,"item":"a"}|{"id":3,"item":"a"}"#,
            r#"U|{"id":2,"item":null}|{"id":2,"item":"b"}"#,
            r#"D|{"id":3,"item":"a"}|-"#,
            "T|-|-",
        ]
    );
    let transactions = "select count(distinct (xact, ts)) from counterfoil.changes";
    assert_eq!(database.query(transactions).await, ["4"]);
}

#[tokio::test]
async fn cascades_replicated_rows_and_writers_without_rights_are_seen() {
    let database = fresh_database().await;
    orders(&database).await;
    database.execute("create table lines (id int primary key, at int references orders on delete cascade on update cascade)").await;
    captured("install", &database, &["--table", "orders", "--table", "lines"]);
    database.execute("insert into orders values (1, 'a'); insert into lines values (7, 1)").await;
    database.execute("set session_replication_role = replica; update orders set item = 'b'; reset session_replication_role").await;
    database.execute("update orders set id = 2; delete from orders").await;
    let ops =
        "select string_agg(source || ' ' || op::text, ', ' order by id) from counterfoil.changes";
    assert_eq!(
        database.query(ops).await,
        [
            "public.orders I, public.lines I, public.orders U, public.orders U, public.lines U, public.orders D, public.lines D"
        ]
    );
    let role = "create role writer_of_orders; grant insert on orders to writer_of_orders; \
                set role writer_of_orders; create temp table changes (id int); \
                set search_path = pg_temp; insert into public.orders values (9, 'c'); reset role; reset search_path";
    database.execute(role).await;
    assert_eq!(changes(&database).await.last().unwrap(), r#"I|-|{"id":9,"item":"c"}"#);
    database.execute("drop owned by writer_of_orders; drop role writer_of_orders").await;
}

#[tokio::test]
async fn partitions_of_before_and_after_are_seen_with_their_truncates() {
    let database = fresh_database().await;
    let tables = "create table parts (id int primary key, item text) partition by range (id); \
                  create table low partition of parts for values from (0) to (10)";
    database.execute(tables).await;
    captured("install", &database, &["--table", "parts"]);
    database.execute("create table high partition of parts for values from (10) to (20)").await;
    database.execute("insert into parts values (1, 'a'); insert into high values (11, 'b')").await;
    database.execute("set session_replication_role = replica; update high set item = 'c'; reset session_replication_role").await;
    database.execute("update parts set id = 12 where id = 1; truncate low").await;
    let ops = "select string_agg(op::text, '' order by id) from counterfoil.changes";
    assert_eq!(database.query(ops).await, ["IIUDIT"]);
    captured("refresh", &database, &[]);
    database.execute("truncate high").await;
    assert_eq!(database.query(ops).await, ["IIUDITT"]);
}

#[tokio::test]
async fn settings_of_a_writer_decide_nothing_and_columns_that_are_left_out_are_in_no_image() {
    let database = fresh_database().await;
    let table = "create table hard (id int primary key, at timestamptz, x float8, y interval, z bytea, r tstzrange, secret text)";
    database.execute(table).await;
    captured("install", &database, &["--table", "hard", "--omit", "secret"]);
    let row = "insert into hard values (%, '2026-01-02 03:04:05+00', 0.1::float8 + 0.2, '1 day 2 hours', '\\x0102', '[2026-01-02 03:04:05+00,)', 's')";
    database.execute(&row.replace('%', "1")).await;
    database.execute("set timezone = 'Asia/Tokyo'; set extra_float_digits = 0; set intervalstyle = 'sql_standard'; set bytea_output = 'escape'; set datestyle = 'German'").await;
    let hostile = database.client().await;
    hostile
        .batch_execute("set timezone = 'Asia/Tokyo'; set extra_float_digits = 0; set intervalstyle = 'sql_standard'; set bytea_output = 'escape'; set datestyle = 'German'")
        .await
        .unwrap();
    hostile.batch_execute(&row.replace('%', "2")).await.unwrap();
    database.execute("truncate hard").await;
    let images = "select count(distinct (after::jsonb - 'id')), bool_or(after::text like '%secret%') from counterfoil.changes where op = 'I'";
    assert_eq!(database.query(images).await, ["1|f"]);
    let exact = "select after ->> 'x', after ->> 'z' from counterfoil.changes where id = 2";
    assert_eq!(database.query(exact).await, ["0.30000000000000004|\\x0102"]);
}

#[tokio::test]
async fn the_log_is_copied_and_proved_like_any_other_event_table_and_nobody_changes_it() {
    let (database, copy) = (fresh_database().await, fresh_destination().await);
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    database
        .execute("insert into orders select n, 'x' || n from generate_series(1, 500) as n")
        .await;
    database
        .execute(
            "update orders set item = 'y' where id % 3 = 0; delete from orders where id % 5 = 0",
        )
        .await;
    let setup = Setup::from(&database)
        .source_key("table = \"counterfoil.changes\"")
        .to("copy", &copy)
        .destination_key("table = \"counterfoil.changes\"");
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), setup.text()).unwrap();
    let config = file.path().to_str().unwrap();
    let made =
        crate::command::counterfoil(&["init", "destination", "--config", config]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let digest =
        "select count(*), md5(string_agg(c::text, ',' order by id)) from counterfoil.changes c";
    assert_eq!(database.query(digest).await, copy.query(digest).await);
    let compared = std::process::Command::new(env!("CARGO_BIN_EXE_events-diff"))
        .args(["--config", config])
        .output()
        .unwrap();
    assert!(compared.status.success(), "{compared:?}");
    let status = crate::command::counterfoil(&["status", "--config", config]).output().unwrap();
    assert!(status.status.success(), "{status:?}");
    let client = database.client().await;
    for change in [
        "update counterfoil.changes set op = 'X'",
        "delete from counterfoil.changes",
        "truncate counterfoil.changes",
        "drop table counterfoil.changes",
    ] {
        assert!(client.batch_execute(change).await.is_err(), "{change} went through");
    }
}

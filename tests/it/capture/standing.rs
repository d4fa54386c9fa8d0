//! What no longer is as it was made is told, with what has changed, and refreshed.

use super::{capture, captured, changes, orders};
use crate::harness::fresh_database;

#[tokio::test]
async fn triggers_that_are_disabled_missing_or_not_always_firing_are_told_and_put_back() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    assert!(captured("status", &database, &[]).contains("public.orders: captured from id 1 on"));
    for harm in [
        "alter table orders disable trigger user",
        "alter table orders disable trigger user; alter table orders enable trigger user",
        "drop trigger \"~counterfoil_truncate\" on orders",
        "create or replace function counterfoil.\"capture_public.orders\"() returns trigger language plpgsql as 'begin return null; end'",
        "alter function counterfoil.\"capture_public.orders\"() security invoker",
    ] {
        database.execute(harm).await;
        let (code, out, err) = capture("status", &database, &[]);
        assert_eq!(code, Some(4), "{harm}: {out}{err}");
        assert!(out.contains("NOT CAPTURED AS IT SHOULD BE"), "{harm}: {out}");
        captured("refresh", &database, &[]);
        let status = captured("status", &database, &[]);
        assert!(status.contains("captured from id 1 on"), "{harm}: {status}");
    }
    database.execute("insert into orders values (1, 'a')").await;
    assert_eq!(changes(&database).await.len(), 1);
}

#[tokio::test]
async fn a_table_that_changes_its_shape_is_told_with_each_change_until_it_is_refreshed() {
    let database = fresh_database().await;
    let tables = "create table parts (id int primary key, item text) partition by range (id); \
                  create table low partition of parts for values from (0) to (10)";
    database.execute(tables).await;
    captured("install", &database, &["--table", "parts"]);
    let changed = "alter table parts add column note text default 'x', drop column item; \
                   create table high partition of parts for values from (10) to (20)";
    database.execute(changed).await;
    let (code, out, _) = capture("status", &database, &[]);
    assert_eq!(code, Some(4), "{out}");
    for told in ["column note is new", "column item is gone", "partition public.high is new"] {
        assert!(out.contains(told), "{told}\n{out}");
    }
    let (code, _, err) = capture("install", &database, &["--table", "parts"]);
    assert!(code == Some(3) && err.contains("column note is new"), "{err}");
    captured("refresh", &database, &["--table", "parts"]);
    captured("status", &database, &[]);
}

#[tokio::test]
async fn a_renamed_table_keeps_its_name_in_the_log_and_one_that_is_gone_is_told() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders", "--name", "sales"]);
    database.execute("alter table orders rename to sold; insert into sold values (1, 'a')").await;
    let status = captured("status", &database, &[]);
    assert!(status.contains("sales (now public.sold): captured"), "{status}");
    assert_eq!(database.query("select source from counterfoil.changes").await, ["sales"]);
    let (code, _, err) = capture("install", &database, &["--table", "sold"]);
    assert!(code == Some(3) && err.contains("captured under the name sales"), "{err}");
    database.execute("drop table sold").await;
    let (code, out, _) = capture("status", &database, &["--json"]);
    assert_eq!(code, Some(4), "{out}");
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(object["tables"][0]["table"].is_null(), "{out}");
}

#[tokio::test]
async fn a_table_that_was_made_again_is_captured_again_and_one_that_is_gone_is_forgotten() {
    let database = fresh_database().await;
    orders(&database).await;
    database.execute("create table lines (id int primary key)").await;
    captured("install", &database, &["--table", "orders", "--table", "lines"]);
    database.execute("insert into orders values (1, 'a'); drop table orders, lines").await;
    orders(&database).await;
    let (code, _, err) = capture("install", &database, &["--table", "orders"]);
    assert!(code == Some(3) && err.contains("run counterfoil capture refresh"), "{err}");
    let sql = captured("refresh", &database, &["--table", "orders", "--dry-run"]);
    assert!(sql.contains("create trigger \"~counterfoil\""), "{sql}");
    let (code, _, err) = capture("refresh", &database, &[]);
    assert!(code == Some(3) && err.contains("capture remove --table 'public.lines'"), "{err}");
    captured("remove", &database, &["--table", "public.lines", "--yes"]);
    captured("status", &database, &[]);
    database.execute("insert into orders values (1, 'b')").await;
    assert_eq!(changes(&database).await.len(), 2);
}

#[tokio::test]
async fn a_log_that_is_no_longer_guarded_or_gives_ids_ahead_of_time_is_told() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    for (harm, cure) in [
        (
            "alter table counterfoil.changes disable trigger check_sql_command",
            "alter table counterfoil.changes enable always trigger check_sql_command",
        ),
        (
            "alter table counterfoil.changes alter column id set cache 20",
            "alter table counterfoil.changes alter column id set cache 1",
        ),
    ] {
        database.execute(harm).await;
        let (code, out, err) = capture("status", &database, &[]);
        assert!(code == Some(4) && out.contains("NOT AS IT SHOULD BE"), "{harm}: {out}{err}");
        let (code, _, err) = capture("install", &database, &["--table", "orders"]);
        assert_eq!(code, Some(3), "{harm}: {err}");
        database.execute(cure).await;
        captured("status", &database, &[]);
    }
    database.execute("drop trigger if exists counterfoil_doorbell on counterfoil.changes").await;
    captured("status", &database, &[]);
}

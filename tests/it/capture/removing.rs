//! Nothing is left where everything is removed.

use super::{capture, captured, changes, orders};
use crate::harness::{Database, fresh_database};

/// All objects that a person could find.
async fn catalog(database: &Database) -> Vec<String> {
    let sql = "select 'r ' || c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
               where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') \
               union all select 'f ' || f.oid::regprocedure::text from pg_proc f join pg_namespace n on n.oid = f.pronamespace where n.nspname not in ('pg_catalog', 'information_schema') \
               union all select 't ' || tgname || tgrelid::regclass::text from pg_trigger where not tgisinternal \
               union all select 'n ' || nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp' order by 1";
    database.query(sql).await
}

#[tokio::test]
async fn what_was_made_is_taken_away_whole_and_events_stay_until_the_log_goes() {
    let database = fresh_database().await;
    orders(&database).await;
    let tables = "create table parts (id int primary key) partition by range (id); \
                  create table low partition of parts for values from (0) to (10)";
    database.execute(tables).await;
    let before = catalog(&database).await;
    captured("install", &database, &["--table", "orders", "--table", "parts"]);
    database.execute("insert into orders values (1, 'a'); insert into parts values (1)").await;
    let (code, _, err) = capture("remove", &database, &["--all"]);
    assert!(code == Some(2) && err.contains("give --yes"), "{err}");
    captured("remove", &database, &["--table", "orders", "--yes"]);
    database.execute("insert into orders values (2, 'b'); insert into parts values (2)").await;
    assert_eq!(changes(&database).await.len(), 3);
    let planned = captured("remove", &database, &["--all", "--drop-log", "--dry-run"]);
    assert!(planned.contains("with every event that it holds"), "{planned}");
    let removed = captured("remove", &database, &["--all", "--drop-log", "--yes"]);
    assert!(removed.contains("nothing is left in schema counterfoil"), "{removed}");
    assert_eq!(catalog(&database).await, before);
}

#[tokio::test]
async fn what_others_put_beside_the_log_stays_and_is_told() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    database.execute("create table counterfoil.theirs (id int)").await;
    let (code, out, err) = capture("remove", &database, &["--all", "--drop-log", "--yes"]);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(err.contains("relation counterfoil.theirs"), "{err}");
    assert_eq!(database.query("select count(*) from counterfoil.theirs").await, ["0"]);
}

#[tokio::test]
async fn a_table_that_is_gone_is_forgotten_with_its_function() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    database.execute("drop table orders").await;
    captured("remove", &database, &["--all", "--yes"]);
    assert!(captured("status", &database, &[]).contains("nothing is captured"));
}

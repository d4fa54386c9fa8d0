//! What install makes, and what it refuses.

use super::{capture, captured, orders};
use crate::harness::fresh_database;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_second_install_finds_everything_and_a_dry_run_is_the_sql_of_the_first() {
    let database = fresh_database().await;
    orders(&database).await;
    let sql = captured("install", &database, &["--table", "orders", "--dry-run"]);
    assert!(
        database.query("select 1 from pg_namespace where nspname = 'counterfoil'").await.is_empty()
    );
    database.execute(&sql.replace("begin;", "").replace("commit;", "")).await;
    let again = captured("install", &database, &["--table", "orders"]);
    assert!(again.contains("nothing was missing, nothing was changed"), "{again}");
    database.execute("insert into orders values (1, 'a')").await;
    assert_eq!(super::changes(&database).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_captured_is_refused_all_at_once_and_nothing_is_made() {
    let database = fresh_database().await;
    let tables = "create table fine (id int primary key); create unlogged table quick (id int); \
                  create view seen as select 1 as id; create table root (id int); \
                  create table child () inherits (root); \
                  create table parts (id int) partition by range (id); \
                  create table part partition of parts default";
    database.execute(tables).await;
    let mut flags = Vec::new();
    for table in ["fine", "quick", "seen", "root", "part", "nowhere", "pg_class"] {
        flags.extend(["--table", table]);
    }
    let (code, _, err) = capture("install", &database, &flags);
    assert_eq!(code, Some(2), "{err}");
    for told in [
        "cannot capture public.quick",
        "it is no ordinary or partitioned table",
        "other tables inherit from it",
        "name the partitioned table instead",
        "cannot capture public.nowhere: there is no such table",
    ] {
        assert!(err.contains(told), "{told}\n{err}");
    }
    assert!(
        database.query("select 1 from pg_namespace where nspname = 'counterfoil'").await.is_empty()
    );
}

#[tokio::test]
async fn a_table_that_is_busy_is_waited_for_in_short_turns_and_whoever_holds_it_is_named() {
    let database = fresh_database().await;
    orders(&database).await;
    let holder = database.client().await;
    holder.batch_execute("begin; insert into orders values (1, 'a')").await.unwrap();
    let writer = database.client().await;
    let writing = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        let begun = Instant::now();
        let mut id = 10;
        while begun.elapsed() < Duration::from_secs(3) {
            let one = Instant::now();
            writer.execute("insert into orders values ($1, 'b')", &[&id]).await.unwrap();
            longest = longest.max(one.elapsed());
            id += 1;
        }
        longest
    });
    let flags = ["--table", "orders", "--lock-timeout", "200ms", "--lock-for", "2s"];
    let database_url = crate::support::replicator::url(&database);
    let ended = tokio::task::spawn_blocking(move || {
        let mut arguments = vec!["capture", "install", "--url", &database_url];
        arguments.extend(flags);
        crate::command::told(&crate::command::counterfoil(&arguments).output().unwrap())
    });
    let (code, _, err) = ended.await.unwrap();
    assert_eq!(code, Some(8), "{err}");
    assert!(err.contains("held by process ") && err.contains("idle in transaction"), "{err}");
    let longest = writing.await.unwrap();
    // The bound is that of the lock, with room for a busy machine; without one it were 2 s.
    assert!(longest < Duration::from_millis(1500), "a writer waited {longest:?}");
    holder.batch_execute("rollback").await.unwrap();
    captured("install", &database, &["--table", "orders"]);
}

#[tokio::test]
async fn a_relation_that_is_no_log_is_not_touched() {
    let database = fresh_database().await;
    orders(&database).await;
    database.execute("create schema counterfoil; create table counterfoil.changes (id int)").await;
    let (code, _, err) = capture("install", &database, &["--table", "orders"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("no log of captured changes"), "{err}");
}

//! The pool lends sessions that are as new, and never more than allowed.

use crate::harness::{Database, fresh_database};
use counterfoil::config::libpq::Conninfo;
use counterfoil::error::ErrorKind;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::pool::SessionPool;
use counterfoil::postgres::session::{Session, SessionPurpose};
use std::time::{Duration, Instant};

const CHECK: SessionPurpose = SessionPurpose { what: "check", side: ErrorSide::Source };
const LONG: Duration = Duration::from_secs(20);

fn pool(database: &Database, size_max: u32) -> SessionPool {
    SessionPool::new(&database.conninfo, CHECK, size_max, LONG, &counterfoil::log::none())
}

async fn one(session: &Session, query: &str) -> String {
    session.query_one(query, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn nothing_of_one_user_is_left_for_the_next() {
    let database = fresh_database().await;
    let pool = pool(&database, 1);
    let pid = {
        let lent = pool.get().await.unwrap();
        lent.batch_execute(
            "set timezone = 'Asia/Kathmandu'; set work_mem = '123MB'; select pg_advisory_lock(7)",
        )
        .await
        .unwrap();
        lent.batch_execute("begin; create table public.left_behind ()").await.unwrap();
        lent.server().backend_pid
    };
    let lent = pool.get().await.unwrap();
    assert_eq!(lent.server().backend_pid, pid);
    assert_eq!(one(&lent, "show timezone").await, "UTC");
    assert_ne!(one(&lent, "show work_mem").await, "123MB");
    assert_eq!(one(&lent, "show search_path").await, "pg_catalog");
    assert_eq!(one(&lent, "show application_name").await, "counterfoil/check");
    let left = "select count(*)::text from pg_locks where pid = pg_backend_pid() and locktype = \
                'advisory'";
    assert_eq!(one(&lent, left).await, "0");
    assert_eq!(database.query("select to_regclass('public.left_behind')").await, [""]);
}

#[tokio::test]
async fn a_session_left_in_a_failed_transaction_is_lent_as_new() {
    let database = fresh_database().await;
    let pool = pool(&database, 1);
    let lent = pool.get().await.unwrap();
    lent.batch_execute("begin; select 1/0").await.unwrap_err();
    drop(lent);
    assert_eq!(one(&pool.get().await.unwrap(), "show timezone").await, "UTC");
}

#[tokio::test]
async fn no_more_sessions_are_lent_than_allowed() {
    let database = fresh_database().await;
    let short = Duration::from_millis(100);
    let pool = SessionPool::new(&database.conninfo, CHECK, 2, short, &counterfoil::log::none());
    let (first, _second) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    let error = pool.get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("all were in use for 100 ms"), "{error}");
    drop(first);
    assert!(pool.get().await.is_ok());
}

#[tokio::test]
async fn a_session_that_died_in_the_pool_is_replaced() {
    let database = fresh_database().await;
    let pool = pool(&database, 1);
    let pid = pool.get().await.unwrap().server().backend_pid;
    database.execute(&format!("select pg_terminate_backend({pid})")).await;
    let living = format!("select from pg_stat_activity where pid = {pid}");
    while !database.query(&living).await.is_empty() {}
    let lent = pool.get().await.unwrap();
    assert_ne!(lent.server().backend_pid, pid);
}

#[tokio::test]
async fn a_server_that_refuses_is_told_at_once() {
    let database = fresh_database().await;
    let nobody = Conninfo { user: "nobody_at_all".to_owned(), ..database.conninfo.clone() };
    let pool = SessionPool::new(&nobody, CHECK, 2, LONG, &counterfoil::log::none());
    let start = Instant::now();
    for _ in 0..2 {
        let error = pool.get().await.unwrap_err();
        assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Access, Some("28000")));
    }
    assert!(start.elapsed() < LONG);
}

//! Transfers between accounts, whose sum never changes, while the replicator is killed again and
//! again: no half transaction is ever to be seen, and in the end nothing is lost.

use super::{captured, catch_up, init, reflecting, same};
use crate::harness::{Database, connect};
use crate::support::until;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const BANK: &str = "create table accounts (id int primary key, balance int not null); \
                    insert into accounts select i, 100 from generate_series(1, 40) i; \
                    create table entries (id bigint generated always as identity primary key, \
                    account int not null, delta int not null); \
                    create function follow() returns trigger language plpgsql as $$ begin \
                    if pg_trigger_depth() = 1 then \
                    insert into entries (account, delta) values (new.id, new.balance - old.balance); \
                    end if; return null; end $$; \
                    create trigger \" first\" after update on accounts for each row \
                    when (old.id = new.id) execute function follow()";

/// Moves money until it is told to stop: transfers of two and more rows in either order, rolled back
/// ones, savepoints, keys that move to and fro, rows that go and come again.
async fn transfer(database: Arc<Database>, seed: u64, is_over: Arc<AtomicBool>) {
    let client = connect(&database.conninfo).await.unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    while !is_over.load(Ordering::Relaxed) {
        let (a, b) = (random.random_range(1..=40), random.random_range(1..=40));
        let change = random.random_range(1..=9);
        let both = format!(
            "update accounts set balance = balance - {change} where id = {a}; \
             update accounts set balance = balance + {change} where id = {b}"
        );
        let act = match random.random_range(0..10) {
            0 => format!("begin; {both}; rollback"),
            1 => format!("begin; {both}; savepoint s; delete from accounts; rollback to s; commit"),
            2 => format!(
                "begin; update accounts set id = -id where id = {a}; update accounts set id = -id where id = -{a}; commit"
            ),
            // A transfer that waits for a row that goes would find nothing there.
            3 => format!(
                "begin; lock table accounts in share row exclusive mode; with gone as (delete from accounts where id = {a} returning *) insert into accounts select * from gone; commit"
            ),
            4 => format!(
                "update accounts set balance = balance + case id when {a} then {change} else -{change} end where id in ({a}, {b}) and {a} <> {b}"
            ),
            5 => "delete from entries where id in (select id from entries order by id limit 20)"
                .to_owned(),
            _ => format!("begin; {both}; select pg_sleep({}); commit", f64::from(change) / 1000.0),
        };
        // Deadlocks are the writers' own affair.
        if client.batch_execute(&act).await.is_err() {
            let _ = client.batch_execute("rollback").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_half_transaction_is_ever_seen_and_nothing_is_lost_however_often_it_is_killed() {
    let (source, destination) = captured(BANK, &["accounts", "entries"]).await;
    let create = "create = true\nload_rows = 7";
    let reflections = [
        format!("source = \"public.accounts\"\n{create}"),
        format!("source = \"public.entries\"\n{create}"),
    ];
    let reflections = reflections.each_ref().map(String::as_str);
    let setup = reflecting(&source, &destination, "", &reflections).key("max_events_per_write = 7");
    init(&setup);
    let (source, is_over) = (Arc::new(source), Arc::new(AtomicBool::new(false)));
    let mut writers = JoinSet::new();
    for seed in 0..6 {
        writers.spawn(transfer(Arc::clone(&source), seed, Arc::clone(&is_over)));
    }
    let settled = "select not bool_or(is_loading) and not exists (select from counterfoil.loaded_range) from counterfoil.reflected";
    let replicator = setup.start(&[]);
    until("rows are loaded", async || destination.query(settled).await == ["t"]).await;
    replicator.kill_nine();
    let mut random = StdRng::seed_from_u64(7);
    let (mut looks, mut kills) = (0, 0);
    let begun = Instant::now();
    let client = destination.client().await;
    while begun.elapsed() < Duration::from_secs(12) {
        let replicator = setup.start(&[]);
        let until = Instant::now() + Duration::from_millis(random.random_range(150..1_500));
        while Instant::now() < until {
            let look = "select coalesce(bool_or(is_loading), true) or exists (select from counterfoil.loaded_range), \
                        (select sum(balance) from accounts), (select count(*) from accounts) from counterfoil.reflected";
            let row = client.query_one(look, &[]).await.unwrap();
            if !row.get::<_, bool>(0) {
                let found = (row.get::<_, i64>(1), row.get::<_, i64>(2));
                assert_eq!(found, (4000, 40), "a half transaction after {kills} kills");
                looks += 1;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        replicator.kill_nine();
        kills += 1;
    }
    is_over.store(true, Ordering::Relaxed);
    let sum = "select sum(balance), count(*) from accounts";
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    until("the killed replicator's session has ended", async || {
        destination.query("select 1 from pg_stat_activity where application_name like 'counterfoil/%' and datname = current_database()").await.is_empty()
    })
    .await;
    assert_eq!(source.query(sum).await, ["4000|40"], "the writers themselves are at fault");
    catch_up(&setup);
    same(&source, &destination, "accounts").await;
    same(&source, &destination, "entries").await;
    assert!(looks > 100 && kills > 8, "{looks} looks, {kills} kills");
    crate::support::say(&format!("{looks} looks, {kills} kills"));
}

//! Rows are loaded while changes are followed, again as often as that is asked for, whatever the
//! table held before; and tables are compared exactly while they are written.

use super::{captured, catch_up, command, init, reflecting, rows, same};
use crate::harness::connect;
use crate::support::until;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

const STOCK: &str = "create table stock (id int primary key, amount int, place text); \
                     insert into stock select i, i, 'p' || i from generate_series(1, 3000) i";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_loaded_again_under_fire_and_every_damage_is_gone() {
    let (source, destination) = captured(STOCK, &["stock"]).await;
    let reflection = "source = \"public.stock\"\ncreate = true\nload_rows = 100";
    let setup =
        reflecting(&source, &destination, "", &[reflection]).key("max_events_per_write = 50");
    init(&setup);
    let (source, is_over) = (Arc::new(source), Arc::new(AtomicBool::new(false)));
    let mut writers = JoinSet::new();
    for seed in 0..4 {
        let (source, is_over) = (Arc::clone(&source), Arc::clone(&is_over));
        writers.spawn(async move {
            let client = connect(&source.conninfo).await.unwrap();
            let mut random = StdRng::seed_from_u64(seed);
            while !is_over.load(Ordering::Relaxed) {
                let id = random.random_range(1..=3000);
                let act = match random.random_range(0..6) {
                    // There and back again: nothing remains of it.
                    0 => format!("begin; update stock set amount = -1 where id = {id}; commit; update stock set amount = {id} where id = {id}"),
                    1 => format!("update stock set id = id + 10000 where id = {id}"),
                    2 => format!("update stock set id = id - 10000 where id = {id} + 10000"),
                    3 => format!("delete from stock where id = {id}"),
                    4 => format!("insert into stock values ({id}, 0, null) on conflict (id) do update set amount = 7"),
                    _ => format!("update stock set amount = amount + 1 where id between {id} and {id} + 3"),
                };
                let _ = client.batch_execute(&act).await;
            }
        });
    }
    let replicator = setup.start(&[]);
    let settled = "select not bool_or(is_loading) and not exists (select from counterfoil.loaded_range) from counterfoil.reflected";
    until("rows are loaded", async || destination.query(settled).await == ["t"]).await;
    for round in 0..3 {
        let damage = format!(
            "update stock set amount = amount + 1000 where id % 97 = {round}; delete from stock where id % 89 = {round}; \
             insert into stock select i, 1, 'planted' from generate_series(20000, 20010) i; update stock set place = 'stale' where id % 83 = {round}"
        );
        let load = async {
            let asked = ["reflect", "load", "--destination", "shop", "--yes"];
            let (code, out, err) = command(&setup, &asked);
            assert_eq!(code, Some(0), "{out}{err}");
        };
        load.await;
        destination.execute(&damage).await;
        let load = ["reflect", "load", "--destination", "shop", "--reflection", "stock", "--yes"];
        let (code, out, err) = command(&setup, &load);
        assert!(code == Some(0) || err.contains("was never computed"), "{out}{err}");
        until("rows are loaded again", async || destination.query(settled).await == ["t"]).await;
        let (code, out, err) = command(&setup, &["reflect", "verify"]);
        assert_eq!(code, Some(0), "round {round}: {out}{err}\n{}", replicator.log());
    }
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    replicator.stops().await;
    catch_up(&setup);
    same(&source, &destination, "stock").await;
}

#[tokio::test]
async fn every_damage_is_found_with_its_key_also_while_the_destination_lags() {
    let (source, destination) = captured(STOCK, &["stock"]).await;
    let reflection = "source = \"public.stock\"\ncreate = true";
    let setup = reflecting(&source, &destination, "", &[reflection]);
    init(&setup);
    catch_up(&setup);
    source.execute("update stock set amount = amount + 1 where id % 2 = 0; delete from stock where id % 10 = 3; insert into stock values (9001, 1, 'new'); update stock set id = id + 50000 where id = 8").await;
    let (code, out, err) = command(&setup, &["reflect", "verify"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("shop: public.stock: equal: 3000 rows"), "{out}");
    destination
        .execute("update stock set amount = -5 where id in (2, 500, 999); update stock set place = null where id = 3; delete from stock where id in (8, 13, 1000); insert into stock values (9001, 1, 'new')")
        .await;
    let (code, out, _) = command(&setup, &["reflect", "verify", "--max-diffs", "50"]);
    assert_eq!(code, Some(1), "{out}");
    for told in [
        "3 missing, 1 extra, 4 changed",
        "changed (2): amount",
        "changed (500): amount",
        "changed (999): amount",
        "changed (3): place",
        "missing (8)",
        "missing (13)",
        "missing (1000)",
        "extra (9001)",
        "verdict: different",
    ] {
        assert!(out.contains(told), "{told}\n{out}");
    }
    let (code, out, _) =
        command(&setup, &["reflect", "verify", "--format", "jsonl", "--max-diffs", "1"]);
    assert_eq!(code, Some(1), "{out}");
    let last: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(last["verdict"], "different");
}

#[tokio::test]
async fn a_key_whose_order_the_destination_does_not_share_is_loaded_as_well() {
    let sql = "create table words (word text primary key, n int); \
               insert into words select chr(96 + i % 26) || i, i from generate_series(1, 300) i; insert into words values ('É', 1), ('e', 2), ('Z', 3)";
    let (source, destination) = captured(sql, &["words"]).await;
    destination.execute("create table words (word text collate \"C\" primary key, n int); insert into words values ('stale', 0)").await;
    let setup =
        reflecting(&source, &destination, "", &["source = \"public.words\"\nload_rows = 20"]);
    init(&setup);
    catch_up(&setup);
    let sorted = "select * from words order by word collate \"C\"";
    assert_eq!(destination.query(sorted).await, source.query(sorted).await);
}

#[tokio::test]
async fn with_load_none_only_what_changes_is_there_and_it_cannot_be_verified() {
    let (source, destination) = captured(STOCK, &["stock"]).await;
    let reflection = "source = \"public.stock\"\ncreate = true\nload = \"none\"";
    let setup = reflecting(&source, &destination, "drift = \"off\"", &[reflection]);
    init(&setup);
    catch_up(&setup);
    assert!(rows(&destination, "stock").await.is_empty());
    source
        .execute("update stock set amount = 5 where id = 1; delete from stock where id = 2")
        .await;
    catch_up(&setup);
    assert_eq!(rows(&destination, "stock").await, ["1|5|p1"]);
    let (code, out, _) = command(&setup, &["reflect", "verify"]);
    assert_eq!(code, Some(3), "{out}");
    assert!(out.contains("inconclusive: load = \"none\""), "{out}");
}

#[tokio::test]
async fn a_table_that_is_truncated_while_it_is_loaded_ends_as_at_the_source() {
    let (source, destination) = captured(STOCK, &["stock"]).await;
    let reflection = "source = \"public.stock\"\ncreate = true\nload_rows = 10";
    let setup = reflecting(&source, &destination, "", &[reflection]);
    init(&setup);
    let replicator = setup.start(&[]);
    until("some rows are loaded", async || rows(&destination, "stock").await.len() > 50).await;
    source.execute("begin; insert into stock values (-5, 1, 'gone'); truncate stock; insert into stock select i, -i, 'after' from generate_series(1, 40) i; commit").await;
    until("it is as at the source", async || {
        rows(&destination, "stock").await == rows(&source, "stock").await
    })
    .await;
    replicator.stops().await;
    catch_up(&setup);
    same(&source, &destination, "stock").await;
}

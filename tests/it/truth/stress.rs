//! Sixteen writers that do everything a writer can do to ids, two destinations fed meanwhile by a
//! replicator that is stopped and started again: nothing is lost, doubled or reordered.

use super::is_full;
use super::prefix::assert_same_bytes;
use super::running::{DEADLINE, Running};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

const WRITERS: u64 = 16;
const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null default now(), event jsonb not null);
    create function slow() returns trigger language plpgsql as $$begin
        if new.event ? 'slow' then perform pg_sleep(0.003); end if; return new; end$$;
    create trigger slow before insert on events for each row execute function slow();
    create function fail_now_and_then(n int) returns int language plpgsql as $$begin
        begin
            insert into events (event) select jsonb_build_object('lost', i) from generate_series(1, n) i;
            raise exception 'rolled back';
        exception when raise_exception then null;
        end;
        insert into events (event) select jsonb_build_object('kept', i) from generate_series(1, n) i;
        return n; end$$";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";

/// One writer: a session, its own random choices, and the count of all.
struct Writer {
    client: Client,
    rng: SmallRng,
    name: String,
    transactions: u64,
    committed: Arc<AtomicI64>,
}

impl Writer {
    async fn new(source: &Database, seed: u64, committed: &Arc<AtomicI64>) -> Self {
        Self {
            client: source.client().await,
            rng: SmallRng::seed_from_u64(seed),
            name: format!("{}-{seed}", source.conninfo.database),
            transactions: 0,
            committed: Arc::clone(committed),
        }
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
    }

    async fn rest(&mut self) {
        let pause = Duration::from_micros(self.rng.random_range(0..8_000));
        tokio::time::sleep(pause).await;
    }

    fn batch(&mut self, what: &str) -> (i64, String) {
        let count = self.rng.random_range(1..60);
        let insert = format!(
            "insert into events (event) select jsonb_build_object('{what}', i, 'by', '{}') from \
             generate_series(1, {count}) i",
            self.name
        );
        (count, insert)
    }

    async fn write(mut self, total: i64) {
        while self.committed.load(Ordering::Relaxed) < total {
            self.transactions += 1;
            let count = match self.rng.random_range(0..10) {
                0 => self.alone().await,
                1 | 2 => self.many().await,
                3 => self.rolled_back().await,
                4 => self.with_savepoints().await,
                5 => self.with_explicit_ids().await,
                6 => self.in_a_slow_trigger().await,
                7 => self.in_two_phases().await,
                8 => self.with_pauses().await,
                _ => self.in_a_function().await,
            };
            self.committed.fetch_add(count, Ordering::Relaxed);
        }
    }

    async fn alone(&mut self) -> i64 {
        self.run("insert into events (event) values ('{\"alone\": 1}')").await;
        1
    }

    async fn many(&mut self) -> i64 {
        let (count, insert) = self.batch("many");
        self.run(&insert).await;
        count
    }

    async fn rolled_back(&mut self) -> i64 {
        let (_, insert) = self.batch("rolled back");
        self.run(&format!("begin; {insert}")).await;
        self.rest().await;
        self.run("rollback").await;
        0
    }

    async fn with_savepoints(&mut self) -> i64 {
        let ((first, kept), (_, lost), (second, also)) =
            (self.batch("before"), self.batch("lost"), self.batch("after"));
        self.run(&format!("begin; {kept}; savepoint s; {lost}")).await;
        self.rest().await;
        self.run(&format!("rollback to savepoint s; savepoint t; {also}")).await;
        self.run("release savepoint t; commit").await;
        first + second
    }

    /// Ids are drawn first, some are used, and in the wrong order.
    async fn with_explicit_ids(&mut self) -> i64 {
        self.run("begin").await;
        let mut ids = Vec::new();
        for _ in 0..self.rng.random_range(1..6) {
            let row = self.client.query_one("select nextval('events_id_seq')", &[]).await.unwrap();
            ids.push(row.get::<_, i64>(0));
            self.rest().await;
        }
        for id in ids.iter().skip(1).rev() {
            self.run(&format!(
                "insert into events (id, event) values ({id}, '{{\"explicit\": 1}}')"
            ))
            .await;
        }
        self.run("commit").await;
        ids.len() as i64 - 1
    }

    async fn in_a_slow_trigger(&mut self) -> i64 {
        self.run("insert into events (event) values ('{\"slow\": 1}')").await;
        1
    }

    async fn in_two_phases(&mut self) -> i64 {
        let (count, insert) = self.batch("two phases");
        let (name, is_committed) =
            (format!("{}-{}", self.name, self.transactions), self.rng.random_bool(0.7));
        self.run(&format!("begin; {insert}")).await;
        self.run(&format!("prepare transaction '{name}'")).await;
        self.rest().await;
        let end = if is_committed { "commit" } else { "rollback" };
        self.run(&format!("{end} prepared '{name}'")).await;
        if is_committed { count } else { 0 }
    }

    async fn with_pauses(&mut self) -> i64 {
        let ((first, one), (second, other)) = (self.batch("one"), self.batch("other"));
        self.run(&format!("begin; {one}")).await;
        self.rest().await;
        self.run(&other).await;
        self.rest().await;
        self.run("commit").await;
        first + second
    }

    async fn in_a_function(&mut self) -> i64 {
        let count = self.rng.random_range(1..30);
        self.run(&format!("select fail_now_and_then({count})")).await;
        count
    }
}

/// Looks at a destination again and again until told to stop: how many events it holds, and the
/// highest id.
async fn sample(destination: Arc<Database>, is_over: Arc<AtomicI64>) -> Vec<(i64, Option<i64>)> {
    let client = destination.client().await;
    let mut samples = Vec::new();
    while is_over.load(Ordering::Relaxed) == 0 {
        let row = client.query_one("select count(*), max(id) from events", &[]).await.unwrap();
        samples.push((row.get(0), row.get(1)));
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    samples
}

/// Every moment that was seen was a prefix, and none was behind the one before.
async fn judge(source: &Database, samples: &[(i64, Option<i64>)]) {
    assert!(samples.is_sorted(), "the destination went backwards");
    let through: Vec<i64> = samples.iter().filter_map(|(_, highest)| *highest).collect();
    let count = "select (select count(*) from events where id <= h) from unnest($1::int8[]) with \
                 ordinality as t(h, n) order by n";
    let rows = source.client().await.query(count, &[&through]).await.unwrap();
    let expected: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let found: Vec<i64> =
        samples.iter().filter(|(_, highest)| highest.is_some()).map(|(count, _)| *count).collect();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_reordered_while_sixteen_writers_do_their_worst() {
    let total = if is_full() { 1_000_000 } else { 200_000 };
    let (source, destinations) = (
        fresh_database().await,
        [Arc::new(fresh_destination().await), Arc::new(fresh_destination().await)],
    );
    source.execute(SOURCE).await;
    for destination in &destinations {
        destination.execute(DESTINATION).await;
    }
    let mut config = config(&source, &[("one", &destinations[0]), ("other", &destinations[1])]);
    config.source.poll_interval = Duration::from_millis(50);
    config.destinations[1].postgres_mut().unwrap().writers = 4;
    config.limits.max_events_per_write = 1_000;
    let (committed, is_over) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let began = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for seed in 0..WRITERS {
        writers.spawn(Writer::new(&source, seed, &committed).await.write(total));
    }
    let samplers: Vec<_> = destinations
        .iter()
        .map(|to| tokio::spawn(sample(Arc::clone(to), Arc::clone(&is_over))))
        .collect();
    for part in 1..=3 {
        let running = Running::start(&config);
        while committed.load(Ordering::Relaxed) < total * part / 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running.stop().await;
    }
    let running = Running::start(&config);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let written_s = began.elapsed().as_secs_f64();
    await_all(&source, &destinations).await;
    let copied_s = began.elapsed().as_secs_f64();
    running.stop().await;
    is_over.store(1, Ordering::Relaxed);
    let mut looks = 0;
    for (sampler, destination) in samplers.into_iter().zip(&destinations) {
        let samples = sampler.await.unwrap();
        looks += samples.len();
        judge(&source, &samples).await;
        assert_same_bytes(&source, destination, ALL_IN_ORDER, "binary").await;
        assert_eq!(destination.query(GROUPS_THAT_WERE_SPLIT).await, ["0"]);
    }
    let facts = source.query(FACTS).await;
    assert_eq!(facts[0].split('|').next().unwrap(), committed.load(Ordering::Relaxed).to_string());
    println!(
        "committed|burned|prepared {}, {looks} looks, written in {written_s:.1} s, copied in \
         {copied_s:.1} s",
        facts[0]
    );
}

const ALL_IN_ORDER: &str = "select * from public.events order by id";

/// Events, burned ids, transactions that are prepared.
const FACTS: &str = "select count(*), max(id) - count(*), (select count(*) from pg_prepared_xacts \
                     where database = current_database()) from events";

/// Neighbours of one `ts` that came in two transactions.
const GROUPS_THAT_WERE_SPLIT: &str = "select count(*) from (select ts = lag(ts) over w and \
                                      xmin::text <> lag(xmin::text) over w as is_split from events \
                                      window w as (order by id)) s where is_split";

async fn await_all(source: &Database, destinations: &[Arc<Database>]) {
    let start = Instant::now();
    let all = source.query("select max(id) from events").await;
    for destination in destinations {
        while destination.query("select max(id) from events").await != all {
            assert!(start.elapsed() < DEADLINE, "the destination is not level in time");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

//! Loaders: sessions that do everything an application can do to an event table, and keep account
//! of what the source acknowledged.

use crate::history::History;
use crate::plan::Kind;
use crate::scene::Scene;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Error};

/// All loaders pause together, so often and so long: only then replicators go to sleep.
const LULL_EVERY_MS: u128 = 1500;
const LULL_MS: u128 = 300;

/// What is known of the transactions, each by a token in its events.
#[derive(Default)]
pub struct Ledger {
    /// Committed synchronously, and acknowledged: so many events must be found.
    pub kept: BTreeMap<String, i64>,
    /// Rolled back, and acknowledged: nothing must be found.
    pub lost: Vec<String>,
    /// Asynchronous, or never answered: either so many events, or none.
    pub open: BTreeMap<String, i64>,
}

/// One loader.
pub struct Loader {
    name: String,
    kind: Kind,
    random: StdRng,
    tokens: u64,
    ledger: Ledger,
}

/// How a transaction ended, when it did.
enum Done {
    Committed,
    RolledBack,
}

impl Loader {
    /// The loader of this name.
    pub fn new(name: String, kind: Kind, seed: u64) -> Self {
        Self {
            name,
            kind,
            random: StdRng::seed_from_u64(seed),
            tokens: 0,
            ledger: Ledger::default(),
        }
    }

    /// Loads until told to stop; gives its account.
    pub async fn load(
        mut self,
        scene: Arc<Scene>,
        is_over: Arc<AtomicBool>,
        history: Arc<History>,
    ) -> Ledger {
        let began = Instant::now();
        while !is_over.load(Ordering::Relaxed) {
            if let Some(client) = scene.client(0).await {
                // What a crash left prepared is ended, so that it holds nobody up; its outcome was
                // never acknowledged.
                let _ = self.end_orphans(&client).await;
                while !is_over.load(Ordering::Relaxed)
                    && self.transaction(&client, began, &scene, &history).await.is_ok()
                {
                }
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        self.ledger
    }

    async fn end_orphans(&self, client: &Client) -> Result<(), Error> {
        let orphans = client
            .query(
                "select gid from pg_prepared_xacts where database = current_database() and \
                 starts_with(gid, $1)",
                &[&format!("{}-", self.name)],
            )
            .await?;
        for orphan in orphans {
            let gid: String = orphan.get(0);
            client.batch_execute(&format!("rollback prepared '{gid}'")).await?;
        }
        Ok(())
    }

    async fn transaction(
        &mut self,
        client: &Client,
        began: Instant,
        scene: &Scene,
        history: &History,
    ) -> Result<(), Error> {
        let loading = scene.loading.read().await;
        self.tokens += 1;
        let token = format!("{}-{}", self.name, self.tokens);
        let is_synchronous =
            self.random.random_bool(0.7) && !scene.is_forgetful.load(Ordering::Relaxed);
        let mode = if is_synchronous { "on" } else { "off" };
        client.batch_execute(&format!("set synchronous_commit = {mode}")).await?;
        let is_in_sequence = self.kind != Kind::Consecutive;
        let mut events = 0;
        let done = match self.random.random_range(0..100) {
            0..6 => self.rolled_back(client, &token, &mut events).await,
            6..15 => self.with_savepoints(client, &token, &mut events).await,
            15..21 if is_in_sequence => self.with_drawn_ids(client, &token, &mut events).await,
            21..24 => self.slowly(client, &token, &mut events).await,
            24..33 if self.kind == Kind::TwoPhase => {
                self.prepared(client, &token, &mut events).await
            }
            33..39 => self.with_pauses(client, &token, &mut events).await,
            39..45 => self.in_a_block(client, &token, &mut events).await,
            45 => self.at_once(client, &token, 500..1500, 60, &mut events).await,
            46 => self.at_once(client, &token, 1..3, 200_000, &mut events).await,
            _ => self.at_once(client, &token, 1..20, 60, &mut events).await,
        };
        match done {
            Ok(Done::Committed) if is_synchronous => drop(self.ledger.kept.insert(token, events)),
            Ok(Done::RolledBack) => self.ledger.lost.push(token),
            Ok(Done::Committed) | Err(_) => drop(self.ledger.open.insert(token, events)),
        }
        history.count(if done.is_ok() { "transactions" } else { "transactions, unanswered" }, 1);
        done?;
        drop(loading);
        self.rest(5..70).await;
        while scene.is_paused.load(Ordering::Relaxed)
            || began.elapsed().as_millis() % LULL_EVERY_MS < LULL_MS
        {
            self.rest(5..20).await;
        }
        Ok(())
    }

    /// The statement that inserts so many events of a token, and counts them.
    fn insert(&self, token: &str, events: i64, text: usize, count: &mut i64) -> String {
        *count += events;
        let event = format!(
            "jsonb_build_object('token', '{token}', 'n', i, 'text', repeat(md5(i::text), {}))",
            text / 32
        );
        match self.kind {
            Kind::Consecutive => format!(
                "select insert_events(array(select {event} from generate_series(1, {events}) i))"
            ),
            Kind::Doorbell | Kind::TwoPhase => format!(
                "insert into events (event) select {event} from generate_series(1, {events}) i"
            ),
        }
    }

    fn some(&mut self, token: &str, count: &mut i64) -> String {
        let events = self.random.random_range(1..12);
        self.insert(token, events, 60, count)
    }

    async fn rest(&mut self, ms: std::ops::Range<u64>) {
        tokio::time::sleep(Duration::from_millis(self.random.random_range(ms))).await;
    }

    async fn at_once(
        &mut self,
        client: &Client,
        token: &str,
        events: std::ops::Range<i64>,
        text: usize,
        count: &mut i64,
    ) -> Result<Done, Error> {
        let events = self.random.random_range(events);
        client.batch_execute(&self.insert(token, events, text, count)).await?;
        Ok(Done::Committed)
    }

    async fn rolled_back(
        &mut self,
        client: &Client,
        token: &str,
        count: &mut i64,
    ) -> Result<Done, Error> {
        let insert = self.some(token, count);
        client.batch_execute(&format!("begin; {insert}")).await?;
        self.rest(0..15).await;
        client.batch_execute("rollback").await?;
        Ok(Done::RolledBack)
    }

    async fn with_savepoints(
        &mut self,
        client: &Client,
        token: &str,
        count: &mut i64,
    ) -> Result<Done, Error> {
        let mut unused = 0;
        let (kept, lost, also) =
            (self.some(token, count), self.some(token, &mut unused), self.some(token, count));
        client.batch_execute(&format!("begin; {kept}; savepoint s; {lost}")).await?;
        self.rest(0..15).await;
        client
            .batch_execute(&format!(
                "rollback to savepoint s; savepoint t; {also}; release savepoint t; commit"
            ))
            .await?;
        Ok(Done::Committed)
    }

    /// Ids are drawn first; all but one are used, the last first.
    async fn with_drawn_ids(
        &mut self,
        client: &Client,
        token: &str,
        count: &mut i64,
    ) -> Result<Done, Error> {
        client.batch_execute("begin").await?;
        let mut ids = Vec::new();
        for _ in 0..self.random.random_range(2..6) {
            let row = client
                .query_one("select nextval(pg_get_serial_sequence('events', 'id'))", &[])
                .await?;
            ids.push(row.get::<_, i64>(0));
            self.rest(0..10).await;
        }
        for id in ids.iter().skip(1).rev() {
            *count += 1;
            let insert = format!(
                "insert into events (id, event) overriding system value values ({id}, \
                 '{{\"token\": \"{token}\"}}')"
            );
            client.batch_execute(&insert).await?;
        }
        client.batch_execute("commit").await?;
        Ok(Done::Committed)
    }

    async fn slowly(
        &mut self,
        client: &Client,
        token: &str,
        count: &mut i64,
    ) -> Result<Done, Error> {
        let insert = self.insert(token, 3, 60, count).replace("'n', i", "'n', i, 'slow', 1");
        client.batch_execute(&insert).await?;
        Ok(Done::Committed)
    }

    async fn prepared(
        &mut self,
        client: &Client,
        token: &str,
        count: &mut i64,
    ) -> Result<Done, Error> {
        let insert = self.some(token, count);
        let is_committed = self.random.random_bool(0.7);
        client.batch_execute(&format!("begin; {insert}; prepare transaction '{token}'")).await?;
        self.rest(0..30).await;
        let end = if is_committed { "commit" } else { "rollback" };
        client.batch_execute(&format!("{end} prepared '{token}'")).await?;
        Ok(if is_committed { Done::Committed } else { Done::RolledBack })
    }

    async fn with_pauses(
        &mut self,
        client: &Client,
        token: &str,
        count: &mut i64,
    ) -> Result<Done, Error> {
        let (one, other) = (self.some(token, count), self.some(token, count));
        client.batch_execute(&format!("begin; {one}")).await?;
        self.rest(0..20).await;
        client.batch_execute(&other).await?;
        self.rest(0..20).await;
        client.batch_execute("commit").await?;
        Ok(Done::Committed)
    }

    /// An exception rolls a part back: ids are burned, and rows of one transaction have several
    /// xmin.
    async fn in_a_block(
        &mut self,
        client: &Client,
        token: &str,
        count: &mut i64,
    ) -> Result<Done, Error> {
        let mut unused = 0;
        let perform = |insert: String| {
            insert.strip_prefix("select ").map_or(insert.clone(), |call| format!("perform {call}"))
        };
        let (lost, kept) =
            (perform(self.some(token, &mut unused)), perform(self.some(token, count)));
        let block = format!(
            "do $$ begin begin {lost}; raise exception 'no'; exception when raise_exception then \
             null; end; {kept}; end $$"
        );
        client.batch_execute(&block).await?;
        Ok(Done::Committed)
    }
}

//! Event tables as `init` makes them, writers as applications are, and the comparison of copies
//! with their source.

use super::replicator::{counterfoil, url};
use super::until;
use crate::harness::{Database, connect};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// Makes a source whose ids come from a sequence, with the doorbell.
pub async fn init_source(source: &Database) {
    init_source_with(source, "sequence", "doorbell").await;
}

/// Makes a source with this discipline of ids and this trigger.
pub async fn init_source_with(source: &Database, ids: &str, notify: &str) {
    counterfoil(&["init", "source", "--url", &url(source), "--ids", ids, "--notify", notify]).await;
}

/// Makes a destination.
pub async fn init_destination(destination: &Database) {
    counterfoil(&["init", "destination", "--url", &url(destination)]).await;
}

/// Inserts so many events in one transaction.
pub async fn insert(source: &Database, events: u32) {
    source.execute(&statement(events)).await;
}

/// The statement that inserts so many events of about 100 bytes.
pub fn statement(events: u32) -> String {
    format!(
        "insert into events (ts, event) select clock_timestamp(), jsonb_build_object('n', i, \
         'text', repeat('é', 30)) from generate_series(1, {events}) i"
    )
}

/// The highest id; 0 while there is none.
pub async fn highest(database: &Database) -> i64 {
    database.query("select coalesce(max(id), 0) from events").await[0].parse().unwrap()
}

/// Waits until the destination holds everything up to this id.
pub async fn arrives(destination: &Database, id: i64) {
    until(&format!("event {id} arrives"), async || highest(destination).await >= id).await;
}

/// Waits until the destination holds as many events as the source, and asserts that they are the
/// same.
pub async fn equal(source: &Database, destination: &Database) {
    let through = highest(source).await;
    arrives(destination, through).await;
    assert_eq!(digest(destination, i64::MAX).await, digest(source, i64::MAX).await);
}

/// Asserts that the destination holds exactly the beginning of the source; gives up to which id.
pub async fn prefix(source: &Database, destination: &Database) -> i64 {
    let position = highest(destination).await;
    assert_eq!(digest(destination, position).await, digest(source, position).await);
    position
}

/// Count and digest of every event up to this id.
pub async fn digest(database: &Database, through: i64) -> String {
    let sql = format!(
        "set timezone = 'UTC'; select count(*) || ' ' || coalesce(md5(string_agg(e::text, E'\\n' \
         order by id)), '') from events e where id <= {through}"
    );
    database.query(&sql).await[0].clone()
}

/// Writers as applications are: concurrent transactions of several inserts, some rolled back wholly
/// or to a savepoint, commits out of order. They reconnect when the server goes away, until they
/// are told to stop.
pub struct Writers {
    tasks: JoinSet<()>,
    is_over: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
}

impl Writers {
    /// Starts them, each with a seed of its own.
    pub fn start(source: &Database, writers: u64, seed: u64) -> Self {
        let (is_over, commits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for writer in 0..writers {
            let (conninfo, is_over, commits) =
                (source.conninfo.clone(), Arc::clone(&is_over), Arc::clone(&commits));
            let mut random = StdRng::seed_from_u64(seed * 1000 + writer);
            tasks.spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    if let Ok(client) = connect(&conninfo).await {
                        write(&client, &mut random, &is_over, &commits).await;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        Self { tasks, is_over, commits }
    }

    /// Transactions that committed so far.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Lets them finish what they do, and gives how many transactions committed.
    pub async fn stop(mut self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            done.unwrap();
        }
        self.commits()
    }
}

async fn write(client: &Client, random: &mut StdRng, is_over: &AtomicBool, commits: &AtomicU64) {
    if client.batch_execute("set synchronous_commit = off").await.is_err() {
        return;
    }
    while !is_over.load(Ordering::Relaxed) {
        match transaction(client, random).await {
            Ok(has_committed) => _ = commits.fetch_add(u64::from(has_committed), Ordering::Relaxed),
            Err(_) => return,
        }
    }
}

async fn transaction(client: &Client, random: &mut StdRng) -> Result<bool, tokio_postgres::Error> {
    let mut begun = "begin".to_owned();
    for _ in 0..random.random_range(1..4) {
        let insert = statement(random.random_range(1..6));
        begun += &match random.random_range(0..5) {
            0 => format!("; savepoint s; {insert}; rollback to savepoint s"),
            1 => format!("; savepoint s; {insert}; release savepoint s"),
            _ => format!("; {insert}"),
        };
    }
    client.batch_execute(&begun).await?;
    tokio::time::sleep(Duration::from_millis(random.random_range(0..15))).await;
    let has_committed = random.random_range(0..5) > 0;
    client.batch_execute(if has_committed { "commit" } else { "rollback" }).await?;
    Ok(has_committed)
}

/// Gives a table a trigger that swallows the event of this id.
pub async fn swallow(database: &Database, id: i64) {
    database
        .execute(&format!(
            "create function swallow() returns trigger language plpgsql as 'begin if new.id = {id} then return null; end if; return new; end';
             create trigger swallow before insert on events for each row execute function swallow()"
        ))
        .await;
}

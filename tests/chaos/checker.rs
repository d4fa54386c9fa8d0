//! The checker: at every moment each destination is a prefix of the source; in the end all of them
//! hold the same bytes, and every event that the source acknowledged.

use crate::harness::Database;
use crate::history::History;
use crate::loader::Ledger;
use crate::scene::Scene;
use bytes::BytesMut;
use futures::TryStreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

/// A look counts everything so often; the others count what came since.
const WHOLE_EVERY: u64 = 8;
/// So many ids that were looked at before are looked at again.
const AGAIN: i64 = 500;

/// A server that does not answer for so long is asked again.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// One that does not in all this time never will: the question is wrong.
const ASKING_MAX: Duration = Duration::from_secs(120);

/// What a table holds above one id, up to another: count, highest id, digest that knows no order.
const HELD: &str = "select count(*), coalesce(max(id), $1), coalesce(sum(hashtextextended(row(id, ts, event)::text, 0)::numeric), 0)::text
    from events where id > $1 and id <= $2";
/// The row after an id, if it belongs to the same transaction.
const SPLIT: &str = "select count(*) from (select ts, event ->> 'token' as token from events where id = $1) as last,
    lateral (select ts, event ->> 'token' as token from events where id > $1 order by id limit 1) as next
    where last.ts = next.ts and last.token = next.token";

#[derive(Debug, PartialEq)]
struct Held {
    count: i64,
    highest: i64,
    digest: String,
}

/// Looks at one destination until told to stop. What it holds was read before the source is asked
/// for the same ids: by the promise nothing can appear there any more, and nothing can go, whatever
/// crashes.
pub async fn watch(
    destination: usize,
    scene: Arc<Scene>,
    is_grouped: bool,
    is_over: Arc<AtomicBool>,
    history: Arc<History>,
) {
    let (mut verified, mut looks) = (0, 0_u64);
    let (mut here, mut there) = (Asking::of(&scene, 0), Asking::of(&scene, destination));
    while !is_over.load(Ordering::Relaxed) && history.violation().is_none() {
        looks += 1;
        let judging = (scene.tables[0].read().await, scene.tables[destination].read().await);
        let after = if verified == 0 || looks.is_multiple_of(WHOLE_EVERY) {
            i64::MIN
        } else {
            verified - AGAIN
        };
        let theirs = there.held(after, i64::MAX).await;
        if theirs.count == 0 && verified > 0 && after != i64::MIN {
            // A crash took back what it had not on its disk, more than is looked at again:
            // everything is looked at anew.
            verified = 0;
            continue;
        }
        let through = theirs.highest;
        let ours = here.held(after, through).await;
        history.count("checks", 1);
        if ours != theirs {
            let found = difference(&scene, destination, through).await;
            history.violated(format!(
                "destination {destination} was no prefix of the source: it held {theirs:?} above \
                 id {after}, the source {ours:?}; {found}"
            ));
            return;
        }
        if is_grouped && through > 0 {
            let splits: i64 = here.ask(SPLIT, &[through]).await[0].get(0);
            if splits > 0 {
                let (ours, theirs) =
                    (around(&scene, 0, through).await, around(&scene, destination, through).await);
                history.violated(format!(
                    "destination {destination} held a part of a transaction: up to id \
                     {through}\nthe source now:\n{ours}\nthe destination now:\n{theirs}"
                ));
            }
        }
        verified = through.max(verified - AGAIN).max(0);
        drop(judging);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

/// A session that is opened again whenever it is lost.
struct Asking<'a> {
    scene: &'a Scene,
    server: usize,
    client: Option<Client>,
}

impl<'a> Asking<'a> {
    fn of(scene: &'a Scene, server: usize) -> Self {
        Self { scene, server, client: None }
    }

    async fn held(&mut self, after: i64, through: i64) -> Held {
        let row = &self.ask(HELD, &[after, through]).await[0];
        Held { count: row.get(0), highest: row.get(1), digest: row.get(2) }
    }

    /// Asks until there is an answer.
    async fn ask(&mut self, question: &str, ids: &[i64]) -> Vec<Row> {
        let parameters: Vec<&(dyn ToSql + Sync)> =
            ids.iter().map(|id| id as &(dyn ToSql + Sync)).collect();
        let began = Instant::now();
        loop {
            assert!(
                began.elapsed() < ASKING_MAX,
                "server {} does not answer {question}",
                self.server
            );
            if self.client.is_none() {
                self.client = self.scene.client(self.server).await;
            }
            if let Some(client) = &self.client
                && let Ok(Ok(answer)) =
                    tokio::time::timeout(ANSWER_MAX, client.query(question, &parameters)).await
            {
                return answer;
            }
            self.client = None;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn ask(scene: &Scene, server: usize, question: &str, ids: &[i64]) -> Vec<Row> {
    Asking::of(scene, server).ask(question, ids).await
}

/// The first ids that only one side has.
async fn difference(scene: &Scene, destination: usize, through: i64) -> String {
    let question = "select id from events where id <= $1 order by id";
    let (ours, theirs) = (
        ask(scene, 0, question, &[through]).await,
        ask(scene, destination, question, &[through]).await,
    );
    let ids = |rows: Vec<Row>| -> Vec<i64> { rows.iter().map(|row| row.get(0)).collect() };
    let (ours, theirs) = (ids(ours), ids(theirs));
    let only = |one: &[i64], other: &[i64]| -> Vec<i64> {
        one.iter().filter(|id| other.binary_search(id).is_err()).take(10).copied().collect()
    };
    format!(
        "now only at the source {:?}, only at the destination {:?}",
        only(&ours, &theirs),
        only(&theirs, &ours)
    )
}

/// The rows around an id, as they are now.
async fn around(scene: &Scene, server: usize, id: i64) -> String {
    let question = "select id, xmin::text, ts::text, coalesce(event ->> 'token', '') from events \
                    where id between $1::int8 - 12 and $1::int8 + 12 order by id";
    let rows = ask(scene, server, question, &[id]).await;
    let line = |row: &Row| {
        let (id, rest): (i64, [String; 3]) = (row.get(0), [1, 2, 3].map(|at| row.get(at)));
        format!("{id} {}", rest.join(" "))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Waits until every destination holds as much as the source; tells those that do not in time.
pub async fn level(scene: &Scene, within: Duration) -> Result<(), String> {
    let target = highest(scene, 0).await;
    let mut behind = String::new();
    let reaching = async {
        for destination in 1..scene.databases.len() {
            loop {
                let position = highest(scene, destination).await;
                if position == target {
                    break;
                }
                behind = format!(
                    "destination {destination} stands at {position}, the source at {target}"
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let all = async {
        reaching.await;
        while scene.ask_file("select cast(coalesce(max(id), 0) as text) from events")
            != [target.to_string()]
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reached = tokio::time::timeout(within, all).await;
    reached.map_err(|_| behind)
}

async fn highest(scene: &Scene, server: usize) -> i64 {
    ask(scene, server, "select coalesce(max(id), 0) from events", &[]).await[0].get(0)
}

/// The rows of a file of SQLite, and those of the source as it keeps them.
const FILE_ROWS: &str = "select id || ' ' || ts || ' ' || event from events order by id";
const ROWS: &str =
    "set timezone = 'UTC'; select id || ' ' || ts || ' ' || event from events order by id";

/// Compares every table byte by byte, and looks for every event that was acknowledged.
pub async fn conclude(scene: &Scene, ledgers: &[Ledger], history: &History) {
    let ours = bytes_of(&scene.databases[0]).await;
    for (destination, database) in scene.databases.iter().enumerate().skip(1) {
        let theirs = bytes_of(database).await;
        history.count("bytes compared at the end", theirs.len() as u64);
        if theirs != ours {
            let found = difference(scene, destination, i64::MAX).await;
            history
                .violated(format!("destination {destination} is not equal byte for byte; {found}"));
        }
    }
    let theirs = scene.ask_file(FILE_ROWS);
    history.count("events compared in a file of SQLite", theirs.len() as u64);
    if theirs != scene.databases[0].query(ROWS).await {
        history.violated("the file of SQLite is not equal to the source".to_owned());
    }
    let found = tokens(&scene.databases[0]).await;
    history.count("events", found.values().sum::<i64>().unsigned_abs());
    for ledger in ledgers {
        history.count("commits acknowledged and found", ledger.kept.len() as u64);
        history.count("rollbacks acknowledged and not found", ledger.lost.len() as u64);
        for (token, events) in &ledger.kept {
            if found.get(token) != Some(events) {
                history.violated(format!(
                    "{token} was committed with {events} events, {:?} were found",
                    found.get(token)
                ));
            }
        }
        for token in ledger.lost.iter().filter(|token| found.contains_key(*token)) {
            history.violated(format!("{token} was rolled back and is there"));
        }
        for (token, events) in &ledger.open {
            if found.get(token).is_some_and(|there| there != events) {
                history.violated(format!(
                    "of {token} a part is there: {:?} of {events} events",
                    found.get(token)
                ));
            }
        }
    }
}

async fn bytes_of(database: &Database) -> BytesMut {
    let client = database.client().await;
    let rows = client
        .copy_out("copy (select id, ts, event from events order by id) to stdout")
        .await
        .unwrap();
    let append = |mut all: BytesMut, bytes: bytes::Bytes| async move {
        all.extend_from_slice(&bytes);
        Ok(all)
    };
    rows.try_fold(BytesMut::new(), append).await.unwrap()
}

async fn tokens(database: &Database) -> BTreeMap<String, i64> {
    let rows = database
        .client()
        .await
        .query(
            "select event ->> 'token', count(*) from events where event ? 'token' group by 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

//! What a slow destination costs the others: the time from an event's commit at the source until it
//! is seen at two healthy destinations, without a third one, with a third one 200 ms away, and with
//! a frozen third one.
//!
//! `tools/bench isolation [--runs N] [--seconds N]`. Each run starts a replicator, warms it up for
//! two seconds, and measures one event every few milliseconds; the kinds of run take turns. What is
//! waited for in the warm-up, when the slow one is found out, is told apart. A figure counts only
//! if the healthy destinations are equal to the source in the end. No test depends on it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]
#![allow(clippy::unwrap_used, reason = "it ends where anything goes wrong")]

#[path = "../tests/it/support/proxy.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod proxy;

#[path = "shared/turns.rs"]
mod turns;

use counterfoil::postgres::server::{
    ClusterTemplate, PrivateServer, ServerBinaries, ServerSettings,
};
use proxy::{Network, Proxy};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};
use turns::runs_and_seconds;

/// Between two events.
const PACE: Duration = Duration::from_millis(4);
/// How often a destination is asked what it holds.
const LOOK: Duration = Duration::from_micros(300);
/// The slow one is found out in this time.
const WARM_UP: Duration = Duration::from_secs(2);
/// The two ways of a byte to a destination that is 200 ms away.
const ONE_WAY: Duration = Duration::from_millis(100);

/// What the third destination is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Third {
    None,
    FarAway,
    Frozen,
}

impl Third {
    const ALL: [Third; 3] = [Third::None, Third::FarAway, Third::Frozen];

    fn words(self) -> &'static str {
        match self {
            Third::None => "two healthy destinations alone",
            Third::FarAway => "and a third one 200 ms away",
            Third::Frozen => "and a third one that is frozen",
        }
    }
}

/// The servers, and how long is measured.
struct Stage {
    source: PrivateServer,
    healthy: PrivateServer,
    third: Arc<PrivateServer>,
    seconds: u64,
}

/// Latencies in milliseconds.
#[derive(Default)]
struct Latencies {
    measured: Vec<f64>,
    warm_up_longest: f64,
}

fn main() -> ExitCode {
    let Some((runs, seconds)) = runs_and_seconds("isolation", 3, 8) else {
        return ExitCode::from(2);
    };
    tokio::runtime::Runtime::new().unwrap().block_on(race(runs, seconds));
    ExitCode::SUCCESS
}

async fn race(runs: u32, seconds: u64) {
    let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
    let template =
        ClusterTemplate::new(&ServerBinaries::find(given.as_deref().map(Path::new)).unwrap(), &[])
            .unwrap();
    let server = || PrivateServer::new(&template, &ServerSettings::new().durable()).unwrap();
    let stage = Stage { source: server(), healthy: server(), third: Arc::new(server()), seconds };
    println!(
        "{runs} runs of {seconds} s each, an event about every {} ms, fsync on",
        PACE.as_millis()
    );
    let mut all: [Latencies; 3] = Default::default();
    for run in 0..runs {
        for (kind, latencies) in Third::ALL.into_iter().zip(&mut all) {
            stage.measure(kind, &format!("run_{run}_{}", kind as u8), latencies).await;
        }
    }
    let base = (percentile(&mut all[0].measured, 0.5), percentile(&mut all[0].measured, 0.99));
    for (kind, latencies) in Third::ALL.into_iter().zip(&mut all) {
        let (p50, p99) =
            (percentile(&mut latencies.measured, 0.5), percentile(&mut latencies.measured, 0.99));
        println!(
            "{:<34} {:>6} events  p50 {p50:>6.2} ms ({:.2}x)  p99 {p99:>6.2} ms ({:.2}x)  longest \
             in the warm-up {:>6.1} ms",
            kind.words(),
            latencies.measured.len(),
            p50 / base.0,
            p99 / base.1,
            latencies.warm_up_longest
        );
    }
}

impl Stage {
    async fn measure(&self, kind: Third, name: &str, into: &mut Latencies) {
        for server in [&self.source, &self.healthy, &*self.third] {
            let databases: &[&str] =
                if std::ptr::eq(server, &self.healthy) { &["_a", "_b"] } else { &[""] };
            for suffix in databases {
                let client = connect(server, "postgres").await;
                client.batch_execute(&format!("create database {name}{suffix}")).await.unwrap();
            }
        }
        init("source", &self.source, name, &["--ids", "sequence", "--notify", "doorbell"]);
        let (a, b) = (format!("{name}_a"), format!("{name}_b"));
        init("destination", &self.healthy, &a, &[]);
        init("destination", &self.healthy, &b, &[]);
        init("destination", &self.third, name, &[]);
        let delay = if kind == Third::FarAway { ONE_WAY } else { Duration::ZERO };
        let network = Network { delay, ..Network::default() };
        let proxy = Proxy::new(&self.third.socket_dir(), self.third.port(), network).await;
        let mut destinations = vec![("a", url(&self.healthy, &a)), ("b", url(&self.healthy, &b))];
        if kind != Third::None {
            destinations.push(("third", proxy.url(name)));
        }
        let scratch = tempfile::tempdir().unwrap();
        let mut replicator = start(scratch.path(), &url(&self.source, name), &destinations);
        let writer = connect(&self.source, name).await;
        write(&writer).await;
        for (server, database) in [(&self.healthy, &a), (&self.healthy, &b)] {
            wait_for(server, database).await;
        }
        if kind != Third::None {
            wait_for(&self.third, name).await;
        }
        if kind == Third::Frozen {
            self.third.aside(PrivateServer::freeze).await;
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let watchers =
            [watch(&self.healthy, &a, &is_over).await, watch(&self.healthy, &b, &is_over).await];
        let commits = self.write_events(&writer).await;
        is_over.store(true, Ordering::Relaxed);
        for watcher in watchers {
            let seen = watcher.await.unwrap();
            into.take(&commits, &seen);
        }
        if kind == Third::Frozen {
            self.third.thaw();
        }
        replicator.kill().unwrap();
        replicator.wait().unwrap();
        self.confirm(name, [&a, &b]).await;
    }

    /// Writes one event after the other; gives when each was committed.
    async fn write_events(&self, writer: &Client) -> Vec<(i64, Instant, bool)> {
        let begun = Instant::now();
        let mut commits = Vec::new();
        while begun.elapsed() < WARM_UP + Duration::from_secs(self.seconds) {
            let id = write(writer).await;
            commits.push((id, Instant::now(), begun.elapsed() < WARM_UP));
            tokio::time::sleep(PACE).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        commits
    }

    async fn confirm(&self, name: &str, healthy: [&String; 2]) {
        let digest = "select count(*) || md5(string_agg(e::text, ',' order by id)) from events e";
        let source: String =
            connect(&self.source, name).await.query_one(digest, &[]).await.unwrap().get(0);
        for database in healthy {
            let copy: String =
                connect(&self.healthy, database).await.query_one(digest, &[]).await.unwrap().get(0);
            assert_eq!(copy, source, "{database} is not equal to the source");
        }
    }
}

impl Latencies {
    fn take(&mut self, commits: &[(i64, Instant, bool)], seen: &[(i64, Instant)]) {
        let mut seen = seen.iter().peekable();
        for (id, committed, is_warm_up) in commits {
            while seen.next_if(|(highest, _)| highest < id).is_some() {}
            let (_, at) = seen.peek().expect("every event was seen");
            let latency = at.saturating_duration_since(*committed).as_secs_f64() * 1000.0;
            if *is_warm_up {
                self.warm_up_longest = self.warm_up_longest.max(latency);
            } else {
                self.measured.push(latency);
            }
        }
    }
}

/// Notes when a destination was first seen with each highest id.
async fn watch(
    server: &PrivateServer,
    database: &str,
    is_over: &Arc<AtomicBool>,
) -> JoinHandle<Vec<(i64, Instant)>> {
    let (client, is_over) = (connect(server, database).await, Arc::clone(is_over));
    tokio::spawn(async move {
        let asked = client.prepare("select coalesce(max(id), 0) from events").await.unwrap();
        let mut seen: Vec<(i64, Instant)> = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let highest: i64 = client.query_one(&asked, &[]).await.unwrap().get(0);
            if seen.last().is_none_or(|(last, _)| *last < highest) {
                seen.push((highest, Instant::now()));
            }
            tokio::time::sleep(LOOK).await;
        }
        seen
    })
}

async fn write(client: &Client) -> i64 {
    let insert = "insert into events (ts, event) values (clock_timestamp(), \
                  jsonb_build_object('text', repeat('x', 300))) returning id";
    client.query_one(insert, &[]).await.unwrap().get(0)
}

async fn wait_for(server: &PrivateServer, database: &str) {
    let client = connect(server, database).await;
    while client.query_one("select count(*) from events", &[]).await.unwrap().get::<_, i64>(0) == 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connect(server: &PrivateServer, database: &str) -> Client {
    let mut config = Config::new();
    config.host_path(server.socket_dir()).port(server.port()).user("postgres").dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn url(server: &PrivateServer, database: &str) -> String {
    format!(
        "host={} port={} user=postgres dbname={database}",
        server.socket_dir().display(),
        server.port()
    )
}

fn init(side: &str, server: &PrivateServer, database: &str, flags: &[&str]) {
    let mut init = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    init.args(["init", side, "--url", &url(server, database)]).args(flags);
    assert!(init.stdout(Stdio::null()).status().unwrap().success());
}

fn start(dir: &Path, source: &str, destinations: &[(&str, String)]) -> Child {
    let table = |(name, url): &(&str, String)| {
        format!("[[destinations]]\nname = \"{name}\"\nurl = '{url}'\n")
    };
    let destinations: String = destinations.iter().map(table).collect();
    let file = dir.join("counterfoil.toml");
    std::fs::write(&file, format!("[source]\nurl = '{source}'\n{destinations}")).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    run.args(["run", "--config"]).arg(&file).stdout(Stdio::null()).spawn().unwrap()
}

fn percentile(of: &mut [f64], part: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let at = (of.len() as f64 * part) as usize;
    of.get(at.min(of.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

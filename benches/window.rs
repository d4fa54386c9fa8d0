//! What the window costs: the time from an event's commit at the source until it is seen at the
//! destination, and the processor time of the replicator, without a window, with one that nobody
//! looks at, and with four pages that are open.
//!
//! `tools/bench window [--runs N] [--seconds N]`. Each run starts a replicator, warms it up for two
//! seconds, and measures one event every few milliseconds; the kinds of run take turns. A figure
//! counts only if the destination is equal to the source in the end. No test depends on it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]
#![allow(clippy::unwrap_used, reason = "it ends where anything goes wrong")]

#[path = "shared/processor.rs"]
mod processor;
#[path = "shared/turns.rs"]
mod turns;

use counterfoil::postgres::server::{
    ClusterTemplate, PrivateServer, ServerBinaries, ServerSettings,
};
use processor::cpu;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, NoTls};
use turns::runs_and_seconds;

/// Between two events.
const PACE: Duration = Duration::from_millis(4);
/// How often the destination is asked what it holds.
const LOOK: Duration = Duration::from_micros(300);
const WARM_UP: Duration = Duration::from_secs(2);

/// What is looked at meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    NoWindow,
    Nobody,
    FourPages,
}

impl Audience {
    const ALL: [Audience; 3] = [Audience::NoWindow, Audience::Nobody, Audience::FourPages];

    fn words(self) -> &'static str {
        match self {
            Audience::NoWindow => "no window",
            Audience::Nobody => "a window, no page open",
            Audience::FourPages => "a window, four pages open",
        }
    }
}

/// What was measured.
#[derive(Default)]
struct Measured {
    milliseconds: Vec<f64>,
    /// Per cent of a core, a figure for each run.
    processor: Vec<f64>,
    /// Bytes that pages were sent.
    sent: u64,
}

fn main() -> ExitCode {
    let Some((runs, seconds)) = runs_and_seconds("window", 5, 8) else {
        return ExitCode::from(2);
    };
    tokio::runtime::Runtime::new().unwrap().block_on(race(runs, seconds));
    ExitCode::SUCCESS
}

async fn race(runs: u32, seconds: u64) {
    let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
    let binaries = ServerBinaries::find(given.as_deref().map(Path::new)).unwrap();
    let template = ClusterTemplate::new(&binaries, &[]).unwrap();
    let server = || PrivateServer::new(&template, &ServerSettings::new().durable()).unwrap();
    let servers = [server(), server()];
    println!(
        "{runs} runs of {seconds} s each, an event about every {} ms, fsync on",
        PACE.as_millis()
    );
    let mut all: [Measured; 3] = Default::default();
    for run in 0..runs {
        for turn in 0..3 {
            // Each kind is first, second and third in turn.
            let kind = (run as usize + turn) % 3;
            let name = format!("run_{run}_{kind}");
            measure(&servers, Audience::ALL[kind], &name, seconds, &mut all[kind]).await;
        }
    }
    let base =
        (percentile(&mut all[0].milliseconds, 0.5), percentile(&mut all[0].milliseconds, 0.99));
    for (kind, measured) in Audience::ALL.into_iter().zip(&mut all) {
        let (p50, p99) = (
            percentile(&mut measured.milliseconds, 0.5),
            percentile(&mut measured.milliseconds, 0.99),
        );
        let processor = &mut measured.processor;
        println!(
            "{:<26} {:>6} events  p50 {p50:>6.2} ms ({:.2}x)  p99 {p99:>6.2} ms ({:.2}x)  processor {:.1} % of a core ({:.1} to {:.1})  pages were sent {:.0} kB",
            kind.words(),
            measured.milliseconds.len(),
            p50 / base.0,
            p99 / base.1,
            percentile(processor, 0.5),
            percentile(processor, 0.0),
            percentile(processor, 1.0),
            measured.sent as f64 / 1000.0
        );
    }
}

async fn measure(
    servers: &[PrivateServer; 2],
    kind: Audience,
    name: &str,
    seconds: u64,
    into: &mut Measured,
) {
    for server in servers {
        let client = connect(server, "postgres").await;
        client.batch_execute(&format!("create database {name}")).await.unwrap();
    }
    init("source", &servers[0], name, &["--ids", "sequence", "--notify", "doorbell"]);
    init("destination", &servers[1], name, &[]);
    let scratch = tempfile::tempdir().unwrap();
    let mut replicator = start(scratch.path(), servers, name, kind);
    let (writer, reader) = (connect(&servers[0], name).await, connect(&servers[1], name).await);
    let asked = reader.prepare("select coalesce(max(id), 0) from events").await.unwrap();
    write(&writer).await;
    while reader.query_one(&asked, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pages = if kind == Audience::FourPages {
        look(&scratch.path().join("log"), name).await
    } else {
        JoinSet::new()
    };
    let begun = Instant::now();
    let mut used = 0.0;
    while begun.elapsed() < WARM_UP + Duration::from_secs(seconds) {
        let is_warm_up = begun.elapsed() < WARM_UP;
        if is_warm_up {
            used = cpu(replicator.id(), false);
        }
        let id = write(&writer).await;
        let committed = Instant::now();
        while reader.query_one(&asked, &[]).await.unwrap().get::<_, i64>(0) < id {
            tokio::time::sleep(LOOK).await;
        }
        if !is_warm_up {
            into.milliseconds.push(committed.elapsed().as_secs_f64() * 1000.0);
        }
        tokio::time::sleep(PACE).await;
    }
    let used = cpu(replicator.id(), false) - used;
    into.processor.push(used / seconds as f64 * 100.0);
    replicator.kill().unwrap();
    replicator.wait().unwrap();
    into.sent += pages.join_all().await.into_iter().sum::<u64>();
    let digest = "select count(*) || md5(string_agg(e::text, ',' order by id)) from events e";
    let sides = [
        writer.query_one(digest, &[]).await.unwrap(),
        reader.query_one(digest, &[]).await.unwrap(),
    ];
    assert_eq!(sides[0].get::<_, String>(0), sides[1].get::<_, String>(0), "the copy is not equal");
}

/// Opens four pages; each gives how many bytes it was sent.
async fn look(log: &Path, name: &str) -> JoinSet<u64> {
    let address = loop {
        let text = std::fs::read_to_string(log).unwrap();
        if let Some(line) = text.lines().find(|line| line.contains("the window is open")) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            break line["address"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let mut pages = JoinSet::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = format!("GET /live?page={name} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        pages.spawn(async move {
            let (mut bytes, mut buffer) = (0, vec![0; 64 * 1024]);
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                bytes += read as u64;
            }
            bytes
        });
    }
    pages
}

fn start(dir: &Path, servers: &[PrivateServer; 2], name: &str, kind: Audience) -> Child {
    let console =
        if kind == Audience::NoWindow { "" } else { "[console]\nlisten = \"127.0.0.1:0\"\n" };
    let file = dir.join(format!("{name}.toml"));
    let (source, copy) = (url(&servers[0], name), url(&servers[1], name));
    let text = format!(
        "[source]\nurl = '{source}'\n[[destinations]]\nname = \"copy\"\nurl = '{copy}'\n{console}[log]\nformat = \"json\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let log = std::fs::File::create(dir.join("log")).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    run.args(["run", "--config"]).arg(&file).stdout(log).spawn().unwrap()
}

async fn write(client: &Client) -> i64 {
    let insert = "insert into events (ts, event) values (clock_timestamp(), \
                  jsonb_build_object('text', repeat('x', 300))) returning id";
    client.query_one(insert, &[]).await.unwrap().get(0)
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

fn percentile(of: &mut [f64], part: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let at = (of.len() as f64 * part) as usize;
    of.get(at.min(of.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

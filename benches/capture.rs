//! What capture costs those who write: processor time of the server for each captured row, and
//! commits a second of sixteen clients, against the same table without it.
//!
//! `tools/bench capture [--runs N] [--seconds N]`. The kinds of run take turns, each in a database
//! of its own; a loop in the server changes single rows, then statements change two thousand at
//! once, then pgbench changes single rows over four tables. A figure counts only if the log holds
//! an event for each change. No test depends on it.
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
use std::process::{Command, ExitCode, Stdio};
use tokio_postgres::{Client, Config, NoTls};
use turns::runs_and_seconds;

/// Rows of each table.
const ROWS: i64 = 2_000;
/// Statements of the loop that changes single rows.
const SINGLE: i64 = 20_000;
/// How often all rows of a table are inserted, updated and deleted.
const ROUNDS: i64 = 10;
const TABLES: i64 = 4;
const CLIENTS: u32 = 16;

/// How the tables are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WritingKind {
    NotCaptured,
    /// No type depends on a setting of the session.
    PlainTypes,
    /// `timestamptz` and `float8`: the function sets `timezone` and `extra_float_digits`.
    TypesWithSettings,
}

impl WritingKind {
    const ALL: [Self; 3] = [Self::NotCaptured, Self::PlainTypes, Self::TypesWithSettings];

    fn words(self) -> &'static str {
        match self {
            Self::NotCaptured => "no capture",
            Self::PlainTypes => "captured, plain types",
            Self::TypesWithSettings => "captured, types with settings",
        }
    }

    /// Eight columns, about 190 bytes a row.
    fn columns(self) -> &'static str {
        match self {
            Self::NotCaptured | Self::PlainTypes => {
                "id bigint primary key, customer int, state text, total numeric(12, 2), note text, \
                 weight numeric, made timestamp, changed timestamp"
            }
            Self::TypesWithSettings => {
                "id bigint primary key, customer int, state text, total numeric(12, 2), note text, \
                 weight float8, made timestamptz, changed timestamptz"
            }
        }
    }
}

/// What is measured, in this order.
const FIGURES: [(&str, &str); 6] = [
    ("one-row UPDATE", "µs of the server"),
    ("a row of INSERT", "µs of the server"),
    ("a row of UPDATE", "µs of the server"),
    ("a row of DELETE", "µs of the server"),
    ("16 clients, the disk waited for", "commits a second"),
    ("16 clients, synchronous_commit off", "commits a second"),
];

/// The figures of all runs of a kind.
type KindFigures = [Vec<f64>; FIGURES.len()];

fn main() -> ExitCode {
    let Some((runs, seconds)) = runs_and_seconds("capture", 5, 8) else {
        return ExitCode::from(2);
    };
    tokio::runtime::Runtime::new().unwrap().block_on(race(runs, seconds));
    ExitCode::SUCCESS
}

async fn race(runs: u32, seconds: u64) {
    let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
    let binaries = ServerBinaries::find(given.as_deref().map(Path::new)).unwrap();
    let template = ClusterTemplate::new(&binaries, &[]).unwrap();
    let settings = ServerSettings::new().durable().set("autovacuum", "off");
    let server = PrivateServer::new(&template, &settings).unwrap();
    println!(
        "{runs} runs, {SINGLE} one-row statements, {ROUNDS} times {ROWS} rows at once, {CLIENTS} clients for {seconds} s, fsync on"
    );
    let mut all: [KindFigures; 3] = Default::default();
    for run in 0..runs {
        for turn in 0..3 {
            // Each kind is first, second and third in turn.
            let kind = (run as usize + turn) % 3;
            let name = format!("run_{run}_{kind}");
            let figures = measure(&server, WritingKind::ALL[kind], &name, seconds).await;
            for (known, figure) in all[kind].iter_mut().zip(figures) {
                known.push(figure);
            }
        }
    }
    for (index, (what, unit)) in FIGURES.iter().enumerate() {
        println!("{what}, {unit}");
        let base = middle(&mut all[0][index]);
        for (kind, figures) in WritingKind::ALL.into_iter().zip(&mut all) {
            let figures = &mut figures[index];
            let middle = middle(figures);
            println!(
                "  {:<30} {middle:>10.1} ({:.1} to {:.1})  {:>+8.1}  {:.2}x",
                kind.words(),
                figures[0],
                figures[figures.len() - 1],
                middle - base,
                middle / base
            );
        }
    }
}

async fn measure(
    server: &PrivateServer,
    kind: WritingKind,
    name: &str,
    seconds: u64,
) -> [f64; FIGURES.len()] {
    connect(server, "postgres")
        .await
        .batch_execute(&format!("create database {name}"))
        .await
        .unwrap();
    let client = connect(server, name).await;
    prepare(&client, server, kind, name).await;
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let of = async |sql: &str, rows: i64| {
        let before = processor_seconds(pid);
        client.batch_execute(sql).await.unwrap();
        (processor_seconds(pid) - before) * 1e6 / rows as f64
    };
    let single = of(
        &format!(
            "do $$ begin for n in 1..{SINGLE} loop update orders_0 set total = total + 1 where id \
             = 1 + n % {ROWS}; if n % 1000 = 0 then commit; end if; end loop; end $$"
        ),
        SINGLE,
    )
    .await;
    let mut bulk = [0.0; 3];
    for _ in 0..ROUNDS {
        bulk[2] += of("delete from orders_1", ROWS).await;
        bulk[0] += of(&insert(1), ROWS).await;
        bulk[1] += of("update orders_1 set total = total + 1", ROWS).await;
        client.batch_execute("vacuum orders_1").await.unwrap();
    }
    let [inserted, updated, deleted] = bulk.map(|sum| sum / ROUNDS as f64);
    let changes = SINGLE + TABLES * ROWS + 3 * ROUNDS * ROWS;
    let mut commits = 0;
    let mut rates = [0.0; 2];
    for (rate, synchronous) in rates.iter_mut().zip(["on", "off"]) {
        let done = pgbench(server, name, synchronous, seconds);
        commits += done;
        *rate = done as f64 / seconds as f64;
    }
    if kind != WritingKind::NotCaptured {
        let events = "select count(*) from counterfoil.changes";
        let events: i64 = client.query_one(events, &[]).await.unwrap().get(0);
        assert_eq!(events, changes + commits, "the log does not hold each change");
    }
    [single, inserted, updated, deleted, rates[0], rates[1]]
}

async fn prepare(client: &Client, server: &PrivateServer, kind: WritingKind, name: &str) {
    let tables: Vec<String> = (0..TABLES).map(|table| format!("orders_{table}")).collect();
    for table in &tables {
        let create = format!("create table {table} ({}) with (fillfactor = 70)", kind.columns());
        client.batch_execute(&create).await.unwrap();
    }
    if kind != WritingKind::NotCaptured {
        let mut install = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        install.args(["capture", "install", "--url", &url(server, name)]);
        tables.iter().for_each(|table| {
            install.args(["--table", table]);
        });
        assert!(install.stdout(Stdio::null()).status().unwrap().success());
    }
    for table in 0..TABLES {
        client.batch_execute(&insert(table)).await.unwrap();
    }
    client.batch_execute("checkpoint").await.unwrap();
}

fn insert(table: i64) -> String {
    format!(
        "insert into orders_{table} select n, n * 7, 'delivered', n * 1.25, repeat('x', 100), n / \
         3.0, '2026-01-02 03:04:05.678', '2026-02-03 04:05:06.789' from generate_series(1, {ROWS}) \
         as n"
    )
}

/// One-row updates, each committed; gives how many there were.
fn pgbench(server: &PrivateServer, name: &str, synchronous: &str, seconds: u64) -> i64 {
    let script = tempfile::NamedTempFile::new().unwrap();
    let table = format!("\\set id random(1, {ROWS})\n\\set table random(0, {})\n", TABLES - 1);
    let updates = (0..TABLES).map(|table| {
        let word = if table == 0 { "if" } else { "elif" };
        format!("\\{word} :table = {table}\nupdate orders_{table} set total = total + 1 where id = :id;\n")
    });
    let script_text = format!("{table}{}\\endif\n", updates.collect::<String>());
    std::fs::write(script.path(), script_text).unwrap();
    let mut run = Command::new("pgbench");
    run.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--username=postgres"]);
    run.arg(format!("--client={CLIENTS}")).arg(format!("--time={seconds}"));
    run.arg(format!("--file={}", script.path().display()));
    run.arg(format!("--host={}", server.socket_dir().display()));
    run.arg(format!("--port={}", server.port())).arg(name);
    run.env("PGOPTIONS", format!("-c synchronous_commit={synchronous}"));
    let output = run.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let done = told.lines().find_map(|line| {
        let (_, count) = line.split_once("transactions actually processed:")?;
        count.trim().split('/').next()?.parse().ok()
    });
    let complaint = || panic!("{told}{}", String::from_utf8_lossy(&output.stderr));
    done.unwrap_or_else(complaint)
}

/// As exactly as the kernel has it; otherwise in hundredths of a second.
fn processor_seconds(pid: i32) -> f64 {
    let exact = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanoseconds = exact.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.map_or_else(|| cpu(pid.unsigned_abs(), false), |nanoseconds| nanoseconds / 1e9)
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

fn middle(of: &mut [f64]) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

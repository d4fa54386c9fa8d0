//! The loader beside the least work that does the same: COPY against the server's own COPY of a
//! file with the same rows, and INSERT by eight writers against pgbench with the same statement,
//! rows of the same size and as many clients.
//!
//! `tools/bench loader [copy | insert] [--runs N] [--events N]`; docs/load-fake-data.md says what
//! was found. Contestants run in turn and change places each round; before each run the table is
//! emptied and a checkpoint is made. A figure counts only if all rows are there after its run. No
//! test depends on it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]

#[allow(dead_code, reason = "only the spread is needed here")]
#[path = "speed/figures.rs"]
mod figures;
#[path = "speed/settings.rs"]
mod settings;

use counterfoil::postgres::server::{ClusterTemplate, PrivateServer, ServerBinaries};
use figures::Spread;
use settings::settings;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const WRITERS: u64 = 8;
const STATEMENT: &str = "insert into public.events (ts, event) values (now(), :event)";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What is asked for.
struct Wanted {
    parts: Vec<&'static str>,
    runs: usize,
    events: Option<u64>,
}

/// A source with ids from a sequence, on a durable server.
struct Stage {
    server: PrivateServer,
    url: String,
    scratch: tempfile::TempDir,
}

fn main() -> ExitCode {
    let done = wanted().and_then(|wanted| race(&wanted));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "error: {error}\nusage: tools/bench loader [copy | insert] [--runs N] [--events N]"
            );
            ExitCode::FAILURE
        }
    }
}

fn wanted() -> Result<Wanted> {
    let mut wanted = Wanted { parts: Vec::new(), runs: 5, events: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "copy" => wanted.parts.push("copy"),
            "insert" => wanted.parts.push("insert"),
            "--runs" => wanted.runs = value()?.parse()?,
            "--events" => wanted.events = Some(value()?.parse()?),
            "--bench" => {}
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    if wanted.parts.is_empty() {
        wanted.parts = vec!["copy", "insert"];
    }
    Ok(wanted)
}

fn race(wanted: &Wanted) -> Result<()> {
    let stage = Stage::new()?;
    for part in &wanted.parts {
        match *part {
            "copy" => stage.copy(wanted.runs, wanted.events.unwrap_or(500_000))?,
            _ => stage.insert(wanted.runs, wanted.events.unwrap_or(40_000) / WRITERS * WRITERS)?,
        }
    }
    Ok(())
}

impl Stage {
    fn new() -> Result<Self> {
        let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
        let template =
            ClusterTemplate::new(&ServerBinaries::find(given.as_deref().map(Path::new))?, &[])?;
        let server = PrivateServer::new(&template, &settings())?;
        let url = format!(
            "host={} port={} user=postgres dbname=source",
            server.socket_dir().display(),
            server.port()
        );
        let init = ["init", "source", "--ids", "sequence", "--create-database", "--url", &url];
        quietly(Command::new(env!("CARGO_BIN_EXE_counterfoil")).args(init))?;
        let scratch = tempfile::tempdir()?;
        Ok(Self { server, url, scratch })
    }

    /// One COPY of the server from a file, against one writer of ours that copies.
    fn copy(&self, runs: usize, events: u64) -> Result<()> {
        // The file is in the data directory: the server reads and writes as a user of its own.
        let file = self.server.data_dir().join("rows.copy");
        let (persons, fillers) = (events / 4, events - events / 4 * 3);
        let amount =
            [("--persons", persons), ("--fillers", fillers), ("--deletes", 0), ("--seed", 1)];
        let flags: Vec<String> = amount
            .iter()
            .flat_map(|(flag, count)| [(*flag).to_owned(), count.to_string()])
            .collect();
        let ours = || self.load(&flags, "copy");
        ours()?;
        self.ask(&format!(
            "copy (select ts, event from events order by id) to '{}' (format binary)",
            file.display()
        ))?;
        let bytes = self.ask("select sum(octet_length(event::text)) / count(*) from events")?;
        println!("\ncopy: {events} events of about {bytes} bytes, one writer");
        let floor = format!("copy events (ts, event) from '{}' (format binary)", file.display());
        let theirs = || self.ask(&floor).map(drop);
        self.compare(runs, events, ("COPY of the server from a file", &theirs), &ours)?;
        Ok(std::fs::remove_file(&file)?)
    }

    /// pgbench, against eight writers of ours, each event in a transaction of its own.
    fn insert(&self, runs: usize, events: u64) -> Result<()> {
        let flags = [
            "--persons",
            "0",
            "--fillers",
            &events.to_string(),
            "--writers",
            &WRITERS.to_string(),
            "--seed",
            "1",
        ];
        let flags = flags.map(str::to_owned);
        let ours = || self.load(&flags, "insert");
        ours()?;
        let of_mean_size = "select event from events order by abs(octet_length(event::text) - \
                            (select avg(octet_length(event::text)) from events)) limit 1";
        let event = self.ask(of_mean_size)?;
        let script = self.scratch.path().join("insert.sql");
        std::fs::write(&script, STATEMENT)?;
        println!(
            "\ninsert: {events} events of about {} bytes, {WRITERS} writers, a transaction each",
            event.len()
        );
        let theirs = || {
            let mut pgbench = Command::new("pgbench");
            pgbench.args([
                "--no-vacuum",
                "--protocol=prepared",
                "--jobs=2",
                "--username=postgres",
                "--define",
            ]);
            pgbench.arg(format!("event={event}")).arg(format!("--client={WRITERS}"));
            pgbench
                .arg(format!("--transactions={}", events / WRITERS))
                .arg(format!("--file={}", script.display()));
            pgbench.arg(format!("--host={}", self.server.socket_dir().display()));
            quietly(pgbench.arg(format!("--port={}", self.server.port())).arg("source"))
        };
        self.compare(runs, events, ("pgbench", &theirs), &ours)
    }

    /// Both in turn; prints each run, then the medians with the lowest and highest.
    fn compare(
        &self,
        runs: usize,
        events: u64,
        (name, theirs): (&str, &dyn Fn() -> Result<()>),
        ours: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let (mut their_seconds, mut our_seconds) = (Vec::new(), Vec::new());
        for run in 0..runs {
            if run % 2 == 0 {
                their_seconds.push(self.timed(events, theirs)?);
            }
            our_seconds.push(self.timed(events, ours)?);
            if run % 2 == 1 {
                their_seconds.push(self.timed(events, theirs)?);
            }
            println!(
                "run {}: {name} {:.2} s, load-fake-data {:.2} s",
                run + 1,
                their_seconds[run],
                our_seconds[run]
            );
        }
        let ratios = our_seconds.iter().zip(&their_seconds).map(|(ours, theirs)| ours / theirs);
        let ratio = Spread::of(ratios);
        println!("{name:<34}{} s", Spread::of(their_seconds.iter().copied()));
        println!("{:<34}{} s", "load-fake-data", Spread::of(our_seconds.iter().copied()));
        println!("{:<34}{ratio}", "ratio of neighbours in time");
        Ok(())
    }

    fn timed(&self, events: u64, work: &dyn Fn() -> Result<()>) -> Result<f64> {
        self.clear()?;
        let begun = Instant::now();
        work()?;
        let seconds = begun.elapsed().as_secs_f64();
        let found = self.ask("select count(*) from events")?;
        if found == events.to_string() {
            Ok(seconds)
        } else {
            Err(format!(
                "{found} events are there instead of {events}, so the figure does not count"
            )
            .into())
        }
    }

    fn load(&self, flags: &[String], method: &str) -> Result<()> {
        let mut loader = Command::new(env!("CARGO_BIN_EXE_load-fake-data"));
        quietly(loader.args(["--url", &self.url, "--method", method]).args(flags))
    }

    fn clear(&self) -> Result<()> {
        self.ask("alter table events disable trigger check_sql_command")?;
        self.ask("truncate events")?;
        self.ask("alter table events enable always trigger check_sql_command")?;
        self.ask("checkpoint").map(drop)
    }

    fn ask(&self, sql: &str) -> Result<String> {
        let mut psql = Command::new("psql");
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--set=ON_ERROR_STOP=1",
        ]);
        let answer =
            psql.arg(&self.url).arg(format!("--command={sql}")).stdin(Stdio::null()).output()?;
        if answer.status.success() {
            return Ok(String::from_utf8(answer.stdout)?.trim().to_owned());
        }
        Err(format!("{sql}: {}", String::from_utf8_lossy(&answer.stderr)).into())
    }
}

fn quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

//! Catch-up side by side: Counterfoil and the raw pipe `psql COPY out | psql COPY in`, in turn, on the same private servers.
//!
//! `tools/bench catch-up | one-transaction | fan-out`; docs/performance.md says how it is measured and what was found. A figure counts only if
//! source and destination are equal after its run; otherwise the program ends with 1. No test depends on it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]

mod figures;
mod races;
mod settings;
mod stage;

use stage::{Psql, Stage};
use std::process::ExitCode;

/// What is asked for.
struct Wanted {
    part: Part,
    runs: usize,
    events: u64,
    /// Each is a contestant: keys and values that a destination is configured with.
    settings: Vec<String>,
    /// Lines for `[replication]`.
    replication: String,
    destinations: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    CatchUp,
    OneTransaction,
    FanOut,
}

const USAGE: &str = "usage: tools/bench catch-up|one-transaction|fan-out [--runs N] [--events N] [--destinations 1,2,3]
       [--writers 1,2,3] [--destination 'writers = 2, synchronous_commit = \"off\"']... [--replication 'max_events_per_write = 50000']";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let wanted = match wanted(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("error: {why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match race(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn race(wanted: &Wanted) -> Result<()> {
    let psql = Psql::find()?;
    let events_per_ts = if wanted.part == Part::OneTransaction { wanted.events } else { 100 };
    let stage = Stage::new(psql, wanted.events, events_per_ts, &wanted.replication)?;
    println!("{}", stage.description());
    match wanted.part {
        Part::CatchUp | Part::OneTransaction => races::catch_up(&stage, wanted.runs, &wanted.settings),
        Part::FanOut => races::fan_out(&stage, wanted.runs, &wanted.destinations),
    }
}

/// Reads the arguments; `--bench` comes from cargo.
fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<Wanted> {
    let mut wanted = Wanted {
        part: Part::CatchUp,
        runs: 5,
        events: 1_000_000,
        settings: Vec::new(),
        replication: String::new(),
        destinations: vec![1, 2, 3],
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "catch-up" => wanted.part = Part::CatchUp,
            "one-transaction" => wanted.part = Part::OneTransaction,
            "fan-out" => wanted.part = Part::FanOut,
            "--runs" => wanted.runs = value()?.parse()?,
            "--events" => wanted.events = value()?.parse()?,
            "--writers" => wanted
                .settings
                .extend(value()?.split(',').map(|writers| format!("writers = {writers}"))),
            "--destination" => wanted.settings.push(value()?),
            "--replication" => wanted.replication = value()?.replace(',', "\n"),
            "--destinations" => wanted.destinations = value()?.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?,
            "--bench" => {}
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    if wanted.runs == 0 || wanted.events == 0 || wanted.destinations.is_empty() {
        return Err("at least one run, event and destination".into());
    }
    if wanted.settings.is_empty() {
        wanted.settings.push("writers = 1".to_owned());
    }
    Ok(wanted)
}

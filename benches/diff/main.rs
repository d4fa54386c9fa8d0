//! Times `events-diff` beside `psql` that exports both tables to files and `cmp` that compares
//! them, on private servers, in turn.
//!
//! The least work there is: both servers turn every row into bytes, which is 1.8 of the 2.1 µs of
//! processor time that a digest of a row of 400 bytes takes; the export does the same and moves the
//! bytes through two more processes into files.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

#[path = "../speed/figures.rs"]
#[allow(dead_code, reason = "shared with other measurements")]
mod figures;
#[path = "../speed/psql.rs"]
mod psql;
#[path = "../speed/settings.rs"]
mod settings;
#[path = "../speed/stage.rs"]
#[allow(dead_code, reason = "shared with other measurements")]
mod stage;

use clap::Parser;
use figures::{Figures, Spread, timed, watch};
use psql::Psql;
use stage::{Stage, url};
use std::fs::File;
use std::process::{Command, ExitCode, Stdio};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The flags of the measurement.
#[derive(Debug, Parser)]
struct Flags {
    /// Alternating runs of each
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Rows of each side
    #[arg(long, default_value_t = 2_000_000)]
    events: u64,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A way in which the second table differs, and what `events-diff` must end with.
struct Case {
    name: &'static str,
    /// Done to a copy of the source.
    change: &'static str,
    flags: &'static [&'static str],
    exit_code: i32,
}

const CASES: [Case; 5] = [
    Case { name: "equal", change: "select 1", flags: &[], exit_code: 0 },
    Case { name: "equal, every byte", change: "select 1", flags: &["--exact"], exit_code: 0 },
    Case {
        name: "ten differences",
        change: "delete from events where id in (select max(id) * i / 11 from events, \
                 generate_series(1, 10) i group by i)",
        flags: &[],
        exit_code: 1,
    },
    Case {
        name: "first difference",
        change: "delete from events where id = 10",
        flags: &["--max-diffs=1"],
        exit_code: 1,
    },
    Case {
        name: "all differ",
        change: "update events set ts = ts + interval '1 microsecond', event = event || '{\"x\": \
                 1}'",
        flags: &[],
        exit_code: 1,
    },
];

fn main() -> ExitCode {
    match measure(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(flags: &Flags) -> Result<()> {
    let stage = Stage::new(Psql::find()?, flags.events, 100, "")?;
    println!("{}\n", stage.description()?);
    for case in &CASES {
        prepare(&stage, case)?;
        let (mut exports, mut diffs) = (Vec::new(), Vec::new());
        for _ in 0..flags.runs {
            exports.push(export(&stage)?);
            diffs.push(diff(&stage, case)?);
        }
        tell(case, &exports, &diffs);
    }
    Ok(())
}

/// Fills the second table anew and damages it.
fn prepare(stage: &Stage, case: &Case) -> Result<()> {
    stage.clear("d1")?;
    let mut out = stage
        .psql
        .command(&stage.source, "source", "copy events to stdout (format binary)")
        .stdout(Stdio::piped())
        .spawn()?;
    let rows = out.stdout.take().ok_or("no pipe")?;
    let filled = stage
        .psql
        .command(&stage.destination, "d1", "copy events from stdin (format binary)")
        .stdin(rows)
        .status()?;
    if !(filled.success() && out.wait()?.success()) {
        return Err("the second table could not be filled".into());
    }
    let unguarded = format!("alter table events disable trigger user; {}", case.change);
    for sql in [unguarded.as_str(), "vacuum (full, analyze) events", "checkpoint"] {
        let done =
            stage.psql.command(&stage.destination, "d1", sql).stdout(Stdio::null()).status()?;
        if !done.success() {
            return Err(format!("psql failed: {sql}").into());
        }
    }
    Ok(())
}

/// Both tables into files at the same time, then a comparison of the files.
fn export(stage: &Stage) -> Result<Figures> {
    let files = [stage.scratch().join("first"), stage.scratch().join("second")];
    let sides = [(&stage.source, "source"), (&stage.destination, "d1")];
    timed(&stage.source, &stage.destination, |figures| -> Result<()> {
        let mut children = Vec::new();
        for ((server, database), file) in sides.iter().zip(&files) {
            let mut psql =
                stage.psql.command(server, database, "copy events to stdout (format binary)");
            children.push(psql.stdout(File::create(file)?).spawn()?);
        }
        if !watch(&mut children, figures)? {
            return Err("an export failed".into());
        }
        // Silent: what it finds is not the question.
        Command::new("cmp").arg("--silent").args(&files).status()?;
        Ok(())
    })
}

fn diff(stage: &Stage, case: &Case) -> Result<Figures> {
    timed(&stage.source, &stage.destination, |figures| {
        let child = Command::new(env!("CARGO_BIN_EXE_events-diff"))
            .args([url(&stage.source, "source"), url(&stage.destination, "d1")])
            .args(case.flags)
            .stdout(Stdio::null())
            .spawn()?;
        let mut children = [child];
        watch(&mut children, figures)?;
        let code = children[0].wait()?.code();
        if code != Some(case.exit_code) {
            return Err(format!(
                "{}: events-diff ended with {code:?}, so its figure does not count",
                case.name
            )
            .into());
        }
        Ok(())
    })
}

fn tell(case: &Case, exports: &[Figures], diffs: &[Figures]) {
    let pairs = || diffs.iter().zip(exports);
    println!("{}", case.name);
    println!("  export and cmp, s          {}", Spread::of(exports.iter().map(|run| run.seconds)));
    println!("  events-diff, s             {}", Spread::of(diffs.iter().map(|run| run.seconds)));
    println!(
        "  ratio                      {}",
        Spread::of(pairs().map(|(diff, export)| diff.seconds / export.seconds))
    );
    println!(
        "  ratio of processor time    {}",
        Spread::of(pairs().map(|(diff, export)| diff.cpu() / export.cpu()))
    );
    println!(
        "  resident, MiB              {}",
        Spread::of(diffs.iter().map(|run| run.peak_kib as f64 / 1024.0))
    );
}

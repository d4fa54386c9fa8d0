//! `load-fake-data`: flags, plan, load, summary, exit code.

pub(super) mod args;
mod bar;
mod options;
mod report;

use super::block_on;
use super::choice::word_of;
use super::output::{aside, line, put, told};
use super::parsing::parsed_with_origins;
use super::progress::TerminalScreen;
use super::signals::stop_on_signals;
use crate::config::libpq::Environment;
use crate::error::Problems;
use crate::load::{LoadTally, PreparedLoad};
use crate::log::escape::fit;
use crate::log::{self, LogFormat, LogStream};
use args::LoadArguments;
use clap::ArgMatches;
use clap::parser::ValueSource;
use options::DatabaseOption;
use std::process::ExitCode;
use std::sync::Arc;

/// How many events a dry run shows.
const SAMPLES: usize = 3;

/// Runs the loader with the process's arguments; gives its exit code.
pub fn main() -> ExitCode {
    let (matches, arguments) = match parsed_with_origins::<LoadArguments>() {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let given = [given(&matches, "config"), given(&matches, "url")];
    block_on(
        async move { load(&arguments, given).await.unwrap_or_else(|problems| told(&problems)) },
    )
}

fn given(matches: &ArgMatches, name: &str) -> DatabaseOption {
    match matches.value_source(name) {
        Some(ValueSource::CommandLine) => DatabaseOption::ByFlag,
        Some(_) => DatabaseOption::ByVariable,
        None => DatabaseOption::Not,
    }
}

/// Runs it; gives the exit code.
async fn load(
    arguments: &LoadArguments,
    [config, url]: [DatabaseOption; 2],
) -> Result<u8, Problems> {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let (job, notes) = options::job(arguments, config, url, seed, &Environment::of_process())?;
    notes.iter().for_each(|note| aside(&format!("note: {}", fit(note))));
    let screen = TerminalScreen::of_stderr();
    let frame = screen.as_ref().map(TerminalScreen::log_frame);
    let (log, guard) =
        log::start_within(slog::Level::Info, LogFormat::Text, LogStream::Stderr, frame);
    let stop = stop_on_signals(&log)?;
    let Some(load) = stop.or(PreparedLoad::prepare(job.clone())).await.transpose()? else {
        return Ok(0);
    };
    load.notes().iter().for_each(|note| aside(&format!("note: {}", fit(note))));
    put(&report::plan(&job, &load, word_of(&args::LOCALES, &job.locale)))?;
    if arguments.dry_run {
        put(&format!("\n{}", report::samples(&load.samples(SAMPLES))))?;
        line("\nnothing was written: this is a dry run")?;
        return Ok(0);
    }
    line("")?;
    let method = load.method();
    let tally = Arc::new(LoadTally::default());
    let bar = screen.map(|screen| bar::LoadBar::begin(screen, &tally, job.amount.events()));
    let outcome = load.run(tally, &stop).await;
    drop(bar);
    let outcome = outcome?;
    let is_told = put(&report::summary(&job, method, &outcome));
    drop((log, guard));
    outcome.problem.map_or(Ok(()), Err)?;
    Ok(is_told.map(|()| 0)?)
}

//! `counterfoil run`: checks, replication, and the last word.

use super::args;
use super::begin::{configuration, logging};
use super::output::line;
use super::signals::stop_on_signals;
use crate::config::load::Flags;
use crate::config::{ProcessConfig, ReplicationConfig};
use crate::error::Problems;
use crate::event::range::shown;
use crate::log::escape::fit_lines;
use crate::log::{Stream, key};
use crate::replicate::check::dry_run::dry_run;
use crate::replicate::last_word::confirm;
use crate::replicate::snapshot::{Snapshot, publisher};
use crate::replicate::{AUDIT_INTERVAL, Replication, replicate};
use crate::source::read::batcher::GROUP_KEPT_BYTES;
use crate::stop::Stop;
use slog::{Logger, info};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What is to be run.
pub struct Wanted {
    arguments: args::Run,
    process: ProcessConfig,
    config: Arc<ReplicationConfig>,
}

impl Wanted {
    /// Reads the configuration.
    pub fn read(arguments: args::Run) -> Result<Self, Problems> {
        let flags = Flags {
            destinations: arguments.destination.clone(),
            until_caught_up: arguments.until_caught_up,
        };
        let (process, config) = configuration(&arguments.file, &flags)?;
        let config = Arc::new(config);
        Ok(Self {
            arguments,
            process,
            config,
        })
    }

    /// Whether there is so little to do at the same time that one thread does it quicker than several, which would wake each other.
    pub fn suits_one_thread(&self) -> bool {
        self.config.destinations.len() == 1
    }
}

/// Runs it; gives the exit code.
///
/// # Errors
/// Everything that refused or ended it and is not told yet; the worst gives the exit code.
pub async fn run(wanted: Wanted) -> Result<u8, Problems> {
    let Wanted {
        arguments,
        process,
        config,
    } = wanted;
    let stream = if arguments.dry_run { Stream::Stderr } else { Stream::Stdout };
    let (log, guard) = logging(&process, stream);
    let stop = stop_on_signals(&log)?;
    tell_parameters(&config, &arguments, &log);
    let done = if arguments.dry_run {
        try_it(&config, &stop, &log).await
    } else {
        copy(&config, &arguments, &stop, &log).await.map(|()| 0)
    };
    drop((log, guard));
    done
}

/// The dry run; its report carries the refusals, so that only their exit code is left to give.
async fn try_it(config: &ReplicationConfig, stop: &Stop, log: &Logger) -> Result<u8, Problems> {
    let Some(found) = stop.or(dry_run(config, log)).await else {
        return Ok(0);
    };
    let found = found?;
    line(&fit_lines(&found.to_string()))?;
    Ok(found.findings.problems.exit_code())
}

async fn copy(config: &Arc<ReplicationConfig>, arguments: &args::Run, stop: &Stop, log: &Logger) -> Result<(), Problems> {
    let run = Replication {
        config: Arc::clone(config),
        until_caught_up: arguments.until_caught_up,
        fail_fast: arguments.fail_fast,
        audit_interval: AUDIT_INTERVAL,
        log: log.clone(),
        snapshots: publisher(config),
        told: Arc::default(),
    };
    let bar = show_progress(run.snapshots.subscribe());
    let problems = replicate(&run, stop).await;
    drop(bar);
    summarise(&run.snapshots.borrow(), log);
    if !problems.is_empty() {
        return Err(problems);
    }
    if arguments.until_caught_up && !stop.is_requested() {
        confirm(config, stop, log).await?;
    }
    Ok(())
}

fn tell_parameters(config: &ReplicationConfig, arguments: &args::Run, log: &Logger) {
    let limits = &config.limits;
    info!(log, "counterfoil started"; "version" => env!("CARGO_PKG_VERSION"), "source" => config.source.conninfo.describe(),
        key::TABLE => config.source.table.to_string(), "until_caught_up" => arguments.until_caught_up, "dry_run" => arguments.dry_run,
        "max_events_per_write" => limits.max_events_per_write, "max_bytes_per_write" => limits.max_bytes_per_write,
        "buffer_bytes_max" => limits.buffer_bytes_max, "readers_max" => limits.readers_max,
        "rows_in_memory_max_bytes" => rows_in_memory_max(config));
    for destination in &config.destinations {
        let postgres = destination.postgres();
        info!(log, "destination"; key::DESTINATION => &destination.name, key::DATABASE => postgres.conninfo.describe(),
            key::TABLE => postgres.table.to_string(), "writers" => postgres.writers);
    }
    for note in &config.notes {
        info!(log, "note on the configuration"; "note" => note);
    }
}

/// What rows can take in memory, in bytes, besides twice the largest row for each reader: the buffer, and for each reader an unfinished group.
fn rows_in_memory_max(config: &ReplicationConfig) -> u64 {
    let limits = &config.limits;
    let readers = config.destinations.len().min(limits.readers_max + 1) as u64;
    limits.buffer_bytes_max as u64 + readers * GROUP_KEPT_BYTES
}

fn summarise(end: &Snapshot, log: &Logger) {
    let seconds = end.run.elapsed_seconds;
    for lane in &end.lanes {
        let per_second = lane.events as f64 / seconds.max(0.001);
        info!(log, "summary"; key::DESTINATION => &*lane.name, key::EVENTS => lane.events, key::BYTES => lane.bytes,
            "seconds" => (seconds * 1000.0).round() / 1000.0, "events_per_s" => per_second.round(), key::POSITION => shown(lane.position));
    }
}

/// A bar on a terminal, drawn by a task that ends with the returned guard.
fn show_progress(snapshots: watch::Receiver<Arc<Snapshot>>) -> Option<Bar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta} left").ok()?;
    let bar = indicatif::ProgressBar::no_length().with_style(style);
    let drawn = bar.clone();
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let now = Arc::clone(&snapshots.borrow());
            if let (Some(target), Some(lowest)) = (now.run.target_id, now.lowest_position()) {
                drawn.set_length(u64::try_from(target).unwrap_or(0));
                drawn.set_position(u64::try_from(lowest).unwrap_or(0));
            }
        }
    });
    Some(Bar { bar, task })
}

struct Bar {
    bar: indicatif::ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

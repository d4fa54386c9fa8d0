//! `counterfoil run`: reads the files, and runs what they say, until it has ended or a signal
//! comes.

use super::args;
use super::begin::{configurations, logging_beside};
use super::output::line;
use super::progress::TerminalScreen;
use super::progress_bar::show_progress;
use super::service::ServiceManager;
use super::signals::{reload_when_asked, stop_on_signals};
use super::version::VERSION;
use crate::config::{Config, ProcessConfig};
use crate::console::metrics::ScrapeFacts;
use crate::console::metrics::file::MetricsFile;
use crate::console::{ConsoleWindow, EditSettings, RecordedRun, RunRecorder, WindowSettings};
use crate::error::Problems;
use crate::log::LogStream;
use crate::log::escape::fit_lines;
use crate::log::recent::RecentLines;
use crate::replicate::check::dry_run::dry_run;
use crate::stop::Stop;
use crate::supervise::{ReloadCall, Roster, SupervisorOptions, supervise};
use slog::{Logger, info};
use tokio::sync::{mpsc, watch};

/// What is to be run.
pub struct RunRequest {
    arguments: args::Run,
    config: Config,
}

impl RunRequest {
    /// Reads the configuration.
    pub(crate) fn read(arguments: args::Run) -> Result<Self, Problems> {
        let config = configurations(&arguments.file, &arguments.flags())?;
        Ok(Self { arguments, config })
    }

    /// Whether there is so little to do at the same time that one thread does it quicker than
    /// several, which would wake each other.
    pub(crate) fn suits_one_thread(&self) -> bool {
        let replications = self.config.replications.iter();
        replications.map(|replication| replication.destinations.len()).sum::<usize>() == 1
    }
}

/// Runs it; gives the exit code.
///
/// # Errors
/// Everything that refused or ended it and is not told yet; the worst gives the exit code.
pub(crate) async fn run(wanted: RunRequest) -> Result<u8, Problems> {
    let RunRequest { arguments, config } = wanted;
    let stream = if arguments.dry_run { LogStream::Stderr } else { LogStream::Stdout };
    let screen = TerminalScreen::of_stderr().filter(|_| !arguments.dry_run);
    let recent = RecentLines::default();
    let (log, guard) = logging_beside(&config.process, stream, screen.as_ref(), recent.clone());
    let stop = stop_on_signals(&log)?;
    info!(log, "counterfoil started"; "version" => VERSION, "replications" => config.replications.len(),
        "dry_run" => arguments.dry_run);
    let done = if arguments.dry_run {
        try_all(&config, &stop, &log).await
    } else {
        copy(config, &arguments, screen, recent, &stop, &log).await.map(|()| 0)
    };
    drop((log, guard));
    done
}

/// The dry runs, one after the other; their reports carry the refusals, so that only their exit
/// code is left to give.
async fn try_all(config: &Config, stop: &Stop, log: &Logger) -> Result<u8, Problems> {
    let mut problems = Problems::new();
    for replication in &config.replications {
        for note in &replication.notes {
            info!(log, "note on the configuration"; "note" => note);
        }
        let Some(found) = stop.or(dry_run(replication, log)).await else {
            return Ok(0);
        };
        if config.replications.len() > 1 {
            line(&format!("replication {}\n", replication.name))?;
        }
        match found {
            Ok(found) => {
                line(&fit_lines(&found.to_string()))?;
                problems.extend(found.findings.problems);
            }
            Err(unreached) if config.replications.len() > 1 => {
                line(&format!("{}\n\nnothing was written\n", unreached.report()))?;
                problems.extend(unreached);
            }
            Err(unreached) => return Err(unreached),
        }
    }
    Ok(problems.exit_code())
}

async fn copy(
    config: Config,
    arguments: &args::Run,
    screen: Option<TerminalScreen>,
    recent: RecentLines,
    stop: &Stop,
    log: &Logger,
) -> Result<(), Problems> {
    let options = SupervisorOptions {
        until_caught_up: arguments.until_caught_up,
        fail_fast: arguments.fail_fast,
        heartbeat: config.process.log.heartbeat,
        waits_when_empty: arguments.flags().may_be_empty && config.process.console.may_edit(),
    };
    let roster = watch::Sender::default();
    let recorder = begin_report(&config.process, arguments, &roster, recent.clone())?;
    let (caller, calls) = mpsc::channel(1);
    let window = open_window(&config.process, arguments, (&roster, caller), recent, log)?;
    let metrics = metrics_file(&config.process, &roster, log);
    let bar = screen.map(|screen| show_progress(screen, roster.subscribe()));
    let manager = ServiceManager::of_environment(log);
    let following = manager
        .as_ref()
        .map(|manager| manager.follow(roster.subscribe(), options.waits_when_empty, stop));
    let files = (arguments.file.clone(), arguments.flags());
    let (reloading, reloads) =
        reload_when_asked(files, &config.replications, calls, manager.clone(), log)?;
    let mut problems = supervise(config.replications, options, reloads, &roster, stop, log).await;
    drop((bar, reloading, following));
    if let Some(file) = metrics {
        file.end().await;
    }
    if let Some(recorder) = recorder {
        problems = recorder.finish(problems);
    }
    if let Some(manager) = manager {
        manager.ended(&problems).await;
    }
    if let Some(window) = window {
        let exit_code = problems.exit_code();
        // It waits for those who watch, on a thread that nothing else needs.
        let _ = tokio::task::spawn_blocking(move || window.close(exit_code)).await;
    }
    problems.or_ok(())
}

/// Begins to follow the run, where a report of it is wanted.
fn begin_report(
    process: &ProcessConfig,
    arguments: &args::Run,
    roster: &watch::Sender<Roster>,
    recent: RecentLines,
) -> Result<Option<RunRecorder>, Problems> {
    if arguments.report.is_empty() {
        return Ok(None);
    }
    let run = RecordedRun {
        roster: roster.subscribe(),
        recent,
        version: VERSION,
        files: files(arguments),
        config: process.console.clone(),
    };
    Ok(Some(RunRecorder::begin(arguments.report.clone(), run)?))
}

/// The files of the command line, as they were written.
fn files(arguments: &args::Run) -> String {
    let files = arguments.file.config.iter().map(|file| file.display().to_string());
    files.collect::<Vec<_>>().join(", ")
}

/// Opens the window, where one is configured.
fn open_window(
    process: &ProcessConfig,
    arguments: &args::Run,
    (roster, caller): (&watch::Sender<Roster>, mpsc::Sender<ReloadCall>),
    recent: RecentLines,
    log: &Logger,
) -> Result<Option<ConsoleWindow>, Problems> {
    let config = process.console.clone();
    let Some(address) = config.listen.clone() else { return Ok(None) };
    let settings = WindowSettings {
        config,
        roster: roster.subscribe(),
        recent,
        version: VERSION,
        files: files(arguments),
        editing: Some(EditSettings { paths: arguments.file.config.clone(), reloads: caller }),
    };
    Ok(Some(ConsoleWindow::open(address, settings, log)?))
}

/// The file that the metrics are written to, where one is wanted.
fn metrics_file(
    process: &ProcessConfig,
    roster: &watch::Sender<Roster>,
    log: &Logger,
) -> Option<MetricsFile> {
    let path = process.metrics.file.clone()?;
    let facts = ScrapeFacts::starting(process.console.behind);
    Some(MetricsFile::start(path, facts, roster.subscribe(), log))
}

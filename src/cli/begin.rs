//! How every command begins: the configuration is read, and the log starts as it says.

use crate::cli::args::{ProbeArguments, Run};
use crate::cli::config_file::ConfigFile;
use crate::cli::progress::TerminalScreen;
use crate::config::libpq::Environment;
use crate::config::load::{Flags, load_all, load_one};
use crate::config::{Config, ProcessConfig, ReplicationConfig};
use crate::error::Problems;
use crate::log::recent::RecentLines;
use crate::log::{self, LogGuard, LogStream};
use slog::Logger;

/// Reads the configuration of the one replication that a command is about; all its problems
/// together.
pub(super) fn configuration(
    file: &ConfigFile,
    destinations: Vec<String>,
) -> Result<(ProcessConfig, ReplicationConfig), Problems> {
    load_one(&file.config, &file.flags(destinations, false), &Environment::of_process())
}

/// Reads the configuration of all replications that are meant; all its problems together.
pub(super) fn configurations(file: &ConfigFile, flags: &Flags) -> Result<Config, Problems> {
    load_all(&file.config, flags, &Environment::of_process())
}

impl ConfigFile {
    /// What the command line says about the files.
    pub(super) fn flags(&self, destinations: Vec<String>, until_caught_up: bool) -> Flags {
        let replications = self.replication.clone();
        Flags { destinations, replications, until_caught_up, console: None, may_be_empty: false }
    }
}

/// Starts the log as configured.
pub(super) fn logging(process: &ProcessConfig, stream: LogStream) -> (Logger, LogGuard) {
    log::start(process.log.level, process.log.format, stream)
}

/// As [`logging`], beside what is drawn on a terminal.
pub(super) fn logging_beside(
    process: &ProcessConfig,
    stream: LogStream,
    screen: Option<&TerminalScreen>,
    recent: RecentLines,
) -> (Logger, LogGuard) {
    let frame = screen.map(TerminalScreen::log_frame);
    log::start_watched(process.log.level, process.log.format, stream, frame, recent)
}

impl ProbeArguments {
    /// What the command line says about the files.
    pub(super) fn flags(&self) -> Flags {
        Flags { console: self.console.clone(), ..self.file.flags(Vec::new(), false) }
    }
}

impl Run {
    /// What the command line says about the files.
    pub(super) fn flags(&self) -> Flags {
        let flags = self.file.flags(self.destination.clone(), self.until_caught_up);
        let may_be_empty = !self.until_caught_up && !self.dry_run;
        Flags { console: self.console.clone(), may_be_empty, ..flags }
    }
}

//! How every command begins: the configuration is read, and the log starts as it says.

use crate::cli::args::ConfigFile;
use crate::config::libpq::Environment;
use crate::config::load::{Flags, load_with};
use crate::config::{ProcessConfig, ReplicationConfig};
use crate::error::Problems;
use crate::log::{self, Guard, Stream};
use slog::Logger;

/// Reads the configuration; all its problems together.
pub(super) fn configuration(file: &ConfigFile, flags: &Flags) -> Result<(ProcessConfig, ReplicationConfig), Problems> {
    load_with(&file.config, flags, &Environment::of_process())
}

/// Starts the log as configured.
pub(super) fn logging(process: &ProcessConfig, stream: Stream) -> (Logger, Guard) {
    log::start(process.log.level, process.log.format, stream)
}

//! The flags of `counterfoil capture`.

use crate::cli::duration::duration;
use crate::cli::help;
use clap::{Args, Subcommand};
use std::time::Duration;

/// `capture`.
#[derive(Debug, Subcommand)]
pub(crate) enum CaptureCommand {
    /// Captures tables: makes the log where it is missing, and a function and two triggers for each
    /// table
    #[command(after_long_help = help::CAPTURE_INSTALL)]
    Install(CaptureInstall),
    /// Shows what is captured, and whether all of it still is; reads only
    #[command(after_long_help = help::CAPTURE_STATUS)]
    Status(CaptureStatus),
    /// Takes captured tables as they are now, and puts back triggers that are missing or disabled
    #[command(after_long_help = help::CAPTURE_REFRESH)]
    Refresh(CaptureRefresh),
    /// Takes triggers and functions away again, and proves that nothing of them is left
    #[command(after_long_help = help::CAPTURE_REMOVE)]
    Remove(CaptureRemove),
    /// Removes the oldest events of the log that no reader needs, each batch with a certificate of
    /// what it was
    #[command(after_long_help = help::CAPTURE_PRUNE)]
    Prune(CapturePrune),
}

/// Where the log is.
#[derive(Debug, Args)]
pub(crate) struct CapturePlace {
    /// The database: a libpq URL or keyword string; what it leaves out comes from PG* variables,
    /// service file and passfile
    #[arg(long, env = "COUNTERFOIL_URL", hide_env_values = true)]
    pub url: String,
    /// The log of changes, as SQL writes it, in a schema of its own
    #[arg(long, value_name = "TABLE", default_value = "counterfoil.changes")]
    pub log: String,
}

/// How long a table may be waited for.
#[derive(Debug, Args)]
pub(crate) struct CaptureLocks {
    /// How long a table's lock is waited for at a time: later statements on it wait that long at
    /// most
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub lock_timeout: Duration,
    /// How long it is tried again
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub lock_for: Duration,
}

/// `capture install`.
#[derive(Debug, Args)]
pub(crate) struct CaptureInstall {
    /// Where.
    #[command(flatten)]
    pub place: CapturePlace,
    /// A table, as SQL writes it; may be given several times
    #[arg(long, required = true, value_name = "TABLE")]
    pub table: Vec<String>,
    /// What its changes are called in the log, for one table; default: schema and name
    #[arg(long, value_name = "SOURCE")]
    pub name: Option<String>,
    /// A column that the log is not to hold, for one table; may be given several times
    #[arg(long, value_name = "COLUMN")]
    pub omit: Vec<String>,
    /// How long.
    #[command(flatten)]
    pub locks: CaptureLocks,
    /// Prints the SQL that is missing, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `capture status`.
#[derive(Debug, Args)]
pub(crate) struct CaptureStatus {
    /// Where.
    #[command(flatten)]
    pub place: CapturePlace,
    /// Prints an object
    #[arg(long)]
    pub json: bool,
}

/// `capture refresh`.
#[derive(Debug, Args)]
pub(crate) struct CaptureRefresh {
    /// Where.
    #[command(flatten)]
    pub place: CapturePlace,
    /// Only this table; may be given several times; default: all that are captured
    #[arg(long, value_name = "TABLE")]
    pub table: Vec<String>,
    /// How long.
    #[command(flatten)]
    pub locks: CaptureLocks,
    /// Prints the SQL, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `capture remove`.
#[derive(Debug, Args)]
pub(crate) struct CaptureRemove {
    /// Where.
    #[command(flatten)]
    pub place: CapturePlace,
    /// A table that is captured no more; may be given several times
    #[arg(long, value_name = "TABLE", required_unless_present = "all", conflicts_with = "all")]
    pub table: Vec<String>,
    /// Everything that is captured into the log
    #[arg(long)]
    pub all: bool,
    /// Drops the log too, with every event that it holds
    #[arg(long, requires = "all")]
    pub drop_log: bool,
    /// How long.
    #[command(flatten)]
    pub locks: CaptureLocks,
    /// Does not ask
    #[arg(long)]
    pub yes: bool,
    /// Says what would be removed, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `capture prune`.
#[derive(Debug, Args)]
pub(crate) struct CapturePrune {
    /// Where.
    #[command(flatten)]
    pub place: CapturePlace,
    /// Events younger than this stay, whoever has read them
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    pub keep: Duration,
    /// A reader that is gone for good, and holds nothing back any more; may be given several times
    #[arg(long, value_name = "NAME")]
    pub forget: Vec<String>,
    /// Age alone decides where no reader is known
    #[arg(long)]
    pub without_readers: bool,
    /// Does not ask
    #[arg(long)]
    pub yes: bool,
    /// Says what would be removed, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
}

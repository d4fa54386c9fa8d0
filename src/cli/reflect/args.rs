//! The flags of `counterfoil reflect`.

use crate::cli::config_file::ConfigFile;
use crate::cli::help;
use clap::{Args, Subcommand, ValueEnum};

/// `reflect`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReflectCommand {
    /// Has rows loaded again from the captured tables, by the replicator that is at work or the next
    /// one; changes are followed meanwhile
    #[command(after_long_help = help::REFLECT_LOAD)]
    Load(ReflectLoad),
    /// Compares tables with what their captured ones were at the destination's position; reads only
    #[command(after_long_help = help::REFLECT_VERIFY)]
    Verify(ReflectVerify),
}

/// `reflect load`.
#[derive(Debug, Args)]
pub(crate) struct ReflectLoad {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The destination
    #[arg(long, value_name = "NAME")]
    pub destination: String,
    /// Only the reflection that writes this table; may be given several times; default: all, from
    /// the present end of the log on
    #[arg(long, value_name = "TABLE")]
    pub reflection: Vec<String>,
    /// Does it without asking; required if there is no terminal to ask on
    #[arg(long)]
    pub yes: bool,
}

/// `reflect verify`.
#[derive(Debug, Args)]
pub(crate) struct ReflectVerify {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Only this destination; may be given several times; default: all that have reflections
    #[arg(long, value_name = "NAME")]
    pub destination: Vec<String>,
    /// Only the reflection that writes this table; may be given several times
    #[arg(long, value_name = "TABLE")]
    pub reflection: Vec<String>,
    /// How many differing rows of each table are listed
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub max_diffs: u32,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = ReflectFormat::Text)]
    pub format: ReflectFormat,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReflectFormat {
    /// For a person
    Text,
    /// One JSON object a line, the verdict last
    Jsonl,
}

//! The flags of `events-diff`, and its help.

use crate::cli::version::VERSION;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Compares event tables row by row, also while they are being written, and gives a verdict: equal,
/// different or inconclusive.
#[derive(Clone, Debug, Parser)]
#[command(name = "events-diff", version = VERSION, after_help = HELP, override_usage = "events-diff --config FILE [--destination NAME]... [OPTIONS]\n       events-diff [OPTIONS] URL URL")]
pub struct CompareArguments {
    /// Two databases, the reference first: libpq URLs or keyword strings; for passwords prefer
    /// PGPASSWORD or the passfile
    #[arg(value_name = "URL", num_args = 0..=2, hide_env_values = true)]
    pub urls: Vec<String>,
    /// The configuration of a replication, whose source is compared with its destinations; default:
    /// COUNTERFOIL_CONFIG
    #[arg(long, short, value_name = "FILE", conflicts_with = "urls")]
    pub config: Vec<PathBuf>,
    /// The replication, where the configuration has several
    #[arg(long, value_name = "NAME", conflicts_with = "urls")]
    pub replication: Option<String>,
    /// Only this destination; may be given several times
    #[arg(long, value_name = "NAME", conflicts_with = "urls")]
    pub destination: Vec<String>,
    /// The table in both databases, as SQL writes it [default: public.events]
    #[arg(long, value_name = "TABLE", conflicts_with = "config")]
    pub table: Option<String>,
    /// The table in the second database, where it has another name
    #[arg(long, value_name = "TABLE", conflicts_with = "config")]
    pub second_table: Option<String>,
    /// The integer key of both tables [default: id]
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    pub id_column: Option<String>,
    /// Stops after N differences, the first by id; default: counts all and shows the first 100 (all
    /// of them as JSON lines)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_diffs: Option<u64>,
    /// The lowest id that is compared
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub from: Option<i64>,
    /// The highest id that is compared
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub through: Option<i64>,
    /// Compares every byte in this process instead of SHA-256 digests made in the servers
    #[arg(long)]
    pub exact: bool,
    /// Also compares what lies beyond the last row of either side: rows that the other lacks are
    /// missing or extra, not pending
    #[arg(long)]
    pub complete: bool,
    /// Also checks each table by itself: ids, time stamps, and the groups of load-fake-data
    #[arg(long, short)]
    pub validate: bool,
    /// How differences are shown
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
    /// Prints no difference, only their number by class and column, and the verdict
    #[arg(long)]
    pub summary: bool,
    /// Writes INSERTs of the rows the second table lacks into this file, as one transaction
    #[arg(long, value_name = "FILE")]
    pub repair_sql: Option<PathBuf>,
    /// Continues from the journal that an interrupted comparison left (default name:
    /// events-diff.journal in the current folder); not with --repair-sql, which needs all
    /// differences
    #[arg(long, value_name = "FILE", conflicts_with = "repair_sql")]
    pub resume: Option<PathBuf>,
    /// Sessions on each side that make digests at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub connections: u32,
    /// Connects, compares the columns, and says what would be compared
    #[arg(long)]
    pub dry_run: bool,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For a person
    Text,
    /// One JSON object a line, the verdict last
    Jsonl,
}

const HELP: &str = "Examples:
  events-diff --config copy.toml
  events-diff postgres://reader@db1/orders postgres://reader@db2/orders --table public.events
  events-diff --config copy.toml --destination reporting --format jsonl --exact

Exit codes:
  0  equal: every row up to the fence was compared
  1  different
  2  could not compare: wrong usage, a database that cannot be read, or a result that cannot be
     written (a full disk)
  3  inconclusive: something was not compared, or cannot be decided while transactions are open
  130  left at once by a second signal
A reader that closes the pipe is not complained of: `events-diff … | head` ends with 1 as soon as
there is a difference that it did not read, otherwise with the code of the whole comparison.

Read more: docs/events-diff.md of the source.";

//! The flags of `counterfoil`, and its help.

use super::capture::CaptureCommand;
use super::choice::{FlagWord, one_of};
use super::config_file::ConfigFile;
use super::duration::duration;
use super::help;
use super::reflect::args::ReflectCommand;
use super::version::VERSION;
use crate::config::ListenAddress;
use crate::console::is_report;
use crate::source::setup::{IdsOption, NotifyOption};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Copies a PostgreSQL table of immutable events to many destinations, and proves that the copies
/// are equal.
#[derive(Debug, Parser)]
#[command(name = "counterfoil", version = VERSION, propagate_version = true, after_help = help::COUNTERFOIL)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Creates the objects of a source or of a destination; existing objects of others are never
    /// replaced
    #[command(subcommand, after_long_help = help::INIT)]
    Init(Init),
    /// Turns the changes of tables that change into events, in a log that is copied like any other
    /// event table
    #[command(subcommand, after_long_help = help::CAPTURE)]
    Capture(CaptureCommand),
    /// Loads and verifies tables that are computed from captured ones
    #[command(subcommand, after_long_help = help::REFLECT)]
    Reflect(ReflectCommand),
    /// Copies events, until all are copied or continuously
    #[command(after_long_help = help::RUN)]
    Run(Run),
    /// Shows where every destination stands; asks only the databases
    #[command(after_long_help = help::STATUS)]
    Status(Status),
    /// Waits until destinations hold everything up to an id, whoever feeds them; reads only
    #[command(after_long_help = help::WAIT)]
    Wait(WaitArguments),
    /// Makes a destination a prefix of its source again: shows the plan, asks, works batch by
    /// batch, and verifies the result
    #[command(after_long_help = help::REPAIR)]
    Repair(Repair),
    /// Rebuilds a lost source from a destination, in a new and empty table made by `counterfoil
    /// init source`
    #[command(after_long_help = help::RESTORE)]
    Restore(Restore),
    /// Shows everything on private servers with made-up events, and proves that the copies are
    /// equal; needs only PostgreSQL's binaries
    #[command(after_help = help::DEMO)]
    Demo(Demo),
    /// Asks a `run` of this machine, at its window, whether it is alive or ready; for images without
    /// a shell
    #[command(after_long_help = help::PROBE)]
    Probe(ProbeArguments),
    /// Prints the hash of a password for the window: console.password_hash_file
    #[command(after_help = help::HASH_PASSWORD)]
    HashPassword,
    /// Prints what a shell needs to complete the flags of our programs
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsOptions),
}

/// `init`.
#[derive(Debug, Subcommand)]
pub(crate) enum Init {
    /// Creates the event table and what belongs to it at a source
    #[command(after_long_help = help::INIT_SOURCE)]
    Source(InitSource),
    /// Creates the event table at a destination: with --config in the shape of its source's, with
    /// --url as `init source` makes it
    #[command(after_long_help = help::INIT_DESTINATION)]
    Destination(InitDestination),
}

/// What both sides of `init` take.
#[derive(Debug, Args)]
pub(crate) struct InitTarget {
    /// Where: a libpq URL or keyword string; what it leaves out comes from PG* variables, service
    /// file and passfile
    #[arg(long, env = "COUNTERFOIL_URL", hide_env_values = true)]
    pub url: String,
    /// The event table, as SQL writes it; its schema is created if it is missing
    #[arg(long, default_value = "public.events")]
    pub table: String,
    /// Also creates the database if it is missing
    #[arg(long)]
    pub create_database: bool,
    /// Prints the SQL that is missing, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `init source`.
#[derive(Debug, Args)]
pub(crate) struct InitSource {
    /// Where and what.
    #[command(flatten)]
    pub target: InitTarget,
    /// How ids are given out: `consecutive` with a counter and insert_events, which serialises
    /// writers; `sequence` with an identity column, which does not
    #[arg(long, value_parser = one_of(&IDS), default_value = "consecutive")]
    pub ids: IdsOption,
    /// What wakes the replicator; default: doorbell, or none where max_prepared_transactions > 0
    #[arg(long, value_parser = one_of(&NOTIFY))]
    pub notify: Option<NotifyOption>,
}

/// `init destination`.
#[derive(Debug, Args)]
pub(crate) struct InitDestination {
    /// The configuration: the table of each destination is made in the shape of its source's
    /// (schema, types, columns, key); may be given several times, and name a folder
    #[arg(long, short, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// Only this destination of the configuration; may be given several times
    #[arg(long, value_name = "NAME", requires = "config")]
    pub destination: Vec<String>,
    /// Only this replication of the configuration
    #[arg(long, value_name = "NAME", requires = "config")]
    pub replication: Vec<String>,
    /// Where, without a configuration: a libpq URL or keyword string; what it leaves out comes from
    /// PG* variables, service file and passfile; default: COUNTERFOIL_URL
    #[arg(long, conflicts_with = "config")]
    pub url: Option<String>,
    /// With --url: the event table, as SQL writes it; its schema is created if it is missing
    #[arg(long, default_value = "public.events", conflicts_with = "config")]
    pub table: String,
    /// Also creates the database if it is missing
    #[arg(long)]
    pub create_database: bool,
    /// Prints the SQL that is missing, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Adds a trigger that lets only Counterfoil's own sessions change the table
    #[arg(long)]
    pub guard: bool,
    /// With --config: also the other indexes of the source's table
    #[arg(long, requires = "config")]
    pub with_indexes: bool,
    /// Creates a new table with only its key, so that the first copy takes less time; with --url,
    /// init destination later prints how to add the indexes
    #[arg(long, conflicts_with = "with_indexes")]
    pub without_indexes: bool,
}

/// `--ids`.
const IDS: [FlagWord<IdsOption>; 2] = [
    (
        "consecutive",
        "1, 2, 3 … without gaps: the strongest checks; one commit at a time",
        IdsOption::Consecutive,
    ),
    (
        "sequence",
        "An identity column: writers do not wait for each other; gaps are normal",
        IdsOption::Sequence,
    ),
];

/// `--notify`.
const NOTIFY: [FlagWord<NotifyOption>; 3] = [
    ("doorbell", "Notifies only while Counterfoil sleeps, without content", NotifyOption::Doorbell),
    (
        "slate",
        "On every event, with table and id, for other listeners of slate's channel",
        NotifyOption::Slate,
    ),
    ("none", "Nothing: the source is polled", NotifyOption::None),
];

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Only this destination; may be given several times
    #[arg(long, value_name = "NAME")]
    pub destination: Vec<String>,
    /// Connects and checks, says what would be done, and writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Ends when every destination holds what was visible at the start, also those that another
    /// replicator feeds meanwhile
    #[arg(long)]
    pub until_caught_up: bool,
    /// Ends with the first failure of any kind
    #[arg(long)]
    pub fail_fast: bool,
    /// Writes at the end what became of the run: a page where the name ends in .html, an object where
    /// it ends in .json; may be given several times
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    pub report: Vec<PathBuf>,
    /// Opens the window there, as console.listen of the configuration does: a page in the browser,
    /// metrics and probes; such as 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    pub console: Option<ListenAddress>,
}

/// Reads the name of a report.
fn report_file(text: &str) -> Result<PathBuf, String> {
    let file = PathBuf::from(text);
    let refused = || "name a file that ends in .html or .json".to_owned();
    if is_report(&file) { Ok(file) } else { Err(refused()) }
}

/// Reads where the window is to listen.
fn listen_address(text: &str) -> Result<ListenAddress, String> {
    ListenAddress::parse(text).ok_or_else(|| {
        "write an address with a port, such as 127.0.0.1:8080, or unix: with a path".to_owned()
    })
}

/// `probe`.
#[derive(Debug, Args)]
pub(crate) struct ProbeArguments {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Asks whether it does its work, not only whether it is alive
    #[arg(long)]
    pub ready: bool,
    /// The address of the window, instead of console.listen
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    pub console: Option<ListenAddress>,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// Compares the last event of each destination alone. Otherwise first event and count are
    /// compared too, by the judgement of `run` at a start: each table is counted whole, by up to
    /// four processes of its server
    #[arg(long)]
    pub quick: bool,
    /// Exits with 8 when a destination is further behind than this many events, is unreachable, or
    /// is fed by no replicator
    #[arg(long, value_name = "EVENTS")]
    pub max_lag: Option<u64>,
}

/// `wait`.
#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Only this destination; may be given several times
    #[arg(long, value_name = "NAME")]
    pub destination: Vec<String>,
    /// Up to this id, which the source may not have reached yet; default: the highest that is
    /// visible at the source now
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub through: Option<i64>,
    /// So many of the destinations of each replication are enough; default: all
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub any: Option<u32>,
    /// Gives up after this time: a number with ms, s, m or h
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
    /// One JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// `repair`.
#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The destination to repair
    #[arg(long, value_name = "NAME")]
    pub destination: String,
    /// What to do.
    #[command(flatten)]
    pub how: RepairHow,
    /// Does it without asking; required if there is no terminal to ask on
    #[arg(long)]
    pub yes: bool,
}

/// What `repair` is to do: one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RepairHow {
    /// Inserts the events that the destination lacks below its highest id; refuses if anything else
    /// differs
    #[arg(long)]
    pub insert_missing: bool,
    /// Deletes the events above this id, the highest first, after the source came back from an
    /// older state; refuses if what stays differs
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub rewind_to: Option<i64>,
    /// Replaces the events that slate's replicator altered by the source's; refuses if anything
    /// else differs
    #[arg(long)]
    pub accept_slate: bool,
    /// Replaces the events of these ids by the source's rows, and removes those that the source
    /// does not have any more: what was corrected or erased there on purpose. Touches no other
    /// event; may be given several times
    #[arg(long, value_name = "ID[,ID]...", allow_negative_numbers = true)]
    pub replace: Vec<String>,
}

/// `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The file; its source is the new one.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The destination to restore from: of all that are configured, the one that holds the most
    #[arg(long, value_name = "NAME")]
    pub from: String,
    /// Does it without asking; required if there is no terminal to ask on
    #[arg(long)]
    pub yes: bool,
}

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many events are written, approximately
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    pub events: u64,
    /// Keeps the servers running at the end, until Ctrl-C, for a look around
    #[arg(long)]
    pub keep: bool,
    /// Opens the window over it, and lets the writers go on after the proof, until Ctrl-C; such as
    /// 127.0.0.1:8080, without an address at any port that is free
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address, num_args = 0..=1,
          default_missing_value = "127.0.0.1:0")]
    pub console: Option<ListenAddress>,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
    /// The program whose flags are completed
    #[arg(long, value_enum, value_name = "NAME", default_value_t = CompletedProgram::Counterfoil)]
    pub program: CompletedProgram,
}

/// Our programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletedProgram {
    Counterfoil,
    EventsDiff,
    LoadFakeData,
}

//! The flags of `load-fake-data`, and its help.

use crate::cli::choice::{FlagWord, one_of};
use crate::cli::version::VERSION;
use crate::fake::Locale;
use crate::load::{DataSet, LoadMethod};
use clap::Parser;
use std::path::PathBuf;

/// Writes made-up events into an event table: believable, and numbered so that a table can be
/// validated without its source.
#[derive(Debug, Parser)]
#[command(name = "load-fake-data", version = VERSION, after_help = HELP)]
pub(crate) struct LoadArguments {
    /// Loads the source of this configuration of counterfoil: TOML, or JSON where the name ends in
    /// .json
    #[arg(long, short, value_name = "FILE", env = "COUNTERFOIL_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Loads this database: a libpq URL or keyword string; what it leaves out comes from PG*
    /// variables, service file and passfile
    #[arg(long, env = "COUNTERFOIL_URL", hide_env_values = true)]
    pub url: Option<String>,
    /// The event table, as SQL writes it [default: that of the configuration, otherwise
    /// public.events]
    #[arg(long)]
    pub table: Option<String>,
    /// What the events are about
    #[arg(long, value_parser = one_of(&WORLDS), default_value = "persons")]
    pub world: DataSet,
    /// New persons, three events each [default: 1000; world persons only, as the next two]
    #[arg(long, value_name = "N")]
    pub persons: Option<u64>,
    /// Filler events, after the persons [default: 10000]
    #[arg(long, value_name = "N")]
    pub fillers: Option<u64>,
    /// Deletions of persons, at intervals between the new ones [default: 50, or as many as there
    /// are persons]
    #[arg(long, value_name = "N")]
    pub deletes: Option<u64>,
    /// Exact number of events of the other worlds [default: 10000]
    #[arg(long, value_name = "N")]
    pub events: Option<u64>,
    /// Stops after this time; the only end if no amount is given
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<f64>,
    /// How many of the events carry an attachment of 64 KiB to 4 MiB, evenly spread
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub large_events: u64,
    /// Language of names and places
    #[arg(long, value_parser = one_of(&LOCALES), default_value = "mixed")]
    pub locale: Locale,
    /// Decides every event except its time; the same seed with as many writers gives the same
    /// events again [default: another each time, printed]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// How the events are written [default: insert-events where the table has that function,
    /// otherwise insert, otherwise copy]
    #[arg(long, value_parser = one_of(&METHODS))]
    pub method: Option<LoadMethod>,
    /// Puts groups of events into one call or transaction until it has this many events; 1 to
    /// 100000 [default: each group by itself; 10000 for copy]
    #[arg(long, value_name = "N")]
    pub events_per_insert: Option<u64>,
    /// Concurrent connections, each a program of its own with an equal share; 1 to 256
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub writers: u64,
    /// Events a second, all writers together [default: as fast as possible]
    #[arg(long, value_name = "EVENTS_PER_S")]
    pub rate: Option<f64>,
    /// Per cent of all transactions that are rolled back, and their events written again; 0 to 90
    #[arg(long, value_name = "PERCENT", default_value_t = 0)]
    pub rollbacks: u8,
    /// Connects and checks, shows the plan and three events, and writes nothing
    #[arg(long)]
    pub dry_run: bool,
}

const HELP: &str = "Examples:
  load-fake-data --url postgres://writer@db1/orders --dry-run
  load-fake-data --url postgres://writer@db1/orders --world orders --events 50000 --writers 4
  load-fake-data --config copy.toml --duration 60 --rate 200

Exit codes:
  0  done, or stopped by a signal or --duration after the group in hand
  1  a bug or an unforeseen failure, or the result could not be written
  2  wrong usage or configuration
  3  unsuitable: the table is missing or cannot be loaded so, or the server refused
  8  the database could not be reached, or was lost
  130  left at once by a second signal

Read more: docs/load-fake-data.md of the source.";

/// `--world`.
const WORLDS: [FlagWord<DataSet>; 3] = [
    (
        "persons",
        "slate's: people are created, named and numbered, and some are deleted; then fillers",
        DataSet::Persons,
    ),
    ("orders", "A shop: customers order products, pay, and get what they ordered", DataSet::Orders),
    (
        "devices",
        "Devices measure, raise alarms, get firmware, and are moved and retired",
        DataSet::Devices,
    ),
];

/// `--locale`.
pub(super) const LOCALES: [FlagWord<Locale>; 15] = [
    (
        "mixed",
        "Mostly English, one in eight German, French, Brazilian, Japanese, Chinese or Arabic",
        Locale::Mixed,
    ),
    ("en", "English", Locale::En),
    ("ar", "Arabic", Locale::Ar),
    ("cy", "Welsh", Locale::Cy),
    ("de", "German", Locale::De),
    ("fa", "Persian", Locale::Fa),
    ("fr", "French", Locale::Fr),
    ("it", "Italian", Locale::It),
    ("ja", "Japanese", Locale::Ja),
    ("nl", "Dutch", Locale::Nl),
    ("pt", "Portuguese", Locale::Pt),
    ("pt-br", "Brazilian", Locale::PtBr),
    ("tr", "Turkish", Locale::Tr),
    ("zh", "Chinese, simplified", Locale::Zh),
    ("zh-tw", "Chinese, traditional", Locale::ZhTw),
];

/// `--method`.
const METHODS: [FlagWord<LoadMethod>; 3] = [
    (
        "insert-events",
        "A call of insert_events for each group: consecutive ids, Counterfoil's function or \
         slate's",
        LoadMethod::InsertEvents,
    ),
    ("insert", "An INSERT for each group: ids from the table's sequence", LoadMethod::Insert),
    (
        "copy",
        "The fastest: COPY; ids from the table's sequence, or from the counter, which it locks for \
         a batch",
        LoadMethod::Copy,
    ),
];

//! What the configuration means: typed, with units, after every problem was told.

mod columns;
mod connection;
mod console;
mod destination;
mod distinct;
pub(crate) mod edit;
mod file;
mod keys;
mod kinds;
pub mod libpq;
pub mod load;
mod name_conflicts;
pub(crate) mod nearest;
pub mod reference;
mod reflections;
mod rename;
mod sections;
mod settings;
mod source;
mod sqlite;
mod verify;

pub use console::{
    ConsoleConfig, ListenAddress, MetricsAccess, MetricsConfig, PasswordHashSource, TlsFiles,
};
pub use destination::{
    DestinationConfig, DestinationKind, DestinationSettings, PostgresDestinationConfig,
    SqliteDestinationConfig,
};

pub use reflections::{
    DeleteReaction, DriftReaction, MappedColumns, ReflectionConfig, ReflectionsConfig,
    TruncateReaction,
};
pub use verify::{DifferenceReaction, VerifyConfig};

use crate::log::LogFormat;
use crate::sql::TableName;
use libpq::Conninfo;
use std::time::Duration;

/// All that one process is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// What belongs to the process.
    pub process: ProcessConfig,
    /// What it replicates: at least one, names unique.
    pub replications: Vec<ReplicationConfig>,
}

/// What belongs to the process, whatever it replicates.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// Logging.
    pub log: LogConfig,
    /// The window.
    pub console: ConsoleConfig,
    /// The metrics as a file.
    pub metrics: MetricsConfig,
}

/// One replication: a source, its destinations, and how it is done.
#[derive(Clone, Debug)]
pub struct ReplicationConfig {
    /// How it is called beside others; default: its file's name without the ending.
    pub name: String,
    /// Where events come from.
    pub source: SourceConfig,
    /// Where they go: at least one, names unique.
    pub destinations: Vec<DestinationConfig>,
    /// Batches, waits and limits.
    pub limits: ReplicationLimits,
    /// Whether and how its destinations are compared again and again.
    pub verify: VerifyConfig,
    /// The flags by which a command finds it: `--config FILE`, with `--replication NAME` where the
    /// file has several.
    pub flags: String,
    /// Tells the text of its file from another one: a file that is written otherwise is another
    /// configuration.
    pub revision: u64,
    /// Notes for the log, such as "maxEventsPerWrite raised from 500 to 10000" or "the file holds a
    /// password and can be read by others".
    pub notes: Vec<String>,
}

/// `[source]`.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// How to connect.
    pub conninfo: Conninfo,
    /// The event table; default `public.events`.
    pub table: TableName,
    /// Its integer key; default `id`.
    pub id_column: String,
    /// The columns that are copied, the key among them; empty, the default: all.
    pub columns: Vec<String>,
    /// How ids are given out; default: detected.
    pub ids: IdsSetting,
    /// Neighbours with an equal value in this column share one destination transaction. `None`:
    /// off; [`GroupBy::IfPresent`] is the default, with `ts`.
    pub group_by: GroupBy,
    /// The column that says when an event was written; `None`, the default: found out.
    pub time_column: Option<String>,
    /// Beyond this a group is cut, with a warning; default 1,000,000 events.
    pub group_events_max: u64,
    /// Listened to besides the doorbell's own channel `counterfoil`; default `eventsinsert`.
    pub channel: String,
    /// Missing ids that are accepted, ends included (consecutive ids only).
    pub known_gaps: Vec<(i64, i64)>,
    /// Which of its events the source keeps; default all.
    pub keeps: SourceRetention,
    /// Longest wait between two looks at the source without a notification; default 1 s.
    pub poll_interval: Duration,
    /// Whether a batch waits until the source has its rows on disk; default yes.
    pub durability_gate: bool,
}

/// `ids = "…"`: the discipline by which ids are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdsSetting {
    /// Detected at start-up.
    Auto,
    /// 1, 2, 3 … without gaps, under a lock held to the commit.
    Consecutive,
    /// From one sequence with CACHE 1, in the inserting transaction.
    Sequence,
    /// They become visible in their order: another Counterfoil feeds the table.
    Copy,
    /// `grace:5s`: a gap is given up after this time. Unsafe; says so at every start.
    Grace(Duration),
}

/// `keeps = "…"`: which of its events the source keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceRetention {
    /// Every one, for ever.
    All,
    /// Its newest: the oldest may go, in the order of their ids, and destinations keep them.
    Tail,
}

/// `group_by = "…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// `""`.
    Off,
    /// A column that was named and must exist.
    Column(String),
    /// The default: this column where it exists.
    IfPresent(String),
}

/// `[replication]`.
#[derive(Clone, Debug)]
pub struct ReplicationLimits {
    /// Events of a batch, groups aside; default 10,000.
    pub max_events_per_write: u64,
    /// Bytes of a batch, groups and single rows aside; default 16 MiB.
    pub max_bytes_per_write: u64,
    /// To connect and to pass the checks of one connection; default 15 s.
    pub connect_timeout: Duration,
    /// Longest wait between two tries; default 5 s.
    pub retry_wait_max: Duration,
    /// How long without progress before the run gives up; `None`: for ever. With
    /// `--until-caught-up` the default is 60 s.
    pub retry_for: Option<Duration>,
    /// A destination that would hold the others up longer (up to half a second more in a long pass)
    /// goes on alone; default 100 ms.
    pub hold_max: Duration,
    /// Concurrent reads of the source at most; default 4.
    pub readers_max: usize,
    /// Without progress of a destination transaction the connection is dropped; default 120 s.
    pub append_timeout: Duration,
    /// Rows in flight in the whole process; default 16 MiB.
    pub buffer_bytes_max: usize,
    /// To finish or roll back the batch in hand after a stop; default 5 s.
    pub shutdown_timeout: Duration,
}

/// `[log]`.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Least level that is written; default info.
    pub level: slog::Level,
    /// How lines look; default: text on a terminal, otherwise JSON.
    pub format: LogFormat,
    /// How often each replication tells how it stands; default 5 min, `None`: never.
    pub heartbeat: Option<Duration>,
}

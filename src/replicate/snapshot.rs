//! A running replication at one moment, as plain data: what a window, metrics, the bar, the summary
//! and the log read. Nothing is decided by it.
//!
//! The conductor publishes one after each thing it takes, and twice a second at least. A reader
//! never keeps it waiting: it takes the latest.

use crate::config::{DestinationConfig, ReplicationConfig};
use crate::error::Warning;
use crate::histogram::HistogramCounts;
use crate::log::{DayClock, WallTime};
use crate::replicate::health::Health;
use crate::retry::losses::LossCounts;
use crate::retry::{Connection, Outage};
use crate::source::gauge::LookCounts;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::watch;

/// All of it, taken at the same moment.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// When.
    pub at: WallTime,
    /// The run as a whole.
    pub run: RunSnapshot,
    /// Its room in memory.
    pub buffer: BufferSnapshot,
    /// The source.
    pub source: SourceSnapshot,
    /// The destinations, in the order of the configuration.
    pub lanes: Vec<LaneSnapshot>,
}

/// The run as a whole.
#[derive(Clone, Debug, Serialize)]
pub struct RunSnapshot {
    /// When it began.
    pub started_at: WallTime,
    /// For how long it has run.
    pub elapsed_seconds: f64,
    /// Whether it ends when every destination holds what was visible at its start.
    pub is_until_caught_up: bool,
    /// The highest id that was visible when the source was first opened; `None` until then, and for
    /// an empty table.
    pub target_id: Option<i64>,
    /// Whether it has ended: this is the last snapshot.
    pub has_ended: bool,
}

/// Rows in flight.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct BufferSnapshot {
    /// The room they take.
    pub bytes: usize,
    /// The share of `buffer_bytes_max` that this replication has.
    pub bytes_max: usize,
}

/// The connection of a side: how often it was lost, why, and what comes next.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConnectionSnapshot {
    /// Losses since it last did work.
    pub losses: u32,
    /// When it is due to be tried again, where it waits for that.
    pub retry_at: Option<WallTime>,
    /// The last loss; over when the side came back.
    pub outage: Option<OutageSnapshot>,
}

/// The time from a loss to the return, with the parts of the error.
#[derive(Clone, Debug, Serialize)]
pub struct OutageSnapshot {
    /// What could not be done.
    pub what: String,
    /// Where.
    #[serde(rename = "where")]
    pub place: Option<String>,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do.
    pub fix: Option<String>,
    /// When it was first met.
    pub since: WallTime,
    /// When the side came back; `None` while it is lost or stopped.
    pub ended_at: Option<WallTime>,
}

/// The source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceSnapshot {
    /// Host, port and database, without user or password.
    pub database: Arc<str>,
    /// Schema and table.
    pub table: Arc<str>,
    /// In one word: opening, reachable, held, waiting or stopped.
    pub health: Health,
    /// Its connection.
    pub connection: ConnectionSnapshot,
    /// What its last checks found; `None` before the first.
    pub checks: Option<Arc<SourceChecks>>,
    /// The lowest id when it was last checked; `None` before, and where it was empty then.
    pub lowest_id: Option<i64>,
    /// The highest id known to be visible: that of the last look, or of the highest position where
    /// that is higher.
    pub highest_id: Option<i64>,
    /// When the last look saw it.
    pub looked_at: Option<WallTime>,
    /// No event can appear any more at or below this id.
    pub decided_id: Option<i64>,
    /// Up to here events were read and shipped over the present connection.
    pub shipped_id: Option<i64>,
    /// What committed events wait for.
    pub blocker: Option<BlockerSnapshot>,
    /// How often it was looked at, by cause.
    #[serde(skip)]
    pub looks: LookCounts,
    /// How often it was lost since the run began, and tries to open it failed, by kind of error.
    #[serde(skip)]
    pub losses: LossCounts,
    /// How long batches waited until their rows were on its disk.
    #[serde(skip)]
    pub durability_waits: HistogramCounts,
    /// How full the notification queue of its cluster is, from 0 to 1; `None` where that was not
    /// asked in the last two minutes.
    pub notification_queue_ratio: Option<f64>,
}

/// What the checks of the source found.
#[derive(Clone, Debug, Serialize)]
pub struct SourceChecks {
    /// When.
    pub at: WallTime,
    /// Whether its server is a standby.
    pub is_standby: bool,
    /// How ids are given out, and why that is believed.
    pub ids: String,
    /// What wakes the replicator.
    pub wakeup: String,
    /// Whether notifications work; otherwise the source is polled.
    pub is_notified: bool,
    /// The column whose equal neighbours share one transaction.
    pub group_by: Option<String>,
    /// Whether it is a log that takes note of what is still needed of it.
    #[serde(skip)]
    pub takes_readers: bool,
    /// What a person should know.
    pub warnings: Vec<WarningSnapshot>,
}

/// Something a person should know that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WarningSnapshot {
    /// What is so.
    pub what: String,
    /// What could be done about it; empty where nothing needs to be.
    pub fix: String,
}

/// What committed events wait for at the source.
#[derive(Clone, Debug, Serialize)]
pub struct BlockerSnapshot {
    /// The last id before the gap.
    pub after_id: Option<i64>,
    /// The first committed event that waits; `None`: none does, but what a destination holds cannot
    /// be confirmed yet.
    pub next_id: Option<i64>,
    /// Its server process; `None` for a prepared transaction, and where no transaction is to blame.
    pub pid: Option<i32>,
    /// As its application calls itself; the global identifier of a prepared transaction.
    pub application: Option<String>,
    /// Its role, as far as ours may know.
    pub user: Option<String>,
    /// Since when its transaction is open, or the wait lasts where none is to blame.
    pub since: WallTime,
    /// All of it in words.
    pub words: String,
    /// What ends it.
    pub fix: String,
}

/// A destination.
#[derive(Clone, Debug, Serialize)]
pub struct LaneSnapshot {
    /// Name as configured.
    pub name: Arc<str>,
    /// Host, port and database, without user or password.
    pub database: Arc<str>,
    /// Schema and table.
    pub table: Arc<str>,
    /// In one word.
    pub health: Health,
    /// Its connection.
    pub connection: ConnectionSnapshot,
    /// Whether an operator paused it.
    pub is_paused: bool,
    /// The highest id it holds, as last known.
    pub position: Option<i64>,
    /// Whether it shares passes with others or has its own.
    pub pace: PaceSnapshot,
    /// Time since it last held everything that was visible at the source; 0 while it does, `None`
    /// until it did once. An upper bound of the age of the first event it lacks.
    pub lag_seconds: Option<f64>,
    /// Events committed since the run began.
    pub events: u64,
    /// Bytes of those events as COPY data.
    pub bytes: u64,
    /// How long each batch took, from its beginning to its commit.
    #[serde(skip)]
    pub append_times: HistogramCounts,
    /// How many events each batch had.
    #[serde(skip)]
    pub batch_sizes: HistogramCounts,
    /// How often it was lost since the run began, and tries to open it failed, by kind of error.
    /// That another replicator holds it is no loss.
    #[serde(skip)]
    pub losses: LossCounts,
    /// When events were last committed, to half a second.
    pub last_commit_at: Option<WallTime>,
    /// Up to this id it is counted once more when transactions that were open at its comparison
    /// have ended.
    pub unconfirmed_id: Option<i64>,
    /// The last count that agreed with the source's; `None` before the first.
    pub count_check: Option<CountCheck>,
    /// What its checks found; `None` before the first.
    pub checks: Option<Arc<LaneChecks>>,
}

/// Whether a lane shares passes with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PaceSnapshot {
    /// It shares reads of the source with others.
    Together,
    /// It held others up and goes on by itself.
    Alone,
}

/// A count of recent events, and in rotation of older ones, that agreed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CountCheck {
    /// When.
    pub at: WallTime,
    /// Every event up to this id was counted at least once.
    pub through_id: Option<i64>,
}

/// What the checks of a destination found.
#[derive(Clone, Debug, Serialize)]
pub struct LaneChecks {
    /// When.
    pub at: WallTime,
    /// Whether first event, last event and count were compared; otherwise the last event alone,
    /// what lies before it having been compared earlier.
    pub was_counted: bool,
    /// Its events when they were last counted whole; `None` before.
    pub events: Option<u64>,
    /// Its lowest id then.
    pub first_id: Option<i64>,
    /// Its highest id then.
    pub last_id: Option<i64>,
    /// The form in which rows travel: `binary` or `text`.
    pub format: &'static str,
    /// What a person should know.
    pub warnings: Vec<WarningSnapshot>,
}

/// Where snapshots are published; those who watch subscribe. The first tells what is configured,
/// and that nothing has happened yet.
pub(crate) fn publisher(config: &ReplicationConfig) -> watch::Sender<Arc<Snapshot>> {
    watch::Sender::new(Arc::new(Snapshot::before(config, false)))
}

impl Snapshot {
    /// Before anything has happened.
    pub(super) fn before(config: &ReplicationConfig, is_until_caught_up: bool) -> Self {
        let now = WallTime::now();
        Self {
            at: now,
            run: RunSnapshot {
                started_at: now,
                elapsed_seconds: 0.0,
                is_until_caught_up,
                target_id: None,
                has_ended: false,
            },
            buffer: BufferSnapshot::default(),
            source: SourceSnapshot::before(config),
            lanes: config.destinations.iter().map(LaneSnapshot::before).collect(),
        }
    }

    /// The lowest position of a destination; `None` while one is empty.
    pub(crate) fn lowest_position(&self) -> Option<i64> {
        self.lanes.iter().map(|lane| lane.position).min().flatten()
    }

    /// Events committed at all destinations together.
    pub fn events(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.events).sum()
    }
}

impl SourceSnapshot {
    /// Up to which of its ids no event can appear any more; `None`: of none, or that is not known.
    /// Consecutive ids are decided beyond all that there are.
    pub fn settled_id(&self) -> Option<i64> {
        self.decided_id.zip(self.highest_id).map(|(decided, highest)| decided.min(highest))
    }

    fn before(config: &ReplicationConfig) -> Self {
        Self {
            database: config.source.conninfo.describe().into(),
            table: config.source.table.to_string().into(),
            health: Health::Opening,
            connection: ConnectionSnapshot::default(),
            checks: None,
            lowest_id: None,
            highest_id: None,
            looked_at: None,
            decided_id: None,
            shipped_id: None,
            blocker: None,
            looks: LookCounts::default(),
            losses: LossCounts::default(),
            durability_waits: HistogramCounts::of_no_durations(),
            notification_queue_ratio: None,
        }
    }
}

impl LaneSnapshot {
    fn before(destination: &DestinationConfig) -> Self {
        Self {
            name: destination.name.as_str().into(),
            database: destination.settings().describe().into(),
            table: destination.settings().target().into(),
            health: Health::Opening,
            connection: ConnectionSnapshot::default(),
            is_paused: false,
            position: None,
            pace: PaceSnapshot::Together,
            lag_seconds: None,
            events: 0,
            bytes: 0,
            append_times: HistogramCounts::of_no_durations(),
            batch_sizes: HistogramCounts::of_no_numbers(),
            losses: LossCounts::default(),
            last_commit_at: None,
            unconfirmed_id: None,
            count_check: None,
            checks: None,
        }
    }
}

impl ConnectionSnapshot {
    /// As it stands by these clocks.
    pub(super) fn of<T>(connection: &Connection<T>, clock: &DayClock) -> Self {
        let retry_at = connection.due().filter(|_| connection.lost_with().is_some());
        Self {
            losses: connection.losses(),
            retry_at: retry_at.map(|due| clock.moment_of(due)),
            outage: connection.outage().map(|outage| OutageSnapshot::of(outage, clock)),
        }
    }
}

impl OutageSnapshot {
    fn of(outage: &Outage, clock: &DayClock) -> Self {
        let error = &outage.error;
        Self {
            what: error.what().to_owned(),
            place: error.place().map(str::to_owned),
            causes: error.causes().to_vec(),
            fix: error.remedy().map(str::to_owned),
            since: clock.moment_of(outage.since),
            ended_at: outage.ended.map(|ended| clock.moment_of(ended)),
        }
    }
}

impl From<&Warning> for WarningSnapshot {
    fn from(warning: &Warning) -> Self {
        Self { what: warning.what.clone(), fix: warning.fix.clone() }
    }
}

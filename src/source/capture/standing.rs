//! How what is captured stands: triggers that are missing or disabled, tables that have changed.

use super::facts::{CapturableTable, FoundFunction, RememberedTable, TableChoice};
use super::install::log_faults;
use super::objects::function_name;
use super::plan::{CaptureFacts, WantedCapture, plan};
use super::readers::{LogReader, PruneCertificate};
use super::shape::CapturedShape;
use crate::error::{ErrorKind, Result};
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::source::setup::SourceSetup;
use crate::sql::{fill, sql, text};
use serde::Serialize;

/// A log and what is captured into it, at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct CaptureStanding {
    /// The log.
    pub log: String,
    /// Its size with its indexes.
    pub bytes: i64,
    /// The lowest id that it holds.
    pub first_id: Option<i64>,
    /// When the transaction of that event began, as the server writes it.
    pub first_ts: Option<String>,
    /// The highest id that is visible.
    pub last_id: Option<i64>,
    /// What of the log itself is not as it should be; empty where all is.
    pub faults: Vec<String>,
    /// How many events were pruned, and certified.
    pub pruned_events: u64,
    /// Who reads it, the one that needs most first.
    pub readers: Vec<LogReader>,
    /// What is captured.
    pub tables: Vec<TableStanding>,
}

/// A captured table.
#[derive(Clone, Debug, Serialize)]
pub struct TableStanding {
    /// What its changes are called.
    pub source: String,
    /// The table; `None`: it is gone.
    pub table: Option<String>,
    /// The first id that an event of it can have.
    pub first_id: i64,
    /// When it was captured first.
    pub installed_at: String,
    /// Columns that no image holds.
    pub omitted: Vec<String>,
    /// How it has changed since; empty where it has not.
    pub changes: Vec<String>,
    /// What of its triggers and its function is not as it should be; empty where all is.
    pub faults: Vec<String>,
}

impl CaptureStanding {
    /// Whether the log and everything that is captured into it are as they were made.
    pub fn is_well(&self) -> bool {
        self.faults.is_empty() && self.tables.iter().all(TableStanding::is_well)
    }
}

impl TableStanding {
    /// Whether its changes are captured, all of them, and it looks as it did.
    pub fn is_well(&self) -> bool {
        self.table.is_some() && self.changes.is_empty() && self.faults.is_empty()
    }
}

/// Looks at a log and everything that is captured into it.
///
/// # Errors
/// Those of the session; where there is no log, what the server says of it.
pub async fn standing(session: &Session, log: &TableName) -> Result<CaptureStanding> {
    let remembered = RememberedTable::all(session, log).await?;
    let about = fill(
        include_str!("../../../sql/capture/log_about.sql"),
        &[("log", sql(log.quoted())), ("name", text(log.quoted()))],
    );
    let row = session.query_one(&about, &[]).await;
    let row = row.map_err(|error| session.error(&error, format!("cannot read {log}")))?;
    let mut tables = Vec::new();
    for known in &remembered {
        tables.push(one(session, log, known, &remembered).await?);
    }
    let pruned = PruneCertificate::all(session, log).await?;
    Ok(CaptureStanding {
        faults: of_log(session, log).await?,
        pruned_events: pruned.iter().map(|certificate| certificate.events).sum(),
        readers: LogReader::all(session, log).await?,
        log: log.to_string(),
        bytes: row.get("bytes"),
        first_id: row.get("first_id"),
        first_ts: row.get("first_ts"),
        last_id: row.get("last_id"),
        tables,
    })
}

/// What is wrong with the log. What wakes a replicator is of no matter to what is captured, and what
/// our role may not do is no fault of it.
async fn of_log(session: &Session, log: &TableName) -> Result<Vec<String>> {
    let there = ExistingObjects::read(session, log).await?;
    let script = SourceSetup::of_log(log.clone()).script(&there);
    let refused = script.refusals().iter().filter(|of| of.kind() == ErrorKind::Unsuitable);
    let faults = log_faults(session, log, &there).await?;
    let missing = script.missing().map(|what| format!("{what} is missing"));
    let told = missing.chain(refused.chain(faults.iter()).map(ToString::to_string));
    Ok(told.filter(|what| !what.contains("doorbell")).collect())
}

async fn one(
    session: &Session,
    log: &TableName,
    known: &RememberedTable,
    remembered: &[RememberedTable],
) -> Result<TableStanding> {
    let mut standing = TableStanding {
        source: known.source.clone(),
        table: None,
        first_id: known.first_id,
        installed_at: known.installed_at.clone(),
        omitted: known.omitted.clone(),
        changes: Vec::new(),
        faults: Vec::new(),
    };
    let table = CapturableTable::read(session, &TableChoice::Oid(known.oid)).await?;
    let Some(table) = table else { return Ok(standing) };
    standing.table = Some(table.name.to_string());
    standing.changes = changes(known, &table);
    standing.faults = unlike(session, log, (known, remembered), &table).await?;
    Ok(standing)
}

/// Why not all changes of a table are in the log, or not as they were; empty: all is well.
///
/// # Errors
/// Those of the session.
pub(super) async fn faults_of(
    session: &Session,
    log: &TableName,
    known: (&RememberedTable, &[RememberedTable]),
    table: &CapturableTable,
) -> Result<Vec<String>> {
    let mut faults = changes(known.0, table);
    faults.extend(unlike(session, log, known, table).await?);
    Ok(faults)
}

fn changes(known: &RememberedTable, table: &CapturableTable) -> Vec<String> {
    serde_json::from_str::<CapturedShape>(&known.shape).map_or_else(
        |_| vec!["its shape cannot be read".to_owned()],
        |before| before.changes(&CapturedShape::of(table)),
    )
}

/// What of its triggers and its function is not as it should be.
async fn unlike(
    session: &Session,
    log: &TableName,
    (known, remembered): (&RememberedTable, &[RememberedTable]),
    table: &CapturableTable,
) -> Result<Vec<String>> {
    let wanted =
        WantedCapture { log, source: &known.source, omitted: &known.omitted, takes_shape: true };
    let function = FoundFunction::read(session, &log.schema, &function_name(&known.source)).await?;
    // Whoever only looks need not own it.
    let table = &CapturableTable { is_owned: true, ..table.clone() };
    let plan = plan(&wanted, &CaptureFacts { table, function, remembered });
    let is_of_shape = |what: &str| what.starts_with("the shape of");
    let lacking = plan.steps.into_iter().map(|step| step.what).filter(|what| !is_of_shape(what));
    let mut faults: Vec<String> =
        lacking.map(|what| format!("{what} is missing, disabled or another one")).collect();
    faults.extend(plan.problems.iter().map(ToString::to_string));
    Ok(faults)
}

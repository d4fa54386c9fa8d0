//! Takes everything away again that captures tables, and proves from the catalog that nothing is
//! left.

use super::facts::{CapturableTable, RememberedTable, TableChoice};
use super::locked::{LockBudget, LockedWork, quoted, under_lock};
use super::objects::{drop_triggers, function_name};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::sql::{ident, literal};

/// What is to be captured no more.
#[derive(Clone, Debug)]
pub struct CaptureRemoval {
    /// The log.
    pub log: TableName,
    /// Tables by name; empty: all.
    pub tables: Vec<TableName>,
    /// Whether the log goes too, with every event that it holds.
    pub drops_log: bool,
    /// How long a lock may be waited for.
    pub patience: LockBudget,
}

/// What was removed, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalReport {
    /// In order.
    pub removed: Vec<String>,
    /// What the catalog still has of the log.
    pub left: Vec<String>,
}

/// Something remembered, with the table as it is; `None`: it is gone.
struct RemovedTable {
    known: RememberedTable,
    table: Option<CapturableTable>,
}

struct DropTriggers<'a> {
    log: &'a TableName,
    removed: &'a RemovedTable,
}

/// What a removal would take away, in words.
///
/// # Errors
/// `Usage` for a table that is not captured, and for a log that goes while it is needed.
pub async fn removal_plan(
    session: &Session,
    removal: &CaptureRemoval,
) -> Result<Vec<String>, Problems> {
    let mut words: Vec<String> = chosen(session, removal)
        .await?
        .iter()
        .map(|removed| format!("triggers and function of {}", removed.known.source))
        .collect();
    if removal.drops_log {
        words.push(format!("the log {} with every event that it holds", removal.log));
    }
    Ok(words)
}

/// Removes, table by table; then the log, where that is wanted.
///
/// # Errors
/// As [`removal_plan`]; `Unavailable` where a table was not to be had: those before it are captured
/// no more, and a second run goes on.
pub async fn remove(
    session: &Session,
    removal: &CaptureRemoval,
) -> Result<RemovalReport, Problems> {
    let mut report = RemovalReport::default();
    for removed in chosen(session, removal).await? {
        let work = DropTriggers { log: &removal.log, removed: &removed };
        match &removed.table {
            Some(table) => {
                let oids: Vec<u32> = table.tree.iter().map(|relation| relation.oid).collect();
                let names = quoted(&[&table.name]);
                under_lock(session, (&oids, &names), removal.patience, &work).await?;
            }
            None => work.carry_out(session).await?,
        }
        report.removed.push(format!("capture of {}", removed.known.source));
    }
    if removal.drops_log {
        drop_log(session, &removal.log).await?;
        report.removed.push(format!("log {}", removal.log));
    }
    let leftovers = include_str!("../../../sql/capture/leftovers.sql");
    let left = session.query(leftovers, &[&removal.log.schema]).await;
    let left = left.map_err(|error| session.error(&error, "cannot look at what is left"))?;
    report.left = left.iter().map(|row| row.get("what")).collect();
    Ok(report)
}

async fn chosen(
    session: &Session,
    removal: &CaptureRemoval,
) -> Result<Vec<RemovedTable>, Problems> {
    let remembered = RememberedTable::all(session, &removal.log).await?;
    let of_all = remembered.len();
    let mut chosen = Vec::new();
    for known in remembered {
        let table = CapturableTable::read(session, &TableChoice::Oid(known.oid)).await?;
        let removed = RemovedTable { known, table };
        let is_named = |name: &TableName| removed.is_called(name);
        if removal.tables.is_empty() || removal.tables.iter().any(is_named) {
            chosen.push(removed);
        }
    }
    let mut problems = Problems::new();
    for name in &removal.tables {
        if !chosen.iter().any(|removed| removed.is_called(name)) {
            let what = format!("{name} is not captured into {}", removal.log);
            problems.push(Error::new(ErrorKind::Usage, what).fix("counterfoil capture status"));
        }
    }
    if removal.drops_log && chosen.len() < of_all {
        let what = format!("cannot drop {}: other tables are captured into it", removal.log);
        problems.push(Error::new(ErrorKind::Usage, what).fix("give --all in place of --table"));
    }
    problems.or_ok(chosen)
}

impl RemovedTable {
    /// By its name now, or where it is gone by that in the log.
    fn is_called(&self, name: &TableName) -> bool {
        match &self.table {
            Some(table) => table.name == *name,
            None => {
                let source = &self.known.source;
                name.to_string() == *source || (name.schema == "public" && name.name == *source)
            }
        }
    }
}

impl LockedWork for DropTriggers<'_> {
    type Outcome = ();

    async fn carry_out(&self, session: &Session) -> Result<(), Problems> {
        let (log, known) = (self.log, &self.removed.known);
        let tree = self.removed.table.as_ref().map_or(&[][..], |table| &table.tree);
        let mut statements = drop_triggers(tree, log);
        let schema = ident(&log.schema);
        statements.push(format!(
            "drop function if exists {schema}.{}();",
            ident(&function_name(&known.source))
        ));
        statements.push(format!(
            "delete from {schema}.captured where source = {};",
            literal(&known.source)
        ));
        let done = session.batch_execute(&statements.join("\n")).await;
        Ok(done.map_err(|error| {
            session.error(&error, format!("cannot remove the capture of {}", known.source))
        })?)
    }
}

/// In one transaction; the schema goes where nothing else is in it.
async fn drop_log(session: &Session, log: &TableName) -> Result<()> {
    let schema = ident(&log.schema);
    let sql = format!(
        "begin;\nset local search_path = pg_catalog, pg_temp;\nset local lock_timeout = '10s';\n\
         drop view if exists {schema}.history;\ndrop table if exists {schema}.captured;\n\
         drop table if exists {schema}.readers;\n\
         drop table {};\ndrop table if exists {schema}.pruned;\ndrop function if exists {schema}.filter_sql_command();\n\
         drop function if exists {schema}.counterfoil_doorbell();\ncommit;",
        log.quoted()
    );
    let failed =
        |error: tokio_postgres::Error| session.error(&error, format!("cannot drop the log {log}"));
    if let Err(error) = session.batch_execute(&sql).await {
        let _ = session.batch_execute("rollback").await;
        return Err(failed(error));
    }
    let drop_schema = format!("drop schema {schema} restrict");
    // Something of others is in it: it stays, and is told.
    let _ = session.batch_execute(&drop_schema).await;
    Ok(())
}

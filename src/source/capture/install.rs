//! Makes what captures tables, and takes changed tables as known.

use super::facts::{CapturableTable, FoundFunction, RememberedTable, TableChoice};
use super::locked::{LockBudget, LockedWork, quoted, under_lock};
use super::objects::function_name;
use super::plan::{CaptureFacts, CapturePlan, WantedCapture, plan};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::script::{SetupReport, carry_out};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::source::setup::SourceSetup;

/// A table, and the name under which it is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedName {
    /// The table.
    pub table: TableName,
    /// What its changes are called in the log; it survives a rename of the table.
    pub source: String,
}

/// What is to be captured.
#[derive(Clone, Debug)]
pub struct CaptureWish {
    /// The log.
    pub log: TableName,
    /// The tables; at least one.
    pub tables: Vec<CapturedName>,
    /// Columns that no image holds.
    pub omitted: Vec<String>,
    /// How long a lock may be waited for.
    pub patience: LockBudget,
}

/// One table as it is, with what is planned for it.
pub(super) struct PlannedTable<'a> {
    name: &'a CapturedName,
    table: CapturableTable,
    plan: CapturePlan,
}

/// One table, to be planned again under its lock and carried out.
struct TableWork<'a> {
    log: &'a TableName,
    omitted: &'a [String],
    source: &'a str,
    oid: u32,
    takes_shape: bool,
}

/// Makes the log where it is missing, and captures each table, one after the other and each in one
/// transaction. What is as it should be is not touched.
///
/// # Errors
/// Everything that stands in the way, before anything is made; `Unavailable` where a table was not
/// to be had: tables before it are captured then, and a second run goes on. A crash leaves each table
/// captured or untouched.
pub async fn install(session: &Session, wish: &CaptureWish) -> Result<SetupReport, Problems> {
    let log = SourceSetup::of_log(wish.log.clone());
    let there = ExistingObjects::read(session, &wish.log).await?;
    let mut problems = log.script(&there).refusals().clone();
    problems.extend(log_faults(session, &wish.log, &there).await?);
    let planned = planned(session, wish, there.events.is_some(), false).await;
    let planned = planned.unwrap_or_else(|refused| {
        problems.extend(refused);
        Vec::new()
    });
    problems.or_ok(())?;
    let mut report = carry_out(session, &wish.log, |facts| log.script(facts)).await?;
    report.notes.retain(|note| !note.ends_with("it is taken as it is"));
    for table in planned {
        captured(session, wish, &table, false, &mut report).await?;
    }
    Ok(report)
}

/// The SQL that [`install`] would run now.
///
/// # Errors
/// Everything that stands in the way.
pub async fn install_sql(session: &Session, wish: &CaptureWish) -> Result<String, Problems> {
    let log = SourceSetup::of_log(wish.log.clone());
    let there = ExistingObjects::read(session, &wish.log).await?;
    let script = log.script(&there);
    let mut problems = script.refusals().clone();
    problems.extend(log_faults(session, &wish.log, &there).await?);
    problems.or_ok(())?;
    let mut sql = script.sql();
    for table in planned(session, wish, there.events.is_some(), false).await? {
        sql += &table.sql(wish.patience);
    }
    Ok(sql)
}

/// What is wrong with a log that is there: ids that are given out ahead of time say nothing of the
/// order.
pub(super) async fn log_faults(
    session: &Session,
    log: &TableName,
    there: &ExistingObjects,
) -> Result<Problems> {
    let mut problems = Problems::new();
    if there.events.is_none() {
        return Ok(problems);
    }
    let sql = include_str!("../../../sql/capture/log_sequence.sql");
    let row = session.query_opt(sql, &[&log.schema, &log.name]).await;
    let row = row.map_err(|error| session.error(&error, format!("cannot look at {log}")))?;
    if row.is_none_or(|row| row.get("is_in_order")) {
        return Ok(problems);
    }
    let what = format!("cannot capture into {log}: its ids are not given out in order");
    let fix = format!(
        "alter table {} alter column id set increment 1 set cache 1 set no cycle;",
        log.quoted()
    );
    let why = "the sequence of its identity column has a cache, a cycle or another step than 1";
    problems.push(Error::new(ErrorKind::Unsuitable, what).because(why).fix(fix));
    Ok(problems)
}

impl PlannedTable<'_> {
    /// What would be run, under its lock.
    pub(super) fn sql(&self, patience: LockBudget) -> String {
        let name = &self.name.table;
        if self.plan.steps.is_empty() {
            return format!("-- {name} is captured already\n");
        }
        let mut sql = format!(
            "\nbegin;\nset local search_path = pg_catalog, pg_temp;\nset local lock_timeout = \
             '{}ms';\nlock table {} in share row exclusive mode;\n",
            patience.at_a_time.as_millis(),
            name.quoted()
        );
        for step in &self.plan.steps {
            sql += &format!("\n-- {}\n{}\n", step.what, step.sql.trim_end());
        }
        sql + "\ncommit;\n"
    }
}

/// Plans every table as it is now; all problems at once.
pub(super) async fn planned<'a>(
    session: &Session,
    wish: &'a CaptureWish,
    has_log: bool,
    takes_shape: bool,
) -> Result<Vec<PlannedTable<'a>>, Problems> {
    let remembered =
        if has_log { RememberedTable::all(session, &wish.log).await? } else { Vec::new() };
    let (mut planned, mut problems) = (Vec::new(), Problems::new());
    for name in &wish.tables {
        let choice = TableChoice::Named(name.table.clone());
        let Some(table) = CapturableTable::read(session, &choice).await? else {
            let what = format!("cannot capture {}: there is no such table", name.table);
            problems.push(
                Error::new(ErrorKind::Usage, what).fix("write it as in SQL, with its schema"),
            );
            continue;
        };
        let wanted = WantedCapture {
            log: &wish.log,
            source: &name.source,
            omitted: &wish.omitted,
            takes_shape,
        };
        let plan = planned_one(session, &wanted, &table, &remembered).await?;
        problems.extend(plan.problems.clone());
        planned.push(PlannedTable { name, table, plan });
    }
    problems.or_ok(planned)
}

async fn planned_one(
    session: &Session,
    wanted: &WantedCapture<'_>,
    table: &CapturableTable,
    remembered: &[RememberedTable],
) -> Result<CapturePlan> {
    let function =
        FoundFunction::read(session, &wanted.log.schema, &function_name(wanted.source)).await?;
    Ok(plan(wanted, &CaptureFacts { table, function, remembered }))
}

/// Carries out what is planned for one table, if anything is.
pub(super) async fn captured(
    session: &Session,
    wish: &CaptureWish,
    planned: &PlannedTable<'_>,
    takes_shape: bool,
    report: &mut SetupReport,
) -> Result<(), Problems> {
    let mut plan = planned.plan.clone();
    if !plan.steps.is_empty() {
        let oids: Vec<u32> = planned.table.tree.iter().map(|relation| relation.oid).collect();
        let work = TableWork {
            log: &wish.log,
            omitted: &wish.omitted,
            source: &planned.name.source,
            oid: planned.table.oid,
            takes_shape,
        };
        let names = quoted(&[&planned.table.name]);
        plan = under_lock(session, (&oids, &names), wish.patience, &work).await?;
    }
    report.created.extend(plan.steps.into_iter().map(|step| step.what));
    report.present.extend(plan.present);
    report.notes.extend(plan.notes);
    Ok(())
}

impl LockedWork for TableWork<'_> {
    type Outcome = CapturePlan;

    /// What was seen before the lock may be past.
    async fn carry_out(&self, session: &Session) -> Result<CapturePlan, Problems> {
        let table = CapturableTable::read(session, &TableChoice::Oid(self.oid)).await?;
        let table = table.ok_or_else(|| {
            let what = format!("{} was dropped meanwhile", self.source);
            Error::new(ErrorKind::Unavailable, what).fix("try again")
        })?;
        let remembered = RememberedTable::all(session, self.log).await?;
        let wanted = WantedCapture {
            log: self.log,
            source: self.source,
            omitted: self.omitted,
            takes_shape: self.takes_shape,
        };
        let plan = planned_one(session, &wanted, &table, &remembered).await?;
        plan.problems.clone().or_ok(())?;
        for step in &plan.steps {
            let done = session.batch_execute(&step.sql).await;
            done.map_err(|error| session.error(&error, format!("cannot make {}", step.what)))?;
        }
        Ok(plan)
    }
}

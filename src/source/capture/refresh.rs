//! Takes captured tables as they are now: the shape they have is the known one from then on.

use super::facts::{CapturableTable, RememberedTable, TableChoice};
use super::install::{CaptureWish, CapturedName, captured, planned};
use super::locked::LockBudget;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::ddl::script::SetupReport;
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::sql::literal;

/// What is to be taken as it is: all of the log where no table is named.
#[derive(Clone, Debug)]
pub struct RefreshWish {
    /// The log.
    pub log: TableName,
    /// The tables, as they are called now.
    pub tables: Vec<TableName>,
    /// How long a lock may be waited for.
    pub patience: LockBudget,
}

/// Takes tables that are captured as they are now: their shape, their partitions and their types;
/// puts back triggers that are missing or disabled, also on a table that was dropped and made again.
///
/// # Errors
/// As [`super::install`]; `Usage` for a table that is not captured.
pub async fn refresh(session: &Session, wish: &RefreshWish) -> Result<SetupReport, Problems> {
    let mut report = SetupReport::default();
    let (wishes, mut problems) = wishes(session, wish).await?;
    for wish in &wishes {
        let done = async {
            for table in planned(session, wish, true, true).await? {
                captured(session, wish, &table, true, &mut report).await?;
            }
            Ok::<(), Problems>(())
        };
        if let Err(failed) = done.await {
            problems.extend(failed);
        }
    }
    problems.or_ok(report)
}

/// The SQL that [`refresh`] would run now.
///
/// # Errors
/// Everything that stands in the way.
pub async fn refresh_sql(session: &Session, wish: &RefreshWish) -> Result<String, Problems> {
    let (wishes, mut problems) = wishes(session, wish).await?;
    let mut sql = String::new();
    for wish in &wishes {
        match planned(session, wish, true, true).await {
            Ok(tables) => tables.iter().for_each(|table| sql += &table.sql(wish.patience)),
            Err(failed) => problems.extend(failed),
        }
    }
    problems.or_ok(sql)
}

/// What is wished of each table, and what stands in the way of others.
async fn wishes(
    session: &Session,
    wish: &RefreshWish,
) -> Result<(Vec<CaptureWish>, Problems), Problems> {
    let mut problems = Problems::new();
    let mut wishes = Vec::new();
    for known in RememberedTable::all(session, &wish.log).await? {
        match present(session, &known).await? {
            Some(table) if wish.tables.is_empty() || wish.tables.contains(&table.name) => {
                wishes.push(CaptureWish {
                    log: wish.log.clone(),
                    tables: vec![CapturedName { table: table.name, source: known.source }],
                    omitted: known.omitted,
                    patience: wish.patience,
                });
            }
            None if wish.tables.is_empty() => problems.push(gone(&known)),
            Some(_) | None => {}
        }
    }
    for table in &wish.tables {
        if wishes.iter().all(|wish| wish.tables[0].table != *table) {
            let what = format!("{table} is not captured into {}", wish.log);
            let fix =
                format!("counterfoil capture install --table {}", literal(&table.to_string()));
            problems.push(Error::new(ErrorKind::Usage, what).fix(fix));
        }
    }
    Ok((wishes, problems))
}

/// The table, or one that was made again under the name by which it is captured.
async fn present(session: &Session, known: &RememberedTable) -> Result<Option<CapturableTable>> {
    let found = CapturableTable::read(session, &TableChoice::Oid(known.oid)).await?;
    if found.is_some() {
        return Ok(found);
    }
    let Ok(name) = TableName::parse(&known.source) else { return Ok(None) };
    let again = CapturableTable::read(session, &TableChoice::Named(name)).await?;
    Ok(again.filter(|table| table.name.to_string() == known.source))
}

fn gone(known: &RememberedTable) -> Error {
    let what = format!("{} is gone", known.source);
    Error::new(ErrorKind::Unsuitable, what).fix(format!(
        "counterfoil capture remove --table {} forgets it; then its name is free for another table",
        literal(&known.source)
    ))
}

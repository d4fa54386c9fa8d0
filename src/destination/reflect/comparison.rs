//! Compares a table with what its captured one was at the destination's position: the rows of the
//! source are read as they were then, computed in the destination, and compared there, in one
//! snapshot of it. The replicator goes on meanwhile.

use super::mapping::TableMapping;
use super::state;
use super::statements::TableStatements;
use super::table::send_rows;
use super::target::{TargetTable, missing};
use crate::config::{DeleteReaction, ReflectionConfig, ReflectionsConfig, TruncateReaction};
use crate::error::{Problems, Result};
use crate::event::captured::{CapturedLog, LogMoment};
use crate::event::change::RowImage;
use crate::postgres::session::Session;
use futures::future::join;
use tokio::sync::mpsc;

/// Pages of rows that wait to be sent.
const PAGES_MAX: usize = 4;

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReflectionComparison {
    /// The position at which both were compared.
    pub(crate) position: Option<i64>,
    /// Rows that were computed.
    pub(crate) rows: u64,
    /// Rows that the table lacks, that it has and should not, and that are others there.
    pub(crate) missing: u64,
    pub(crate) extra: u64,
    pub(crate) changed: u64,
    /// The first of them, by their keys.
    pub(crate) first: Vec<RowDifference>,
    /// Why nothing can be said; then nothing was compared.
    pub(crate) inconclusive: Option<String>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowDifference {
    /// `missing`, `extra` or `changed`.
    pub(crate) kind: String,
    /// The values of the key, in its order.
    pub(crate) key: String,
    /// The columns that differ.
    pub(crate) columns: Vec<String>,
}

impl ReflectionComparison {
    /// Rows that differ.
    pub(crate) fn differences(&self) -> u64 {
        self.missing + self.extra + self.changed
    }
}

/// Compares one table of a destination.
///
/// # Errors
/// What stands in the way; those of both sides.
pub(crate) async fn compare_table(
    session: &Session,
    (name, config): (&str, &ReflectionsConfig),
    reflection: &ReflectionConfig,
    log: &CapturedLog,
    differences_max: u32,
) -> Result<ReflectionComparison, Problems> {
    let at = config.reflections.iter().position(|of| of == reflection).unwrap_or(0);
    let mapping = TableMapping::new(reflection, &log.tables)?;
    let target = TargetTable::read(session, &mapping.table).await?;
    let mut target = target.ok_or_else(|| missing(&mapping.table, name))?;
    if let Some(why) = unverifiable(&mapping) {
        return Ok(ReflectionComparison {
            inconclusive: Some(why),
            ..ReflectionComparison::default()
        });
    }
    target.learn_types(session, &mapping.source.columns).await?;
    let statements = TableStatements::new(at, &mapping, &target);
    let failed = |error: tokio_postgres::Error| {
        session.error(&error, format!("cannot compare {}", mapping.table))
    };
    session.batch_execute(&statements.create_stage).await.map_err(failed)?;
    session.batch_execute("begin isolation level repeatable read").await.map_err(failed)?;
    let compared = compare_open(session, (name, &mapping), &statements, log, differences_max).await;
    session.batch_execute("rollback").await.map_err(failed)?;
    Ok(compared?)
}

/// Why a table is not what its source is.
fn unverifiable(mapping: &TableMapping) -> Option<String> {
    if mapping.deletes == DeleteReaction::Ignore {
        return Some("deletes = \"ignore\": it holds rows that are gone at the source".to_owned());
    }
    if mapping.truncate == TruncateReaction::Ignore {
        return Some("truncate = \"ignore\": it holds rows that are gone at the source".to_owned());
    }
    (!mapping.loads).then(|| "load = \"none\": it holds only what has changed since".to_owned())
}

async fn compare_open(
    session: &Session,
    (name, mapping): (&str, &TableMapping),
    statements: &TableStatements,
    log: &CapturedLog,
    differences_max: u32,
) -> Result<ReflectionComparison> {
    let undecided = |why: &str| ReflectionComparison {
        inconclusive: Some(why.to_owned()),
        ..ReflectionComparison::default()
    };
    let Some(remembered) = state::read(session, name).await? else {
        return Ok(undecided("it was never computed"));
    };
    match remembered.entries.get(&mapping.entry()) {
        Some(entry) if !entry.is_settled() => return Ok(undecided("its rows are being loaded")),
        Some(entry) if entry.mapping != mapping.written() => {
            return Ok(undecided("it is computed otherwise than its rows were"));
        }
        Some(_) => {}
        None => return Ok(undecided("it was never computed")),
    }
    let open: Vec<i64> = remembered.pending.keys().copied().collect();
    let at = LogMoment { position: remembered.state.position, open: &open };
    let (sender, mut pages) = mpsc::channel::<Vec<RowImage>>(PAGES_MAX);
    let staging = async {
        let mut rows = 0;
        while let Some(page) = pages.recv().await {
            rows += page.len() as u64;
            send_rows(session, (mapping, statements), &page).await?;
        }
        Ok(rows)
    };
    let (read, staged) = join(log.changes.rows_at(&mapping.source, at, sender), staging).await;
    let rows = staged?;
    if let Some(id) = read? {
        let why = format!("a TRUNCATE is on its way (event {id}): what it held is not known");
        return Ok(undecided(&why));
    }
    let mut compared =
        ReflectionComparison { position: at.position, rows, ..ReflectionComparison::default() };
    count(session, mapping, statements, &mut compared).await?;
    if compared.differences() > 0 {
        compared.first = first(session, mapping, statements, differences_max).await?;
    }
    Ok(compared)
}

async fn count(
    session: &Session,
    mapping: &TableMapping,
    statements: &TableStatements,
    compared: &mut ReflectionComparison,
) -> Result<()> {
    let sql =
        format!("select d.kind, count(*) from ({}) d group by d.kind", statements.differences);
    let found = session.query(&sql, &[]).await;
    let found = found
        .map_err(|error| session.error(&error, format!("cannot compare {}", mapping.table)))?;
    for row in found {
        let count = row.get::<_, i64>(1).unsigned_abs();
        match row.get(0) {
            "missing" => compared.missing = count,
            "extra" => compared.extra = count,
            _ => compared.changed = count,
        }
    }
    Ok(())
}

async fn first(
    session: &Session,
    mapping: &TableMapping,
    statements: &TableStatements,
    differences_max: u32,
) -> Result<Vec<RowDifference>> {
    let sql = format!(
        "select d.kind, d.key, d.columns from ({}) d order by d.key limit {differences_max}",
        statements.differences
    );
    let found = session.query(&sql, &[]).await;
    let found = found
        .map_err(|error| session.error(&error, format!("cannot compare {}", mapping.table)))?;
    Ok(found
        .iter()
        .map(|row| RowDifference { kind: row.get(0), key: row.get(1), columns: row.get(2) })
        .collect())
}

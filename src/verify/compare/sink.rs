//! Where differences go: counted all, shown some, written into a script if they are missing rows.
//! In batches, so that memory stays bounded.

use crate::error::Result;
use crate::event::wire::{ReadAs, WireColumn, output};
use crate::verify::compare::repair_sql::RepairScript;
use crate::verify::compare::side::{ComparisonSide, SharedColumns};
use crate::verify::compare::task::ComparisonWatcher;
use crate::verify::compare::task::DifferenceLimits;
use crate::verify::difference::{Difference, DifferenceClass, DifferenceTally};
use crate::verify::show::{RowText, ShownDifference, ValueText};
use std::collections::HashMap;
use tokio_postgres::Row;

/// Differences that wait for their texts; each has at most two rows of texts that are cut.
const BATCH_MAX: usize = 64;
/// Characters of a value that are shown; of a longer one its beginning.
const SHOWN_CHARS_MAX: usize = 32 * 1024;

/// See the module.
pub struct DifferenceSink<'a> {
    /// What differed so far.
    pub tally: DifferenceTally,
    sides: (&'a ComparisonSide, &'a ComparisonSide),
    columns: &'a SharedColumns,
    limits: DifferenceLimits,
    watch: &'a mut dyn ComparisonWatcher,
    script: Option<&'a mut RepairScript>,
    shown: u64,
    batch: Vec<Difference>,
    missing: Vec<i64>,
}

impl<'a> DifferenceSink<'a> {
    /// Nothing was found yet.
    pub fn new(
        sides: (&'a ComparisonSide, &'a ComparisonSide),
        columns: &'a SharedColumns,
        limits: DifferenceLimits,
        watch: &'a mut dyn ComparisonWatcher,
        script: Option<&'a mut RepairScript>,
    ) -> Self {
        Self {
            tally: DifferenceTally::of_columns(columns.wire.columns.len()),
            sides,
            columns,
            limits,
            watch,
            script,
            shown: 0,
            batch: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Whether as many were found as were asked for, with so many that are not certain yet.
    pub(crate) fn is_enough(&self, doubtful: u64) -> bool {
        self.limits.found_max.is_some_and(|max| self.tally.total() + doubtful >= max)
    }

    /// Tells how many rows were compared.
    pub fn progress(&mut self, rows: u64) {
        self.watch.progress(rows);
    }

    /// Takes one that is certain.
    pub async fn take(&mut self, difference: Difference) -> Result<()> {
        self.tally.add(&difference.class);
        self.watch.found(&difference);
        if self.script.is_some() && difference.class == DifferenceClass::Missing {
            self.missing.push(difference.id);
        }
        if self.shown < self.limits.shown_max {
            self.shown += 1;
            self.batch.push(difference);
        }
        if self.batch.len() >= BATCH_MAX || self.missing.len() >= BATCH_MAX {
            self.flush().await?;
        }
        Ok(())
    }

    /// Shows and writes what waits.
    pub async fn flush(&mut self) -> Result<()> {
        let missing = std::mem::take(&mut self.missing);
        if let Some(script) = self.script.as_mut().filter(|_| !missing.is_empty()) {
            script.add(self.sides.0, self.sides.1, self.columns, &missing).await?;
        }
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = batch.iter().map(|difference| difference.id).collect();
        let (mut first, mut second) = futures::future::try_join(
            texts(self.sides.0, self.columns, &ids),
            texts(self.sides.1, self.columns, &ids),
        )
        .await?;
        for difference in batch {
            let shown = ShownDifference {
                first: first
                    .remove(&difference.id)
                    .filter(|_| difference.class != DifferenceClass::Extra),
                second: second
                    .remove(&difference.id)
                    .filter(|_| difference.class != DifferenceClass::Missing),
                difference,
            };
            self.watch.difference(&shown)?;
        }
        Ok(())
    }
}

/// The texts of some rows of a side, by their ids.
async fn texts(
    side: &ComparisonSide,
    columns: &SharedColumns,
    ids: &[i64],
) -> Result<HashMap<i64, RowText>> {
    let stored = columns.wire.called(&side.table.names);
    let expressions: Vec<String> = stored.columns.iter().map(expressions).collect();
    let rows = side
        .about_ids(
            include_str!("../../../sql/verify/texts.sql"),
            columns,
            expressions.join(", "),
            ids,
        )
        .await?;
    let text = |row: &Row, place: usize| {
        let text: Option<String> = row.get(1 + 2 * place);
        text.map(|text| {
            let bytes = u64::try_from(row.get::<_, i64>(2 + 2 * place)).unwrap_or_default();
            ValueText { is_cut: text.len() as u64 != bytes, text, bytes }
        })
    };
    let of_row = |row: &Row| RowText {
        values: (0..columns.wire.columns.len()).map(|place| text(row, place)).collect(),
    };
    Ok(rows.iter().map(|row| (row.get(0), of_row(row))).collect())
}

/// The text of a column, cut, and the length of the whole of it.
fn expressions(column: &WireColumn) -> String {
    if column.read_as == ReadAs::Bytes {
        // Its text is twice as long as it is, and may be too long for the server.
        let value = column.value("e");
        let (bytes, head) = (format!("pg_catalog.octet_length({value})"), SHOWN_CHARS_MAX / 2);
        let shown = output(&format!("pg_catalog.substring({value}, 1, {head})"));
        return format!("{shown}, 2 + 2 * {bytes}::pg_catalog.int8");
    }
    let text = column.text("e");
    format!(
        "pg_catalog.left({text}, {SHOWN_CHARS_MAX}), \
         pg_catalog.octet_length({text})::pg_catalog.int8"
    )
}

//! Shows differences as they are found, and the progress on a terminal.

use super::hint::ReplaceableIds;
use super::printer::Printer;
use crate::cli::output::{OutputReader, unread};
use crate::cli::progress::{DRAW_INTERVAL, ProgressLine, ProgressPace, TerminalScreen};
use crate::error::Result;
use crate::verify::compare::side::SharedColumns;
use crate::verify::compare::task::ComparisonWatcher;
use crate::verify::show::ShownDifference;
use std::time::Instant;

/// See the module.
pub struct TerminalWatcher<'a> {
    printer: Printer,
    columns: &'a SharedColumns,
    /// Whether all differences are wanted, whoever reads them: a script is made of them.
    needs_all: bool,
    bar: RowBar<'a>,
    /// What may have been changed on purpose.
    pub replaceable: ReplaceableIds,
}

impl<'a> TerminalWatcher<'a> {
    /// Shows differences of these columns beside this bar.
    pub fn new(
        printer: Printer,
        columns: &'a SharedColumns,
        needs_all: bool,
        bar: RowBar<'a>,
    ) -> Self {
        Self { printer, columns, needs_all, bar, replaceable: ReplaceableIds::default() }
    }
}

impl ComparisonWatcher for TerminalWatcher<'_> {
    fn progress(&mut self, rows: u64) {
        self.bar.progress(rows);
    }

    fn difference(&mut self, shown: &ShownDifference) -> Result<()> {
        self.replaceable.add(&shown.difference);
        let print = || self.printer.difference(shown, self.columns);
        let reader = match self.bar.screen {
            Some(screen) => screen.write_beside(print),
            None => print(),
        };
        match reader? {
            OutputReader::Gone if !self.needs_all => Err(unread()),
            _ => Ok(()),
        }
    }
}

/// How many rows of a table were read, on a terminal; it goes with its drop.
pub struct RowBar<'a> {
    screen: Option<&'a TerminalScreen>,
    unit: &'static str,
    /// An estimate; it is set right as rows come.
    rows: u64,
    pace: ProgressPace,
    drawn_at: Option<Instant>,
}

impl<'a> RowBar<'a> {
    /// Of about so many rows. `unit`: what is done to them, in a few words.
    pub fn new(
        screen: Option<&'a TerminalScreen>,
        unit: &'static str,
        rows_estimated: f64,
    ) -> Self {
        let rows = rows_estimated.max(1.0) as u64;
        let mut bar = Self { screen, unit, rows, pace: ProgressPace::default(), drawn_at: None };
        bar.progress(0);
        bar
    }

    /// So many rows were read.
    pub fn progress(&mut self, rows: u64) {
        let (Some(screen), now) = (self.screen, Instant::now()) else { return };
        if self.drawn_at.is_some_and(|at| now.duration_since(at) < DRAW_INTERVAL) {
            return;
        }
        self.drawn_at = Some(now);
        self.rows = self.rows.max(rows);
        self.pace.look(now, rows);
        let line = ProgressLine {
            done: rows,
            total: Some(self.rows),
            unit: self.unit,
            per_second: self.pace.per_second(),
            left: self.pace.left(self.rows),
            ..ProgressLine::default()
        };
        screen.draw(|columns| vec![line.fitted(columns)]);
    }
}

impl Drop for RowBar<'_> {
    fn drop(&mut self) {
        if let Some(screen) = self.screen {
            screen.clear();
        }
    }
}

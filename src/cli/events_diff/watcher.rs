//! Shows differences as they are found, and a progress bar on a terminal.

use super::printer::Printer;
use crate::cli::output::{OutputReader, unread};
use crate::error::Result;
use crate::verify::compare::side::SharedColumns;
use crate::verify::compare::task::ComparisonWatcher;
use crate::verify::show::ShownDifference;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// See the module.
pub struct TerminalWatcher<'a> {
    printer: Printer,
    columns: &'a SharedColumns,
    /// Whether all differences are wanted, whoever reads them: a script is made of them.
    needs_all: bool,
    bar: Option<ProgressBar>,
}

impl<'a> TerminalWatcher<'a> {
    /// Of about so many rows.
    pub fn new(
        printer: Printer,
        columns: &'a SharedColumns,
        needs_all: bool,
        rows_estimated: f64,
    ) -> Self {
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} rows {per_sec} {eta} left").ok();
        // An estimate; it is set right as rows come.
        let rows = rows_estimated.max(1.0) as u64;
        let bar = style
            .filter(|_| std::io::stderr().is_terminal())
            .map(|style| ProgressBar::new(rows).with_style(style));
        Self { printer, columns, needs_all, bar }
    }
}

impl ComparisonWatcher for TerminalWatcher<'_> {
    fn progress(&mut self, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(bar.length().unwrap_or_default().max(rows));
            bar.set_position(rows);
        }
    }

    fn difference(&mut self, shown: &ShownDifference) -> Result<()> {
        let reader = match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.difference(shown, self.columns)),
            None => self.printer.difference(shown, self.columns),
        };
        match reader? {
            OutputReader::Gone if !self.needs_all => Err(unread()),
            _ => Ok(()),
        }
    }
}

impl Drop for TerminalWatcher<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

//! Shows differences as they are found, and a progress bar on a terminal.

use super::printer::Printer;
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
    bar: Option<ProgressBar>,
}

impl<'a> TerminalWatcher<'a> {
    /// Of about so many rows.
    pub fn new(printer: Printer, columns: &'a SharedColumns, rows_estimated: f64) -> Self {
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} rows {per_sec} {eta} left").ok();
        // An estimate; it is set right as rows come.
        let rows = rows_estimated.max(1.0) as u64;
        let bar = style
            .filter(|_| std::io::stderr().is_terminal())
            .map(|style| ProgressBar::new(rows).with_style(style));
        Self { printer, columns, bar }
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
        match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.difference(shown, self.columns)),
            None => self.printer.difference(shown, self.columns),
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

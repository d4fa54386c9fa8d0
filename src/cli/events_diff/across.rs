//! One comparison of a source with a copy in another engine, row by row.

use super::args::CompareArguments;
use super::comparison::options;
use super::printer::{Printer, ShownSides, SideTable};
use super::subject::ComparisonSubject;
use super::watcher::{RowBar, TerminalWatcher};
use crate::cli::progress::TerminalScreen;
use crate::config::DestinationConfig;
use crate::destination::connector::SurveyedPlace;
use crate::error::{Error, ErrorKind, Result};
use crate::stop::Stop;
use crate::verify::compare::across::{AcrossSource, survey};
use crate::verify::compare::side::SidePlace;
use crate::verify::verdict::Verdict;
use slog::Logger;

/// A comparison with one copy.
pub(super) struct AcrossComparison<'a> {
    /// The flags.
    pub(super) arguments: &'a CompareArguments,
    /// What is compared with what.
    pub(super) subject: &'a ComparisonSubject,
    /// The source, of the rows that the copy takes.
    pub(super) first: SidePlace,
    /// The copy.
    pub(super) second: &'a DestinationConfig,
    /// How the result is told.
    pub(super) printer: Printer,
    /// Where progress is drawn.
    pub(super) screen: Option<&'a TerminalScreen>,
}

impl AcrossComparison<'_> {
    /// Compares; an interruption makes it inconclusive.
    pub(super) async fn compare(&self, stop: &Stop, log: &Logger) -> Result<Verdict> {
        let ComparisonSubject { id_column, timeout, .. } = self.subject;
        let comparing = survey(self.second, (id_column, *timeout), async |copy| {
            self.with(copy, stop, log).await
        });
        match comparing.await {
            Err(error) if error.kind() == ErrorKind::Stopped => {
                self.printer.note(&format!("interrupted: {}", error.what()))?;
                Ok(Verdict::Inconclusive)
            }
            done => done,
        }
    }

    async fn with(&self, copy: &dyn SurveyedPlace, stop: &Stop, log: &Logger) -> Result<Verdict> {
        let ComparisonSubject { id_column, ids, keeps, known_gaps, timeout, .. } = self.subject;
        let opening = AcrossSource::open(&self.first, id_column, *timeout, log);
        let source = stop.or(opening).await.unwrap_or_else(|| Err(interrupted()))?;
        let order = source.order((*ids, *keeps), known_gaps, stop).await?;
        let pair = source.beside(self.second, copy)?;
        let sides = ShownSides {
            first: SideTable::of(&source.first),
            second: SideTable { name: pair.name.clone(), table: pair.shown() },
            is_like: true,
            notes: vec!["values are compared as the text that PostgreSQL writes".to_owned()],
        };
        self.printer.sides(&sides, Some(&order))?;
        let fence = pair.fence(&order, *keeps, stop).await?;
        let options = options(self.arguments);
        if self.arguments.dry_run {
            let rows = source.first.size.rows_estimated;
            let plan = format!("would compare every row of both, about {rows:.0} of the source");
            self.printer.plan(&plan)?;
            return Ok(Verdict::Inconclusive);
        }
        let bar = RowBar::new(self.screen, "rows compared", source.first.size.rows_estimated);
        let mut watcher = TerminalWatcher::new(self.printer, &pair.columns, false, bar);
        let outcome = pair.compare(&fence, &options, &mut watcher, stop).await?;
        drop(watcher);
        let shown_max = options.limits.shown_max;
        self.printer.outcome(&outcome, outcome.verdict, &sides, &pair.columns, shown_max)?;
        Ok(outcome.verdict)
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Stopped, "not everything was compared")
}

//! One comparison: two sides opened, their columns compared, the fence found, the rows compared,
//! the verdict told.

use super::args::{CompareArguments, OutputFormat};
use super::hint::ReplaceableIds;
use super::journal;
use super::printer::{Printer, ShownSides};
use super::subject::ComparisonSubject;
use super::watcher::{RowBar, TerminalWatcher};
use crate::cli::progress::TerminalScreen;
use crate::error::{Error, ErrorKind, Result};
use crate::event::store::IdEnds;
use crate::event::wire::Wire;
use crate::source::ids::Discipline;
use crate::source::ids::rule::accepted_gaps;
use crate::stop::Stop;
use crate::verify::compare;
use crate::verify::compare::fence::{self, ComparisonFence};
use crate::verify::compare::journal::ComparisonJournal;
use crate::verify::compare::opening::{IdOrder, OpeningSettings, SidePair};
use crate::verify::compare::outcome::ComparisonOutcome;
use crate::verify::compare::repair_sql::RepairScript;
use crate::verify::compare::side::{ComparisonSide, SidePlace};
use crate::verify::compare::task::{ComparisonOptions, ComparisonTask, DifferenceLimits};
use crate::verify::validate::{IdRule, ValidationRules, ValidationVerdict, validate};
use crate::verify::verdict::Verdict;
use slog::Logger;
use std::cell::Cell;

/// Differences that are shown when all are counted.
const SHOWN_MAX: u64 = 100;

/// A comparison of the first side with one second side.
pub struct TableComparison<'a> {
    /// The flags.
    pub arguments: &'a CompareArguments,
    /// What is compared with what.
    pub subject: &'a ComparisonSubject,
    /// The first side, of the rows that the second one takes.
    pub first: SidePlace,
    /// The second side.
    pub second: &'a SidePlace,
    /// The command that replaces single events of it, the ids left out.
    pub replace: Option<&'a str>,
    /// How the result is told.
    pub printer: Printer,
    /// Where progress is drawn.
    pub screen: Option<&'a TerminalScreen>,
    /// Whether the first side is still to be validated: once is enough.
    pub is_first_due: &'a Cell<bool>,
}

impl TableComparison<'_> {
    /// Compares; an interruption makes it inconclusive.
    pub async fn compare(&self, stop: &Stop, log: &Logger) -> Result<Verdict> {
        match self.try_compare(stop, log).await {
            Err(error) if error.kind() == ErrorKind::Stopped => {
                self.printer.note(&format!("interrupted: {}", error.what()))?;
                Ok(Verdict::Inconclusive)
            }
            done => done,
        }
    }

    async fn try_compare(&self, stop: &Stop, log: &Logger) -> Result<Verdict> {
        let id_column = &self.subject.id_column;
        let opening = OpeningSettings {
            first: &self.first,
            second: self.second,
            id_column,
            connections: self.arguments.connections,
            timeout: self.subject.timeout,
        };
        let pair = unless(stop, SidePair::open(opening, log)).await?;
        let (ids, keeps) = (self.subject.ids, self.subject.keeps);
        let order = pair.order(id_column, (ids, keeps), &self.subject.known_gaps, stop).await?;
        let sides = ShownSides::of(&pair);
        self.printer.sides(&sides, Some(&order))?;
        let Some(columns) = pair.columns(id_column) else {
            return Ok(Verdict::Different);
        };
        let inserted = self.arguments.repair_sql.is_some().then(|| pair.inserted()).transpose()?;
        let fence = fence::find(
            &pair.first,
            &pair.second,
            &columns,
            (order.discipline.as_ref(), keeps),
            stop,
        )
        .await?;
        let options = options(self.arguments);
        let task = ComparisonTask {
            first: &pair.first,
            second: &pair.second,
            columns: &columns,
            fence: &fence,
            options: &options,
        };
        if self.arguments.dry_run {
            self.printer.plan(&compare::plan(task))?;
            return Ok(Verdict::Inconclusive);
        }
        let (outcome, replaceable) = self.rows(task, inserted, stop).await?;
        let mut verdict = outcome.verdict;
        if self.arguments.validate {
            verdict = verdict.and(self.validate(&pair, &order, &fence, stop).await?);
        }
        self.printer.outcome(&outcome, verdict, &sides, &columns, options.limits.shown_max)?;
        let hint = self.replace.and_then(|command| replaceable.hint(command, &outcome.tally));
        if let Some(hint) = hint.filter(|_| self.arguments.format == OutputFormat::Text) {
            self.printer.note(&hint)?;
        }
        if let Some(journal) = outcome.journal.as_ref().filter(|_| self.first.rows.is_none()) {
            let path = journal::leave(journal, self.arguments.resume.as_deref())?;
            self.printer.note(&format!("to go on from there: --resume {}", path.display()))?;
        } else if let Some(path) = &self.arguments.resume {
            journal::remove(path)?;
        }
        Ok(verdict)
    }

    /// Compares the rows; `inserted`: what the INSERTs give, where a script of them is wanted.
    async fn rows(
        &self,
        task: ComparisonTask<'_>,
        inserted: Option<Wire>,
        stop: &Stop,
    ) -> Result<(ComparisonOutcome, ReplaceableIds)> {
        let journal = self.arguments.resume.as_deref().map(ComparisonJournal::read).transpose()?;
        let wanted = self.arguments.repair_sql.as_ref().zip(inserted);
        let script =
            wanted.map(|(path, inserted)| RepairScript::create(path, task.second, inserted));
        let mut script = script.transpose()?;
        let needs_all = script.is_some();
        let bar = RowBar::new(self.screen, "rows compared", task.first.size.rows_estimated);
        let mut watcher = TerminalWatcher::new(self.printer, task.columns, needs_all, bar);
        let outcome = compare::compare(task, journal, &mut watcher, script.as_mut(), stop).await?;
        let replaceable = std::mem::take(&mut watcher.replaceable);
        drop(watcher);
        if let Some(script) = script {
            let is_there = script.finish(&outcome)?;
            if !is_there {
                self.printer.note(
                    "no script was written: what seems to be missing may be there, and would be \
                     there twice",
                )?;
            }
        }
        Ok((outcome, replaceable))
    }

    /// Checks each table by itself, up to its own end when the fence was found: beyond it more may
    /// come meanwhile.
    async fn validate(
        &self,
        pair: &SidePair,
        order: &IdOrder,
        fence: &ComparisonFence,
        stop: &Stop,
    ) -> Result<Verdict> {
        let (keeps, gaps) = (self.subject.keeps, &self.subject.known_gaps);
        let ids = |lowest| match order.discipline {
            Some(Discipline::Consecutive) if self.first.rows.is_none() => {
                IdRule::Consecutive(accepted_gaps(keeps, gaps, lowest))
            }
            _ => IdRule::Sequence,
        };
        let mut verdict = Verdict::Equal;
        let sides: [(&ComparisonSide, IdEnds, bool); 2] = [
            (&pair.first, fence.ends().0, self.is_first_due.replace(false)),
            (&pair.second, fence.ends().1, true),
        ];
        for (side, ends, _) in sides.into_iter().filter(|(_, _, is_due)| *is_due) {
            let through = Some(ends.highest.unwrap_or(i64::MIN));
            let rules = ValidationRules { ids: ids(ends.lowest), through };
            let session = unless(stop, side.own_session()).await?;
            let mut bar = RowBar::new(self.screen, "rows validated", side.size.rows_estimated);
            let mut progress = |rows| bar.progress(rows);
            let (table, id) = (&side.table, &self.subject.id_column);
            let validated =
                unless(stop, validate(session, table, id, &rules, &mut progress)).await?;
            drop(bar);
            self.printer.validation(&side.name, &validated)?;
            verdict = verdict.and(match validated.verdict() {
                ValidationVerdict::Valid => Verdict::Equal,
                ValidationVerdict::Invalid => Verdict::Different,
                ValidationVerdict::Inconclusive => Verdict::Inconclusive,
            });
        }
        Ok(verdict)
    }
}

/// What the flags ask of a comparison.
pub(super) fn options(arguments: &CompareArguments) -> ComparisonOptions {
    let shown_max = match (arguments.format, arguments.max_diffs) {
        _ if arguments.summary => 0,
        (_, Some(max)) => max,
        (OutputFormat::Text, None) => SHOWN_MAX,
        (OutputFormat::Jsonl, None) => u64::MAX,
    };
    ComparisonOptions {
        connections: arguments.connections,
        from: arguments.from,
        through: arguments.through,
        is_exact: arguments.exact,
        must_be_complete: arguments.complete,
        limits: DifferenceLimits { shown_max, found_max: arguments.max_diffs },
    }
}

async fn unless<T>(stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
    let stopped = || Error::new(ErrorKind::Stopped, "not everything was compared");
    stop.or(work).await.unwrap_or_else(|| Err(stopped()))
}

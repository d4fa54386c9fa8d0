//! `events-diff`: compares event tables row by row and gives a verdict.

mod across;
pub(super) mod args;
mod comparison;
mod hint;
mod journal;
mod printer;
mod subject;
mod watcher;

use super::block_on_one_thread;
use super::output::{is_unread, told};
use super::parsing::parsed;
use super::progress::TerminalScreen;
use super::signals::stop_on_signals;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::{self, LogFormat, LogStream};
use crate::stop::Stop;
use crate::verify::compare::side::SidePlace;
use crate::verify::verdict::Verdict;
use across::AcrossComparison;
use args::CompareArguments;
use comparison::TableComparison;
use printer::Printer;
use slog::{Level, Logger};
use std::cell::Cell;
use std::process::ExitCode;
use subject::{ComparedCopy, ComparisonSubject, CopyPlace};

/// What is said in the place of a verdict.
const NOT_COMPARED: &str = "none, could not compare";
/// The exit code of a comparison that could not be made.
const COULD_NOT_COMPARE: u8 = 2;

/// Runs the program; gives its exit code.
pub fn main() -> ExitCode {
    match parsed() {
        Ok(arguments) => block_on_one_thread(run(arguments)),
        Err(code) => code,
    }
}

async fn run(arguments: CompareArguments) -> u8 {
    let subject = match subject::subject(&arguments) {
        Ok(subject) => subject,
        Err(problems) => return could_not(&problems),
    };
    let screen = TerminalScreen::of_stderr();
    let frame = screen.as_ref().map(TerminalScreen::log_frame);
    let (log, guard) = log::start_within(Level::Warning, LogFormat::Auto, LogStream::Stderr, frame);
    let stop = match stop_on_signals(&log) {
        Ok(stop) => stop,
        Err(error) => return could_not(&error.into()),
    };
    let printer = Printer::new(arguments.format);
    let mut verdicts = Vec::new();
    let is_first_due = Cell::new(true);
    let series = ComparisonSeries {
        arguments: &arguments,
        subject: &subject,
        printer,
        screen: screen.as_ref(),
        is_first_due: &is_first_due,
    };
    for second in &subject.seconds {
        let compared = series.compare(second, (&stop, &log)).await;
        match compared {
            // What nobody reads is a difference: more of them would change nothing.
            Err(error) if is_unread(&error) => {
                verdicts.push(Some(Verdict::Different));
                break;
            }
            Err(error) if error.kind() == ErrorKind::Output => return untold(error),
            verdict => verdicts.push(verdict.map_err(|error| told(&error.into())).ok()),
        }
        if let (2.., Some(verdict)) = (subject.seconds.len(), verdicts.last()) {
            let verdict =
                verdict.map_or_else(|| NOT_COMPARED.to_owned(), |verdict| verdict.to_string());
            if let Err(error) = printer.note(&format!("{}: {verdict}", second.place.name())) {
                return untold(error);
            }
        }
    }
    drop((log, guard));
    let (verdict, code) = if arguments.dry_run && verdicts.iter().all(Option::is_some) {
        ("none, dry run".to_owned(), 0)
    } else {
        of_all(&verdicts)
    };
    match printer.verdict(&verdict, code) {
        Ok(()) => code,
        Err(error) => untold(error),
    }
}

/// All comparisons of a run.
#[derive(Clone, Copy)]
struct ComparisonSeries<'a> {
    arguments: &'a CompareArguments,
    subject: &'a ComparisonSubject,
    printer: Printer,
    screen: Option<&'a TerminalScreen>,
    is_first_due: &'a Cell<bool>,
}

impl ComparisonSeries<'_> {
    /// Compares one copy, as its kind can be.
    async fn compare(&self, copy: &ComparedCopy, (stop, log): (&Stop, &Logger)) -> Result<Verdict> {
        let Self { arguments, subject, printer, screen, is_first_due } = *self;
        let first = SidePlace { rows: copy.takes.clone(), ..subject.first.clone() };
        match &copy.place {
            CopyPlace::Postgres(second) => {
                let replace = copy.replace.as_deref();
                let comparison = TableComparison {
                    arguments,
                    subject,
                    first,
                    second,
                    replace,
                    printer,
                    screen,
                    is_first_due,
                };
                comparison.compare(stop, log).await
            }
            CopyPlace::Elsewhere(second) => {
                let comparison =
                    AcrossComparison { arguments, subject, first, second, printer, screen };
                comparison.compare(stop, log).await
            }
        }
    }
}

/// A result that could not be written; what came of the comparison is not told then.
fn untold(error: Error) -> u8 {
    told(&error.into());
    COULD_NOT_COMPARE
}

/// Wrong usage, before anything was compared.
fn could_not(problems: &Problems) -> u8 {
    told(problems);
    COULD_NOT_COMPARE
}

/// What all comparisons together came to; `None` is one that could not be made. A difference
/// outweighs it, since it is certain.
fn of_all(verdicts: &[Option<Verdict>]) -> (String, u8) {
    let known = verdicts.iter().flatten().copied().reduce(Verdict::and);
    let is_incomplete = verdicts.iter().any(Option::is_none);
    match known {
        Some(verdict) if !is_incomplete || verdict == Verdict::Different => {
            (verdict.to_string(), verdict.exit_code())
        }
        _ => (NOT_COMPARED.to_owned(), COULD_NOT_COMPARE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_all_comparisons_gives_the_exit_code() {
        let code = |verdicts: &[Option<Verdict>]| of_all(verdicts).1;
        assert_eq!(code(&[Some(Verdict::Equal), Some(Verdict::Equal)]), 0);
        assert_eq!(code(&[Some(Verdict::Equal), Some(Verdict::Inconclusive)]), 3);
        assert_eq!(code(&[Some(Verdict::Equal), None]), 2);
        assert_eq!(code(&[None, Some(Verdict::Inconclusive)]), 2);
        assert_eq!(code(&[None, Some(Verdict::Different)]), 1);
        assert_eq!(code(&[None]), 2);
    }
}

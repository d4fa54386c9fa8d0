//! What `events-diff` prints: text for a person, or one JSON object a line.

use super::args::OutputFormat;
use crate::cli::output::{OutputReader, line, line_to_reader};
use crate::error::{Error, Result};
use crate::event::range::shown as shown_id;
use crate::log::escape::{escaped, fit, fit_lines};
use crate::verify::compare::opening::{IdOrder, SidePair};
use crate::verify::compare::outcome::ComparisonOutcome;
use crate::verify::compare::schema::SchemaComparison;
use crate::verify::compare::side::{ComparisonSide, SharedColumns};
use crate::verify::show::lines::{self, ByColumn, DifferenceCounts, SummaryLine, json_line};
use crate::verify::show::{self, ShownDifference};
use crate::verify::validate::Validation;
use crate::verify::verdict::Verdict;
use serde::Serialize;
use std::io::IsTerminal;

#[derive(Serialize)]
struct ComparisonLine<'a> {
    first: &'a SideTable,
    second: &'a SideTable,
    columns: &'static str,
    schema_notes: &'a [String],
    ids: Option<&'a str>,
}

/// A side as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct SideTable {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub table: String,
}

/// Both sides of a comparison as they are shown, and what came of comparing their columns.
#[derive(Clone, Debug)]
pub struct ShownSides {
    /// The truth.
    pub first: SideTable,
    /// What is compared with it.
    pub second: SideTable,
    /// Whether rows can be compared.
    pub is_like: bool,
    /// What is not the same.
    pub notes: Vec<String>,
}

impl ShownSides {
    /// Two tables of PostgreSQL.
    pub fn of(pair: &SidePair) -> Self {
        let (is_like, notes) = schema(pair);
        let (first, second) = (SideTable::of(&pair.first), SideTable::of(&pair.second));
        Self { first, second, is_like, notes }
    }
}

impl SideTable {
    /// A table of PostgreSQL.
    pub fn of(side: &ComparisonSide) -> Self {
        Self { name: side.name.clone(), table: side.shown() }
    }
}

#[derive(Serialize)]
struct PlanLine<'a> {
    plan: &'a str,
}

#[derive(Serialize)]
struct NoteLine<'a> {
    note: &'a str,
}

#[derive(Serialize)]
struct VerdictLine<'a> {
    verdict: &'a str,
    exit_code: u8,
}

/// Prints in one of two forms.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    format: OutputFormat,
    has_colour: bool,
}

impl Printer {
    /// For this form; coloured where a person looks at it and did not ask for none (`NO_COLOR`).
    pub fn new(format: OutputFormat) -> Self {
        let is_colour_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { format, has_colour: std::io::stdout().is_terminal() && !is_colour_refused }
    }

    /// Both sides, what the comparison of their columns came to, and how ids are given out.
    ///
    /// # Errors
    /// `Output`, as all of these, when it cannot be written.
    pub fn sides(self, sides: &ShownSides, order: Option<&IdOrder>) -> Result<()> {
        let ShownSides { first, second, is_like, notes } = sides;
        let ids = order.map(|order| order.reason.as_str());
        if self.format == OutputFormat::Jsonl {
            let comparison = ComparisonLine {
                first,
                second,
                columns: if *is_like { "alike" } else { "unlike" },
                schema_notes: notes,
                ids,
            };
            return line(&json_line("comparison", &comparison));
        }
        for side in [first, second] {
            line(&fit(&format!("{}: {}", side.name, side.table)))?;
        }
        let word = match (is_like, notes.is_empty()) {
            (true, true) => "the same",
            (true, false) => "comparable, but not quite the same",
            (false, _) => "different: rows cannot be compared",
        };
        line(&format!("columns: {word}"))?;
        notes.iter().try_for_each(|note| line(&format!("  {}", fit(note))))?;
        ids.map_or(Ok(()), |ids| line(&fit(&format!("ids: {ids}"))))
    }

    /// One difference; tells whether it is read.
    pub(crate) fn difference(
        self,
        shown: &ShownDifference,
        columns: &SharedColumns,
    ) -> Result<OutputReader> {
        line_to_reader(&match self.format {
            OutputFormat::Text => show::text(shown, &columns.compared, self.has_colour),
            OutputFormat::Jsonl => lines::difference(shown, &columns.compared),
        })
    }

    /// What the validation of one table came to.
    pub(crate) fn validation(self, name: &str, validation: &Validation) -> Result<()> {
        match self.format {
            OutputFormat::Text => told(&format!("{name}: {validation}")),
            OutputFormat::Jsonl => line(&validation.json_line(name)),
        }
    }

    /// What a dry run would compare.
    pub fn plan(self, plan: &str) -> Result<()> {
        match self.format {
            OutputFormat::Text => told(plan),
            OutputFormat::Jsonl => line(&json_line("plan", &PlanLine { plan })),
        }
    }

    /// Something a person should know on the way.
    pub fn note(self, note: &str) -> Result<()> {
        match self.format {
            OutputFormat::Text => line(&fit(note)),
            OutputFormat::Jsonl => line(&json_line("note", &NoteLine { note })),
        }
    }

    /// What was compared and what came of it. As JSON with the verdict, which a person is told
    /// last.
    pub fn outcome(
        self,
        outcome: &ComparisonOutcome,
        verdict: Verdict,
        sides: &ShownSides,
        columns: &SharedColumns,
        shown_max: u64,
    ) -> Result<()> {
        if self.format == OutputFormat::Jsonl {
            return line(&json_line("summary", &summary(outcome, verdict, sides, columns)));
        }
        let (first, second) = (&sides.first.name, &sides.second.name);
        let what = outcome.range.map_or_else(|| "no row".to_owned(), |range| range.to_string());
        told(&format!(
            "compared: {what}: {} rows of {first}, {} of {second}{}",
            outcome.rows.0,
            outcome.rows.1,
            by_others(outcome)
        ))?;
        if outcome.differences() > 0 {
            line(&format!("differences: {}", differences(outcome, columns)))?;
        }
        if outcome.tally.total() > shown_max && shown_max > 0 {
            line(&format!("shown: the first {shown_max}; --format jsonl shows all"))?;
        }
        let (ours, theirs) = outcome.without_id;
        if (ours, theirs) != (0, 0) {
            told(&format!(
                "without an id: {ours} rows of {first}, {theirs} of {second}: such rows are never \
                 copied"
            ))?;
        }
        let above = shown_id(outcome.pending_above);
        for (rows, name) in [(outcome.pending.0, first), (outcome.pending.1, second)] {
            if rows > 0 {
                told(&format!("pending: {rows} rows of {name} above id {above}"))?;
            }
        }
        outcome
            .skipped
            .iter()
            .try_for_each(|skipped| line(&format!("not certain: {}", fit(skipped))))?;
        outcome.notes.iter().try_for_each(|note| line(&format!("note: {}", fit(note))))
    }

    /// The last line: what all comparisons together came to.
    pub fn verdict(self, verdict: &str, exit_code: u8) -> Result<()> {
        match self.format {
            OutputFormat::Text => line(&format!("verdict: {verdict}")),
            OutputFormat::Jsonl => line(&json_line("verdict", &VerdictLine { verdict, exit_code })),
        }
    }
}

/// A line of ours that may name what a server or a file named.
fn told(text: &str) -> Result<()> {
    line(&fit_lines(text))
}

fn schema(pair: &SidePair) -> (bool, Vec<String>) {
    match &pair.schema {
        SchemaComparison::Like { notes, .. } => (true, notes.clone()),
        SchemaComparison::Unlike(problems) => (false, problems.iter().map(with_causes).collect()),
    }
}

/// What of it was compared by earlier runs.
fn by_others(outcome: &ComparisonOutcome) -> String {
    let runs = outcome.earlier_runs().into_iter();
    runs.map(|run| {
        format!("; of these {} and {} by a run of {}", run.rows.first, run.rows.second, run.began)
    })
    .collect()
}

fn with_causes(problem: &Error) -> String {
    let parts: Vec<&str> = std::iter::once(problem.what())
        .chain(problem.causes().iter().map(String::as_str))
        .collect();
    parts.join("; ")
}

fn differences(outcome: &ComparisonOutcome, columns: &SharedColumns) -> String {
    let tally = &outcome.tally;
    let classes = [
        (tally.missing, "missing"),
        (tally.extra, "extra"),
        (tally.changed, "changed"),
        (tally.representation, "changed in representation only"),
        (outcome.without_id.0.abs_diff(outcome.without_id.1), "without an id"),
    ];
    let named =
        classes.iter().filter(|(rows, _)| *rows > 0).map(|(rows, class)| format!("{rows} {class}"));
    let by_column: Vec<String> = columns
        .compared
        .iter()
        .zip(&tally.by_column)
        .filter(|(_, rows)| **rows > 0)
        .map(|(column, rows)| format!("{} in {rows}", escaped(&column.name)))
        .collect();
    let mut text = named.collect::<Vec<_>>().join(", ");
    if !by_column.is_empty() {
        text.push_str(&format!(" ({})", by_column.join(", ")));
    }
    text
}

fn summary<'a>(
    outcome: &'a ComparisonOutcome,
    verdict: Verdict,
    sides: &ShownSides,
    columns: &'a SharedColumns,
) -> SummaryLine<'a> {
    let names = columns.compared.iter().map(|column| column.name.as_str());
    SummaryLine {
        verdict,
        fence: outcome.end,
        rows: outcome.rows.into(),
        earlier_runs: outcome.earlier_runs(),
        rows_without_id: outcome.without_id.into(),
        pending: outcome.pending.0,
        pending_second: outcome.pending.1,
        differences: DifferenceCounts::of(&outcome.tally, outcome.without_id.into()),
        by_column: ByColumn(names.zip(outcome.tally.by_column.iter().copied()).collect()),
        schema_notes: sides.notes.clone(),
        skipped: &outcome.skipped,
        problems: &outcome.notes,
    }
}

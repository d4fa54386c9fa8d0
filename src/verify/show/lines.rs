//! Differences and their summary as JSON lines: one object a line, for programs.

use super::{RowText, ShownDifference, ValueText, paths_of};
use crate::log::escape::escaped_json;
use crate::verify::class::ComparedColumn;
use crate::verify::difference::{DifferenceClass, DifferenceTally};
use crate::verify::json::path::PathChange;
use crate::verify::verdict::Verdict;
use serde::{Serialize, Serializer};

/// Stands in every line, so that each can be read alone; another number when a field changes its
/// meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// How every line begins, and what it is about.
#[derive(Serialize)]
struct JsonLine<'a, T> {
    #[serde(rename = "type")]
    of: &'a str,
    schema_version: u32,
    #[serde(flatten)]
    content: &'a T,
}

/// What a comparison of one table came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SummaryLine<'a> {
    /// What came of it.
    pub verdict: Verdict,
    /// The highest id that was to be compared: the fence, or with `--complete` the end of both
    /// sides; `None` for no bound.
    pub fence: Option<i64>,
    /// Rows that were compared.
    pub rows: SideRows,
    /// What earlier runs have compared.
    pub earlier_runs: Vec<EarlierRun>,
    /// Rows without an id.
    pub rows_without_id: SideRows,
    /// Rows of the first side beyond the fence, which are on their way.
    pub pending: u64,
    /// And of the second.
    pub pending_second: u64,
    /// Differences by class.
    pub differences: DifferenceCounts,
    /// Differences by column.
    pub by_column: ByColumn<'a, u64>,
    /// How the definitions of the tables differ.
    pub schema_notes: Vec<String>,
    /// What was not compared.
    pub skipped: &'a [String],
    /// What went wrong.
    pub problems: &'a [String],
}

/// So many rows of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SideRows {
    /// Of the first.
    pub first: u64,
    /// Of the second.
    pub second: u64,
}

/// What another run has compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EarlierRun {
    /// When it began.
    pub began: String,
    /// Up to which id.
    pub through: i64,
    /// How many rows.
    pub rows: SideRows,
}

/// How many differences, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceCounts {
    total: u64,
    missing: u64,
    extra: u64,
    changed: u64,
    representation: u64,
    without_id: u64,
}

/// A value for each of some columns, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByColumn<'a, T>(pub Vec<(&'a str, T)>);

/// A row that differs.
#[derive(Serialize)]
struct DifferenceLine<'a> {
    id: i64,
    class: &'static str,
    columns: Vec<&'a str>,
    paths: Vec<PathDifference<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    paths_more: usize,
    first: Option<ByColumn<'a, Option<&'a str>>>,
    #[serde(skip_serializing_if = "ByColumn::is_empty")]
    first_cut: ByColumn<'a, u64>,
    second: Option<ByColumn<'a, Option<&'a str>>>,
    #[serde(skip_serializing_if = "ByColumn::is_empty")]
    second_cut: ByColumn<'a, u64>,
}

/// Where a JSON column differs.
#[derive(Serialize)]
struct PathDifference<'a> {
    column: &'a str,
    path: String,
    kind: PathChange,
}

impl From<(u64, u64)> for SideRows {
    fn from((first, second): (u64, u64)) -> Self {
        Self { first, second }
    }
}

impl DifferenceCounts {
    /// Of these, and of rows of each side without an id.
    pub fn of(tally: &DifferenceTally, without_id: SideRows) -> Self {
        let without_id = without_id.first.abs_diff(without_id.second);
        Self {
            total: tally.total() + without_id,
            missing: tally.missing,
            extra: tally.extra,
            changed: tally.changed,
            representation: tally.representation,
            without_id,
        }
    }
}

impl<T> ByColumn<'_, T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for ByColumn<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(column, value)| (column, value)))
    }
}

/// One line of some type, without a line feed, that can be looked at in a terminal.
pub fn json_line(of: &str, content: &impl Serialize) -> String {
    let line = JsonLine { of, schema_version: SCHEMA_VERSION, content };
    let json = serde_json::to_string(&line).expect("every line is an object whose keys are words");
    escaped_json(&json).into_owned()
}

/// A difference as one line, without a line feed.
///
/// Values stand there as strings of their exact text, those of JSON columns too, so that no reader
/// alters them; NULL as null. Values that were cut are listed under `first_cut` and `second_cut`
/// with the bytes of the whole value. `paths` tells where JSON columns differ; `paths_more` how
/// many were left out.
pub fn difference(shown: &ShownDifference, columns: &[ComparedColumn]) -> String {
    let (class, differing): (_, &[usize]) = match &shown.difference.class {
        DifferenceClass::Missing => ("missing", &[]),
        DifferenceClass::Extra => ("extra", &[]),
        DifferenceClass::Changed(change) if change.is_representation_only => {
            ("representation", &change.columns)
        }
        DifferenceClass::Changed(change) => ("changed", &change.columns),
    };
    let (paths, paths_more) = paths(shown, differing, columns);
    let line = DifferenceLine {
        id: shown.difference.id,
        class,
        columns: differing.iter().filter_map(|at| Some(columns.get(*at)?.name.as_str())).collect(),
        paths,
        paths_more,
        first: shown.first.as_ref().map(|row| texts(row, columns)),
        first_cut: cuts(shown.first.as_ref(), columns),
        second: shown.second.as_ref().map(|row| texts(row, columns)),
        second_cut: cuts(shown.second.as_ref(), columns),
    };
    json_line("difference", &line)
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn paths<'a>(
    shown: &ShownDifference,
    differing: &[usize],
    columns: &'a [ComparedColumn],
) -> (Vec<PathDifference<'a>>, usize) {
    let (mut all, mut more) = (Vec::new(), 0);
    for column_at in differing {
        let Some(column) = columns.get(*column_at) else { continue };
        let found = paths_of(shown, *column_at, column).unwrap_or_default();
        all.extend(found.first.into_iter().map(|(path, kind)| PathDifference {
            column: &column.name,
            path,
            kind,
        }));
        more += found.more;
    }
    (all, more)
}

fn texts<'a>(row: &'a RowText, columns: &'a [ComparedColumn]) -> ByColumn<'a, Option<&'a str>> {
    let values = row.values.iter().map(|value| value.as_ref().map(|value| value.text.as_str()));
    ByColumn(names(columns).zip(values).collect())
}

fn cuts<'a>(row: Option<&'a RowText>, columns: &'a [ComparedColumn]) -> ByColumn<'a, u64> {
    let values = row.map(|row| row.values.as_slice()).unwrap_or_default();
    let cut_bytes = |value: &Option<ValueText>| {
        value.as_ref().filter(|value| value.is_cut).map(|value| value.bytes)
    };
    let cut =
        names(columns).zip(values).filter_map(|(name, value)| Some((name, cut_bytes(value)?)));
    ByColumn(cut.collect())
}

fn names(columns: &[ComparedColumn]) -> impl Iterator<Item = &str> {
    columns.iter().map(|column| column.name.as_str())
}

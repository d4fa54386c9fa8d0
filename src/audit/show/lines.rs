//! Differences and their summary as JSON lines: one object a line, for programs.

use super::{RowText, Shown, paths_of};
use crate::audit::class::ComparedColumn;
use crate::audit::difference::{Class, Tally};
use crate::log::escape::escaped_json;
use serde_json::{Map, Value, json};

/// Stands in every line, so that each can be read alone; another number when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// What a comparison of one table came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// `equal`, `different` or `inconclusive`.
    pub verdict: String,
    /// How the definitions of the tables differ.
    pub schema_notes: Vec<String>,
    /// The highest id that was to be compared: the fence, or with `--complete` the end of both sides; `None` for no bound.
    pub fence: Option<i64>,
    /// Rows of the first side that were compared.
    pub rows_first: u64,
    /// Rows of the second side that were compared.
    pub rows_second: u64,
    /// Rows of each side without an id.
    pub without_id: (u64, u64),
    /// What earlier runs have compared: when each began, up to which id, and how many rows of each side.
    pub earlier: Vec<(String, i64, (u64, u64))>,
    /// Rows of each side beyond the fence, which are on their way.
    pub pending: (u64, u64),
    /// Differences by class, and by column in the order of `columns`.
    pub tally: Tally,
    /// Names of the columns that were compared.
    pub columns: Vec<String>,
    /// What was not compared.
    pub skipped: Vec<String>,
    /// What went wrong.
    pub problems: Vec<String>,
}

/// A difference as one line, without a line feed.
///
/// Values stand there as strings of their exact text, those of JSON columns too, so that no reader alters them; NULL as null. Values that were cut are listed under
/// `first_cut` and `second_cut` with the bytes of the whole value. `paths` tells where JSON columns differ; `paths_more` how many were left out.
pub fn difference(shown: &Shown, columns: &[ComparedColumn]) -> String {
    let (class, differing): (_, &[usize]) = match &shown.difference.class {
        Class::Missing => ("missing", &[]),
        Class::Extra => ("extra", &[]),
        Class::Changed(change) if change.is_representation_only => ("representation", &change.columns),
        Class::Changed(change) => ("changed", &change.columns),
    };
    let names: Vec<&str> = differing.iter().filter_map(|at| Some(columns.get(*at)?.name.as_str())).collect();
    let (paths, paths_more) = paths(shown, differing, columns);
    let mut line = object("difference");
    line.insert("id".to_owned(), json!(shown.difference.id));
    line.insert("class".to_owned(), json!(class));
    line.insert("columns".to_owned(), json!(names));
    line.insert("paths".to_owned(), Value::Array(paths));
    if paths_more > 0 {
        line.insert("paths_more".to_owned(), json!(paths_more));
    }
    for (key, row) in [("first", &shown.first), ("second", &shown.second)] {
        line.insert(key.to_owned(), row.as_ref().map_or(Value::Null, |row| texts(row, columns)));
        let cut = row.as_ref().map(|row| cuts(row, columns)).unwrap_or_default();
        if !cut.is_empty() {
            line.insert(format!("{key}_cut"), Value::Object(cut));
        }
    }
    written(line)
}

/// The summary as one line, without a line feed.
pub fn summary(summary: &Summary) -> String {
    let tally = &summary.tally;
    let by_column: Map<String, Value> = summary
        .columns
        .iter()
        .cloned()
        .zip(tally.by_column.iter().map(|rows| json!(rows)))
        .collect();
    let mut line = object("summary");
    let fields = [
        ("verdict", json!(summary.verdict)),
        ("fence", json!(summary.fence)),
        ("rows", json!({"first": summary.rows_first, "second": summary.rows_second})),
        ("earlier_runs", summary.earlier.iter().map(earlier).collect()),
        (
            "rows_without_id",
            json!({"first": summary.without_id.0, "second": summary.without_id.1}),
        ),
        ("pending", json!(summary.pending.0)),
        ("pending_second", json!(summary.pending.1)),
        (
            "differences",
            json!({
                "total": tally.total() + summary.without_id.0.abs_diff(summary.without_id.1),
                "missing": tally.missing,
                "extra": tally.extra,
                "changed": tally.changed,
                "representation": tally.representation,
                "without_id": summary.without_id.0.abs_diff(summary.without_id.1),
            }),
        ),
        ("by_column", Value::Object(by_column)),
        ("schema_notes", json!(summary.schema_notes)),
        ("skipped", json!(summary.skipped)),
        ("problems", json!(summary.problems)),
    ];
    line.extend(fields.map(|(key, value)| (key.to_owned(), value)));
    written(line)
}

fn earlier((began, through, rows): &(String, i64, (u64, u64))) -> Value {
    json!({"began": began, "through": through, "rows": {"first": rows.0, "second": rows.1}})
}

/// The beginning of a line of some type.
pub(in crate::audit) fn object(of: &str) -> Map<String, Value> {
    let head = [("type", json!(of)), ("schema_version", json!(SCHEMA_VERSION))];
    head.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

/// An object as one line that can be looked at in a terminal.
pub(in crate::audit) fn written(line: Map<String, Value>) -> String {
    escaped_json(&Value::Object(line).to_string()).into_owned()
}

fn paths(shown: &Shown, differing: &[usize], columns: &[ComparedColumn]) -> (Vec<Value>, usize) {
    let (mut all, mut more) = (Vec::new(), 0);
    for at in differing {
        let Some(column) = columns.get(*at) else { continue };
        let found = paths_of(shown, *at, column).unwrap_or_default();
        let place =
            |(path, kind): &(String, _)| json!({"column": column.name, "path": path, "kind": crate::audit::json::path::Kind::word(*kind)});
        all.extend(found.first.iter().map(place));
        more += found.more;
    }
    (all, more)
}

fn texts(row: &RowText, columns: &[ComparedColumn]) -> Value {
    let value =
        |(column, value): (&ComparedColumn, &Option<super::Text>)| (column.name.clone(), json!(value.as_ref().map(|value| &value.text)));
    Value::Object(columns.iter().zip(&row.values).map(value).collect())
}

fn cuts(row: &RowText, columns: &[ComparedColumn]) -> Map<String, Value> {
    let cut = |(column, value): (&ComparedColumn, &Option<super::Text>)| {
        let value = value.as_ref().filter(|value| value.is_cut)?;
        Some((column.name.clone(), json!(value.bytes)))
    };
    columns.iter().zip(&row.values).filter_map(cut).collect()
}

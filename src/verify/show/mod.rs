//! One difference as a person reads it, and all of them as JSON lines. Nothing here prints.

mod diff;
pub mod lines;
mod shown;
mod value;

use crate::log::escape::escaped;
use crate::verify::class::ComparedColumn;
use crate::verify::difference::{DifferenceClass, RowChange};
use crate::verify::json::path::{DifferingPaths, PathChange, paths};

pub use shown::{RowText, ShownDifference, ValueText};

use shown::is_json;

/// Lines of one difference; more are counted.
const LINES_MAX: usize = 200;

/// Shows a difference: a line with its class, its id and what differs, then for each column the
/// lines that differ, signed `-` and `+` as in a unified diff, of JSON in a layout with a line for
/// each member. With `colour` it has ANSI sequences, and none but ours: whatever could write to a
/// terminal is escaped.
///
/// Has no line feed at its end. At most `LINES_MAX` lines and then how many were left out.
pub fn text(shown: &ShownDifference, columns: &[ComparedColumn], colour: bool) -> String {
    let mut lines = vec![head(shown, columns)];
    match (&shown.difference.class, &shown.first, &shown.second) {
        (DifferenceClass::Missing, Some(row), _) => {
            lines.extend(value::row(row, columns, diff::LineSign::Minus, colour))
        }
        (DifferenceClass::Extra, _, Some(row)) => {
            lines.extend(value::row(row, columns, diff::LineSign::Plus, colour))
        }
        (DifferenceClass::Changed(change), Some(first), Some(second)) => {
            for (column, first, second) in differing(change, first, second, columns) {
                lines.extend(value::change(column, first, second, colour));
            }
        }
        _ => lines.push("  its values were not read".to_owned()),
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("  … and {more} more lines"));
    }
    lines.join("\n")
}

fn head(shown: &ShownDifference, columns: &[ComparedColumn]) -> String {
    let id = shown.difference.id;
    let change = match &shown.difference.class {
        DifferenceClass::Missing => return format!("missing  id {id}"),
        DifferenceClass::Extra => return format!("extra  id {id}"),
        DifferenceClass::Changed(change) => change,
    };
    let names = change.columns.iter().filter_map(|at| Some((*at, columns.get(*at)?)));
    let names: Vec<String> = names.map(|(at, column)| named(shown, at, column)).collect();
    let note =
        if change.is_representation_only { " (only the representation differs)" } else { "" };
    format!("changed  id {id}: {}{note}", names.join(", "))
}

/// A column that differs, with the paths at which it does.
fn named(shown: &ShownDifference, at: usize, column: &ComparedColumn) -> String {
    let name = escaped(&column.name);
    let told = paths_of(shown, at, column).unwrap_or_default();
    let path = |(path, kind): &(String, PathChange)| match kind {
        PathChange::Changed => path.clone(),
        kind => format!("{path} {}", kind.word()),
    };
    let mut places: Vec<String> =
        told.first.iter().map(path).filter(|place| !place.is_empty()).collect();
    if told.more > 0 {
        places.push(format!("and {} more", told.more));
    }
    if places.is_empty() {
        name.into_owned()
    } else {
        format!("{name} ({})", escaped(places.join(", ").trim_start()))
    }
}

/// Where a JSON column differs; `None` where that cannot be told.
fn paths_of(shown: &ShownDifference, at: usize, column: &ComparedColumn) -> Option<DifferingPaths> {
    let value =
        |row: &Option<RowText>| row.as_ref()?.values.get(at)?.clone().filter(|text| !text.is_cut);
    let (first, second) = (value(&shown.first)?, value(&shown.second)?);
    if is_json(column) { paths(&first.text, &second.text) } else { None }
}

type DifferingColumn<'a> = (&'a ComparedColumn, Option<&'a ValueText>, Option<&'a ValueText>);

fn differing<'a>(
    change: &'a RowChange,
    first: &'a RowText,
    second: &'a RowText,
    columns: &'a [ComparedColumn],
) -> impl Iterator<Item = DifferingColumn<'a>> {
    let column = |at: &usize| {
        let (first, second) = (first.values.get(*at)?, second.values.get(*at)?);
        Some((columns.get(*at)?, first.as_ref(), second.as_ref()))
    };
    change.columns.iter().filter_map(column)
}

#[cfg(test)]
mod tests;

//! The values of a row, and how two of them differ, as lines.

use super::diff::{LineSign, hunks, line};
use super::shown::{RowText, ValueText, is_json};
use crate::log::escape::escaped;
use crate::verify::class::ComparedColumn;
use crate::verify::json::pretty::pretty;

/// All columns of a row that only one side has.
pub(super) fn row(
    row: &RowText,
    columns: &[ComparedColumn],
    sign: LineSign,
    colour: bool,
) -> Vec<String> {
    let column = |(column, value): (&ComparedColumn, &Option<ValueText>)| {
        let value = value.as_ref();
        let mut lines = vec![title(column)];
        lines.extend(laid_out(column, value).iter().map(|text| line(sign, text, colour)));
        lines.extend(value.filter(|value| value.is_cut).map(|value| cut("it", value)));
        lines
    };
    columns.iter().zip(&row.values).flat_map(column).collect()
}

/// What a column had and has.
pub(super) fn change(
    column: &ComparedColumn,
    first: Option<&ValueText>,
    second: Option<&ValueText>,
    colour: bool,
) -> Vec<String> {
    let mut lines = vec![title(column)];
    let (old, new) = (laid_out(column, first), laid_out(column, second));
    let is_text_equal = first.map(|first| &first.text) == second.map(|second| &second.text);
    if old != new {
        lines.extend(hunks(&strs(&old), &strs(&new), colour));
    } else if !is_text_equal {
        let (old, new) = (raw(first), raw(second));
        lines.extend(hunks(&strs(&old), &strs(&new), colour));
        lines.push("  only the representation differs".to_owned());
    } else {
        lines.push("  what is shown of both is equal: they differ further on".to_owned());
    }
    let sides = [("the first", first), ("the second", second)];
    lines.extend(
        sides
            .iter()
            .filter_map(|(which, value)| Some(cut(which, value.filter(|value| value.is_cut)?))),
    );
    lines
}

fn strs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

fn title(column: &ComparedColumn) -> String {
    format!("  {}", escaped(&column.name))
}

fn cut(which: &str, value: &ValueText) -> String {
    format!("  of {which} {} of {} bytes are shown", value.text.len(), value.bytes)
}

fn laid_out(column: &ComparedColumn, value: Option<&ValueText>) -> Vec<String> {
    match value {
        Some(value) if is_json(column) => pretty(&value.text),
        Some(value) => plain(&value.text).split('\n').map(str::to_owned).collect(),
        None => raw(None),
    }
}

fn raw(value: Option<&ValueText>) -> Vec<String> {
    let lines = value.map_or("NULL", |value| &value.text);
    lines.split('\n').map(str::to_owned).collect()
}

/// A value that could be taken for something else, or of which a part could not be seen, stands in
/// quotes.
fn plain(text: &str) -> String {
    let is_quoted = text.is_empty()
        || text == "NULL"
        || text.starts_with(['\'', ' '])
        || text.ends_with(['\'', ' ']);
    if is_quoted { format!("'{text}'") } else { text.to_owned() }
}

//! A value as a form shows it in a text, and as a person writes it in TOML.

use crate::config::keys::ValueType;
use toml_edit::{Array, InlineTable, Item, Value};

/// Stands in a form for a text without a character: an empty field is a key that is not written.
const EMPTY_TEXT: &str = "\"\"";
/// Stands in a form for a list without an item.
const EMPTY_LIST: &str = "[]";

/// Whether a key takes a list, or several lines in a form.
pub(super) fn is_of_lines(of: ValueType) -> bool {
    matches!(
        of,
        ValueType::TableNames
            | ValueType::IdRanges
            | ValueType::Names
            | ValueType::Texts
            | ValueType::CommandLine
            | ValueType::NamePairs
    )
}

/// What a form shows of a value; `None`: it is written in a way that a form cannot show.
pub(super) fn shown(item: &Item, of: ValueType) -> Option<String> {
    match item.as_value()? {
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Boolean(is_true) => Some(is_true.value().to_string()),
        Value::String(text) if is_of_lines(of) => shown_item(text.value()),
        Value::String(text) => shown_text(text.value()),
        Value::Array(items) if is_of_lines(of) && !matches!(of, ValueType::NamePairs) => {
            let lines: Option<Vec<String>> = items.iter().map(shown_in_list).collect();
            lines.map(|lines| in_lines(&lines, EMPTY_LIST))
        }
        Value::InlineTable(pairs) if matches!(of, ValueType::NamePairs) => {
            let lines: Option<Vec<String>> = pairs.iter().map(|(key, to)| pair(key, to)).collect();
            lines.map(|lines| in_lines(&lines, EMPTY_LIST))
        }
        _ => None,
    }
}

fn in_lines(lines: &[String], empty: &str) -> String {
    if lines.is_empty() { empty.to_owned() } else { lines.join("\n") }
}

fn shown_text(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(EMPTY_TEXT.to_owned());
    }
    let is_shown = text != EMPTY_TEXT && !text.contains(char::is_control);
    is_shown.then(|| text.to_owned())
}

/// A text that has a line of a form to itself.
fn shown_item(text: &str) -> Option<String> {
    shown_text(text).filter(|shown| shown.trim() == shown && shown != EMPTY_LIST)
}

fn shown_in_list(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => shown_item(text.value()),
        Value::Integer(number) => Some(number.value().to_string()),
        _ => None,
    }
}

fn pair(key: &str, to: &Value) -> Option<String> {
    let to = to.as_str()?;
    let is_plain = |name: &str| shown_item(name).is_some() && !name.is_empty();
    (is_plain(key) && is_plain(to) && !key.contains('=')).then(|| format!("{key} = {to}"))
}

/// A value as a person writes it. What a key does not take is written as a text, and the reader of
/// the file tells what is wrong with it.
///
/// # Errors
/// In words: what cannot be written at all.
pub(super) fn written(text: &str, of: ValueType) -> Result<Value, &'static str> {
    let text = text.trim_end_matches(['\r', '\n']);
    let number = || text.trim().parse::<i64>().map_or_else(|_| texted(text), Value::from);
    Ok(match of {
        ValueType::Integer(_) | ValueType::Port => number(),
        ValueType::Boolean => {
            text.trim().parse::<bool>().map_or_else(|_| texted(text), Value::from)
        }
        ValueType::NamePairs => Value::InlineTable(pairs(text)?),
        ValueType::TableNames if lines(text).len() == 1 && text.trim() != EMPTY_LIST => {
            texted(lines(text)[0])
        }
        _ if is_of_lines(of) => Value::Array(list(text)),
        _ => texted(text),
    })
}

fn texted(text: &str) -> Value {
    Value::from(if text == EMPTY_TEXT { "" } else { text })
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn list(text: &str) -> Array {
    if text.trim() == EMPTY_LIST {
        return Array::new();
    }
    lines(text).into_iter().map(texted).collect()
}

fn pairs(text: &str) -> Result<InlineTable, &'static str> {
    let mut pairs = InlineTable::new();
    if text.trim() == EMPTY_LIST {
        return Ok(pairs);
    }
    for line in lines(text) {
        let Some((from, to)) = line.split_once('=') else {
            return Err("write one pair a line, as in event = payload");
        };
        if pairs.insert(from.trim(), Value::from(to.trim())).is_some() {
            return Err("a name stands twice on the left");
        }
    }
    Ok(pairs)
}

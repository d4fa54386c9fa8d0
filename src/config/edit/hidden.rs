//! A file as a page may show it: without the secrets that stand in it.

use super::secrets::is_variable_alone;
use crate::config::keys;
use crate::config::kinds;
use crate::log::secrets::{discreet, discreet_argument};
use toml_edit::{Document, Item, TableLike, Value};

/// Stands in the place of a secret.
const HIDDEN: &str = "…";

/// Endings of keys that name a secret's place and not a secret.
const PLACES: [&str; 2] = ["_file", "_command"];

/// A TOML text without its secrets; `None` where it cannot be read, and may hold one anywhere.
pub(crate) fn hidden_toml(text: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let mut spans = Vec::new();
    of_table(document.as_table(), &mut spans);
    spans.sort_by_key(|(start, _, _)| *start);
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, instead) in spans {
        shown.push_str(text.get(at..start)?);
        shown.push_str(&instead);
        at = end;
    }
    shown.push_str(text.get(at..)?);
    Some(without_comments(&shown))
}

/// What stands in comments can be an old password.
fn without_comments(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let Some(at) = line.find('#') else { return line.to_owned() };
        let (before, comment) = line.split_at(at);
        format!("{before}{}", without_value(&discreet(comment)))
    });
    lines.collect()
}

/// A comment that is a key with a secret, switched off, keeps the key alone.
fn without_value(comment: &str) -> String {
    let Some((key, value)) = comment.split_once('=') else { return comment.to_owned() };
    let value = value.trim_start();
    let is_secret = is_secret_name(key.trim_start_matches('#').trim());
    if !is_secret || value.is_empty() || value.starts_with("\"${") {
        return comment.to_owned();
    }
    let end = if comment.ends_with('\n') { "\n" } else { "" };
    format!("{key}= {HIDDEN}{end}")
}

/// Start and end of each value that is not shown, and what is shown instead.
type HiddenSpan = (usize, usize, String);

fn of_table(table: &dyn TableLike, spans: &mut Vec<HiddenSpan>) {
    for (key, item) in table.iter() {
        of_item(key, item, spans);
    }
}

fn of_item(key: &str, item: &Item, spans: &mut Vec<HiddenSpan>) {
    match item {
        Item::Value(value) => of_value(key, value, spans),
        Item::Table(table) => of_table(table, spans),
        Item::ArrayOfTables(tables) => tables.iter().for_each(|table| of_table(table, spans)),
        Item::None => {}
    }
}

fn of_value(key: &str, value: &Value, spans: &mut Vec<HiddenSpan>) {
    match value {
        Value::InlineTable(table) => of_table(table, spans),
        Value::Array(items) => items.iter().for_each(|item| of_value(key, item, spans)),
        Value::String(text) => {
            let Some(span) = value.span() else { return };
            if let Some(instead) = instead_of(key, text.value()) {
                spans.push((
                    span.start,
                    span.end,
                    Value::from(instead).to_string().trim().to_owned(),
                ));
            }
        }
        _ if is_secret_name(key) => {
            spans.extend(value.span().map(|span| (span.start, span.end, format!("{HIDDEN:?}"))));
        }
        _ => {}
    }
}

/// What is shown in place of a text; `None`: it is no secret.
fn instead_of(key: &str, text: &str) -> Option<String> {
    if is_secret_name(key) {
        return (!is_variable_alone(text) && !text.is_empty()).then(|| HIDDEN.to_owned());
    }
    let discreet = discreet_argument(text);
    (discreet != text).then(|| discreet.into_owned())
}

/// A name of the table of keys, or one that is mistyped, or of another program.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let known = keys::TABLES.iter().flat_map(kinds::keys_of);
    let is_known = known.filter(|key| key.is_secret).any(|key| key.name == name);
    let sounds_so =
        ["pas", "pwd", "secret", "token", "credential"].iter().any(|part| name.contains(part));
    is_known || (sounds_so && !PLACES.iter().any(|ending| name.ends_with(ending)))
}

/// A JSON text without its secrets, in a layout of ours; `None` where it cannot be read.
pub(crate) fn hidden_json(text: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
    hide("", &mut value);
    serde_json::to_string_pretty(&value).ok().map(|text| text + "\n")
}

fn hide(key: &str, value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(entries) => entries.iter_mut().for_each(|(key, value)| hide(key, value)),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(key, item)),
        Value::String(text) => {
            if let Some(instead) = instead_of(key, text) {
                *text = instead;
            }
        }
        Value::Number(_) if is_secret_name(key) => *value = Value::from(HIDDEN),
        _ => {}
    }
}

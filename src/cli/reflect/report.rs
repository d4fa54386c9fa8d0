//! What `reflect verify` prints.

use super::args::ReflectFormat;
use crate::cli::output::{line, put};
use crate::config::ReflectionConfig;
use crate::destination::reflect::{ReflectionComparison, RowDifference};
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use crate::log::escape::{escaped_json, fit};
use serde_json::{Value, json};

/// A table, and what was found.
pub(super) struct ComparedTable<'a> {
    pub(super) destination: &'a str,
    pub(super) reflection: &'a ReflectionConfig,
    pub(super) found: ReflectionComparison,
}

/// Tells what was found of one table.
///
/// # Errors
/// Those of the output.
pub(super) fn tell(table: &ComparedTable<'_>, format: ReflectFormat) -> Result<()> {
    let ComparedTable { destination, reflection, found } = table;
    match format {
        ReflectFormat::Text => {
            let name = format!("{destination}: {}", reflection.table);
            put(&format!("{}: {}\n{}", fit(&name), fit(&words(found)), listed(found)))
        }
        ReflectFormat::Jsonl => {
            let first: Vec<Value> = found.first.iter().map(difference).collect();
            object(&json!({
                "destination": destination,
                "table": reflection.table.to_string(),
                "source": reflection.source,
                "position": found.position,
                "rows": found.rows,
                "missing": found.missing,
                "extra": found.extra,
                "changed": found.changed,
                "first": first,
                "inconclusive": found.inconclusive,
            }))
        }
    }
}

fn difference(row: &RowDifference) -> Value {
    json!({ "kind": row.kind, "key": row.key, "columns": row.columns })
}

fn words(found: &ReflectionComparison) -> String {
    let rows = |count: u64| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    match &found.inconclusive {
        Some(why) => format!("inconclusive: {why}"),
        None if found.differences() == 0 => {
            format!("equal: {}, at event {}", rows(found.rows), shown(found.position))
        }
        None => format!(
            "different: {} missing, {} extra, {} changed of {}, at event {}",
            found.missing,
            found.extra,
            found.changed,
            rows(found.rows),
            shown(found.position)
        ),
    }
}

fn listed(found: &ReflectionComparison) -> String {
    let mut lines = String::new();
    for row in &found.first {
        let columns = match row.columns.as_slice() {
            [] => String::new(),
            columns => format!(": {}", columns.join(", ")),
        };
        lines.push_str(&format!("  {}\n", fit(&format!("{} ({}){columns}", row.kind, row.key))));
    }
    let left = found.differences().saturating_sub(found.first.len() as u64);
    if left > 0 && !found.first.is_empty() {
        lines.push_str(&format!("  and {left} more\n"));
    }
    lines
}

/// Tells the verdict.
///
/// # Errors
/// Those of the output.
pub(super) fn tell_verdict(
    compared: &[ReflectionComparison],
    code: u8,
    format: ReflectFormat,
) -> Result<()> {
    let verdict = match code {
        0 => "equal",
        1 => "different",
        _ => "inconclusive",
    };
    match format {
        ReflectFormat::Text => line(&format!("verdict: {verdict}")),
        ReflectFormat::Jsonl => {
            object(&json!({ "verdict": verdict, "tables": compared.len(), "exit_code": code }))
        }
    }
}

fn object(value: &Value) -> Result<()> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Bug, "cannot write JSON").caused_by(&error))?;
    line(&escaped_json(&text))
}

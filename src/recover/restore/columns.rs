//! The columns that are restored, and those by which copies are compared.

use super::copies::CheckedCopy;
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::CopyFormat;
use crate::event::wire::{ReadAs, Wire, WireColumn};
use crate::postgres::table::{Column, ColumnOrigin, EventTable};
use crate::sql;

/// The columns that are put in: all that travel but those that the source computes.
///
/// # Errors
/// `Unsuitable` when a column of the source would stay empty, or is narrower than the
/// destination's.
pub(super) fn put_in_as(source: &EventTable, from: &CheckedCopy<'_>) -> Result<Wire> {
    let is_computed = |name: &str| {
        source.column(name).is_some_and(|column| column.origin == ColumnOrigin::Generated)
    };
    let refused = |column: &str, why: &str, fix: &str| {
        let what = format!(
            "cannot restore column {} from destination {:?}",
            sql::ident(column),
            from.name
        );
        Err(Error::new(ErrorKind::Unsuitable, what)
            .at(source.name.to_string())
            .because(why)
            .fix(format!("{fix}; nothing was written")))
    };
    let lost = source.not_copied.iter().filter(|of| of.origin != ColumnOrigin::Generated);
    let lost: Vec<String> = lost.map(|column| sql::ident(&column.name)).collect();
    if !lost.is_empty() {
        return Err(would_be_lost(source, from, &lost));
    }
    for column in source.columns.iter().filter(|column| column.origin != ColumnOrigin::Generated) {
        let Some(travels) = from.wire.columns.iter().find(|travels| travels.name == column.name)
        else {
            return refused(
                &column.name,
                "it is not copied there",
                "restore from a destination that has it",
            );
        };
        if travels.read_as == ReadAs::Widened {
            let fix = "make the new source with the same type as the destination";
            return refused(&column.name, "it is wider there than at the source", fix);
        }
    }
    let columns = from.wire.columns.iter().filter(|column| !is_computed(&column.name));
    Ok(Wire { columns: columns.cloned().collect(), format: from.wire.format, rows: None })
}

/// Also where they may be NULL or have a default: the source would not be what it was, and nothing
/// would say so.
fn would_be_lost(source: &EventTable, from: &CheckedCopy<'_>, lost: &[String]) -> Error {
    let what = format!("cannot restore {} from destination {:?}", source.name, from.name);
    Error::new(ErrorKind::Unsuitable, what)
        .at(source.name.to_string())
        .because(format!("no destination holds {}, which columns leaves out", lost.join(", ")))
        .fix(
            "take the source from a backup; where it is to live on without them, make its table \
             without these columns, then start again; nothing was written",
        )
}

/// The columns by which two destinations are compared: all that both have of the source, each as
/// wide as the wider of the two.
pub(super) fn comparable(ours: &Wire, theirs: &Wire) -> Wire {
    let wider = |column: &WireColumn| {
        let other = theirs.columns.iter().find(|other| other.name == column.name)?;
        let is_wider = column.read_as == ReadAs::Widened;
        Some(if is_wider { column.clone() } else { other.clone() })
    };
    Wire {
        columns: ours.columns.iter().filter_map(wider).collect(),
        format: if ours.format == theirs.format { ours.format } else { CopyFormat::Text },
        rows: None,
    }
}

/// The columns that only the destination has, other than those it computes, quoted.
pub(super) fn left_out(source: &EventTable, from: &EventTable) -> Vec<String> {
    let is_left_out = |column: &&Column| {
        column.origin != ColumnOrigin::Generated && from.source_of(column, source).is_none()
    };
    let columns = from.columns.iter().filter(is_left_out);
    columns.map(|column| sql::ident(&column.name)).collect()
}

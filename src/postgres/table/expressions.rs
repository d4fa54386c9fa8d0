//! Columns as expressions: as they are hashed, compared and read as text.

use crate::event::frame::CopyFormat;
use crate::event::wire::{ReadAs, Wire, WireColumn, output};

pub(super) fn array(ids: impl Iterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("'{{{}}}'::pg_catalog.int8[]", ids.join(","))
}

/// A column as both sides hash it: as it is where binary forms are equal, otherwise as text;
/// `bytea` always as it is.
pub(super) fn compared(column: &WireColumn, wire: &Wire) -> String {
    match wire.format {
        CopyFormat::Text if column.read_as != ReadAs::Bytes => column.text("e"),
        _ => column.value("e"),
    }
}

/// The value of a column as a record of them is compared: as its output function writes it, but
/// `bytea`, whose text can be too long for the server.
pub(super) fn value(column: &WireColumn) -> String {
    match column.read_as {
        ReadAs::Bytes => digest(column),
        _ => column.value("e"),
    }
}

pub(super) fn digest(column: &WireColumn) -> String {
    match column.read_as {
        ReadAs::Bytes => format!("pg_catalog.sha256({})", column.value("e")),
        _ => format!("pg_catalog.sha256(pg_catalog.convert_to({}, 'UTF8'))", column.text("e")),
    }
}

pub(super) fn short_text(column: &WireColumn) -> String {
    let text = match column.read_as {
        ReadAs::Bytes => output(&column.value("e")),
        _ => column.text("e"),
    };
    format!("case when pg_catalog.octet_length({text}) <= 1048576 then {text} end")
}

//! What travels of a table into a place that is no PostgreSQL: a pure decision.

use crate::event::frame::CopyFormat;
use crate::event::wire::{ReadAs, Wire, WireColumn};
use crate::postgres::table::types::{self, TextFidelity};
use crate::postgres::table::{Column, EventTable};
use postgres_types::Type;

/// What travels into a place that is no PostgreSQL: every column of the source, as the text that
/// its type is written as.
pub fn text_wire(source: &EventTable) -> Wire {
    let column = |from: &Column| {
        let is_bytes = from.type_oid == Type::BYTEA.oid();
        let (read_as, type_oid) = match types::text_of(&from.type_use(), &source.types) {
            TextFidelity::Xml => (ReadAs::Xml, Some(Type::TEXT.oid())),
            _ if is_bytes => (ReadAs::Bytes, Some(from.type_oid)),
            _ => (ReadAs::Plain, from.own_type.is_none().then_some(from.type_oid)),
        };
        WireColumn { name: from.name.clone(), read_as, type_oid }
    };
    let columns = source.columns.iter().map(column).collect();
    Wire { columns, format: CopyFormat::Text, rows: None }
}

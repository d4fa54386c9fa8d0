//! What travels of a log of changes to a destination that computes.

use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::CopyFormat;
use crate::event::wire::{ReadAs, Wire, WireColumn};
use crate::postgres::table::EventTable;
use postgres_types::Type;

/// The columns that are read, and their types. Without `ts`: what stays together is decided by
/// transactions, and not by groups of equal times.
const COLUMNS: [(&str, Type); 6] = [
    ("id", Type::INT8),
    ("xact", Type::INT8),
    ("source", Type::TEXT),
    ("op", Type::CHAR),
    ("before", Type::JSON),
    ("after", Type::JSON),
];

/// What travels of this table.
///
/// # Errors
/// `Unsuitable` where it is no log of changes.
pub(super) fn wire_of_log(source: &EventTable) -> Result<Wire> {
    let column = |(name, of): &(&str, Type)| {
        source.column(name).filter(|column| column.type_oid == of.oid()).map(|_| WireColumn {
            name: (*name).to_owned(),
            read_as: ReadAs::Plain,
            type_oid: Some(of.oid()),
        })
    };
    let columns: Option<Vec<WireColumn>> = COLUMNS.iter().map(column).collect();
    let columns = columns.ok_or_else(|| no_log(source))?;
    Ok(Wire { columns, format: CopyFormat::Binary, rows: None })
}

/// Says that a table is no log of changes.
pub(super) fn no_log(source: &EventTable) -> Error {
    Error::new(ErrorKind::Unsuitable, "reflections are computed from a log of captured changes")
        .at(format!("source table {}", source.name))
        .because("the source's table is none, or its ids are not given out by a sequence there")
        .fix(
            "set table = \"counterfoil.changes\" in [source]; counterfoil capture install makes \
             it, in the database whose tables are captured",
        )
}

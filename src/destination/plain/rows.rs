//! Rows taken apart into values that are kept, and made again from them.

use super::form::{ColumnForm, PlainValue, foreign_text};
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::{CopyFormat, FramedRow, RowLayout};
use crate::event::value::FieldDecoder;
use crate::event::wire::{Wire, WireColumn};
use crate::sql::ident;
use std::borrow::Cow;

/// Values of PostgreSQL into those that an engine keeps, column by column; made once for all rows.
#[derive(Clone, Debug)]
pub(crate) struct RowCodec {
    columns: Vec<CodedColumn>,
    format: CopyFormat,
    layout: RowLayout,
}

#[derive(Clone, Debug)]
struct CodedColumn {
    name: String,
    form: ColumnForm,
    decoder: FieldDecoder,
}

impl RowCodec {
    /// For rows of these columns.
    ///
    /// # Errors
    /// `Unsuitable` where a value cannot be decoded; `Bug` where the id does not travel.
    pub(crate) fn new(
        wire: &Wire,
        forms: &[ColumnForm],
        id_column: &str,
        group_by: Option<&str>,
    ) -> Result<Self> {
        let layout = wire.layout(id_column, group_by);
        let layout =
            layout.ok_or_else(|| Error::new(ErrorKind::Bug, "the id column does not travel"))?;
        let column = |(column, form): (&WireColumn, &ColumnForm)| {
            Ok(CodedColumn {
                name: column.name.clone(),
                form: *form,
                decoder: FieldDecoder::new(column, wire.format)?,
            })
        };
        let columns: Result<Vec<_>> = wire.columns.iter().zip(forms).map(column).collect();
        Ok(Self { columns: columns?, format: wire.format, layout })
    }

    /// Where id and group are in a row.
    pub(crate) fn layout(&self) -> RowLayout {
        self.layout
    }

    /// The values of a row, in the order of the columns.
    ///
    /// # Errors
    /// `Rejected`, of this row, with id and column, for a value that a column cannot keep.
    pub(crate) fn values<'a>(&self, row: &'a FramedRow) -> Result<Vec<PlainValue<'a>>> {
        let fields = row.fields(self.format);
        let value = |(column, field): (&CodedColumn, Option<&'a [u8]>)| {
            let Some(field) = field else { return Ok(PlainValue::Null) };
            let text = column
                .decoder
                .text(field)
                .map_err(|error| error.of_kind(ErrorKind::Rejected).at(column.place(row.id)))
                .map_err(Error::of_rows)?;
            column.form.value(text).map_err(|why| {
                Error::new(ErrorKind::Rejected, "the destination cannot keep a value")
                    .at(column.place(row.id))
                    .because(why.0)
                    .of_rows()
                    .fix(
                        "make the column TEXT there, which keeps every value, or leave it out with \
                         columns in [source]; the events before it are there, it and those after it are not",
                    )
            })
        };
        self.columns.iter().zip(fields).map(value).collect()
    }

    /// Adds a row, as COPY writes it in text form, of the values that are kept for it.
    pub(crate) fn push_row(&self, values: &[PlainValue<'_>], line: &mut Vec<u8>) {
        for (place, (column, value)) in self.columns.iter().zip(values).enumerate() {
            if place > 0 {
                line.push(b'\t');
            }
            match (value, column.form.text(value)) {
                (PlainValue::Null, _) => line.extend_from_slice(b"\\N"),
                (_, Some(text)) => push_escaped(&text, line),
                (_, None) => push_escaped(&foreign_text(value), line),
            }
        }
        line.push(b'\n');
    }
}

impl CodedColumn {
    fn place(&self, id: i64) -> String {
        format!("id {id}, column {}", ident(&self.name))
    }
}

/// A field in text form, escaped as the server does (PostgreSQL manual, COPY, "Text Format").
fn push_escaped(text: &str, line: &mut Vec<u8>) {
    let escape = |byte: u8| match byte {
        b'\\' => Some(b'\\'),
        b'\x08' => Some(b'b'),
        b'\x0c' => Some(b'f'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        b'\x0b' => Some(b'v'),
        _ => None,
    };
    for byte in text.bytes() {
        match escape(byte) {
            Some(letter) => line.extend_from_slice(&[b'\\', letter]),
            None => line.push(byte),
        }
    }
}

/// What an engine kept that is no UTF-8, as bytes that are foreign to a text.
pub(crate) fn text_or_bytes(bytes: &[u8]) -> PlainValue<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => PlainValue::Text(Cow::Borrowed(text)),
        Err(_) => PlainValue::Bytes(Cow::Borrowed(bytes)),
    }
}

#[cfg(test)]
mod tests;

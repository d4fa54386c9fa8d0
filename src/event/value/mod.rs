//! The fields of a row decoded by the type of their column: for a destination that is no
//! PostgreSQL, and for what is shown.
//!
//! **Text** is what the output function of the server writes under our pinned settings
//! (`sql/session/pins_source.sql`), in whichever form the row travels. Two values depend on the
//! version of a server, and have one text here: `"char"` that is not ASCII is written as since
//! PostgreSQL 16, and the months, days and microseconds that an infinite interval consists of mean
//! it, as they do since 17. An array of such `"char"`s that a server before 16 sends in text form
//! is no UTF-8, and an error.
//!
//! **JSON** is made of that text. NULL is `null`; `bool` is `true` or `false`; integers, `numeric`
//! and floating-point numbers are numbers, spelt as their text; NaN and infinite ones are strings.
//! `json` and `jsonb` are embedded byte for byte. Arrays are arrays, one within the other for each
//! dimension. Everything else is its text as a string: time stamps (`2026-01-02
//! 03:04:05.678901+00`), `bytea` (`\x00ff`), types outside the list ([`BINARY_STABLE`]) and their
//! arrays.
//!
//! JSON has no lower bounds: an array that has others than 1 is its text as a string,
//! `"[0:1]={1,2}"`, and loses nothing. An SQL NULL and the `null` of a `json` look alike, in a
//! column as in an array; so do a nested array and a `json` that is one. A reader that must tell
//! them apart takes the text.

mod array;
mod binary;
mod damage;
mod float;
mod json;
mod moment;
mod number;
mod stable;

pub use stable::{BINARY_STABLE, is_binary_stable};

use super::fields::unescaped;
use super::frame::CopyFormat;
use super::wire::WireColumn;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::ident;
use binary::ReadScalar;
use damage::DamagedBytes;
use json::JsonForm;
use postgres_types::{Kind as TypeKind, Type};
use std::borrow::Cow;

/// The text of a number of 64 bits, as the server writes it.
pub fn double_text(value: f64) -> String {
    float::float8(&value.to_be_bytes()).expect("eight bytes are a number").into_owned()
}

/// The text of a number of 32 bits, as the server writes it.
pub fn single_text(value: f32) -> String {
    float::float4(&value.to_be_bytes()).expect("four bytes are a number").into_owned()
}

/// Decodes the fields of one column; made once for all of them.
#[derive(Clone, Debug)]
pub struct FieldDecoder {
    column: String,
    form: FieldForm,
    json: JsonForm,
    is_array: bool,
}

/// How the text of a field is found.
#[derive(Clone, Copy, Debug)]
enum FieldForm {
    /// In text form it is there, escaped.
    Text,
    /// The same of `"char"`, which a server before PostgreSQL 16 sends as the byte it is.
    TextOfChar,
    Scalar(ReadScalar),
    Array {
        element_oid: u32,
        element: ReadScalar,
    },
    Vector {
        element_oid: u32,
        element: ReadScalar,
    },
}

impl FieldDecoder {
    /// For rows that travel in this form.
    ///
    /// # Errors
    /// `Unsuitable` when they are binary and the type of the column is outside of the list of those
    /// whose binary form is known.
    pub fn new(column: &WireColumn, format: CopyFormat) -> Result<Self> {
        let of = column.type_oid.and_then(Type::from_oid);
        let element = of.as_ref().and_then(|of| match of.kind() {
            TypeKind::Array(element) if *of != Type::INT2_VECTOR => Some(element.clone()),
            _ => None,
        });
        let form = match format {
            CopyFormat::Binary => {
                of.as_ref().and_then(binary_reading).ok_or_else(|| unknown(column, of.as_ref()))?
            }
            CopyFormat::Text if of == Some(Type::CHAR) => FieldForm::TextOfChar,
            CopyFormat::Text => FieldForm::Text,
        };
        let is_array = element.as_ref().is_some_and(|element| binary::reading(element).is_some());
        Ok(Self {
            column: column.name.clone(),
            form,
            json: element
                .filter(|_| is_array)
                .or(of)
                .map_or(JsonForm::Text, |of| JsonForm::of(&of)),
            is_array,
        })
    }

    /// The text of a field that is not NULL, its bytes as they came.
    ///
    /// # Errors
    /// `Bug` for bytes that are no value of the type.
    pub fn text<'a>(&self, field: &'a [u8]) -> Result<Cow<'a, str>> {
        self.read(field).map_err(|damaged| self.damaged(damaged))
    }

    /// Writes the JSON of a field, whose bytes are as they came; `None` is NULL.
    ///
    /// # Errors
    /// As [`FieldDecoder::text`]; then nothing was written.
    pub fn json(&self, field: Option<&[u8]>, into: &mut Vec<u8>) -> Result<()> {
        let Some(field) = field else {
            into.extend_from_slice(b"null");
            return Ok(());
        };
        let start = into.len();
        let written = self.read(field).and_then(|text| {
            if self.is_array {
                json::write_array(self.json, &text, into)
            } else {
                json::write(self.json, &text, into)
            }
        });
        written.map_err(|damaged| {
            into.truncate(start);
            self.damaged(damaged)
        })
    }

    fn read<'a>(&self, field: &'a [u8]) -> Result<Cow<'a, str>, DamagedBytes> {
        match (self.form, field) {
            (FieldForm::TextOfChar, [_]) => binary::char(field),
            (FieldForm::Text | FieldForm::TextOfChar, _) => {
                unescaped(field).ok_or(DamagedBytes("it is no UTF-8, or ends within an escape"))
            }
            (FieldForm::Scalar(read), _) => read(field),
            (FieldForm::Array { element_oid, element }, _) => {
                array::text(field, element_oid, element).map(Cow::Owned)
            }
            (FieldForm::Vector { element_oid, element }, _) => {
                array::vector_text(field, element_oid, element).map(Cow::Owned)
            }
        }
    }

    fn damaged(&self, DamagedBytes(why): DamagedBytes) -> Error {
        Error::new(ErrorKind::Bug, "cannot decode a value of the source")
            .at(format!("column {}", ident(&self.column)))
            .because(why)
    }
}

fn binary_reading(of: &Type) -> Option<FieldForm> {
    let TypeKind::Array(element) = of.kind() else {
        return binary::reading(of).map(FieldForm::Scalar);
    };
    let (element_oid, element) = (element.oid(), binary::reading(element)?);
    Some(if *of == Type::INT2_VECTOR {
        FieldForm::Vector { element_oid, element }
    } else {
        FieldForm::Array { element_oid, element }
    })
}

fn unknown(column: &WireColumn, of: Option<&Type>) -> Error {
    let of = of.map_or("one that the database defines itself", Type::name);
    Error::new(ErrorKind::Unsuitable, format!("cannot decode column {}", ident(&column.name)))
        .because(format!(
            "its values travel in binary form, which is not known of their type: {of}"
        ))
}

#[cfg(test)]
mod tests;

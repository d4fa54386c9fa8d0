//! In what a row that is unlike on both sides differs: in which columns, and whether only in the
//! representation.

use crate::event::fields::unescaped;
use crate::event::frame::{CopyFormat, FramedRow};
use crate::event::merge::RowMismatch;
use crate::event::representation::number;
use crate::event::representation::timestamp;
use crate::verify::difference::{Difference, DifferenceClass, RowChange};
use crate::verify::json::alike::{is_alike_json, is_alike_jsonb};
use postgres_types::Type;

/// The version that stands before the text of a `jsonb` in binary form.
const JSONB_VERSION: u8 = 1;
/// Bytes of a `numeric` in binary form before its digits: their number, weight, sign and scale.
const NUMERIC_HEAD: usize = 8;

/// A column that is compared, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedColumn {
    /// Its name, as the catalog has it.
    pub name: String,
    /// The oid of the type it travels as.
    pub type_oid: u32,
}

/// Finds the class of a row, from its bytes in the form of the wire that has these columns.
///
/// Only the representation differs when every column that differs means the same or lost only what
/// a copy by a program with the numbers and times of JavaScript loses: the microseconds of a time
/// stamp on the second side, the scale or the last digits of a number (of `numeric` and within
/// JSON), and of `json` also the white space, the order of keys and the spelling of strings. NULL
/// against anything else is a real change.
pub fn difference(
    unlike: &RowMismatch,
    columns: &[ComparedColumn],
    format: CopyFormat,
) -> Difference {
    let (id, class) = match unlike {
        RowMismatch::Missing(row) => (row.id, DifferenceClass::Missing),
        RowMismatch::Extra(row) => (row.id, DifferenceClass::Extra),
        RowMismatch::Changed(first, second) => {
            (first.id, DifferenceClass::Changed(change(first, second, columns, format)))
        }
    };
    Difference { id, class }
}

fn change(
    first: &FramedRow,
    second: &FramedRow,
    columns: &[ComparedColumn],
    format: CopyFormat,
) -> RowChange {
    let (first, second) = (first.fields(format), second.fields(format));
    let differing: Vec<usize> =
        (0..columns.len()).filter(|at| first.get(*at) != second.get(*at)).collect();
    if differing.is_empty() {
        // Cannot happen with valid COPY data; report every column.
        return RowChange { columns: (0..columns.len()).collect(), is_representation_only: false };
    }
    let is_representation_only =
        differing.iter().all(|at| match (first.get(*at), second.get(*at)) {
            (Some(Some(first)), Some(Some(second))) => {
                is_alike(columns[*at].type_oid, format, first, second)
            }
            _ => false,
        });
    RowChange { columns: differing, is_representation_only }
}

/// Of two values with other bytes.
fn is_alike(type_oid: u32, format: CopyFormat, first: &[u8], second: &[u8]) -> bool {
    match Type::from_oid(type_oid) {
        Some(Type::JSONB) => match format {
            CopyFormat::Binary => is_alike_binary_jsonb(first, second),
            CopyFormat::Text => is_alike_text(first, second, |first, second| {
                is_alike_jsonb(first.as_bytes(), second.as_bytes())
            }),
        },
        Some(Type::JSON) => match format {
            CopyFormat::Binary => is_alike_json_bytes(first, second),
            CopyFormat::Text => is_alike_text(first, second, is_alike_json),
        },
        Some(Type::TIMESTAMP | Type::TIMESTAMPTZ) => {
            let moments = match format {
                CopyFormat::Binary => binary_i64(first).zip(binary_i64(second)),
                CopyFormat::Text => text_microseconds(first).zip(text_microseconds(second)),
            };
            moments.is_some_and(|(first, second)| timestamp::is_cut_or_rounded_to_ms(first, second))
        }
        Some(Type::NUMERIC) => match format {
            CopyFormat::Binary => is_one_numeric(first, second),
            CopyFormat::Text => number::is_equal(first, second),
        },
        _ => false,
    }
}

fn is_alike_binary_jsonb(first: &[u8], second: &[u8]) -> bool {
    match (first, second) {
        ([JSONB_VERSION, first @ ..], [JSONB_VERSION, second @ ..]) => {
            is_alike_jsonb(first, second)
        }
        _ => false,
    }
}

fn is_alike_json_bytes(first: &[u8], second: &[u8]) -> bool {
    let texts = std::str::from_utf8(first).ok().zip(std::str::from_utf8(second).ok());
    texts.is_some_and(|(first, second)| is_alike_json(first, second))
}

/// Of two fields in text form.
fn is_alike_text(first: &[u8], second: &[u8], is_alike: impl Fn(&str, &str) -> bool) -> bool {
    let texts = unescaped(first).zip(unescaped(second));
    texts.is_some_and(|(first, second)| is_alike(&first, &second))
}

fn binary_i64(field: &[u8]) -> Option<i64> {
    field.try_into().ok().map(i64::from_be_bytes)
}

fn text_microseconds(field: &[u8]) -> Option<i64> {
    std::str::from_utf8(field).ok().and_then(timestamp::microseconds)
}

/// Whether two `numeric` in binary form (numeric_send in PostgreSQL's numeric.c) have one value.
/// NaN and infinities have no scale to lose.
fn is_one_numeric(first: &[u8], second: &[u8]) -> bool {
    match (numeric(first), numeric(second)) {
        (Some(first), Some(second)) => first == second,
        _ => false,
    }
}

/// Sign (0 for zero), weight and digits of base 10,000 without zeros at either end.
fn numeric(field: &[u8]) -> Option<(u16, i32, &[u8])> {
    let at = |at: usize| {
        field.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_be_bytes)
    };
    let (weight, sign) = (i32::from(at(2)?.cast_signed()), at(4)?);
    if !matches!(sign, 0 | 0x4000) {
        return None;
    }
    let is_zero = |digit: &&[u8]| *digit == [0, 0];
    let digits = field
        .get(NUMERIC_HEAD..)
        .filter(|digits| digits.len() == 2 * usize::from(at(0).unwrap_or(0)))?;
    let leading = digits.chunks(2).take_while(is_zero).count();
    let digits = &digits[2 * leading..];
    let trailing = digits.chunks(2).rev().take_while(is_zero).count();
    let digits = &digits[..digits.len() - 2 * trailing];
    if digits.is_empty() {
        return Some((0, 0, digits));
    }
    Some((sign, weight - i32::try_from(leading).ok()?, digits))
}

#[cfg(test)]
mod tests;

//! The form in which a column keeps the values of a type of PostgreSQL, and both ways between them:
//! pure.

use crate::event::value::{double_text, single_text};
use crate::event::wire::WireColumn;
use postgres_types::Type;
use std::borrow::Cow;
use std::fmt::Write;

/// How a column keeps its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnForm {
    /// A whole number of 64 bits.
    Integer,
    /// 0 or 1.
    Boolean,
    /// A floating-point number that is one of 32 bits.
    Single,
    /// A floating-point number of 64 bits.
    Double,
    /// Bytes.
    Bytes,
    /// The text that PostgreSQL writes.
    Text,
}

/// A value as an engine keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PlainValue<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// Why a column of this form cannot keep a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnholdableValue(pub(crate) &'static str);

impl ColumnForm {
    /// The form for a column of the source, by the type that travels.
    pub(crate) fn of(column: &WireColumn) -> Self {
        match column.type_oid.and_then(Type::from_oid) {
            Some(Type::INT2 | Type::INT4 | Type::INT8) => Self::Integer,
            Some(Type::BOOL) => Self::Boolean,
            Some(Type::FLOAT4) => Self::Single,
            Some(Type::FLOAT8) => Self::Double,
            Some(Type::BYTEA) => Self::Bytes,
            _ => Self::Text,
        }
    }

    /// The value that is kept for a text of PostgreSQL: one that gives the same text again.
    pub(crate) fn value<'a>(self, text: Cow<'a, str>) -> Result<PlainValue<'a>, UnholdableValue> {
        let read = match self {
            Self::Text => return Ok(PlainValue::Text(text)),
            Self::Integer => text.parse().ok().map(PlainValue::Integer),
            Self::Boolean => match &*text {
                "f" => Some(PlainValue::Integer(0)),
                "t" => Some(PlainValue::Integer(1)),
                _ => None,
            },
            Self::Single => text.parse::<f32>().ok().map(|value| PlainValue::Real(value.into())),
            Self::Double => text.parse().ok().map(PlainValue::Real),
            Self::Bytes => bytes_of(&text).map(|bytes| PlainValue::Bytes(bytes.into())),
        };
        let value = read.ok_or(UnholdableValue("it is no value of the column's type"))?;
        if let PlainValue::Real(number) = value {
            // What engines do with them differs: NULL, 0, an error.
            if !number.is_finite() {
                return Err(UnholdableValue("it is not a finite number"));
            }
            if number == 0.0 && number.is_sign_negative() {
                return Err(UnholdableValue("it is a negative zero, whose sign would be lost"));
            }
        }
        if self.text(&value).as_deref() != Some(&*text) {
            return Err(UnholdableValue("it would not be read as it is written"));
        }
        Ok(value)
    }

    /// The text of PostgreSQL that a value stands for; `None` of a value that no text of this form
    /// is kept as, so that somebody else stored it.
    pub(crate) fn text<'a>(self, value: &'a PlainValue<'_>) -> Option<Cow<'a, str>> {
        match (self, value) {
            (Self::Text, PlainValue::Text(text)) => Some(Cow::Borrowed(text)),
            (Self::Integer, PlainValue::Integer(number)) => Some(number.to_string().into()),
            (Self::Boolean, PlainValue::Integer(0)) => Some("f".into()),
            (Self::Boolean, PlainValue::Integer(1)) => Some("t".into()),
            (Self::Double, PlainValue::Real(number)) => Some(double_text(*number).into()),
            (Self::Single, PlainValue::Real(number)) => {
                #[allow(clippy::cast_possible_truncation, reason = "the next line finds out")]
                let single = *number as f32;
                let is_single = f64::from(single).to_bits() == number.to_bits();
                is_single.then(|| single_text(single).into())
            }
            (Self::Bytes, PlainValue::Bytes(bytes)) => Some(hex(bytes).into()),
            _ => None,
        }
    }
}

/// What stands for a value that is kept in no form of ours: it equals no text of PostgreSQL, which
/// holds no NUL.
pub(crate) fn foreign_text(value: &PlainValue<'_>) -> String {
    match value {
        PlainValue::Null => "\0null".to_owned(),
        PlainValue::Integer(number) => format!("\0integer {number}"),
        PlainValue::Real(number) => format!("\0real {number:?}"),
        PlainValue::Text(text) => format!("\0text {text}"),
        PlainValue::Bytes(bytes) => format!("\0bytes {}", hex(bytes)),
    }
}

/// As `bytea` writes them in hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits = text.strip_prefix("\\x").filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests;

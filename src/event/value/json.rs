//! JSON of the text of a value.

use super::damage::DamagedBytes;
use postgres_types::Type;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// What the JSON of a type is made like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonForm {
    /// `true` or `false`.
    Boolean,
    /// A number spelt as its text; a string where JSON has no such number.
    Number,
    /// Its text, which is JSON.
    Embedded,
    /// Its text, as a string.
    Text,
}

impl JsonForm {
    /// That of a scalar; of any other type it is its text.
    pub(super) fn of(scalar: &Type) -> Self {
        match *scalar {
            Type::BOOL => Self::Boolean,
            Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => {
                Self::Number
            }
            Type::JSON | Type::JSONB => Self::Embedded,
            _ => Self::Text,
        }
    }
}

/// Writes the JSON of a scalar.
pub(super) fn write(form: JsonForm, text: &str, into: &mut Vec<u8>) -> Result<(), DamagedBytes> {
    match (form, text) {
        (JsonForm::Boolean, "t") => into.extend_from_slice(b"true"),
        (JsonForm::Boolean, "f") => into.extend_from_slice(b"false"),
        (JsonForm::Boolean, _) => return Err(DamagedBytes("it is neither true nor false")),
        (JsonForm::Number, "NaN" | "Infinity" | "-Infinity") | (JsonForm::Text, _) => {
            write_string(text, into)
        }
        (JsonForm::Number, _) if !is_number(text) => return Err(DamagedBytes("it is no number")),
        (JsonForm::Embedded, _) if !is_json(text.as_bytes()) => {
            return Err(DamagedBytes("it is no JSON"));
        }
        (JsonForm::Number | JsonForm::Embedded, _) => into.extend_from_slice(text.as_bytes()),
    }
    Ok(())
}

/// Writes the JSON of an array, of the text that `array_out` makes of it.
pub(super) fn write_array(
    form: JsonForm,
    text: &str,
    into: &mut Vec<u8>,
) -> Result<(), DamagedBytes> {
    if text.starts_with('[') {
        write_string(text, into);
        return Ok(());
    }
    let (start, mut rest) = (into.len(), text);
    while let Some(first) = rest.bytes().next() {
        match first {
            b'{' => into.push(b'['),
            b'}' => into.push(b']'),
            b',' => into.push(b','),
            b'"' => {
                let (value, end) = quoted(&rest[1..])
                    .ok_or(DamagedBytes("it is an array with a quote that does not end"))?;
                write(form, &value, into)?;
                rest = &rest[1 + end..];
                continue;
            }
            _ => {
                let end = rest.find(['{', '}', ',', '"']).unwrap_or(rest.len());
                match &rest[..end] {
                    "NULL" => into.extend_from_slice(b"null"),
                    value => write(form, value, into)?,
                }
                rest = &rest[end..];
                continue;
            }
        }
        rest = &rest[1..];
    }
    // What is well-formed here is so there.
    if into.get(start) == Some(&b'[') && is_json(&into[start..]) {
        Ok(())
    } else {
        Err(DamagedBytes("it is no array"))
    }
}

/// The value of a quoted element, whose quote is behind us, and where it ends with its second one.
fn quoted(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let mut value = Cow::Borrowed("");
    let mut begun = 0;
    loop {
        let at = begun + text[begun..].find(['"', '\\'])?;
        let piece = &text[begun..at];
        if text[at..].starts_with('"') {
            if value.is_empty() {
                return Some((Cow::Borrowed(piece), at + 1));
            }
            value += piece;
            return Some((value, at + 1));
        }
        let escaped = text[at + 1..].chars().next()?;
        value += piece;
        value.to_mut().push(escaped);
        begun = at + 1 + escaped.len_utf8();
    }
}

/// Digits alone make no JSON of `" 1"`, of `"0x1"` or of `"1e"`.
fn is_number(text: &str) -> bool {
    let is_bare = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit());
    is_bare && is_json(text.as_bytes())
}

/// Whether it is one JSON value, however deep: nothing is built of it.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn write_string(text: &str, into: &mut Vec<u8>) {
    serde_json::to_writer(into, text).expect("a vector takes every string");
}

//! Values of an image as the input functions of PostgreSQL take them, and as COPY writes those.

use crate::error::{Error, ErrorKind, Result};
use crate::event::captured::{CapturedColumn, ImageForm};
use crate::event::change::{ImageValue, RowImage};
use serde_json::Value;
use std::borrow::Cow;

/// Writes a line of COPY in text form: this side, then the columns of the image.
///
/// # Errors
/// `Contents` for an image without one of the columns, or with JSON where there is none.
pub(super) fn write_line(
    into: &mut Vec<u8>,
    side: i16,
    image: &RowImage,
    columns: &[CapturedColumn],
) -> Result<()> {
    into.extend_from_slice(side.to_string().as_bytes());
    for column in columns {
        into.push(b'\t');
        let value = image.field(&column.name).ok_or_else(|| missing(column))?;
        match text_of(&value, column.form).map_err(|why| unreadable(column, why))? {
            None => into.extend_from_slice(b"\\N"),
            Some(text) => escape(into, &text),
        }
    }
    into.push(b'\n');
    Ok(())
}

fn missing(column: &CapturedColumn) -> Error {
    Error::new(ErrorKind::Contents, format!("a change has no column {}", column.name))
        .because("the captured table has changed since")
        .fix("run counterfoil capture refresh, then counterfoil reflect load")
}

fn unreadable(column: &CapturedColumn, why: &str) -> Error {
    Error::new(ErrorKind::Contents, format!("a change cannot be read: column {}", column.name))
        .because(why)
}

/// The text of a value; `None` is NULL.
pub(super) fn text_of<'a>(
    value: &ImageValue<'a>,
    form: ImageForm,
) -> Result<Option<Cow<'a, str>>, &'static str> {
    Ok(Some(match (value, form) {
        (ImageValue::Null, ImageForm::JsonNeverNull) => Cow::Borrowed("null"),
        (ImageValue::Null, _) => return Ok(None),
        (of, ImageForm::Json | ImageForm::JsonNeverNull | ImageForm::Opaque) => {
            Cow::Borrowed(of.raw())
        }
        (ImageValue::String { text, .. }, ImageForm::Scalar) => text.clone(),
        (ImageValue::Number(text), ImageForm::Scalar) => Cow::Borrowed(text),
        (ImageValue::Bool(is), ImageForm::Scalar) => {
            Cow::Borrowed(if *is { "true" } else { "false" })
        }
        (ImageValue::Json(raw), ImageForm::Array | ImageForm::ArrayOfJson) => {
            Cow::Owned(array(raw, form == ImageForm::ArrayOfJson)?)
        }
        (ImageValue::Json(_), ImageForm::Scalar) => {
            return Err("it is JSON where a value was expected");
        }
        (_, ImageForm::Array | ImageForm::ArrayOfJson) => return Err("it is no array"),
    }))
}

/// A JSON array as PostgreSQL writes an array (PostgreSQL manual, "Array Input and Output Syntax").
fn array(raw: &str, is_of_json: bool) -> Result<String, &'static str> {
    let items: Vec<&serde_json::value::RawValue> =
        serde_json::from_str(raw).map_err(|_| "it is no array")?;
    let mut text = String::from("{");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        let raw = item.get();
        match raw.as_bytes().first() {
            Some(b'n') => text.push_str("NULL"),
            Some(b'[') if !is_of_json => text.push_str(&array(raw, false)?),
            Some(b'"') if !is_of_json => {
                let value: Value = serde_json::from_str(raw).map_err(|_| "it holds no text")?;
                quote(&mut text, value.as_str().unwrap_or_default());
            }
            Some(b'{') if !is_of_json => return Err("it holds an object"),
            _ if is_of_json => quote(&mut text, raw),
            _ => text.push_str(raw),
        }
    }
    text.push('}');
    Ok(text)
}

fn quote(into: &mut String, text: &str) {
    into.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            into.push('\\');
        }
        into.push(c);
    }
    into.push('"');
}

/// Writes a value with the escapes of COPY (PostgreSQL manual, COPY, "Text Format").
fn escape(into: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => into.extend_from_slice(b"\\\\"),
            b'\n' => into.extend_from_slice(b"\\n"),
            b'\r' => into.extend_from_slice(b"\\r"),
            b'\t' => into.extend_from_slice(b"\\t"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn arrays_are_written_as_postgresql_reads_them() {
        for (json, is_of_json, text) in [
            ("[]", false, "{}"),
            ("[1,null,-2.50]", false, "{1,NULL,-2.50}"),
            (r#"["a\"b","\\","null","",null]"#, false, r#"{"a\"b","\\","null","",NULL}"#),
            ("[[1,2],[3,4]]", false, "{{1,2},{3,4}}"),
            ("[true,false]", false, "{true,false}"),
            (
                r#"[{"a": "b"},[1],"x",1,null]"#,
                true,
                r#"{"{\"a\": \"b\"}","[1]","\"x\"","1",NULL}"#,
            ),
        ] {
            assert_eq!(array(json, is_of_json).unwrap(), text, "{json}");
        }
        assert!(array("[{}]", false).is_err());
    }

    #[test]
    fn what_would_end_a_field_or_a_line_is_escaped() {
        let mut line = Vec::new();
        escape(&mut line, "a\tb\nc\\N\r\u{1F600}");
        assert_eq!(line, "a\\tb\\nc\\\\N\\r\u{1F600}".as_bytes());
    }
}

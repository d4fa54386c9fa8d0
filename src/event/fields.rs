//! The fields of a row, for a comparison: found, not decoded.

use super::frame::{CopyFormat, FramedRow, i32_at};
use std::borrow::Cow;

impl FramedRow {
    /// The bytes of each field as they came; `None` for NULL. In text form they are still escaped.
    pub fn fields(&self, format: CopyFormat) -> Vec<Option<&[u8]>> {
        match format {
            CopyFormat::Binary => binary(&self.bytes),
            CopyFormat::Text => text(&self.bytes),
        }
    }
}

/// The value of a field in text form, its escapes undone (PostgreSQL manual, COPY, "Text Format");
/// `None` when it is not UTF-8.
pub fn unescaped(field: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(field).ok()?;
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut value = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        value.push(match rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            other => other,
        });
    }
    Some(Cow::Owned(value))
}

fn binary(row: &[u8]) -> Vec<Option<&[u8]>> {
    let mut fields = Vec::new();
    let mut at = 2;
    while let Some(len) = i32_at(row, at) {
        let start = at + 4;
        let end = usize::try_from(len).map_or(start, |len| start + len);
        fields.push(row.get(start..end).filter(|_| len >= 0));
        at = end;
    }
    fields
}

fn text(row: &[u8]) -> Vec<Option<&[u8]>> {
    let line = row.strip_suffix(b"\n").unwrap_or(row);
    let field = |field| (field != b"\\N").then_some(field);
    line.split(|byte| *byte == b'\t').map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_escapes_of_a_text_field_are_undone() {
        assert_eq!(unescaped(b"plain").as_deref(), Some("plain"));
        assert_eq!(
            unescaped(br#"{"a": "\\n\t"}\b\f\n\r\v"#).as_deref(),
            Some("{\"a\": \"\\n\t\"}\u{8}\u{c}\n\r\u{b}")
        );
        assert_eq!(unescaped(b"cut\\"), None);
    }

    #[test]
    fn null_and_empty_are_told_apart_in_both_forms() {
        let row = [&[0, 3, 0, 0, 0, 1, 7][..], &[0xff; 4], &[0; 4]].concat();
        assert_eq!(binary(&row), [Some(&[7][..]), None, Some(&[][..])]);
        assert_eq!(text(b"7\t\\N\t\n"), [Some(&b"7"[..]), None, Some(&b""[..])]);
    }
}

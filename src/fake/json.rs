//! JSON text written directly: an event is made once and never looked at again, so that a tree of
//! values would be for nothing.

use std::fmt::{Display, Write};

/// An object in the making.
#[derive(Debug)]
pub(super) struct JsonObject(String);

impl JsonObject {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self::with_capacity(160)
    }

    /// An empty one that will have about so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    /// Adds a string.
    pub(super) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.0.push('"');
        escape(&mut self.0, value);
        self.0.push('"');
        self
    }

    /// Adds what is written as JSON writes it: a number, or an object.
    pub(super) fn plain(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        write!(self.0, "{value}").expect("a string takes everything");
        self
    }

    /// Adds another object.
    pub(super) fn object(mut self, key: &str, object: &str) -> Self {
        self.key(key);
        self.0.push_str(object);
        self
    }

    /// Its text.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }
}

/// A number of hundredths, as a decimal number with both of its decimals: `129.90`.
pub(super) struct Hundredths(pub(super) u32);

impl Display for Hundredths {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

fn escape(text: &mut String, value: &str) {
    let mut plain = 0;
    for (at, byte) in value.bytes().enumerate() {
        let is_plain = byte >= b' ' && byte != b'"' && byte != b'\\';
        if is_plain {
            continue;
        }
        text.push_str(&value[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            control => write!(text, "\\u{control:04x}").expect("a string takes everything"),
        }
    }
    text.push_str(&value[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(text in ".*", other in "\\PC*") {
            let object = JsonObject::new().text("text", &text).plain("number", Hundredths(1_205)).text("other", &other).end();
            let read: serde_json::Value = serde_json::from_str(&object).expect("JSON");
            prop_assert_eq!(&read["text"], &text);
            prop_assert_eq!(&read["other"], &other);
            prop_assert_eq!(read["number"].to_string(), "12.05");
        }
    }

    #[test]
    fn an_empty_object_and_one_within_another_are_json() {
        let inner = JsonObject::new().end();
        assert_eq!(JsonObject::new().object("a", &inner).plain("b", 1).end(), "{\"a\":{},\"b\":1}");
    }
}

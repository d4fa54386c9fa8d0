//! The tokens of a JSON text, spelt as they are.

/// A token, as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonToken<'a> {
    /// `{` or `[`.
    Open(char),
    /// `}` or `]`.
    Close(char),
    /// Between members.
    Comma,
    /// Between key and value.
    Colon,
    /// A string with its quotes.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Atom(&'a str),
    /// What is no JSON, a string that does not end included: everything from here on.
    Rest(&'a str),
}

/// Cuts a text into tokens; white space between them is left out.
#[derive(Clone, Debug)]
pub(super) struct JsonTokens<'a> {
    rest: &'a str,
}

impl<'a> JsonTokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text }
    }
}

impl<'a> Iterator for JsonTokens<'a> {
    type Item = JsonToken<'a>;

    fn next(&mut self) -> Option<JsonToken<'a>> {
        let rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
        let first = *rest.as_bytes().first()?;
        let length = match first {
            b'{' | b'[' | b'}' | b']' | b',' | b':' => 1,
            b'"' => string_length(rest.as_bytes()).unwrap_or(rest.len()),
            _ => rest.bytes().position(|byte| !is_of_atom(byte)).unwrap_or(rest.len()),
        };
        let (token, after) = if length == 0 { (rest, "") } else { rest.split_at(length) };
        self.rest = after;
        Some(match first {
            b'{' | b'[' => JsonToken::Open(char::from(first)),
            b'}' | b']' => JsonToken::Close(char::from(first)),
            b',' => JsonToken::Comma,
            b':' => JsonToken::Colon,
            b'"' if token.len() > 1 && string_length(token.as_bytes()).is_some() => {
                JsonToken::Text(token)
            }
            _ if length > 0 && first != b'"' => JsonToken::Atom(token),
            _ => JsonToken::Rest(token),
        })
    }
}

fn is_of_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The length of a string with both its quotes; `None` when it does not end.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_tokens_spelt_as_they_are() {
        let tokens: Vec<_> =
            JsonTokens::of("{ \"a\\\"\" : [1.10,null],\n\"b\":\"\\\\\"}").collect();
        let expected = [
            JsonToken::Open('{'),
            JsonToken::Text("\"a\\\"\""),
            JsonToken::Colon,
            JsonToken::Open('['),
            JsonToken::Atom("1.10"),
            JsonToken::Comma,
            JsonToken::Atom("null"),
            JsonToken::Close(']'),
            JsonToken::Comma,
            JsonToken::Text("\"b\""),
            JsonToken::Colon,
            JsonToken::Text("\"\\\\\""),
            JsonToken::Close('}'),
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn what_is_no_json_is_one_rest() {
        for rest in ["\"abc", "\"", "\"abc\\\"", "é 1", "'a'"] {
            assert_eq!(JsonTokens::of(rest).collect::<Vec<_>>(), [JsonToken::Rest(rest)]);
        }
    }
}

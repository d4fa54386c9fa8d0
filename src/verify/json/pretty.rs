//! Lays a JSON text out over lines, with every number, string and key as it is spelt and where it
//! stands.

use super::token::{JsonToken, JsonTokens};

/// Deeper values are indented no further, so that the layout never takes much more room than the
/// text.
const INDENT_MAX: usize = 40;

/// The lines of a text; a text that is cut off or no JSON gives its rest as one more line.
pub(crate) fn pretty(text: &str) -> Vec<String> {
    let mut lines = PrettyLines::default();
    let mut tokens = JsonTokens::of(text).peekable();
    while let Some(token) = tokens.next() {
        match token {
            JsonToken::Open(open) => {
                lines.add(&open.to_string());
                if let Some(JsonToken::Close(close)) = tokens.peek().copied() {
                    tokens.next();
                    lines.add(&close.to_string());
                } else {
                    lines.depth += 1;
                    lines.end();
                }
            }
            JsonToken::Close(close) => {
                lines.end();
                lines.depth = lines.depth.saturating_sub(1);
                lines.add(&close.to_string());
            }
            JsonToken::Comma => {
                lines.add(",");
                lines.end();
            }
            JsonToken::Colon => lines.add(": "),
            JsonToken::Text(text) | JsonToken::Atom(text) => lines.add(text),
            JsonToken::Rest(rest) => {
                lines.end();
                lines.add(rest);
            }
        }
    }
    lines.end();
    lines.done
}

#[derive(Default)]
struct PrettyLines {
    done: Vec<String>,
    line: String,
    depth: usize,
}

impl PrettyLines {
    fn add(&mut self, text: &str) {
        if self.line.is_empty() {
            self.line = "  ".repeat(self.depth.min(INDENT_MAX));
        }
        self.line.push_str(text);
    }

    fn end(&mut self) {
        if !self.line.is_empty() {
            self.done.push(std::mem::take(&mut self.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_its_line_and_nothing_is_spelt_anew() {
        let text = r#"{"b":[1.10,"\u0041"],"a":{},"a":[ ],"c":{"d":null}}"#;
        let expected = r#"{
  "b": [
    1.10,
    "\u0041"
  ],
  "a": {},
  "a": [],
  "c": {
    "d": null
  }
}"#;
        assert_eq!(pretty(text).join("\n"), expected);
        assert_eq!(pretty(expected).join("\n"), expected);
    }

    #[test]
    fn a_text_that_is_cut_off_is_laid_out_as_far_as_it_goes() {
        assert_eq!(pretty(r#"{"a": [1, "abc"#).join("\n"), "{\n  \"a\": [\n    1,\n    \"abc");
        assert_eq!(pretty(""), [""; 0]);
        assert_eq!(pretty("]]1"), ["]", "]1"]);
    }
}

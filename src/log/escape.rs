//! Text from a table, a server or a file made fit for a terminal and for a log: nothing of it moves
//! the cursor, rings, begins a line or turns the direction of what is read.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Writes every control character and every invisible one that changes how others are read as
/// `\u{1b}`. Different texts stay different: a text that has `\u{` of its own gets `\u{5c}u{`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) && !text.contains("\\u{") {
        return Cow::Borrowed(text);
    }
    let is_ours = |at: usize| text[at..].starts_with("\\u{");
    rewritten(text, |at, c| is_unfit(c) || is_ours(at), in_braces)
}

/// The same of a message, in which names may be escaped already: what they were made of stays as it
/// is, so that nothing is escaped twice.
pub fn fit(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    rewritten(text, |_, c| is_unfit(c), in_braces)
}

/// As [`fit`], but for line feeds, for what is made of lines by us.
pub fn fit_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(fit).collect();
    Cow::Owned(lines.join("\n"))
}

/// Writes the same characters of a JSON text as JSON does, `\u009b`; there they can stand in
/// strings alone.
pub fn escaped_json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    rewritten(text, |_, c| is_unfit(c), in_units)
}

/// Writes the characters that are to be escaped, each known by its place too, in another way.
fn rewritten(
    text: &str,
    is_to_escape: impl Fn(usize, char) -> bool,
    escape: fn(&mut String, char) -> fmt::Result,
) -> Cow<'static, str> {
    let mut fit = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        if is_to_escape(at, c) {
            escape(&mut fit, c).expect("a String takes everything");
        } else {
            fit.push(c);
        }
    }
    Cow::Owned(fit)
}

fn in_braces(fit: &mut String, c: char) -> fmt::Result {
    write!(fit, "\\u{{{:x}}}", u32::from(c))
}

fn in_units(fit: &mut String, c: char) -> fmt::Result {
    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(fit, "\\u{unit:04x}"))
}

/// Control characters, separators of lines and paragraphs, marks of direction, and what has no
/// width.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_write_to_a_terminal_is_escaped_and_other_text_is_left_alone() {
        assert_eq!(
            escaped("a\x1b[31m\r\n\t\u{9b}\u{202e}\u{7f}"),
            r"a\u{1b}[31m\u{d}\u{a}\u{9}\u{9b}\u{202e}\u{7f}"
        );
        assert_eq!(escaped("日本 \"é\" \\n \\u0041"), "日本 \"é\" \\n \\u0041");
        assert_eq!(escaped("\\u{1b}"), r"\u{5c}u{1b}");
        assert_eq!(fit("a\n\\u{1b}\x1b"), r"a\u{a}\u{1b}\u{1b}");
        assert_eq!(fit_lines("a\r\nb\u{202e}"), "a\\u{d}\nb\\u{202e}");
        assert_eq!(escaped_json("\"\u{9b}\u{e0001}a\""), r#""\u009b\udb40\udc01a""#);
    }

    proptest! {
        #[test]
        fn different_texts_stay_different(first in "[\\\\u{}1b\\x1b\u{9b}]{0,8}", second in "[\\\\u{}1b\\x1b\u{9b}]{0,8}") {
            prop_assert_eq!(escaped(&first) == escaped(&second), first == second);
        }
    }
}

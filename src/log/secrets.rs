//! Passwords that a person wrote where they do not belong, taken out of what is told.

use std::borrow::Cow;

/// What stands in the place of a password.
const HIDDEN: &str = "…";
const KEYWORD: &str = "password";

/// An argument of a command line without a password: of a URL whatever stands between the user and
/// the last `@`, and all that follows `password=` (in a URL up to the next `&`).
pub(crate) fn discreet_argument(text: &str) -> Cow<'_, str> {
    let is_url = text.contains("://");
    let mut told = Cow::Borrowed(text);
    if let Some((start, end)) = userinfo(text, text.len()) {
        told.to_mut().replace_range(start..end, HIDDEN);
    }
    let value_end = |text: &str| {
        if is_url { text.find('&').unwrap_or(text.len()) } else { text.len() }
    };
    hide_values(told, value_end)
}

/// A message in which an argument or a setting may be quoted, without the password of a URL and
/// without what follows `password=` as one word or one quoted text.
pub(crate) fn discreet(text: &str) -> Cow<'_, str> {
    let mut told = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(found) = told[at..].find("://") {
        at += found + 3;
        let word_end = told[at..].find(is_word_end).map_or(told.len(), |end| at + end);
        if let Some((start, end)) = userinfo(&told[at - 3..], word_end + 3 - at) {
            told.to_mut().replace_range(at - 3 + start..at - 3 + end, HIDDEN);
        }
    }
    hide_values(told, |text| match text.strip_prefix('\'') {
        Some(quoted) => quoted.find('\'').map_or(text.len(), |end| end + 2),
        None => text.find(|c| is_word_end(c) || c == '&').unwrap_or(text.len()),
    })
}

fn is_word_end(c: char) -> bool {
    c.is_whitespace() || c == '"'
}

/// Where the password of a URL stands in a text that holds one, before this end of it.
fn userinfo(text: &str, end: usize) -> Option<(usize, usize)> {
    let start = text.find("://")? + 3;
    let at = start + text.get(start..end)?.rfind('@')?;
    let colon = start + text[start..at].find(':')?;
    Some((colon + 1, at))
}

/// Hides each value that follows `password=`; `value_end` says how much of what follows it is.
fn hide_values(mut text: Cow<'_, str>, value_end: impl Fn(&str) -> usize) -> Cow<'_, str> {
    let mut at = 0;
    while let Some(found) = text[at..].to_ascii_lowercase().find(KEYWORD) {
        at += found + KEYWORD.len();
        let rest = text[at..].trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else { continue };
        let start = text.len() - value.len();
        let end = start + value_end(value);
        if end > start && &text[start..end] != HIDDEN {
            text.to_mut().replace_range(start..end, HIDDEN);
        }
        at = start;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_tells_no_password_of_a_url_or_of_a_keyword() {
        for (argument, told) in [
            ("postgres://u:PW@h/db", "postgres://u:…@h/db"),
            ("--url=postgresql://u:P@W/:x@h:5432/db", "--url=postgresql://u:…@h:5432/db"),
            ("postgres://u:my pw@h", "postgres://u:…@h"),
            ("mysql://u:PW@h", "mysql://u:…@h"),
            (
                "postgres://h/db?user=u&password=PW&sslmode=require",
                "postgres://h/db?user=u&password=…&sslmode=require",
            ),
            ("host=h password=P W user=u", "host=h password=…"),
            ("host=h PASSWORD = 'P W'", "host=h PASSWORD = …"),
            ("--password=PW", "--password=…"),
            ("sslpassword=PW password=PW", "sslpassword=…"),
        ] {
            assert_eq!(discreet_argument(argument), told);
        }
    }

    #[test]
    fn what_holds_no_password_is_told_as_it_is() {
        for text in [
            "postgres://u@h:5432/db",
            "postgres://h:5432/db",
            "password_file",
            "password",
            "password =",
            "give it in the URL, password, password_file, PGPASSWORD or the passfile",
            "begin it with postgres:// or postgresql://",
            "user:name@host",
        ] {
            assert_eq!(discreet_argument(text), text);
            assert_eq!(discreet(text), text);
        }
    }

    #[test]
    fn a_message_loses_its_passwords_and_nothing_else() {
        for (message, told) in [
            (
                "no destination \"postgres://u:PW@h/db\", nor postgres://v:PW@h: use a name",
                "no destination \"postgres://u:…@h/db\", nor postgres://v:…@h: use a name",
            ),
            ("\"host=h password=PW user=u\" is none", "\"host=h password=… user=u\" is none"),
            ("(password='P W' host=h) is none", "(password=… host=h) is none"),
            ("postgres://h/d?password=PW&x=1 and more", "postgres://h/d?password=…&x=1 and more"),
        ] {
            assert_eq!(discreet(message), told);
        }
    }
}

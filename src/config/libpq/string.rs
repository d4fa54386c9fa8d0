//! Keyword strings: `host=db1 user='a b\'c'` (PostgreSQL manual, libpq, "Keyword/Value Connection
//! Strings").
//!
//! Errors show places, not text: a password that was not quoted can look like anything.

use super::keyword::{self, KeywordValues};
use crate::error::{Error, ErrorKind, Result};
use std::iter::Peekable;
use std::str::Chars;

const WHAT: &str = "cannot read the connection string";

/// Reads a keyword string; the last of equal keywords wins.
pub(super) fn parse(text: &str) -> Result<KeywordValues> {
    let mut written = KeywordValues::default();
    let mut reader = KeywordReader { chars: text.chars().peekable(), place: 1 };
    let mut is_password_behind_us = false;
    loop {
        reader.skip_blanks();
        let place = format!("at character {}", reader.place);
        if reader.chars.peek().is_none() {
            return Ok(written);
        }
        let name = reader.name();
        reader.skip_blanks();
        if reader.next() != Some('=') {
            return Err(wrong(format!("no = after the keyword {place}")).fix(
                "write keyword=value pairs with blanks between them and quotes around values with \
                 blanks, such as host=db1 dbname=orders user='a b', or a URL such as \
                 postgres://db1/orders",
            ));
        }
        reader.skip_blanks();
        let value = reader.value()?;
        let keyword = keyword::find(&name)
            .ok_or_else(|| keyword::unknown(WHAT, &name, &place, !is_password_behind_us))?;
        is_password_behind_us |= keyword.name == "password";
        written.set(keyword, value);
    }
}

struct KeywordReader<'a> {
    chars: Peekable<Chars<'a>>,
    place: usize,
}

impl KeywordReader<'_> {
    fn next(&mut self) -> Option<char> {
        self.place += 1;
        self.chars.next()
    }

    fn next_if(&mut self, is_wanted: impl Fn(char) -> bool) -> Option<char> {
        let c = self.chars.next_if(|c| is_wanted(*c))?;
        self.place += 1;
        Some(c)
    }

    fn skip_blanks(&mut self) {
        while self.next_if(is_blank).is_some() {}
    }

    fn name(&mut self) -> String {
        std::iter::from_fn(|| self.next_if(|c| c != '=' && !is_blank(c))).collect()
    }

    fn value(&mut self) -> Result<String> {
        let start = self.place;
        let is_quoted = self.next_if(|c| c == '\'').is_some();
        let mut value = String::new();
        loop {
            match self.chars.peek() {
                None if is_quoted => {
                    return Err(wrong(format!("the quote opened at character {start} is not closed"))
                        .fix(r"end the value with a quote; inside, write \' for a quote and \\ for a backslash"));
                }
                Some('\'') if is_quoted => {
                    self.next();
                    return Ok(value);
                }
                None => return Ok(value),
                Some(c) if !is_quoted && is_blank(*c) => return Ok(value),
                Some('\\') => {
                    self.next();
                    value.extend(self.next());
                }
                Some(_) => value.extend(self.next()),
            }
        }
    }
}

/// C's `isspace`.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn wrong(why: String) -> Error {
    Error::new(ErrorKind::Usage, WHAT).because(why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> String {
        parse(text).map(|_| ()).unwrap_err().report()
    }

    #[test]
    fn quotes_escapes_and_blanks_are_read_as_libpq_reads_them() {
        let written =
            parse(r"host=db1  port = 5433 user='a b\'c\\d' password=a\ b\'c dbname='' options=")
                .unwrap();
        assert_eq!(written.get("host"), Some("db1"));
        assert_eq!(written.get("port"), Some("5433"));
        assert_eq!(written.get("user"), Some(r"a b'c\d"));
        assert_eq!(written.get("password"), Some("a b'c"));
        assert_eq!(written.get("dbname"), Some(""));
        assert_eq!(written.get("options"), Some(""));
        assert_eq!(written.get("sslmode"), None);
    }

    #[test]
    fn the_last_of_equal_keywords_wins() {
        assert_eq!(parse("host=a host=b").unwrap().get("host"), Some("b"));
    }

    #[test]
    fn malformed_strings_are_refused_with_the_place() {
        assert!(refused("orders").contains("no = after the keyword at character 1"));
        assert!(refused("host=a b").contains("no = after the keyword at character 8"));
        assert!(refused("host='a").contains("the quote opened at character 6 is not closed"));
        let report = refused("host=a usr=b");
        assert!(report.contains("unknown keyword \"usr\" at character 8"), "{report}");
        assert!(report.contains("did you mean \"user\"?"), "{report}");
    }

    #[test]
    fn a_password_that_is_not_quoted_is_never_shown() {
        for text in
            ["password=very hunter2", "password=very hunter2=x", "password='hunter2", "hunter2"]
        {
            assert!(!refused(text).contains("hunter2"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(values in proptest::collection::vec("\\PC{0,12}", 4)) {
            let names = ["host", "user", "password", "options"];
            let quoted = |value: &String| format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"));
            let text: Vec<String> = names.iter().zip(&values).map(|(name, value)| format!("{name}={}", quoted(value))).collect();
            let written = parse(&text.join(" ")).unwrap();
            for (name, value) in names.iter().zip(&values) {
                prop_assert_eq!(written.get(name), Some(value.as_str()));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}

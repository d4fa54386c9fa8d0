//! A condition over the columns of a table, as an operator wrote it: read closely enough to be sure
//! that it is one condition, that it ends where it ends, and that it says tomorrow of an event what
//! it says today.

use std::fmt;
use std::sync::Arc;

/// Words that begin something else than a condition, or stand for what changes.
const REFUSED_WORDS: &[&str] = &[
    "select",
    "table",
    "values",
    "with",
    "exists",
    "operator",
    "over",
    "filter",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
    "user",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];
/// Texts that PostgreSQL reads as a time of today (manual, "Special Date/Time Inputs").
const MOVING_TIMES: &[&str] = &["now", "today", "tomorrow", "yesterday"];
/// Operators are made of these (PostgreSQL manual, "Operators"), and the rest of what may stand
/// between words.
const SIGNS: &str = "+-*/<>=~!@#%^&|`?:,.";

/// A condition that selects rows of a table.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RowCondition {
    text: Arc<str>,
}

/// Why a text cannot be such a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionFault(String);

impl RowCondition {
    /// Reads one.
    ///
    /// # Errors
    /// What it must not hold, or what is not closed.
    pub fn parse(text: &str) -> Result<Self, ConditionFault> {
        let text = text.trim();
        ConditionReader { rest: text, open: Vec::new() }.read()?;
        Ok(Self { text: text.into() })
    }

    /// As SQL, in parentheses.
    pub fn sql(&self) -> String {
        format!("({})", self.text)
    }
}

impl fmt::Display for RowCondition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for RowCondition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RowCondition({:?})", &self.text)
    }
}

impl fmt::Display for ConditionFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

struct ConditionReader<'a> {
    rest: &'a str,
    /// The parentheses that are open.
    open: Vec<char>,
}

fn fault<T>(what: impl Into<String>) -> Result<T, ConditionFault> {
    Err(ConditionFault(what.into()))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || (!c.is_ascii() && !c.is_whitespace())
}

impl<'a> ConditionReader<'a> {
    fn read(&mut self) -> Result<(), ConditionFault> {
        if self.rest.is_empty() {
            return fault("it is empty");
        }
        while let Some(first) = self.rest.chars().next() {
            match first {
                c if c.is_ascii_whitespace() => self.skip(1),
                '\'' => self.read_text()?,
                '"' => {
                    let name = self.quoted('"')?;
                    if name.starts_with("reg") && REFUSED_WORDS.contains(&name.as_str()) {
                        return fault(format!("it holds {name}"));
                    }
                }
                c if is_word(c) => self.read_word()?,
                '(' | '[' => {
                    self.open.push(first);
                    self.skip(1);
                }
                ')' | ']' => {
                    let opening = if first == ')' { '(' } else { '[' };
                    if self.open.pop() != Some(opening) {
                        return fault(format!("a {first} closes nothing"));
                    }
                    self.skip(1);
                }
                c if SIGNS.contains(c) => {
                    if ["--", "/*"].iter().any(|comment| self.rest.starts_with(comment)) {
                        return fault("it holds a comment");
                    }
                    self.skip(1);
                }
                other => return fault(format!("it holds {other:?}")),
            }
        }
        self.open.last().map_or(Ok(()), |open| fault(format!("a {open} is not closed")))
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// What stands between two of these, doubled ones inside.
    fn quoted(&mut self, quote: char) -> Result<String, ConditionFault> {
        self.skip(1);
        let mut text = String::new();
        loop {
            let Some(end) = self.rest.find(quote) else {
                return fault(format!("a {quote} is not closed"));
            };
            text.push_str(&self.rest[..end]);
            self.skip(end + 1);
            if !self.rest.starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
            self.skip(1);
        }
    }

    fn read_text(&mut self) -> Result<(), ConditionFault> {
        let text = self.quoted('\'')?.to_lowercase();
        let moving = text.split(|c: char| !c.is_alphanumeric()).find(|w| MOVING_TIMES.contains(w));
        match moving {
            Some(word) if text.split_whitespace().count() <= 3 => {
                fault(format!("'{word}' can be a time, which is another one tomorrow"))
            }
            _ => Ok(()),
        }
    }

    fn read_word(&mut self) -> Result<(), ConditionFault> {
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let written = &self.rest[..end];
        self.skip(end);
        let word = written.to_lowercase();
        let is_unicode = word == "u" && ["&'", "&\""].iter().any(|so| self.rest.starts_with(so));
        if is_unicode
            || self.rest.starts_with('\'') && !written.starts_with(|c: char| c.is_ascii_digit())
        {
            // E'…', U&'…', B'…': another reading of what stands between the quotes. A type may
            // stand before a text, with a space between.
            return fault(format!("{written} stands directly before a text"));
        }
        if REFUSED_WORDS.contains(&word.as_str()) {
            return fault(format!("it holds {written}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conditions_are_taken_as_they_are_written() {
        for plain in [
            "kind = 'order'",
            "tenant in ('a', 'b') and not (event ->> 'test')::boolean",
            "\"Odd \"\"name\"\"\" is distinct from 3 or ts >= timestamptz '2026-01-01'",
            "note like '%; drop table events; --%'",
            "tags && array['a','b'] and payload @> '{\"a\": [1]}'",
            "amount between -1.5e3 and 7 and case when x then y else false end",
            "note = 'nothing happened yesterday, or so it was told to us'",
        ] {
            let taken =
                RowCondition::parse(plain).unwrap_or_else(|fault| panic!("{plain}: {fault}"));
            assert_eq!(taken.sql(), format!("({plain})"));
        }
    }

    #[test]
    fn what_is_no_condition_or_says_something_else_tomorrow_is_refused_with_why() {
        for (text, why) in [
            ("", "it is empty"),
            ("true) or (true", "a ) closes nothing"),
            ("(kind = 'a'", "a ( is not closed"),
            ("tags[1) = 2", "a ) closes nothing"),
            ("kind = 'a", "a ' is not closed"),
            ("\"kind = 1", "a \" is not closed"),
            ("true; drop table events", "it holds ';'"),
            ("true -- rest", "it holds a comment"),
            ("true /* rest", "it holds a comment"),
            ("id = $1", "it holds '$'"),
            ("kind = $$a$$", "it holds '$'"),
            ("kind = E'\\''", "E stands directly before a text"),
            ("kind = U&'a'", "U stands directly before a text"),
            ("id in (select id from other)", "it holds select"),
            ("EXISTS (table other)", "it holds EXISTS"),
            ("kind in (table other)", "it holds table"),
            ("ts < current_timestamp", "it holds current_timestamp"),
            ("ts < 'now'", "'now' can be a time"),
            ("ts > ' Yesterday '", "'yesterday' can be a time"),
            ("ts < 'tomorrow 10:00'", "'tomorrow' can be a time"),
            ("owner = user", "it holds user"),
            ("tableoid = 'x'::regclass", "it holds regclass"),
            ("a operator(pg_catalog.=) b", "it holds operator"),
            ("kind = 'a\\'", "?"),
        ] {
            let told = RowCondition::parse(text).map_err(|fault| fault.to_string());
            match why {
                // A backslash is one: strings conform to the standard in all our sessions.
                "?" => assert!(told.is_ok(), "{told:?}"),
                why => {
                    assert!(told.as_ref().is_err_and(|told| told.contains(why)), "{text}: {told:?}")
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_is_closed(text in "[ a-z'\"()\\[\\]$;*/-]{0,24}") {
            if let Ok(condition) = RowCondition::parse(&text) {
                let again = RowCondition::parse(&condition.sql());
                prop_assert!(again.is_ok(), "in parentheses it is one still");
            }
        }
    }
}

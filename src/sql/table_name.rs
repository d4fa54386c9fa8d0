//! The name of a table: read as SQL reads it, and written so that SQL can read it again.

use super::fill::ident;
use crate::error::{Error, ErrorKind, Result};
use crate::log::escape::escaped;
use crate::log::secrets::discreet_argument;
use std::fmt;

/// Schema and name of a table, unquoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// Schema, as the catalog has it.
    pub schema: String,
    /// Name, as the catalog has it.
    pub name: String,
}

impl TableName {
    /// Reads `events`, `public.events` or `"My Schema"."Events"` as SQL would: unquoted parts are
    /// folded to lower case; the schema is `public` when none is given.
    ///
    /// # Errors
    /// `Usage` when a part is empty, a quote is not closed, or there are more than two parts.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            let shown = discreet_argument(text);
            Error::new(ErrorKind::Usage, format!("cannot read the table name {shown:?}: {why}"))
                .fix("write it as in SQL: events, public.events or \"My Schema\".\"Events\"")
        };
        let mut parts = Vec::new();
        let mut rest = text.trim();
        if !rest.starts_with('"') && rest.contains("://") {
            return Err(wrong("it is the URL of a connection"));
        }
        loop {
            let (part, after) = parse_part(rest)
                .ok_or_else(|| wrong("a part is empty or a quote is not closed"))?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err(wrong("unexpected characters after a name")),
            }
        }
        match <[String; 2]>::try_from(parts) {
            Ok([schema, name]) => Ok(Self { schema, name }),
            Err(mut parts) if parts.len() == 1 => {
                Ok(Self { schema: "public".to_owned(), name: parts.remove(0) })
            }
            Err(_) => Err(wrong("more than a schema and a name")),
        }
    }

    /// Schema and name quoted for SQL.
    pub fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }
}

fn parse_part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(['.', '"']).unwrap_or(text.len());
        let part = text[..end].trim();
        let is_plain = !part.is_empty() && !part.contains(char::is_whitespace);
        return is_plain.then(|| (part.to_lowercase(), &text[end..]));
    };
    let mut part = String::new();
    loop {
        let quote = rest.find('"')?;
        part.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                part.push('"');
                rest = after;
            }
            None => return (!part.is_empty()).then_some((part, rest)),
        }
    }
}

impl fmt::Display for TableName {
    /// As a person reads and SQL accepts it: quoted only where needed. Characters that could write
    /// to a terminal are escaped; such a name is one that SQL does not know, and never another
    /// table's.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |part: &str| {
            part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && !part.starts_with(|c: char| c.is_ascii_digit())
        };
        let show = |part: &str| if plain(part) { part.to_owned() } else { ident(part) };
        let shown = format!("{}.{}", show(&self.schema), show(&self.name));
        out.write_str(&escaped(&shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_name_is_read_as_sql_reads_it_and_written_so_that_sql_can_read_it() {
        for (text, schema, name, shown) in [
            ("Events", "public", "events", "public.events"),
            (" audit.Events ", "audit", "events", "audit.events"),
            ("\"My \"\"S\"\"\".\"a.b\"", "My \"S\"", "a.b", "\"My \"\"S\"\"\".\"a.b\""),
        ] {
            let table = TableName::parse(text).unwrap();
            assert_eq!((table.schema.as_str(), table.name.as_str()), (schema, name));
            assert_eq!(table.to_string(), shown);
            assert_eq!(TableName::parse(&table.quoted()).unwrap(), table);
        }
    }

    #[test]
    fn a_name_that_could_write_to_a_terminal_is_shown_as_one_that_does_not() {
        let name = |name: &str| TableName { schema: "public".to_owned(), name: name.to_owned() };
        assert_eq!(name("a\n\u{1b}[2J").to_string(), r#"public."a\u{a}\u{1b}[2J""#);
        assert_ne!(name("a\n").to_string(), name(r"a\u{a}").to_string());
    }

    #[test]
    fn what_is_no_name_of_a_table_is_refused() {
        for text in ["", "a.", ".b", "a.b.c", "\"a", "a b", "a\"b\""] {
            assert!(
                TableName::parse(text).is_err_and(|error| error.kind() == ErrorKind::Usage),
                "{text}"
            );
        }
    }
}

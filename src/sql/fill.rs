//! Identifiers and literals quoted, and the files of `sql/` filled in.

use std::borrow::Cow;

/// Quotes an identifier: always, so that case and key words never matter.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a string literal so that it reads the same whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// The value of a variable in a file of `sql/`.
#[derive(Clone, Debug)]
pub enum SqlValue<'a> {
    /// A name: `:"name"` gives an identifier, `:'name'` a literal.
    Text(Cow<'a, str>),
    /// SQL that we made ourselves out of quoted parts: `:name` gives it as it is.
    Sql(Cow<'a, str>),
}

/// Fills a file of `sql/`: `:"x"` with a quoted identifier, `:'x'` with a quoted literal, `:x` with
/// SQL made by us.
///
/// These are psql's own forms (PostgreSQL manual, psql, "SQL Interpolation"), so that each file
/// runs in psql with `-v x=…`; unlike psql this also fills the bodies of functions between dollar
/// quotes. `::` is left alone.
///
/// # Panics
/// When the text names a variable that is not given, or in a form its value does not have: both are
/// mistakes of ours, found by any test that uses the file.
pub fn fill(text: &str, values: &[(&str, SqlValue<'_>)]) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        filled.push_str(&rest[..colon]);
        rest = &rest[colon + 1..];
        if rest.starts_with([':', '=']) {
            filled.push(':');
            filled.push_str(&rest[..1]);
            rest = &rest[1..];
            continue;
        }
        let quote = rest.chars().next().filter(|c| ['"', '\''].contains(c));
        let name_start = usize::from(quote.is_some());
        let name_end = rest[name_start..]
            .find(|c: char| !(c.is_ascii_lowercase() || c == '_'))
            .map_or(rest.len(), |end| name_start + end);
        let is_closed = quote.is_none_or(|q| rest[name_end..].starts_with(q));
        if name_end == name_start || !is_closed {
            filled.push(':');
            continue;
        }
        filled.push_str(&value_of(&rest[name_start..name_end], quote, values));
        rest = &rest[name_end + name_start..];
    }
    filled.push_str(rest);
    filled
}

fn value_of(name: &str, quote: Option<char>, values: &[(&str, SqlValue<'_>)]) -> String {
    let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    match (quote, value) {
        (Some('"'), Some(SqlValue::Text(text))) => ident(text),
        (Some(_), Some(SqlValue::Text(text))) => literal(text),
        (None, Some(SqlValue::Sql(sql))) => sql.to_string(),
        _ => panic!("variable {name} of an SQL file is not given in this form"),
    }
}

/// A file of `sql/` without the comment at its head, which is for readers of the file.
pub fn without_header(file: &str) -> &str {
    let header: usize =
        file.split_inclusive('\n').take_while(|line| line.starts_with("--")).map(str::len).sum();
    file[header..].trim_end()
}

/// A name for [`fill`].
pub fn text<'a>(value: impl Into<Cow<'a, str>>) -> SqlValue<'a> {
    SqlValue::Text(value.into())
}

/// SQL made by us for [`fill`].
pub fn sql<'a>(value: impl Into<Cow<'a, str>>) -> SqlValue<'a> {
    SqlValue::Sql(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_psqls_three_forms_and_casts_are_left_alone() {
        let filled = fill(
            "select :'t'::regclass, 1::int8 from :\"s\".:\"t\" where :columns; x := 1; a:b",
            &[
                ("s", text("my \"s\"")),
                ("t", text("it's")),
                ("columns", sql("a, b")),
                ("b", sql("9")),
            ],
        );
        assert_eq!(
            filled,
            "select 'it''s'::regclass, 1::int8 from \"my \"\"s\"\"\".\"it's\" where a, b; x := 1; \
             a9"
        );
    }

    #[test]
    fn a_literal_with_a_backslash_reads_the_same_under_either_setting() {
        assert_eq!(literal(r"a\b'c"), r"E'a\\b''c'");
    }
}

//! The definition of an index for a table that calls its columns otherwise.

use crate::sql::{ColumnNames, ident};

/// A part of a definition.
enum DefinitionPart<'a> {
    /// A name, as it is written, and without quotes.
    Name(&'a str, String),
    /// Anything else.
    Other(&'a str),
}

/// What follows `USING` in a definition as the server writes it, with the columns called so.
///
/// The server writes its own words in capitals, quotes names where they are not plain, and puts no
/// space between a function and its arguments; so what is a column can be told from other names.
pub(super) fn called(method: &str, names: &ColumnNames) -> String {
    let parts = parts(method);
    let mut written = String::new();
    for (at, part) in parts.iter().enumerate() {
        match part {
            DefinitionPart::Name(_, name) if at > 0 && is_column(&written, &parts[at + 1..]) => {
                let there = names.there(name);
                written.push_str(&if there == name {
                    part.text().to_owned()
                } else {
                    ident(there)
                });
            }
            _ => written.push_str(part.text()),
        }
    }
    written
}

impl<'a> DefinitionPart<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Name(text, _) | Self::Other(text) => text,
        }
    }
}

/// Whether a name between these is no function, type, collation, schema, attribute of a type or
/// parameter.
fn is_column(before: &str, after: &[DefinitionPart<'_>]) -> bool {
    let next = after.first().and_then(|part| part.text().chars().next());
    let is_other = matches!(next, Some('(' | '.' | '='));
    !is_other && !before.ends_with(['.', ':']) && !before.ends_with("COLLATE ")
}

fn parts(definition: &str) -> Vec<DefinitionPart<'_>> {
    let mut parts = Vec::new();
    let mut rest = definition;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' | '\'' => quoted_len(rest, first),
            _ if is_of_name(first) => rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (text, after) = rest.split_at(len);
        rest = after;
        let is_plain = is_of_name(first) && !text.contains(|c: char| c.is_ascii_uppercase());
        parts.push(match first {
            '"' => DefinitionPart::Name(text, text[1..len - 1].replace("\"\"", "\"")),
            _ if is_plain => DefinitionPart::Name(text, text.to_owned()),
            _ => DefinitionPart::Other(text),
        });
    }
    parts
}

/// The length of what is quoted; a quote within is written twice.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut end = 1;
    while let Some(found) = text[end..].find(quote) {
        end += found + 1;
        if !text[end..].starts_with(quote) {
            return end;
        }
        end += 1;
    }
    text.len()
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_renamed_and_whatever_else_bears_their_name_is_not() {
        let pairs = [("who", "customer"), ("e", "my \"pay\""), ("text", "note"), ("A", "a")];
        let names =
            ColumnNames::new(pairs.map(|(source, there)| (source.to_owned(), there.to_owned())));
        for (method, expected) in [
            ("btree (who, id DESC)", "btree (\"customer\", id DESC)"),
            ("btree (lower((who)::text) text_ops)", "btree (lower((\"customer\")::text) text_ops)"),
            ("btree (text(who))", "btree (text(\"customer\"))"),
            ("gin (e public.who)", "gin (\"my \"\"pay\"\"\" public.who)"),
            (
                "btree (id) WHERE (who = 'who''s e'::text)",
                "btree (id) WHERE (\"customer\" = 'who''s e'::text)",
            ),
            (
                "btree (\"A\" COLLATE \"A\") INCLUDE (e)",
                "btree (\"a\" COLLATE \"A\") INCLUDE (\"my \"\"pay\"\"\")",
            ),
            (
                "btree (((e).who), ((e -> 'e'::text)))",
                "btree (((\"my \"\"pay\"\"\").who), ((\"my \"\"pay\"\"\" -> 'e'::text)))",
            ),
            ("text (id) WITH (text='70')", "text (id) WITH (text='70')"),
            ("btree (\"who\"(text))", "btree (\"who\"(\"note\"))"),
        ] {
            assert_eq!(called(method, &names), expected);
        }
    }
}

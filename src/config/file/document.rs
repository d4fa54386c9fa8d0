//! A file that was read: TOML or JSON as one tree, and the place of each byte.

use super::foreign;
use super::json;
use super::tree::{ConfigEntry, ConfigNode, ConfigValue, FileFormat, SyntaxError};
use crate::error::{Error, ErrorKind, Problems};
use toml::de::{DeTable, DeValue};

/// A file that was read, with its name for messages.
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) format: FileFormat,
    pub(crate) root: ConfigNode,
    text: String,
}

impl Document {
    /// Parses a file.
    ///
    /// # Errors
    /// `Usage`: all syntax errors of TOML, the first of JSON, each with line and column. The text
    /// around them is not shown: it can hold a password. One error alone for a file in another
    /// language.
    pub(crate) fn parse(name: String, format: FileFormat, text: String) -> Result<Self, Problems> {
        let parsed = match format {
            FileFormat::Toml => toml_tree(&text),
            FileFormat::Json => json::parse(&text).map_err(|error| vec![error]),
        };
        match parsed {
            Ok(root) => Ok(Self { name, format, root, text }),
            Err(errors) => {
                if let Some(foreign) = foreign::recognised(&name, &text, format) {
                    return Err(foreign.into());
                }
                let mut problems = Problems::new();
                for error in errors {
                    let (line, column) = position(&text, error.at);
                    problems.push(
                        Error::new(
                            ErrorKind::Usage,
                            format!("cannot read the configuration: {}", error.what),
                        )
                        .at(format!("{name}:{line}:{column}"))
                        .fix(error.fix),
                    );
                }
                Err(problems)
            }
        }
    }

    /// `file:line:column, key` of a byte of the text.
    pub(crate) fn place(&self, at: usize, key: &str) -> String {
        let (line, column) = position(&self.text, at);
        let separator = if key.is_empty() { "" } else { ", " };
        format!("{}:{line}:{column}{separator}{key}", self.name)
    }
}

/// Line and column (in characters), both from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn toml_tree(text: &str) -> Result<ConfigNode, Vec<SyntaxError>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(ConfigNode { at: 0, value: table(root.into_inner()) });
    }
    let mut errors: Vec<SyntaxError> = errors
        .iter()
        .map(|error| SyntaxError {
            at: error.span().map_or(0, |span| span.start),
            what: error.message().lines().collect::<Vec<_>>().join(", "),
            fix: "correct the TOML here; texts stand in quotes, as in name = \"reporting\""
                .to_owned(),
        })
        .collect();
    errors.sort_by_key(|error| error.at);
    // Of several errors in a line the first is the cause and the others follow from it.
    errors.dedup_by_key(|error| position(text, error.at).0);
    Err(errors)
}

fn table(table: DeTable<'_>) -> ConfigValue {
    let mut entries: Vec<ConfigEntry> = table
        .into_iter()
        .map(|(key, value)| ConfigEntry {
            key_at: key.span().start,
            key: key.into_inner().into_owned(),
            node: node(value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_at);
    ConfigValue::Table(entries)
}

fn node(value: toml::Spanned<DeValue<'_>>) -> ConfigNode {
    let at = value.span().start;
    let value = match value.into_inner() {
        DeValue::String(text) => ConfigValue::Text(text.into_owned()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or(ConfigValue::Other("a number far too large"), ConfigValue::Integer),
        DeValue::Float(_) => ConfigValue::Other("a number with a fraction"),
        DeValue::Boolean(is_true) => ConfigValue::Boolean(is_true),
        DeValue::Datetime(_) => ConfigValue::Other("a date or time"),
        DeValue::Array(list) => ConfigValue::List(list.into_iter().map(node).collect()),
        DeValue::Table(entries) => table(entries),
    };
    ConfigNode { at, value }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn parse(format: FileFormat, text: &str) -> Result<Document, Problems> {
        Document::parse("config".to_owned(), format, text.to_owned())
    }

    /// The key that is reached by these keys and indexes, with its line and column.
    fn place_of(document: &Document, path: &[&str]) -> (usize, usize) {
        let mut node = &document.root;
        let mut at = 0;
        for step in path {
            match &node.value {
                ConfigValue::Table(entries) => {
                    let entry = entries.iter().find(|entry| entry.key == *step).unwrap();
                    (node, at) = (&entry.node, entry.key_at);
                }
                ConfigValue::List(items) => {
                    node = &items[step.parse::<usize>().unwrap()];
                    at = node.at;
                }
                _ => panic!("{step} of a plain value"),
            }
        }
        position(&document.text, at)
    }

    #[test]
    fn keys_of_toml_have_their_lines_and_columns() {
        let text = "a = 1\n[source]\n  url = \"x\"\n\n[[destinations]]\nname = \
                    \"é\"\n[[destinations]]\n# c\r\n\"ü\".name = 2\n";
        let document = parse(FileFormat::Toml, text).unwrap();
        assert_eq!(place_of(&document, &["a"]), (1, 1));
        assert_eq!(place_of(&document, &["source", "url"]), (3, 3));
        assert_eq!(place_of(&document, &["destinations", "1"]), (7, 1));
    }

    #[test]
    fn keys_of_json_have_their_lines_and_columns() {
        let text = "{\n  \"source\": {\"é\": 1, \"url\": \"x\"},\n  \"destinations\": [\n    \
                    {\"name\": 1}\n  ]\n}";
        let document = parse(FileFormat::Json, text).unwrap();
        assert_eq!(place_of(&document, &["source", "url"]), (2, 22));
        assert_eq!(place_of(&document, &["destinations", "0", "name"]), (4, 6));
    }

    #[test]
    fn every_syntax_error_of_toml_has_line_and_column_and_shows_no_text() {
        let problems =
            parse(FileFormat::Toml, "a = 1\npassword = hunter2\nb = 2\nurl = \"hunter2\nc = = 3\n")
                .err()
                .unwrap();
        let report = problems.report();
        assert!(report.contains("config:2:12") && report.contains("config:4:"), "{report}");
        assert!(!report.contains("hunter2"), "{report}");
    }

    #[test]
    fn a_key_written_twice_is_an_error_in_both_formats() {
        let toml = parse(FileFormat::Toml, "a = 1\na = 2\n").err().unwrap().report();
        assert!(toml.contains("duplicate key") && toml.contains("config:2:1"), "{toml}");
        let json = parse(FileFormat::Json, "{\"a\": 1,\n\"a\": 2}").err().unwrap().report();
        assert!(json.contains("twice") && json.contains("config:2:1"), "{json}");
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = parse(FileFormat::Toml, &text);
            let _ = parse(FileFormat::Json, &text);
        }

        #[test]
        fn text_of_tomls_characters_never_panics(text in "[ab=\\[\\]{}\"'.,#0-9\n -]*") {
            let _ = parse(FileFormat::Toml, &text);
        }
    }
}

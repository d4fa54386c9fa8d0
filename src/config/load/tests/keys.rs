//! The table of keys and the reader say the same: each key is read, with its range, its words and
//! its default.

use super::*;
use crate::config::keys::{
    ExampleValue, IntegerRange, Key, KeyDefault, KeyTable, SlateName, TABLES, ValueType,
};
use crate::config::kinds::keys_of;

/// A file that is right but for this value.
fn file_with(table: &KeyTable, key: &Key, literal: &str) -> String {
    file_of(table, key, &format!("{} = {literal}\n", key.name))
}

/// A file with this line of a table, or without it.
fn file_of(table: &KeyTable, key: &Key, line: &str) -> String {
    // What a reflection must have, and what is of destinations with reflections alone.
    let from = if key.name == "source" { "" } else { "source = \"public.a\"\n" };
    let reflection = format!("[[destinations.reflections]]\n{from}");
    let source = "[source]\nhost = \"db1\"\n";
    let destination = "[[destinations]]\nhost = \"db2\"\n";
    let without = |section: &str| {
        if key.name == "host" {
            section.replace("host = ", "database = ")
        } else {
            section.to_owned()
        }
    };
    match table.name {
        "" => {
            let others = [("source", source), ("destinations", destination)]
                .into_iter()
                .filter(|(name, _)| *name != key.name);
            format!("{line}{}", others.map(|(_, section)| section).collect::<String>())
        }
        "source" => format!("{}{line}{destination}", without(source)),
        "destinations" if key.name == "drift" => {
            format!("{source}{}{line}{reflection}", without(destination))
        }
        "destinations" => format!("{source}{}{line}", without(destination)),
        "reflections" => format!("{source}{destination}{reflection}{line}"),
        _ => format!("{source}{destination}{}\n{line}", table.header),
    }
}

/// All keys that TOML knows.
fn keys() -> Vec<(&'static KeyTable, &'static Key)> {
    let of_table =
        |table: &'static KeyTable| keys_of(table).into_iter().map(move |key| (table, key));
    TABLES
        .iter()
        .flat_map(of_table)
        .filter(|(_, key)| !matches!(key.slate, SlateName::Only))
        .collect()
}

/// A key's value as TOML that its type never takes, and the words of the refusal.
fn wrong(key: &Key) -> Vec<(String, String)> {
    let one = |literal: &str, words: &str| vec![(literal.to_owned(), words.to_owned())];
    match key.value {
        ValueType::Section => one("3", "must be a table, not a number"),
        ValueType::SectionMap | ValueType::NamePairs => one("3", "must be a table, not a number"),
        ValueType::Mapping => one("3", "cannot be a number"),
        ValueType::SectionList => one("3", "must be a list of tables, not a number"),
        ValueType::Text
        | ValueType::TableName
        | ValueType::TableNames
        | ValueType::Choice(_)
        | ValueType::Ids(_) => one("true", "must be text, not true or false"),
        ValueType::Label => one("\"\"", "must be 1 to 200 bytes of text in one line"),
        ValueType::Identifier { .. } => {
            one(&format!("\"{}\"", "x".repeat(64)), "must have between 1 and 63 bytes")
        }
        ValueType::Port => one("65536", "must be between 1 and 65535, not 65536"),
        ValueType::Boolean => one("3", "must be true or false, not a number"),
        ValueType::IdRanges | ValueType::Names | ValueType::Texts | ValueType::CommandLine => {
            one("true", "must be a list, not true or false")
        }
        ValueType::Integer(IntegerRange { least, most, .. }) => {
            let words = format!("must be between {least} and {most}");
            vec![((least - 1).to_string(), words.clone()), ((most + 1).to_string(), words)]
        }
    }
}

#[test]
fn every_key_is_read_and_a_value_that_it_does_not_take_is_refused_with_what_it_takes() {
    let mut tried = 0;
    for (table, key) in keys() {
        for (literal, words) in wrong(key) {
            let problems = told(toml(&file_with(table, key, &literal)).unwrap_err());
            let is_told = problems
                .iter()
                .any(|[what, place, _]| what.contains(&words) && place.ends_with(key.name));
            assert!(is_told, "{} {} = {literal}: {problems:#?}", table.header, key.name);
            tried += 1;
        }
    }
    assert!(tried > 40, "only {tried} values were tried");
}

#[test]
fn every_bound_and_every_word_of_a_key_is_taken() {
    for (table, key) in keys() {
        let literals: Vec<String> = match key.value {
            ValueType::Integer(range) => vec![range.least.to_string(), range.most.to_string()],
            ValueType::Choice(words) | ValueType::Ids(words) => {
                words.iter().map(|word| format!("{:?}", word.word)).collect()
            }
            ValueType::Boolean => vec!["true".to_owned(), "false".to_owned()],
            _ => Vec::new(),
        };
        for literal in literals {
            let taken = toml(&file_with(table, key, &literal));
            assert!(taken.is_ok(), "{} = {literal}: {}", key.name, taken.unwrap_err().report());
        }
    }
}

#[test]
fn a_default_that_is_written_changes_nothing() {
    let mut tried = 0;
    for (table, key) in keys() {
        let literal = match key.preset {
            KeyDefault::Boolean(preset) => preset.to_string(),
            KeyDefault::Integer(preset) => preset.to_string(),
            KeyDefault::Text(preset) => format!("{preset:?}"),
            KeyDefault::EmptyList => "[]".to_owned(),
            KeyDefault::Required | KeyDefault::Described(_) => continue,
        };
        let whole = |text: &str| load_whole("c.toml", text, 0o600, &Flags::default());
        let written = whole(&file_with(table, key, &literal));
        let unwritten = whole(&file_of(table, key, ""));
        let (mut written, unwritten) = (written.unwrap(), unwritten.unwrap());
        if key.name == "group_by" {
            // A column that is named must be there; the default need not.
            let GroupBy::Column(column) = written.1.source.group_by.clone() else {
                panic!("no column")
            };
            written.1.source.group_by = GroupBy::IfPresent(column);
        }
        assert_eq!(format!("{written:?}"), format!("{unwritten:?}"), "{} = {literal}", key.name);
        tried += 1;
    }
    assert!(tried > 20, "only {tried} defaults were tried");
}

#[test]
fn what_the_example_of_a_key_shows_is_taken() {
    for (table, key) in keys() {
        if let ExampleValue::Set(literal) | ExampleValue::Comment(literal) = key.shown {
            let literal = literal.replace("DB_PASSWORD", "SECRET");
            let text = file_with(table, key, &literal);
            // A URL says the host itself.
            let text = if key.name == "url" {
                text.replace(
                    &format!("host = \"db{}\"\n", if table.name == "source" { 1 } else { 2 }),
                    "",
                )
            } else {
                text
            };
            let taken = toml(&text);
            assert!(taken.is_ok(), "{} = {literal}: {}", key.name, taken.unwrap_err().report());
        }
    }
}

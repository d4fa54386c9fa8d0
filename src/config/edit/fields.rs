//! The fields of a form: the keys of a table, with what is written for each.

use super::place::{KeyPlace, SectionPlace};
use super::values::{is_of_lines, shown};
use crate::config::keys::{self, AllowedWord, IntegerRange, Key, KeyDefault, Unit, ValueType};
use crate::config::reference::literal;
use crate::log::secrets::discreet_argument;
use toml_edit::{DocumentMut, Item, Value};

/// Keys that most files say something for; a form has the others folded.
const PLAIN: &[&str] =
    &["url", "password", "password_file", "name", "table", "id_column", "ids", "where"];

/// The keys of the source that say how it is reached.
const CONNECTION: &[&str] =
    &["url", "host", "port", "database", "user", "password", "password_file", "password_command"];

/// A key as a form asks for it.
#[derive(Clone, Debug)]
pub(crate) struct FormField {
    /// Its full name, which is that of the field and that of its problems: `source.url`.
    pub(crate) path: String,
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) input: FieldInput,
    /// What holds where nothing is written, in words.
    pub(crate) preset: String,
    pub(crate) text: FieldText,
    /// Whether a form has it folded.
    pub(crate) is_rare: bool,
}

/// How something is entered.
#[derive(Clone, Debug)]
pub(crate) enum FieldInput {
    Line,
    Lines,
    Number,
    /// One of these words, each with what it means.
    Words(Vec<(&'static str, &'static str)>),
    /// One of these words, or something like it.
    Suggested(Vec<(&'static str, &'static str)>),
    /// Never shown.
    Secret,
}

/// What a form shows of what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldText {
    /// The key is not there.
    Missing,
    Written(String),
    /// A secret stands in the file: kept as it is, and not shown.
    Hidden,
    /// In a way that a form cannot show.
    ByHand,
    /// It is changed in the file alone: it names a program that is run, and who may sign in to the
    /// window may not run what they like.
    FileOnly,
}

/// Fields that stand together.
#[derive(Clone, Debug)]
pub(crate) struct FormFields {
    /// As TOML heads their table.
    pub(crate) header: &'static str,
    pub(crate) help: &'static str,
    pub(crate) fields: Vec<FormField>,
}

impl FormField {
    fn of(document: &DocumentMut, section: &SectionPlace, key: &'static Key) -> Self {
        let path = format!("{}{}", section.prefix(), key.name);
        let item = KeyPlace::of(document, &path).and_then(|place| place.item(document).cloned());
        Self {
            name: key.name,
            help: key.help,
            input: input(key),
            preset: preset(key),
            text: text(item.as_ref(), key),
            is_rare: !PLAIN.contains(&key.name),
            path,
        }
    }
}

fn input(key: &Key) -> FieldInput {
    let words = |words: &'static [AllowedWord]| {
        FieldInput::Words(words.iter().map(|word| (word.word, word.help)).collect())
    };
    match key.value {
        _ if key.is_secret => FieldInput::Secret,
        ValueType::Choice(of) => words(of),
        ValueType::Ids(of) => {
            FieldInput::Suggested(of.iter().map(|word| (word.word, word.help)).collect())
        }
        ValueType::Boolean => FieldInput::Words(vec![("true", ""), ("false", "")]),
        ValueType::Integer(_) => FieldInput::Number,
        of if is_of_lines(of) => FieldInput::Lines,
        _ => FieldInput::Line,
    }
}

/// What holds where nothing is written, and what may be written in place of it.
fn preset(key: &Key) -> String {
    let preset = match key.preset {
        KeyDefault::Required => "must be written".to_owned(),
        KeyDefault::Described(words) => words.to_owned(),
        _ => literal(key).unwrap_or_default(),
    };
    match key.value {
        ValueType::Integer(range) => format!("{preset} ({})", range_in_words(&range)),
        ValueType::NamePairs => format!("{preset}; one pair a line: event = payload"),
        of if is_of_lines(of) => format!("{preset}; one a line"),
        _ => preset,
    }
}

fn range_in_words(range: &IntegerRange) -> String {
    let unit = match range.unit {
        Unit::None => "",
        Unit::Bytes => " bytes",
        Unit::Events => " events",
        Unit::Milliseconds => " ms",
    };
    format!("{} to {}{unit}", range.least, range.most)
}

fn text(item: Option<&Item>, key: &Key) -> FieldText {
    if matches!(key.value, ValueType::CommandLine) {
        return FieldText::FileOnly;
    }
    let Some(item) = item else { return FieldText::Missing };
    if key.is_secret {
        let written = item.as_str().unwrap_or_default();
        return match super::secrets::is_variable_alone(written) {
            true => FieldText::Written(written.to_owned()),
            false => FieldText::Hidden,
        };
    }
    match shown(item, key.value) {
        Some(written) if discreet_argument(&written) != written => FieldText::Hidden,
        Some(written) => FieldText::Written(written),
        None => FieldText::ByHand,
    }
}

/// Of a text that is TOML.
fn document(text: &str) -> Option<DocumentMut> {
    text.parse().ok()
}

fn section(document: &DocumentMut, name: &'static str, only: impl Fn(&Key) -> bool) -> FormFields {
    let (place, table) = match keys::TABLES.iter().find(|table| table.name == name) {
        Some(table) if !name.is_empty() => (SectionPlace::Named(table.name), table),
        _ => (SectionPlace::Root, &keys::ROOT),
    };
    let keys = place.keys(document).into_iter().filter(|key| only(key));
    let fields = keys.map(|key| FormField::of(document, &place, key)).collect();
    FormFields { header: table.header, help: table.help, fields }
}

/// How the source is reached; `None` where the text is no TOML.
pub(crate) fn of_source(text: &str) -> Option<FormFields> {
    Some(section(&document(text)?, "source", |key| CONNECTION.contains(&key.name)))
}

/// What is copied of the source, and how.
pub(crate) fn of_table(text: &str) -> Option<FormFields> {
    Some(section(&document(text)?, "source", |key| !CONNECTION.contains(&key.name)))
}

/// A destination.
pub(crate) fn of_destination(text: &str, index: usize) -> Option<FormFields> {
    let document = document(text)?;
    let place = SectionPlace::Destination(index);
    place.table(&document)?;
    let keys = place.keys(&document).into_iter();
    let fields = keys.map(|key| FormField::of(&document, &place, key)).collect();
    let table = keys::DESTINATION;
    Some(FormFields { header: table.header, help: table.help, fields })
}

/// How many destinations are written.
pub(crate) fn destinations_written(text: &str) -> usize {
    let count = |document: DocumentMut| match document.get("destinations") {
        Some(Item::ArrayOfTables(tables)) => tables.len(),
        Some(Item::Value(Value::Array(tables))) => tables.len(),
        _ => 0,
    };
    document(text).map_or(0, count)
}

/// What else a file says: its name, and sections that are neither a side nor the window.
pub(crate) fn of_settings(text: &str) -> Option<Vec<FormFields>> {
    let document = document(text)?;
    let elsewhere = [
        keys::SOURCE.name,
        keys::TABLE.name,
        keys::DESTINATION.name,
        keys::CONSOLE.name,
        keys::METRICS.name,
    ];
    let is_asked = |key: &Key| {
        !matches!(key.value, ValueType::Section | ValueType::SectionList | ValueType::SectionMap)
    };
    let of_root = section(&document, "", |key| key.name == "name");
    let tables = keys::TABLES.iter().filter(|table| !table.name.is_empty());
    let others = tables
        .filter(|table| !elsewhere.contains(&table.name))
        .map(|table| section(&document, table.name, is_asked));
    Some(std::iter::once(of_root).chain(others).collect())
}

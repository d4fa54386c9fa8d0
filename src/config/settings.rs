//! The value of a key as the table of keys has it: what is written, where it is right, otherwise
//! what holds without it.

use super::file::reader::{ConfigReader, ConfigSection, NamedValue};
use super::file::tree::ConfigValue;
use super::keys::{Key, KeyDefault, ValueType};
use crate::sql::{RowCondition, TableName};
use std::time::Duration;

const TABLE_FIX: &str = "write it as in SQL: events, public.events or \"My Schema\".\"Events\"";

/// The value of a key, if it is there and right.
pub(super) fn found<'a, T>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
    read: impl FnOnce(&mut ConfigReader<'a>, &NamedValue<'a>) -> Option<T>,
) -> Option<T> {
    let found = reader.find(section, name)?;
    read(reader, &found)
}

/// A whole number that is written, in the range of its key.
pub(super) fn written_integer<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Option<i64> {
    let key = section.known(name);
    let ValueType::Integer(range) = key.value else { unlike(key) };
    found(reader, section, name, |reader, found| reader.integer(found, range))
}

/// A whole number; the ranges of those that are read so begin at 0 or above.
pub(super) fn amount<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> u64 {
    let key = section.known(name);
    let KeyDefault::Integer(preset) = key.preset else { unlike(key) };
    written_integer(reader, section, name).unwrap_or(preset).unsigned_abs()
}

/// A number of things in memory.
pub(super) fn size<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> usize {
    usize::try_from(amount(reader, section, name)).unwrap_or(usize::MAX)
}

/// A duration, given in milliseconds.
pub(super) fn duration<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Duration {
    Duration::from_millis(amount(reader, section, name))
}

/// `true` or `false`.
pub(super) fn boolean<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> bool {
    let key = section.known(name);
    let KeyDefault::Boolean(preset) = key.preset else { unlike(key) };
    found(reader, section, name, ConfigReader::boolean).unwrap_or(preset)
}

/// One of the words of a key.
pub(super) fn word<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> &'static str {
    let key = section.known(name);
    written_word(reader, section, name).unwrap_or(preset_text(key))
}

/// One of the words of a key, if one is written.
pub(super) fn written_word<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Option<&'static str> {
    let known = words(section.known(name));
    found(reader, section, name, |reader, found| reader.choice(found, &known))
}

/// The words that a key takes.
pub(super) fn words(key: &Key) -> Vec<&'static str> {
    match key.value {
        ValueType::Choice(words) | ValueType::Ids(words) => {
            words.iter().map(|word| word.word).collect()
        }
        _ => unlike(key),
    }
}

/// A name as PostgreSQL has it, if one is written; "" where the key takes it.
pub(super) fn written_identifier<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Option<String> {
    let key = section.known(name);
    let ValueType::Identifier { may_be_empty } = key.value else { unlike(key) };
    found(reader, section, name, |reader, found| match &found.node.value {
        ConfigValue::Text(text) if text.is_empty() && may_be_empty => Some(String::new()),
        _ => reader.identifier(found),
    })
}

/// A name as PostgreSQL has it.
pub(super) fn identifier<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> String {
    written_identifier(reader, section, name)
        .unwrap_or_else(|| preset_text(section.known(name)).to_owned())
}

/// The words of a key that holds without being written.
pub(super) fn preset_text(key: &Key) -> &'static str {
    let KeyDefault::Text(preset) = key.preset else { unlike(key) };
    preset
}

/// A table of a database, if one is written.
pub(super) fn written_table<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Option<TableName> {
    found(reader, section, name, table)
}

/// Tables of a database, one or a list of them; none where nothing is written.
pub(super) fn written_tables<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Vec<TableName> {
    let Some(place) = reader.find(section, name) else {
        return Vec::new();
    };
    let ConfigValue::List(items) = &place.node.value else {
        return table(reader, &place).into_iter().collect();
    };
    if items.is_empty() {
        let what = format!("{} names no table", place.key);
        reader.problem(place.node.at, &place.key, what, TABLE_FIX);
    }
    let mut tables: Vec<TableName> = Vec::new();
    for node in items {
        let key = place.key.clone();
        let Some(table) = table(reader, &NamedValue { node, key }) else {
            continue;
        };
        if tables.contains(&table) {
            let what = format!("{} names {table} twice", place.key);
            reader.problem(node.at, &place.key, what, "remove one of them");
        } else {
            tables.push(table);
        }
    }
    tables
}

fn table(reader: &mut ConfigReader<'_>, found: &NamedValue<'_>) -> Option<TableName> {
    let text = reader.text(found)?;
    // The error of `parse` shows the value; what stands in the file is enough, and cannot be a
    // secret out of a variable.
    let table = TableName::parse(&text.value).ok();
    if table.is_none() {
        let what = format!("{} cannot be {:?}", found.key, text.written);
        reader.problem(found.node.at, &found.key, what, TABLE_FIX);
    }
    table
}

/// A condition over the columns of the source, if one is written; "" is none.
pub(super) fn condition<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Option<RowCondition> {
    found(reader, section, name, |reader, found| {
        let text = reader.text(found)?;
        if text.value.trim().is_empty() {
            return None;
        }
        match RowCondition::parse(&text.value) {
            Ok(condition) => Some(condition),
            Err(fault) => {
                let what = format!("{} is no condition that selects events: {fault}", found.key);
                let fix = "write one over the source's columns, whose answer for an event never \
                           changes, as in kind = 'order' or tenant in ('a', 'b')";
                reader.problem(found.node.at, &found.key, what, fix);
                None
            }
        }
    })
}

/// The table that a key names without being written.
pub(super) fn preset_table(key: &Key) -> TableName {
    TableName::parse(preset_text(key)).expect("the table of keys names a table as SQL has it")
}

fn unlike(key: &Key) -> ! {
    unreachable!("the key {} is read as something that the table of keys does not say", key.name)
}

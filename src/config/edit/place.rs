//! Where a key stands in a file: `name`, `source.url`, `destinations[0].url`.

use crate::config::keys::{self, Key};
use crate::config::kinds;
use crate::error::Error;
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// A table of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SectionPlace {
    /// The file itself.
    Root,
    /// `[source]`.
    Named(&'static str),
    /// One of `[[destinations]]`.
    Destination(usize),
}

/// A key of a file, with its place.
pub(super) struct KeyPlace {
    pub(super) section: SectionPlace,
    pub(super) key: &'static Key,
}

/// A table as it is written, to change it.
pub(super) enum SectionText<'a> {
    Headed(&'a mut Table),
    Inline(&'a mut InlineTable),
}

impl SectionPlace {
    /// `source.`, and what stands before a key of it.
    pub(super) fn prefix(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Named(name) => format!("{name}."),
            Self::Destination(index) => format!("destinations[{index}]."),
        }
    }

    /// The keys that may stand in it, in the order of the table of keys.
    pub(super) fn keys(&self, document: &DocumentMut) -> Vec<&'static Key> {
        match self {
            Self::Root => keys::ROOT.keys().collect(),
            Self::Named(name) => keys::TABLES
                .iter()
                .find(|table| table.name == *name)
                .map(|table| table.keys().collect())
                .unwrap_or_default(),
            Self::Destination(_) => {
                let url = self.table(document).and_then(|table| table.get("url")?.as_str());
                let kind = kinds::kind_of(url);
                keys::DESTINATION.keys().chain(kind.keys.iter().flat_map(|of| of.keys)).collect()
            }
        }
    }

    /// The table as it is written; `None` where it is not.
    pub(super) fn table<'a>(&self, document: &'a DocumentMut) -> Option<&'a dyn TableLike> {
        match self {
            Self::Root => Some(document.as_table()),
            Self::Named(name) => document.get(name)?.as_table_like(),
            Self::Destination(index) => match document.get("destinations")? {
                Item::ArrayOfTables(tables) => Some(tables.get(*index)?),
                Item::Value(Value::Array(tables)) => Some(tables.get(*index)?.as_inline_table()?),
                _ => None,
            },
        }
    }

    /// The same, to change it; it is made where there is none.
    pub(super) fn table_mut<'a>(&self, document: &'a mut DocumentMut) -> Option<SectionText<'a>> {
        match self {
            Self::Root => Some(SectionText::Headed(document.as_table_mut())),
            Self::Named(name) => {
                if !document.contains_key(name) {
                    let table = first_table(document);
                    document.insert(name, Item::Table(table));
                }
                text_of(document.get_mut(name)?)
            }
            Self::Destination(index) => match document.get_mut("destinations")? {
                Item::ArrayOfTables(tables) => Some(SectionText::Headed(tables.get_mut(*index)?)),
                Item::Value(Value::Array(tables)) => {
                    Some(SectionText::Inline(tables.get_mut(*index)?.as_inline_table_mut()?))
                }
                _ => None,
            },
        }
    }
}

fn text_of(item: &mut Item) -> Option<SectionText<'_>> {
    match item {
        Item::Table(table) => Some(SectionText::Headed(table)),
        Item::Value(Value::InlineTable(table)) => Some(SectionText::Inline(table)),
        _ => None,
    }
}

/// A new table; the comments of a file that says nothing else stay above it.
pub(super) fn first_table(document: &mut DocumentMut) -> Table {
    let mut table = Table::new();
    let comments = document.trailing().as_str().unwrap_or_default().to_owned();
    if document.is_empty() && !comments.trim().is_empty() {
        table.decor_mut().set_prefix(format!("{}\n\n", comments.trim_end()));
        document.set_trailing("");
    }
    table
}

impl KeyPlace {
    /// The key of this full name, where a form may change it.
    pub(super) fn of(document: &DocumentMut, path: &str) -> Option<Self> {
        let (section, name) = match path.rsplit_once('.') {
            None => (SectionPlace::Root, path),
            Some((section, name)) => (section_of(section)?, name),
        };
        let key = section.keys(document).into_iter().find(|key| key.name == name)?;
        Some(Self { section, key })
    }

    /// What is written for it.
    pub(super) fn item<'a>(&self, document: &'a DocumentMut) -> Option<&'a Item> {
        self.section.table(document)?.get(self.key.name)
    }
}

fn section_of(text: &str) -> Option<SectionPlace> {
    if let Some(index) = text.strip_prefix("destinations[").and_then(|rest| rest.strip_suffix(']'))
    {
        return index.parse().ok().map(SectionPlace::Destination);
    }
    let table = keys::TABLES.iter().find(|table| table.name == text && !text.is_empty())?;
    Some(SectionPlace::Named(table.name))
}

/// The key that a problem of this file is about: what stands after file, line and column.
pub(crate) fn key_of<'a>(problem: &'a Error, file: &str) -> Option<&'a str> {
    let rest = problem.place()?.strip_prefix(file)?.strip_prefix(':')?;
    let (place, key) = rest.split_once(", ").unwrap_or((rest, ""));
    let is_place = place.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    is_place.then_some(key)
}

//! The columns that are copied, as written, and what must be among them.

use super::GroupBy;
use super::file::reader::{ConfigReader, ConfigSection, NamedValue};
use super::file::tree::ConfigValue;

/// A list of columns, with its place.
#[derive(Debug, PartialEq)]
pub(super) struct ColumnList {
    /// Empty: all.
    pub(super) names: Vec<String>,
    at: usize,
    key: String,
}

/// What the columns of a table are for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ColumnRoles<'a> {
    /// `None`: all are copied.
    pub(super) copied: Option<&'a ColumnList>,
    pub(super) id: &'a str,
    pub(super) group_by: &'a GroupBy,
    pub(super) time: Option<&'a str>,
}

/// The list, if one is written.
pub(super) fn written<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> Option<ColumnList> {
    let list = reader.find(section, "columns")?;
    let ConfigValue::List(items) = &list.node.value else {
        let what = format!("{} must be a list, not {}", list.key, list.node.value.describe());
        let fix = "write the names of columns, as in [\"id\", \"ts\"]";
        reader.problem(list.node.at, &list.key, what, fix);
        return None;
    };
    let mut names: Vec<String> = Vec::new();
    for node in items {
        let key = list.key.clone();
        let Some(name) = reader.identifier(&NamedValue { node, key }) else { continue };
        if names.contains(&name) {
            let what = format!("{} names {name:?} twice", list.key);
            reader.problem(node.at, &list.key, what, "remove one of them");
        } else {
            names.push(name);
        }
    }
    Some(ColumnList { names, at: list.node.at, key: list.key })
}

impl ColumnRoles<'_> {
    /// Tells which columns are needed and not copied.
    pub(super) fn require_copied(&self, reader: &mut ConfigReader<'_>) {
        let Some(copied) = self.copied.filter(|copied| !copied.names.is_empty()) else { return };
        let group_by = match self.group_by {
            GroupBy::Column(column) => Some(column.as_str()),
            GroupBy::Off | GroupBy::IfPresent(_) => None,
        };
        let needed = [
            (Some(self.id), "the key column", ""),
            (group_by, "the column of group_by", ", or set group_by = \"\""),
            (self.time, "the column of time_column", ", or leave time_column out"),
        ];
        for (name, role, otherwise) in needed {
            let Some(name) = name.filter(|name| !copied.names.iter().any(|known| known == name))
            else {
                continue;
            };
            let all = std::iter::once(name).chain(copied.names.iter().map(String::as_str));
            let all: Vec<String> = all.map(|name| format!("{name:?}")).collect();
            let what = format!("{} lacks {role}, {name:?}", copied.key);
            let fix = format!("columns = [{}]{otherwise}", all.join(", "));
            reader.problem(copied.at, &copied.key, what, fix);
        }
    }
}

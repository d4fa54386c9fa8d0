//! What a destination calls the columns of the source, as written.

use super::file::reader::{ConfigReader, ConfigSection, NamedValue};
use super::file::tree::ConfigValue;
use crate::sql::ColumnNames;

/// The names that are written.
pub(super) fn written<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> ColumnNames {
    let Some(table) = reader.find(section, "rename") else { return ColumnNames::default() };
    let ConfigValue::Table(entries) = &table.node.value else {
        let what = format!("{} must be a table, not {}", table.key, table.node.value.describe());
        let fix = "write the source's name and the destination's, as in { event = \"payload\" }";
        reader.problem(table.node.at, &table.key, what, fix);
        return ColumnNames::default();
    };
    let mut pairs: Vec<(String, String)> = Vec::new();
    for entry in entries {
        let key = format!("{}.{}", table.key, entry.key);
        let Some(there) = reader.identifier(&NamedValue { node: &entry.node, key: key.clone() })
        else {
            continue;
        };
        if let Some((other, _)) = pairs.iter().find(|(_, known)| *known == there) {
            let what = format!("columns {other:?} and {:?} would both be {there:?}", entry.key);
            reader.problem(entry.node.at, &key, what, "give each column a name of its own");
        }
        pairs.push((entry.key.clone(), there));
    }
    ColumnNames::new(pairs)
}

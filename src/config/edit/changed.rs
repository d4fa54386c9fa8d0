//! Which keys differ between two texts, by their full names: for the log, which gets no values.

use std::collections::BTreeMap;
use toml_edit::{DocumentMut, Item, TableLike, Value};

/// The full names of all keys that are new, gone or have another value.
pub(crate) fn changed_keys(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (values_of(old), values_of(new));
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let changed = names.filter(|name| old.get(*name) != new.get(*name));
    let mut changed: Vec<String> = changed.cloned().collect();
    changed.sort();
    changed
}

/// Each value by its full name; none of a text that is no TOML.
fn values_of(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    if let Ok(document) = text.parse::<DocumentMut>() {
        of_table("", document.as_table(), &mut values);
    }
    values
}

fn of_table(prefix: &str, table: &dyn TableLike, values: &mut BTreeMap<String, String>) {
    for (key, item) in table.iter() {
        let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        match item {
            Item::None => {}
            Item::Table(table) => of_table(&name, table, values),
            Item::ArrayOfTables(tables) => {
                for (index, table) in tables.iter().enumerate() {
                    of_table(&format!("{name}[{index}]"), table, values);
                }
            }
            Item::Value(Value::InlineTable(table)) => of_table(&name, table, values),
            Item::Value(value) => {
                values.insert(name, value.clone().decorated("", "").to_string());
            }
        }
    }
}

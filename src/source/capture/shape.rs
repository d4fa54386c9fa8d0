//! What a captured table looks like: its columns, its key, its partitions. A change of them may
//! change rows without a change event, so it is never passed over.

use super::facts::CapturableTable;
use serde::{Deserialize, Serialize};

/// See the module. Kept in the log as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CapturedShape {
    columns: Vec<ShapedColumn>,
    key: Vec<String>,
    /// Schema and name of each; empty for a table that is not partitioned.
    partitions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ShapedColumn {
    name: String,
    #[serde(rename = "type")]
    type_name: String,
    is_not_null: bool,
    generated: String,
}

impl CapturedShape {
    /// Of a table as it is.
    pub(super) fn of(table: &CapturableTable) -> Self {
        let column = |column: &super::facts::CapturableColumn| ShapedColumn {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            is_not_null: column.is_not_null,
            generated: column.generated.clone(),
        };
        Self {
            columns: table.columns.iter().map(column).collect(),
            key: table.key.clone().unwrap_or_default(),
            partitions: table.tree.iter().skip(1).map(|of| of.name.to_string()).collect(),
        }
    }

    /// What has changed, one sentence for each; empty where nothing has.
    pub(super) fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for column in &now.columns {
            match self.columns.iter().find(|before| before.name == column.name) {
                None => changes.push(format!("column {} is new", column.name)),
                Some(before) if before != column => changes.push(format!(
                    "column {} was {}, and is {}",
                    column.name,
                    before.words(),
                    column.words()
                )),
                Some(_) => {}
            }
        }
        let is_gone = |column: &&ShapedColumn| now.columns.iter().all(|is| is.name != column.name);
        let gone = self.columns.iter().filter(is_gone);
        changes.extend(gone.map(|column| format!("column {} is gone", column.name)));
        if self.key != now.key {
            changes.push(format!("the key was {}, and is {}", list(&self.key), list(&now.key)));
        }
        let lacks = |of: &Self, name: &String| !of.partitions.contains(name);
        let added = now.partitions.iter().filter(|name| lacks(self, name));
        changes.extend(added.map(|name| format!("partition {name} is new")));
        let removed = self.partitions.iter().filter(|name| lacks(now, name));
        changes.extend(removed.map(|name| format!("partition {name} is gone")));
        changes
    }
}

impl ShapedColumn {
    fn words(&self) -> String {
        let null = if self.is_not_null { " not null" } else { "" };
        let generated = match self.generated.as_str() {
            "" => "",
            "v" => ", generated when it is read",
            _ => ", generated",
        };
        format!("{}{null}{generated}", self.type_name)
    }
}

fn list(columns: &[String]) -> String {
    if columns.is_empty() { "nothing".to_owned() } else { format!("({})", columns.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(columns: &[(&str, &str)], key: &[&str], partitions: &[&str]) -> CapturedShape {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let column = |(name, type_name): &(&str, &str)| ShapedColumn {
            name: (*name).to_owned(),
            type_name: (*type_name).to_owned(),
            is_not_null: false,
            generated: String::new(),
        };
        CapturedShape {
            columns: columns.iter().map(column).collect(),
            key: owned(key),
            partitions: owned(partitions),
        }
    }

    #[test]
    fn every_change_is_told_and_the_order_of_partitions_is_none() {
        let before = shape(&[("id", "bigint"), ("old", "text")], &["id"], &["p.a", "p.b"]);
        let same = shape(&[("id", "bigint"), ("old", "text")], &["id"], &["p.b", "p.a"]);
        assert!(before.changes(&same).is_empty());
        let now = shape(&[("id", "numeric"), ("new", "text")], &[], &["p.b", "p.c"]);
        assert_eq!(
            before.changes(&now),
            [
                "column id was bigint, and is numeric",
                "column new is new",
                "column old is gone",
                "the key was (id), and is nothing",
                "partition p.c is new",
                "partition p.a is gone",
            ]
        );
    }
}

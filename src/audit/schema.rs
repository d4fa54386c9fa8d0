//! Whether two tables can be compared row by row, as a verdict of its own.

use crate::error::Problems;
use crate::event::compatible;
use crate::event::table::{Column, Origin, Table};
use crate::event::wire::Wire;
use crate::sql;

/// What the comparison of two tables' columns came to.
#[derive(Clone, Debug)]
pub enum Schema {
    /// Every column of the first has its like in the second, and is compared.
    Like {
        /// The columns, in the order of the first.
        wire: Wire,
        /// What is not the same and hides no difference of the rows that are compared.
        notes: Vec<String>,
    },
    /// A column has no like in the second: rows cannot be equal.
    Unlike(Problems),
}

impl Schema {
    /// Compares columns by name.
    pub fn of(first: &Table, second: &Table, id_column: &str) -> Self {
        let wire = match compatible::wire(first, second, id_column) {
            Ok(wire) => wire,
            Err(problems) => return Self::Unlike(problems),
        };
        let mut notes = Vec::new();
        let of_both = |table: &Table, other: &Table| -> Vec<String> {
            let common = table.columns.iter().filter(|column| other.column(&column.name).is_some());
            common.map(|column| column.name.clone()).collect()
        };
        let (ours, theirs) = (of_both(first, second), of_both(second, first));
        if ours != theirs {
            notes.push(format!("the order of columns differs: {} and {}", listed(&ours), listed(&theirs)));
        }
        for column in &second.columns {
            notes.extend(note(first.column(&column.name), column));
        }
        Self::Like { wire, notes }
    }
}

/// What a person should know of a column of the second side.
fn note(first: Option<&Column>, second: &Column) -> Option<String> {
    let name = sql::ident(&second.name);
    match first {
        None => Some(format!("column {name} is in the second table only; it is not compared")),
        Some(_) if second.origin == Origin::Generated => Some(format!("column {name} is computed by the second table; it is not compared")),
        // Not by oid: types of a user have another one in each database.
        Some(first) if first.type_name != second.type_name => Some(format!(
            "column {name} is {} in the first table and {} in the second; values are compared as {}",
            first.type_name, second.type_name, second.type_name
        )),
        Some(first) if first.is_not_null != second.is_not_null => {
            let side = if first.is_not_null { "first" } else { "second" };
            Some(format!("column {name} is NOT NULL in the {side} table only"))
        }
        Some(_) => None,
    }
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| sql::ident(name)).collect();
    format!("({})", quoted.join(", "))
}

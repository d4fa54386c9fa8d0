//! Whether tables can be compared row by row: each by itself, and both by their columns, as a
//! verdict of its own.

use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::wire::Wire;
use crate::postgres::table::compatible;
use crate::postgres::table::types::{self, TypeUse, UserTypes};
use crate::postgres::table::{Column, ColumnOrigin, EventTable, TableName};
use crate::sql;
use postgres_types::Type;

/// Confirms that the rows of a table can be read in the order of their ids, all of them.
///
/// # Errors
/// `Unsuitable` with the remedy: no such table or column, a view, no unique index on the id, tables
/// that inherit from it.
pub(crate) fn comparable(
    table: Option<EventTable>,
    name: &TableName,
    id_column: &str,
) -> Result<EventTable> {
    let refuse = |what: String, fix: &str| Err(Error::new(ErrorKind::Unsuitable, what).fix(fix));
    let Some(table) = table else {
        return refuse(
            format!("there is no table {name}"),
            "name the table with --table, or correct the URL",
        );
    };
    let id = sql::ident(table.names.there(id_column));
    let fix = "rows are compared by their integer id: name its column";
    let Some(column) = table.column(id_column) else {
        return refuse(format!("table {name} has no column {id}"), fix);
    };
    if !is_integer(&column.type_use(), &table.types) {
        return refuse(format!("{name}.{id} is {}, not an integer", column.type_name), fix);
    }
    if matches!(table.kind, 'v' | 'f') {
        let what = format!("{name} is a view or a foreign table, which has no index to read by");
        return refuse(what, "name the table itself, in the database that stores it");
    }
    if table.has_children {
        let what = format!(
            "other tables inherit from {name}, and no index is unique over the rows of all"
        );
        return refuse(what, "compare each of the tables by itself, or make them partitions");
    }
    if !table.has_id_key && !table.has_wide_key {
        let index =
            format!("CREATE UNIQUE INDEX ON {name} ({id}{});", table.behind_the_id(id_column));
        return refuse(format!("table {name} has no unique index on {id} alone"), &index);
    }
    table.require_select()?;
    Ok(table)
}

/// Whether it is an integer, or a domain over one: no other id is exactly what it is as an `int8`.
fn is_integer(of: &TypeUse, types: &UserTypes) -> bool {
    let Some(name) = &of.refers else {
        return [Type::INT2, Type::INT4, Type::INT8].iter().any(|known| known.oid() == of.oid);
    };
    // An array of it is of another oid.
    let domain = types.get(name).filter(|known| {
        known.oid == of.oid && matches!(known.kind, types::UserTypeKind::Domain { .. })
    });
    let base = domain.and_then(|domain| domain.parts.first()?.of.as_ref());
    base.is_some_and(|base| is_integer(base, types))
}

/// What the comparison of two tables' columns came to.
#[derive(Clone, Debug)]
pub enum SchemaComparison {
    /// Every column of the first has its like in the second, and is compared.
    Like {
        /// The columns as they are compared, in the order of the first.
        wire: Wire,
        /// Those of them that are given to the second side when a row is inserted there; or why
        /// none can be.
        inserted: Result<Wire, Problems>,
        /// Columns whose comparison cannot be certain, and why.
        uncertain: Vec<String>,
        /// What is not the same and hides no difference of the rows that are compared.
        notes: Vec<String>,
    },
    /// A column has no like in the second: rows cannot be equal.
    Unlike(Problems),
}

impl SchemaComparison {
    /// Compares columns by name.
    pub fn of(first: &EventTable, second: &EventTable, id_column: &str) -> Self {
        let wire = match compatible::compared(first, second) {
            Ok(wire) => wire.compared(),
            Err(problems) => return Self::Unlike(problems),
        };
        // What an INSERT would lack hides no difference of the rows there are.
        let inserted = compatible::wire(first, second, id_column);
        let uncertain = compatible::unknown_texts(first, &wire).into_iter().map(|(column, of)| {
            format!(
                "column {} is compared as the text of type {of}, which is not known to represent a \
                 value completely: what it omits was not compared",
                sql::ident(&column.name)
            )
        });
        let mut notes = Vec::new();
        let ours = first.columns.iter().filter(|column| second.column(&column.name).is_some());
        let theirs = second.columns.iter().filter_map(|column| second.source_of(column, first));
        let names = |column: &Column| column.name.clone();
        let (ours, theirs): (Vec<String>, Vec<String>) =
            (ours.map(names).collect(), theirs.map(names).collect());
        if ours != theirs {
            notes.push(format!(
                "the order of columns differs: {} and {}",
                listed(&ours),
                listed(&theirs)
            ));
        }
        let is_chosen_not = |column: &&Column| {
            first.not_copied.iter().any(|of| second.names.at_source(&column.name) == Some(&of.name))
        };
        for column in second.columns.iter().filter(|column| !is_chosen_not(column)) {
            notes.extend(note(second.source_of(column, first), column));
        }
        notes.extend(not_compared(first));
        let unmet = inserted.as_ref().err().into_iter().flat_map(Problems::iter);
        notes.extend(unmet.map(|problem| {
            format!("rows cannot be inserted into the second table: {}", problem.what())
        }));
        Self::Like {
            uncertain: uncertain.chain(compatible::ambiguous_text(first, second)).collect(),
            wire,
            inserted,
            notes,
        }
    }
}

/// What the configuration leaves out.
fn not_compared(first: &EventTable) -> Option<String> {
    let names: Vec<String> = first.not_copied.iter().map(|of| of.name.clone()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "columns {} are not among those that are copied; they are not compared",
            listed(&names)
        )
    })
}

/// What a person should know of a column of the second side.
fn note(first: Option<&Column>, second: &Column) -> Option<String> {
    let name = sql::ident(&second.name);
    match first {
        None => Some(format!("column {name} is in the second table only; it is not compared")),
        Some(first)
            if (first.origin, second.origin)
                == (ColumnOrigin::Generated, ColumnOrigin::Generated)
                && first.computed_as != second.computed_as =>
        {
            let shown = |column: &Column| column.computed_as.clone().unwrap_or_default();
            Some(format!(
                "column {name} is computed as {} in the first table and as {} in the second",
                shown(first),
                shown(second)
            ))
        }
        Some(first)
            if first.origin != ColumnOrigin::Generated
                && second.origin == ColumnOrigin::Generated =>
        {
            Some(format!("column {name} is computed by the second table"))
        }
        // Not by oid: types of a user have another one in each database.
        Some(first) if first.type_name != second.type_name => Some(format!(
            "column {name} is {} in the first table and {} in the second; values are compared as \
             {}",
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

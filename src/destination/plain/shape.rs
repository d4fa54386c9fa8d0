//! Whether a table of another engine can hold what the source has, column by column: a pure
//! comparison of two descriptions.

use super::form::ColumnForm;
use crate::error::{Error, ErrorKind, Problems, Warning};
use crate::event::wire::{Wire, WireColumn};
use crate::postgres::table::as_text::text_wire;
use crate::postgres::table::{Column, EventTable, compatible, renamed};
use crate::sql::{ColumnNames, RowCondition, ident};

/// A column of a table of another engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlainColumn {
    /// As the table calls it.
    pub(crate) name: String,
    /// As it is declared.
    pub(crate) type_name: String,
    pub(crate) is_not_null: bool,
    pub(crate) has_default: bool,
    /// Whether the table computes it.
    pub(crate) is_computed: bool,
}

/// A table of another engine. Its columns are told apart without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlainTable {
    pub(crate) name: String,
    pub(crate) columns: Vec<PlainColumn>,
}

/// What fits.
#[derive(Clone, Debug)]
pub(crate) struct PlainShape {
    /// What travels, with the rows that are wanted.
    pub(crate) wire: Wire,
    /// How each column keeps its values.
    pub(crate) forms: Vec<ColumnForm>,
    /// What each column is called there.
    pub(crate) names: Vec<String>,
    /// What a person should know.
    pub(crate) warnings: Vec<Warning>,
}

/// What an engine says of its columns.
pub(crate) trait PlainTypes {
    /// The form in which this column keeps the values of that one of the source; `None`: in none
    /// that loses nothing.
    fn form(&self, from: &WireColumn, to: &PlainColumn) -> Option<ColumnForm>;

    /// The type that `init` would give a column for values of this form.
    fn made_as(&self, from: &WireColumn) -> String;

    /// How a name is quoted.
    fn quoted(&self, name: &str) -> String {
        ident(name)
    }
}

impl PlainTable {
    pub(crate) fn column(&self, name: &str) -> Option<&PlainColumn> {
        self.columns.iter().find(|column| is_same_name(&column.name, name))
    }
}

/// Names of columns are told apart without regard to the case of ASCII letters, and of no others.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// What travels from a source under the names of a destination, before its table is looked at.
///
/// # Errors
/// `Unsuitable`: names that the source does not have; two that differ only by case.
pub(crate) fn wire(
    source: &EventTable,
    names: &ColumnNames,
    rows: Option<&RowCondition>,
) -> Result<Wire, Problems> {
    let mut problems = renamed::problems(source, names);
    for (at, column) in source.columns.iter().enumerate() {
        let there = names.there(&column.name);
        let is_alike = |other: &&Column| is_same_name(names.there(&other.name), there);
        if let Some(other) = source.columns[..at].iter().find(is_alike) {
            let what = format!(
                "columns {} and {} would be one there, where case does not tell names apart",
                ident(&other.name),
                ident(&column.name)
            );
            problems.push(
                Error::new(ErrorKind::Unsuitable, what)
                    .at(source.name.to_string())
                    .fix("give one of them another name with rename, or leave it out with columns"),
            );
        }
    }
    problems.or_ok(text_wire(source).of_rows(rows.cloned()))
}

/// Whether every column of the source has its like.
///
/// # Errors
/// `Unsuitable`, all together: a column that is missing, computed, of a form that would lose
/// something; one there that must be given and is not at the source.
pub(crate) fn fitted(
    source: &EventTable,
    there: &PlainTable,
    (names, rows): (&ColumnNames, Option<&RowCondition>),
    types: &dyn PlainTypes,
) -> Result<PlainShape, Problems> {
    let wire = wire(source, names, rows)?;
    let (mut problems, mut forms, mut stored) = (Problems::new(), Vec::new(), Vec::new());
    for from in &wire.columns {
        match fit(from, there, names, types) {
            Ok((form, to)) => {
                forms.push(form);
                stored.push(to.name.clone());
            }
            Err(error) => problems.push(error),
        }
    }
    let is_given = |to: &PlainColumn| {
        wire.columns.iter().any(|from| is_same_name(names.there(&from.name), &to.name))
    };
    for to in &there.columns {
        if to.is_not_null && !to.has_default && !to.is_computed && !is_given(to) {
            problems.push(
                unlike(there, format!("column {} must be given, and is not copied", to.name))
                    .fix("give it a default there, or allow NULL"),
            );
        }
    }
    let warnings = cautions(source, there, names, &wire);
    problems.or_ok(PlainShape { wire, forms, names: stored, warnings })
}

fn fit<'a>(
    from: &WireColumn,
    there: &'a PlainTable,
    names: &ColumnNames,
    types: &dyn PlainTypes,
) -> Result<(ColumnForm, &'a PlainColumn), Error> {
    let name = names.there(&from.name);
    let (table, column) = (types.quoted(&there.name), types.quoted(name));
    let made_as = types.made_as(from);
    let Some(to) = there.column(name) else {
        let have: Vec<&str> = there.columns.iter().map(|column| column.name.as_str()).collect();
        return Err(unlike(there, format!("the destination has no column {column}"))
            .because(format!("it has {}", have.join(", ")))
            .fix(format!("ALTER TABLE {table} ADD COLUMN {column} {made_as};")));
    };
    if to.is_computed {
        return Err(unlike(there, format!("column {column} is computed by the destination"))
            .fix("make it a plain column, or leave it out with columns in [source]"));
    }
    let form = types.form(from, to).ok_or_else(|| {
        let declared = if to.type_name.is_empty() { "no type" } else { &to.type_name };
        unlike(
            there,
            format!(
                "column {column} has {declared} there, in which values would not stay as they are"
            ),
        )
        .fix(format!(
            "declare it as {made_as}, which counterfoil init destination does, or as text, which \
             keeps every value"
        ))
    })?;
    Ok((form, to))
}

fn unlike(there: &PlainTable, what: String) -> Error {
    Error::new(ErrorKind::Unsuitable, what).at(there.name.clone())
}

fn cautions(
    source: &EventTable,
    there: &PlainTable,
    names: &ColumnNames,
    wire: &Wire,
) -> Vec<Warning> {
    let null = source.columns.iter().filter_map(|from| {
        let to = there.column(names.there(&from.name))?;
        (to.is_not_null && !from.is_not_null).then(|| {
            let what = format!(
                "column {} may be NULL at the source, and the destination would refuse such an event",
                ident(&to.name)
            );
            Warning::new(what, "allow NULL there")
        })
    });
    let unknown = compatible::unknown_texts(source, wire).into_iter().map(|(column, of)| {
        let what = format!(
            "column {} is copied as the text of type {of}, which is not known to represent a value \
             completely: what it omits is neither copied nor compared",
            ident(&column.name)
        );
        Warning::new(what, "")
    });
    null.chain(renamed::absent(source, names)).chain(unknown).collect()
}

#[cfg(test)]
mod tests;

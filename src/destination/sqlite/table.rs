//! A table of a file as its schema describes it, and whether events can be appended to it.

use super::file::SqliteFile;
use crate::destination::plain::form::ColumnForm;
use crate::destination::plain::shape::{PlainColumn, PlainTable, PlainTypes, is_same_name};
use crate::error::{Error, ErrorKind, Problems, Warning};
use crate::event::wire::WireColumn;
use crate::sql::{GUARD, fill, ident, text, without_header};
use rusqlite::{OptionalExtension, Row};

/// A table of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqliteTable {
    /// Name and columns, as they were written.
    pub(crate) plain: PlainTable,
    kind: String,
    is_strict: bool,
    primary_key: Vec<String>,
    /// Columns that a unique index has alone.
    keys: Vec<String>,
    triggers: Vec<String>,
    /// All that defines it; another text after any change that matters.
    pub(crate) definition: String,
}

/// Where values are kept, which a declared type decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnAffinity {
    Integer,
    Real,
    Text,
    Blob,
    /// Converts what looks like a number, or keeps whatever it is.
    Other,
}

impl ColumnAffinity {
    /// Of a declared type (sqlite.org, "Determination Of Column Affinity").
    fn of(declared: &str) -> Self {
        let declared = declared.to_uppercase();
        let has = |part: &&str| declared.contains(*part);
        if has(&"INT") {
            Self::Integer
        } else if ["CHAR", "CLOB", "TEXT"].iter().any(has) {
            Self::Text
        } else if declared.contains("BLOB") {
            Self::Blob
        } else if ["REAL", "FLOA", "DOUB"].iter().any(has) {
            Self::Real
        } else {
            Self::Other
        }
    }

    fn of_form(form: ColumnForm) -> Self {
        match form {
            ColumnForm::Integer | ColumnForm::Boolean => Self::Integer,
            ColumnForm::Single | ColumnForm::Double => Self::Real,
            ColumnForm::Bytes => Self::Blob,
            ColumnForm::Text => Self::Text,
        }
    }

    /// As `init` declares it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob | Self::Other => "BLOB",
        }
    }
}

/// The types of SQLite.
pub(crate) struct SqliteTypes;

impl PlainTypes for SqliteTypes {
    fn form(&self, from: &WireColumn, to: &PlainColumn) -> Option<ColumnForm> {
        let own = ColumnForm::of(from);
        match ColumnAffinity::of(&to.type_name) {
            affinity if affinity == ColumnAffinity::of_form(own) => Some(own),
            // As the text that PostgreSQL writes.
            ColumnAffinity::Text => Some(ColumnForm::Text),
            _ => None,
        }
    }

    fn made_as(&self, from: &WireColumn) -> String {
        ColumnAffinity::of_form(ColumnForm::of(from)).name().to_owned()
    }
}

impl SqliteTable {
    /// Describes a table; `None` where there is none of the name.
    pub(crate) fn read(file: &SqliteFile, name: &str) -> rusqlite::Result<Option<Self>> {
        let ask =
            |statement: &'static str| file.connection.prepare_cached(without_header(statement));
        let found: Option<(String, String, bool)> =
            ask(include_str!("../../../sql/sqlite/table.sql"))?
                .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
        let Some((name, kind, is_strict)) = found else { return Ok(None) };
        let mut columns = ask(include_str!("../../../sql/sqlite/columns.sql"))?;
        let columns = columns.query_map([&name], column)?.collect::<Result<Vec<_>, _>>()?;
        let texts = |statement: &'static str| -> rusqlite::Result<Vec<String>> {
            ask(statement)?.query_map([&name], |row| row.get(0))?.collect()
        };
        let key = columns.iter().filter(|(_, is_key)| *is_key);
        Ok(Some(Self {
            primary_key: key.map(|(column, _)| column.name.clone()).collect(),
            keys: texts(include_str!("../../../sql/sqlite/keys.sql"))?,
            triggers: texts(include_str!("../../../sql/sqlite/triggers.sql"))?,
            definition: definition(file, &name)?,
            plain: PlainTable {
                columns: columns.into_iter().map(|(column, _)| column).collect(),
                name,
            },
            kind,
            is_strict,
        }))
    }

    /// Whether its rows can be told by this id; its columns apart.
    pub(crate) fn problems(&self, id: &str) -> Problems {
        let name = ident(&self.plain.name);
        let unfit =
            |what: String| Error::new(ErrorKind::Unsuitable, what).at(self.plain.name.clone());
        if self.kind != "table" {
            let what = format!("{name} is a {} table or a view", self.kind);
            return unfit(what).fix("name a table").into();
        }
        let Some(column) = self.plain.column(id) else { return Problems::new() };
        let is_only = |names: &[String]| matches!(names, [only] if is_same_name(only, id));
        let is_primary = is_only(&self.primary_key);
        let is_key = is_primary || self.keys.iter().any(|key| is_same_name(key, id));
        // Only of the key that is the number of the row NULL is refused without being told to.
        let is_row_number = is_primary && column.type_name.eq_ignore_ascii_case("integer");
        let mut problems = Problems::new();
        if ColumnAffinity::of(&column.type_name) != ColumnAffinity::Integer {
            let what = format!("{name}.{} is not declared as INTEGER", ident(&column.name));
            problems.push(unfit(what).fix("counterfoil init destination makes a table that fits"));
        } else if !is_row_number && !column.is_not_null {
            let what = format!("{name}.{} may be NULL", ident(&column.name));
            problems.push(unfit(what).fix("counterfoil init destination makes a table that fits"));
        } else if !is_key {
            let id = ident(&column.name);
            problems.push(
                unfit(format!("no unique index has {id} of {name} alone as its key")).fix(format!(
                    "CREATE UNIQUE INDEX {} ON {name} ({id});",
                    ident(&format!("{}_id", self.plain.name))
                )),
            );
        }
        problems
    }

    /// Whether it has a trigger of this name.
    pub(crate) fn has_trigger(&self, name: &str) -> bool {
        self.triggers.iter().any(|trigger| is_same_name(trigger, name))
    }

    /// What a person should know of it.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let own = |trigger: &&String| !trigger.starts_with(GUARD);
        let triggers = self.triggers.iter().filter(own).map(|trigger| {
            let what = format!(
                "trigger {} of {} fires at what it is for, and can change or remove what is stored",
                ident(trigger),
                ident(&self.plain.name)
            );
            Warning::new(what, "")
        });
        let loose = (!self.is_strict).then(|| {
            let what = format!(
                "{} is no STRICT table: other programs can store values of other types in it",
                ident(&self.plain.name)
            );
            Warning::new(what, "such a value differs from the source's when it is compared")
        });
        triggers.chain(loose).collect()
    }
}

/// All that defines a table now.
pub(crate) fn definition(file: &SqliteFile, name: &str) -> rusqlite::Result<String> {
    let statement = without_header(include_str!("../../../sql/sqlite/definition.sql"));
    file.connection.prepare_cached(statement)?.query_row([name], |row| row.get(0))
}

/// A column, and whether it is of the primary key.
fn column(row: &Row<'_>) -> rusqlite::Result<(PlainColumn, bool)> {
    let (key, hidden): (i64, i64) = (row.get(4)?, row.get(5)?);
    let column = PlainColumn {
        name: row.get(0)?,
        type_name: row.get(1)?,
        is_not_null: row.get(2)?,
        has_default: row.get(3)?,
        is_computed: hidden != 0,
    };
    Ok((column, key > 0))
}

/// A statement of `sql/sqlite/` about a table and its id.
pub(crate) fn statement(file: &str, table: &str, id: &str) -> String {
    fill(without_header(file), &[("table", text(table)), ("id", text(id))])
}

#[cfg(test)]
mod tests;

//! What travels: the columns copied and their form, the same for all lanes that share a read.

use super::frame::{CopyFormat, RowLayout};
use crate::sql::{ColumnNames, RowCondition, ident};
use postgres_types::Type;

/// What travels from a source to a destination. Lanes whose wires are equal can share one read of
/// the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    /// The columns that are copied, in the order of the source.
    pub columns: Vec<WireColumn>,
    /// The form of the rows.
    pub format: CopyFormat,
    /// Which rows of the source travel; `None`: all.
    pub rows: Option<RowCondition>,
}

/// A column that is copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WireColumn {
    /// Name, as the source has it.
    pub name: String,
    /// How its value is read.
    pub read_as: ReadAs,
    /// Oid of the built-in type that arrives, after the cast that `read_as` makes. `None` for a
    /// type outside `pg_catalog`: its oid differs from database to database, and equal wires stay
    /// equal.
    pub type_oid: Option<u32>,
}

/// How the value of a column is read, so that what travels is all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadAs {
    /// As it is.
    Plain,
    /// `bytea` on both sides: as it is, but never as text, which is twice as long.
    Bytes,
    /// `int4` that becomes the destination's `int8`.
    Widened,
    /// `xml`: its own output leaves the declaration out, its cast to text is what is stored.
    Xml,
    /// An array or a floating-point number that travels in binary form: as it is. That form tells
    /// how it is stored, which of equal ones can differ (the bounds of an empty array, the sign of
    /// a NaN).
    Stored,
    /// The same where it is compared: made again from its text, so that equal ones have one form.
    Anew,
}

impl WireColumn {
    /// The value as it travels; `of` stands for the table.
    pub fn value(&self, of: &str) -> String {
        let column = format!("{of}.{}", ident(&self.name));
        match self.read_as {
            ReadAs::Plain | ReadAs::Bytes | ReadAs::Stored => column,
            ReadAs::Anew => match self.type_oid.and_then(Type::from_oid) {
                Some(known) => format!("{}::pg_catalog.{}", output(&column), ident(known.name())),
                None => column,
            },
            ReadAs::Widened => format!("{column}::pg_catalog.int8"),
            ReadAs::Xml => format!("{column}::pg_catalog.text"),
        }
    }

    /// The value as text, by the output function of its type: a cast would be whatever the owner of
    /// the type made of it. Of [`ReadAs::Bytes`] it is twice as long as the value.
    pub fn text(&self, of: &str) -> String {
        match self.read_as {
            ReadAs::Xml => self.value(of),
            _ => output(&self.value(of)),
        }
    }
}

/// What the output function of its type makes of an expression; NULL of NULL.
pub fn output(expression: &str) -> String {
    // Also of a row of NULLs, which is no NULL.
    format!(
        "case when pg_catalog.num_nonnulls({expression}) operator(pg_catalog.=) 1 then \
         pg_catalog.concat({expression}) end"
    )
}

impl Wire {
    /// Of whoever asks for no column.
    pub(crate) fn without_columns() -> Self {
        Self { columns: Vec::new(), format: CopyFormat::Text, rows: None }
    }

    /// What the source is asked for; `e` stands for its table.
    pub fn select_list(&self) -> String {
        self.columns.iter().map(|column| column.value("e")).collect::<Vec<_>>().join(", ")
    }

    /// The same columns as they are compared: two rows are the same events exactly if their bytes
    /// are.
    #[must_use]
    pub fn compared(&self) -> Self {
        let column = |column: &WireColumn| WireColumn {
            read_as: match column.read_as {
                ReadAs::Stored => ReadAs::Anew,
                other => other,
            },
            ..column.clone()
        };
        Self { columns: self.columns.iter().map(column).collect(), ..self.clone() }
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The same columns of the rows that a condition holds for; `None`: of all.
    #[must_use]
    pub fn of_rows(self, rows: Option<RowCondition>) -> Self {
        Self { rows, ..self }
    }

    /// The same, of a table that calls the columns so.
    #[must_use]
    pub fn called(&self, names: &ColumnNames) -> Self {
        let column = |column: &WireColumn| WireColumn {
            name: names.there(&column.name).to_owned(),
            ..column.clone()
        };
        Self { columns: self.columns.iter().map(column).collect(), ..self.clone() }
    }

    /// What the destination is given.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// The form of the COPY, as an option of the statement.
    pub fn format_option(&self) -> &'static str {
        match self.format {
            CopyFormat::Binary => "binary",
            CopyFormat::Text => "text",
        }
    }

    /// Where the id and the group are in a row; `None` when the id does not travel.
    pub fn layout(&self, id_column: &str, group_by: Option<&str>) -> Option<RowLayout> {
        let at = |name: &str| self.columns.iter().position(|column| column.name == name);
        Some(RowLayout {
            format: self.format,
            fields: self.columns.len(),
            id: at(id_column)?,
            group: group_by.and_then(at),
        })
    }
}

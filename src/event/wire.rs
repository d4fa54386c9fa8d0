//! What travels: the columns copied and their form, the same for all lanes that share a read.

use super::frame::{Format, Layout};
use crate::sql::ident;

/// What travels from a source to a destination. Lanes whose wires are equal can share one read of the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    /// The columns that are copied, in the order of the source.
    pub columns: Vec<WireColumn>,
    /// The form of the rows.
    pub format: Format,
}

/// A column that is copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WireColumn {
    /// Name, the same on both sides.
    pub name: String,
    /// The type the source's value is cast to while it is read, where the destination's is wider.
    pub cast: Option<&'static str>,
    /// Whether both sides have it as `bytea`, whose text form is twice as long.
    pub is_bytea: bool,
}

impl Wire {
    /// What the source is asked for; `e` stands for its table.
    pub fn select_list(&self) -> String {
        let column = |column: &WireColumn| match column.cast {
            Some(cast) => format!("e.{}::{cast}", ident(&column.name)),
            None => format!("e.{}", ident(&column.name)),
        };
        self.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    /// What the destination is given.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// The form of the COPY, as an option of the statement.
    pub fn format_option(&self) -> &'static str {
        match self.format {
            Format::Binary => "binary",
            Format::Text => "text",
        }
    }

    /// Where the id and the group are in a row; `None` when the id does not travel.
    pub fn layout(&self, id_column: &str, group_by: Option<&str>) -> Option<Layout> {
        let at = |name: &str| self.columns.iter().position(|column| column.name == name);
        Some(Layout {
            format: self.format,
            fields: self.columns.len(),
            id: at(id_column)?,
            group: group_by.and_then(at),
        })
    }
}

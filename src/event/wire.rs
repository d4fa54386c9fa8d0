//! What travels: the columns copied and their form, the same for all lanes that share a read.

use super::frame::{Format, Layout};
use crate::sql::ident;

pub use super::compatible::{Wire, WireColumn};

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

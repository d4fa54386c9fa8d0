//! An event table of PostgreSQL as a place that can be asked.

pub(crate) mod fitness;
pub mod pages;
pub mod store;

use crate::sql::{self, TableName};

/// The query for the highest id: one row with one column, NULL while the table is empty.
pub fn highest(table: &TableName, id_column: &str) -> String {
    let names = [("table", sql::sql(table.quoted())), ("id", sql::text(id_column))];
    sql::fill(include_str!("../../../sql/table/highest.sql"), &names)
}

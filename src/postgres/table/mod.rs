//! An event table of PostgreSQL as its catalog describes it; what asks it, compares it and judges
//! it lies beside.

pub(crate) mod as_text;
pub(crate) mod candidates;
pub mod compatible;
pub mod describe;
mod expressions;
pub(crate) mod fitness;
mod not_copied;
pub mod pages;
pub(crate) mod renamed;
pub mod store;
pub mod trigger;
pub mod types;

use crate::error::{Error, ErrorKind, Result};
use crate::postgres::table::trigger::InsertTrigger;
use crate::postgres::table::types::{TypeUse, UserTypes};
use crate::sql::{self, ColumnNames, Fingerprint, RowCondition};

pub use crate::sql::TableName;

/// How a column's values come to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnOrigin {
    /// Given by the INSERT, perhaps with a default.
    Plain,
    /// `GENERATED … AS IDENTITY`.
    Identity,
    /// `GENERATED ALWAYS AS (expression)`: never inserted.
    Generated,
}

/// A column as the catalog describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, as the catalog has it.
    pub name: String,
    /// Type with its modifier, as `format_type` gives it: `numeric(10,2)`.
    pub type_name: String,
    /// Oid of the type; equal on all servers for built-in types only.
    pub type_oid: u32,
    /// The type outside `pg_catalog` that it is, or is an array of.
    pub own_type: Option<String>,
    /// Whether the binary form of the type is stable over versions and free of oids: a built-in
    /// scalar, or an array, domain-free, of one.
    pub is_binary_stable: bool,
    /// Which edition of that form the server speaks: between two of them a value could change its
    /// meaning.
    pub binary_edition: u32,
    /// The same of the text form.
    pub text_edition: u32,
    /// Whether NULL is refused.
    pub is_not_null: bool,
    /// Whether no row can have NULL there: the column itself refuses it. A domain that does can be
    /// got around (PostgreSQL manual, CREATE DOMAIN).
    pub is_never_null: bool,
    /// Whether an insert that leaves it out gets a default.
    pub has_default: bool,
    /// Whether an insert that leaves it out gets the time, of a zone that is known.
    pub is_stamped: bool,
    /// How its values come to be there.
    pub origin: ColumnOrigin,
    /// The expression that computes it, as the server writes it.
    pub computed_as: Option<String>,
    /// Whether our role may read it.
    pub may_select: bool,
    /// Whether our role may insert into it.
    pub may_insert: bool,
}

/// An event table as the catalog describes it at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct EventTable {
    /// Schema and name.
    pub name: TableName,
    /// Oid; another one after DROP and CREATE.
    pub oid: u32,
    /// What it was just before it was read ([`EventTable::asks`]); another value after any ALTER
    /// that matters to a copy.
    pub fingerprint: Option<String>,
    /// The columns by which it and its partitions are partitioned.
    pub partitioned_by: Vec<String>,
    /// Whether it has, or had, partitions.
    pub has_parts: bool,
    /// `relkind`: `r` table, `p` partitioned, `v` view, …
    pub kind: char,
    /// Columns in their order: of a source, those that are copied.
    pub columns: Vec<Column>,
    /// Those of a source that are not.
    pub not_copied: Vec<Column>,
    /// What it calls the columns of the source, where it is a destination.
    pub names: ColumnNames,
    /// The types outside `pg_catalog` that they are made of.
    pub types: UserTypes,
    /// Whether its database writes some characters in two ways that are one outside of it (EUC_JP).
    pub has_ambiguous_text: bool,
    /// Whether it, or a partition of it, is emptied by a crash.
    pub is_unlogged: bool,
    /// Whether a unique, valid, not partial, not deferrable btree index has the id column alone as
    /// its key.
    pub has_id_key: bool,
    /// Whether such an index begins with the id column and has others behind it: then nothing keeps
    /// an id from being there twice.
    pub has_wide_key: bool,
    /// Integer columns that a unique, valid, not partial, not deferrable btree index has alone as
    /// its key, in the order of the columns.
    pub integer_keys: Vec<String>,
    /// User triggers for inserts, disabled ones included, in the order of their names.
    pub insert_triggers: Vec<InsertTrigger>,
    /// Whether foreign keys leave the table.
    pub has_foreign_keys: bool,
    /// Whether row-level security filters for our role.
    pub has_row_security: bool,
    /// Estimated rows, from statistics; negative when never analysed.
    pub rows_estimated: f64,
    /// The role that asked, whose privileges these are.
    pub role: String,
    /// Whether it may use the schema.
    pub may_use_schema: bool,
    /// Whether a logical subscription of its own database writes into it.
    pub is_subscribed: bool,
    /// Whether other tables inherit from it (partitions aside), so that no index is unique over all
    /// rows.
    pub has_children: bool,
    /// Whether triggers stand before UPDATE and before DELETE, presumably to refuse them.
    pub is_guarded: bool,
}

impl Column {
    /// Its type.
    pub fn type_use(&self) -> TypeUse {
        TypeUse { name: self.type_name.clone(), oid: self.type_oid, refers: self.own_type.clone() }
    }
}

impl EventTable {
    /// What a unique index must have behind the id, so that the table can have it: a comma, and the
    /// columns by which it is partitioned.
    pub fn behind_the_id(&self, id_column: &str) -> String {
        let columns = self.partitioned_by.iter().filter(|column| *column != id_column);
        columns.map(|column| format!(", {}", sql::ident(column))).collect()
    }

    /// What tells, at any later time, whether whatever bears its name is still what it was.
    pub fn asks(&self) -> Fingerprint {
        Fingerprint::of(&self.name, self.has_parts, types::oids(&self.types))
    }

    /// The column of this name at the source.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let there = self.names.there(name);
        self.columns.iter().find(|column| column.name == there)
    }

    /// The column of a source whose values are in a column of this table.
    pub fn source_of<'a>(&self, column: &Column, source: &'a Self) -> Option<&'a Column> {
        source.column(self.names.at_source(&column.name)?)
    }

    /// The columns that are copied, where those are not all, as a GRANT lists them.
    fn copied_list(&self) -> String {
        if self.not_copied.is_empty() {
            return String::new();
        }
        let names: Vec<String> = self.columns.iter().map(|of| sql::ident(&of.name)).collect();
        format!(" ({})", names.join(", "))
    }

    /// Makes sure that our role may read every column that is copied.
    ///
    /// # Errors
    /// `Access` with the statements that let it.
    pub fn require_select(&self) -> Result<()> {
        let mut cures = Vec::new();
        let role = sql::ident(&self.role);
        if !self.may_use_schema {
            cures.push(format!(
                "GRANT USAGE ON SCHEMA {} TO {role};",
                sql::ident(&self.name.schema)
            ));
        }
        if self.columns.iter().any(|column| !column.may_select) {
            cures.push(format!("GRANT SELECT{} ON {} TO {role};", self.copied_list(), self.name));
        }
        if cures.is_empty() {
            return Ok(());
        }
        let what = format!("role {role} may not read {}: permission denied", self.name);
        Err(Error::new(ErrorKind::Access, what).fix(cures.join(" ")))
    }

    /// Whether several COPYs may run into it at the same time: a trigger or a foreign key can let
    /// one transaction wait for another.
    pub fn allows_concurrent_writers(&self) -> bool {
        !self.has_foreign_keys && self.insert_triggers.iter().all(|trigger| !trigger.is_enabled)
    }
}

/// The query for the highest id: one row with one column, NULL while the table is empty.
pub fn highest(table: &TableName, id_column: &str) -> String {
    let names = [("table", sql::sql(table.quoted())), ("id", sql::text(id_column))];
    sql::fill(include_str!("../../../sql/table/highest.sql"), &names)
}

/// The rows of a table that a condition selects, with these columns, as SQL in a FROM clause.
pub fn relation<'a>(
    table: &TableName,
    rows: Option<&RowCondition>,
    columns: impl Iterator<Item = &'a str>,
) -> String {
    let Some(rows) = rows else { return table.quoted() };
    let columns: Vec<String> = columns.map(sql::ident).collect();
    format!("(select {} from {} where {})", columns.join(", "), table.quoted(), rows.sql())
}

/// What a server says of a read of these rows; of a condition that it could not evaluate for some
/// row its own words may hold what the row holds, and are left out.
pub fn rows_error(rows: Option<&RowCondition>, error: Error) -> Error {
    let state = error.sqlstate().filter(|state| state.starts_with("22"));
    let Some((rows, state)) = rows.zip(state) else { return error };
    let what = "a condition of where cannot be evaluated for every event";
    Error::new(ErrorKind::Unsuitable, format!("{what}: {rows}"))
        .because(format!("the server raised an error of class 22 (SQLSTATE {state})"))
        .fix(
            "write it so that it cannot fail, with a case that looks at the value before a cast or a \
             division, then start again",
        )
}

//! What a table is that a reflection writes, and whether it can hold what is computed for it.

use super::mapping::TableMapping;
use crate::commands;
use crate::error::{Error, ErrorKind, Problems, Result, Warning};
use crate::event::captured::{CapturedColumn, ImageForm};
use crate::postgres::session::Session;
use crate::sql::TableName;
use std::collections::HashSet;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct TargetTable {
    pub oid: u32,
    pub table: TableName,
    columns: Vec<TargetColumn>,
    unique_indexes: Vec<UniqueIndex>,
    /// Tables whose foreign keys lead here.
    pub referenced_by: Vec<u32>,
    /// Whether one of these does something to its rows where a row here goes.
    pub has_acting_references: bool,
    may_write: bool,
    has_triggers: bool,
    /// The types of captured columns that this server has.
    known_types: HashSet<String>,
}

/// A unique index.
#[derive(Clone, Debug)]
pub(super) struct UniqueIndex {
    /// Its columns; an expression is an empty name.
    pub columns: Vec<String>,
    /// Whether it tells all rows apart, at once.
    decides: bool,
    /// Of which rows it is, where not of all.
    pub predicate: Option<String>,
    /// Every column that it needs, those of the predicate included.
    pub needs: Vec<String>,
}

#[derive(Clone, Debug)]
struct TargetColumn {
    name: String,
    type_name: String,
    must_be_given: bool,
    cannot_be_given: bool,
}

impl TargetTable {
    /// A table that is to be made.
    pub(super) fn of_none(table: &TableName) -> Self {
        Self {
            oid: 0,
            table: table.clone(),
            columns: Vec::new(),
            unique_indexes: Vec::new(),
            referenced_by: Vec::new(),
            has_acting_references: false,
            may_write: false,
            has_triggers: false,
            known_types: HashSet::new(),
        }
    }

    /// Asks the catalog; `None` where there is no such table.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) async fn read(session: &Session, table: &TableName) -> Result<Option<Self>> {
        let what = || format!("cannot look at {table}");
        let failed = |error: tokio_postgres::Error| session.error(&error, what());
        let sql = include_str!("../../../sql/reflect/target.sql");
        let rows = session.query(sql, &[&table.schema, &table.name]).await.map_err(failed)?;
        let Some(first) = rows.first() else { return Ok(None) };
        let oid: u32 = first.get("oid");
        let (may_write, has_triggers) = (first.get("may_write"), first.get("has_triggers"));
        let column = |row: &tokio_postgres::Row| TargetColumn {
            name: row.get("name"),
            type_name: row.get("type"),
            must_be_given: row.get("must_be_given"),
            cannot_be_given: row.get("cannot_be_given"),
        };
        let columns = rows.iter().map(column).collect();
        let sql = include_str!("../../../sql/reflect/unique_indexes.sql");
        let indexes = session.query(sql, &[&oid]).await.map_err(failed)?;
        let sql = include_str!("../../../sql/reflect/references.sql");
        let references = session.query(sql, &[&oid]).await.map_err(failed)?;
        Ok(Some(Self {
            oid,
            table: table.clone(),
            columns,
            unique_indexes: indexes.iter().map(unique_index).collect(),
            referenced_by: references.iter().map(|row| row.get("from_table")).collect(),
            has_acting_references: references.iter().any(|row| row.get("acts")),
            may_write,
            has_triggers,
            known_types: HashSet::new(),
        }))
    }

    /// Finds out which types of captured columns this server has.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) async fn learn_types(
        &mut self,
        session: &Session,
        columns: &[CapturedColumn],
    ) -> Result<()> {
        let names: Vec<&str> = columns.iter().map(|column| column.type_name.as_str()).collect();
        let sql = "select t from pg_catalog.unnest($1::pg_catalog.text[]) as t where pg_catalog.to_regtype(t) is not null";
        let found = session.query(sql, &[&names]).await;
        let found =
            found.map_err(|error| session.error(&error, "cannot look for the types of columns"))?;
        self.known_types = found.iter().map(|row| row.get(0)).collect();
        Ok(())
    }

    /// The type in which a captured column is staged.
    pub(super) fn stage_type<'a>(&self, column: &'a CapturedColumn) -> &'a str {
        let is_known = self.known_types.contains(&column.type_name);
        staged_as(column.form, &column.type_name, is_known)
    }

    fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The type of a column of it.
    pub(super) fn type_of(&self, name: &str) -> &str {
        self.column(name).map_or("text", |column| column.type_name.as_str())
    }

    /// Its unique indexes over columns, that of the key apart.
    pub(super) fn other_unique_indexes<'a>(
        &'a self,
        mapping: &'a TableMapping,
    ) -> impl Iterator<Item = &'a UniqueIndex> {
        let is_other =
            move |of: &&UniqueIndex| of.predicate.is_some() || !is_key(&of.columns, mapping);
        self.unique_indexes.iter().filter(is_other)
    }

    /// Whether keys lie in the same order here as at the source: then what is not among the loaded
    /// rows of a range can be told here.
    pub(super) fn keeps_key_order(&self, mapping: &TableMapping) -> bool {
        const SAME_EVERYWHERE: [&str; 9] = [
            "smallint",
            "integer",
            "bigint",
            "uuid",
            "date",
            "timestamp without time zone",
            "timestamp with time zone",
            "boolean",
            "oid",
        ];
        // In the order of the captured table's key.
        let in_order = mapping.source.key.iter().zip(&mapping.key).all(|(of, key)| *of == key.from);
        in_order
            && mapping.key.iter().all(|key| {
                let from = mapping.source.column(&key.from).map(|of| of.type_name.as_str());
                from.is_some_and(|from| {
                    SAME_EVERYWHERE.contains(&from) && self.type_of(&key.name) == from
                })
            })
    }

    /// Holds it against what is computed.
    ///
    /// # Errors
    /// Everything that stands in the way.
    pub(super) fn judge(&self, mapping: &TableMapping) -> Result<Vec<Warning>, Problems> {
        let mut problems = Problems::new();
        let mut refuse = |why: String, fix: String| {
            let what = format!("cannot compute {}", self.table);
            problems.push(Error::new(ErrorKind::Unsuitable, what).because(why).fix(fix));
        };
        for column in &mapping.columns {
            match self.column(&column.name) {
                None => refuse(
                    format!("it has no column {}", column.name),
                    format!("add the column, or take {} out of columns", column.name),
                ),
                Some(of) if of.cannot_be_given => refuse(
                    format!("column {} is generated by the server", column.name),
                    format!("take {} out of columns", column.name),
                ),
                Some(_) => {}
            }
        }
        let is_mapped = |name: &str| mapping.columns.iter().any(|column| column.name == name);
        for column in self.columns.iter().filter(|of| of.must_be_given && !is_mapped(&of.name)) {
            refuse(
                format!("column {} takes no null, has no default and is not computed", column.name),
                format!("give {} an expression in columns, or a default", column.name),
            );
        }
        if !self.unique_indexes.iter().any(|index| index.decides && is_key(&index.columns, mapping))
        {
            let names: Vec<String> =
                mapping.key.iter().map(|key| crate::sql::ident(&key.name)).collect();
            let names = names.join(", ");
            refuse(
                format!("no unique index is on its key ({names}) alone"),
                format!("create unique index on {} ({names});", self.table.quoted()),
            );
        }
        if !self.may_write {
            let what = format!("cannot write {}", self.table);
            let fix = format!(
                "grant select, insert, update, delete on {} to the role of this destination;",
                self.table.quoted()
            );
            problems.push(Error::new(ErrorKind::Access, what).fix(fix));
        }
        let mut warnings = Vec::new();
        if self.has_triggers {
            let what = format!(
                "{} has triggers, which act once more on what they did at the source",
                self.table
            );
            warnings.push(Warning::new(what, "disable those that repeat what the source has done"));
        }
        problems.or_ok(warnings)
    }
}

fn unique_index(row: &tokio_postgres::Row) -> UniqueIndex {
    UniqueIndex {
        columns: row.get("columns"),
        decides: row.get("decides"),
        predicate: row.get("predicate"),
        needs: row.get("needs"),
    }
}

fn is_key(columns: &[String], mapping: &TableMapping) -> bool {
    columns.len() == mapping.key.len() && mapping.key.iter().all(|key| columns.contains(&key.name))
}

/// Says that there is no such table.
pub(super) fn missing(table: &TableName, destination: &str) -> Error {
    Error::new(ErrorKind::Unsuitable, format!("there is no table {table}")).fix(format!(
        "create it, or set create = true in its reflection and run: {}",
        commands::init_destination(destination)
    ))
}

/// The type in which a captured column is staged, if the destination has it.
fn staged_as(form: ImageForm, type_name: &str, is_known: bool) -> &str {
    match form {
        ImageForm::Opaque => "json",
        _ if is_known => type_name,
        _ => "text",
    }
}

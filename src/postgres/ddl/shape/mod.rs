//! The shape of a table, so that another one can be made like it elsewhere: the types it needs, its
//! columns, its key, its other indexes.
//!
//! What only the source uses stays there: defaults, sequences, generated columns (their values are
//! copied), triggers, foreign keys, the checks of its domains.

mod index_names;
mod types;

use crate::error::{Error, ErrorKind, Result};
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::script::{ObjectParent, SetupScript};
use crate::postgres::session::Session;
use crate::postgres::table::{EventTable, TableName};
use crate::sql::{ColumnNames, ident};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;
use types::{TypeShape, type_shapes};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTableShape {
    source: TableName,
    id_column: String,
    columns: Vec<ColumnShape>,
    /// Each after those that it is made of.
    types: Vec<TypeShape>,
    indexes: Vec<IndexShape>,
    /// Those of columns that are not copied.
    indexes_left_out: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ColumnShape {
    name: String,
    /// Quoted where that is needed, with modifier.
    type_name: String,
    /// Quoted; `None`: its type's.
    collation: Option<String>,
    is_not_null: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct IndexShape {
    name: String,
    is_unique: bool,
    /// What follows `USING`.
    method: String,
}

/// Schemas, types and indexes of the database in which a table is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingTypes {
    schemas: BTreeSet<String>,
    /// Schema and name.
    types: BTreeSet<(String, String)>,
    /// Of the table.
    indexes: BTreeSet<String>,
}

impl EventTableShape {
    /// Reads what the description of a table leaves out.
    ///
    /// # Errors
    /// `Unsuitable` for an index that cannot be named elsewhere; what the server says.
    pub async fn read(session: &Session, table: &EventTable, id_column: &str) -> Result<Self> {
        let what = || format!("cannot read the shape of {}", table.name);
        let asked = async {
            let collations = session
                .query(include_str!("../../../../sql/ddl/shape_columns.sql"), &[&table.oid])
                .await?;
            let indexes = session
                .query(
                    include_str!("../../../../sql/ddl/shape_indexes.sql"),
                    &[&table.oid, &id_column],
                )
                .await?;
            Ok((collations, indexes))
        };
        let (collations, indexes) =
            asked.await.map_err(|error: tokio_postgres::Error| session.error(&error, what()))?;
        let collations: BTreeMap<String, String> =
            collations.iter().map(|row| (row.get("name"), row.get("collation"))).collect();
        let columns = table.columns.iter().map(|column| ColumnShape {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            collation: collations.get(&column.name).cloned(),
            is_not_null: column.is_never_null,
        });
        let is_copied = |name: &String| table.column(name).is_some();
        let (indexes, left_out): (Vec<&Row>, Vec<&Row>) = indexes
            .iter()
            .partition(|row| row.get::<_, Vec<String>>("columns").iter().all(is_copied));
        let indexes = indexes.into_iter().map(|row| {
            let (definition, head): (&str, &str) = (row.get("definition"), row.get("head"));
            let method = definition.strip_prefix(head).ok_or_else(|| {
                Error::new(ErrorKind::Unsuitable, what()).because(format!("index: {definition}"))
            })?;
            Ok(IndexShape {
                name: row.get("name"),
                is_unique: row.get("is_unique"),
                method: method.to_owned(),
            })
        });
        Ok(Self {
            source: table.name.clone(),
            id_column: id_column.to_owned(),
            columns: columns.collect(),
            types: type_shapes(session, table).await?,
            indexes: indexes.collect::<Result<_>>()?,
            indexes_left_out: left_out.into_iter().map(|row| row.get("name")).collect(),
        })
    }

    /// The shape of a table that calls the columns so.
    #[must_use]
    pub fn called(&self, names: &ColumnNames) -> Self {
        let mut shape = self.clone();
        shape.id_column = names.there(&self.id_column).to_owned();
        for column in &mut shape.columns {
            column.name = names.there(&column.name).to_owned();
        }
        for index in &mut shape.indexes {
            index.method = index_names::called(&index.method, names);
        }
        shape
    }

    /// Adds what makes a table like it, with its schema where that is missing.
    pub fn create(
        &self,
        script: &mut SetupScript,
        (facts, there): (&ExistingObjects, &ExistingTypes),
        is_indexed: bool,
    ) {
        let table = &facts.table;
        let missing = || self.types.iter().filter(|of| !there.types.contains(&of.key()));
        let schemas: BTreeSet<&String> = missing()
            .map(|of| of.schema())
            .chain([&table.schema])
            .filter(|schema| !there.schemas.contains(*schema))
            .collect();
        for schema in schemas {
            let sql = format!("create schema if not exists {};", ident(schema));
            script.create(format!("schema {schema}"), sql, ObjectParent::Database);
        }
        missing().for_each(|of| of.create(script));
        script.create(format!("table {table}"), self.table_sql(table), ObjectParent::Schema);
        if is_indexed {
            for index in &self.indexes {
                let what = format!("index {} on {table}", index.name);
                script.create(what, index.sql(table), ObjectParent::Schema);
            }
            if !self.indexes_left_out.is_empty() {
                script.note(format!(
                    "indexes of {} with columns that are not copied are not made: {}",
                    self.source,
                    self.indexes_left_out.join(", ")
                ));
            }
        } else if !self.indexes.is_empty() {
            let names: Vec<&str> = self.indexes.iter().map(|index| index.name.as_str()).collect();
            script.note(format!(
                "table {table} has only its key; --with-indexes makes the other indexes of {} too: \
                 {}",
                self.source,
                names.join(", ")
            ));
        }
    }

    /// Takes note of a table that is there, and of the indexes that it lacks: they are not made,
    /// because that would lock writers out.
    pub fn found(&self, script: &mut SetupScript, table: &TableName, there: &ExistingTypes) {
        let lacking: Vec<String> = self
            .indexes
            .iter()
            .filter(|index| !there.indexes.contains(&index.name))
            .map(|index| index.sql(table).replacen("index", "index concurrently", 1))
            .collect();
        if !lacking.is_empty() {
            script.note(format!(
                "table {table} lacks indexes that {} has; to add them without locking writers out, \
                 run:\n{}",
                self.source,
                lacking.join("\n")
            ));
        }
    }

    fn table_sql(&self, table: &TableName) -> String {
        let columns = self.columns.iter().map(|column| {
            let collation =
                column.collation.as_ref().map_or(String::new(), |of| format!(" collate {of}"));
            let not_null = if column.is_not_null { " not null" } else { "" };
            format!("    {} {}{collation}{not_null}", ident(&column.name), column.type_name)
        });
        let key = format!("    primary key ({})", ident(&self.id_column));
        let lines: Vec<String> = columns.chain([key]).collect();
        format!("create table {} (\n{}\n);", table.quoted(), lines.join(",\n"))
    }
}

impl IndexShape {
    fn sql(&self, table: &TableName) -> String {
        let unique = if self.is_unique { "unique " } else { "" };
        format!(
            "create {unique}index {} on {} using {};",
            ident(&self.name),
            table.quoted(),
            self.method
        )
    }
}

impl ExistingTypes {
    /// Asks which schemas there are, and which of the types of a shape.
    ///
    /// # Errors
    /// What the server says.
    pub async fn read(
        session: &Session,
        shape: &EventTableShape,
        table: &TableName,
    ) -> Result<Self> {
        let (schemas, names): (Vec<String>, Vec<String>) =
            shape.types.iter().map(TypeShape::key).unzip();
        let there = include_str!("../../../../sql/ddl/there.sql");
        let asked = session.query_one(there, &[&schemas, &names, &table.schema, &table.name]).await;
        let row = asked.map_err(|error| {
            session.error(&error, "cannot look for the types that the table needs")
        })?;
        let indexes: Vec<String> = row.get("indexes");
        let (schemas, of_types): (Vec<String>, Vec<String>) =
            (row.get("schemas"), row.get("type_schemas"));
        let names: Vec<String> = row.get("type_names");
        Ok(Self {
            schemas: schemas.into_iter().collect(),
            types: of_types.into_iter().zip(names).collect(),
            indexes: indexes.into_iter().collect(),
        })
    }

    /// Those of a database that is about to be created.
    pub fn of_new_database() -> Self {
        Self { schemas: BTreeSet::from(["public".to_owned()]), ..Self::default() }
    }
}

#[cfg(test)]
mod tests;

//! Which of the objects that `init` makes are there: read in one go, judged without the server.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::postgres::session::settings::{self, ServerOverview};
use crate::postgres::table::TableName;
use crate::sql::{fill, text};
use tokio_postgres::Row;

/// Everything about one event table and its schema that decides what is to be created.
#[derive(Clone, Debug)]
pub struct ExistingObjects {
    /// The event table they are about.
    pub table: TableName,
    /// Server, database and role.
    pub server: ServerOverview,
    /// Whether our role may create objects in the schema; `None` where there is no such schema.
    pub may_create_in_schema: Option<bool>,
    /// Whether our role may use what is in the schema; `true` where there is no such schema yet.
    pub may_use_schema: bool,
    /// What bears the name of the event table.
    pub events: Option<ExistingRelation>,
    /// What bears the name of the counter, `id`, in the same schema.
    pub counter: Option<ExistingRelation>,
    /// Functions of the schema that bear one of our names.
    pub functions: Vec<ExistingFunction>,
    /// Triggers of the event table.
    pub triggers: Vec<ExistingTrigger>,
}

/// A table, or whatever else bears its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingRelation {
    /// `relkind`: `r` table, `p` partitioned, `v` view, …
    pub kind: char,
    /// The role that owns it.
    pub owner: String,
    /// Whether our role may alter it.
    pub is_owned: bool,
    /// Its columns in their order.
    pub columns: Vec<ExistingColumn>,
    /// Whether a unique, valid, not partial, not deferrable btree index has the column `id` alone
    /// as its key.
    pub has_id_key: bool,
    /// Whether a sequence belongs to the column `id`.
    pub has_id_sequence: bool,
    /// What the indexes of one column or expression are on, as the server writes it.
    pub indexed: Vec<String>,
}

/// A column of a [`ExistingRelation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingColumn {
    /// Name, as the catalog has it.
    pub name: String,
    /// Type with its modifier, as `format_type` gives it.
    pub type_name: String,
    /// Whether NULL is refused.
    pub is_not_null: bool,
    /// Whether an insert that leaves it out gets a value.
    pub has_default: bool,
}

/// A function as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingFunction {
    /// Name, as the catalog has it.
    pub name: String,
    /// Types of its input arguments: `jsonb[]`.
    pub types: String,
    /// Names of its arguments.
    pub arguments: Vec<String>,
    /// Type of its result.
    pub result: String,
    /// `plpgsql`, `sql`, …
    pub language: String,
    /// Its text.
    pub body: String,
}

/// A trigger as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingTrigger {
    /// Name, as the catalog has it.
    pub name: String,
    /// `tgtype`: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, added up.
    pub events: i16,
    /// `tgenabled`: `A` always, `O` not for replicated rows, `D` never.
    pub enabled: char,
    /// The schema of its function.
    pub function_schema: String,
    /// Its function.
    pub function: String,
    /// The statement that would create it.
    pub definition: String,
}

impl ExistingObjects {
    /// Asks the server; five short queries of the catalog.
    pub async fn read(session: &Session, table: &TableName) -> Result<Self> {
        let rows = async |sql: &str, name: &str| -> Result<Vec<Row>> {
            let filled = fill(sql, &[("schema", text(&table.schema)), ("name", text(name))]);
            session
                .query(&filled, &[])
                .await
                .map_err(|e| session.error(&e, format!("cannot look at what is there for {table}")))
        };
        let schema = rows(include_str!("../../../sql/ddl/schema.sql"), "").await?;
        let relation = include_str!("../../../sql/ddl/relation.sql");
        let functions = rows(include_str!("../../../sql/ddl/functions.sql"), "").await?;
        let triggers = rows(include_str!("../../../sql/ddl/triggers.sql"), &table.name).await?;
        Ok(Self {
            table: table.clone(),
            server: settings::about(session).await?,
            may_create_in_schema: schema.first().map(|row| row.get("may_create")),
            may_use_schema: schema.first().is_none_or(|row| row.get("may_use")),
            events: rows(relation, &table.name).await?.first().map(ExistingRelation::from_row),
            counter: rows(relation, "id").await?.first().map(ExistingRelation::from_row),
            functions: functions.iter().map(ExistingFunction::from_row).collect(),
            triggers: triggers.iter().map(ExistingTrigger::from_row).collect(),
        })
    }

    /// What there will be in a database that is about to be created: an empty schema `public`, our
    /// own.
    pub fn of_new_database(server: ServerOverview, table: &TableName) -> Self {
        Self {
            table: table.clone(),
            server: ServerOverview { may_create_schema: true, ..server },
            may_create_in_schema: (table.schema == "public").then_some(true),
            may_use_schema: true,
            events: None,
            counter: None,
            functions: Vec::new(),
            triggers: Vec::new(),
        }
    }

    /// The function of this name with input arguments of these types.
    pub fn function(&self, name: &str, types: &str) -> Option<&ExistingFunction> {
        self.functions.iter().find(|found| found.name == name && found.types == types)
    }

    /// The trigger of this name on the event table.
    pub fn trigger(&self, name: &str) -> Option<&ExistingTrigger> {
        self.triggers.iter().find(|found| found.name == name)
    }
}

impl ExistingRelation {
    fn from_row(row: &Row) -> Self {
        let types: Vec<String> = row.get("types");
        let are_not_null: Vec<bool> = row.get("are_not_null");
        let have_default: Vec<bool> = row.get("have_default");
        let names: Vec<String> = row.get("names");
        let columns = names.into_iter().zip(types).zip(are_not_null).zip(have_default);
        Self {
            kind: first_char(row.get("kind")),
            owner: row.get("owner"),
            is_owned: row.get("is_owned"),
            columns: columns
                .map(|(((name, type_name), is_not_null), has_default)| ExistingColumn {
                    name,
                    type_name,
                    is_not_null,
                    has_default,
                })
                .collect(),
            has_id_key: row.get("has_id_key"),
            has_id_sequence: row.get("has_id_sequence"),
            indexed: row.get("indexed"),
        }
    }

    /// Whether it is a table, partitioned or not.
    pub fn is_table(&self) -> bool {
        ['r', 'p'].contains(&self.kind)
    }

    /// Whether it is a table with an integer `id` and a unique index on it: enough to be copied,
    /// whatever its other columns.
    pub fn is_event_table(&self) -> bool {
        let is_integer = |column: &ExistingColumn| {
            ["smallint", "integer", "bigint"].contains(&column.type_name.as_str())
        };
        self.is_table()
            && self.has_id_key
            && self.columns.iter().any(|column| column.name == "id" && is_integer(column))
    }

    /// Whether it has the columns that `init` gives an event table, and no others that an insert
    /// would have to fill.
    pub fn has_columns_of_init(&self) -> bool {
        const COLUMNS: [(&str, &str); 3] =
            [("id", "bigint"), ("ts", "timestamp with time zone"), ("event", "jsonb")];
        let is_ours = |column: &ExistingColumn| {
            COLUMNS.contains(&(column.name.as_str(), column.type_name.as_str()))
                && column.is_not_null
        };
        let is_filled = |column: &ExistingColumn| !column.is_not_null || column.has_default;
        self.columns.iter().filter(|column| is_ours(column)).count() == COLUMNS.len()
            && self.columns.iter().all(|column| is_ours(column) || is_filled(column))
    }

    /// Whether it is a counter of consecutive ids: a table with the one column `id bigint`.
    pub fn is_counter(&self) -> bool {
        let is_id = |column: &ExistingColumn| column.name == "id" && column.type_name == "bigint";
        self.kind == 'r' && matches!(self.columns.as_slice(), [only] if is_id(only))
    }

    /// Its columns as a person reads them: `id bigint, ts timestamp with time zone`.
    pub fn shown(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.type_name))
            .collect();
        columns.join(", ")
    }
}

impl ExistingFunction {
    fn from_row(row: &Row) -> Self {
        Self {
            name: row.get("name"),
            types: row.get("types"),
            arguments: row.get("arguments"),
            result: row.get("result"),
            language: row.get("language"),
            body: row.get("body"),
        }
    }
}

impl ExistingTrigger {
    fn from_row(row: &Row) -> Self {
        Self {
            name: row.get("name"),
            events: row.get("events"),
            enabled: first_char(row.get("enabled")),
            function_schema: row.get("function_schema"),
            function: row.get("function"),
            definition: row.get("definition"),
        }
    }
}

fn first_char(text: &str) -> char {
    text.chars().next().unwrap_or(' ')
}

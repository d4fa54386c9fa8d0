//! A table that is to be captured, as the catalog describes it.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use tokio_postgres::Row;

/// Which table.
#[derive(Clone, Debug)]
pub(super) enum TableChoice {
    Named(TableName),
    /// It may have been renamed.
    Oid(u32),
}

/// A table, or whatever else bears its name.
#[derive(Clone, Debug)]
pub(super) struct CapturableTable {
    pub(super) oid: u32,
    pub(super) name: TableName,
    /// `relkind`.
    pub(super) kind: char,
    /// `relpersistence`.
    pub(super) persistence: char,
    pub(super) is_partition: bool,
    /// Whether tables inherit from it that are no partitions.
    pub(super) has_children: bool,
    /// Whether our role may make triggers on it.
    pub(super) is_owned: bool,
    pub(super) owner: String,
    pub(super) columns: Vec<CapturableColumn>,
    /// The columns by which a row is known; `None`: there is nothing of the kind.
    pub(super) key: Option<Vec<String>>,
    /// The table itself, and its partitions.
    pub(super) tree: Vec<TreeRelation>,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct CapturableColumn {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) is_not_null: bool,
    /// `attgenerated`: empty, `s` or `v`.
    pub(super) generated: String,
    /// What its type is made of.
    pub(super) leaves: Vec<String>,
}

/// The table itself or a partition.
#[derive(Clone, Debug)]
pub(super) struct TreeRelation {
    pub(super) oid: u32,
    pub(super) name: TableName,
    pub(super) triggers: Vec<FoundTrigger>,
}

/// A trigger that bears a name of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundTrigger {
    pub(super) name: String,
    /// `tgenabled`.
    pub(super) enabled: String,
    /// `tgtype`.
    pub(super) events: i32,
    /// Schema and name, with a dot between.
    pub(super) function: String,
    /// In hexadecimal digits, each argument ended by a zero.
    pub(super) arguments: String,
}

/// A function as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundFunction {
    pub(super) body: String,
    pub(super) is_definer: bool,
    /// Whether any role may make a trigger that calls it.
    pub(super) is_public: bool,
    /// `name=value`.
    pub(super) settings: Vec<String>,
}

/// Something of ours that the log remembers.
#[derive(Clone, Debug)]
pub(super) struct RememberedTable {
    pub(super) source: String,
    pub(super) oid: u32,
    pub(super) shape: String,
    pub(super) omitted: Vec<String>,
    pub(super) first_id: i64,
    pub(super) installed_at: String,
}

impl CapturableTable {
    /// Asks the catalog; `None` where there is no such table.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) async fn read(session: &Session, choice: &TableChoice) -> Result<Option<Self>> {
        let (schema, name, oid) = match choice {
            TableChoice::Named(of) => (Some(&of.schema), Some(&of.name), 0),
            TableChoice::Oid(oid) => (None, None, *oid),
        };
        let failed = |error: tokio_postgres::Error| {
            session.error(&error, "cannot look at the table that is to be captured")
        };
        let relation = include_str!("../../../sql/capture/relation.sql");
        let found = session.query(relation, &[&schema, &name, &oid]).await.map_err(failed)?;
        let Some(found) = found.first() else { return Ok(None) };
        let oid: u32 = found.get("oid");
        let about = async |sql: &str| session.query(sql, &[&oid]).await.map_err(failed);
        let columns = about(include_str!("../../../sql/capture/columns.sql")).await?;
        let key = about(include_str!("../../../sql/capture/key.sql")).await?;
        let tree = about(include_str!("../../../sql/capture/tree.sql")).await?;
        let letter = |name: &str| found.get::<_, String>(name).chars().next().unwrap_or(' ');
        Ok(Some(Self {
            oid,
            name: table_name(found),
            kind: letter("kind"),
            persistence: letter("persistence"),
            is_partition: found.get("is_partition"),
            has_children: found.get("has_children"),
            is_owned: found.get("is_owned"),
            owner: found.get("owner"),
            columns: columns.iter().map(CapturableColumn::of).collect(),
            key: key.first().map(|row| row.get("columns")),
            tree: tree.iter().map(TreeRelation::of).collect(),
        }))
    }
}

fn table_name(row: &Row) -> TableName {
    TableName { schema: row.get("schema"), name: row.get("name") }
}

impl CapturableColumn {
    fn of(row: &Row) -> Self {
        Self {
            name: row.get("name"),
            type_name: row.get("type"),
            is_not_null: row.get("is_not_null"),
            generated: row.get("generated"),
            leaves: row.get("leaves"),
        }
    }
}

impl TreeRelation {
    fn of(row: &Row) -> Self {
        let texts = |name: &str| row.get::<_, Vec<String>>(name);
        let (names, enabled) = (texts("triggers"), texts("enabled"));
        let (functions, arguments) = (texts("functions"), texts("arguments"));
        let events: Vec<i32> = row.get("events");
        let trigger = |index: usize| FoundTrigger {
            name: names[index].clone(),
            enabled: enabled[index].clone(),
            events: events[index],
            function: functions[index].clone(),
            arguments: arguments[index].clone(),
        };
        let triggers = (0..names.len()).map(trigger).collect();
        Self { oid: row.get("oid"), name: table_name(row), triggers }
    }

    pub(super) fn trigger(&self, name: &str) -> Option<&FoundTrigger> {
        self.triggers.iter().find(|found| found.name == name)
    }
}

impl FoundFunction {
    /// The function of this name that a trigger may call.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) async fn read(session: &Session, schema: &str, name: &str) -> Result<Option<Self>> {
        let sql = include_str!("../../../sql/capture/found_function.sql");
        let rows = session.query(sql, &[&schema, &name]).await;
        let rows = rows.map_err(|error| session.error(&error, "cannot look at a function"))?;
        Ok(rows.first().map(|row| Self {
            body: row.get("body"),
            is_definer: row.get("is_definer"),
            is_public: row.get("is_public"),
            settings: row.get("settings"),
        }))
    }
}

impl RememberedTable {
    /// Everything that a log remembers.
    ///
    /// # Errors
    /// Those of the session; what lies in this schema is no log of ours.
    pub(super) async fn all(session: &Session, log: &TableName) -> Result<Vec<Self>> {
        let sql = include_str!("../../../sql/capture/captured.sql");
        let sql = crate::sql::fill(sql, &[("schema", crate::sql::text(&log.schema))]);
        let rows = session.query(&sql, &[]).await;
        let rows = rows.map_err(|error| {
            session.error(&error, format!("cannot read what is captured into {log}"))
        })?;
        Ok(rows.iter().map(Self::of).collect())
    }

    fn of(row: &Row) -> Self {
        Self {
            source: row.get("source"),
            oid: row.get("relation"),
            shape: row.get("shape"),
            omitted: row.get("omitted"),
            first_id: row.get("first_id"),
            installed_at: row.get("installed_at"),
        }
    }
}

//! The parts of `init` that a source and a destination share: the schema, the event table, its
//! indexes.

use crate::postgres::ddl::existing::{ExistingObjects, ExistingRelation};
use crate::postgres::ddl::object::statement;
use crate::postgres::ddl::script::{ObjectParent, SetupScript};
use crate::postgres::table::TableName;
use crate::sql::{ident, text};

/// The fields of an event that have an index, as text array literals: slate's.
const PATHS: [&str; 4] = ["{entityName}", "{operation}", "{propertyName}", "{entityId}"];

/// Creates the event table by this file of `sql/`, with its schema where that is missing and with
/// its five indexes.
pub fn create(script: &mut SetupScript, facts: &ExistingObjects, file: &str) {
    create_without_indexes(script, facts, file);
    for (on, sql) in indexes(&facts.table) {
        script.create(format!("index on {}, {on}", facts.table), sql, ObjectParent::Schema);
    }
}

/// As [`create`], with its key alone: what is filled first and indexed then.
pub fn create_without_indexes(script: &mut SetupScript, facts: &ExistingObjects, file: &str) {
    let table = &facts.table;
    if facts.may_create_in_schema.is_none() {
        let schema = statement(include_str!("../../../sql/events/schema.sql"), table, &[]);
        script.create(format!("schema {}", table.schema), schema, ObjectParent::Database);
    }
    script.create(format!("table {table}"), statement(file, table, &[]), ObjectParent::Schema);
}

/// Takes note of an event table that is there, and of the indexes it lacks; they are not created,
/// because that would lock writers out.
pub fn found(script: &mut SetupScript, table: &TableName, events: &ExistingRelation) {
    script.found(format!("table {table} ({})", events.shown()));
    if !events.has_columns_of_init() {
        script.note(format!("table {table} has columns of its own; it is taken as it is"));
        return;
    }
    let lacking: Vec<String> = indexes(table)
        .into_iter()
        .filter(|(on, _)| !events.indexed.contains(on))
        .map(|(_, sql)| sql.replacen("create index", "create index concurrently", 1))
        .collect();
    if !lacking.is_empty() {
        let sql = lacking.join("\n");
        script.note(format!(
            "table {table} lacks indexes that init gives a new one; to add them without locking \
             writers out, run:\n{sql}"
        ));
    }
}

/// Refuses a relation that cannot be this event table, with the SQL that keeps it under another
/// name.
pub fn refuse(script: &mut SetupScript, table: &TableName, why: &str) {
    let aside = format!("{}_before_counterfoil", table.name.chars().take(40).collect::<String>());
    let rename = format!("alter table {} rename to {};", table.quoted(), ident(&aside));
    script.refuse_to_replace(&format!("table {table}"), why, &rename);
}

/// What each of the five indexes is on, as the server writes it, and the statement that creates it.
fn indexes(table: &TableName) -> Vec<(String, String)> {
    let on_path = |path: &&str| {
        let file = include_str!("../../../sql/events/index_path.sql");
        (
            format!("((event #>> '{path}'::text[]))"),
            statement(file, table, &[("path", text(*path))]),
        )
    };
    let on_ts =
        ("ts".to_owned(), statement(include_str!("../../../sql/events/index_ts.sql"), table, &[]));
    PATHS.iter().map(on_path).chain([on_ts]).collect()
}

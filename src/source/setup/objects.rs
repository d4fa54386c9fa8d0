//! The functions, triggers and other statements of a source, filled from `sql/source/`.

use crate::postgres::ddl::object::{FunctionDefinition, TriggerDefinition, statement};
use crate::postgres::table::TableName;
use crate::sql::{LOCK_DOORBELL, ident, literal, sql};

/// The counter of consecutive ids.
pub(crate) fn counter(table: &TableName) -> String {
    statement(include_str!("../../../sql/source/counter.sql"), table, &[])
}

/// The SQL that keeps what bears the counter's name under another name.
pub(crate) fn set_counter_aside(table: &TableName) -> String {
    format!("alter table {}.id rename to id_before_counterfoil;", ident(&table.schema))
}

/// The SQL that makes the `id` of a table that is there an identity column which goes on after its
/// last id.
pub(crate) fn add_identity(table: &TableName) -> String {
    let events = table.quoted();
    let sequence = format!("pg_get_serial_sequence({}, 'id')", literal(&events));
    format!(
        "alter table {events} alter column id set not null, alter column id add generated always \
         as identity;\n\
         select setval({sequence}, max(id)) from {events};"
    )
}

/// The typed way to insert.
pub(crate) fn insert_events(table: &TableName) -> FunctionDefinition {
    inserting(table, "jsonb[]", include_str!("../../../sql/source/insert_events.sql"))
}

/// slate's way to insert.
pub(crate) fn insert_events_text(table: &TableName) -> FunctionDefinition {
    inserting(table, "text", include_str!("../../../sql/source/insert_events_text.sql"))
}

fn inserting(table: &TableName, types: &'static str, file: &str) -> FunctionDefinition {
    let id_newest = statement(include_str!("../../../sql/source/id_newest.sql"), table, &[]);
    let event_ts = statement(include_str!("../../../sql/source/event_ts.sql"), table, &[]);
    FunctionDefinition {
        name: "insert_events",
        types,
        result: "integer",
        sql: statement(file, table, &[("id_newest", sql(id_newest)), ("event_ts", sql(event_ts))]),
    }
}

/// The function that refuses a change of events.
pub(crate) fn filter_sql_command(table: &TableName) -> FunctionDefinition {
    trigger_function(
        table,
        "filter_sql_command",
        include_str!("../../../sql/source/filter_sql_command.sql"),
    )
}

/// The same for a log of captured changes, whose oldest events may go with a certificate.
pub(crate) fn filter_log_command(table: &TableName) -> FunctionDefinition {
    let file = include_str!("../../../sql/capture/guard_function.sql");
    trigger_function(table, "filter_sql_command", file)
}

/// The trigger that lets it.
pub(crate) fn check_sql_command(table: &TableName) -> TriggerDefinition {
    TriggerDefinition {
        name: "check_sql_command",
        // before delete, update and truncate, for each statement
        events: 2 + 8 + 16 + 32,
        function: "filter_sql_command",
        when: None,
        sql: statement(include_str!("../../../sql/source/check_sql_command.sql"), table, &[]),
    }
}

/// The function that rings.
pub(crate) fn doorbell_function(table: &TableName) -> FunctionDefinition {
    trigger_function(
        table,
        "counterfoil_doorbell",
        include_str!("../../../sql/source/doorbell_function.sql"),
    )
}

/// The trigger that lets it, while the replicator sleeps.
pub(crate) fn doorbell(table: &TableName) -> TriggerDefinition {
    TriggerDefinition {
        name: "counterfoil_doorbell",
        // after insert, for each statement
        events: 4,
        function: "counterfoil_doorbell",
        when: Some(format!("NOT pg_try_advisory_xact_lock_shared({LOCK_DOORBELL}, ")),
        sql: statement(include_str!("../../../sql/source/doorbell.sql"), table, &[]),
    }
}

/// The function that tells slate's listeners of an event.
pub(crate) fn notify_event_insert(table: &TableName) -> FunctionDefinition {
    trigger_function(
        table,
        "notify_event_insert",
        include_str!("../../../sql/source/notify_event_insert.sql"),
    )
}

/// The trigger that lets it.
pub(crate) fn notify_insert(table: &TableName) -> TriggerDefinition {
    TriggerDefinition {
        name: "notify_insert",
        // after insert, for each row
        events: 1 + 4,
        function: "notify_event_insert",
        when: None,
        sql: statement(include_str!("../../../sql/source/notify_insert.sql"), table, &[]),
    }
}

fn trigger_function(table: &TableName, name: &'static str, file: &str) -> FunctionDefinition {
    FunctionDefinition { name, types: "", result: "trigger", sql: statement(file, table, &[]) }
}

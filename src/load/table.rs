//! What the table is that is to be loaded: asked of the catalog, before anything is written.

use crate::error::{Error, ErrorKind, Result};
use crate::postgres::ddl::existing::{ExistingObjects, ExistingRelation};
use crate::postgres::session::Session;
use crate::postgres::table::describe;
use crate::postgres::table::trigger;
use crate::postgres::table::{Column, ColumnOrigin, EventTable};
use crate::sql::{self, TableName, ident};

/// What decides how events can come into a table.
#[derive(Clone, Debug)]
pub(super) struct TableShape {
    pub(super) table: TableName,
    /// Its key: the column of the name that was given, otherwise its identity column.
    pub(super) id_column: String,
    /// Whether it is a table, partitioned or not.
    pub(super) is_table: bool,
    pub(super) is_standby: bool,
    /// Whether it has the guard that `init destination --guard` puts before a copy.
    pub(super) is_guarded_copy: bool,
    /// Whether the table itself gives an id to a row that comes without.
    pub(super) is_fed: bool,
    /// Whether the table `id` beside it holds the next id.
    pub(super) has_counter: bool,
    /// Whether it has a column `ts` that takes a time.
    pub(super) has_ts: bool,
    /// The type of the column `event`, if there is one.
    pub(super) event_type: Option<String>,
    /// Other columns that have to be given a value.
    pub(super) unfilled: Vec<String>,
    /// The function that inserts into it, if there is one.
    pub(super) insert_events: Option<InsertForm>,
    /// The trigger that sends whole events, if there is one.
    pub(super) notifies_whole_events: Option<String>,
}

/// A form of `insert_events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsertForm {
    /// `insert_events(jsonb[])`: Counterfoil's.
    Typed,
    /// `insert_events(text)`: slate's, or Counterfoil's for those who call slate's.
    Text,
}

/// Asks.
///
/// # Errors
/// `Unsuitable` where there is no such table; what the connection or the server says.
pub(super) async fn ask(
    session: &Session,
    name: &TableName,
    id_column: &str,
) -> Result<TableShape> {
    let Some(table) = describe::table(session, name, id_column).await? else {
        let missing = Error::new(ErrorKind::Unsuitable, format!("there is no table {name}"))
            .at(session.place());
        return Err(missing.fix(format!(
            "name the event table by --table, or make one: counterfoil init source --url … --table \
             '{name}'"
        )));
    };
    let facts = ExistingObjects::read(session, name).await?;
    Ok(shape(&table, &facts, id_column))
}

fn shape(table: &EventTable, facts: &ExistingObjects, id_column: &str) -> TableShape {
    let is_identity = |column: &&Column| column.origin == ColumnOrigin::Identity;
    let id = table.column(id_column).or_else(|| table.columns.iter().find(is_identity));
    let id_column = id.map_or(id_column, |id| id.name.as_str());
    let is_time = |column: &Column| column.type_name == "timestamp with time zone";
    let is_ours = |column: &Column| {
        [id_column, "event"].contains(&column.name.as_str())
            || (column.name == "ts" && is_time(column))
    };
    let is_unfilled = |column: &&Column| {
        !is_ours(column)
            && column.is_not_null
            && !column.has_default
            && column.origin == ColumnOrigin::Plain
    };
    TableShape {
        table: table.name.clone(),
        id_column: id_column.to_owned(),
        is_table: ['r', 'p'].contains(&table.kind),
        is_standby: facts.server.is_standby,
        is_guarded_copy: facts.trigger(sql::GUARD).is_some(),
        is_fed: id.is_some_and(|id| id.has_default || id.origin == ColumnOrigin::Identity),
        has_counter: id.is_some_and(|id| id.name == "id" && id.type_name == "bigint")
            && facts.counter.as_ref().is_some_and(ExistingRelation::is_counter),
        has_ts: table.column("ts").is_some_and(is_time),
        event_type: table.column("event").map(|column| column.type_name.clone()),
        unfilled: table
            .columns
            .iter()
            .filter(is_unfilled)
            .map(|column| column.name.clone())
            .collect(),
        insert_events: insert_events(facts),
        notifies_whole_events: notifies_whole_events(table),
    }
}

/// The better function of those that insert into this table: one schema can hold several event
/// tables, but only one function of a kind.
fn insert_events(facts: &ExistingObjects) -> Option<InsertForm> {
    let inserts = |types: &str| {
        let function = facts.function("insert_events", types)?;
        inserts_into(&function.body, &facts.table).then_some(())
    };
    let typed = inserts("jsonb[]").map(|()| InsertForm::Typed);
    typed.or_else(|| inserts("text").map(|()| InsertForm::Text))
}

/// Whether the text of a function names this table after `into`, or quoted with its schema.
fn inserts_into(body: &str, table: &TableName) -> bool {
    let schema_and_name = [&table.schema, &table.name].map(|part| ident(part));
    if body.contains(&schema_and_name.join(".")) {
        return true;
    }
    let words: Vec<&str> = body.split_whitespace().collect();
    let named = |after: &str| {
        let name = after.split(['(', '\'', ';']).next().unwrap_or_default();
        TableName::parse(name).is_ok_and(|found| {
            found.name == table.name && (found.schema == table.schema || !name.contains('.'))
        })
    };
    words.windows(2).any(|pair| pair[0].to_lowercase().ends_with("into") && named(pair[1]))
}

fn notifies_whole_events(table: &EventTable) -> Option<String> {
    let sends = |trigger: &&trigger::InsertTrigger| {
        trigger.is_enabled && trigger.notifies.as_ref().is_some_and(|sent| sent.carries_event)
    };
    table.insert_triggers.iter().find(sends).map(|trigger| trigger.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_function_serves_the_table_that_it_inserts_into_and_no_other() {
        let slates = "begin execute 'insert into events (id, ts, event) values ' || insertValues \
                      using ids; end";
        let ours = "insert into \"public\".\"events\" (id, ts, event) select 1 from \
                    unnest(insert_events.events)";
        for (body, table, serves) in [
            (slates, "events", true),
            (slates, "audit.events", true),
            (slates, "others", false),
            (ours, "events", true),
            (ours, "audit.events", false),
            (ours, "others", false),
            ("INSERT INTO Public.Events(id) VALUES (1)", "events", true),
            ("insert into audit.events (id) values (1)", "events", false),
            ("select 1 into x from events", "events", false),
        ] {
            assert_eq!(
                inserts_into(body, &TableName::parse(table).unwrap()),
                serves,
                "{body} {table}"
            );
        }
    }
}

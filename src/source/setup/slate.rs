//! A source that slate-init-db made: known by its objects, and taken as it is.

use super::objects;
use super::options::NotifyOption;
use crate::postgres::ddl::event_table;
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::object::drop_trigger;
use crate::postgres::ddl::script::{ObjectParent, SetupScript};

/// Whether the objects are slate's: its event table, its counter, and its own
/// `insert_events(insertValues text)`.
pub(crate) fn is_source(facts: &ExistingObjects) -> bool {
    let is_slates_table = facts.events.as_ref().is_some_and(|events| {
        events.is_event_table() && events.has_columns_of_init() && !events.has_id_sequence
    });
    let is_slates_insert = facts.function("insert_events", "text").is_some_and(|found| {
        let is_named = matches!(found.arguments.as_slice(), [only] if only.eq_ignore_ascii_case("insertvalues"));
        is_named && found.result == "integer" && !objects::insert_events_text(&facts.table).is(found)
    });
    // Without the typed function, which slate never made: where it is, a text function that is not
    // ours was put there later.
    let is_ours = facts.function("insert_events", "jsonb[]").is_some();
    is_slates_table
        && is_slates_insert
        && !is_ours
        && facts.counter.as_ref().is_some_and(|counter| counter.is_counter())
}

/// Creates nothing, and tells what is there; only a notification that was asked for by name is
/// created, or refused.
pub(crate) fn take_as_it_is(
    script: &mut SetupScript,
    facts: &ExistingObjects,
    notify: Option<NotifyOption>,
) {
    let table = &facts.table;
    if let Some(events) = &facts.events {
        event_table::found(script, table, events);
    }
    script.found(format!("table {}.id, the next id", table.schema));
    for function in &facts.functions {
        script.found(format!("function {}.{}({})", table.schema, function.name, function.types));
    }
    for trigger in &facts.triggers {
        script.found(format!("trigger {} on {table}", trigger.name));
    }
    script.note("slate-init-db made this source; it works as it is");
    if facts.trigger("check_sql_command").is_none() {
        let replacement = format!(
            "{}\n{}",
            objects::filter_sql_command(table).replacement(),
            objects::check_sql_command(table).sql
        );
        script.note(format!(
            "nothing refuses UPDATE, DELETE and TRUNCATE on {table}; to refuse them, \
             run:\n{replacement}"
        ));
    }
    let sends_events = facts
        .function("notify_event_insert", "")
        .is_some_and(|found| !objects::notify_event_insert(table).is(found));
    match notify {
        _ if facts.trigger("notify_insert").is_none() || !sends_events => {
            create_notification(script, facts, notify)
        }
        Some(NotifyOption::Doorbell) => refuse_doorbell(script, facts),
        Some(NotifyOption::Slate) => script.function(facts, objects::notify_event_insert(table)),
        Some(NotifyOption::None) | None => script.note(format!(
            "trigger notify_insert sends whole events, so to insert one of 8 kB or more fails; to \
             send table and id only, run:\n{}",
            objects::notify_event_insert(table).replacement()
        )),
    }
}

fn create_notification(
    script: &mut SetupScript,
    facts: &ExistingObjects,
    notify: Option<NotifyOption>,
) {
    let table = &facts.table;
    let has_any =
        ["notify_insert", "counterfoil_doorbell"].iter().any(|name| facts.trigger(name).is_some());
    match notify {
        Some(NotifyOption::Doorbell) => {
            script.trigger(facts, objects::doorbell_function(table), objects::doorbell(table));
        }
        Some(NotifyOption::Slate) => {
            script.function(facts, objects::notify_event_insert(table));
            if facts.trigger("notify_insert").is_none() {
                script.create(
                    format!("trigger notify_insert on {table}"),
                    objects::notify_insert(table).sql,
                    ObjectParent::Table,
                );
            }
        }
        None if !has_any => script.note(
            "no trigger wakes the replicator, it polls; to change that, run init again with \
             --notify doorbell",
        ),
        Some(NotifyOption::None) | None => {}
    }
}

fn refuse_doorbell(script: &mut SetupScript, facts: &ExistingObjects) {
    let table = &facts.table;
    let why =
        "trigger notify_insert notifies of every event, so a doorbell beside it would save nothing";
    let replacement = format!(
        "{}\n{}\n{}",
        drop_trigger("notify_insert", table),
        objects::doorbell_function(table).replacement(),
        objects::doorbell(table).sql
    );
    script.refuse_to_replace(
        &format!("trigger counterfoil_doorbell on {table}"),
        why,
        &replacement,
    );
}

//! What `init source` creates: the event table, what gives out its ids, what protects it, what
//! wakes the replicator.

mod objects;
mod options;
mod slate;

use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::ddl::event_table;
use crate::postgres::ddl::existing::{ExistingObjects, ExistingRelation};
use crate::postgres::ddl::object::statement;
use crate::postgres::ddl::script::{self, ObjectParent, SetupReport, SetupScript};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;

pub use options::{IdsOption, NotifyOption};

/// What is wanted of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSetup {
    table: TableName,
    ids: IdsOption,
    notify: Option<NotifyOption>,
    /// Whether its events are captured changes of other tables.
    is_log: bool,
}

impl SourceSetup {
    /// With `notify` of `None`, a doorbell, except where applications may use two-phase commit.
    pub fn new(table: TableName, ids: IdsOption, notify: Option<NotifyOption>) -> Self {
        Self { table, ids, notify, is_log: false }
    }

    /// The log of captured changes: its ids come from a sequence.
    pub(crate) fn of_log(table: TableName) -> Self {
        Self { table, ids: IdsOption::Sequence, notify: None, is_log: true }
    }

    /// The table it is about.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// What is missing, what is there and what stands in the way.
    pub fn script(&self, facts: &ExistingObjects) -> SetupScript {
        let mut script = SetupScript::new(facts);
        if slate::is_source(facts) {
            slate::take_as_it_is(&mut script, facts, self.notify);
        } else {
            match self.ids {
                IdsOption::Consecutive => self.consecutive(&mut script, facts),
                IdsOption::Sequence => self.sequence(&mut script, facts),
            }
            let filter = if self.is_log {
                objects::filter_log_command(&self.table)
            } else {
                objects::filter_sql_command(&self.table)
            };
            script.trigger(facts, filter, objects::check_sql_command(&self.table));
            self.notify(&mut script, facts);
        }
        script.require_privileges(facts);
        script
    }

    /// The SQL of `--dry-run`: runs in psql and creates only what is missing.
    pub fn sql(&self, facts: &ExistingObjects) -> String {
        self.script(facts).sql()
    }

    fn consecutive(&self, script: &mut SetupScript, facts: &ExistingObjects) {
        match &facts.events {
            _ if self.table.name == "id" => {
                let taken = Error::new(
                    ErrorKind::Usage,
                    "cannot call the event table id: its counter has this name",
                );
                script.refuse(taken.fix("give --table another name, or --ids sequence"));
            }
            None => {
                event_table::create(script, facts, include_str!("../../../sql/events/table.sql"))
            }
            Some(events) => match unfit_for_consecutive(events) {
                None => event_table::found(script, &self.table, events),
                Some(why) => event_table::refuse(script, &self.table, why),
            },
        }
        let counter = format!("table {}.id, the next id", self.table.schema);
        match &facts.counter {
            None => script.create(counter, objects::counter(&self.table), ObjectParent::Schema),
            Some(found) if found.is_counter() && facts.events.is_some() => script.found(counter),
            Some(found) => {
                let why = format!(
                    "a relation of this name exists and is not a counter of {}: {}",
                    self.table,
                    found.shown()
                );
                let aside = objects::set_counter_aside(&self.table);
                script.refuse_unless(&counter, &why, OF_ANOTHER, &aside);
            }
        }
        script.function_or(facts, objects::insert_events(&self.table), OF_ANOTHER);
        script.function_or(facts, objects::insert_events_text(&self.table), OF_ANOTHER);
    }

    fn sequence(&self, script: &mut SetupScript, facts: &ExistingObjects) {
        let table = &self.table;
        match &facts.events {
            None if self.is_log => {
                let log = include_str!("../../../sql/capture/log.sql");
                event_table::create_without_indexes(script, facts, log);
                let compress = include_str!("../../../sql/capture/compress.sql");
                let sql = statement(compress, table, &[]);
                script.create(format!("compression of {table}"), sql, ObjectParent::Table);
            }
            None => event_table::create(
                script,
                facts,
                include_str!("../../../sql/source/table_sequence.sql"),
            ),
            Some(events) if self.is_log && !is_log(events) => {
                let why = "the object of this name is no log of captured changes";
                event_table::refuse(script, table, why);
            }
            Some(events) if !events.is_event_table() => {
                let why = "the object of this name is not a table with an integer id and a unique \
                           index on it";
                event_table::refuse(script, table, why);
            }
            Some(events) if !events.has_id_sequence => {
                let why = "its ids come from no sequence that belongs to the column";
                script.refuse_to_replace(
                    &format!("an identity column on {table}"),
                    why,
                    &objects::add_identity(table),
                );
            }
            Some(events) => event_table::found(script, table, events),
        }
    }

    fn notify(&self, script: &mut SetupScript, facts: &ExistingObjects) {
        let doorbell = objects::doorbell(&self.table);
        let notify_insert = objects::notify_insert(&self.table);
        let has_doorbell = facts.trigger(doorbell.name).is_some();
        let has_notify = facts
            .trigger(notify_insert.name)
            .is_some_and(|found| notify_insert.is(found, &self.table));
        let may_prepare = facts.server.prepared_max > 0;
        match self.notify {
            Some(NotifyOption::Doorbell) => self.ring(script, facts),
            Some(NotifyOption::Slate) => {
                script.trigger(facts, objects::notify_event_insert(&self.table), notify_insert);
            }
            Some(NotifyOption::None) if has_doorbell || has_notify => {
                script
                    .note(format!("{} already has a trigger that notifies; it stays", self.table));
            }
            Some(NotifyOption::None) => {}
            None if has_notify => {
                script.found(format!("trigger {} on {}", notify_insert.name, self.table))
            }
            None if may_prepare && !has_doorbell => script.note(format!(
                "no trigger wakes the replicator, it polls: max_prepared_transactions is {}, and a \
                 transaction that has notified cannot be prepared, so two-phase commits would fail \
                 now and then; if no application uses them here, run init again with --notify \
                 doorbell",
                facts.server.prepared_max
            )),
            None => self.ring(script, facts),
        }
    }

    fn ring(&self, script: &mut SetupScript, facts: &ExistingObjects) {
        script.trigger(
            facts,
            objects::doorbell_function(&self.table),
            objects::doorbell(&self.table),
        );
    }
}

/// Creates what is missing of a source, in one transaction. Running it again is harmless.
pub async fn apply(session: &Session, plan: &SourceSetup) -> Result<SetupReport, Problems> {
    script::carry_out(session, &plan.table, |facts| plan.script(facts)).await
}

/// Where a counter or a function serves another event table.
const OF_ANOTHER: &str = "if another event table uses it, give --table a schema of its own, or give \
                          --ids sequence";

/// The columns of a log, with their types.
pub(crate) const LOG_COLUMNS: [(&str, &str); 7] = [
    ("id", "bigint"),
    ("ts", "timestamp with time zone"),
    ("xact", "bigint"),
    ("source", "text"),
    ("op", "\"char\""),
    ("before", "json"),
    ("after", "json"),
];

fn is_log(events: &ExistingRelation) -> bool {
    let columns = events.columns.iter();
    let columns = columns.map(|column| (column.name.as_str(), column.type_name.as_str()));
    events.is_event_table() && columns.eq(LOG_COLUMNS)
}

fn unfit_for_consecutive(events: &ExistingRelation) -> Option<&'static str> {
    if !events.is_event_table() {
        Some("the object of this name is not a table with an integer id and a unique index on it")
    } else if events.has_id_sequence {
        Some("its ids come from a sequence: give --ids sequence to keep it")
    } else if !events.has_columns_of_init() {
        Some(
            "insert_events needs the columns id bigint, ts timestamp with time zone and event \
             jsonb, all not null, and no others to be filled",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests;

//! What `init destination` creates: the event table, and on request a guard that lets only
//! Counterfoil change it.

use crate::error::{Problems, Result};
use crate::postgres::ddl::event_table;
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::object::{FunctionDefinition, TriggerDefinition, statement};
use crate::postgres::ddl::script::{self, SetupReport, SetupScript};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::sql;

/// The SQL of the event table.
const TABLE: &str = include_str!("../../../sql/events/table.sql");

/// What is wanted of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationSetup {
    table: TableName,
    is_guarded: bool,
    is_indexed: bool,
}

impl DestinationSetup {
    /// The event table with its indexes.
    pub fn new(table: TableName) -> Self {
        Self { table, is_guarded: false, is_indexed: true }
    }

    /// With `--guard`: a trigger that lets only Counterfoil's own sessions change it.
    #[must_use]
    pub fn guarded(self) -> Self {
        Self { is_guarded: true, ..self }
    }

    /// With `--without-indexes`: a new table has its key alone, so that it is filled sooner.
    #[must_use]
    pub fn without_indexes(self) -> Self {
        Self { is_indexed: false, ..self }
    }

    /// The table it is about.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// What is missing, what is there and what stands in the way.
    pub fn script(&self, facts: &ExistingObjects) -> SetupScript {
        let mut script = SetupScript::new(facts);
        match &facts.events {
            None if self.is_indexed => event_table::create(&mut script, facts, TABLE),
            None => {
                event_table::create_without_indexes(&mut script, facts, TABLE);
                script.note(format!(
                    "table {} has only its key; once it is filled, init destination prints how to \
                     add its indexes",
                    self.table
                ));
            }
            Some(events) if events.is_event_table() => {
                if !self.is_indexed {
                    script
                        .note(format!("table {} exists; its indexes stay as they are", self.table));
                }
                event_table::found(&mut script, &self.table, events);
            }
            Some(_) => {
                let why = "the object of this name is not a table with an integer id and a unique \
                           index on it";
                event_table::refuse(&mut script, &self.table, why);
            }
        }
        if self.is_guarded {
            script.trigger(facts, guard_function(&self.table), guard(&self.table));
        }
        if facts.trigger("check_sql_command").is_some() {
            script.note(format!(
                "trigger check_sql_command makes {} a source; what is inserted here by anyone but \
                 Counterfoil stops the replication",
                self.table
            ));
        }
        script.require_privileges(facts);
        script
    }

    /// The SQL of `--dry-run`: runs in psql and creates only what is missing.
    pub fn sql(&self, facts: &ExistingObjects) -> String {
        self.script(facts).sql()
    }
}

/// Creates what is missing of a destination, in one transaction. Running it again is harmless.
pub async fn apply(session: &Session, plan: &DestinationSetup) -> Result<SetupReport, Problems> {
    script::carry_out(session, &plan.table, |facts| plan.script(facts)).await
}

fn guard_function(table: &TableName) -> FunctionDefinition {
    FunctionDefinition {
        name: sql::GUARD,
        types: "",
        result: "trigger",
        sql: statement(include_str!("../../../sql/destination/guard_function.sql"), table, &[]),
    }
}

fn guard(table: &TableName) -> TriggerDefinition {
    TriggerDefinition {
        name: sql::GUARD,
        // before insert, delete, update and truncate, for each statement
        events: 2 + 4 + 8 + 16 + 32,
        function: sql::GUARD,
        when: None,
        sql: statement(include_str!("../../../sql/destination/guard.sql"), table, &[]),
    }
}

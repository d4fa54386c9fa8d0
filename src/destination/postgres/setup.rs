//! What `init destination` creates: the event table, and on request a guard that lets only
//! Counterfoil change it.

use crate::error::{Problems, Result};
use crate::postgres::ddl::event_table;
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::object::{FunctionDefinition, TriggerDefinition, statement};
use crate::postgres::ddl::script::{self, ObjectParent, SetupReport, SetupScript};
use crate::postgres::ddl::shape::{EventTableShape, ExistingTypes};
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
    shape: Option<Box<(EventTableShape, ExistingTypes)>>,
}

impl DestinationSetup {
    /// The event table with its indexes.
    pub fn new(table: TableName) -> Self {
        Self { table, is_guarded: false, is_indexed: true, shape: None }
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

    /// With `--config`: a new table is made in the shape of its source's.
    #[must_use]
    pub fn shaped(self, shape: EventTableShape, there: ExistingTypes) -> Self {
        Self { shape: Some(Box::new((shape, there))), ..self }
    }

    /// The table it is about.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// What is missing, what is there and what stands in the way.
    pub fn script(&self, facts: &ExistingObjects) -> SetupScript {
        let mut script = SetupScript::new(facts);
        match (&facts.events, self.shape.as_deref()) {
            (None, Some((shape, there))) => {
                shape.create(&mut script, (facts, there), self.is_indexed);
                self.grant_to_another(&mut script, facts);
            }
            (Some(events), Some((shape, there))) if events.is_table() => {
                script.found(format!("table {} ({})", self.table, events.shown()));
                script.note(format!(
                    "table {} is taken as it is: counterfoil run --dry-run says whether it fits",
                    self.table
                ));
                if self.is_indexed {
                    shape.found(&mut script, &self.table, there);
                }
            }
            (None, None) if self.is_indexed => event_table::create(&mut script, facts, TABLE),
            (None, None) => {
                event_table::create_without_indexes(&mut script, facts, TABLE);
                script.note(format!(
                    "table {} has only its key; once it is filled, init destination prints how to \
                     add its indexes",
                    self.table
                ));
            }
            (Some(events), None) if events.is_event_table() => {
                if !self.is_indexed {
                    script
                        .note(format!("table {} exists; its indexes stay as they are", self.table));
                }
                event_table::found(&mut script, &self.table, events);
            }
            (Some(_), _) => {
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

    /// What is printed for another role to run lets this one append.
    fn grant_to_another(&self, script: &mut SetupScript, facts: &ExistingObjects) {
        let may_create = facts.may_create_in_schema.unwrap_or(facts.server.may_create_schema);
        if may_create {
            return;
        }
        let role = sql::ident(&facts.server.role);
        let grants = format!(
            "grant usage on schema {} to {role};\ngrant select, insert on {} to {role};",
            sql::ident(&self.table.schema),
            self.table.quoted()
        );
        let what = format!("privileges of role {}", facts.server.role);
        script.create(what, grants, ObjectParent::Table);
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

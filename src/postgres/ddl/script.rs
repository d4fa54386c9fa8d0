//! What `init` would do: the SQL of what is missing, what is there already, what is refused;
//! printed, or carried out in one transaction.

use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::escape::fit;
use crate::postgres::ddl::existing::{ExistingObjects, ExistingTrigger};
use crate::postgres::ddl::object::{FunctionDefinition, TriggerDefinition, drop_trigger};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::sql::{self, LOCK_REPLICATOR, fill, ident};
use std::fmt;

/// What every transaction of a script starts with: no role's search path decides what a name means,
/// and on a busy table we give up rather than let its writers queue behind us.
const SETTINGS: &str =
    "set local search_path = pg_catalog, pg_temp;\nset local lock_timeout = '10s';";

/// What is missing, what is there, and what stands in the way.
#[derive(Clone, Debug)]
pub struct SetupScript {
    table: TableName,
    database: String,
    steps: Vec<ScriptStep>,
    present: Vec<String>,
    notes: Vec<String>,
    refusals: Problems,
}

#[derive(Clone, Debug)]
struct ScriptStep {
    what: String,
    sql: String,
    on: ObjectParent,
}

/// What an object is created on, which decides the privilege it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectParent {
    /// CREATE on the database.
    Database,
    /// CREATE on the schema.
    Schema,
    /// Ownership of the event table.
    Table,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetupReport {
    /// What was created, in order.
    pub created: Vec<String>,
    /// What was there already.
    pub present: Vec<String>,
    /// What a person should know; some with SQL to run.
    pub notes: Vec<String>,
}

impl SetupScript {
    /// An empty one, which already refuses what no object could be created on.
    pub fn new(facts: &ExistingObjects) -> Self {
        let mut script = Self {
            table: facts.table.clone(),
            database: facts.server.database.clone(),
            steps: Vec::new(),
            present: Vec::new(),
            notes: Vec::new(),
            refusals: Problems::new(),
        };
        if facts.server.is_standby {
            let standby = Error::new(
                ErrorKind::Unsuitable,
                "cannot create anything: the server is a standby",
            );
            script.refuse(standby.fix("connect to its primary"));
        }
        script
    }

    /// Adds SQL for something that is missing.
    pub fn create(&mut self, what: impl Into<String>, sql: String, on: ObjectParent) {
        self.steps.push(ScriptStep { what: what.into(), sql, on });
    }

    /// Takes note of something that is there already.
    pub fn found(&mut self, what: impl Into<String>) {
        self.present.push(what.into());
    }

    /// What is missing.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.what.as_str())
    }

    /// Adds something a person should know.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds something that stands in the way: then nothing at all is created.
    pub fn refuse(&mut self, problem: Error) {
        let place = format!("database {}, table {}", self.database, self.table);
        self.refusals.push(problem.at(place));
    }

    /// Refuses to replace an object that is not ours, and says with which SQL a person can.
    pub fn refuse_to_replace(&mut self, what: &str, why: &str, replacement: &str) {
        self.refuse_unless(what, why, "", replacement);
    }

    /// As [`SetupScript::refuse_to_replace`], with what harms nobody first.
    pub fn refuse_unless(&mut self, what: &str, why: &str, instead: &str, replacement: &str) {
        let instead =
            if instead.is_empty() { String::new() } else { format!("{instead}; otherwise, ") };
        let refused = Error::new(ErrorKind::Unsuitable, format!("cannot create {what}"))
            .because(why)
            .fix(format!(
                "nothing was changed; {instead}if nothing else uses it, run this and start \
                 again:\n{replacement}"
            ));
        self.refuse(refused);
    }

    /// Creates the function, or finds it there, or refuses to replace another of its name.
    pub fn function(&mut self, facts: &ExistingObjects, wanted: FunctionDefinition) {
        self.function_or(facts, wanted, "");
    }

    /// As [`SetupScript::function`], with what harms nobody first where it is refused.
    pub fn function_or(
        &mut self,
        facts: &ExistingObjects,
        wanted: FunctionDefinition,
        instead: &str,
    ) {
        let why = "a function of this name with these arguments exists, with another body";
        let what = format!("function {}.{}({})", facts.table.schema, wanted.name, wanted.types);
        match facts.function(wanted.name, wanted.types) {
            None => self.create(what, wanted.sql, ObjectParent::Schema),
            Some(found) if wanted.is(found) => self.found(what),
            Some(found) => {
                // CREATE OR REPLACE keeps the result and the names of the arguments; a trigger's
                // function, which others may use, has none.
                let is_kept = found.result == wanted.result && wanted.types.is_empty();
                let drop = if is_kept {
                    String::new()
                } else {
                    format!(
                        "drop function {}.{}({});\n",
                        ident(&facts.table.schema),
                        wanted.name,
                        wanted.types
                    )
                };
                let replacement = format!("{drop}{}", wanted.replacement());
                self.refuse_unless(&what, why, instead, &replacement);
            }
        }
    }

    /// Creates the trigger with its function, or finds them there, or refuses to replace others of
    /// their names.
    pub fn trigger(
        &mut self,
        facts: &ExistingObjects,
        function: FunctionDefinition,
        wanted: TriggerDefinition,
    ) {
        let what = format!("trigger {} on {}", wanted.name, facts.table);
        let found = facts.trigger(wanted.name);
        let is_ours = found.is_none_or(|found| wanted.is(found, &facts.table));
        // Nothing is created beside a refusal, so the SQL that replaces the trigger brings a
        // missing function along.
        let missing = (!is_ours && facts.function(function.name, function.types).is_none())
            .then(|| format!("{}\n", function.sql));
        self.function(facts, function);
        match found {
            None => self.create(what, wanted.sql, ObjectParent::Table),
            Some(_) if is_ours => self.found(what),
            Some(found) => {
                let why = format!("there is another one of this name: {}", found.shown());
                let drop = drop_trigger(wanted.name, &facts.table);
                self.refuse_to_replace(
                    &what,
                    &why,
                    &format!("{}{drop}\n{}", missing.unwrap_or_default(), wanted.sql),
                );
            }
        }
    }

    /// Refuses what our role may not create; to be called last.
    pub fn require_privileges(&mut self, facts: &ExistingObjects) {
        let takes = |on: ObjectParent| self.steps.iter().any(|step| step.on == on);
        let role = &facts.server.role;
        let mut lacks = Vec::new();
        if takes(ObjectParent::Database) && !facts.server.may_create_schema {
            let grant =
                format!("grant create on database {} to {};", ident(&self.database), ident(role));
            lacks.push((
                format!("role {role} may not create a schema in database {}", self.database),
                grant,
            ));
        }
        if takes(ObjectParent::Schema) && facts.may_create_in_schema == Some(false) {
            let grant = format!(
                "grant create on schema {} to {};",
                ident(&facts.table.schema),
                ident(role)
            );
            lacks.push((
                format!("role {role} may not create objects in schema {}", facts.table.schema),
                grant,
            ));
        }
        if !facts.may_use_schema && !self.is_empty() {
            let grant =
                format!("grant usage on schema {} to {};", ident(&facts.table.schema), ident(role));
            lacks.push((format!("role {role} may not use schema {}", facts.table.schema), grant));
        }
        if let Some(events) =
            facts.events.as_ref().filter(|events| takes(ObjectParent::Table) && !events.is_owned)
        {
            let why = format!("role {role} does not own {}: {} does", facts.table, events.owner);
            lacks.push((why, format!("grant {} to {};", ident(&events.owner), ident(role))));
        }
        for (why, grant) in lacks {
            let refused =
                Error::new(ErrorKind::Access, "cannot create what is missing").because(why);
            self.refuse(refused.fix(format!(
                "nothing was changed; connect as a role that may, or give it the SQL of --dry-run, \
                 or run as one:\n{grant}"
            )));
        }
    }

    /// What stands in the way; empty if nothing does.
    pub fn refusals(&self) -> &Problems {
        &self.refusals
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// One transaction for psql that creates what is missing; the rest is told in comments. All of
    /// it is a comment where something is refused, other than for a privilege that the role that
    /// runs it may have.
    pub fn sql(&self) -> String {
        let mut lines = vec![comment(&format!("database {}, table {}", self.database, self.table))];
        lines.extend(self.present.iter().map(|what| comment(&format!("already there: {what}"))));
        lines.extend(self.notes.iter().map(|note| comment(&format!("note: {note}"))));
        lines.extend(self.refusals.iter().map(|refusal| comment(&refusal.report())));
        if self.is_empty() {
            lines.push(comment("nothing to create"));
        } else if self.refusals.iter().any(|refusal| refusal.kind() != ErrorKind::Access) {
            lines.push(comment(
                "nothing is created while there is an error; once it is fixed, this is missing:",
            ));
            lines.extend(
                self.steps.iter().map(|step| comment(&format!("\n{}\n{}", step.what, step.sql))),
            );
        } else {
            lines.push(format!("begin;\n{SETTINGS}"));
            lines.extend(
                self.steps.iter().map(|step| format!("\n{}\n{}", comment(&step.what), step.sql)),
            );
            lines.push("\ncommit;".to_owned());
        }
        lines.join("\n") + "\n"
    }

    fn report(self) -> SetupReport {
        SetupReport {
            created: self.steps.into_iter().map(|step| step.what).collect(),
            present: self.present,
            notes: self.notes,
        }
    }
}

/// Looks at what is there and creates what is missing, in one transaction and alone: a second one
/// at the same time waits, then finds everything there.
///
/// # Errors
/// Everything that stands in the way, each with the SQL that would clear it (`Unsuitable`,
/// `Access`); `Unavailable` when another session holds the table for ten seconds. Nothing was
/// created then; a crash leaves nothing either.
pub async fn carry_out(
    session: &Session,
    table: &TableName,
    plan: impl Fn(&ExistingObjects) -> SetupScript,
) -> Result<SetupReport, Problems> {
    let done = in_transaction(session, table, plan).await;
    if done.is_err() && !session.is_closed() {
        // Without it the session would go on in a failed transaction; its own failure has nothing
        // to add.
        let _ = session.batch_execute("rollback").await;
    }
    done
}

async fn in_transaction(
    session: &Session,
    table: &TableName,
    plan: impl Fn(&ExistingObjects) -> SetupScript,
) -> Result<SetupReport, Problems> {
    let run = async |what: &str, sql: &str| {
        session.batch_execute(sql).await.map_err(|e| refused(session, &e, what))
    };
    run("begin to look at what is there", &format!("begin; {SETTINGS}")).await?;
    let alone = fill(
        include_str!("../../../sql/ddl/alone.sql"),
        &[("lock_replicator", sql::sql(LOCK_REPLICATOR.to_string()))],
    );
    run("wait for another init", &alone).await?;
    let script = plan(&ExistingObjects::read(session, table).await?);
    if !script.refusals.is_empty() {
        return Err(script.refusals);
    }
    for step in &script.steps {
        run(&format!("create {}", step.what), &step.sql).await?;
    }
    run("commit what was created", "commit").await?;
    Ok(script.report())
}

fn refused(session: &Session, error: &tokio_postgres::Error, what: &str) -> Error {
    let ours = session.error(error, format!("cannot {what}"));
    match ours.sqlstate() {
        Some("55P03") => ours.fix(
            "nothing was changed; another session has locked the table for ten seconds: end its \
             transaction, or try again",
        ),
        // A name that something we did not look for already bears, a type for instance.
        Some(state) if state.starts_with("42") && ours.kind() != ErrorKind::Access => {
            ours.of_kind(ErrorKind::Unsuitable).fix("nothing was changed")
        }
        _ => match ours.remedy().map(str::to_owned) {
            Some(fix) => ours.fix(format!("nothing was changed; {fix}")),
            None => ours.fix("nothing was changed"),
        },
    }
}

impl ExistingTrigger {
    /// The trigger as a person reads it: its definition, and whether it fires.
    fn shown(&self) -> String {
        let fires = match self.enabled {
            'A' => "",
            'D' => " (disabled)",
            _ => " (not for replicated rows)",
        };
        format!("{}{fires}", self.definition)
    }
}

impl fmt::Display for SetupReport {
    /// One line for each thing, as a person reads it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let created = self.created.iter().map(|what| format!("created {what}"));
        let present = self.present.iter().map(|what| format!("already there: {what}"));
        let nothing = self.created.is_empty().then(|| "nothing to create".to_owned());
        let notes = self.notes.iter().map(|note| format!("note: {note}"));
        let lines: Vec<String> = created.chain(present).chain(nothing).chain(notes).collect();
        write!(out, "{}", lines.join("\n"))
    }
}

/// A comment of SQL, whatever the text contains, fit for a terminal.
fn comment(text: &str) -> String {
    let lines: Vec<String> =
        text.split(['\n', '\r']).map(|line| format!("-- {}", fit(line))).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;

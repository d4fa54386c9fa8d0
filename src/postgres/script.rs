//! What `init` would do: the SQL of what is missing, what is there already, what is refused; printed, or carried out in one transaction.

use crate::error::{Error, Kind, Problems, Result};
use crate::event::table::TableName;
use crate::postgres::connect::Session;
use crate::postgres::objects::{Facts, FunctionFound, TriggerFound};
use crate::sql::{self, LOCK_DOORBELL, LOCK_FENCE, LOCK_REPLICATOR, Value, fill, ident, text, without_header};
use std::fmt;

/// What every transaction of a script starts with: nobody's search path decides what a name means, and on a busy table we give up
/// rather than let its writers queue behind us.
const SETTINGS: &str = "set local search_path = pg_catalog, pg_temp;\nset local lock_timeout = '10s';";
/// Marks the text of a function in the files of `sql/`.
const DOLLAR_TAG: &str = "$counterfoil$";

/// What is missing, what is there, and what stands in the way.
#[derive(Clone, Debug)]
pub struct Script {
    table: TableName,
    database: String,
    steps: Vec<Step>,
    present: Vec<String>,
    notes: Vec<String>,
    refusals: Problems,
}

#[derive(Clone, Debug)]
struct Step {
    what: String,
    sql: String,
    on: On,
}

/// What an object is created on, which decides the privilege it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// CREATE on the database.
    Database,
    /// CREATE on the schema.
    Schema,
    /// Ownership of the event table.
    Table,
}

/// A function that `init` makes.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name, in the schema of the event table.
    pub name: &'static str,
    /// Types of its arguments, as `format_type` gives them.
    pub types: &'static str,
    /// Type of its result, as `format_type` gives it.
    pub result: &'static str,
    /// The filled file of `sql/` that creates it.
    pub sql: String,
}

/// A trigger that `init` makes on the event table; it fires always.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Name.
    pub name: &'static str,
    /// `tgtype`: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, added up.
    pub events: i16,
    /// Its function, in the schema of the event table.
    pub function: &'static str,
    /// What its WHEN clause must contain, as the server writes it; `None` where it has none.
    pub when: Option<String>,
    /// The filled file of `sql/` that creates it.
    pub sql: String,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was created, in order.
    pub created: Vec<String>,
    /// What was there already.
    pub present: Vec<String>,
    /// What a person should know; some with SQL to run.
    pub notes: Vec<String>,
}

impl Script {
    /// An empty one, which already refuses what no object could be created on.
    pub fn new(facts: &Facts) -> Self {
        let mut script = Self {
            table: facts.table.clone(),
            database: facts.server.database.clone(),
            steps: Vec::new(),
            present: Vec::new(),
            notes: Vec::new(),
            refusals: Problems::new(),
        };
        if facts.server.is_standby {
            let standby = Error::new(Kind::Unsuitable, "cannot create anything: the server is a standby");
            script.refuse(standby.fix("connect to its primary"));
        }
        if facts.server.version_num < 130_000 {
            let old = Error::new(
                Kind::Unsuitable,
                "cannot create anything: PostgreSQL 13 is the oldest that is supported",
            );
            script.refuse(old.fix("upgrade the server"));
        }
        script
    }

    /// Adds SQL for something that is missing.
    pub fn create(&mut self, what: impl Into<String>, sql: String, on: On) {
        self.steps.push(Step {
            what: what.into(),
            sql,
            on,
        });
    }

    /// Takes note of something that is there already.
    pub fn found(&mut self, what: impl Into<String>) {
        self.present.push(what.into());
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
        let refused = Error::new(Kind::Unsuitable, format!("cannot create {what}"))
            .because(why)
            .fix(format!(
                "nothing was changed; if it may go, run this and start again:\n{replacement}"
            ));
        self.refuse(refused);
    }

    /// Creates the function, or finds it there, or refuses to replace another of its name.
    pub fn function(&mut self, facts: &Facts, wanted: Function) {
        let what = format!("function {}.{}({})", facts.table.schema, wanted.name, wanted.types);
        match facts.function(wanted.name, wanted.types) {
            None => self.create(what, wanted.sql, On::Schema),
            Some(found) if wanted.is(found) => self.found(what),
            Some(found) => {
                let why = "a function of this name and these arguments is there, with another text";
                let drop = match found.result == wanted.result {
                    true => String::new(),
                    false => format!("drop function {}.{}({});\n", ident(&facts.table.schema), wanted.name, wanted.types),
                };
                self.refuse_to_replace(&what, why, &format!("{drop}{}", wanted.replacement()));
            }
        }
    }

    /// Creates the trigger, or finds it there, or refuses to replace another of its name.
    pub fn trigger(&mut self, facts: &Facts, wanted: Trigger) {
        let what = format!("trigger {} on {}", wanted.name, facts.table);
        match facts.trigger(wanted.name) {
            None => self.create(what, wanted.sql, On::Table),
            Some(found) if wanted.is(found, &facts.table) => self.found(what),
            Some(found) => {
                let why = format!("there is another one of this name: {}", found.shown());
                let replacement = format!("{}\n{}", drop_trigger(wanted.name, &facts.table), wanted.sql);
                self.refuse_to_replace(&what, &why, &replacement);
            }
        }
    }

    /// Refuses what our role may not create; to be called last.
    pub fn demand_privileges(&mut self, facts: &Facts) {
        let takes = |on: On| self.steps.iter().any(|step| step.on == on);
        let role = &facts.server.role;
        let mut lacks = Vec::new();
        if takes(On::Database) && !facts.server.may_create_schema {
            let grant = format!("grant create on database {} to {};", ident(&self.database), ident(role));
            lacks.push((format!("role {role} may not create a schema in database {}", self.database), grant));
        }
        if takes(On::Schema) && facts.may_create_in_schema == Some(false) {
            let grant = format!("grant create on schema {} to {};", ident(&facts.table.schema), ident(role));
            lacks.push((
                format!("role {role} may not create objects in schema {}", facts.table.schema),
                grant,
            ));
        }
        if let Some(events) = facts.events.as_ref().filter(|events| takes(On::Table) && !events.is_owned) {
            let why = format!("role {role} does not own {}: {} does", facts.table, events.owner);
            lacks.push((why, format!("grant {} to {};", ident(&events.owner), ident(role))));
        }
        for (why, grant) in lacks {
            let refused = Error::new(Kind::Access, "cannot create what is missing").because(why);
            self.refuse(refused.fix(format!(
                "nothing was changed; connect as a role that may, or give it the SQL of --dry-run, or run as one:\n{grant}"
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

    /// One transaction for psql that creates what is missing; the rest is told in comments.
    pub fn sql(&self) -> String {
        let mut lines = vec![comment(&format!("database {}, table {}", self.database, self.table))];
        lines.extend(self.present.iter().map(|what| comment(&format!("already there: {what}"))));
        lines.extend(self.notes.iter().map(|note| comment(&format!("note: {note}"))));
        lines.extend(self.refusals.iter().map(|refusal| comment(&refusal.report())));
        if self.is_empty() {
            lines.push(comment("nothing to create"));
        } else {
            lines.push(format!("begin;\n{SETTINGS}"));
            lines.extend(self.steps.iter().map(|step| format!("\n{}\n{}", comment(&step.what), step.sql)));
            lines.push("\ncommit;".to_owned());
        }
        lines.join("\n") + "\n"
    }

    fn report(self) -> Report {
        Report {
            created: self.steps.into_iter().map(|step| step.what).collect(),
            present: self.present,
            notes: self.notes,
        }
    }
}

/// Looks at what is there and creates what is missing, in one transaction and alone: a second one at the same time waits, then finds everything there.
///
/// # Errors
/// Everything that stands in the way, each with the SQL that would clear it (`Unsuitable`, `Access`); `Unavailable` when another session
/// holds the table for ten seconds. Nothing was created then; a crash leaves nothing either.
pub async fn carry_out(session: &Session, table: &TableName, plan: impl Fn(&Facts) -> Script) -> Result<Report, Problems> {
    let done = in_transaction(session, table, plan).await;
    if done.is_err() && !session.is_closed() {
        // Without it the session would go on in a failed transaction; its own failure has nothing to add.
        let _ = session.batch_execute("rollback").await;
    }
    done
}

async fn in_transaction(session: &Session, table: &TableName, plan: impl Fn(&Facts) -> Script) -> Result<Report, Problems> {
    let run = async |what: &str, sql: &str| session.batch_execute(sql).await.map_err(|e| refused(session, &e, what));
    run("begin to look at what is there", &format!("begin; {SETTINGS}")).await?;
    let alone = fill(
        include_str!("../../sql/objects/alone.sql"),
        &[("lock_replicator", number(LOCK_REPLICATOR))],
    );
    run("wait for another init", &alone).await?;
    let script = plan(&Facts::read(session, table).await?);
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
        Some("55P03") => {
            ours.fix("nothing was changed; another session has locked the table for ten seconds: end its transaction, or try again")
        }
        // A name that something we did not look for already bears, a type for instance.
        Some(state) if state.starts_with("42") && ours.kind() != Kind::Access => ours.of_kind(Kind::Unsuitable).fix("nothing was changed"),
        _ => ours.fix("nothing was changed"),
    }
}

impl Function {
    /// Whether this is the function, with our text.
    pub fn is(&self, found: &FunctionFound) -> bool {
        found.name == self.name
            && found.types == self.types
            && found.result == self.result
            && found.language == "plpgsql"
            && body(&self.sql) == Some(found.body.as_str())
    }

    /// The SQL that puts it in the place of another one with the same result.
    pub fn replacement(&self) -> String {
        self.sql.replacen("create function", "create or replace function", 1)
    }
}

impl Trigger {
    /// Whether this is the trigger, firing always and with our function.
    pub fn is(&self, found: &TriggerFound, table: &TableName) -> bool {
        let has_when = found.definition.contains(" WHEN (");
        found.name == self.name
            && found.events == self.events
            && found.enabled == 'A'
            && found.function_schema == table.schema
            && found.function == self.function
            && self
                .when
                .as_ref()
                .map_or(!has_when, |when| has_when && found.definition.contains(when))
    }
}

impl TriggerFound {
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

impl fmt::Display for Report {
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

/// Fills a file of `sql/` that creates an object: its header goes, `schema`, `table`, `events` (both, quoted) and the keys of the locks are
/// always given, and no name can end the text of a function.
pub fn statement(file: &str, table: &TableName, more: &[(&str, Value<'_>)]) -> String {
    let mut values = vec![
        ("schema", text(&table.schema)),
        ("table", text(&table.name)),
        ("events", text(table.quoted())),
        ("lock_replicator", number(LOCK_REPLICATOR)),
        ("lock_fence", number(LOCK_FENCE)),
        ("lock_doorbell", number(LOCK_DOORBELL)),
    ];
    values.extend_from_slice(more);
    let quoted = table.quoted();
    let tags = (0_u32..).map(|n| {
        if n == 0 {
            DOLLAR_TAG.to_owned()
        } else {
            format!("$counterfoil_{n}$")
        }
    });
    let tag = tags.into_iter().find(|tag| !quoted.contains(tag.as_str())).unwrap_or_default();
    fill(&without_header(file).replace(DOLLAR_TAG, &tag), &values)
}

/// The SQL that removes a trigger from the event table.
pub fn drop_trigger(name: &str, table: &TableName) -> String {
    format!("drop trigger {} on {};", ident(name), table.quoted())
}

/// The text of a function between its dollar quotes, as the catalog keeps it.
fn body(sql: &str) -> Option<&str> {
    let open = sql.find("\nas $counterfoil")? + "\nas ".len();
    let tag_length = sql[open + 1..].find('$')? + 2;
    let tag = &sql[open..open + tag_length];
    let rest = &sql[open + tag_length..];
    rest.rfind(tag).map(|close| &rest[..close])
}

fn number<'a>(value: i32) -> Value<'a> {
    sql::sql(value.to_string())
}

/// A comment of SQL, whatever the text contains.
fn comment(text: &str) -> String {
    let lines: Vec<String> = text.split(['\n', '\r']).map(|line| format!("-- {line}")).collect();
    lines.join("\n")
}

//! What is to be done so that a table is captured, given what is there. Pure.

use super::facts::{CapturableTable, FoundFunction, RememberedTable};
use super::objects::{CaptureObjects, ROWS, TRUNCATE, enable};
use super::shape::CapturedShape;
use crate::error::{Error, ErrorKind, Problems};
use crate::postgres::table::TableName;
use crate::sql::{fill, ident, literal, sql, text};

/// What is wanted of one table.
#[derive(Clone, Copy, Debug)]
pub(super) struct WantedCapture<'a> {
    pub(super) log: &'a TableName,
    /// The name in the log.
    pub(super) source: &'a str,
    pub(super) omitted: &'a [String],
    /// Whether the present shape is taken as the known one (`refresh`).
    pub(super) takes_shape: bool,
}

/// What is to be done, what is there, what a person should know, and what stands in the way.
#[derive(Clone, Debug, Default)]
pub(super) struct CapturePlan {
    pub(super) steps: Vec<CaptureStep>,
    pub(super) present: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) problems: Problems,
}

/// A statement, and what it makes.
#[derive(Clone, Debug)]
pub(super) struct CaptureStep {
    pub(super) what: String,
    pub(super) sql: String,
}

/// A table, with everything that decides.
pub(super) struct CaptureFacts<'a> {
    pub(super) table: &'a CapturableTable,
    pub(super) function: Option<FoundFunction>,
    pub(super) remembered: &'a [RememberedTable],
}

/// Plans one table.
pub(super) fn plan(wanted: &WantedCapture<'_>, facts: &CaptureFacts<'_>) -> CapturePlan {
    let mut plan = CapturePlan::default();
    refuse(wanted, facts, &mut plan);
    if !plan.problems.is_empty() {
        return plan;
    }
    let table = facts.table;
    let objects = CaptureObjects::new(wanted.log, wanted.source, table, wanted.omitted);
    let what = format!("function {}.{}", wanted.log.schema, objects.function());
    match &facts.function {
        Some(found) if objects.is_function(found) => plan.present.push(what),
        _ => plan.step(what, objects.create_function()),
    }
    // The trigger of the root makes those of its partitions.
    for (index, relation) in table.tree.iter().enumerate() {
        for wanted_trigger in [ROWS, TRUNCATE] {
            let name = wanted_trigger.name;
            let what = format!("trigger {name} on {}", relation.name);
            let found = relation.trigger(name);
            let is_clone = index > 0 && name == ROWS.name;
            match found {
                Some(found) if objects.is_trigger(wanted_trigger, found) => plan.present.push(what),
                Some(_) if is_clone => plan.step(what, enable(name, &relation.name)),
                None if is_clone => {}
                Some(_) => {
                    let drop =
                        format!("drop trigger {} on {};", ident(name), relation.name.quoted());
                    let create = objects.create_trigger(wanted_trigger, &relation.name);
                    plan.step(what, format!("{drop}\n{create}"));
                }
                None => plan.step(what, objects.create_trigger(wanted_trigger, &relation.name)),
            }
        }
    }
    remember(wanted, facts, &mut plan);
    tell(table, wanted.omitted, &mut plan);
    plan
}

impl CapturePlan {
    fn step(&mut self, what: String, sql: String) {
        self.steps.push(CaptureStep { what, sql });
    }

    fn refuse(&mut self, table: &TableName, kind: ErrorKind, why: impl Into<String>, fix: &str) {
        let refused = Error::new(kind, format!("cannot capture {table}"));
        self.problems.push(refused.because(why.into()).fix(fix));
    }
}

fn remember(wanted: &WantedCapture<'_>, facts: &CaptureFacts<'_>, plan: &mut CapturePlan) {
    let shape = CapturedShape::of(facts.table);
    let known = facts.remembered.iter().find(|known| known.source == wanted.source);
    let is_known = known.is_some_and(|known| {
        known.oid == facts.table.oid
            && known.omitted == wanted.omitted
            && serde_json::from_str::<CapturedShape>(&known.shape)
                .is_ok_and(|before| before.changes(&shape).is_empty())
    });
    if is_known {
        return;
    }
    let omitted = wanted.omitted.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
    let json = serde_json::to_string(&shape).unwrap_or_default();
    let values = [
        ("schema", text(&wanted.log.schema)),
        ("log", text(wanted.log.quoted())),
        ("source", text(wanted.source)),
        ("relation", sql(format!("{}::pg_catalog.oid", facts.table.oid))),
        ("shape", text(json)),
        ("omitted", sql(format!("array[{omitted}]::pg_catalog.text[]"))),
    ];
    let statement = fill(
        crate::sql::without_header(include_str!("../../../sql/capture/remember.sql")),
        &values,
    );
    plan.step(
        format!("the shape of {} in {}.captured", facts.table.name, wanted.log.schema),
        statement,
    );
}

/// What no capture is made on.
fn refuse(wanted: &WantedCapture<'_>, facts: &CaptureFacts<'_>, plan: &mut CapturePlan) {
    let (table, name) = (facts.table, &facts.table.name);
    let unsuitable = ErrorKind::Unsuitable;
    let is_catalog = name.schema.starts_with("pg_") || name.schema == "information_schema";
    if !['r', 'p'].contains(&table.kind) || is_catalog {
        let fix = "name a table, or the tables that a view is made of";
        return plan.refuse(name, unsuitable, "it is no ordinary or partitioned table", fix);
    }
    if name.schema == wanted.log.schema {
        return plan.refuse(name, unsuitable, "it belongs to the log itself", "name another table");
    }
    match table.persistence {
        't' => plan.refuse(name, unsuitable, "it is temporary", "name a table that stays"),
        'u' => {
            let why = "it is unlogged: a crash of the server empties it without a change event";
            let fix = format!("alter table {} set logged;", name.quoted());
            plan.refuse(name, unsuitable, why, &fix);
        }
        _ => {}
    }
    if table.is_partition {
        let why = "it is a partition, whose rows are those of its root";
        plan.refuse(name, unsuitable, why, "name the partitioned table instead");
    }
    if table.has_children {
        let why = "other tables inherit from it, whose changes its triggers do not see";
        plan.refuse(name, unsuitable, why, "name each of these tables by itself");
    }
    if !table.is_owned {
        let why = format!("this role does not own it: {} does", table.owner);
        let fix = format!(
            "connect as its owner, or run as one who may:\ngrant {} to current_user;",
            ident(&table.owner)
        );
        plan.refuse(name, ErrorKind::Access, why, &fix);
    }
    refuse_strangers(wanted, facts, plan);
    refuse_columns(wanted, table, plan);
}

/// Triggers of others, and another capture of the same table or name.
fn refuse_strangers(wanted: &WantedCapture<'_>, facts: &CaptureFacts<'_>, plan: &mut CapturePlan) {
    let name = &facts.table.name;
    for relation in &facts.table.tree {
        for found in &relation.triggers {
            if !CaptureObjects::is_of_log(wanted.log, found) {
                let why = format!(
                    "trigger {} on {} calls {}, which is not of this log",
                    found.name, relation.name, found.function
                );
                let fix = format!(
                    "if nothing needs it, drop trigger {} on {};",
                    ident(&found.name),
                    relation.name.quoted()
                );
                plan.refuse(name, ErrorKind::Unsuitable, why, &fix);
            }
        }
    }
    for known in facts.remembered {
        if known.oid == facts.table.oid && known.source != wanted.source {
            let why = format!("it is captured under the name {}", known.source);
            let fix = format!(
                "give --name {}, or remove that capture first: counterfoil capture remove --table {}",
                literal(&known.source),
                name
            );
            plan.refuse(name, ErrorKind::Unsuitable, why, &fix);
        }
        if known.source == wanted.source && known.oid != facts.table.oid && !wanted.takes_shape {
            let why = format!(
                "the name {} is that of another table, or of one that was dropped",
                known.source
            );
            let fix = "give --name another name; for a table that was made again, run counterfoil capture refresh";
            plan.refuse(name, ErrorKind::Unsuitable, why, fix);
        }
        if known.source == wanted.source && known.oid == facts.table.oid && !wanted.takes_shape {
            refuse_shape(wanted, facts, known, plan);
        }
    }
}

fn refuse_shape(
    wanted: &WantedCapture<'_>,
    facts: &CaptureFacts<'_>,
    known: &RememberedTable,
    plan: &mut CapturePlan,
) {
    let fix = "look whether rows changed with it that no event tells of; then take it as known: counterfoil capture refresh";
    let name = &facts.table.name;
    if known.omitted != wanted.omitted {
        let why = "it is captured with other columns left out";
        let fix = "remove that capture first: counterfoil capture remove";
        plan.refuse(name, ErrorKind::Unsuitable, why, fix);
    }
    let now = CapturedShape::of(facts.table);
    let changes = serde_json::from_str::<CapturedShape>(&known.shape).map_or_else(
        |_| vec!["its shape cannot be read".to_owned()],
        |before| before.changes(&now),
    );
    if !changes.is_empty() {
        let why = format!("it has changed since it was captured: {}", changes.join("; "));
        plan.refuse(name, ErrorKind::Unsuitable, why, fix);
    }
}

fn refuse_columns(wanted: &WantedCapture<'_>, table: &CapturableTable, plan: &mut CapturePlan) {
    let name = &table.name;
    for omitted in wanted.omitted {
        if table.columns.iter().all(|column| column.name != *omitted) {
            let why = format!("it has no column {omitted}, which is to be left out");
            plan.refuse(name, ErrorKind::Usage, why, "look at the columns: \\d in psql");
        }
        if table.key.as_ref().is_some_and(|key| key.contains(omitted)) {
            let why = format!("column {omitted} is of its key, without which no row can be told");
            plan.refuse(name, ErrorKind::Usage, why, "leave out another column");
        }
    }
    if table.columns.len() == wanted.omitted.len() {
        plan.refuse(name, ErrorKind::Usage, "no column is left", "leave out fewer columns");
    }
}

/// What a person should know of a table that is captured.
fn tell(table: &CapturableTable, omitted: &[String], plan: &mut CapturePlan) {
    let name = &table.name;
    let named = |is_so: &dyn Fn(&super::facts::CapturableColumn) -> bool| {
        let columns = table.columns.iter().filter(|of| !omitted.contains(&of.name) && is_so(of));
        let names: Vec<&str> = columns.map(|of| of.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if table.key.is_none() {
        plan.notes.push(format!(
            "{name} has no key that is unique, not null and not deferrable: its changes are in \
             the log, but a row cannot be told from another one"
        ));
    }
    if let Some(columns) = named(&|of| {
        !of.is_not_null && of.leaves.iter().any(|leaf| ["json", "jsonb"].contains(&leaf.as_str()))
    }) {
        plan.notes.push(format!(
            "{name}: the images do not tell NULL from the JSON value null in {columns}"
        ));
    }
    if let Some(columns) = named(&|of| of.generated == "v") {
        plan.notes
            .push(format!("{name}: {columns} is computed when it is read, and null in the images"));
    }
    if let Some(columns) = named(&|of| of.type_name == "bytea") {
        plan.notes.push(format!(
            "{name}: a row whose image passes 1 GB cannot be written any more, a value of \
             {columns} from about 500 MB"
        ));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

//! Whether databases and tables are fit to be a source or a destination: pure judgements, all
//! problems of each together.

use crate::error::{Error, ErrorKind, Problems, Warning};
use crate::event::wire::Wire;
use crate::postgres::session::settings::ServerOverview;
use crate::postgres::table::{Column, EventTable};
use crate::sql::{self, TableName};
use postgres_types::Type;

/// What is left to do when a table has got the column `seq`.
const THEN_SET_SEQ: &str = "then set id_column = \"seq\" (the first statement rewrites the table, \
                            which nobody can use meanwhile: docs/operating.md)";

/// Whether the database has an encoding that says what its bytes mean.
///
/// # Errors
/// `Unsuitable` for SQL_ASCII.
pub(crate) fn encoding(server: &ServerOverview) -> Result<(), Error> {
    if server.encoding != "SQL_ASCII" {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsuitable,
        "the database has encoding SQL_ASCII, so the meaning of its bytes is unknown",
    )
    .fix("move the table to a database with encoding UTF8"))
}

/// Whether a destination's server can be written to. A standby heals by a promotion, or is the
/// wrong host of several.
///
/// # Errors
/// `Unavailable` on a standby.
pub(crate) fn takes_writes(server: &ServerOverview) -> Result<(), Error> {
    if server.is_standby {
        Err(Error::new(ErrorKind::Unavailable, "the server is a standby and takes no writes")
            .fix("name the primary, or all hosts with target_session_attrs=read-write"))
    } else {
        Ok(())
    }
}

/// Says that there is no such table, and by which command it is made.
pub(crate) fn missing(table: &TableName, cure: &str) -> Error {
    Error::new(ErrorKind::Unsuitable, format!("there is no table {table}"))
        .fix(format!("{cure}; or name another table"))
}

/// Whether a table can be followed.
pub(crate) fn source(table: &EventTable, server: &ServerOverview, id_column: &str) -> Problems {
    let mut problems = shape_of(table, id_column, &table.integer_keys, &key_to_name(table));
    if table.has_row_security {
        problems.push(row_security(table, server));
    }
    let unreadable: Vec<&Column> =
        table.columns.iter().filter(|column| !column.may_select).collect();
    if !unreadable.is_empty() || !table.may_use_schema {
        problems.push(privilege(table, server, "SELECT", &unreadable));
    }
    problems
}

/// Whether a table can be appended to, its columns apart: an id column that is missing is told with
/// them, since which one it is has been decided at the source.
pub(crate) fn destination(
    table: &EventTable,
    server: &ServerOverview,
    id_column: &str,
) -> Problems {
    let lacks_id = matches!(table.kind, 'r' | 'p') && table.column(id_column).is_none();
    let as_source = "give it the type that it has at the source";
    let mut problems =
        if lacks_id { Problems::new() } else { shape_of(table, id_column, &[], as_source) };
    if table.has_row_security {
        problems.push(row_security(table, server));
    }
    if table.is_subscribed {
        problems.push(
            unfit(table, format!("a logical subscription writes into {} too", table.name))
                .fix("drop the table from the subscription's publication, or name another table"),
        );
    }
    problems
}

/// Whether our role may read and insert the columns that are copied.
pub(crate) fn may_append(table: &EventTable, server: &ServerOverview, wire: &Wire) -> Problems {
    let copied = wire.columns.iter().filter_map(|column| table.column(&column.name));
    let refused: Vec<&Column> =
        copied.filter(|column| !column.may_select || !column.may_insert).collect();
    if refused.is_empty() && table.may_use_schema {
        return Problems::new();
    }
    let lacks = |may: fn(&Column) -> bool| refused.iter().any(|column| !may(column));
    let lacking: Vec<&str> = [
        lacks(|column| column.may_select).then_some("SELECT"),
        lacks(|column| column.may_insert).then_some("INSERT"),
    ]
    .into_iter()
    .flatten()
    .collect();
    privilege(table, server, &lacking.join(", "), &refused).into()
}

/// What a person should know about the source's table and server.
pub(crate) fn source_cautions(table: &EventTable, server: &ServerOverview) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !server.is_fsync_on {
        warnings.push(Warning::new(
            "fsync is off at the source: after a crash it may forget events that were copied",
            "set fsync = on",
        ));
    }
    warnings.extend(unlogged(table, "the source"));
    if !table.is_guarded {
        let what = format!(
            "nothing refuses UPDATE and DELETE of {}; such a change would not be copied",
            table.name
        );
        warnings.push(Warning::new(
            what,
            format!(
                "if its applications only insert, let their roles do no more: REVOKE UPDATE, \
                 DELETE, TRUNCATE ON {} FROM their role; if they do change rows, those changes \
                 stay at the source",
                table.name
            ),
        ));
    }
    warnings
}

/// What a person should know about a destination's table and server.
pub(crate) fn destination_cautions(
    table: &EventTable,
    server: &ServerOverview,
    source: &ServerOverview,
    writers: u8,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if server.encoding != source.encoding && server.encoding != "UTF8" {
        let what = format!(
            "the source has encoding {}, the destination {}",
            source.encoding, server.encoding
        );
        warnings.push(Warning::new(
            what,
            "an event with a character the destination does not know will stop it",
        ));
    }
    warnings.extend(unlogged(table, "the destination"));
    for trigger in table
        .insert_triggers
        .iter()
        .filter(|trigger| trigger.is_enabled && (trigger.is_before || !trigger.is_harmless))
    {
        let does = if trigger.is_before {
            "fires before a row is stored, and can change or discard it"
        } else {
            "fires at every append, and can change or remove what is stored"
        };
        let what = format!("trigger {} of {} {does}", sql::ident(&trigger.name), table.name);
        warnings.push(Warning::new(what, ""));
    }
    if writers > 1 && !table.allows_concurrent_writers() {
        let what = format!(
            "writers = {writers} is taken as 1: {} has triggers or foreign keys, and its \
             transactions could wait for each other",
            table.name
        );
        warnings.push(Warning::new(what, ""));
    }
    warnings
}

fn unlogged(table: &EventTable, side: &str) -> Option<Warning> {
    let what =
        format!("table {} of {side} is unlogged: a crash of its server empties it", table.name);
    table.is_unlogged.then(|| Warning::new(what, format!("ALTER TABLE {} SET LOGGED;", table.name)))
}

fn unfit(table: &EventTable, what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsuitable, what).at(table.name.to_string())
}

/// What both sides must have: a real table with an integer key. The columns of `keys` could be
/// named in its place; `instead` is what to do where the id column is none.
fn shape_of(table: &EventTable, id_column: &str, keys: &[String], instead: &str) -> Problems {
    let mut problems = Problems::new();
    if !matches!(table.kind, 'r' | 'p') {
        let kind = match table.kind {
            'v' => "a view",
            'm' => "a materialized view",
            'f' => "a foreign table",
            _ => "no table",
        };
        problems.push(unfit(table, format!("{} is {kind}", table.name)).fix("name a table"));
        return problems;
    }
    let id = sql::ident(table.names.there(id_column));
    let Some(column) = table.column(id_column) else {
        let all = table.columns.iter().chain(&table.not_copied);
        let names: Vec<&str> = all.map(|column| column.name.as_str()).collect();
        let error = unfit(table, format!("{} has no column {id}", table.name))
            .because(format!("it has {}", names.join(", ")));
        problems.push(error.fix(instead));
        return problems;
    };
    if ![Type::INT2, Type::INT4, Type::INT8].iter().any(|known| known.oid() == column.type_oid) {
        let what = format!("{}.{id} is {}, not an integer", table.name, column.type_name);
        problems.push(unfit(table, what).fix(instead));
        return problems;
    }
    problems.extend(key_of(table, column, keys));
    if table.has_children {
        let error = unfit(
            table,
            format!("other tables inherit from {}, so nothing keeps its ids unique", table.name),
        );
        problems.push(error.fix("name a table without inheriting tables; partitions are allowed"));
    }
    problems
}

fn key_of(table: &EventTable, column: &Column, keys: &[String]) -> Problems {
    let mut problems = Problems::new();
    let (name, id) = (&table.name, sql::ident(&column.name));
    if !column.is_not_null {
        problems.push(
            unfit(table, format!("{name}.{id} may be NULL"))
                .fix(format!("ALTER TABLE {name} ALTER COLUMN {id} SET NOT NULL;")),
        );
    }
    if !table.has_id_key && !table.has_wide_key {
        let error = unfit(table, format!("no unique index has {id} of {name} alone as its key"));
        problems.push(match table.kind {
            'p' => error
                .because(
                    "a partitioned table can have one only with its partition key in it: one that \
                     begins with the id is enough",
                )
                .fix(format!(
                    "CREATE UNIQUE INDEX ON {name} ({id}{});",
                    table.behind_the_id(&column.name)
                )),
            _ => match keys {
                [only] => error.fix(format!("id_column = {only:?}, which has one")),
                _ => error
                    .because(format!("it can have one where no two events share a {id}"))
                    .fix(format!("CREATE UNIQUE INDEX CONCURRENTLY ON {name} ({id});")),
            },
        });
    }
    problems
}

/// Which column to name, or how a table without an integer key gets one.
fn key_to_name(table: &EventTable) -> String {
    match table.integer_keys.as_slice() {
        [] if table.kind == 'p' => format!(
            "name in id_column the integer column that a sequence feeds, if there is one; \
             otherwise: ALTER TABLE {name} ADD COLUMN seq bigserial; CREATE UNIQUE INDEX ON {name} \
             (seq{by}); {THEN_SET_SEQ}",
            name = table.name,
            by = table.behind_the_id("seq")
        ),
        [] => added_key(&table.name),
        [only] => format!("id_column = {only:?}: events are copied in its order"),
        keys => format!(
            "name in id_column the one that grows with each event: {}",
            keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// How a table without an integer key of its own gets one.
pub(crate) fn added_key(name: &TableName) -> String {
    format!(
        "ALTER TABLE {name} ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY; CREATE UNIQUE \
         INDEX CONCURRENTLY ON {name} (seq); {THEN_SET_SEQ}"
    )
}

fn row_security(table: &EventTable, server: &ServerOverview) -> Error {
    let role = sql::ident(&server.role);
    unfit(table, format!("row-level security would hide rows of {} from role {role}", table.name))
        .fix(format!("ALTER ROLE {role} BYPASSRLS; or connect as the owner of the table"))
}

fn privilege(
    table: &EventTable,
    server: &ServerOverview,
    privileges: &str,
    columns: &[&Column],
) -> Error {
    let (role, schema, name) =
        (sql::ident(&server.role), sql::ident(&table.name.schema), &table.name);
    let mut cures = Vec::new();
    if !table.may_use_schema {
        cures.push(format!("GRANT USAGE ON SCHEMA {schema} TO {role};"));
    }
    let is_part =
        privileges == "SELECT" && table.may_use_schema && columns.len() < table.columns.len();
    if is_part && !columns.is_empty() {
        cures.push(readable_part(table, columns, &role));
    } else if !columns.is_empty() {
        let each = privileges.split(", ").map(|of| format!("{of}{}", table.copied_list()));
        let each = each.collect::<Vec<_>>().join(", ");
        cures.push(format!("GRANT {each} ON {name} TO {role};"));
    }
    let names: Vec<String> = columns.iter().map(|column| sql::ident(&column.name)).collect();
    let lacks = if columns.is_empty() { "USAGE on its schema" } else { privileges };
    let error = Error::new(ErrorKind::Access, format!("role {role} lacks {lacks} on {name}"))
        .at(name.to_string());
    let error = match (table.may_use_schema, names.len()) {
        (false, _) => error.because(format!("it may not use schema {schema}")),
        (true, many) if many < table.columns.len() => {
            error.because(format!("for {}", names.join(", ")))
        }
        (true, _) => error,
    };
    error.fix(cures.join(" "))
}

/// A role that may read some columns was given no others on purpose, perhaps.
fn readable_part(table: &EventTable, lacking: &[&Column], role: &str) -> String {
    let is_lacking = |column: &Column| lacking.iter().any(|other| other.name == column.name);
    let rest = table.columns.iter().filter(|column| !is_lacking(column));
    let rest: Vec<String> = rest.map(|column| format!("{:?}", column.name)).collect();
    let lacking: Vec<String> = lacking.iter().map(|column| sql::ident(&column.name)).collect();
    format!(
        "to leave these columns out: columns = [{}] in [source]; to copy them: GRANT SELECT ({}) ON \
         {} TO {role};",
        rest.join(", "),
        lacking.join(", "),
        table.name
    )
}

#[cfg(test)]
mod tests;

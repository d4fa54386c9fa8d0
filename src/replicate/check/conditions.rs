//! Whether the conditions of destinations (`where`) can be evaluated at the source, and give the
//! same answer for an event for ever.

use crate::config::ReplicationConfig;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::session::Session;
use crate::postgres::table::{EventTable, relation};
use crate::sql::RowCondition;

/// Functions that depend on settings alone, which are the same in all our sessions.
const SETTLED_FUNCTIONS: &[&str] = &[
    "concat",
    "concat_ws",
    "date",
    "date_part",
    "date_trunc",
    "format",
    "json_build_object",
    "jsonb_build_object",
    "length",
    "time",
    "timestamp",
    "timestamptz",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
];

/// Asks the source about each of them. Reads nothing.
///
/// # Errors
/// `Unsuitable`, all together, where the server cannot evaluate one, or it calls what changes.
pub(super) async fn check(
    session: &Session,
    table: &EventTable,
    config: &ReplicationConfig,
) -> Result<(), Problems> {
    let mut problems = Problems::new();
    for destination in &config.destinations {
        let rows = destination.postgres().and_then(|postgres| postgres.rows.as_ref());
        if let Some(rows) = rows {
            let checked = check_one(session, table, rows).await;
            problems.note(checked.map_err(|error| error.at(named(&destination.name))));
        }
    }
    problems.or_ok(())
}

fn named(destination: &str) -> String {
    format!("where of destination {destination:?}")
}

async fn check_one(session: &Session, table: &EventTable, rows: &RowCondition) -> Result<()> {
    let statement = format!("select from {} as e", relation(&table.name, Some(rows), None));
    if let Err(error) = session.prepare(&statement).await {
        let Some(told) = error.as_db_error() else {
            return Err(session.error(&error, "cannot evaluate a condition"));
        };
        let what = format!("the source cannot evaluate this condition: {rows}");
        return Err(Error::new(ErrorKind::Unsuitable, what).because(told.message()).fix(
            "correct it; functions, types and operators that are not PostgreSQL's own are written \
             with their schema",
        ));
    }
    let asked = include_str!("../../../sql/source/changing_functions.sql");
    let changing = session.query(asked, &[&rows.functions()]).await;
    let changing = changing.map_err(|error| session.error(&error, "cannot look at functions"))?;
    let changing = changing.iter().map(|row| (row.get::<_, String>(0), row.get::<_, bool>(1)));
    let changing: Vec<String> = changing
        .filter(|(name, is_volatile)| *is_volatile || !SETTLED_FUNCTIONS.contains(&name.as_str()))
        .map(|(name, _)| name)
        .collect();
    if changing.is_empty() {
        return Ok(());
    }
    let what = format!("this condition's result for an event could change: {rows}");
    Err(Error::new(ErrorKind::Unsuitable, what)
        .because(format!(
            "it calls a function of a name that is not immutable in all its forms: {}",
            changing.join(", ")
        ))
        .fix("write it with columns, constants and functions that are immutable"))
}

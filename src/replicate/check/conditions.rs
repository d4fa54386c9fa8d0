//! Whether the conditions of destinations (`where`) can be evaluated at the source, and give the
//! same answer for an event for ever.

use crate::config::{ReplicationConfig, SourceConfig};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::session::Session;
use crate::postgres::table::{EventTable, relation};
use crate::sql::{self, RowCondition};

/// Asks the source about each of them. Nothing stays there.
///
/// # Errors
/// `Unsuitable`, all together, where the server cannot evaluate one, or would not take it for the
/// predicate of an index.
pub(super) async fn check(
    session: &Session,
    table: &EventTable,
    config: &ReplicationConfig,
) -> Result<(), Problems> {
    let mut problems = Problems::new();
    for destination in &config.destinations {
        if let Some(rows) = destination.settings().rows() {
            let checked = check_one(session, table, (&config.source, rows)).await;
            let named = format!("where of destination {:?}", destination.name);
            problems.note(checked.map_err(|error| error.at(named)));
        }
    }
    problems.or_ok(())
}

async fn check_one(
    session: &Session,
    table: &EventTable,
    (source, rows): (&SourceConfig, &RowCondition),
) -> Result<()> {
    let columns = table
        .columns
        .iter()
        .map(|column| format!("{} {}", sql::ident(&column.name), column.type_name));
    let values = [
        ("name", sql::text(&table.name.name)),
        ("id", sql::text(&source.id_column)),
        ("columns", sql::sql(columns.collect::<Vec<_>>().join(", "))),
        ("condition", sql::sql(rows.sql())),
    ];
    let checking = sql::fill(include_str!("../../../sql/source/check_condition.sql"), &values);
    if let Err(error) = session.batch_execute(sql::without_header(&checking)).await {
        let rolled_back = session.batch_execute("rollback").await;
        rolled_back.map_err(|error| session.error(&error, "cannot check a condition"))?;
        return Err(refused(session, (source, rows), &error));
    }
    // Privileges are looked at only when it is run.
    let names = table.columns.iter().map(|column| column.name.as_str());
    let statement =
        format!("select from {} as e limit 0", relation(&table.name, Some(rows), names));
    let ran = session.batch_execute(&statement).await;
    ran.map_err(|error| session.error(&error, format!("cannot evaluate a condition: {rows}")))
}

fn refused(
    session: &Session,
    (source, rows): (&SourceConfig, &RowCondition),
    error: &tokio_postgres::Error,
) -> Error {
    let Some(told) = error.as_db_error() else {
        return session.error(error, "cannot check a condition");
    };
    let what = |what: &str| Error::new(ErrorKind::Unsuitable, format!("{what}: {rows}"));
    match told.code().code() {
        "25006" => what("a condition cannot be checked at a standby").because(told.message()).fix(
            "name the primary as the source, or leave where out",
        ),
        "42501" => what("a condition cannot be checked").because(told.message()).fix(format!(
            "GRANT TEMPORARY ON DATABASE {} TO {};",
            sql::ident(&source.conninfo.database),
            sql::ident(&source.conninfo.user)
        )),
        _ => what("the source cannot take this condition, or its result could change")
            .because(told.message())
            .fix(
                "write it with columns that are copied, constants, and functions and casts that are \
                 immutable, as the predicate of an index; those that are not PostgreSQL's own with \
                 their schema (for a time stamp with time zone: ts at time zone 'UTC')",
            ),
    }
}

//! Whether the index of the id knows every row of a table: what is read by it hides the others, and they would be taken for missing.

use crate::audit::reach::Reach;
use crate::error::{Error, Kind, Result};
use crate::postgres::connect::Session;
use crate::sql;
use tokio_postgres::SimpleQueryMessage;

/// Makes sure that it does, of the table of `name`. Reads the whole table.
///
/// # Errors
/// `Contents` with both numbers and the cure; those of the server.
pub async fn demand_whole_index(session: &Session, place: Reach<'_>, name: &str) -> Result<()> {
    let all = format!("e.{} <= '{}'::pg_catalog.int8", sql::ident(place.id_column), i64::MAX);
    let values = [("table", sql::sql(place.table.quoted())), ("range", sql::sql(all))];
    let asked = sql::fill(include_str!("../../sql/audit/both_counts.sql"), &values);
    let answer = session.simple_query(&asked).await;
    let answer = answer.map_err(|error| session.error(&error, format!("cannot count the rows of {name}")))?;
    let counts: Vec<u64> = answer.iter().filter_map(number).collect();
    match counts[..] {
        [table, index] if table == index => Ok(()),
        [table, index] => Err(damaged(session, place, name, (table, index))),
        _ => Err(Error::new(Kind::Bug, format!("cannot count the rows of {name}")).at(session.place())),
    }
}

fn number(message: &SimpleQueryMessage) -> Option<u64> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    row.try_get(0).ok().flatten()?.parse().ok()
}

fn damaged(session: &Session, place: Reach<'_>, name: &str, (table, index): (u64, u64)) -> Error {
    Error::new(Kind::Contents, format!("the index of the id of {name} is damaged"))
        .at(format!("{}, {}", session.place(), place.table))
        .because(format!(
            "it has {index} of the table's {table} rows, and whoever reads by it misses the rest"
        ))
        .fix(format!(
            "REINDEX TABLE CONCURRENTLY {}; there, then start again; nothing was written",
            place.table
        ))
}

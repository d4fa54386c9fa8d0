//! How far a sequence has come: no id above that was drawn from it.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::sql;

/// The query for how far a sequence has come, without a semicolon at its end.
pub(crate) fn query(sequence: &TableName) -> String {
    let names = [("schema", sql::text(&sequence.schema)), ("sequence", sql::text(&sequence.name))];
    sql::without_header(&sql::fill(include_str!("../../../sql/source/mark_1_drawn.sql"), &names))
        .to_owned()
}

/// Confirms that a destination holds nothing above what a sequence has given out: an event of such
/// an id waits at the source, and those that come below it would never be copied.
///
/// # Errors
/// `Unavailable` when it does: it is opened again later. What the server says.
pub async fn confirm(
    session: &Session,
    sequence: &TableName,
    position: i64,
    destination: &str,
) -> Result<()> {
    let row = session.query_one(&query(sequence), &[]).await;
    let row = row.map_err(|error| {
        session.error(&error, format!("cannot ask how far sequence {sequence} has come"))
    })?;
    let drawn: Option<i64> = row.get(0);
    if Some(position) <= drawn {
        return Ok(());
    }
    let what = format!(
        "destination \"{destination}\" holds id {position}, which sequence {sequence} has not \
         given out yet"
    );
    Err(Error::new(ErrorKind::Unavailable, what)
        .because(format!(
            "the last one it gave out is {}: the event has an id that was set by hand",
            shown(drawn)
        ))
        .fix(
            "wait until the sequence has passed it; if that event waits at the source too, the log \
             names the statement that lets it through",
        ))
}

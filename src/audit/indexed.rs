//! Whether the index of the id knows every row of a table: what is read by it hides the others, and they would be taken for missing.

use crate::audit::reach::Reach;
use crate::error::{Error, Kind, Result};
use crate::postgres::connect::Session;
use crate::postgres::index_damage;

/// Makes sure that it does, of the table of `name`. Reads the whole table.
///
/// # Errors
/// `Contents` with both numbers and the cure; those of the server.
pub async fn demand_whole_index(session: &Session, place: Reach<'_>, name: &str) -> Result<()> {
    let what = || format!("cannot count the rows of {name}");
    let counts = index_damage::counts(session, place.table, place.id_column, i64::MAX).await;
    let counts = counts.map_err(|error| session.error(&error, what()))?;
    let counts = counts.ok_or_else(|| Error::new(Kind::Bug, what()).at(session.place()))?;
    if !counts.is_damaged() {
        return Ok(());
    }
    let error = Error::new(Kind::Contents, format!("the index of the id of {name} is damaged"));
    let error = error.at(format!("{}, {}", session.place(), place.table));
    Err(counts.explain(error, "there", "nothing was written"))
}

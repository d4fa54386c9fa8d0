//! Asks for rows to be loaded again: what is remembered of a table is taken away, and the replicator
//! that finds it gone begins with its rows anew.

use super::state;
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::Session;
use crate::sql::TableName;

/// Which tables of a destination are loaded again.
#[derive(Clone, Debug)]
pub(crate) struct LoadRequest<'a> {
    /// The destination's name.
    pub(crate) name: &'a str,
    /// Empty: all of them, from whatever log the destination follows then.
    pub(crate) tables: Vec<&'a TableName>,
}

/// Asks for it; gives the tables that will be loaded. A crash leaves all asked for or none. A
/// replicator that is at work notices within seconds; otherwise the next one that is started does
/// it.
///
/// # Errors
/// Those of the session; `Unsuitable` where nothing is remembered of the destination.
pub(crate) async fn request_load(
    session: &Session,
    request: &LoadRequest<'_>,
) -> Result<Vec<String>> {
    let failed = |error: tokio_postgres::Error| session.error(&error, "cannot ask for a load");
    if !state::is_set_up(session).await?
        || state::read_position(session, request.name).await?.is_none()
    {
        let what = format!("destination {:?} was never computed", request.name);
        return Err(Error::new(ErrorKind::Unsuitable, what)
            .at(session.place())
            .fix("counterfoil run loads its rows when it begins"));
    }
    let names: Vec<String> = request.tables.iter().map(ToString::to_string).collect();
    session.batch_execute("begin").await.map_err(failed)?;
    let held =
        "select 1 from counterfoil.reflection where name operator(pg_catalog.=) $1 for update";
    session.query(held, &[&request.name]).await.map_err(failed)?;
    let taken = "delete from counterfoil.reflected where name operator(pg_catalog.=) $1 \
                 and (entry operator(pg_catalog.=) any ($2) or pg_catalog.cardinality($2) operator(pg_catalog.=) 0) returning entry";
    let taken = session.query(taken, &[&request.name, &names]).await.map_err(failed)?;
    if names.is_empty() {
        let begin_anew = "delete from counterfoil.reflection where name operator(pg_catalog.=) $1";
        session.execute(begin_anew, &[&request.name]).await.map_err(failed)?;
    }
    session.batch_execute("commit").await.map_err(failed)?;
    let mut loaded: Vec<String> = taken.iter().map(|row| row.get(0)).collect();
    loaded.sort();
    Ok(loaded)
}

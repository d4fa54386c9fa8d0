//! Holding a destination: the session lock by which one process at a time feeds or mends a table,
//! and who has it when it is not ours.

use crate::destination::connector::PlaceOwner;
use crate::error::{Error, ErrorKind, Result};
use crate::fail;
use crate::postgres::session::Session;
use crate::sql;

/// Takes the lock of the table for as long as the session lives, without waiting; `Fed`, with who
/// has it, where that is another.
///
/// # Errors
/// `Fed`; those of the server.
pub async fn hold(session: &Session, name: &str, table_oid: u32) -> Result<()> {
    match take(session, name, table_oid).await? {
        PlaceOwner::Ours(_) => Ok(()),
        PlaceOwner::Another(_, error) => Err(error),
    }
}

/// Takes the lock of the table for as long as the session lives, without waiting, or tells who has
/// it. A courtesy that is told early: what protects the events is the fence of each transaction.
///
/// # Errors
/// Those of the server.
pub(in crate::destination) async fn take(
    session: &Session,
    name: &str,
    table_oid: u32,
) -> Result<PlaceOwner> {
    let failed = |error| session.error(&error, format!("cannot lock destination \"{name}\""));
    let key = table_oid.cast_signed();
    let taken = session
        .query_one(
            include_str!("../../../sql/destination/try_replicator_lock.sql"),
            &[&sql::LOCK_REPLICATOR, &key],
        )
        .await;
    if taken.map_err(failed)?.get(0) {
        fail::point!("destination.held");
        return Ok(PlaceOwner::Ours(key_of(session, session.server().backend_pid, table_oid)));
    }
    let class = i64::from(sql::LOCK_REPLICATOR);
    let holder = session
        .query_opt(include_str!("../../../sql/destination/replicator.sql"), &[&class, &table_oid])
        .await;
    let holder = holder.map_err(failed)?.map(|row| {
        let (pid, application, address): (i32, &str, &str) = (row.get(0), row.get(1), row.get(2));
        (pid, format!("pid {pid}, application \"{application}\", from {address}"))
    });
    let key = holder.as_ref().map(|(pid, _)| key_of(session, *pid, table_oid));
    let held =
        Error::new(ErrorKind::Fed, format!("another replicator feeds destination \"{name}\""))
            .at(session.place())
            .because(holder.map_or_else(|| "it has just ended".to_owned(), |(_, who)| who))
            .fix(
                "no action needed for a standby: it takes over when the other one ends; otherwise \
                 stop one of them",
            );
    Ok(PlaceOwner::Another(key, held))
}

/// Tells one that holds a table from all others: the server in this run of it, its process, and the
/// table.
fn key_of(session: &Session, pid: i32, table_oid: u32) -> String {
    let server = &session.server().identity;
    format!("{} {} {pid} {table_oid}", server.started_at_us, server.database_oid)
}

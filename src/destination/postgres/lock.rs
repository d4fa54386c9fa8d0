//! Holding a destination: the session lock by which one process at a time feeds or mends a table, and who has it when it is not ours.

use crate::error::{Error, Kind, Result};
use crate::fail;
use crate::postgres::session::Session;
use crate::sql;

/// Takes the lock of the table for as long as the session lives, without waiting. A courtesy that is told early: what protects the events is
/// the fence of each transaction.
///
/// # Errors
/// `Fed`, with who has it; those of the server.
pub async fn hold(session: &Session, name: &str, table_oid: u32) -> Result<()> {
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
        return Ok(());
    }
    let class = i64::from(sql::LOCK_REPLICATOR);
    let holder = session
        .query_opt(include_str!("../../../sql/destination/replicator.sql"), &[&class, &table_oid])
        .await;
    let holder = holder.map_err(failed)?.map_or_else(
        || "it has just gone".to_owned(),
        |row| {
            let (pid, application, address): (i32, &str, &str) = (row.get(0), row.get(1), row.get(2));
            format!("pid {pid}, application \"{application}\", from {address}")
        },
    );
    Err(Error::new(Kind::Fed, format!("another replicator feeds destination \"{name}\""))
        .at(session.place())
        .because(holder)
        .fix("nothing to do for a hot spare: it takes over when the other one ends; else stop one of them"))
}

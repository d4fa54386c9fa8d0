//! Waits until ids that were drawn before now are decided: whoever drew one has committed or rolled back.

use crate::error::Result;
use crate::postgres::connect::Session;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Waits, for `time_max` at most, until every transaction has ended that holds one of the relations a writer of an event locks. Gives those
/// that have not, in words; none: no row can appear any more at an id that was drawn before the call.
///
/// It rests on what the horizon rests on ([`super::horizon`]): a transaction that drew an id holds the lock on the sequence until it ends.
///
/// # Errors
/// What the connection or the server says.
pub async fn settle(session: &Session, relations: &[u32], time_max: Duration) -> Result<Vec<String>> {
    let began = Instant::now();
    let mut open = holders(session, relations).await?;
    while !open.is_empty() && began.elapsed() < time_max {
        tokio::time::sleep(LOOK_AGAIN).await;
        let now: HashSet<(String, Option<i32>)> = holders(session, relations).await?.into_iter().collect();
        open.retain(|holder| now.contains(holder));
    }
    let mut named = Vec::new();
    for (transaction, pid) in open {
        named.push(who(session, &transaction, pid).await?);
    }
    Ok(named)
}

async fn holders(session: &Session, relations: &[u32]) -> Result<Vec<(String, Option<i32>)>> {
    let rows = session
        .query(include_str!("../../sql/source/mark_2_holders.sql"), &[&relations])
        .await;
    let rows = rows.map_err(|error| session.error(&error, "cannot ask which transactions are open"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn who(session: &Session, transaction: &str, pid: Option<i32>) -> Result<String> {
    let row = session
        .query_opt(include_str!("../../sql/source/holder.sql"), &[&pid, &transaction])
        .await;
    let row = row.map_err(|error| session.error(&error, "cannot ask which transactions are open"))?;
    let process = pid.map_or_else(|| "prepared transaction".to_owned(), |pid| format!("pid {pid}"));
    Ok(match row {
        Some(row) => format!(
            "{process}, application {:?}, role {:?}",
            row.get::<_, &str>(1),
            row.get::<_, &str>(0)
        ),
        None => process,
    })
}

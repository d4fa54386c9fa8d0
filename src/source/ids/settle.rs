//! Waits until ids that were drawn before now are decided: every transaction that drew one has
//! committed or rolled back.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::postgres::table::highest;
use crate::source::horizon::LockHolder;
use crate::source::ids::Discipline;
use crate::sql::TableName;
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Waits, for `time_max` at most, until every transaction has ended that holds one of the relations
/// a writer of an event locks. Gives those that have not, in words; none: no row can appear any
/// more at an id that was drawn before the call.
///
/// It rests on what the horizon rests on (`source::horizon`): a transaction that drew an id holds
/// the lock on the sequence until it ends.
pub async fn settle(
    session: &Session,
    relations: &[u32],
    time_max: Duration,
) -> Result<Vec<String>> {
    let began = Instant::now();
    let first = holders(session, relations).await?;
    let mut open = first.clone();
    while !open.is_empty() && began.elapsed() < time_max {
        tokio::time::sleep(LOOK_AGAIN).await;
        open = still_open(&first, holders(session, relations).await?);
    }
    let mut named = Vec::new();
    for holder in open {
        named.push(who(session, &holder).await?);
    }
    Ok(named)
}

/// Which of those who hold a lock now may have held it at the first look. Where one of those is
/// gone, one that was given another name by PREPARE (before 13.5 and 14.1) may be it.
fn still_open(first: &[LockHolder], now: Vec<LockHolder>) -> Vec<LockHolder> {
    let is_named = |holders: &[LockHolder], one: &LockHolder| {
        holders.iter().any(|holder| holder.transaction == one.transaction)
    };
    let is_any_gone = first.iter().any(|holder| !is_named(&now, holder));
    let may_be_open =
        |holder: &LockHolder| is_named(first, holder) || (is_any_gone && holder.is_renamed());
    now.into_iter().filter(may_be_open).collect()
}

/// Up to which id everything is decided: the highest that is visible now, once every transaction
/// has ended that is open now, which is waited for up to `time_max`. `None`: nothing is known to
/// be.
pub async fn decided(
    session: &Session,
    events: &TableName,
    id_column: &str,
    discipline: &Discipline,
    time_max: Duration,
) -> Result<Option<i64>> {
    let relations = match discipline {
        Discipline::Consecutive | Discipline::Copy => return Ok(Some(i64::MAX)),
        Discipline::Grace(_) => return Ok(None),
        Discipline::Sequence { lock_relations, .. } => lock_relations,
    };
    let highest = session.query_one(&highest(events, id_column), &[]).await;
    let highest =
        highest.map_err(|error| session.error(&error, "cannot find the highest id"))?.get(0);
    let open = settle(session, relations, time_max).await?;
    Ok(if open.is_empty() { highest } else { None })
}

async fn holders(session: &Session, relations: &[u32]) -> Result<Vec<LockHolder>> {
    let rows =
        session.query(include_str!("../../../sql/source/mark_2_holders.sql"), &[&relations]).await;
    let rows =
        rows.map_err(|error| session.error(&error, "cannot ask which transactions are open"))?;
    let holder =
        |row: &tokio_postgres::Row| LockHolder { transaction: row.get(0), pid: row.get(1) };
    Ok(rows.iter().map(holder).collect())
}

async fn who(session: &Session, LockHolder { transaction, pid }: &LockHolder) -> Result<String> {
    let row = session
        .query_opt(include_str!("../../../sql/source/holder.sql"), &[pid, transaction])
        .await;
    let row =
        row.map_err(|error| session.error(&error, "cannot ask which transactions are open"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(transaction: &str, pid: Option<i32>) -> LockHolder {
        LockHolder { transaction: transaction.to_owned(), pid }
    }

    #[test]
    fn whoever_prepares_is_still_open_under_its_own_name_or_another() {
        let first = [holder("3/1", Some(7))];
        for prepared in ["3/1", "-1/777"] {
            assert_eq!(still_open(&first, vec![holder(prepared, None)]), [holder(prepared, None)]);
        }
        assert_eq!(still_open(&first, Vec::new()), []);
    }

    #[test]
    fn whoever_began_later_is_not_waited_for() {
        let first = [holder("3/1", Some(7))];
        let now = vec![holder("3/1", Some(7)), holder("4/1", Some(8)), holder("5/1", None)];
        assert_eq!(still_open(&first, now), first);
        assert_eq!(still_open(&first, vec![holder("4/1", Some(8)), holder("5/1", None)]), []);
    }
}

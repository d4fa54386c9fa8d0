//! Which sessions are in the same live database: found by locks, because hosts, ports and aliases
//! lie.

use crate::error::Result;
use crate::postgres::session::Session;
use futures::future::join_all;
use std::collections::BTreeSet;
use std::time::Duration;

/// Numbers the databases the sessions are in: equal numbers for the same live database, the index
/// of its first session.
///
/// Each session locks a random key and reads who holds which key (three round trips each, all
/// sessions at a time), so it stays linear. A promoted physical copy is another database. A session
/// that fails, or does not answer for `limit`, has its error in its place and the others go on. A
/// crash leaves nothing behind: locks end with their session.
pub async fn places(sessions: &[&Session], limit: Duration) -> Vec<Result<usize>> {
    let keys: Vec<i64> = sessions.iter().map(|_| rand::random()).collect();
    let locking: Vec<_> = sessions
        .iter()
        .zip(&keys)
        .map(|(session, key)| within(limit, session, lock(session, *key)))
        .collect();
    let locked = join_all(locking).await;
    let seeing: Vec<_> =
        sessions.iter().map(|session| within(limit, session, seen(session, &keys))).collect();
    let seen = join_all(seeing).await;
    let unlocking: Vec<_> = sessions
        .iter()
        .zip(&keys)
        .map(|(session, key)| within(limit, session, unlock(session, *key)))
        .collect();
    let unlocked = join_all(unlocking).await;
    let steps = locked.into_iter().zip(seen).zip(unlocked);
    let seen: Vec<Result<BTreeSet<i64>>> = steps
        .map(|((locked, seen), unlocked)| locked.and(seen).and_then(|keys| unlocked.map(|()| keys)))
        .collect();
    let numbers =
        first_of_place(&keys, &seen.iter().map(|keys| keys.as_ref().ok()).collect::<Vec<_>>());
    seen.into_iter().zip(numbers).map(|(seen, number)| seen.map(|_| number)).collect()
}

/// The index of the first session whose key this one sees, its own included. One that sees nothing
/// is alone.
fn first_of_place(keys: &[i64], seen: &[Option<&BTreeSet<i64>>]) -> Vec<usize> {
    let first = |own: usize| {
        let sees = |other: usize| seen[own].is_some_and(|seen| seen.contains(&keys[other]));
        (0..own).find(|other| sees(*other)).unwrap_or(own)
    };
    (0..keys.len()).map(first).collect()
}

/// What a session answers in time; one that does not is cancelled.
async fn within<T>(
    limit: Duration,
    session: &Session,
    asking: impl Future<Output = Result<T>>,
) -> Result<T> {
    if let Ok(answer) = tokio::time::timeout(limit, asking).await {
        return answer;
    }
    session.cancel().await;
    Err(session.no_answer(limit, WHAT))
}

async fn lock(session: &Session, key: i64) -> Result<()> {
    let locked = session.execute(include_str!("../../sql/session/place_lock.sql"), &[&key]).await;
    locked.map(|_| ()).map_err(|e| session.error(&e, WHAT))
}

async fn seen(session: &Session, keys: &[i64]) -> Result<BTreeSet<i64>> {
    let rows = session.query(include_str!("../../sql/session/place_seen.sql"), &[&keys]).await;
    let keys = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
    keys.map_err(|e| session.error(&e, WHAT))
}

async fn unlock(session: &Session, key: i64) -> Result<()> {
    let unlocked =
        session.execute(include_str!("../../sql/session/place_unlock.sql"), &[&key]).await;
    unlocked.map(|_| ()).map_err(|e| session.error(&e, WHAT))
}

const WHAT: &str = "cannot find out whether two sessions are in the same database";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_see_each_others_keys_have_the_number_of_the_first() {
        let (here, there) = (BTreeSet::from([1, 3]), BTreeSet::from([2]));
        let numbers =
            first_of_place(&[1, 2, 3, 4], &[Some(&here), Some(&there), Some(&here), None]);
        assert_eq!(numbers, [0, 1, 0, 3]);
    }
}

//! Whether a connection pooler hands out another server process for each transaction, which takes locks, settings and LISTEN away.

use crate::config::libpq::Conninfo;
use crate::error::{Error, Kind, Result};
use crate::postgres::connect::{Purpose, Session};
use crate::postgres::fault::Side;
use std::time::Duration;
use tokio_postgres::SimpleQueryMessage;

/// Refuses a session that does not keep its server process: a second session takes a process in an open transaction, and the first must still have its own.
///
/// Uses the simple protocol only, which every pooler passes on.
///
/// # Errors
/// `Unsuitable` behind transaction or statement pooling; else what connecting or the server says.
pub async fn refuse_pooled(session: &Session, conninfo: &Conninfo, side: Side, timeout: Duration) -> Result<()> {
    let second = Session::open(conninfo, Purpose { what: "probe", side }, timeout).await?;
    let before = process(session).await?;
    let Ok(()) = second.batch_execute("begin").await else {
        return Err(pooled(session));
    };
    let other = process(&second).await?;
    let after = process(session).await?;
    if is_one_process(before, other, after) {
        Ok(())
    } else {
        Err(pooled(session))
    }
}

/// Whether the first session kept its process while the second held another.
fn is_one_process(before: i32, other: i32, after: i32) -> bool {
    before == after && other != before
}

fn pooled(session: &Session) -> Error {
    Error::new(Kind::Unsuitable, "a pooler gives each transaction another server process")
        .at(session.place())
        .because("locks, settings and LISTEN do not last longer than a transaction there")
        .fix("connect to the server itself, or to a pool in session mode")
}

async fn process(session: &Session) -> Result<i32> {
    const WHAT: &str = "cannot ask which server process this is";
    let messages = session
        .simple_query("select pg_catalog.pg_backend_pid()")
        .await
        .map_err(|e| session.error(&e, WHAT))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    row.ok_or_else(|| Error::new(Kind::Unsuitable, WHAT).at(session.place()))
}

#[cfg(test)]
mod tests {
    use super::is_one_process;

    #[test]
    fn a_process_that_changes_or_is_shared_betrays_a_pooler() {
        assert!(is_one_process(7, 8, 7));
        assert!(!is_one_process(7, 7, 9));
        assert!(!is_one_process(7, 8, 9));
        assert!(!is_one_process(7, 7, 7));
    }
}

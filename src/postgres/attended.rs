//! Work that may take long without a word, such as a count of a large table: whether the servers are still at it is asked over other connections.
//!
//! Keepalive finds out that a server is gone where the network is honest. Behind something that goes on acknowledging (a proxy whose far
//! connection has died), only the server itself can tell that nobody works for us any more.

use crate::config::libpq::Conninfo;
use crate::error::{Error, Kind, Result};
use crate::postgres::connect::{Purpose, Session};
use crate::postgres::turns::Turns;
use futures::future::try_join_all;
use std::pin::pin;
use std::time::Duration;

/// Does the work, over these sessions, which were opened by these descriptions. Each time that so long has gone by, all of them are looked at.
///
/// # Errors
/// `Unavailable` when the server process of one is gone, when a server cannot be asked, or when all were idle at two looks in a row: then the answer was lost.
pub async fn attended<T>(sessions: &[(&Session, &Conninfo)], every: Duration, work: impl Future<Output = T>) -> Result<T> {
    let mut work = pin!(work);
    let mut were_idle = false;
    loop {
        if let Ok(done) = tokio::time::timeout(every, work.as_mut()).await {
            return Ok(done);
        }
        let are_idle = tokio::select! {
            biased;
            done = work.as_mut() => return Ok(done),
            are_idle = are_all_idle(sessions, every) => are_idle?,
        };
        if are_idle && were_idle {
            let place = sessions.first().map(|(session, _)| session.place()).unwrap_or_default();
            return Err(lost(place, "no server works for us any more: its answer was lost"));
        }
        were_idle = are_idle;
    }
}

async fn are_all_idle(sessions: &[(&Session, &Conninfo)], timeout: Duration) -> Result<bool> {
    let turns = Turns::new();
    let looks = sessions
        .iter()
        .map(|(session, conninfo)| turns.take(is_idle(session, conninfo, timeout)));
    Ok(try_join_all(looks).await?.iter().all(|is_idle| *is_idle))
}

async fn is_idle(session: &Session, conninfo: &Conninfo, timeout: Duration) -> Result<bool> {
    let same_host = Conninfo {
        hosts: vec![session.host().clone()],
        ..conninfo.clone()
    };
    let purpose = Purpose {
        what: "attend",
        ..session.purpose()
    };
    let other = Session::open(&same_host, purpose, timeout).await?;
    let (process, name) = (session.server().backend_pid, session.purpose().application_name());
    let ask = async {
        other
            .query_opt(include_str!("../../sql/session/state_of.sql"), &[&process, &name])
            .await
    };
    let asked = tokio::time::timeout(timeout, ask).await;
    let found = asked.map_err(|_| lost(session.place(), "the server does not answer another connection"))?;
    match found.map_err(|error| other.error(&error, CANNOT))? {
        Some(row) => Ok(row.get::<_, Option<&str>>(0).is_some_and(|state| state.starts_with("idle"))),
        None => Err(lost(session.place(), "its server process is gone, and nobody told us")),
    }
}

const CANNOT: &str = "cannot go on with the checks";

fn lost(place: &str, why: &str) -> Error {
    Error::new(Kind::Unavailable, CANNOT).at(place).because(why)
}

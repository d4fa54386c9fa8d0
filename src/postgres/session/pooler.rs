//! Finds out whether a pooler in transaction or statement mode stands between us and PostgreSQL, before anything is set.

use crate::config::libpq::Conninfo;
use crate::error::{Error, Kind, Result};
use crate::postgres::session::error::Side;
use crate::postgres::session::limit::Turns;
use crate::postgres::session::{Purpose, Session};
use crate::sql;
use futures::future::join_all;
use std::time::Duration;

/// How long a notification of our own may take to arrive.
const NOTIFICATION_WAIT_MAX: Duration = Duration::from_secs(2);

/// Refuses a pooler that gives each transaction another server process: session locks, notifications and pinned settings would be lost in it.
///
/// Two sessions are opened and nothing is set in them. Each must keep a server process of its own over several transactions, also while the
/// other is in one; then a notification between them must arrive. Only where that last step refuses can the registration for one channel of a
/// random name stay behind, until the pooler ends its process.
///
/// # Errors
/// `Unsuitable` with the remedy; whatever [`Session::open`] gives.
pub async fn probe(conninfo: &Conninfo, side: Side, timeout: Duration) -> Result<()> {
    let purpose = Purpose { what: "probe", side };
    let one = Session::open_untouched(conninfo, purpose, timeout).await?;
    let mut two = Session::open_untouched(&one.same_host(conninfo), purpose, timeout).await?;
    let probe = async {
        expect_own_process(&one, &two).await?;
        expect_notification(&one, &mut two).await
    };
    match tokio::time::timeout(timeout, probe).await {
        Ok(verdict) => verdict,
        Err(_) => Err(Error::new(Kind::Unavailable, "cannot find out whether a pooler is in between")
            .at(one.place())
            .because("timed out")),
    }
}

/// Opens a session for each of these, in turns, where no such pooler stands in between; those at the same hosts, database and user are probed once,
/// unless that fails: then each for itself, for passwords and TLS may differ.
pub async fn open_all(conninfos: &[&Conninfo], purpose: Purpose, timeout: Duration) -> Vec<Result<Session>> {
    let way = |conninfo: &Conninfo| (conninfo.hosts.clone(), conninfo.user.clone(), conninfo.database.clone());
    let mut ways = Vec::new();
    let mut numbers = Vec::new();
    for conninfo in conninfos {
        let own = way(conninfo);
        let known = ways.iter().position(|(other, _)| *other == own);
        numbers.push(known.unwrap_or(ways.len()));
        if known.is_none() {
            ways.push((own, *conninfo));
        }
    }
    let turns = Turns::new();
    let probes = ways.iter().map(|(_, conninfo)| turns.take(probe(conninfo, purpose.side, timeout)));
    let probed = join_all(probes).await;
    let opening = conninfos.iter().zip(numbers).map(|(conninfo, way)| {
        let probed = probed[way].clone();
        turns.take(async move {
            match probed {
                Ok(()) => Session::open(conninfo, purpose, timeout).await,
                Err(error) if error.kind() == Kind::Unsuitable => Err(error),
                Err(_) => open(conninfo, purpose, timeout).await,
            }
        })
    });
    join_all(opening).await
}

/// Opens a session where no such pooler stands in between: nothing was set in any before that is known.
///
/// # Errors
/// Those of [`probe`] and of [`Session::open`].
pub async fn open(conninfo: &Conninfo, purpose: Purpose, timeout: Duration) -> Result<Session> {
    probe(conninfo, purpose.side, timeout).await?;
    Session::open(conninfo, purpose, timeout).await
}

async fn expect_own_process(one: &Session, two: &Session) -> Result<()> {
    let (first, second) = (one.server().backend_pid, two.server().backend_pid);
    if first == second && one.server().identity == two.server().identity {
        return Err(pooled(one, format!("server process {first} answers on two connections")));
    }
    // Poolers that give their processes out in turn show it here, those with one busy process each below.
    for session in [one, two, two, one, one] {
        expect_same_process(session).await?;
    }
    for (held, free) in [(two, one), (one, two)] {
        run(held, "begin").await?;
        expect_same_process(held).await?;
        expect_same_process(free).await?;
        run(held, "rollback").await?;
    }
    Ok(())
}

async fn expect_same_process(session: &Session) -> Result<()> {
    let (first, now) = (session.server().backend_pid, process_of(session).await?);
    match first == now {
        true => Ok(()),
        false => Err(pooled(
            session,
            format!("server process {first} answered first, then {now}, on one connection"),
        )),
    }
}

/// A standby cannot listen, and a server that cannot is told apart when we listen in earnest: neither is a pooler's mark.
async fn expect_notification(one: &Session, two: &mut Session) -> Result<()> {
    if one.server().is_in_recovery() || two.server().is_in_recovery() {
        return Ok(());
    }
    let name = format!("counterfoil_probe_{:016x}", rand::random::<u64>());
    let channel = [("channel", sql::text(&name))];
    let listen = sql::fill(include_str!("../../../sql/session/listen.sql"), &channel);
    if two.batch_execute(&listen).await.is_err() {
        return Ok(());
    }
    run(one, &sql::fill(include_str!("../../../sql/session/notify.sql"), &channel)).await?;
    let arrived = tokio::time::timeout(NOTIFICATION_WAIT_MAX, two.notifications().recv()).await;
    run(two, &sql::fill(include_str!("../../../sql/session/unlisten.sql"), &channel)).await?;
    match arrived {
        Ok(Some(_)) => Ok(()),
        _ => Err(pooled(two, "a notification did not arrive".to_owned())),
    }
}

async fn process_of(session: &Session) -> Result<i32> {
    let answer = session
        .simple_query(include_str!("../../../sql/session/own_pid.sql"))
        .await
        .map_err(|error| refused(session, &error))?;
    let row = answer.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.try_get(0).ok()??.parse().ok(),
        _ => None,
    });
    row.ok_or_else(|| pooled(session, "the server did not name its process".to_owned()))
}

async fn run(session: &Session, statement: &str) -> Result<()> {
    session.batch_execute(statement).await.map_err(|error| refused(session, &error))
}

/// A pooler in statement mode refuses a transaction in words of its own, as a violation of the protocol.
fn refused(session: &Session, error: &tokio_postgres::Error) -> Error {
    let ours = session.error(error, "cannot find out whether a pooler is in between");
    let is_pooler = ours.sqlstate() == Some("08P01") || ours.causes().iter().any(|cause| cause.contains("statement pooling"));
    match is_pooler {
        true => pooled(session, ours.causes().join(": ")),
        false => ours,
    }
}

fn pooled(session: &Session, why: String) -> Error {
    Error::new(
        Kind::Unsuitable,
        "the connection goes through a pooler in transaction or statement mode",
    )
    .at(session.place())
    .because(why)
    .fix("connect to PostgreSQL directly, or through a pooler in session mode; nothing was changed")
}

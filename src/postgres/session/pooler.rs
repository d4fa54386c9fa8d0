//! Finds out whether a pooler in transaction or statement mode stands between us and PostgreSQL,
//! before anything is set.

use crate::config::libpq::{Conninfo, Host};
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::answers;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{Session, SessionPurpose};
use crate::sql;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

const CANNOT: &str = "cannot find out whether a pooler is in between";

/// How long a notification of our own may take to arrive.
const NOTIFICATION_WAIT_MAX: Duration = Duration::from_secs(2);

/// Refuses a pooler that gives each transaction another server process: session locks,
/// notifications and pinned settings would be lost in it.
///
/// Two sessions are opened and nothing is set in them. Each must keep a server process of its own
/// over several transactions, also while the other is in one; then a notification between them must
/// arrive. Only where that last step refuses can the registration for one channel of a random name
/// stay behind, until the pooler ends its process.
///
/// # Errors
/// `Unsuitable` with the remedy; whatever [`Session::open`] gives.
pub async fn probe(conninfo: &Conninfo, side: ErrorSide, timeout: Duration) -> Result<()> {
    let purpose = SessionPurpose { what: "probe", side };
    let one = Session::open_untouched(conninfo, purpose, timeout).await?;
    let mut two = Session::open_untouched(&one.same_host(conninfo), purpose, timeout).await?;
    let probe = async {
        expect_own_process(&one, &two).await?;
        expect_notification(&one, &mut two).await
    };
    let probed = tokio::time::timeout(timeout, probe).await;
    probed.unwrap_or_else(|_| Err(one.no_answer(timeout, CANNOT)))
}

/// What is known of the ways to servers: one with the same hosts, database and user is probed once.
/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct RouteCache(Option<Arc<Mutex<HashMap<ServerRoute, PoolerProbe>>>>);

/// Hosts, user and database.
type ServerRoute = (Vec<Host>, String, String);

/// What a way was found to be, once it is.
type PoolerProbe = Arc<OnceCell<Result<()>>>;

impl RouteCache {
    /// Nothing is known yet.
    pub fn unknown() -> Self {
        Self(Some(Arc::default()))
    }

    /// All of them were found to keep sessions before.
    pub fn known() -> Self {
        Self(None)
    }

    /// Refuses such a pooler, where that was not found out before. What fails for another reason
    /// fails for this one alone: passwords and TLS may differ.
    ///
    /// # Errors
    /// Those of [`probe`].
    pub async fn probe(
        &self,
        conninfo: &Conninfo,
        side: ErrorSide,
        timeout: Duration,
    ) -> Result<()> {
        let Some(routes) = &self.0 else { return Ok(()) };
        let way = (conninfo.hosts.clone(), conninfo.user.clone(), conninfo.database.clone());
        let probed = Arc::clone(
            routes.lock().unwrap_or_else(PoisonError::into_inner).entry(way).or_default(),
        );
        let mut is_own = false;
        let verdict = probed.get_or_init(|| {
            is_own = true;
            probe(conninfo, side, timeout)
        });
        match verdict.await.clone() {
            Err(error) if !is_own && error.kind() != ErrorKind::Unsuitable => {
                probe(conninfo, side, timeout).await
            }
            verdict => verdict,
        }
    }
}

/// Opens a session where no such pooler stands in between: nothing was set in any before that is
/// known.
pub async fn open(
    conninfo: &Conninfo,
    purpose: SessionPurpose,
    timeout: Duration,
) -> Result<Session> {
    probe(conninfo, purpose.side, timeout).await?;
    Session::open(conninfo, purpose, timeout).await
}

async fn expect_own_process(one: &Session, two: &Session) -> Result<()> {
    let (first, second) = (one.server().backend_pid, two.server().backend_pid);
    if first == second && one.server().identity == two.server().identity {
        return Err(pooled(one, format!("server process {first} answers on two connections")));
    }
    // Poolers that give their processes out in turn show it here, those with one busy process each
    // below.
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
    if first == now {
        Ok(())
    } else {
        Err(pooled(
            session,
            format!("server process {first} answered first, then {now}, on one connection"),
        ))
    }
}

/// A standby cannot listen, and a server that cannot is told apart when we listen in earnest:
/// neither is a pooler's mark.
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
    answers::value(answer)
        .ok_or_else(|| pooled(session, "the server did not name its process".to_owned()))
}

async fn run(session: &Session, statement: &str) -> Result<()> {
    session.batch_execute(statement).await.map_err(|error| refused(session, &error))
}

/// A pooler in statement mode refuses a transaction in words of its own, as a violation of the
/// protocol.
fn refused(session: &Session, error: &tokio_postgres::Error) -> Error {
    let ours = session.error(error, CANNOT);
    let is_pooler = ours.sqlstate() == Some("08P01")
        || ours.causes().iter().any(|cause| cause.contains("statement pooling"));
    if is_pooler { pooled(session, ours.causes().join(": ")) } else { ours }
}

fn pooled(session: &Session, why: String) -> Error {
    Error::new(
        ErrorKind::Unsuitable,
        "the connection goes through a pooler in transaction or statement mode",
    )
    .at(session.place())
    .because(why)
    .fix("connect to PostgreSQL directly, or through a pooler in session mode; nothing was changed")
}

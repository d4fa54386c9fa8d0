//! One session: connected, settings pinned, its death known.

pub(crate) mod answers;
mod cancel;
mod certificate;
mod dial;
pub mod error;
mod hosts;
pub mod limit;
pub mod listen;
mod password;
pub(crate) mod patience;
mod pins;
pub mod pool;
pub mod pooler;
mod purpose;
pub mod server;
pub mod settings;
mod socket;
pub(crate) mod tls;
pub mod watchdog;

use crate::config::libpq::{Conninfo, Host};
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::dial::RawConnection;
use crate::postgres::session::hosts::{HostSearch, ServerConnection};
use crate::postgres::session::pins::PinnedSettings;
use crate::postgres::session::purpose::SettingsPermission;
use crate::postgres::session::server::ServerFacts;
use crate::postgres::session::socket::SocketPeer;
use crate::postgres::session::tls::TlsSettings;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_postgres::{CancelToken, Client, Notification};

pub use crate::postgres::session::purpose::SessionPurpose;

/// A cancel request that takes longer is given up.
const CANCEL_WAIT_MAX: Duration = Duration::from_secs(2);

/// A session with its settings pinned. Dropping it closes the connection at once; the server rolls
/// back what was open.
#[derive(Debug)]
pub struct Session {
    line: RawConnection,
    purpose: SessionPurpose,
    place: Arc<str>,
    host: Host,
    server: ServerFacts,
    pins: PinnedSettings,
    notes: Vec<String>,
    begun_at: Instant,
}

impl Session {
    /// Connects to the first host that answers and is what `target_session_attrs` asks for, within
    /// `timeout` in all, and pins all settings in one round trip.
    ///
    /// # Errors
    /// `Access` for a refused password, role, certificate or `pg_hba.conf`; `Unsuitable` for
    /// PostgreSQL before 13 and what is not PostgreSQL; `Unavailable` for everything time can heal,
    /// with every address that was tried. The place is `host:port/database`.
    pub async fn open(
        conninfo: &Conninfo,
        purpose: SessionPurpose,
        timeout: Duration,
    ) -> Result<Self> {
        let connected =
            HostSearch::new(conninfo, purpose, timeout, SettingsPermission::Pin).connect().await?;
        Ok(Self::of(connected, purpose))
    }

    /// As [`Session::open`], with nothing set: whatever is behind a pooler stays as it is.
    pub(super) async fn open_untouched(
        conninfo: &Conninfo,
        purpose: SessionPurpose,
        timeout: Duration,
    ) -> Result<Self> {
        let connected = HostSearch::new(conninfo, purpose, timeout, SettingsPermission::Nothing)
            .connect()
            .await?;
        Ok(Self::of(connected, purpose))
    }

    fn of(connected: ServerConnection, purpose: SessionPurpose) -> Self {
        Self {
            line: connected.line,
            purpose,
            place: connected.place,
            host: connected.host,
            server: connected.server,
            pins: connected.pins,
            notes: connected.notes,
            begun_at: Instant::now(),
        }
    }

    /// Makes our error of the driver's, with the place, and with why the connection died if it did.
    pub fn error(&self, error: &tokio_postgres::Error, what: impl Into<String>) -> Error {
        let mut ours = error::of_driver(error, self.purpose.side, what).at(&*self.place);
        if let Some(refusal) = error.as_db_error().filter(|_| ours.sqlstate() == Some("42501")) {
            ours = ours.fix(error::grant(refusal.message(), &self.server.role));
        }
        match self.line.death.get() {
            Some(death) if error.is_closed() => {
                let ours = death.causes().iter().fold(ours, |ours, cause| ours.because(cause));
                match death.sqlstate() {
                    Some(sqlstate) => ours.with_sqlstate(sqlstate),
                    None => ours,
                }
            }
            _ => ours,
        }
    }

    /// Says that it did not answer in time.
    pub(crate) fn no_answer(&self, limit: Duration, what: impl Into<String>) -> Error {
        error::no_answer(limit, what).at(&*self.place)
    }

    /// Why the connection died, once it has; `None` while it lives.
    pub fn death(&self) -> Option<Error> {
        let known = self.line.death.get().map(|death| death.clone().at(&*self.place));
        known.or_else(|| {
            self.line
                .client
                .is_closed()
                .then(|| Error::new(ErrorKind::Unavailable, "connection lost").at(&*self.place))
        })
    }

    /// Host, port and database, without user or password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What the server said about itself when the session began.
    pub fn server(&self) -> &ServerFacts {
        &self.server
    }

    /// Things a person should know although all is well, such as a client certificate that expires
    /// soon.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The notifications of this session, in order of arrival; it ends when the connection is dead.
    /// Only so many wait: each is but a hint.
    pub fn notifications(&mut self) -> &mut mpsc::Receiver<Notification> {
        &mut self.line.notifications
    }

    /// Asks the server to cancel what this session is running, encrypted as the session is; best
    /// effort, within 2 s. When it returns sooner, the server has done so: a statement sent
    /// afterwards is not hit. Dropping the future of a query does not cancel it.
    pub async fn cancel(&self) {
        self.canceller().cancel().await;
    }

    /// What cancels as [`Session::cancel`] does, also when the session has been dropped: its server
    /// process may still be at work.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            token: self.line.client.cancel_token(),
            peer: self.line.peer.clone(),
            tls: self.line.tls.clone(),
        }
    }

    /// Ends a session whose answers cannot come any more: a caller that waits for one learns that
    /// the connection was lost, and why.
    pub(super) fn end(&self, why: &str) {
        self.line.end(Error::new(ErrorKind::Unavailable, "connection lost").because(why));
    }

    /// How long ago it was opened.
    pub(super) fn age(&self) -> Duration {
        self.begun_at.elapsed()
    }

    /// Makes the session as new for another user, in one round trip: settings pinned again, locks
    /// given back. Tells whether it was left in order, that is, outside of a transaction; if not,
    /// the transaction is rolled back first, in a second round trip.
    ///
    /// # Errors
    /// `Unavailable` when the connection is dead.
    pub(super) async fn reset(&self) -> Result<bool> {
        let reset =
            format!("{}\n{}", include_str!("../../../sql/session/reset.sql"), self.pins.needed);
        let (first, _) =
            futures::join!(self.simple_query(&reset), self.batch_execute(&self.pins.wished));
        let was_in_order =
            first.is_ok_and(|answer| answers::value::<String>(answer).as_deref() == Some("t"));
        if !was_in_order {
            let rollback = include_str!("../../../sql/session/rollback.sql");
            let (ended, again, _) = futures::join!(
                self.batch_execute(rollback),
                self.batch_execute(&reset),
                self.batch_execute(&self.pins.wished)
            );
            ended.and(again).map_err(|error| self.error(&error, "cannot reset the session"))?;
        }
        Ok(was_in_order)
    }

    /// What it is for.
    pub(super) fn purpose(&self) -> SessionPurpose {
        self.purpose
    }

    /// How another session reaches the host that this one, opened by `conninfo`, is connected to.
    pub(super) fn same_host(&self, conninfo: &Conninfo) -> Conninfo {
        Conninfo { hosts: vec![self.host.clone()], ..conninfo.clone() }
    }
}

/// See [`Session::canceller`].
pub struct Canceller {
    token: CancelToken,
    peer: SocketPeer,
    tls: Option<TlsSettings>,
}

impl Canceller {
    /// As [`Session::cancel`].
    pub async fn cancel(self) {
        let request = cancel::cancel(self.token, &self.peer, self.tls.as_ref());
        let _ = tokio::time::timeout(CANCEL_WAIT_MAX, request).await;
    }
}

impl Deref for Session {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.line.client
    }
}

//! One session: connected, settings pinned, its death known.

use crate::config::libpq::{Conninfo, Host};
use crate::error::{Error, Kind, Result};
use crate::postgres::cancel;
use crate::postgres::dial::Line;
use crate::postgres::fault::{self, Side};
use crate::postgres::identity::{self, ServerFacts, field};
use crate::postgres::socket::Peer;
use crate::postgres::tls::Tls;
use crate::postgres::tour::Tour;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_postgres::{CancelToken, Client, Notification, SimpleQueryMessage, SimpleQueryRow};

/// A cancel request that takes longer is given up.
const CANCEL_WAIT_MAX: Duration = Duration::from_secs(2);

/// What a session is for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// `mark`, `read`, `listen`, `append`, `check`, …: becomes `application_name = counterfoil/<what>`.
    pub what: &'static str,
    /// Which side it is on: decides the pinned settings and how errors are classed.
    pub side: Side,
}

impl Purpose {
    /// How its session calls itself.
    pub(super) fn application_name(self) -> String {
        format!("counterfoil/{}", self.what)
    }
}

/// A session with its settings pinned. Dropping it closes the connection at once; the server rolls back what was open.
#[derive(Debug)]
pub struct Session {
    line: Line,
    purpose: Purpose,
    place: Arc<str>,
    host: Host,
    server: ServerFacts,
    pins: Pins,
    notes: Vec<String>,
    begun_at: Instant,
}

/// The settings of one session, as its server's version has them.
#[derive(Debug)]
struct Pins {
    /// Without these the session is not used.
    needed: String,
    /// The server notices our death sooner; not every operating system can.
    wished: String,
}

/// Whether a new session may change settings of the server process that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// Pins all settings.
    Pin,
    /// Reads only: the process may belong to a pooler.
    Nothing,
}

impl Session {
    /// Connects to the first host that answers and is what `target_session_attrs` asks for, within `timeout` in all, and pins all settings in one round trip.
    ///
    /// # Errors
    /// `Access` for a refused password, role, certificate or `pg_hba.conf`; `Unsuitable` for PostgreSQL before 13 and what is not PostgreSQL;
    /// `Unavailable` for everything time can heal, with every address that was tried.
    /// The place is `host:port/database`.
    pub async fn open(conninfo: &Conninfo, purpose: Purpose, timeout: Duration) -> Result<Self> {
        Tour::new(conninfo, purpose, timeout, Touch::Pin).run().await
    }

    /// As [`Session::open`], with nothing set: whatever is behind a pooler stays as it is.
    pub(super) async fn open_untouched(conninfo: &Conninfo, purpose: Purpose, timeout: Duration) -> Result<Self> {
        Tour::new(conninfo, purpose, timeout, Touch::Nothing).run().await
    }

    /// Makes a session of a fresh connection: who is it, and the pins, all in one round trip.
    pub(super) async fn begin(line: Line, purpose: Purpose, host: Host, place: Arc<str>, touch: Touch) -> Result<Self> {
        let pins = Pins::of(purpose.side, identity::major_version(&line.announced_version).unwrap_or_default());
        let server = get_to_know(&line, &pins, purpose.side, touch)
            .await
            .map_err(|error| error.at(&*place))?;
        let notes = line.tls.iter().filter_map(|tls| tls.note()).collect();
        Ok(Self {
            line,
            purpose,
            place,
            host,
            server,
            pins,
            notes,
            begun_at: Instant::now(),
        })
    }

    /// Makes our error of the driver's, with the place, and with why the connection died if it did.
    pub fn error(&self, error: &tokio_postgres::Error, what: impl Into<String>) -> Error {
        let ours = fault::error(error, self.purpose.side, what).at(&*self.place);
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

    /// Why the connection died, once it has; `None` while it lives.
    pub fn death(&self) -> Option<Error> {
        let known = self.line.death.get().map(|death| death.clone().at(&*self.place));
        known.or_else(|| {
            self.line
                .client
                .is_closed()
                .then(|| Error::new(Kind::Unavailable, "connection lost").at(&*self.place))
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

    /// Things a person should know although all is well, such as a client certificate that expires soon.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The notifications of this session, in order of arrival; it ends when the connection is dead. Only so many wait: each is but a hint.
    pub fn notifications(&mut self) -> &mut mpsc::Receiver<Notification> {
        &mut self.line.notifications
    }

    /// Asks the server to cancel what this session is running, encrypted as the session is; best effort, within 2 s. When it returns sooner, the
    /// server has done so: a statement sent afterwards is not hit. Dropping the future of a query does not cancel it.
    pub async fn cancel(&self) {
        self.canceller().cancel().await;
    }

    /// What cancels as [`Session::cancel`] does, also when the session has been dropped: its server process may still be at work.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            token: self.line.client.cancel_token(),
            peer: self.line.peer.clone(),
            tls: self.line.tls.clone(),
        }
    }

    /// Ends a session whose answers cannot come any more: a caller that waits for one learns that the connection was lost, and why.
    pub(super) fn end(&self, why: &str) {
        self.line.end(Error::new(Kind::Unavailable, "connection lost").because(why));
    }

    /// How long ago it was opened.
    pub(super) fn age(&self) -> Duration {
        self.begun_at.elapsed()
    }

    /// Makes the session as new for another user, in one round trip: settings pinned again, locks given back. Tells whether it was left in order,
    /// that is, outside of a transaction; if not, the transaction is rolled back first, in a second round trip.
    ///
    /// # Errors
    /// `Unavailable` when the connection is dead.
    pub(super) async fn reset(&self) -> Result<bool> {
        let reset = format!("{}\n{}", include_str!("../../sql/session/reset.sql"), self.pins.needed);
        let (first, _) = futures::join!(self.simple_query(&reset), self.batch_execute(&self.pins.wished));
        let was_in_order = first.is_ok_and(|answer| row_of(&answer).is_some_and(|row| field(row, 0) == Some("t")));
        if !was_in_order {
            let rollback = include_str!("../../sql/session/rollback.sql");
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
    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// How another session reaches the host that this one, opened by `conninfo`, is connected to.
    pub(super) fn same_host(&self, conninfo: &Conninfo) -> Conninfo {
        Conninfo {
            hosts: vec![self.host.clone()],
            ..conninfo.clone()
        }
    }

    pub(super) fn add_note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

/// See [`Session::canceller`].
pub struct Canceller {
    token: CancelToken,
    peer: Peer,
    tls: Option<Tls>,
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

impl Pins {
    fn of(side: Side, major: u32) -> Self {
        let mut needed = match side {
            Side::Source => include_str!("../../sql/session/pins_source.sql").to_owned(),
            Side::Destination => include_str!("../../sql/session/pins_destination.sql").to_owned(),
        };
        let mut wished = include_str!("../../sql/session/keepalive.sql").to_owned();
        if major >= 14 {
            needed.push_str(include_str!("../../sql/session/pins_since_14.sql"));
            wished.push_str(include_str!("../../sql/session/keepalive_since_14.sql"));
        }
        if major >= 17 {
            needed.push_str(include_str!("../../sql/session/pins_since_17.sql"));
        }
        Self { needed, wished }
    }
}

/// Sends everything at once and then judges the answers: a foreign server may choke on the later ones.
async fn get_to_know(line: &Line, pins: &Pins, side: Side, touch: Touch) -> Result<ServerFacts> {
    let client = &line.client;
    let (needed, wished) = match touch {
        Touch::Pin => (pins.needed.as_str(), pins.wished.as_str()),
        Touch::Nothing => ("", ""),
    };
    let (version, pinned, _, facts, system_identifier) = futures::join!(
        client.simple_query(include_str!("../../sql/session/version.sql")),
        client.batch_execute(needed),
        client.batch_execute(wished),
        client.simple_query(include_str!("../../sql/session/facts.sql")),
        client.simple_query(include_str!("../../sql/session/system_identifier.sql")),
    );
    let lost = |error: tokio_postgres::Error, what: &str| {
        let ours = fault::error(&error, side, what);
        match line.death.get() {
            Some(death) if error.is_closed() => death.causes().iter().fold(ours, |ours, cause| ours.because(cause)),
            _ => ours,
        }
    };
    let version = version.map_err(|error| lost(error, "cannot ask the server for its version"))?;
    identity::refuse_foreign(row_of(&version).and_then(|row| field(row, 0)).unwrap_or_default())?;
    pinned.map_err(|error| lost(error, "cannot set up the session"))?;
    let facts = facts.map_err(|error| match error.code() {
        Some(code) if code.code().starts_with("42") => {
            identity::not_postgresql().because(fault::error(&error, side, "").causes().join(": "))
        }
        _ => lost(error, "cannot read what the server says about itself"),
    })?;
    let row = row_of(&facts).ok_or_else(|| identity::not_postgresql().because("it does not answer as PostgreSQL does"))?;
    let system_identifier = system_identifier.ok().and_then(|answer| field(row_of(&answer)?, 0)?.parse().ok());
    identity::facts(row, system_identifier)
}

fn row_of(answer: &[SimpleQueryMessage]) -> Option<&SimpleQueryRow> {
    answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}

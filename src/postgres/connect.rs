//! One session: connected, settings pinned, its death known.

use crate::config::libpq::{Conninfo, HostAt};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::{self, Side};
use secrecy::ExposeSecret;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, NoTls, Notification};

/// What a session is for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// `mark`, `read`, `listen`, `append`, `check`, …: becomes `application_name = counterfoil/<what>`.
    pub what: &'static str,
    /// Which side it is on: decides the pinned settings and how errors are classed.
    pub side: Side,
}

/// A session with its settings pinned. Dropping it closes the connection at once; the server rolls back what was open.
#[derive(Debug)]
pub struct Session {
    client: Client,
    notifications: mpsc::UnboundedReceiver<Notification>,
    driver: tokio::task::JoinHandle<()>,
    death: Arc<OnceLock<String>>,
    side: Side,
    place: Arc<str>,
}

impl Session {
    /// Connects within `timeout` and pins all settings in one round trip.
    ///
    /// # Errors
    /// `Access` for a refused password, role, certificate or `pg_hba.conf`; `Unavailable` for everything time can heal; the place is `host:port/database`.
    pub async fn open(conninfo: &Conninfo, purpose: Purpose, timeout: Duration) -> Result<Self> {
        let host = &conninfo.hosts[0];
        let mut config = Config::new();
        let place: Arc<str> = match &host.at {
            HostAt::Tcp { host: name, .. } => {
                config.host(name);
                format!("{name}:{}/{}", host.port, conninfo.database).into()
            }
            HostAt::Unix(dir) => {
                config.host_path(dir);
                format!("{}:{}/{}", dir.display(), host.port, conninfo.database).into()
            }
        };
        config.port(host.port).user(&conninfo.user).dbname(&conninfo.database);
        config.application_name(format!("counterfoil/{}", purpose.what));
        if let Some(password) = &conninfo.password.given {
            config.password(password.expose_secret());
        }
        let (client, mut connection) = tokio::time::timeout(timeout, config.connect(NoTls))
            .await
            .map_err(|_| Error::new(Kind::Unavailable, "cannot connect").at(&*place).because("timed out"))?
            .map_err(|e| fault::error(&e, purpose.side, "cannot connect").at(&*place))?;
        let (sender, notifications) = mpsc::unbounded_channel();
        let death = Arc::new(OnceLock::new());
        let driver = tokio::spawn({
            let death = Arc::clone(&death);
            async move {
                while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                    match message {
                        Ok(AsyncMessage::Notification(notification)) => drop(sender.send(notification)),
                        Ok(_) => {}
                        Err(error) => {
                            let _ = death.set(fault::error(&error, purpose.side, "connection lost").to_string());
                            return;
                        }
                    }
                }
            }
        });
        let session = Self {
            client,
            notifications,
            driver,
            death,
            side: purpose.side,
            place,
        };
        let pins = match purpose.side {
            Side::Source => include_str!("../../sql/session/pins_source.sql"),
            Side::Destination => include_str!("../../sql/session/pins_destination.sql"),
        };
        session
            .client
            .batch_execute(pins)
            .await
            .map_err(|e| session.error(&e, "cannot set up the session"))?;
        Ok(session)
    }

    /// Makes our error of the driver's, with the place, and with why the connection died if it did.
    pub fn error(&self, error: &tokio_postgres::Error, what: impl Into<String>) -> Error {
        let ours = fault::error(error, self.side, what).at(&*self.place);
        match self.death.get() {
            Some(death) if error.is_closed() => ours.because(death.clone()),
            _ => ours,
        }
    }

    /// Host, port and database, without user or password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The notifications of this session, in order of arrival.
    pub fn notifications(&mut self) -> &mut mpsc::UnboundedReceiver<Notification> {
        &mut self.notifications
    }

    /// Asks the server to cancel what this session is running; best effort. Dropping the future of a query does not do this.
    pub async fn cancel(&self) {
        let token: CancelToken = self.client.cancel_token();
        let _ = tokio::time::timeout(Duration::from_secs(2), token.cancel_query(NoTls)).await;
    }
}

impl Deref for Session {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

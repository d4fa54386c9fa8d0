//! One try at one address: socket, TLS as `sslmode` says, authentication; and the task that carries
//! the messages, with the cause of its end.

use crate::config::libpq::{ChannelBinding, Conninfo, Host, HostAt, SslMode};
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::error::{self, ErrorSide};
use crate::postgres::session::password::PasswordLookup;
use crate::postgres::session::socket::{BufferedSocket, SocketPeer};
use crate::postgres::session::tls::{self, TlsSettings};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_postgres::config::{
    ChannelBinding as DriverBinding, SslMode as DriverSslMode, SslNegotiation,
};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Notification};

/// Notifications that wait to be seen; those beyond are dropped, since each only says "look again"
/// and enough of them wait already.
const NOTIFICATIONS_MAX: usize = 256;

/// An established connection on which nothing was said yet. Dropping it closes it.
#[derive(Debug)]
pub(super) struct RawConnection {
    pub client: Client,
    pub notifications: mpsc::Receiver<Notification>,
    pub death: Arc<OnceLock<Error>>,
    /// `server_version`, as the server announced it.
    pub announced_version: String,
    /// What a cancel request is encrypted with.
    pub tls: Option<TlsSettings>,
    /// Where a cancel request goes.
    pub peer: SocketPeer,
    driver: tokio::task::JoinHandle<()>,
}

impl RawConnection {
    /// Closes it; a caller that waits for an answer learns that it is closed.
    pub fn end(&self, death: Error) {
        let _ = self.death.set(death);
        self.driver.abort();
    }
}

impl Drop for RawConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Everything that stays the same over all hosts and addresses.
pub(super) struct DialSettings<'a> {
    pub conninfo: &'a Conninfo,
    pub application_name: String,
    pub side: ErrorSide,
    /// What `password_command` gave for this connection.
    pub commanded: Option<SecretString>,
    /// `None` with `sslmode=disable`, or when `allow` and `prefer` have to do without.
    pub tls: Option<TlsSettings>,
}

/// How one connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionEncryption {
    Plain,
    TlsIfOffered,
    Tls,
}

impl DialSettings<'_> {
    /// Connects to one address, or to the socket when `address` is `None`.
    ///
    /// # Errors
    /// `Access` when the server or our TLS refused; `Unavailable` for what time can heal.
    pub async fn connect(&self, host: &Host, address: Option<IpAddr>) -> Result<RawConnection> {
        let secret = PasswordLookup::of(self.conninfo, host, self.commanded.as_ref())?;
        let (first, second) = self.ways(host);
        let failure = match self.connect_by(first, host, address, &secret).await {
            Ok(line) => return Ok(line),
            Err(error) => error,
        };
        let refusal = self.explain(&failure, host, &secret);
        let Some(second) = second.filter(|way| is_worth_another_way(&failure, *way)) else {
            return Err(refusal);
        };
        self.connect_by(second, host, address, &secret).await.map_err(|error| {
            let other = self.explain(&error, host, &secret);
            let by = if second == ConnectionEncryption::Plain { "without TLS" } else { "with TLS" };
            refusal.because(format!("{by}: {}", other.causes().join(": ")))
        })
    }

    /// The meaning of `sslmode` (PostgreSQL manual, "SSL Support", table of modes): the way to try
    /// first, and the one to fall back to.
    fn ways(&self, host: &Host) -> (ConnectionEncryption, Option<ConnectionEncryption>) {
        if matches!(host.at, HostAt::Unix(_)) || self.tls.is_none() {
            return (ConnectionEncryption::Plain, None);
        }
        match self.conninfo.sslmode {
            SslMode::Disable => (ConnectionEncryption::Plain, None),
            SslMode::Allow => (ConnectionEncryption::Plain, Some(ConnectionEncryption::Tls)),
            SslMode::Prefer => {
                (ConnectionEncryption::TlsIfOffered, Some(ConnectionEncryption::Plain))
            }
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                (ConnectionEncryption::Tls, None)
            }
        }
    }

    async fn connect_by(
        &self,
        way: ConnectionEncryption,
        host: &Host,
        address: Option<IpAddr>,
        secret: &PasswordLookup,
    ) -> std::result::Result<RawConnection, DialFailure> {
        let mut config = self.config(secret);
        config.ssl_mode(match way {
            ConnectionEncryption::Plain => DriverSslMode::Disable,
            ConnectionEncryption::TlsIfOffered => DriverSslMode::Prefer,
            ConnectionEncryption::Tls => DriverSslMode::Require,
        });
        let peer = SocketPeer::of(host, address);
        let socket = peer.connect().await.map_err(DialFailure::Socket)?;
        match &self.tls {
            Some(tls) if way != ConnectionEncryption::Plain => {
                let mut maker = tls.maker();
                let connector =
                    MakeTlsConnect::<BufferedSocket>::make_tls_connect(&mut maker, peer.name());
                let connector =
                    connector.map_err(|error| DialFailure::Socket(std::io::Error::other(error)))?;
                let (client, connection) = config.connect_raw(socket, connector).await?;
                Ok(drive(client, connection, self.side, peer, Some(tls.clone())))
            }
            _ => {
                let (client, connection) = config.connect_raw(socket, NoTls).await?;
                Ok(drive(client, connection, self.side, peer, None))
            }
        }
    }

    fn config(&self, secret: &PasswordLookup) -> Config {
        let mut config = Config::new();
        config
            .user(&self.conninfo.user)
            .dbname(&self.conninfo.database)
            .application_name(&self.application_name)
            .channel_binding(match self.conninfo.channel_binding {
                ChannelBinding::Disable => DriverBinding::Disable,
                ChannelBinding::Prefer => DriverBinding::Prefer,
                ChannelBinding::Require => DriverBinding::Require,
            });
        if self.conninfo.ssl_direct {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        self.conninfo.options.as_ref().map(|options| config.options(options));
        secret.password.as_ref().map(|password| config.password(password.expose_secret()));
        config
    }

    /// Says in our words why a connection failed.
    fn explain(&self, failure: &DialFailure, host: &Host, secret: &PasswordLookup) -> Error {
        let error = match failure {
            DialFailure::Driver(error) => error,
            DialFailure::Socket(error) => {
                return unreachable(host).because("error connecting to server").caused_by(error);
            }
        };
        let user = &self.conninfo.user;
        let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        if let Some(fault) = tls::TlsFault::of(error) {
            let kind = if fault.is_refusal { ErrorKind::Access } else { ErrorKind::Unavailable };
            let ours = Error::new(kind, "cannot connect").because(fault.why).fix(fault.fix);
            return match self.tls.as_ref().and_then(TlsSettings::note) {
                Some(note) => ours.because(note),
                None => ours,
            };
        }
        if source == "password missing" {
            return no_password(user, secret);
        }
        if error.to_string() == "authentication error" {
            return Error::new(ErrorKind::Access, "cannot connect")
                .because(format!("authentication of user {user:?} failed: {source}"))
                .fix(
                    "check the server's pg_hba.conf and password_encryption, and channel_binding \
                     on this side",
                );
        }
        let ours = secret.hidden_in(error::of_driver(error, self.side, "cannot connect"));
        match ours.sqlstate() {
            Some("28P01") => ours.because(secret.checked.clone()).fix(
                match (&self.tls, &self.conninfo.sslcert) {
                    // PostgreSQL refuses a certificate of another name in the words for a wrong
                    // password.
                    (Some(_), Some(_)) => format!(
                        "correct the password of user {user:?}, or its place; or, if pg_hba.conf \
                         says clientcert=verify-full, show a certificate with that common name"
                    ),
                    _ => format!("correct the password of user {user:?}, or its place"),
                },
            ),
            Some("28000") => ours.fix(format!(
                "let user {user:?} in from this machine: a line in the server's pg_hba.conf, ALTER \
                 ROLE … LOGIN, and a client certificate if it asks for one"
            )),
            Some("3D000") => ours.fix(
                "create the database (`counterfoil init` does with --create-database), or correct \
                 its name",
            ),
            Some("42501") => {
                ours.fix(format!("GRANT CONNECT ON DATABASE … TO {}", crate::sql::ident(user)))
            }
            None => ours.fix(check_port(host)),
            _ => ours,
        }
    }
}

/// Why a connection was not made.
enum DialFailure {
    /// There is no server to talk to.
    Socket(std::io::Error),
    /// The server, the handshake or the driver refused.
    Driver(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for DialFailure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

fn no_password(user: &str, secret: &PasswordLookup) -> Error {
    Error::new(ErrorKind::Access, "cannot connect")
        .because(format!("the server asks for a password of user {user:?}"))
        .because(secret.checked.clone())
        .fix(
            "give it in the URL, password, password_file, password_command, PGPASSWORD or the \
             passfile",
        )
}

fn unreachable(host: &Host) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot connect").fix(check_port(host))
}

fn check_port(host: &Host) -> String {
    format!("check that PostgreSQL runs there and port {} is open from this machine", host.port)
}

/// libpq's rule for the second way: after a handshake that failed, or when `pg_hba.conf` has no
/// line for the first. A wrong password is not sent again without TLS.
fn is_worth_another_way(failure: &DialFailure, second: ConnectionEncryption) -> bool {
    let DialFailure::Driver(error) = failure else { return false };
    let is_refused_by_hba = error.code().is_some_and(|code| code.code() == "28000");
    is_refused_by_hba
        || (second == ConnectionEncryption::Plain && tls::TlsFault::of(error).is_some())
}

fn drive<T>(
    client: Client,
    connection: Connection<BufferedSocket, T>,
    side: ErrorSide,
    peer: SocketPeer,
    tls: Option<TlsSettings>,
) -> RawConnection
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let announced_version = connection.parameter("server_version").unwrap_or_default().to_owned();
    let (sender, notifications) = mpsc::channel(NOTIFICATIONS_MAX);
    let death = Arc::new(OnceLock::new());
    let driver = tokio::spawn(carry(connection, sender, Arc::clone(&death), side));
    RawConnection { client, notifications, death, announced_version, tls, peer, driver }
}

/// Carries messages until the connection ends; dropping the sender of notifications is the sign
/// that it has.
async fn carry<T>(
    mut connection: Connection<BufferedSocket, T>,
    notifications: mpsc::Sender<Notification>,
    death: Arc<OnceLock<Error>>,
    side: ErrorSide,
) where
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            // Full: enough of them wait to be seen already. Closed: there is no reader any more.
            Ok(AsyncMessage::Notification(notification)) => {
                drop(notifications.try_send(notification))
            }
            Ok(_) => {}
            Err(error) => {
                let _ = death.set(error::of_driver(&error, side, "connection lost"));
                return;
            }
        }
    }
}

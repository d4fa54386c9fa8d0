//! Connections as libpq takes them: URL and keyword strings, environment, service file, passfile.

mod complete;
mod environment;
mod keyword;
mod passfile;
mod service;
mod string;
mod url;

pub use environment::Environment;

use crate::error::{Error, Kind, Result};
use crate::log::escape::escaped;
use keyword::Written;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything needed to connect, complete: defaults, service file, environment and passfile already looked up.
#[derive(Clone, Debug)]
pub struct Conninfo {
    /// Servers to try in order; at least one.
    pub hosts: Vec<Host>,
    /// `dbname`.
    pub database: String,
    /// `user`.
    pub user: String,
    /// Where the password comes from; read again on every connection, so that it can be rotated.
    pub password: Password,
    /// `sslmode`.
    pub sslmode: SslMode,
    /// `sslrootcert`; `system` is the system's store; default `~/.postgresql/root.crt`, if it is there.
    pub sslrootcert: Option<RootCert>,
    /// `sslcert`; default `~/.postgresql/postgresql.crt`, if it is there.
    pub sslcert: Option<PathBuf>,
    /// `sslkey`; default `~/.postgresql/postgresql.key`, if it is there.
    pub sslkey: Option<PathBuf>,
    /// `sslnegotiation`: `true` for `direct`.
    pub ssl_direct: bool,
    /// `sslsni`.
    pub ssl_sni: bool,
    /// `channel_binding`.
    pub channel_binding: ChannelBinding,
    /// `target_session_attrs`.
    pub target_session_attrs: TargetSession,
    /// `load_balance_hosts = random`.
    pub load_balance: bool,
    /// `options`: command-line options for the server.
    pub options: Option<String>,
    /// `connect_timeout` of the string or environment, if one was given, per host.
    pub connect_timeout: Option<Duration>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Name, address or socket directory.
    pub at: HostAt,
    /// Port.
    pub port: u16,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostAt {
    /// A host name or address (`host`), and the address to use without looking the name up (`hostaddr`).
    Tcp {
        /// Name for certificate checks and passfile.
        host: String,
        /// Address to connect to, if given.
        addr: Option<std::net::IpAddr>,
    },
    /// A directory of Unix sockets.
    Unix(PathBuf),
}

/// Where a password comes from.
#[derive(Clone, Debug, Default)]
pub struct Password {
    /// From the string, the setting `password` or `PGPASSWORD`.
    pub given: Option<SecretString>,
    /// The setting `password_file`: its first line.
    pub file: Option<PathBuf>,
    /// The passfile (`PGPASSFILE`, `~/.pgpass`), looked up per host when nothing else is given.
    pub passfile: Option<PathBuf>,
}

/// `sslmode`, with libpq's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Plain first, TLS if the server insists.
    Allow,
    /// TLS if the server has it.
    Prefer,
    /// TLS; the certificate is checked only when a root certificate file is there.
    Require,
    /// TLS, certificate signed by a known authority.
    VerifyCa,
    /// And its name is the host's.
    VerifyFull,
}

/// `sslrootcert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootCert {
    /// The system's store.
    System,
    /// A PEM file.
    File(PathBuf),
}

/// `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where both sides can.
    Prefer,
    /// Or no connection.
    Require,
}

/// `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetSession {
    /// Any server.
    Any,
    /// One that takes writes.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// Not in recovery.
    Primary,
    /// In recovery.
    Standby,
    /// A standby if there is one.
    PreferStandby,
}

/// What the configuration file says of a connection: a URL or keyword string, or separate settings, or both where they do not say the same thing twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// `url`: a URL or keyword string; it can hold a password.
    pub(super) url: Option<SecretString>,
    /// `host`: as in libpq, several with commas between.
    pub(super) host: Option<String>,
    /// `port`: as in libpq, several with commas between.
    pub(super) port: Option<String>,
    /// `database`.
    pub(super) database: Option<String>,
    /// `user`.
    pub(super) user: Option<String>,
    /// `password`.
    pub(super) password: Option<SecretString>,
    /// `password_file`: its first line is the password.
    pub(super) password_file: Option<PathBuf>,
}

impl Conninfo {
    /// Reads a URL or a keyword string and completes it as libpq does: service file, then environment, then defaults.
    ///
    /// # Errors
    /// `Usage` for text libpq would refuse, for protections that cannot be honoured here (such as `sslcrl`), and when no user is known.
    /// No error shows a password.
    pub fn parse(text: &str, env: &Environment<'_>) -> Result<Self> {
        complete::complete(read(text)?, None, env)
    }

    /// Puts the settings of the configuration file together and completes them as [`Conninfo::parse`] does.
    ///
    /// # Errors
    /// As [`Conninfo::parse`], and `Usage` for a setting that `url` gives as well, or a password besides a password file.
    pub(super) fn from_settings(settings: &Settings, env: &Environment<'_>) -> Result<Self> {
        let mut written = match &settings.url {
            Some(url) => read(url.expose_secret())?,
            None => Written::default(),
        };
        let password = settings.password.as_ref().map(ExposeSecret::expose_secret);
        written.add_setting("host", "host", settings.host.as_deref())?;
        written.add_setting("port", "port", settings.port.as_deref())?;
        written.add_setting("database", "dbname", settings.database.as_deref())?;
        written.add_setting("user", "user", settings.user.as_deref())?;
        written.add_setting("password", "password", password)?;
        if settings.password_file.is_some() && written.get("password").is_some() {
            return Err(Error::new(Kind::Usage, "the password is given twice: by itself and by password_file").fix("remove one of them"));
        }
        complete::complete(written, settings.password_file.clone(), env)
    }

    /// A private server: no password, no TLS, the socket in this directory.
    pub fn unix(socket_dir: &Path, port: u16, user: &str, database: &str) -> Self {
        Self {
            hosts: vec![Host {
                at: HostAt::Unix(socket_dir.to_owned()),
                port,
            }],
            database: database.to_owned(),
            user: user.to_owned(),
            password: Password::default(),
            sslmode: SslMode::Disable,
            sslrootcert: None,
            sslcert: None,
            sslkey: None,
            ssl_direct: false,
            ssl_sni: true,
            channel_binding: ChannelBinding::Prefer,
            target_session_attrs: TargetSession::Any,
            load_balance: false,
            options: None,
            connect_timeout: None,
        }
    }

    /// `host:port,host2:port/database`: for logs and messages, without user and password, and fit for a terminal.
    pub fn describe(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        escaped(&format!("{}/{}", hosts.join(","), self.database)).into_owned()
    }
}

/// Whether a URL or keyword string, as far as it can be read, holds a password that is written out (and not taken from a variable).
pub(super) fn holds_password(text: &str) -> bool {
    let is_literal = |written: Written| {
        written
            .get("password")
            .is_some_and(|password| !password.is_empty() && !password.contains("${"))
    };
    read(text).is_ok_and(is_literal)
}

impl fmt::Display for Host {
    /// `host:port`, an IPv6 address in brackets, a socket directory as its path.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            HostAt::Tcp { host, .. } if host.contains(':') => write!(out, "[{host}]:{}", self.port),
            HostAt::Tcp { host, .. } => write!(out, "{host}:{}", self.port),
            HostAt::Unix(dir) => write!(out, "{}:{}", dir.display(), self.port),
        }
    }
}

/// What stands before the `:` of a URL of PostgreSQL.
pub(super) const SCHEMES: &[&str] = &["postgres", "postgresql"];

/// Whether a text is a URL, and none of PostgreSQL.
pub(super) fn has_foreign_scheme(text: &str) -> bool {
    let text = text.trim();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    url::without_scheme(text).is_none() && scheme.is_some_and(is_scheme)
}

/// What is told of a URL that is none of PostgreSQL.
pub(super) fn unknown_scheme() -> Error {
    Error::new(Kind::Usage, "cannot read the connection URL")
        .because("only PostgreSQL is supported")
        .fix("begin it with postgres:// or postgresql://")
}

/// Reads a URL or a keyword string.
fn read(text: &str) -> Result<Written> {
    let text = text.trim();
    if let Some(rest) = url::without_scheme(text) {
        return url::parse(rest);
    }
    if has_foreign_scheme(text) {
        return Err(unknown_scheme());
    }
    string::parse(text)
}

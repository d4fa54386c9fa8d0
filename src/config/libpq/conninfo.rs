//! Everything needed to connect, as libpq has it.

use crate::log::escape::escaped;
use secrecy::SecretString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything needed to connect, complete: defaults, service file, environment and passfile already
/// looked up.
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
    /// `sslrootcert`; `system` is the system's store; default `~/.postgresql/root.crt`, if it is
    /// there.
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
    /// A host name or address (`host`), and the address to use without looking the name up
    /// (`hostaddr`).
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
    /// The setting `password_command`: the first line of what it prints.
    pub command: Option<PasswordCommand>,
    /// The passfile (`PGPASSFILE`, `~/.pgpass`), looked up per host when nothing else is given.
    pub passfile: Option<PathBuf>,
}

/// A program that prints a password, and its arguments, which can hold secrets and are never shown.
#[derive(Clone)]
pub struct PasswordCommand {
    /// A path, or a name that is looked for in `PATH`.
    pub program: PathBuf,
    /// As the program gets them.
    pub arguments: Vec<String>,
}

impl fmt::Debug for PasswordCommand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} with {} arguments", self.program, self.arguments.len())
    }
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

impl Conninfo {
    /// A private server: no password, no TLS, the socket in this directory.
    pub fn unix(socket_dir: &Path, port: u16, user: &str, database: &str) -> Self {
        Self {
            hosts: vec![Host { at: HostAt::Unix(socket_dir.to_owned()), port }],
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

    /// `host:port,host2:port/database`: for logs and messages, without user and password, and fit
    /// for a terminal.
    pub fn describe(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        escaped(&format!("{}/{}", hosts.join(","), self.database)).into_owned()
    }
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

impl Conninfo {
    /// Whether both can be the same database by what is written: one server in common, and the same
    /// name.
    pub(crate) fn may_be_same_database(&self, other: &Self) -> bool {
        let share_a_server =
            self.hosts.iter().any(|host| other.hosts.iter().any(|other| host.is_same(other)));
        share_a_server && self.database == other.database
    }
}

impl Host {
    fn is_same(&self, other: &Self) -> bool {
        let is_same_place = match (&self.at, &other.at) {
            (HostAt::Tcp { addr: Some(one), .. }, HostAt::Tcp { addr: Some(other), .. }) => {
                one == other
            }
            (HostAt::Tcp { host: one, .. }, HostAt::Tcp { host: other, .. }) => {
                one.eq_ignore_ascii_case(other)
            }
            (one, other) => one == other,
        };
        is_same_place && self.port == other.port
    }
}

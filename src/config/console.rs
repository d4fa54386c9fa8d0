//! `[console]` and `[metrics]`: where the window listens, who may use it, and when it calls a
//! destination late.

use super::connection::beside;
use super::file::reader::{ConfigReader, ConfigSection, NamedValue};
use super::file::tree::ConfigValue;
use super::settings::{boolean, duration, found, word};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// `[console]`.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// Where it listens; `None`: there is no window.
    pub listen: Option<ListenAddress>,
    /// Further values of `Host` that are ours.
    pub hosts: Vec<String>,
    /// Against what a password is verified; `None`: nobody signs in by one.
    pub password_hash: Option<PasswordHashSource>,
    /// The file of the token for programs.
    pub token_file: Option<PathBuf>,
    /// Certificate chain and key; `None`: it speaks no TLS.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy in front speaks TLS.
    pub is_behind_tls_proxy: bool,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
    /// A destination that lags less follows; default 1 s.
    pub behind: Duration,
    /// A destination that lags longer is not ready; default 5 min.
    pub ready_lag: Duration,
    /// A source held longer is not ready; default 10 min.
    pub ready_hold: Duration,
    /// Whether the configuration can be changed in the browser.
    pub is_edit: bool,
}

/// `listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An address and a port; port 0 is any that is free.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Where the hash of the password is.
#[derive(Clone, Debug)]
pub enum PasswordHashSource {
    /// `password_hash`.
    Written(SecretString),
    /// `password_hash_file`.
    File(PathBuf),
}

/// `tls_certificate` and `tls_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `metrics = "…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Everyone.
    Open,
    /// Who has signed in or sends the token.
    Login,
    /// Nobody.
    Off,
}

/// `[metrics]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// The file they are written to.
    pub file: Option<PathBuf>,
}

const LISTEN_FIX: &str = "write an address with a port, such as \"127.0.0.1:8080\" or \"[::]:8080\", \
                          or \"unix:\" with the path of a socket";

impl ListenAddress {
    /// Reads `ADDRESS:PORT`, `localhost:PORT`, `:PORT` (every address) or `unix:PATH`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| Self::Unix(path.into()));
        }
        let port = |text: &str| text.parse::<u16>().ok();
        if let Some(named) = text.strip_prefix("localhost:") {
            return port(named).map(|port| Self::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        if let Some(every) = text.strip_prefix(':') {
            return port(every).map(|port| Self::Tcp((Ipv4Addr::UNSPECIFIED, port).into()));
        }
        text.parse().ok().map(Self::Tcp)
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(out),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

impl ConsoleConfig {
    /// Without anything that is configured but where it listens.
    pub(crate) fn listening(listen: Option<ListenAddress>) -> Self {
        Self {
            listen,
            hosts: Vec::new(),
            password_hash: None,
            token_file: None,
            tls: None,
            is_behind_tls_proxy: false,
            metrics: MetricsAccess::Open,
            behind: Duration::from_secs(1),
            ready_lag: Duration::from_secs(300),
            ready_hold: Duration::from_secs(600),
            is_edit: false,
        }
    }

    /// Whether the configuration can be changed in a window that is open.
    pub(crate) fn may_edit(&self) -> bool {
        self.is_edit && self.listen.is_some()
    }

    /// Whether anyone can sign in or send a token.
    pub(crate) fn has_login(&self) -> bool {
        self.password_hash.is_some() || self.token_file.is_some()
    }

    /// Whether it speaks TLS, or a proxy in front does.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some() || self.is_behind_tls_proxy
    }
}

/// Reads `[console]`; `listen` of the command line holds instead of that of the file.
pub(super) fn console<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    listen: Option<&ListenAddress>,
) -> ConsoleConfig {
    let written = found(reader, section, "listen", address).flatten();
    let config = ConsoleConfig {
        listen: listen.cloned().or(written),
        hosts: texts(reader, section, "hosts"),
        password_hash: password_hash(reader, section),
        token_file: file(reader, section, "token_file"),
        tls: tls(reader, section),
        is_behind_tls_proxy: boolean(reader, section, "behind_tls_proxy"),
        metrics: match word(reader, section, "metrics") {
            "open" => MetricsAccess::Open,
            "login" => MetricsAccess::Login,
            "off" => MetricsAccess::Off,
            other => unreachable!("metrics cannot be {other}"),
        },
        behind: duration(reader, section, "behind_ms"),
        ready_lag: duration(reader, section, "ready_lag_ms"),
        ready_hold: duration(reader, section, "ready_hold_ms"),
        is_edit: boolean(reader, section, "edit"),
    };
    require_safe(reader, section, &config);
    config
}

/// Reads `[metrics]`.
pub(super) fn metrics<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> MetricsConfig {
    MetricsConfig { file: file(reader, section, "file") }
}

/// A password must not cross a network in the clear, and what is changed must be signed for.
fn require_safe<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    config: &ConsoleConfig,
) {
    let Some(listen) = &config.listen else { return };
    let is_exposed = !listen.is_local() && !config.is_encrypted();
    let mut refuse = |name: &str, what: &str, fix: &str| {
        let key = format!("{}.{name}", section.path);
        let at = reader.find(section, name).map_or(section.at, |found| found.node.at);
        reader.problem(at, &key, format!("{key} {what}"), fix);
    };
    let encrypt = "set tls_certificate and tls_key; or behind_tls_proxy = true where a proxy in front \
                   speaks TLS; or listen = \"127.0.0.1:8080\"";
    if is_exposed && config.password_hash.is_some() {
        let what = "would let a password cross the network in the clear";
        let name = match config.password_hash {
            Some(PasswordHashSource::File(_)) => "password_hash_file",
            _ => "password_hash",
        };
        refuse(name, what, encrypt);
    }
    if is_exposed && config.token_file.is_some() {
        refuse("token_file", "would let a token cross the network in the clear", encrypt);
    }
    if config.is_edit && config.password_hash.is_none() {
        let fix = "set password_hash_file: `counterfoil hash-password` makes what stands in it";
        refuse("edit", "needs a login, so that each change has its author", fix);
    }
    if config.metrics == MetricsAccess::Login && !config.has_login() {
        refuse(
            "metrics",
            "is \"login\" and nobody can sign in",
            "set password_hash_file or token_file",
        );
    }
}

fn address(reader: &mut ConfigReader<'_>, found: &NamedValue<'_>) -> Option<Option<ListenAddress>> {
    let text = reader.text(found)?;
    if text.value.is_empty() {
        return Some(None);
    }
    let address = ListenAddress::parse(&text.value);
    if address.is_none() {
        let what = format!("{} cannot be {:?}", found.key, text.written);
        reader.problem(found.node.at, &found.key, what, LISTEN_FIX);
    }
    Some(address)
}

fn password_hash<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> Option<PasswordHashSource> {
    let place = reader.find(section, "password_hash");
    let written = place.as_ref().and_then(|place| reader.text(place));
    let written =
        written.filter(|text| !text.value.is_empty()).map(|text| SecretString::from(text.value));
    let of_file = file(reader, section, "password_hash_file");
    if let (Some(place), Some(_), Some(_)) = (&place, &written, &of_file) {
        let what = format!("{0} and {0}_file are the same setting", place.key);
        reader.problem(place.node.at, &place.key, what, "keep one of them");
    }
    if let (Some(place), Some(hash)) = (&place, &written)
        && !hash.expose_secret().starts_with("$argon2id$")
    {
        let what = format!("{} is not an argon2id hash", place.key);
        let fix =
            "put in what `counterfoil hash-password` prints; in double quotes $ needs no escape";
        reader.problem(place.node.at, &place.key, what, fix);
    }
    written.map(PasswordHashSource::Written).or(of_file.map(PasswordHashSource::File))
}

fn tls<'a>(reader: &mut ConfigReader<'a>, section: &ConfigSection<'a>) -> Option<TlsFiles> {
    let certificate = file(reader, section, "tls_certificate");
    let key = file(reader, section, "tls_key");
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (certificate, _) => {
            let (there, missing) = match certificate {
                Some(_) => ("tls_certificate", "tls_key"),
                None => ("tls_key", "tls_certificate"),
            };
            let at = reader.find(section, there).map_or(section.at, |found| found.node.at);
            let key = format!("{}.{there}", section.path);
            reader.problem(
                at,
                &key,
                format!("{key} is set without {missing}"),
                format!("set {missing} too"),
            );
            None
        }
    }
}

/// A path that is written; "" is none. A relative one means the folder of the configuration file.
fn file<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Option<PathBuf> {
    let text = found(reader, section, name, ConfigReader::text)?;
    (!text.value.is_empty()).then(|| beside(reader, text.value.into()))
}

/// A list of texts; none where nothing is written.
fn texts<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    name: &str,
) -> Vec<String> {
    let Some(list) = reader.find(section, name) else { return Vec::new() };
    let ConfigValue::List(items) = &list.node.value else {
        let what = format!("{} must be a list, not {}", list.key, list.node.value.describe());
        reader.problem(list.node.at, &list.key, what, "write it as [\"counterfoil.example.org\"]");
        return Vec::new();
    };
    let mut texts = Vec::new();
    for node in items {
        let item = NamedValue { node, key: list.key.clone() };
        texts.extend(reader.text(&item).map(|text| text.value));
    }
    texts
}

//! Connections as libpq takes them: URL and keyword strings, environment, service file, passfile.

mod complete;
mod conninfo;
mod environment;
mod keyword;
mod passfile;
mod service;
mod string;
mod url;

pub use conninfo::{
    ChannelBinding, Conninfo, Host, HostAt, Password, PasswordCommand, RootCert, SslMode,
    TargetSession,
};
pub use environment::Environment;

use crate::error::{Error, ErrorKind, Result};
use keyword::KeywordValues;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// What the configuration file says of a connection: a URL or keyword string, or separate settings,
/// or both where they do not say the same thing twice.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionSettings {
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
    /// `password_command`: the first line of its output is the password.
    pub(super) password_command: Option<PasswordCommand>,
}

impl Conninfo {
    /// Reads a URL or a keyword string and completes it as libpq does: service file, then
    /// environment, then defaults.
    ///
    /// # Errors
    /// `Usage` for text libpq would refuse, for protections that cannot be honoured here (such as
    /// `sslcrl`), and when no user is known. No error shows a password.
    pub fn parse(text: &str, env: &Environment<'_>) -> Result<Self> {
        complete::complete(read(text)?, Password::default(), env)
    }

    /// Puts the settings of the configuration file together and completes them as
    /// [`Conninfo::parse`] does.
    ///
    /// # Errors
    /// As [`Conninfo::parse`], and `Usage` for a setting that `url` gives as well, or a password
    /// besides a password file.
    pub(super) fn from_settings(
        settings: &ConnectionSettings,
        env: &Environment<'_>,
    ) -> Result<Self> {
        let mut written = match &settings.url {
            Some(url) => read(url.expose_secret())?,
            None => KeywordValues::default(),
        };
        let password = settings.password.as_ref().map(ExposeSecret::expose_secret);
        written.add_setting("host", "host", settings.host.as_deref())?;
        written.add_setting("port", "port", settings.port.as_deref())?;
        written.add_setting("database", "dbname", settings.database.as_deref())?;
        written.add_setting("user", "user", settings.user.as_deref())?;
        written.add_setting("password", "password", password)?;
        let given = [
            (written.get("password").is_some(), "itself"),
            (settings.password_file.is_some(), "password_file"),
            (settings.password_command.is_some(), "password_command"),
        ];
        let given: Vec<&str> =
            given.iter().filter(|(is_there, _)| *is_there).map(|(_, name)| *name).collect();
        if let [one, other, ..] = given[..] {
            let what = format!("the password is given twice: by {one} and by {other}");
            return Err(Error::new(ErrorKind::Usage, what).fix("remove one of them"));
        }
        let password = Password {
            file: settings.password_file.clone(),
            command: settings.password_command.clone(),
            ..Password::default()
        };
        complete::complete(written, password, env)
    }
}

/// Whether a text is meant as a connection: a URL, or a string of keywords.
pub(crate) fn is_connection(text: &str) -> bool {
    let text = text.trim();
    let keyword = text.split_once('=').map(|(keyword, _)| keyword.trim_end());
    url::without_scheme(text).is_some()
        || has_foreign_scheme(text)
        || keyword.is_some_and(|keyword| keyword::find(keyword).is_some())
}

/// Whether a URL or keyword string, as far as it can be read, holds a password that is written out
/// (and not taken from a variable).
pub(super) fn holds_password(text: &str) -> bool {
    let is_literal = |written: KeywordValues| {
        written
            .get("password")
            .is_some_and(|password| !password.is_empty() && !password.contains("${"))
    };
    read(text).is_ok_and(is_literal)
}

/// The password that a URL or keyword string holds, decoded; `None` where it holds none or cannot be
/// read.
pub(super) fn password_of(text: &str) -> Option<SecretString> {
    let written = read(text).ok()?;
    written.get("password").filter(|password| !password.is_empty()).map(SecretString::from)
}

/// What stands before the `:` of a URL of PostgreSQL.
pub(super) const SCHEMES: &[&str] = &["postgres", "postgresql"];

/// Whether a text is a URL, and none of PostgreSQL.
pub(super) fn has_foreign_scheme(text: &str) -> bool {
    let text = text.trim();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme =
        |scheme: &str| scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    url::without_scheme(text).is_none() && scheme.is_some_and(is_scheme)
}

/// What is told of a URL that is none of PostgreSQL.
pub(super) fn unknown_scheme() -> Error {
    Error::new(ErrorKind::Usage, "cannot read the connection URL")
        .because("only PostgreSQL is supported")
        .fix("begin it with postgres:// or postgresql://")
}

/// Reads a URL or a keyword string.
fn read(text: &str) -> Result<KeywordValues> {
    let text = text.trim();
    if let Some(rest) = url::without_scheme(text) {
        return url::parse(rest);
    }
    if has_foreign_scheme(text) {
        return Err(unknown_scheme());
    }
    string::parse(text)
}

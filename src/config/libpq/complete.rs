//! Completes what was written: string, then service file, then environment, then defaults, as libpq
//! does.

use super::conninfo::{
    ChannelBinding, Conninfo, Host, HostAt, Password, RootCert, SslMode, TargetSession,
};
use super::environment::Environment;
use super::keyword::{KEYWORDS, KeywordTreatment, KeywordValues};
use super::service;
use crate::error::{Error, ErrorKind, Result};
use secrecy::SecretString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// PostgreSQL's own port.
const PORT: u16 = 5432;

/// Completes what was written; a password file or command of the configuration comes before
/// `PGPASSWORD` and the passfile.
///
/// # Errors
/// `Usage` for a value libpq would refuse, for a protection that cannot be honoured, and when no
/// user is known.
pub(super) fn complete(
    written: KeywordValues,
    configured: Password,
    env: &Environment<'_>,
) -> Result<Conninfo> {
    let service = service::read(&written, env)?;
    let layers = ValueLayers { written, service, env };
    layers.refuse_what_cannot_be_honoured()?;
    let user = layers.filled("user").or_else(|| env.os_user.clone()).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "no user is given")
            .because("the operating system knows no name for the user of this process")
            .fix("add user to the connection, or set PGUSER")
    })?;
    let sslrootcert = layers.ssl_file("sslrootcert", "root.crt").map(|path| match path.to_str() {
        Some("system") => RootCert::System,
        _ => RootCert::File(path),
    });
    let sends_certificate = layers.filled("sslcertmode").is_none_or(|mode| mode != "disable");
    let conninfo = Conninfo {
        hosts: layers.hosts()?,
        database: layers.filled("dbname").unwrap_or_else(|| user.clone()),
        user,
        password: layers.password(configured),
        sslmode: layers.sslmode(sslrootcert.as_ref())?,
        sslrootcert,
        sslcert: layers.ssl_file("sslcert", "postgresql.crt").filter(|_| sends_certificate),
        sslkey: layers.ssl_file("sslkey", "postgresql.key").filter(|_| sends_certificate),
        ssl_direct: layers.choice(
            "sslnegotiation",
            &[("postgres", false), ("direct", true)],
            false,
        )?,
        ssl_sni: layers.choice("sslsni", &[("1", true), ("0", false)], true)?,
        channel_binding: layers.choice(
            "channel_binding",
            CHANNEL_BINDINGS,
            ChannelBinding::Prefer,
        )?,
        target_session_attrs: layers.choice(
            "target_session_attrs",
            TARGET_SESSIONS,
            TargetSession::Any,
        )?,
        load_balance: layers.choice(
            "load_balance_hosts",
            &[("disable", false), ("random", true)],
            false,
        )?,
        options: layers.filled("options"),
        connect_timeout: layers.connect_timeout()?,
    };
    refuse_contradictions(&conninfo, &layers)?;
    Ok(conninfo)
}

const SSL_MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

const CHANNEL_BINDINGS: &[(&str, ChannelBinding)] = &[
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];

const TARGET_SESSIONS: &[(&str, TargetSession)] = &[
    ("any", TargetSession::Any),
    ("read-write", TargetSession::ReadWrite),
    ("read-only", TargetSession::ReadOnly),
    ("primary", TargetSession::Primary),
    ("standby", TargetSession::Standby),
    ("prefer-standby", TargetSession::PreferStandby),
];

/// Where values come from, the first that has one deciding.
struct ValueLayers<'a> {
    written: KeywordValues,
    service: KeywordValues,
    env: &'a Environment<'a>,
}

/// A value and where it comes from.
struct LayeredValue {
    value: String,
    origin: Option<String>,
}

impl ValueLayers<'_> {
    /// The value, perhaps empty: an empty one keeps lower layers out and means the default.
    fn get(&self, name: &str) -> Option<LayeredValue> {
        if let Some(value) = self.written.get(name) {
            let value = value.to_owned();
            return Some(LayeredValue { value, origin: None });
        }
        if let Some(value) = self.service.get(name) {
            let value = value.to_owned();
            let origin = Some("it comes from the service file".to_owned());
            return Some(LayeredValue { value, origin });
        }
        let variable = KEYWORDS.iter().find(|keyword| keyword.name == name)?.variable?;
        let value = self.env.filled(variable)?;
        let origin = Some(format!("it comes from the environment variable {variable}"));
        Some(LayeredValue { value, origin })
    }

    fn filled(&self, name: &str) -> Option<String> {
        self.get(name).map(|found| found.value).filter(|value| !value.is_empty())
    }

    /// The value as one of the known ones; `default` when none is given.
    fn choice<T: Copy>(&self, name: &str, known: &[(&str, T)], default: T) -> Result<T> {
        let Some(found) = self.get(name) else {
            return Ok(default);
        };
        let Some((_, value)) = known.iter().find(|(word, _)| *word == found.value) else {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            return Err(found.wrong(
                format!("{name} cannot be {:?}", found.value),
                &format!("use one of {}", words.join(", ")),
            ));
        };
        Ok(*value)
    }

    fn refuse_what_cannot_be_honoured(&self) -> Result<()> {
        for keyword in KEYWORDS {
            let KeywordTreatment::Refused { harmless, instead } = keyword.treatment else {
                continue;
            };
            let asks_for_something = |found: &LayeredValue| {
                !found.value.is_empty() && !harmless.contains(&found.value.as_str())
            };
            if let Some(found) = self.get(keyword.name).filter(asks_for_something) {
                return Err(found
                    .wrong(format!("{}={} is not supported", keyword.name, found.value), instead));
            }
        }
        Ok(())
    }

    fn hosts(&self) -> Result<Vec<Host>> {
        let list = |name: &str| -> Option<Vec<String>> {
            let text = self.filled(name)?;
            Some(text.split(',').map(|part| part.trim().to_owned()).collect())
        };
        let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
        let count = addresses.as_ref().or(names.as_ref()).map_or(1, Vec::len);
        let matched =
            |what: &str, values: Option<Vec<String>>, may_repeat: bool| -> Result<Vec<String>> {
                match values {
                    None => Ok(vec![String::new(); count]),
                    Some(one) if one.len() == 1 && may_repeat => Ok(vec![one[0].clone(); count]),
                    Some(values) if values.len() == count => Ok(values),
                    Some(values) => Err(Error::new(
                        ErrorKind::Usage,
                        format!("{} {what} do not match {count} hosts", values.len()),
                    )
                    .fix(
                        "give as many as there are hosts, separated by commas; an empty one means \
                         the default",
                    )),
                }
            };
        let names = matched("names in host", names, false)?;
        let addresses = matched("addresses in hostaddr", addresses, false)?;
        let ports = matched("ports", ports, true)?;
        let all = names.into_iter().zip(addresses).zip(ports);
        all.map(|((name, address), port)| self.host(name, &address, &port)).collect()
    }

    fn host(&self, name: String, address: &str, port: &str) -> Result<Host> {
        let port = if port.is_empty() { PORT } else { self.port(port)? };
        if !address.is_empty() {
            let addr: IpAddr = address.parse().map_err(|_| {
                Error::new(ErrorKind::Usage, "hostaddr is not an IP address")
                    .fix("write it as 192.0.2.1 or 2001:db8::1, and names as host")
            })?;
            let host = if name.is_empty() { address.to_owned() } else { name };
            let at = HostAt::Tcp { host, addr: Some(addr) };
            return Ok(Host { at, port });
        }
        let at = if name.is_empty() {
            default_host(&self.env.socket_dirs, port)
        } else if name.starts_with(['/', '@']) {
            HostAt::Unix(PathBuf::from(name))
        } else {
            HostAt::Tcp { host: name, addr: None }
        };
        Ok(Host { at, port })
    }

    /// Reads a port. What was written is not shown: in a URL it can be a piece of a password.
    fn port(&self, text: &str) -> Result<u16> {
        text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
            let error = Error::new(ErrorKind::Usage, "port is not a number from 1 to 65535");
            let origin = self.get("port").and_then(|found| found.origin);
            let error = origin.into_iter().fold(error, Error::because);
            error.fix(
                "correct the port; in a URL, also look for a password with special characters that \
                 are not percent-encoded",
            )
        })
    }

    fn password(&self, configured: Password) -> Password {
        let passfile = self.filled("passfile").map(PathBuf::from);
        let is_configured = configured.file.is_some() || configured.command.is_some();
        Password {
            given: if is_configured { None } else { self.filled("password") }
                .map(SecretString::from),
            passfile: passfile.or_else(|| Some(self.env.home.as_ref()?.join(".pgpass"))),
            ..configured
        }
    }

    /// A file that was named, or the one in `~/.postgresql/` if it is there.
    fn ssl_file(&self, name: &str, default: &str) -> Option<PathBuf> {
        let default = || {
            Some(self.env.home.as_ref()?.join(".postgresql").join(default))
                .filter(|path| path.exists())
        };
        self.filled(name).map(PathBuf::from).or_else(default)
    }

    fn sslmode(&self, root: Option<&RootCert>) -> Result<SslMode> {
        // As libpq: asking for the system's authorities asks for the strongest check.
        let default = match (root, self.env.filled("PGREQUIRESSL")) {
            (Some(RootCert::System), _) => SslMode::VerifyFull,
            (_, Some(requires)) if requires.starts_with('1') => SslMode::Require,
            _ => SslMode::Prefer,
        };
        self.choice("sslmode", SSL_MODES, default)
    }

    /// Seconds; none, zero and less mean for ever.
    fn connect_timeout(&self) -> Result<Option<Duration>> {
        let Some(found) = self.get("connect_timeout").filter(|found| !found.value.is_empty())
        else {
            return Ok(None);
        };
        let seconds: i32 = found.value.trim().parse().map_err(|_| {
            found.wrong(
                format!("connect_timeout cannot be {:?}", found.value),
                "use a number of seconds, such as 10; 0 waits for ever",
            )
        })?;
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
    }
}

impl LayeredValue {
    fn wrong(&self, what: String, fix: &str) -> Error {
        let error = Error::new(ErrorKind::Usage, what).fix(fix);
        self.origin.iter().fold(error, |error, origin| error.because(origin.clone()))
    }
}

/// Where a server is by default: the first directory that holds its socket, otherwise this machine
/// by TCP.
fn default_host(socket_dirs: &[PathBuf], port: u16) -> HostAt {
    let socket = format!(".s.PGSQL.{port}");
    let with_socket = socket_dirs.iter().find(|dir| dir.join(&socket).exists());
    // Debian's own directory says that its builds are here, and a server that is only stopped will
    // come back there.
    let expected = || socket_dirs.first().filter(|dir| dir.exists());
    with_socket.or_else(expected).map_or_else(
        || HostAt::Tcp { host: "localhost".to_owned(), addr: None },
        |dir| HostAt::Unix(dir.clone()),
    )
}

fn refuse_contradictions(conninfo: &Conninfo, layers: &ValueLayers<'_>) -> Result<()> {
    let sslmode =
        SSL_MODES.iter().find(|(_, mode)| *mode == conninfo.sslmode).map_or("", |(word, _)| word);
    let wrong = |why: String, fix: &str| Err(Error::new(ErrorKind::Usage, why).fix(fix));
    if conninfo.sslrootcert == Some(RootCert::System) && conninfo.sslmode != SslMode::VerifyFull {
        return wrong(
            format!("sslmode={sslmode} is too weak for sslrootcert=system"),
            "use sslmode=verify-full: anyone can have a certificate of a public authority, for \
             another name",
        );
    }
    let is_weak = matches!(conninfo.sslmode, SslMode::Disable | SslMode::Allow | SslMode::Prefer);
    if conninfo.ssl_direct && is_weak {
        return wrong(
            format!("sslmode={sslmode} is too weak for sslnegotiation=direct"),
            "use sslmode=require, verify-ca or verify-full",
        );
    }
    if conninfo.channel_binding == ChannelBinding::Require && conninfo.sslmode == SslMode::Disable {
        return wrong(
            "channel_binding=require cannot be combined with sslmode=disable".to_owned(),
            "channel binding needs TLS: use sslmode=require or stronger",
        );
    }
    if conninfo.sslmode == SslMode::VerifyFull
        && layers.filled("hostaddr").is_some()
        && layers.filled("host").is_none()
    {
        return wrong(
            "sslmode=verify-full needs a host name, and only hostaddr is given".to_owned(),
            "add host with the name in the server's certificate",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;

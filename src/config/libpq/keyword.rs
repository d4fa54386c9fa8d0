//! The keywords of libpq (PostgreSQL manual, libpq, "Parameter Key Words"): their variables, and
//! what each means here.

use crate::config::nearest::did_you_mean;
use crate::error::{Error, ErrorKind, Result};

/// What becomes of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeywordTreatment {
    /// It goes into the connection.
    Applied,
    /// Known and without effect: a replicator's sessions have their own setting, or it only
    /// concerns libpq itself.
    Ignored,
    /// It would protect something and cannot be honoured: refused, other than with one of these
    /// values, rather than ignored.
    Refused {
        /// Values that ask for nothing.
        harmless: &'static [&'static str],
        /// What to do instead.
        instead: &'static str,
    },
}

/// One keyword of libpq.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) variable: Option<&'static str>,
    pub(super) treatment: KeywordTreatment,
}

const fn applied(name: &'static str, variable: &'static str) -> Keyword {
    Keyword { name, variable: Some(variable), treatment: KeywordTreatment::Applied }
}

const fn ignored(name: &'static str) -> Keyword {
    Keyword { name, variable: None, treatment: KeywordTreatment::Ignored }
}

const fn refused(
    name: &'static str,
    variable: Option<&'static str>,
    harmless: &'static [&'static str],
    instead: &'static str,
) -> Keyword {
    Keyword { name, variable, treatment: KeywordTreatment::Refused { harmless, instead } }
}

/// All keywords up to PostgreSQL 18.
pub(super) const KEYWORDS: &[Keyword] = &[
    applied("service", "PGSERVICE"),
    applied("servicefile", "PGSERVICEFILE"),
    applied("host", "PGHOST"),
    applied("hostaddr", "PGHOSTADDR"),
    applied("port", "PGPORT"),
    applied("dbname", "PGDATABASE"),
    applied("user", "PGUSER"),
    applied("password", "PGPASSWORD"),
    applied("passfile", "PGPASSFILE"),
    applied("channel_binding", "PGCHANNELBINDING"),
    applied("connect_timeout", "PGCONNECT_TIMEOUT"),
    applied("options", "PGOPTIONS"),
    applied("sslmode", "PGSSLMODE"),
    applied("sslnegotiation", "PGSSLNEGOTIATION"),
    applied("sslcert", "PGSSLCERT"),
    applied("sslkey", "PGSSLKEY"),
    applied("sslrootcert", "PGSSLROOTCERT"),
    applied("sslsni", "PGSSLSNI"),
    applied("target_session_attrs", "PGTARGETSESSIONATTRS"),
    applied("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    refused(
        "sslcertmode",
        Some("PGSSLCERTMODE"),
        &["allow", "disable"],
        "leave it out, or use sslcertmode=disable",
    ),
    refused("sslcrl", Some("PGSSLCRL"), &[], "leave it out: revocation lists are not supported"),
    refused(
        "sslcrldir",
        Some("PGSSLCRLDIR"),
        &[],
        "leave it out: revocation lists are not supported",
    ),
    refused(
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        "leave it out: TLS 1.2 is the lowest version supported here",
    ),
    refused(
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        &["TLSv1.3"],
        "leave it out: TLS 1.2 and 1.3 are supported here",
    ),
    refused(
        "requirepeer",
        Some("PGREQUIREPEER"),
        &[],
        "leave it out: the owner of a socket is not checked",
    ),
    refused(
        "require_auth",
        Some("PGREQUIREAUTH"),
        &[],
        "use channel_binding=require with sslmode=verify-full, which only SCRAM can satisfy",
    ),
    refused(
        "gssencmode",
        Some("PGGSSENCMODE"),
        &["disable", "prefer"],
        "use sslmode=verify-full: GSSAPI is not supported",
    ),
    refused(
        "replication",
        None,
        &["false", "off", "no", "0"],
        "leave it out: ordinary sessions are needed",
    ),
    ignored("application_name"),
    ignored("fallback_application_name"),
    ignored("client_encoding"),
    ignored("keepalives"),
    ignored("keepalives_idle"),
    ignored("keepalives_interval"),
    ignored("keepalives_count"),
    ignored("tcp_user_timeout"),
    ignored("sslcompression"),
    ignored("sslpassword"),
    ignored("sslkeylogfile"),
    ignored("krbsrvname"),
    ignored("gsslib"),
    ignored("gssdelegation"),
    ignored("min_protocol_version"),
    ignored("max_protocol_version"),
    ignored("scram_client_key"),
    ignored("scram_server_key"),
    ignored("oauth_issuer"),
    ignored("oauth_client_id"),
    ignored("oauth_client_secret"),
    ignored("oauth_scope"),
    ignored("authtype"),
    ignored("tty"),
];

/// The keyword of this name.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// Says that a keyword is not libpq's. `name` is shown only when `may_show`: it can be a piece of a
/// password that was not quoted.
pub(super) fn unknown(what: &str, name: &str, place: &str, may_show: bool) -> Error {
    let is_plain =
        name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let shown = if may_show && is_plain {
        format!("unknown keyword \"{name}\"")
    } else {
        "unknown keyword".to_owned()
    };
    let names: Vec<&str> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
    let guess = Some(name)
        .filter(|_| is_plain)
        .map(|name| did_you_mean(match_word(name), &names))
        .filter(|guess| !guess.is_empty());
    let error = Error::new(ErrorKind::Usage, what).because(format!("{shown} {place}"));
    match guess {
        Some(guess) => error.fix(guess),
        None => error
            .fix("the keywords are those of libpq: host, port, dbname, user, password, sslmode, …"),
    }
}

/// Words people write for a keyword that resemble it little.
fn match_word(name: &str) -> &str {
    match name {
        "database" | "db" | "databaseName" => "dbname",
        "username" => "user",
        "pass" | "pwd" => "password",
        "server" | "hostname" => "host",
        other => other,
    }
}

/// Keywords with their values, as one place wrote them. It holds passwords and has no `Debug`.
#[derive(Default)]
pub(super) struct KeywordValues(Vec<(&'static str, String)>);

impl KeywordValues {
    /// Takes a value; a later one wins, as in libpq.
    pub(super) fn set(&mut self, keyword: &'static Keyword, value: String) {
        self.0.retain(|(name, _)| *name != keyword.name);
        self.0.push((keyword.name, value));
    }

    /// Takes a value unless there is one.
    pub(super) fn set_new(&mut self, keyword: &'static Keyword, value: String) {
        if self.get(keyword.name).is_none() {
            self.0.push((keyword.name, value));
        }
    }

    /// Takes the value of a setting of the configuration file, which must not be given in the URL
    /// as well.
    pub(super) fn add_setting(
        &mut self,
        setting: &str,
        keyword: &str,
        value: Option<&str>,
    ) -> Result<()> {
        let (Some(value), Some(keyword)) = (value, find(keyword)) else {
            return Ok(());
        };
        if self.get(keyword.name).is_some() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("{setting} is given twice: in url and as a setting"),
            )
            .fix(format!("remove it from url, or remove the setting {setting}")));
        }
        self.set(keyword, value.to_owned());
        Ok(())
    }

    /// The value, perhaps empty, if one was written.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_keyword_stands_twice_in_the_table() {
        for (index, keyword) in KEYWORDS.iter().enumerate() {
            let first = KEYWORDS.iter().position(|other| other.name == keyword.name);
            assert_eq!(first, Some(index), "{}", keyword.name);
        }
    }

    #[test]
    fn an_unknown_keyword_gets_the_nearest_one() {
        let fix = |name| unknown("x", name, "y", true).remedy().map(ToOwned::to_owned);
        assert_eq!(fix("sslmod").as_deref(), Some("did you mean \"sslmode\"?"));
        assert_eq!(fix("database").as_deref(), Some("did you mean \"dbname\"?"));
        assert_eq!(fix("username").as_deref(), Some("did you mean \"user\"?"));
    }
}

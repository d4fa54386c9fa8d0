//! What a server said about itself when a session began, and which servers are refused.

use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::answers::{field, parsed};
use tokio_postgres::SimpleQueryRow;

/// The oldest major version that is supported.
pub(crate) const MAJOR_VERSION_MIN: u32 = 13;

/// Names of products that speak PostgreSQL's protocol without its locks, and how they call
/// themselves in `version()`.
const OTHER_PRODUCTS: [(&str, &str); 9] = [
    ("CockroachDB", "CockroachDB"),
    ("-YB-", "YugabyteDB"),
    ("Redshift", "Amazon Redshift"),
    ("Greenplum", "Greenplum"),
    ("Materialize", "Materialize"),
    ("RisingWave", "RisingWave"),
    ("openGauss", "openGauss"),
    ("QuestDB", "QuestDB"),
    ("CrateDB", "CrateDB"),
];

/// What was read from the server when the session began.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// `server_version_num`: 150018 is 15.18.
    pub version_num: u32,
    /// The process that serves this session.
    pub backend_pid: i32,
    /// The role that everything is done as.
    pub role: String,
    /// `server_encoding`.
    pub server_encoding: String,
    /// Whether statements of this session may not write (recovery, or
    /// `default_transaction_read_only`).
    pub is_read_only: bool,
    /// Which server, and which state of it.
    pub identity: ServerIdentity,
}

impl ServerFacts {
    /// Whether the server is a standby, or recovers.
    pub fn is_in_recovery(&self) -> bool {
        self.identity.is_in_recovery
    }

    /// The major version: 15.
    pub fn major_version(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// Equal for two sessions that speak to the same database of the same run of the same server: a
/// restart, a promotion, a restore and another server behind a proxy all change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// The number `initdb` gave the cluster, where it may be read; physical copies share it.
    pub system_identifier: Option<u64>,
    /// Changes at a promotion (PostgreSQL manual, "Continuous Archiving", timelines); not known in
    /// recovery.
    pub timeline: Option<u32>,
    /// When the server was started, microseconds since 1970.
    pub started_at_us: i64,
    /// Whether it is in recovery.
    pub is_in_recovery: bool,
    /// Oid of the database.
    pub database_oid: u32,
}

impl ServerIdentity {
    /// What stays the same over a restart: the cluster, its timeline and the database. A promotion
    /// or a restore changes it.
    pub fn history(&self) -> (Option<u64>, Option<u32>, u32) {
        (self.system_identifier, self.timeline, self.database_oid)
    }
}

/// The major version in what `version()` or `server_version` says; `None` when it is not
/// PostgreSQL's way to say it.
pub(super) fn major_version(text: &str) -> Option<u32> {
    let number = text.strip_prefix("PostgreSQL ").unwrap_or(text);
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

/// Refuses what is not PostgreSQL, or too old, by its `version()`.
///
/// # Errors
/// `Unsuitable`.
pub(super) fn refuse_foreign(version: &str) -> Result<()> {
    let product =
        OTHER_PRODUCTS.iter().find(|(mark, _)| version.contains(mark)).map(|(_, name)| *name);
    let foreign = |name: &str| {
        Err(not_postgresql().because(format!("it is {name}: {version}"))).map_err(|error: Error| {
            error.fix(
                "use PostgreSQL itself: other products that speak its protocol do not have its \
                 locks, on which the order of events rests",
            )
        })
    };
    match (product, version.strip_prefix("PostgreSQL "), major_version(version)) {
        (Some(name), _, _) => foreign(name),
        (None, Some(_), Some(major)) if major >= MAJOR_VERSION_MIN => Ok(()),
        (None, Some(_), Some(major)) => Err(Error::new(
            ErrorKind::Unsuitable,
            format!("the server is PostgreSQL {major}, older than {MAJOR_VERSION_MIN}"),
        )
        .fix(format!("upgrade the server to PostgreSQL {MAJOR_VERSION_MIN} or later"))),
        _ => foreign("something else"),
    }
}

/// The failure of a server that does not answer as PostgreSQL does.
pub(super) fn not_postgresql() -> Error {
    Error::new(ErrorKind::Unsuitable, "the server is not PostgreSQL")
}

/// Reads the answer of `facts.sql`.
///
/// # Errors
/// `Unsuitable` when `pg_locks` does not show the transaction that asks: then the high-water mark
/// could not be trusted.
pub(super) fn facts(row: &SimpleQueryRow, system_identifier: Option<u64>) -> Result<ServerFacts> {
    let is = |name| field(row, name) == Some("t");
    if !is("has_own_lock") {
        return Err(not_postgresql()
            .because("its pg_locks does not show the lock of the transaction that asks")
            .fix(
                "use PostgreSQL itself, without anything in between that answers from its own \
                 catalogs",
            ));
    }
    let facts = || {
        Some(ServerFacts {
            version_num: parsed(row, "version_num")?,
            backend_pid: parsed(row, "backend_pid")?,
            role: field(row, "role")?.to_owned(),
            server_encoding: field(row, "server_encoding")?.to_owned(),
            is_read_only: is("is_read_only"),
            identity: ServerIdentity {
                system_identifier,
                timeline: field(row, "timeline").and_then(|hex| u32::from_str_radix(hex, 16).ok()),
                started_at_us: parsed(row, "started_at_us")?,
                is_in_recovery: is("is_in_recovery"),
                database_oid: parsed(row, "database_oid")?,
            },
        })
    };
    facts().ok_or_else(|| not_postgresql().because("it does not answer as PostgreSQL does"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_from_13_on_is_accepted_whatever_its_packager_adds() {
        for version in [
            "PostgreSQL 13.23 on x86_64-pc-linux-gnu, compiled by gcc",
            "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu",
            "PostgreSQL 18beta1 on aarch64",
            "PostgreSQL 16.4 (EnterpriseDB Advanced Server 16.4.0)",
        ] {
            assert!(refuse_foreign(version).is_ok(), "{version}");
        }
    }

    #[test]
    fn what_is_too_old_or_only_speaks_the_protocol_is_refused_with_a_remedy() {
        for (version, word) in [
            ("PostgreSQL 12.22 on x86_64", "PostgreSQL 12"),
            ("PostgreSQL 9.6.24 on x86_64", "PostgreSQL 9"),
            ("CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu)", "CockroachDB"),
            ("PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64", "YugabyteDB"),
            ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.77", "Redshift"),
            ("PostgreSQL 13.14.0-RisingWave-2.1.0", "RisingWave"),
            ("H2 2.2", "something else"),
        ] {
            let error = refuse_foreign(version).expect_err(version);
            assert_eq!(error.kind(), ErrorKind::Unsuitable);
            assert!(error.to_string().contains(word), "{error}");
            assert!(error.remedy().is_some());
        }
    }
}

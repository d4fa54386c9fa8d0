//! Looks at databases before anything is saved: the checks of a start, each in a line.

use super::super::lane_word::NoteSeverity;
use super::super::words::{shown, span};
use crate::config::libpq::{Conninfo, HostAt};
use crate::config::{DestinationConfig, ReplicationConfig};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::pooler::{self, RouteCache};
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::candidates::{TableCandidate, candidates};
use crate::replicate::check::shape::SourceShape;
use crate::replicate::check::{self, DestinationFindings};
use std::time::{Duration, Instant};

/// What the sessions are called.
const WHAT: &str = "check";

/// What a look found, in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckLine {
    pub(super) severity: NoteSeverity,
    pub(super) what: String,
    pub(super) found: String,
}

impl CheckLine {
    pub(super) fn new(severity: NoteSeverity, what: &str, found: impl AsRef<str>) -> Self {
        Self { severity, what: shown(what), found: shown(found.as_ref()) }
    }

    /// A problem, with what to do.
    pub(super) fn of(problem: &Error) -> Self {
        let mut found = problem.causes().join(": ");
        if let Some(fix) = problem.remedy() {
            let separator = if found.is_empty() { "" } else { "; " };
            found = format!("{found}{separator}{fix}");
        }
        Self::new(NoteSeverity::Bad, problem.what(), found)
    }

    /// A line for each problem.
    pub(super) fn of_all(problems: &Problems) -> Vec<Self> {
        problems.iter().map(Self::of).collect()
    }
}

/// Looks at a source: whether it answers, is encrypted and can be followed.
pub(super) async fn try_source(replication: &ReplicationConfig) -> Vec<CheckLine> {
    let (source, timeout) = (&replication.source, replication.limits.connect_timeout);
    let mut lines = match reached(&source.conninfo, ErrorSide::Source, timeout).await {
        Ok(lines) => lines,
        Err(error) => return vec![CheckLine::of(&error)],
    };
    let findings = check::shapes(replication, &RouteCache::unknown()).await;
    match &findings.source {
        Some(shape) => lines.extend(of_shape(shape)),
        None => lines.extend(findings.problems.iter().map(|problem| {
            let line = CheckLine::of(problem);
            // It is chosen in the next step.
            let is_missing = problem.what().starts_with("there is no table");
            let severity = if is_missing { NoteSeverity::Calm } else { line.severity };
            CheckLine { severity, ..line }
        })),
    }
    lines
}

fn of_shape(shape: &SourceShape) -> Vec<CheckLine> {
    let mut lines = vec![
        CheckLine::new(
            NoteSeverity::Good,
            &format!("Table {}", shape.table.name),
            format!("may be read; ids: {}", shape.ids),
        ),
        if shape.wakeup.is_notified() {
            CheckLine::new(NoteSeverity::Good, "Doorbell", shape.wakeup.to_string())
        } else {
            let cure = "counterfoil init source --notify doorbell makes it prompt";
            CheckLine::new(NoteSeverity::Wait, "No doorbell", format!("{}; {cure}", shape.wakeup))
        },
    ];
    let warnings = shape.warnings.iter();
    lines.extend(warnings.map(|of| CheckLine::new(NoteSeverity::Wait, &of.what, &of.fix)));
    lines
}

/// Looks at a destination, whether it can hold what the source has.
pub(super) async fn try_destination(
    replication: &ReplicationConfig,
    to: &DestinationConfig,
) -> Vec<CheckLine> {
    let timeout = replication.limits.connect_timeout;
    let Some(postgres) = to.postgres() else { return Vec::new() };
    let mut lines = match reached(&postgres.conninfo, ErrorSide::Destination, timeout).await {
        Ok(lines) => lines,
        Err(error) => return vec![CheckLine::of(&error)],
    };
    let config = ReplicationConfig { destinations: vec![to.clone()], ..replication.clone() };
    let findings = check::shapes(&config, &RouteCache::unknown()).await;
    lines.extend(findings.destinations.iter().flat_map(of_destination));
    lines.extend(CheckLine::of_all(&findings.problems));
    lines
}

fn of_destination(found: &DestinationFindings) -> Vec<CheckLine> {
    let Some(open) = &found.open else { return Vec::new() };
    let fits = CheckLine::new(
        NoteSeverity::Good,
        &format!("Table {}", open.name()),
        "can hold what the source has",
    );
    let warnings = open.warnings().iter();
    let warnings = warnings.map(|of| CheckLine::new(NoteSeverity::Wait, &of.what, &of.fix));
    std::iter::once(fits).chain(warnings).collect()
}

/// Connects, through no pooler that shares sessions, and asks the server about the session.
async fn reached(
    conninfo: &Conninfo,
    side: ErrorSide,
    timeout: Duration,
) -> Result<Vec<CheckLine>> {
    let session = pooler::open(conninfo, SessionPurpose { what: WHAT, side }, timeout).await?;
    let asked = Instant::now();
    let row = session
        .query_one(include_str!("../../../sql/session/privacy.sql"), &[])
        .await
        .map_err(|error| session.error(&error, "cannot ask the server about the session"))?;
    let ping = span(asked.elapsed().as_secs_f64());
    let failed = |error: tokio_postgres::Error| session.error(&error, "cannot read the answer");
    let is_encrypted: bool = row.try_get("is_encrypted").map_err(failed)?;
    let protocol: Option<String> = row.try_get("protocol").map_err(failed)?;
    let is_superuser: Option<bool> = row.try_get("is_superuser").map_err(failed)?;
    let server = session.server();
    let kind = if server.is_in_recovery() { "standby" } else { "primary" };
    let (major, minor) = (server.major_version(), server.version_num % 10_000);
    let is_local = conninfo.hosts.iter().all(|host| matches!(host.at, HostAt::Unix(_)));
    Ok(vec![
        CheckLine::new(
            NoteSeverity::Good,
            "Answers",
            format!("PostgreSQL {major}.{minor}, {ping} away, {kind}, {}", session.place()),
        ),
        match (is_encrypted, is_local) {
            (true, _) => {
                CheckLine::new(NoteSeverity::Good, "Encrypted", protocol.unwrap_or_default())
            }
            (false, true) => {
                CheckLine::new(NoteSeverity::Good, "Not encrypted", "a socket of this machine")
            }
            (false, false) => CheckLine::new(
                NoteSeverity::Wait,
                "Not encrypted",
                "what is copied can be read on its way: sslmode=verify-full encrypts it",
            ),
        },
        if is_superuser == Some(true) {
            let cure = "a role that may do less is enough";
            CheckLine::new(
                NoteSeverity::Wait,
                &format!("Role {}", server.role),
                format!("superuser: {cure}"),
            )
        } else {
            CheckLine::new(NoteSeverity::Good, &format!("Role {}", server.role), "no superuser")
        },
        CheckLine::new(NoteSeverity::Good, "No pooler that shares sessions", ""),
    ])
}

/// The tables of a source that may hold events.
///
/// # Errors
/// Those of the connection; what the server says.
pub(super) async fn tables_of(replication: &ReplicationConfig) -> Result<Vec<TableCandidate>> {
    let (source, timeout) = (&replication.source, replication.limits.connect_timeout);
    let purpose = SessionPurpose { what: WHAT, side: ErrorSide::Source };
    let looked = async {
        let session: Session = pooler::open(&source.conninfo, purpose, timeout).await?;
        candidates(&session).await
    };
    let late = || {
        let what = "the look for tables takes too long";
        Error::new(ErrorKind::Unavailable, what).fix("name the table in the field below")
    };
    tokio::time::timeout(2 * timeout, looked).await.unwrap_or_else(|_| Err(late()))
}

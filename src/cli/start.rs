//! Connects to all sides and runs the start-up checks, before anything is written.

use crate::config::ReplicationConfig;
use crate::config::libpq::Conninfo;
use crate::error::{Error, Kind, Problems, Result};
use crate::log::key;
use crate::postgres::session::error::Side;
use crate::postgres::session::limit::Turns;
use crate::postgres::session::pooler;
use crate::postgres::session::watchdog::attended;
use crate::postgres::session::{Purpose, Session};
use crate::replicate::check::{self, Candidate, Findings};
use crate::retry::Policy;
use crate::stop::Stop;
use futures::future::{join, join_all};
use slog::{Logger, debug, info, warn};
use std::time::{Duration, Instant};

/// The sessions of all sides, for the checks only.
pub struct Sides {
    source: Result<Session>,
    destinations: Vec<Result<Session>>,
}

/// What is known of the ways to all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Nothing: each is probed first, and none that leads through a pooler that does not keep a session is taken.
    Unknown,
    /// This run has probed each of them.
    Probed,
}

impl Sides {
    /// Connects to all at the same time.
    pub async fn open(config: &ReplicationConfig, ways: Ways) -> Self {
        let timeout = config.limits.connect_timeout;
        let purpose = |side| Purpose { what: "check", side };
        let (from, to) = (purpose(Side::Source), purpose(Side::Destination));
        let all: Vec<_> = config.destinations.iter().map(|to| &to.postgres().conninfo).collect();
        let (source, destinations) = match ways {
            Ways::Unknown => {
                let source = pooler::open(&config.source.conninfo, from, timeout);
                join(source, pooler::open_all(&all, to, timeout)).await
            }
            Ways::Probed => {
                let source = Session::open(&config.source.conninfo, from, timeout);
                let turns = Turns::new();
                let destinations = all.into_iter().map(|conninfo| turns.take(Session::open(conninfo, to, timeout)));
                join(source, join_all(destinations)).await
            }
        };
        Self { source, destinations }
    }

    /// The source, or why it was not reached.
    pub fn source(&self) -> Result<&Session> {
        self.source.as_ref().map_err(|error| match error.kind() {
            Kind::Unsuitable => error.clone(),
            _ => error.clone().while_doing("cannot reach the source"),
        })
    }

    /// All sessions, with the descriptions by which they were opened.
    pub fn sessions<'a>(&'a self, config: &'a ReplicationConfig) -> Vec<(&'a Session, &'a Conninfo)> {
        let source = self.source.iter().map(|session| (session, &config.source.conninfo));
        let destinations = self.destinations.iter().zip(&config.destinations);
        let destinations = destinations.filter_map(|(session, to)| Some((session.as_ref().ok()?, &to.postgres().conninfo)));
        source.chain(destinations).collect()
    }

    /// The destinations with their sessions.
    pub fn candidates<'a>(&'a self, config: &'a ReplicationConfig) -> Vec<Candidate<'a>> {
        let sides = config.destinations.iter().zip(&self.destinations);
        sides
            .map(|(config, session)| Candidate {
                config,
                session: session.as_ref(),
            })
            .collect()
    }
}

/// Runs all checks; a source that is away is tried again as long as the configuration allows. `None`: a stop was requested meanwhile.
///
/// # Errors
/// Everything that refuses, together, and what else was found with it.
pub async fn check_all(config: &ReplicationConfig, ways: Ways, stop: &Stop, log: &Logger) -> Result<Option<Findings>, Problems> {
    let policy = policy(config);
    let (began, mut losses) = (Instant::now(), 0);
    let mut known = None;
    loop {
        let Some(attempt) = stop.or(attempt(config, ways, log)).await else {
            return Ok(None);
        };
        let error = match attempt {
            Ok(findings) if findings.is_refused() => return Err(findings.problems),
            Ok(findings) => return Ok(Some(findings)),
            Err(error) => error,
        };
        let is_over = config.limits.retry_for.is_some_and(|allowed| began.elapsed() >= allowed);
        if error.kind() != Kind::Unavailable || is_over {
            return Err(error.into());
        }
        losses += 1;
        let wait = policy.wait(losses, rand::random());
        let (text, wait_ms) = (error.to_string(), u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        if known.as_ref() == Some(&text) {
            debug!(log, "the source still cannot be reached"; key::WAIT_MS => wait_ms);
        } else {
            let fix = error.remedy().unwrap_or_default().to_owned();
            warn!(log, "the source cannot be reached, trying again"; key::ERROR => &text, key::FIX => fix, key::WAIT_MS => wait_ms);
            known = Some(text);
        }
        if stop.or(tokio::time::sleep(wait)).await.is_none() {
            return Ok(None);
        }
    }
}

/// How long is waited between two tries.
pub fn policy(config: &ReplicationConfig) -> Policy {
    Policy {
        wait_min: Duration::from_millis(100),
        wait_max: config.limits.retry_wait_max,
    }
}

async fn attempt(config: &ReplicationConfig, ways: Ways, log: &Logger) -> Result<Findings> {
    let sides = Sides::open(config, ways).await;
    let source = sides.source()?;
    let candidates = sides.candidates(config);
    let checks = check::everything(config, source, &candidates, ways == Ways::Probed);
    let findings = attended(&sides.sessions(config), config.limits.connect_timeout, log, checks).await;
    let is_lost = findings.source.is_none() && !findings.is_refused();
    match findings.problems.worst() {
        Some(error) if is_lost => Err(error.clone()),
        None if is_lost => Err(Error::new(Kind::Bug, "the source has no shape and no problem")),
        _ => Ok(findings),
    }
}

/// Tells what the first checks found. What there is to beware of is told when a side is opened, by whoever opens it.
pub fn tell(findings: &Findings, log: &Logger) {
    if let Some(source) = &findings.source {
        info!(log, "the source was checked"; key::TABLE => source.table.name.to_string(), "ids" => source.ids.to_string(),
            "wakeup" => source.wakeup.to_string(), "group_by" => source.group_by.clone().unwrap_or_default());
    }
    for problem in findings.problems.iter() {
        debug!(log, "a destination cannot be checked yet"; key::ERROR => problem.to_string());
    }
}

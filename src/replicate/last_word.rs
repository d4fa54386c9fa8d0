//! The last word of a run that ends when all is copied: every check once more, counts and last
//! events included.

use crate::config::ReplicationConfig;
use crate::error::{Error, ErrorKind, Problems};
use crate::log::{key, logged_id};
use crate::postgres::session::pooler::RouteCache;
use crate::replicate::check::{self, CheckFindings, DestinationFindings};
use crate::retry::RetryPolicy;
use crate::stop::Stop;
use slog::{Logger, info};
use std::time::Instant;

/// Runs every check once more. What is away just then is tried again as long as the configuration
/// allows; a stop ends it without a word.
///
/// # Errors
/// Everything that is wrong; `Unavailable` when a side stayed away.
pub async fn confirm(
    config: &ReplicationConfig,
    stop: &Stop,
    log: &Logger,
) -> Result<(), Problems> {
    let (routes, began, mut losses) = (RouteCache::known(), Instant::now(), 0);
    loop {
        let checking = check::everything(config, &routes, true, log);
        let Some(findings) = stop.or(checking).await else { return Ok(()) };
        if findings.is_refused() {
            return Err(findings.problems);
        }
        let Some(unchecked) =
            findings.destinations.iter().find(|destination| !destination.is_checked())
        else {
            findings.destinations.iter().for_each(|destination| tell(destination, log));
            return Ok(());
        };
        if config.limits.retry_for.is_some_and(|allowed| began.elapsed() >= allowed) {
            return Err(stayed_away(&findings, unchecked).into());
        }
        losses += 1;
        let wait = RetryPolicy::up_to(config.limits.retry_wait_max).wait(losses, rand::random());
        if stop.or(tokio::time::sleep(wait)).await.is_none() {
            return Ok(());
        }
    }
}

fn stayed_away(findings: &CheckFindings, unchecked: &DestinationFindings) -> Error {
    let side = match findings.source {
        Some(_) => format!("destination \"{}\"", unchecked.name),
        None => "the source".to_owned(),
    };
    let why = findings.problems.worst().map(ToString::to_string).unwrap_or_default();
    Error::new(ErrorKind::Unavailable, format!("{side} could not be checked again at the end"))
        .because(why)
        .fix("start again: what was copied stays")
}

fn tell(destination: &DestinationFindings, log: &Logger) {
    let Some(contents) = &destination.contents else { return };
    info!(log, "first event, last event and count agree"; key::DESTINATION => &destination.name,
        key::EVENTS => contents.events, key::POSITION => logged_id(contents.ends.highest));
}

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
/// allows.
///
/// # Errors
/// Everything that is wrong; `Unavailable` when a side stayed away, and when a stop came first: what
/// was not compared once more has not ended well.
pub async fn confirm(
    config: &ReplicationConfig,
    stop: &Stop,
    log: &Logger,
) -> Result<(), Problems> {
    let (routes, began, mut losses) = (RouteCache::known(), Instant::now(), 0);
    loop {
        let checking = check::everything(config, &routes, true, log);
        let Some(findings) = stop.or(checking).await else { return Err(stopped().into()) };
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
            return Err(stopped().into());
        }
    }
}

fn stopped() -> Error {
    let what = "stopped before first event, last event and counts were compared once more";
    Error::new(ErrorKind::Unavailable, what)
        .fix("start again: it continues where it stopped, and compares")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::libpq::Environment;
    use crate::config::load::load;
    use crate::stop;
    use std::io::Write;

    #[tokio::test]
    async fn a_run_that_is_stopped_in_its_last_word_has_not_ended_well() {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        let text = "[source]\nurl = \"host=a user=u dbname=d\"\n[[destinations]]\nname = \
                    \"copy\"\nurl = \"host=b user=u dbname=d\"\n";
        file.write_all(text.as_bytes()).unwrap();
        let config = load(file.path(), &Environment::empty()).unwrap();
        let (stopper, stop) = stop::channel();
        stopper.request();
        let told = confirm(&config, &stop, &crate::log::none()).await.unwrap_err();
        assert_eq!(told.exit_code(), 8);
        assert!(told.worst().unwrap().what().contains("compared once more"), "{told:?}");
    }
}

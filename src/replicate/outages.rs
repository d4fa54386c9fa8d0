//! What is away is told again while it lasts: what, since when, why, and when it is tried next.

use crate::error::ErrorKind;
use crate::log::recent::ROUTINE;
use crate::log::{DayClock, key};
use crate::replicate::lane_state::milliseconds;
use crate::retry::Connection;
use slog::{Logger, info, warn};
use std::time::{Duration, Instant};

/// An outage is told again this often at least.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// When the outages that last were told: of the source, then of each lane.
#[derive(Debug)]
pub(super) struct OutageLog {
    every: Duration,
    told_at: Vec<Option<Instant>>,
}

impl OutageLog {
    /// Of so many lanes; more often than each minute where the heartbeat is quicker.
    pub(super) fn new(lanes: usize, heartbeat: Option<Duration>) -> Self {
        let every = heartbeat.map_or(TELL_AGAIN, |heartbeat| heartbeat.min(TELL_AGAIN));
        Self { every, told_at: vec![None; lanes + 1] }
    }

    /// Tells of one side, if that is due: the source is number 0 and has no name, the lanes follow.
    pub(super) fn tell<T>(
        &mut self,
        side: usize,
        name: Option<&str>,
        connection: &Connection<T>,
        clock: &DayClock,
        log: &Logger,
    ) {
        let (now, told_at) = (Instant::now(), &mut self.told_at[side]);
        let Some(outage) = connection.outage().filter(|outage| outage.ended.is_none()) else {
            *told_at = None;
            return;
        };
        let last = told_at.map_or(outage.since, |told_at| told_at.max(outage.since));
        if now.saturating_duration_since(last) < self.every {
            return;
        }
        *told_at = Some(now);
        let since = clock.moment_of(outage.since).to_string();
        let seconds = now.saturating_duration_since(outage.since).as_secs();
        let error = outage.error.to_string();
        let wait = connection.due().map(|due| milliseconds(due.saturating_duration_since(now)));
        let wait = wait.unwrap_or(0);
        match name {
            None => {
                warn!(log, # ROUTINE, "the source is still away"; "since" => since, "seconds" => seconds,
                    key::ERROR => error, key::WAIT_MS => wait);
            }
            Some(name) if connection.is_halted() => {
                warn!(log, # ROUTINE, "the destination is still stopped, a person is needed";
                    key::DESTINATION => name, "since" => since, "seconds" => seconds,
                    key::ERROR => error, key::FIX => outage.error.remedy().unwrap_or_default());
            }
            Some(name) if outage.error.kind() == ErrorKind::Fed => {
                info!(log, # ROUTINE, "standby: another replicator still holds this destination";
                    key::DESTINATION => name, "since" => since, "seconds" => seconds,
                    key::ERROR => error, key::WAIT_MS => wait);
            }
            Some(name) => {
                warn!(log, # ROUTINE, "the destination is still away"; key::DESTINATION => name,
                    "since" => since, "seconds" => seconds, key::ERROR => error,
                    key::WAIT_MS => wait);
            }
        }
    }
}

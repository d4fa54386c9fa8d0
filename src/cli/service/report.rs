//! What is new for a service manager since the last look at the replications. Pure: whether one of
//! them lives is judged by its snapshots alone, which its loop publishes twice a second at least.

use crate::log::escape::fit;
use crate::replicate::health::Health;
use crate::replicate::snapshot::{LaneSnapshot, Snapshot};
use crate::supervise::{Roster, SupervisedReplication};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The status is told again after this time at the earliest.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);
/// A replication that has published nothing for so long is stuck.
const SILENT_AFTER: Duration = Duration::from_secs(10);
/// A start may take so much longer than the manager allows, from each time that it is told so.
const START_EXTENSION: Duration = Duration::from_secs(60);
/// Of a status, so many destinations are told one by one.
const LANES_MAX: usize = 3;

/// What is told after a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceNews {
    /// All replications have started and are checked, for the first time.
    pub is_ready: bool,
    /// All of them live.
    pub feeds_watchdog: bool,
    /// They still start, and live.
    pub extends_start: bool,
    /// How they stand, where that has changed.
    pub status: Option<String>,
}

impl ServiceNews {
    /// As sd_notify(3) has it; nothing where there is nothing to tell.
    pub(super) fn message(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.is_ready.then(|| "READY=1".to_owned()));
        lines.extend(self.feeds_watchdog.then(|| "WATCHDOG=1".to_owned()));
        let extension = START_EXTENSION.as_micros();
        lines.extend(self.extends_start.then(|| format!("EXTEND_TIMEOUT_USEC={extension}")));
        lines.extend(self.status.as_ref().map(|status| format!("STATUS={status}")));
        lines.join("\n")
    }
}

/// What was told so far, and when each replication last gave a sign of life.
#[derive(Debug)]
pub(super) struct ServiceReport {
    watchdog: Option<Duration>,
    /// Whether a process without a replication waits for one, and lives.
    waits_when_empty: bool,
    lives: Vec<ReplicationLife>,
    has_started: bool,
    is_ready: bool,
    status: String,
    status_at: Option<Instant>,
    fed_at: Option<Instant>,
    extended_at: Option<Instant>,
}

/// A replication that runs, and when it last gave a sign of life.
#[derive(Debug)]
struct ReplicationLife {
    name: String,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    seen_at: Instant,
}

impl ServiceReport {
    /// Nothing is told yet. `watchdog`: after this time without a word the manager takes the process
    /// for dead.
    pub(super) fn new(watchdog: Option<Duration>) -> Self {
        Self {
            watchdog,
            waits_when_empty: false,
            lives: Vec::new(),
            has_started: false,
            is_ready: false,
            status: String::new(),
            status_at: None,
            fed_at: None,
            extended_at: None,
        }
    }

    /// For a process that waits while nothing is configured.
    pub(super) fn waiting_when_empty(self) -> Self {
        Self { waits_when_empty: true, ..self }
    }

    /// Looks at what runs now.
    pub(super) fn look(&mut self, roster: &Roster, now: Instant) -> ServiceNews {
        self.follow(roster, now);
        let snapshots: Vec<Arc<Snapshot>> =
            self.lives.iter().map(|life| Arc::clone(&life.snapshots.borrow())).collect();
        let silent = self.lives.iter().find(|life| now - life.seen_at >= self.silent_after());
        let (is_alive, status) = match silent {
            Some(life) => (false, life.words(now)),
            None if self.waits_when_empty && roster.is_empty() => {
                (true, "no replication is configured".to_owned())
            }
            None => (!self.lives.is_empty(), self.words(&snapshots) + &ended_words(roster)),
        };
        // Twice in a row: one that is refused ends right after its checks.
        let has_started = is_alive && snapshots.iter().all(|snapshot| is_started(snapshot));
        let is_ready = has_started && self.has_started && !self.is_ready;
        self.has_started = has_started;
        self.is_ready |= is_ready;
        ServiceNews {
            is_ready,
            feeds_watchdog: is_alive && self.feeds(now),
            extends_start: is_alive && !self.is_ready && self.extends(now),
            status: self.changed(status, is_ready, now),
        }
    }

    /// Takes notice of who runs, and who gave a sign of life.
    fn follow(&mut self, roster: &Roster, now: Instant) {
        let all_running = || roster.iter().filter(|replication| replication.is_running());
        self.lives.retain(|life| all_running().any(|running| life.is_of(running)));
        for running in all_running() {
            if !self.lives.iter().any(|life| life.is_of(running)) {
                let (name, snapshots) = (running.name.clone(), running.snapshots.clone());
                self.lives.push(ReplicationLife { name, snapshots, seen_at: now });
            }
        }
        for life in &mut self.lives {
            life.look(now);
        }
    }

    fn silent_after(&self) -> Duration {
        self.watchdog.map_or(SILENT_AFTER, |watchdog| SILENT_AFTER.min(watchdog / 2))
    }

    /// Whether the watchdog is to be fed, by those that live.
    fn feeds(&mut self, now: Instant) -> bool {
        let Some(watchdog) = self.watchdog else { return false };
        is_due(&mut self.fed_at, watchdog / 4, now)
    }

    fn extends(&mut self, now: Instant) -> bool {
        is_due(&mut self.extended_at, START_EXTENSION / 4, now)
    }

    /// The status, where it is to be told.
    fn changed(&mut self, status: String, is_ready: bool, now: Instant) -> Option<String> {
        if status == self.status || !is_due(&mut self.status_at, STATUS_INTERVAL, now) && !is_ready
        {
            return None;
        }
        self.status_at = Some(now);
        self.status.clone_from(&status);
        Some(status)
    }

    /// How they stand, in one line; a name stands before it where there are several.
    fn words(&self, snapshots: &[Arc<Snapshot>]) -> String {
        let is_several = self.lives.len() > 1;
        let mut troubles = Vec::new();
        let (mut level, mut all) = (0, 0);
        for (life, snapshot) in self.lives.iter().zip(snapshots) {
            let prefix = if is_several { format!("{}/", life.name) } else { String::new() };
            if matches!(snapshot.source.health, Health::Waiting | Health::Stopped | Health::Held) {
                troubles.push(format!("{prefix}source {}", snapshot.source.health));
            }
            for lane in &snapshot.lanes {
                all += 1;
                level += usize::from(lane.health == Health::Level);
                let is_well = matches!(lane.health, Health::Level | Health::Reachable);
                troubles.extend((!is_well).then(|| format!("{prefix}{}", lane_words(lane))));
            }
        }
        let mut words = format!("{level} of {all} destinations level");
        for (at, trouble) in troubles.iter().take(LANES_MAX).enumerate() {
            let _ = write!(words, "{} {trouble}", if at == 0 { ":" } else { "," });
        }
        if let Some(more @ 1..) = troubles.len().checked_sub(LANES_MAX) {
            let _ = write!(words, " and {more} more");
        }
        fit(&words).into_owned()
    }
}

impl ReplicationLife {
    /// Whether it is this run of this replication, and none before a restart.
    fn is_of(&self, running: &SupervisedReplication) -> bool {
        self.snapshots.same_channel(&running.snapshots)
    }

    fn look(&mut self, now: Instant) {
        // One that has just ended, or compares once more at its end, has no loop that could be stuck.
        let has_ended = self.snapshots.has_changed().is_err();
        if has_ended
            || self.snapshots.has_changed().is_ok_and(|is_new| is_new)
            || self.snapshots.borrow().run.has_ended
        {
            self.snapshots.mark_unchanged();
            self.seen_at = now;
        }
    }

    fn words(&self, now: Instant) -> String {
        let seconds = (now - self.seen_at).as_secs();
        let words = format!("{} is stuck: no sign of life for {seconds} s", self.name);
        fit(&words).into_owned()
    }
}

/// Which of them have failed, where others run.
fn ended_words(roster: &Roster) -> String {
    let has_failed = |replication: &&SupervisedReplication| {
        replication.end.as_ref().is_some_and(|end| !end.problems.is_empty())
    };
    let mut failed = roster.iter().filter(has_failed);
    match (failed.next(), failed.count()) {
        (None, _) => String::new(),
        (Some(one), 0) => format!("; {} has ended with an error", fit(&one.name)),
        (Some(one), more) => format!("; {} and {more} more have ended with errors", fit(&one.name)),
    }
}

/// Whether so much time has passed since the last time; that is now, then.
fn is_due(last: &mut Option<Instant>, interval: Duration, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now - last >= interval);
    if is_due {
        *last = Some(now);
    }
    is_due
}

/// Whether everything that could be reached is checked. A source that is away is tried again: that
/// is how a service waits for it.
fn is_started(snapshot: &Snapshot) -> bool {
    let is_tried = |lane: &LaneSnapshot| lane.health != Health::Opening;
    match snapshot.source.health {
        Health::Opening => false,
        Health::Waiting => !snapshot.run.has_ended,
        _ => !snapshot.run.has_ended && snapshot.lanes.iter().all(is_tried),
    }
}

fn lane_words(lane: &LaneSnapshot) -> String {
    match lane.lag_seconds.map(|seconds| seconds as u64) {
        Some(seconds @ 1..) => format!("{} {} ({seconds} s)", lane.name, lane.health),
        _ => format!("{} {}", lane.name, lane.health),
    }
}

#[cfg(test)]
mod tests;

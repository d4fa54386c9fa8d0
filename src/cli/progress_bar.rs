//! Bars on a terminal: one for each replication, from nothing to what was visible at its start.

use super::progress::{DRAW_INTERVAL, ProgressLine, ProgressPace, TerminalScreen, phrase, seconds};
use crate::log::escape::fit;
use crate::replicate::health::Health;
use crate::replicate::snapshot::{LaneSnapshot, Snapshot};
use crate::supervise::{Roster, SupervisedReplication};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// More replications are counted, not drawn.
const LINES_MAX: usize = 10;

/// Bars that are drawn by a task, until this is dropped.
pub(super) struct ProgressBars {
    screen: TerminalScreen,
    _task: AbortOnDropHandle<()>,
}

/// Draws bars on this screen.
pub(super) fn show_progress(
    screen: TerminalScreen,
    roster: watch::Receiver<Roster>,
) -> ProgressBars {
    let drawn = screen.clone();
    let task = tokio::spawn(async move {
        let mut known: BTreeMap<String, ReplicationProgress> = BTreeMap::new();
        loop {
            let roster = Arc::clone(&roster.borrow());
            let running: Vec<&SupervisedReplication> =
                roster.iter().filter(|replication| replication.is_running()).collect();
            known.retain(|name, _| running.iter().any(|replication| replication.name == *name));
            let mut lines = Vec::new();
            for replication in &running {
                let snapshot = Arc::clone(&replication.snapshots.borrow());
                let progress = known.entry(replication.name.clone()).or_default();
                if let Some(mut line) = progress.line(&snapshot, Instant::now()) {
                    if running.len() > 1 {
                        line.name(&fit(&replication.name));
                    }
                    lines.push(line);
                }
            }
            drawn.draw(|columns| fitted(&lines, columns));
            tokio::time::sleep(DRAW_INTERVAL).await;
        }
    });
    ProgressBars { screen, _task: AbortOnDropHandle::new(task) }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        self.screen.end();
    }
}

/// As many as are drawn, in so many columns.
fn fitted(lines: &[BarLine], columns: usize) -> Vec<String> {
    let mut fitted: Vec<String> =
        lines.iter().take(LINES_MAX).map(|line| line.fitted(columns)).collect();
    if lines.len() > LINES_MAX {
        fitted.push(phrase("", &format!("and {} more", lines.len() - LINES_MAX), columns));
    }
    fitted
}

/// What is told of a replication.
#[derive(Clone, Debug, PartialEq)]
enum BarLine {
    /// How far it has come.
    Copying(ProgressLine),
    /// What it does, where nothing can be measured.
    Words { name: String, words: String },
}

impl BarLine {
    fn name(&mut self, of: &str) {
        match self {
            BarLine::Copying(ProgressLine { name, .. }) | BarLine::Words { name, .. } => {
                of.clone_into(name)
            }
        }
    }

    fn fitted(&self, columns: usize) -> String {
        match self {
            BarLine::Copying(line) => line.fitted(columns),
            BarLine::Words { name, words } => phrase(name, words, columns),
        }
    }
}

/// What was seen of a replication so far.
#[derive(Debug)]
struct ReplicationProgress {
    /// Since when it does what it does.
    since: Instant,
    is_copying: bool,
    /// Of the lowest position, in ids.
    ids: ProgressPace,
    /// Of each destination.
    events: Vec<ProgressPace>,
}

impl Default for ReplicationProgress {
    fn default() -> Self {
        let (ids, events) = (ProgressPace::default(), Vec::new());
        Self { since: Instant::now(), is_copying: false, ids, events }
    }
}

impl ReplicationProgress {
    /// What there is to tell now; nothing once all is there that was visible at the start.
    fn line(&mut self, snapshot: &Snapshot, now: Instant) -> Option<BarLine> {
        let is_on_its_way =
            |lane: &&LaneSnapshot| !matches!(lane.health, Health::Stopped | Health::Diverged);
        self.look(snapshot, now);
        let opened = snapshot.lanes.iter().enumerate().filter(|(_, lane)| lane.checks.is_some());
        let lowest =
            opened.filter(|(_, lane)| is_on_its_way(lane)).min_by_key(|(_, lane)| lane.position);
        let Some((index, lane)) = lowest else {
            let lane = snapshot.lanes.iter().find(is_on_its_way)?;
            return (!snapshot.run.has_ended).then(|| self.words(what_it_does(lane), now));
        };
        let target = snapshot.run.target_id?;
        if lane.position >= Some(target) {
            if std::mem::take(&mut self.is_copying) {
                self.since = now;
            }
            let is_counted = snapshot.run.is_until_caught_up && !snapshot.run.has_ended;
            return is_counted.then(|| self.words("all is copied, comparing once more", now));
        }
        self.is_copying = true;
        let done = natural(lane.position.unwrap_or(0));
        if lane.position.is_some() {
            self.ids.look(now, done);
        }
        let is_moving = matches!(lane.health, Health::Behind | Health::Level | Health::Reachable);
        Some(BarLine::Copying(ProgressLine {
            done,
            total: Some(natural(target)),
            per_second: self.events[index].per_second().filter(|_| is_moving),
            left: self.ids.left(natural(target)).filter(|_| is_moving),
            word: (!is_moving).then(|| lane.health.to_string()),
            ..ProgressLine::default()
        }))
    }

    fn look(&mut self, snapshot: &Snapshot, now: Instant) {
        self.events.resize_with(snapshot.lanes.len(), ProgressPace::default);
        for (pace, lane) in self.events.iter_mut().zip(&snapshot.lanes) {
            if lane.checks.is_some() {
                pace.look(now, lane.events);
            }
        }
    }

    fn words(&self, words: &str, now: Instant) -> BarLine {
        let elapsed = seconds(now.saturating_duration_since(self.since).as_secs());
        BarLine::Words { name: String::new(), words: format!("{words} {elapsed}") }
    }
}

fn what_it_does(lane: &LaneSnapshot) -> &'static str {
    match lane.health {
        Health::Waiting => "not connected",
        Health::Standby => "another replicator feeds it",
        _ => "connecting and comparing",
    }
}

/// A bar begins with 0.
fn natural(id: i64) -> u64 {
    u64::try_from(id).unwrap_or(0)
}

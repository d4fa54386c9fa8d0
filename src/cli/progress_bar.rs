//! Bars on a terminal: one for each replication, from nothing to what was visible at its start.

use crate::supervise::{Roster, SupervisedReplication};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How often bars are drawn.
const DRAW_INTERVAL: Duration = Duration::from_millis(250);

/// Bars that are drawn by a task, until this is dropped.
pub(super) struct ProgressBars {
    bars: MultiProgress,
    _task: AbortOnDropHandle<()>,
}

/// Draws bars where standard error is a terminal.
pub(super) fn show_progress(roster: watch::Receiver<Roster>) -> Option<ProgressBars> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let style =
        ProgressStyle::with_template("{prefix}{bar:30} {pos}/{len} {per_sec} {eta} left").ok()?;
    let bars = MultiProgress::new();
    let drawn = bars.clone();
    let task = tokio::spawn(async move {
        let mut known: BTreeMap<String, ProgressBar> = BTreeMap::new();
        loop {
            tokio::time::sleep(DRAW_INTERVAL).await;
            let running = Arc::clone(&roster.borrow());
            for replication in running.iter() {
                let bar = known.entry(replication.name.clone()).or_insert_with(|| {
                    let bar = drawn.add(ProgressBar::no_length().with_style(style.clone()));
                    if running.len() > 1 {
                        bar.set_prefix(format!("{} ", replication.name));
                    }
                    bar
                });
                draw(bar, replication);
            }
        }
    });
    Some(ProgressBars { bars, _task: AbortOnDropHandle::new(task) })
}

fn draw(bar: &ProgressBar, replication: &SupervisedReplication) {
    let now = Arc::clone(&replication.snapshots.borrow());
    if let (Some(target), Some(lowest)) = (now.run.target_id, now.lowest_position()) {
        bar.set_length(u64::try_from(target).unwrap_or(0));
        bar.set_position(u64::try_from(lowest).unwrap_or(0));
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to clear.
        let _ = self.bars.clear();
    }
}

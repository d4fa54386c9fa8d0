//! The progress on a terminal: how much, how quick, how long it still takes.

use crate::cli::progress::{DRAW_INTERVAL, ProgressLine, ProgressPace, TerminalScreen};
use crate::load::LoadTally;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// A bar, drawn by a task that ends with it.
pub struct LoadBar {
    screen: TerminalScreen,
    _task: AbortOnDropHandle<()>,
}

impl LoadBar {
    /// Begins to draw; with an end, if there is one.
    pub fn begin(screen: TerminalScreen, tally: &Arc<LoadTally>, events: Option<u64>) -> Self {
        let (watched, drawn) = (Arc::clone(tally), screen.clone());
        let task = tokio::spawn(async move {
            let mut pace = ProgressPace::default();
            loop {
                let done = watched.written().events;
                pace.look(Instant::now(), done);
                let line = ProgressLine {
                    done,
                    total: events,
                    unit: "events",
                    per_second: pace.per_second(),
                    left: events.and_then(|events| pace.left(events)),
                    ..ProgressLine::default()
                };
                drawn.draw(|columns| vec![line.fitted(columns)]);
                tokio::time::sleep(DRAW_INTERVAL).await;
            }
        });
        Self { screen, _task: AbortOnDropHandle::new(task) }
    }
}

impl Drop for LoadBar {
    fn drop(&mut self) {
        self.screen.end();
    }
}

//! The progress on a terminal: how much, how quick, how long it still takes.

use crate::load::LoadTally;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

const DRAW_INTERVAL: Duration = Duration::from_millis(250);

/// A bar, drawn by a task that ends with it.
pub struct LoadBar {
    bar: indicatif::ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl LoadBar {
    /// Begins to draw, on a terminal; with an end, if there is one.
    pub fn begin(tally: &Arc<LoadTally>, events: Option<u64>) -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let (bar, template) = match events {
            Some(events) => (
                indicatif::ProgressBar::new(events),
                "{bar:30} {pos}/{len} events {per_sec} {eta} left",
            ),
            None => {
                (indicatif::ProgressBar::no_length(), "{spinner} {pos} events {per_sec} {elapsed}")
            }
        };
        let bar = bar.with_style(indicatif::ProgressStyle::with_template(template).ok()?);
        let (watched, drawn) = (Arc::clone(tally), bar.clone());
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(DRAW_INTERVAL).await;
                drawn.set_position(watched.written().events);
            }
        });
        Some(Self { bar, task })
    }
}

impl Drop for LoadBar {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

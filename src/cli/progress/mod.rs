//! Progress on a terminal: lines at its lower end that make room for whatever else is written.

mod line;
mod pace;
mod screen;

pub(crate) use line::{ProgressLine, counted, phrase, seconds};
pub(super) use pace::ProgressPace;
pub(super) use screen::TerminalScreen;

use std::time::Duration;

/// How often progress is drawn.
pub(super) const DRAW_INTERVAL: Duration = Duration::from_millis(250);

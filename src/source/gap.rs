//! A gap that is waited at: how long until the next look, and until it is called a hole.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use crate::source::blocked::Blockage;
use crate::source::durability::DurabilityGate;
use std::time::{Duration, Instant};

/// Between two looks.
const WAIT_MIN: Duration = Duration::from_millis(2);
const WAIT_MAX: Duration = Duration::from_millis(250);
/// Between two questions whether the table is still what was compared: nothing is read here, by
/// which a change would be noticed.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(500);
/// A hole in consecutive ids is looked at once more after this time, before it is called one.
const HOLE_RECHECK: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    since: Instant,
    confirmed: Instant,
}

impl Gap {
    /// Now.
    pub fn begin() -> Self {
        let now = Instant::now();
        Self { since: now, confirmed: now }
    }

    /// Confirms now and then that what is waited at is still the table that was compared, with the
    /// counter that feeds it.
    pub async fn confirm(&mut self, gate: &DurabilityGate) -> Result<()> {
        if self.confirmed.elapsed() >= CONFIRM_INTERVAL {
            gate.confirm_table().await?;
            self.confirmed = Instant::now();
        }
        Ok(())
    }

    /// Until the next look.
    pub async fn wait(&self) {
        tokio::time::sleep((self.since.elapsed() / 8).clamp(WAIT_MIN, WAIT_MAX)).await;
    }

    /// For consecutive ids: waits before the one look more.
    ///
    /// # Errors
    /// `Order` when that look came to the same.
    pub(crate) async fn wait_once(&self, blockage: &Blockage, place: &str) -> Result<()> {
        if self.since.elapsed() >= HOLE_RECHECK {
            return Err(hole(blockage, place));
        }
        tokio::time::sleep(HOLE_RECHECK).await;
        Ok(())
    }
}

/// Says that consecutive ids are not.
pub fn hole(blockage: &Blockage, place: &str) -> Error {
    Error::new(
        ErrorKind::Order,
        format!(
            "an id is missing: {} is followed by {}, and nothing can still appear between them",
            shown(blockage.after),
            shown(blockage.next)
        ),
    )
    .at(place)
    .fix("find out who removed or skipped it; if the gap is intended, add it to known_gaps")
}

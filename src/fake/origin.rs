//! How a world begins, and what it gives.

use super::clock::EventTime;
use super::locale::Locale;

/// The events of one transaction as JSON text; also the events of one call of `insert_events`.
pub type EventGroup = Vec<String>;

/// How a world begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorldOrigin {
    /// Decides everything, but for what `time` leaves open.
    pub seed: u64,
    /// Languages of names.
    pub locale: Locale,
    /// Where the time in events comes from.
    pub time: EventTime,
}

impl WorldOrigin {
    /// With this seed, and every default.
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

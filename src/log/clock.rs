//! Moments of the clock of day, for people and other programs.

use serde::{Serialize, Serializer};
use std::fmt;
use std::time::Instant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The present moment, as a line begins with it.
pub(super) fn now() -> String {
    stamp(OffsetDateTime::now_utc())
}

/// A moment as RFC 3339 writes it, in UTC: with year and zone, so that any reader of logs can order
/// lines by it.
fn stamp(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_else(|_| moment.unix_timestamp().to_string())
}

/// A moment of the clock of day, for people and other programs. Nothing is decided by it: that
/// clock may jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(OffsetDateTime);

impl WallTime {
    /// The present one.
    pub fn now() -> Self {
        Self(OffsetDateTime::now_utc())
    }

    /// Seconds since the beginning of 1970.
    pub(crate) fn unix_seconds(self) -> f64 {
        self.0.unix_timestamp_nanos() as f64 / 1e9
    }

    /// Seconds from an earlier moment to this one; negative where that one is later.
    pub(crate) fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0).as_seconds_f64()
    }

    /// The moment so many seconds before this one.
    pub(crate) fn earlier_by(self, seconds: f64) -> Self {
        Self(self.0.saturating_sub(time::Duration::saturating_seconds_f64(seconds)))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&stamp(self.0))
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Tells times of the monotonic clock by the clock of day. One time is told as one moment, again
/// and again, until the clock of day is set.
#[derive(Clone, Copy, Debug)]
pub struct DayClock {
    instant: Instant,
    moment: WallTime,
}

/// The clocks run apart by so much before the clock of day counts as set.
const DAY_CLOCK_DRIFT_MAX: time::Duration = time::Duration::SECOND;

impl DayClock {
    /// As both clocks stand now.
    pub fn now() -> Self {
        Self { instant: Instant::now(), moment: WallTime::now() }
    }

    /// Follows the clock of day if it was set.
    pub fn follow(&mut self) {
        let now = Self::now();
        let drift = self.moment_of(now.instant).0 - now.moment.0;
        if drift.abs() > DAY_CLOCK_DRIFT_MAX {
            *self = now;
        }
    }

    /// A time by the clock of day.
    pub fn moment_of(&self, instant: Instant) -> WallTime {
        let span = |duration: std::time::Duration| {
            time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
        };
        let later = span(instant.saturating_duration_since(self.instant));
        let earlier = span(self.instant.saturating_duration_since(instant));
        WallTime(self.moment.0.saturating_add(later).saturating_sub(earlier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_tells_year_and_zone() {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_000_000).unwrap();
        assert_eq!(stamp(moment), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn times_before_and_after_now_are_told_by_the_clock_of_day_as_json_has_it() {
        let moment = WallTime(OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap());
        let clock =
            DayClock { instant: Instant::now() + std::time::Duration::from_secs(60), moment };
        let told = |at| serde_json::to_string(&clock.moment_of(at)).unwrap();
        assert_eq!(told(clock.instant), "\"2023-11-14T22:13:20Z\"");
        assert_eq!(
            told(clock.instant + std::time::Duration::from_millis(1500)),
            "\"2023-11-14T22:13:21.5Z\""
        );
        assert_eq!(
            told(clock.instant - std::time::Duration::from_secs(20)),
            "\"2023-11-14T22:13:00Z\""
        );
    }

    #[test]
    fn a_time_is_told_as_the_same_moment_until_the_clock_of_day_is_set() {
        let mut clock = DayClock::now();
        let (instant, moment) = (clock.instant, clock.moment);
        clock.follow();
        assert_eq!(clock.moment_of(instant), moment);
        clock.moment.0 -= time::Duration::hours(1);
        clock.follow();
        assert!(clock.moment_of(instant).0 - moment.0 < DAY_CLOCK_DRIFT_MAX);
        assert!(moment.0 - clock.moment_of(instant).0 < DAY_CLOCK_DRIFT_MAX);
    }
}

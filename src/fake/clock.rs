//! The time in events: by the seed alone, or by the clock of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

const MS_PER_DAY: u64 = 86_400_000;

/// Where the time in events comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventTime {
    /// The seed alone: it starts with 2026, so that the same seed gives the same bytes.
    #[default]
    Seeded,
    /// The clock of this machine; everything else still depends on the seed alone.
    Real,
}

/// The time of one world.
#[derive(Debug)]
pub(super) struct WorldClock {
    time: EventTime,
    /// Milliseconds since 1970 of the time that only the generator knows.
    seeded_ms: u64,
}

impl WorldClock {
    /// 2026-01-01T00:00:00.000Z, or now.
    pub(super) fn new(time: EventTime) -> Self {
        Self { time, seeded_ms: 20_454 * MS_PER_DAY }
    }

    /// Goes on, and gives the new time as JavaScript writes it: `2026-01-01T00:00:00.042Z`.
    pub(super) fn after_ms(&mut self, elapsed_ms: u64) -> String {
        self.seeded_ms += elapsed_ms;
        match self.time {
            EventTime::Seeded => stamp(self.seeded_ms),
            EventTime::Real => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                stamp(u64::try_from(since_1970.as_millis()).unwrap_or(self.seeded_ms))
            }
        }
    }
}

fn stamp(ms_since_1970: u64) -> String {
    let (year, month, day) = date(ms_since_1970 / MS_PER_DAY);
    let ms = ms_since_1970 % MS_PER_DAY;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1_000)
}

/// Year, month and day of a day counted from 1970-01-01, by eras of 400 years that begin with March
/// (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_with_2026_and_knows_leap_days() {
        let mut clock = WorldClock::new(EventTime::Seeded);
        assert_eq!(clock.after_ms(42), "2026-01-01T00:00:00.042Z");
        assert_eq!(clock.after_ms(MS_PER_DAY * 789 + 3_661_000), "2028-02-29T01:01:01.042Z");
        assert_eq!(clock.after_ms(MS_PER_DAY), "2028-03-01T01:01:01.042Z");
    }

    #[test]
    fn the_real_time_is_written_in_the_same_form_and_is_not_that_of_the_seed() {
        let now = WorldClock::new(EventTime::Real).after_ms(1);
        assert_eq!((now.len(), now.ends_with('Z')), (24, true), "{now}");
        assert_ne!(now, WorldClock::new(EventTime::Seeded).after_ms(1));
    }
}

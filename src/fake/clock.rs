//! A clock that depends on the seed alone: it starts at a fixed moment and goes on by what it is told.

const MS_PER_DAY: u64 = 86_400_000;

/// Milliseconds since 1970 of a time that only the generator knows.
#[derive(Debug)]
pub(super) struct Clock(u64);

impl Clock {
    /// 2026-01-01T00:00:00.000Z.
    pub(super) fn new() -> Self {
        Self(20_454 * MS_PER_DAY)
    }

    /// Goes on, and gives the new time as JavaScript writes it: `2026-01-01T00:00:00.042Z`.
    pub(super) fn after_ms(&mut self, elapsed_ms: u64) -> String {
        self.0 += elapsed_ms;
        let (year, month, day) = date(self.0 / MS_PER_DAY);
        let ms = self.0 % MS_PER_DAY;
        let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        format!(
            "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z",
            ms % 1_000
        )
    }
}

/// Year, month and day of a day counted from 1970-01-01, by eras of 400 years that begin with March (H. Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_with_2026_and_knows_leap_days() {
        let mut clock = Clock::new();
        assert_eq!(clock.after_ms(42), "2026-01-01T00:00:00.042Z");
        assert_eq!(clock.after_ms(MS_PER_DAY * 789 + 3_661_000), "2028-02-29T01:01:01.042Z");
        assert_eq!(clock.after_ms(MS_PER_DAY), "2028-03-01T01:01:01.042Z");
    }
}

//! Time stamps whose microseconds were lost on the way.

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// Whether the second value, in microseconds, is the first one cut to milliseconds, and another: so
/// slate's replicator stores it.
pub(crate) fn is_cut_to_ms(first: i64, second: i64) -> bool {
    is_altered(first, second) && second == to_ms(first)
}

/// Whether the second value, in microseconds, is the first one cut or rounded to milliseconds, and
/// another, as a program with the time of JavaScript stores it.
pub(crate) fn is_cut_or_rounded_to_ms(first: i64, second: i64) -> bool {
    let is_rounded = || second == to_ms(first.saturating_add(500));
    is_cut_to_ms(first, second) || (is_altered(first, second) && is_rounded())
}

/// Infinities are never altered.
fn is_altered(first: i64, second: i64) -> bool {
    first != second && ![i64::MIN, i64::MAX].contains(&first)
}

fn to_ms(us: i64) -> i64 {
    us.saturating_sub(us.rem_euclid(1000))
}

/// The microseconds of a `timestamp` or `timestamptz` as the pinned settings write it: `2026-01-02
/// 03:04:05.678901+00`, ` BC` at its end before our era. Counted from some day, the same for all;
/// `None` for infinity and for what is no such text.
pub(crate) fn microseconds(text: &str) -> Option<i64> {
    let (text, is_before_our_era) =
        text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let text = text.strip_suffix("+00").unwrap_or(text);
    let (date, time) = text.split_once(' ')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let year = if is_before_our_era { 1 - year } else { year };
    let mut time = time.splitn(3, ':');
    let (hours, minutes): (i64, i64) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    let (seconds, fraction) =
        time.next().map(|rest| rest.split_once('.').unwrap_or((rest, "0")))?;
    let fraction: i64 = (fraction.len() <= 6).then(|| format!("{fraction:0<6}"))?.parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    let of_day = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction;
    days(year, month, day).checked_mul(DAY_US)?.checked_add(of_day)
}

/// Days from the first of March of the year 0 of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year.saturating_mul(365) + leaps + (153 * month + 2) / 5 + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_may_be_cut_or_rounded_and_nothing_else() {
        for (first, second, is_cut, is_rounded) in [
            (1_234_567, 1_234_000, true, false),
            (1_234_567, 1_235_000, false, true),
            (1_234_400, 1_235_000, false, false),
            (1_234_567, 1_234_566, false, false),
            (1_234_000, 1_235_000, false, false),
            (1_234_000, 1_234_000, false, false),
            (1_234_567, 1_000_000, false, false),
            (-1_500, -2_000, true, false),
            (-1_500, -1_000, false, true),
            (1_000, 1_567, false, false),
            (i64::MAX, 0, false, false),
            (i64::MAX, i64::MAX - i64::MAX.rem_euclid(1000), false, false),
            (i64::MAX - 1, i64::MAX, false, false),
        ] {
            assert_eq!(is_cut_to_ms(first, second), is_cut, "{first} {second}");
            assert_eq!(
                is_cut_or_rounded_to_ms(first, second),
                is_cut || is_rounded,
                "{first} {second}"
            );
        }
    }

    #[test]
    fn a_text_is_read_to_the_microsecond_over_the_ends_of_months_and_eras() {
        for (earlier, later, apart) in [
            ("2026-01-02 03:04:05.000001+00", "2026-01-02 03:04:05.000002+00", 1),
            ("2025-12-31 23:59:59.9996", "2026-01-01 00:00:00", 400),
            ("2024-02-28 23:59:59.999999+00", "2024-02-29 00:00:00+00", 1),
            ("1900-02-28 00:00:00+00", "1900-03-01 00:00:00+00", DAY_US),
            ("0001-12-31 23:59:59.999999+00 BC", "0001-01-01 00:00:00+00", 1),
            ("9999-12-31 00:00:00+00", "10000-01-01 00:00:00+00", DAY_US),
        ] {
            let between =
                microseconds(later).expect("a time") - microseconds(earlier).expect("a time");
            assert_eq!(between, apart, "{earlier} {later}");
        }
        for none in ["infinity", "-infinity", "", "2026-01-02", "2026-01-02 03:04", "a-b-c d:e:f"] {
            assert_eq!(microseconds(none), None, "{none}");
        }
    }
}

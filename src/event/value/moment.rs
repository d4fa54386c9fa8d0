//! Dates, times and intervals in binary form to text: `EncodeDateTime` and its like
//! (utils/adt/datetime.c) with DateStyle ISO, TimeZone UTC and IntervalStyle iso_8601.

use super::damage::{DamagedBytes, exactly, taken};
use std::borrow::Cow;
use std::fmt::Write;

const US_PER_SECOND: i64 = 1_000_000;
const US_PER_MINUTE: i64 = 60 * US_PER_SECOND;
const US_PER_HOUR: i64 = 60 * US_PER_MINUTE;
const US_PER_DAY: i64 = 24 * US_PER_HOUR;
/// From 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i64 = 10_957;
/// The days of a `date`: 4714-11-24 BC and 5874898-01-01, the last one excluded
/// (datatype/timestamp.h).
const DAYS: std::ops::Range<i32> = -2_451_545..2_145_031_949;
/// The microseconds of a `timestamp`: from 4714-11-24 BC until 294277-01-01.
const TIMESTAMPS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;
/// A zone is less than this many seconds from UTC.
const ZONE_SECONDS_MAX: i32 = 16 * 3600;

pub(super) fn date(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let days = i32::from_be_bytes(exactly(field)?);
    match days {
        i32::MAX => return Ok("infinity".into()),
        i32::MIN => return Ok("-infinity".into()),
        _ if !DAYS.contains(&days) => return Err(DamagedBytes("it is a date out of range")),
        _ => {}
    }
    let day = CalendarDay::at(i64::from(days));
    Ok(format!("{}{}", day.date, day.era).into())
}

pub(super) fn timestamp(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    stamp(field, "")
}

pub(super) fn timestamptz(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    stamp(field, "+00")
}

fn stamp(field: &[u8], zone: &str) -> Result<Cow<'static, str>, DamagedBytes> {
    let us = i64::from_be_bytes(exactly(field)?);
    match us {
        i64::MAX => return Ok("infinity".into()),
        i64::MIN => return Ok("-infinity".into()),
        _ if !TIMESTAMPS.contains(&us) => {
            return Err(DamagedBytes("it is a time stamp out of range"));
        }
        _ => {}
    }
    let day = CalendarDay::at(us.div_euclid(US_PER_DAY));
    let mut text = day.date;
    text.push(' ');
    push_clock(us.rem_euclid(US_PER_DAY), &mut text);
    text.push_str(zone);
    text.push_str(day.era);
    Ok(text.into())
}

pub(super) fn time(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    clock(exactly(field)?).map(Cow::Owned)
}

/// The zone is in seconds west of UTC.
pub(super) fn timetz(mut field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let mut text = clock(taken(&mut field)?)?;
    let west = i32::from_be_bytes(exactly(field)?);
    if west.checked_abs().is_none_or(|seconds| seconds >= ZONE_SECONDS_MAX) {
        return Err(DamagedBytes("it is in a zone out of range"));
    }
    let (sign, seconds) = (if west <= 0 { '+' } else { '-' }, west.abs());
    let _ = write!(text, "{sign}{:02}", seconds / 3600);
    if seconds % 3600 != 0 {
        let _ = write!(text, ":{:02}", seconds / 60 % 60);
    }
    if seconds % 60 != 0 {
        let _ = write!(text, ":{:02}", seconds % 60);
    }
    Ok(text.into())
}

/// Midnight at the end of a day is a time: `24:00:00`.
fn clock(field: [u8; 8]) -> Result<String, DamagedBytes> {
    let us = i64::from_be_bytes(field);
    if !(0..=US_PER_DAY).contains(&us) {
        return Err(DamagedBytes("it is a time out of range"));
    }
    let mut text = String::with_capacity(24);
    push_clock(us, &mut text);
    Ok(text)
}

fn push_clock(us: i64, text: &mut String) {
    let (hour, minute) = (us / US_PER_HOUR, us % US_PER_HOUR / US_PER_MINUTE);
    let _ = write!(text, "{hour:02}:{minute:02}:{:02}", us % US_PER_MINUTE / US_PER_SECOND);
    push_fraction(us % US_PER_SECOND, text);
}

fn push_fraction(us: i64, text: &mut String) {
    if us != 0 {
        let fraction = format!(".{us:06}");
        text.push_str(fraction.trim_end_matches('0'));
    }
}

/// Microseconds, days and months. Each part has a sign of its own.
pub(super) fn interval(mut field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let us = i64::from_be_bytes(taken(&mut field)?);
    let days = i32::from_be_bytes(taken(&mut field)?);
    let months = i32::from_be_bytes(exactly(field)?);
    match (us, days, months) {
        (i64::MAX, i32::MAX, i32::MAX) => return Ok("infinity".into()),
        (i64::MIN, i32::MIN, i32::MIN) => return Ok("-infinity".into()),
        (0, 0, 0) => return Ok("PT0S".into()),
        _ => {}
    }
    let mut text = String::from("P");
    push_part(i64::from(months / 12), 'Y', &mut text);
    push_part(i64::from(months % 12), 'M', &mut text);
    push_part(i64::from(days), 'D', &mut text);
    if us != 0 {
        text.push('T');
        push_part(us / US_PER_HOUR, 'H', &mut text);
        push_part(us % US_PER_HOUR / US_PER_MINUTE, 'M', &mut text);
    }
    let seconds = us % US_PER_MINUTE;
    if seconds != 0 {
        let sign = if seconds < 0 { "-" } else { "" };
        let _ = write!(text, "{sign}{}", seconds.abs() / US_PER_SECOND);
        push_fraction(seconds.abs() % US_PER_SECOND, &mut text);
        text.push('S');
    }
    Ok(text.into())
}

fn push_part(value: i64, unit: char, text: &mut String) {
    if value != 0 {
        let _ = write!(text, "{value}{unit}");
    }
}

/// A day of the calendar.
struct CalendarDay {
    date: String,
    era: &'static str,
}

impl CalendarDay {
    /// So many days after 2000-01-01, in the Gregorian calendar extended to all times: an era of
    /// 400 years has 146,097 days, and a year begins in March.
    fn at(days: i64) -> Self {
        let from_era = days + EPOCH_DAYS + 719_468;
        let (era, day) = (from_era.div_euclid(146_097), from_era.rem_euclid(146_097));
        let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + 400 * era + i64::from(month <= 2);
        // There is no year 0: 1 BC is before 1.
        let (shown, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
        Self { date: format!("{shown:04}-{month:02}-{day:02}"), era }
    }
}

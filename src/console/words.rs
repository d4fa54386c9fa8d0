//! Numbers and times as a person reads them.

use crate::log::WallTime;
use crate::log::escape::fit;
use crate::log::secrets::discreet;

/// A narrow space that no line breaks at, between groups of three digits.
const GROUP_SPACE: char = '\u{202f}';

/// A name or a message from outside as a page may show it: without a password that it quotes, and
/// without what is no text. The template escapes it besides.
pub(super) fn shown(text: &str) -> String {
    fit(&discreet(text)).into_owned()
}

/// A name as a part of an address.
pub(super) fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// A count with its digits in groups of three.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(GROUP_SPACE);
        }
        out.push(digit);
    }
    out
}

/// An id, with its digits in groups of three.
pub(super) fn id(id: i64) -> String {
    let sign = if id < 0 { "-" } else { "" };
    format!("{sign}{}", count(id.unsigned_abs()))
}

/// An id, or that there is none.
pub(super) fn id_or_none(known: Option<i64>) -> String {
    known.map_or_else(|| "none".to_owned(), id)
}

/// A span of time: `3 ms`, `5.6 s`, `6 min 22 s`, `11 d 4 h`.
pub(super) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {:02} s", whole % 60),
        (0, _) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A span of time in whole seconds, for what is told to be so long ago: it changes once a second at
/// most.
pub(super) fn age(seconds: f64) -> String {
    if seconds < 59.5 { format!("{:.0} s", seconds.max(0.0)) } else { span(seconds) }
}

/// A number of bytes.
pub(super) fn bytes(number: f64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number.max(0.0);
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// So many events a second.
pub(super) fn rate(per_second: f64) -> String {
    let per_second = per_second.max(0.0);
    if per_second > 0.0 && per_second < 9.95 {
        return format!("{per_second:.1}/s");
    }
    format!("{}/s", count(per_second.round() as u64))
}

/// `1 event`, `5 events`.
pub(super) fn events(number: u64) -> String {
    if number == 1 { "1 event".to_owned() } else { format!("{} events", count(number)) }
}

/// The time of day of a moment, in UTC.
pub(super) fn clock(moment: WallTime) -> String {
    moment.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// Day and time of a moment, in UTC.
pub(super) fn moment(moment: WallTime) -> String {
    let text = moment.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// `a`, `a and b`, `a, b and c`; more than that is counted.
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= 3 => format!("{} and {last}", first.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_spans_have_the_unit_that_a_person_takes() {
        assert_eq!(count(999), "999");
        assert_eq!(count(48_121_535), "48\u{202f}121\u{202f}535");
        assert_eq!(id(-1_000), "-1\u{202f}000");
        assert_eq!(
            id(i64::MIN),
            "-9\u{202f}223\u{202f}372\u{202f}036\u{202f}854\u{202f}775\u{202f}808"
        );
        for (seconds, words) in [
            (0.0, "0 ms"),
            (0.0034, "3 ms"),
            (0.9994, "999 ms"),
            (0.9996, "1.0 s"),
            (59.9, "59.9 s"),
            (59.96, "1 min 00 s"),
            (382.0, "6 min 22 s"),
            (7_260.0, "2 h 01 min"),
            (964_800.0, "11 d 4 h"),
        ] {
            assert_eq!(span(seconds), words);
        }
        assert_eq!(age(0.2), "0 s");
        assert_eq!(age(75.0), "1 min 15 s");
    }

    #[test]
    fn bytes_and_rates_have_three_digits_at_most_before_the_unit() {
        for (number, words) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (1_000.0, "1.0 kB"),
            (42_400_000.0, "42.4 MB"),
            (31.4e9, "31.4 GB"),
        ] {
            assert_eq!(bytes(number), words);
        }
        assert_eq!(rate(0.0), "0/s");
        assert_eq!(rate(0.4), "0.4/s");
        assert_eq!(rate(153_000.2), "153\u{202f}000/s");
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d"]), "a, b and 2 more");
    }
}

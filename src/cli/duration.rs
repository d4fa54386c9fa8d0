//! Times as they are written in flags: `500ms`, `60s`, `5m`, `1h`, `7d`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a time.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, milliseconds)| number.parse::<u64>().ok()?.checked_mul(*milliseconds));
    let milliseconds = milliseconds.ok_or_else(|| {
        "write a number and its unit, such as 500ms, 60s, 5m, 1h or 7d".to_owned()
    })?;
    Ok(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("500ms", 500),
            ("60s", 60_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "1 s", "1w", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}

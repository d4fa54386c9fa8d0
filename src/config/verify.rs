//! `[verify]`: whether and how a replication compares its destinations again and again.

use super::file::reader::{ConfigReader, ConfigSection};
use super::settings::{amount, found, word};
use std::time::Duration;

/// Seconds of each unit in which a time may be written.
const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
const EVERY_SECONDS_MAX: u64 = 366 * 86_400;

/// `[verify]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyConfig {
    /// A round through all rows begins when so much time has passed since the last one began;
    /// `None`, the default: nothing is compared.
    pub every: Option<Duration>,
    /// Rows of the source that are read in a second at most, for all destinations together; default
    /// 2,000.
    pub rows_per_second: u32,
    /// What follows from a difference; default: it is told.
    pub on_difference: DifferenceReaction,
}

/// `on_difference = "…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceReaction {
    /// It is told, and the replication goes on.
    Report,
    /// The replication ends, with exit code 4.
    Stop,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self { every: None, rows_per_second: 2_000, on_difference: DifferenceReaction::Report }
    }
}

/// Reads `[verify]`.
pub(super) fn verify<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> VerifyConfig {
    let every = found(reader, section, "every", |reader, found| {
        let text = reader.text(found)?;
        if text.value.is_empty() {
            return None;
        }
        let every = every(&text.value);
        if every.is_none() {
            let what = format!("{} cannot be {:?}", found.key, text.written);
            let fix = "write a number and its unit, such as 90m, 24h or 7d (s, m, h, d; a year at \
                       most), or \"\" to compare nothing";
            reader.problem(found.node.at, &found.key, what, fix);
        }
        every
    });
    let rows_per_second = amount(reader, section, "rows_per_second");
    VerifyConfig {
        every,
        rows_per_second: u32::try_from(rows_per_second).unwrap_or(u32::MAX),
        on_difference: match word(reader, section, "on_difference") {
            "stop" => DifferenceReaction::Stop,
            _ => DifferenceReaction::Report,
        },
    }
}

/// `90m`, `24h` or `7d`, above zero.
fn every(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let seconds = number.parse::<u64>().ok()?.checked_mul(*unit)?;
    (1..=EVERY_SECONDS_MAX).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_rounds_is_a_number_and_its_unit() {
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(every(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["0s", "24", "h", "-1h", "1.5h", "24 h", "367d", "99999999999999999999d", "1w"]
        {
            assert_eq!(every(text), None, "{text}");
        }
    }
}

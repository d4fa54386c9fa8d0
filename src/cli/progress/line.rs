//! One line of progress, as wide as there is room.

use std::fmt::Display;
use std::time::Duration;

const BAR_COLUMNS_MAX: usize = 30;
/// A shorter bar tells nothing.
const BAR_COLUMNS_MIN: usize = 5;
const NAME_COLUMNS_MAX: usize = 20;

/// How far something has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ProgressLine {
    /// What it is about, where several are.
    pub name: String,
    /// What is done.
    pub done: u64,
    /// Of how much; `None`: it has no end.
    pub total: Option<u64>,
    /// What is counted; may be empty.
    pub unit: &'static str,
    /// How quick it is.
    pub per_second: Option<f64>,
    /// How long it still takes.
    pub left: Option<Duration>,
    /// Why it does not get on.
    pub word: Option<String>,
}

impl ProgressLine {
    /// In so many columns at most: the bar becomes shorter and goes, then what stands last goes.
    pub(crate) fn fitted(&self, columns: usize) -> String {
        let mut parts = vec![self.count()];
        parts.extend(self.per_second.map(|rate| format!("{}/s", counted(rate.round()))));
        parts.extend(
            self.left.map(|left| format!("{} left", seconds(left.as_secs_f64().ceil() as u64))),
        );
        parts.extend(self.word.clone());
        let name = shortened(&self.name, NAME_COLUMNS_MAX.min(columns / 3));
        while parts.len() > 1 && columns_of(&name) + columns_of(&parts.join(" ")) + 1 > columns {
            parts.pop();
        }
        let figures = parts.join(" ");
        let free = columns.saturating_sub(columns_of(&figures) + 1);
        let name = if columns_of(&name) <= free { name } else { String::new() };
        let bar = self.bar(free.saturating_sub(columns_of(&name) + 1).min(BAR_COLUMNS_MAX));
        let words = [name, bar, figures].into_iter().filter(|word| !word.is_empty());
        shortened(&words.collect::<Vec<_>>().join(" "), columns)
    }

    fn count(&self) -> String {
        let total = self.total.map(|total| format!("/{}", counted(total))).unwrap_or_default();
        let count = format!("{}{total} {}", counted(self.done), self.unit);
        count.trim_end().to_owned()
    }

    /// Empty where it has no end, or no room.
    fn bar(&self, columns: usize) -> String {
        let Some(total) = self.total.filter(|_| columns >= BAR_COLUMNS_MIN) else {
            return String::new();
        };
        let share = self.done.min(total) as f64 / total.max(1) as f64;
        let full = (share * columns as f64) as usize;
        format!("{}{}", "█".repeat(full), "░".repeat(columns - full))
    }
}

/// A count with commas between its thousands.
pub(crate) fn counted(count: impl Display) -> String {
    let digits = count.to_string();
    let (sign, digits) =
        digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A line of words, in so many columns at most.
pub(crate) fn phrase(name: &str, words: &str, columns: usize) -> String {
    let name = shortened(name, NAME_COLUMNS_MAX.min(columns / 3));
    shortened(format!("{name} {words}").trim_start(), columns)
}

/// Seconds as a person says them: `7s`, `3m 20s`, `2h 05m`, `4d 03h`.
pub(crate) fn seconds(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600, seconds / 60) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {:02}m", minutes % 60),
        (days, hours, _) => format!("{days}d {:02}h", hours % 24),
    }
}

/// Counts two columns for whatever may be wide.
fn columns_of(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

fn char_columns(character: char) -> usize {
    let is_narrow = character < '\u{1100}' || ['█', '░', '…'].contains(&character);
    if is_narrow { 1 } else { 2 }
}

fn shortened(text: &str, columns: usize) -> String {
    if columns_of(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let begin = text.chars().take_while(|character| {
        let fits = char_columns(*character) <= room;
        room = room.saturating_sub(char_columns(*character));
        fits
    });
    begin.chain((columns > 0).then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> ProgressLine {
        ProgressLine {
            done: 320_026,
            total: Some(400_000),
            per_second: Some(11_286.4),
            left: Some(Duration::from_millis(6_200)),
            ..ProgressLine::default()
        }
    }

    #[test]
    fn figures_have_separators_and_no_decimals_and_the_bar_takes_what_is_left() {
        assert_eq!(
            line().fitted(79),
            "████████████████████████░░░░░░ 320,026/400,000 11,286/s 7s left"
        );
        assert_eq!(line().fitted(39), "████░ 320,026/400,000 11,286/s 7s left");
        assert_eq!(line().fitted(37), "320,026/400,000 11,286/s 7s left");
        assert_eq!(line().fitted(30), "320,026/400,000 11,286/s");
    }

    #[test]
    fn thousands_are_separated_and_a_sign_is_no_digit() {
        let shown: Vec<String> = [0, 999, 1_000, -100, -1_234, 1_234_567].map(counted).into();
        assert_eq!(shown, ["0", "999", "1,000", "-100", "-1,234", "1,234,567"]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let line = ProgressLine {
            name: "größte Replikation der 世界".to_owned(),
            done: 18_000_000_000,
            total: Some(u64::MAX),
            unit: "events",
            word: Some("waiting".to_owned()),
            ..line()
        };
        for columns in 0..120 {
            let fitted = line.fitted(columns);
            assert!(columns_of(&fitted) <= columns, "{columns}: {fitted}");
        }
        assert!(line.fitted(119).starts_with("größte Replikation … ░"), "{}", line.fitted(119));
    }

    #[test]
    fn what_has_no_end_has_no_bar_and_nothing_done_is_an_empty_one() {
        let endless = ProgressLine { total: None, left: None, unit: "events", ..line() };
        assert_eq!(endless.fitted(79), "320,026 events 11,286/s");
        let nothing = ProgressLine { total: Some(0), ..ProgressLine::default() };
        assert_eq!(nothing.fitted(40), format!("{} 0/0", "░".repeat(30)));
    }

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        assert_eq!(
            (seconds(0), seconds(59), seconds(200)),
            ("0s".into(), "59s".into(), "3m 20s".into())
        );
        assert_eq!((seconds(7500), seconds(356_400)), ("2h 05m".into(), "4d 03h".into()));
    }
}

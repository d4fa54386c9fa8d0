//! The latest lines of the log that tell of a change or a warning, kept in memory for a window.

use super::clock::WallTime;
use super::key::{DATABASE, DESTINATION, ERROR, FIX, REPLICATION};
use slog::{Drain, KV, Key, Level, Logger, OwnedKVList, Record, Serializer, o};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// So many are kept.
const LINES_MAX: usize = 50;
/// No text of a line is kept longer, in bytes.
const TEXT_BYTES_MAX: usize = 600;
/// The tag of lines that tell of no change.
pub(crate) const ROUTINE: &str = "routine";

/// What a warning is about, by its key, and what is said before it.
const ABOUT: [(&str, &str); 7] = [
    (DATABASE, ""),
    ("what", ""),
    ("differences", ""),
    ("for", ""),
    ("sequence", ""),
    ("holder", ""),
    ("held_by", "held by process "),
];

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentLine {
    /// When.
    pub at: WallTime,
    /// Its level.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// Of which replication, where the process has several.
    pub replication: Option<String>,
    /// Of which destination.
    pub destination: Option<String>,
    /// Of a warning: what it is about, such as who holds a lock.
    pub about: Option<String>,
    /// What went wrong, in one line.
    pub error: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
}

/// The latest lines; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct RecentLines(Arc<Mutex<VecDeque<RecentLine>>>);

impl RecentLines {
    /// All of them, the latest first.
    pub fn latest(&self) -> Vec<RecentLine> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().cloned().collect()
    }

    fn add(&self, line: RecentLine) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Hands every record on, and keeps those that tell of a change or a warning.
pub(super) struct RecentDrain<D> {
    /// `None`: nothing is kept.
    pub(super) lines: Option<RecentLines>,
    pub(super) drain: D,
}

impl<D: Drain<Ok = (), Err = slog::Never>> Drain for RecentDrain<D> {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        let is_news = record.level().is_at_least(Level::Info) && record.tag() != ROUTINE;
        if let Some(lines) = self.lines.as_ref().filter(|_| is_news) {
            let mut facts = LineFacts::default();
            // What cannot be told in words is left out.
            let _ = values.serialize(record, &mut facts);
            let _ = record.kv().serialize(record, &mut facts);
            let about = if record.level().is_at_least(Level::Warning) {
                facts.about.into_iter().flatten().collect::<Vec<_>>().join(", ")
            } else {
                String::new()
            };
            lines.add(RecentLine {
                at: WallTime::now(),
                level: record.level(),
                message: shortened(&record.msg().to_string()),
                replication: facts.replication,
                destination: facts.destination,
                about: Some(about).filter(|about| !about.is_empty()),
                error: facts.error,
                fix: facts.fix.filter(|fix| !fix.is_empty()),
            });
        }
        self.drain.log(record, values)
    }
}

/// A logger that hands everything on to this one, and keeps what tells of a change or a warning.
pub(crate) fn watched(log: Logger, lines: RecentLines) -> Logger {
    Logger::root(RecentDrain { lines: Some(lines), drain: log.fuse() }.fuse(), o!())
}

/// The values of a record that a window shows.
#[derive(Default)]
struct LineFacts {
    replication: Option<String>,
    destination: Option<String>,
    /// In the order of [`ABOUT`].
    about: [Option<String>; ABOUT.len()],
    error: Option<String>,
    fix: Option<String>,
}

impl Serializer for LineFacts {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        let field = match key {
            REPLICATION => &mut self.replication,
            DESTINATION => &mut self.destination,
            ERROR => &mut self.error,
            FIX => &mut self.fix,
            _ => match ABOUT.iter().position(|(known, _)| *known == key) {
                Some(at) => {
                    let text = format!("{}{value}", ABOUT[at].1);
                    self.about[at] = Some(shortened(&text));
                    return Ok(());
                }
                None => return Ok(()),
            },
        };
        *field = Some(shortened(&value.to_string()));
        Ok(())
    }
}

/// The beginning of a text that is too long.
fn shortened(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use slog::{Discard, info, warn};

    fn logger() -> (Logger, RecentLines) {
        let lines = RecentLines::default();
        let drain = RecentDrain { lines: Some(lines.clone()), drain: Discard };
        (Logger::root(drain, o!(REPLICATION => "orders")), lines)
    }

    #[test]
    fn changes_and_warnings_are_kept_with_whom_they_concern_and_routine_is_not() {
        let (log, lines) = logger();
        info!(log, # ROUTINE, "how it stands"; DESTINATION => "copy");
        slog::debug!(log, "a batch");
        warn!(log, "the destination was lost"; DESTINATION => "copy", ERROR => "refused", FIX => "");
        let kept = lines.latest();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].message, "the destination was lost");
        assert_eq!(kept[0].replication.as_deref(), Some("orders"));
        assert_eq!(kept[0].destination.as_deref(), Some("copy"));
        assert_eq!((kept[0].error.as_deref(), kept[0].fix.as_deref()), (Some("refused"), None));
    }

    #[test]
    fn a_warning_says_what_it_is_about_and_a_line_that_warns_of_nothing_does_not() {
        let (log, lines) = logger();
        info!(log, "the destination was checked"; DATABASE => "db1/orders");
        warn!(log, "a check waits"; "held_by" => "7, 8", DATABASE => "db1/orders");
        warn!(log, "about the source"; "what" => "nothing refuses UPDATE");
        let about: Vec<_> = lines.latest().into_iter().map(|line| line.about).collect();
        let said = |text: &str| Some(text.to_owned());
        let waits = said("db1/orders, held by process 7, 8");
        assert_eq!(about, [said("nothing refuses UPDATE"), waits, None]);
    }

    #[test]
    fn the_oldest_goes_and_no_text_is_kept_beyond_its_limit() {
        let (log, lines) = logger();
        for number in 0..LINES_MAX + 3 {
            info!(log, "line {}", number; ERROR => "ü".repeat(1000));
        }
        let kept = lines.latest();
        assert_eq!(kept.len(), LINES_MAX);
        assert_eq!(kept[0].message, format!("line {}", LINES_MAX + 2));
        assert_eq!(kept[LINES_MAX - 1].message, "line 3");
        assert!(kept[0].error.as_ref().unwrap().len() <= TEXT_BYTES_MAX + "…".len());
    }
}

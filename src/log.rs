//! Logging: text for a person, one JSON object a line for a machine; nothing is dropped on
//! overflow.

pub mod escape;
mod fit;
mod json;
pub mod key;
pub mod secrets;
mod value;

pub use value::{LoggedId, logged_id};

use fit::FitDecorator;
use json::JsonLines;
use serde::{Serialize, Serializer};
use slog::{Drain, Level, LevelFilter, Logger, OwnedKVList, Record};
use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text on a terminal, otherwise JSON.
    #[default]
    Auto,
    /// For a person.
    Text,
    /// One object a line.
    Json,
}

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// When stdout carries no result.
    Stdout,
    /// When stdout carries a result.
    Stderr,
}

/// Keeps the writing thread alive: drop it last, so that every line is written.
#[must_use]
pub struct LogGuard(
    #[allow(dead_code, reason = "held for its drop, which flushes")] slog_async::AsyncGuard,
);

/// Something within which each line is written, so that it does not run into what stands on the
/// terminal.
pub type LineFrame = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// Starts logging at `level` and above. Lines block when the stream is slow: none is ever dropped.
pub fn start(level: Level, format: LogFormat, stream: LogStream) -> (Logger, LogGuard) {
    start_within(level, format, stream, None)
}

/// As [`start`]; where the stream is a terminal, each line is written within this.
pub fn start_within(
    level: Level,
    format: LogFormat,
    stream: LogStream,
    frame: Option<LineFrame>,
) -> (Logger, LogGuard) {
    let is_terminal = match stream {
        LogStream::Stdout => std::io::stdout().is_terminal(),
        LogStream::Stderr => std::io::stderr().is_terminal(),
    };
    let is_text = format == LogFormat::Text || (format == LogFormat::Auto && is_terminal);
    let drain: Box<dyn Drain<Ok = (), Err = slog::Never> + Send> = match (is_text, stream) {
        (true, LogStream::Stdout) => {
            Box::new(text(slog_term::TermDecorator::new().stdout().build()))
        }
        (true, LogStream::Stderr) => {
            Box::new(text(slog_term::TermDecorator::new().stderr().build()))
        }
        (false, LogStream::Stdout) => Box::new(JsonLines::new(std::io::stdout(), now)),
        (false, LogStream::Stderr) => Box::new(JsonLines::new(std::io::stderr(), now)),
    };
    match frame.filter(|_| is_terminal) {
        Some(frame) => written_apart(FramedDrain { drain, frame }, level),
        None => written_apart(drain, level),
    }
}

/// Hands records to a thread that writes them. Those below the level end here and wake no thread.
fn written_apart(
    drain: impl Drain<Ok = (), Err = slog::Never> + Send + 'static,
    level: Level,
) -> (Logger, LogGuard) {
    let (drain, guard) = slog_async::Async::new(drain)
        .chan_size(1024)
        .overflow_strategy(slog_async::OverflowStrategy::Block)
        .build_with_guard();
    (Logger::root(LevelFilter::new(drain, level).fuse(), slog::o!()), LogGuard(guard))
}

/// A logger that writes nothing, for work whose caller has no log.
pub fn none() -> Logger {
    Logger::root(slog::Discard, slog::o!())
}

fn text<D: slog_term::Decorator + Send + 'static>(
    decorator: D,
) -> impl Drain<Ok = (), Err = slog::Never> + Send {
    slog_term::FullFormat::new(FitDecorator(decorator))
        .use_custom_timestamp(|out: &mut dyn Write| slog_term::timestamp_local(out))
        .use_original_order()
        .build()
        .ignore_res()
}

/// The present moment, as a line begins with it.
fn now() -> String {
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

/// Writes each line within a frame.
struct FramedDrain<D> {
    drain: D,
    frame: LineFrame,
}

impl<D: Drain<Ok = (), Err = slog::Never>> Drain for FramedDrain<D> {
    type Ok = ();
    type Err = slog::Never;
    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        let mut written = Ok(());
        (self.frame)(&mut || written = self.drain.log(record, values));
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slog::{OwnedKVList, Record};
    use std::sync::mpsc;

    /// Passes on what would be written.
    struct Written(mpsc::Sender<String>);

    impl Drain for Written {
        type Ok = ();
        type Err = slog::Never;
        fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), slog::Never> {
            self.0.send(record.msg().to_string()).unwrap();
            Ok(())
        }
    }

    #[test]
    fn a_record_below_the_level_ends_before_the_thread_that_writes() {
        let (sender, written) = mpsc::channel();
        let (log, guard) = written_apart(Written(sender), Level::Info);
        // Values are read on the way into the channel, by the thread that logs.
        let (asked, values_read) = mpsc::channel();
        let value = |_: &Record<'_>| asked.send(()).unwrap();
        slog::debug!(log, "committed"; "events" => slog::FnValue(value));
        assert_eq!(values_read.try_iter().count(), 0);
        slog::info!(log, "caught up"; "events" => slog::FnValue(value));
        assert_eq!(values_read.try_iter().count(), 1);
        drop((log, guard));
        assert_eq!(written.iter().collect::<Vec<_>>(), ["caught up"]);
    }

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

//! Logging: text for a person, one JSON object a line for a machine; nothing is dropped on
//! overflow.

mod clock;
pub mod escape;
mod fit;
mod json;
pub mod key;
pub mod recent;
pub mod secrets;
mod value;

pub use clock::{DayClock, WallTime};
pub use value::{LoggedId, logged_id};

use clock::now;
use fit::FitDecorator;
use json::JsonLines;
use recent::{RecentDrain, RecentLines};
use slog::{Drain, Level, LevelFilter, Logger, OwnedKVList, Record};
use std::io::{IsTerminal, Write};
use std::sync::Arc;

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
    start_kept(level, format, stream, frame, None)
}

/// As [`start_within`]; what tells of a change or a warning is kept among these.
pub fn start_watched(
    level: Level,
    format: LogFormat,
    stream: LogStream,
    frame: Option<LineFrame>,
    recent: RecentLines,
) -> (Logger, LogGuard) {
    start_kept(level, format, stream, frame, Some(recent))
}

fn start_kept(
    level: Level,
    format: LogFormat,
    stream: LogStream,
    frame: Option<LineFrame>,
    recent: Option<RecentLines>,
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
        Some(frame) => written_apart(FramedDrain { drain, frame }, level, recent),
        None => written_apart(drain, level, recent),
    }
}

/// Hands records to a thread that writes them. Those below the level end here and wake no thread.
fn written_apart(
    drain: impl Drain<Ok = (), Err = slog::Never> + Send + 'static,
    level: Level,
    lines: Option<RecentLines>,
) -> (Logger, LogGuard) {
    let (drain, guard) = slog_async::Async::new(drain)
        .chan_size(1024)
        .overflow_strategy(slog_async::OverflowStrategy::Block)
        .build_with_guard();
    (
        Logger::root(
            LevelFilter::new(RecentDrain { lines, drain: drain.fuse() }, level).fuse(),
            slog::o!(),
        ),
        LogGuard(guard),
    )
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
        let (log, guard) = written_apart(Written(sender), Level::Info, None);
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
}

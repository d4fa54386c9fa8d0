//! What the demo tells: plain lines with the time at which each was true, and the replicator's own
//! words while it has trouble.

use crate::cli::output;
pub(crate) use crate::cli::progress::counted;
use crate::error::Error;
use crate::log::key;
use slog::{Drain, KV, Key, Logger, OwnedKVList, Record, Serializer};
use std::fmt::Arguments;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The teller. Lines can come from several threads.
#[derive(Debug)]
pub struct DemoStory {
    began: Instant,
    is_quoting: AtomicBool,
    last_quote: Mutex<String>,
    failure: Mutex<Option<Error>>,
}

impl DemoStory {
    /// The clock of all lines starts now.
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            is_quoting: AtomicBool::new(false),
            last_quote: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The first line.
    pub fn title(&self, line: &str) {
        self.put(&format!("counterfoil demo: {line}\n"));
    }

    /// One thing that has happened.
    pub(crate) fn say(&self, line: &str) {
        self.put(&format!("{:>6.1} s  {line}", self.elapsed().as_secs_f64()));
    }

    /// Text that belongs to no moment, after an empty line.
    pub fn text(&self, text: &str) {
        self.put(&format!("\n{text}"));
    }

    /// The play goes on without a reader; the first failure is kept for its end.
    fn put(&self, text: &str) {
        if let Err(error) = output::line(text) {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }

    /// What kept a line from being told.
    pub fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it is told too what the replicator logs about a destination.
    pub(crate) fn begin_quoting(&self) {
        self.is_quoting.store(true, Ordering::Relaxed);
    }

    /// From now on it is not.
    pub(crate) fn end_quoting(&self) {
        self.is_quoting.store(false, Ordering::Relaxed);
    }

    /// One line of the replicator; the same again, for another reason, is no news for this story.
    fn quote(&self, line: String) {
        let mut last = self.last_quote.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != line {
            self.say(&format!("  replicator: {line}"));
            *last = line;
        }
    }

    /// A log of which nothing is told but what is quoted, from `info` up.
    pub(crate) fn logger(self: &Arc<Self>) -> Logger {
        Logger::root(LogQuotes(Arc::clone(self)).filter_level(slog::Level::Info).fuse(), slog::o!())
    }
}

struct LogQuotes(Arc<DemoStory>);

impl Drain for LogQuotes {
    type Ok = ();
    type Err = slog::Never;
    fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), slog::Never> {
        let mut concerned = RecordDestination(None);
        // The only keys that fail are those that cannot be written, and this writes none.
        let _ = record.kv().serialize(record, &mut concerned);
        if let (RecordDestination(Some(destination)), true) =
            (concerned, self.0.is_quoting.load(Ordering::Relaxed))
        {
            self.0.quote(format!("{}: {destination}", record.msg()));
        }
        Ok(())
    }
}

/// The destination that a record is about.
struct RecordDestination(Option<String>);

impl Serializer for RecordDestination {
    fn emit_arguments(&mut self, key: Key, value: &Arguments<'_>) -> slog::Result {
        if key == key::DESTINATION {
            self.0 = Some(value.to_string());
        }
        Ok(())
    }
}

/// A position as [`counted`].
pub(crate) fn position(id: Option<i64>) -> String {
    id.map_or_else(|| "none".to_owned(), counted)
}

//! Says why committed events wait: which id, how many events, which transaction, since when.

use crate::error::Result;
use crate::event::range::shown;
use crate::log::key;
use crate::source::horizon::Oldest;
use crate::source::mark::{Hold, Looker};
use slog::{Logger, info, warn};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A hold is logged when it has lasted this long, and again as often.
const NOTE_AFTER: Duration = Duration::from_secs(10);
const NOTE_AGAIN: Duration = Duration::from_secs(60);
/// What is known of it is asked as often for others to see.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// Waiting events are counted up to this many.
pub const WAITING_MAX: i64 = 1_000_000;

/// What committed events wait for, seen by others.
#[derive(Clone, Debug, Default)]
pub struct View(Arc<Mutex<Option<String>>>);

impl View {
    /// In words; `None` while nothing waits.
    pub fn in_words(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, words: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

/// The hold in hand, if there is one.
#[derive(Debug, Default)]
pub struct Holding {
    hold: Option<(Hold, Instant)>,
    asked_at: Option<Instant>,
    noted_at: Option<Instant>,
    view: View,
}

impl Holding {
    /// A shared view of it.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// In words; `None` while nothing waits.
    pub fn in_words(&self) -> Option<String> {
        self.view.in_words()
    }

    /// Takes note of a hold; says so in the log when it lasts.
    ///
    /// # Errors
    /// Those of the server that is asked who holds.
    pub async fn note(&mut self, looker: &Looker, hold: Hold, log: &Logger) -> Result<()> {
        let since = self
            .hold
            .as_ref()
            .filter(|(known, _)| known.next == hold.next)
            .map_or_else(Instant::now, |(_, since)| *since);
        self.hold = Some((hold.clone(), since));
        if since.elapsed() < ASK_AFTER || self.asked_at.is_some_and(|at| at.elapsed() < NOTE_AFTER) {
            return Ok(());
        }
        self.asked_at = Some(Instant::now());
        let waiting = looker.count_waiting(hold.after).await?;
        let who = match &hold.holder {
            Some(holder) => looker.describe_holder(holder).await?,
            None => "the grace of a gap".to_owned(),
        };
        let words = in_words(&hold, waiting, &who);
        let is_news = self.noted_at.is_none_or(|at| at.elapsed() >= NOTE_AGAIN);
        if since.elapsed() >= NOTE_AFTER && is_news {
            self.noted_at = Some(Instant::now());
            warn!(log, "committed events wait for a transaction that may still insert before them";
                key::ID => hold.next, key::EVENTS => waiting, "holder" => &who);
        }
        self.view.set(Some(words));
        Ok(())
    }

    /// The hold is over.
    pub fn over(&mut self, log: &Logger) {
        if let Some((hold, since)) = self.hold.take() {
            if self.noted_at.take().is_some() {
                info!(log, "events wait no longer"; key::ID => hold.next, key::ELAPSED_MS => u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
            }
            self.asked_at = None;
            self.view.set(None);
        }
    }
}

fn in_words(hold: &Hold, waiting: i64, who: &str) -> String {
    let count = if waiting >= WAITING_MAX {
        format!("at least {waiting}")
    } else {
        waiting.to_string()
    };
    format!(
        "after id {}: {count} committed events from id {} on wait for {who}",
        shown(hold.after),
        hold.next
    )
}

/// A holder in words, from what our role may see of it.
pub fn holder_in_words(holder: &Oldest, role: &str, application: &str, state: &str, seconds: Option<f64>) -> String {
    let seen = holder.since.elapsed().as_secs_f64();
    let open = seconds.map_or_else(|| format!("at least {seen:.0} s"), |seconds| format!("{seconds:.0} s"));
    match holder.pid {
        Some(pid) => format!(
            "pid {pid} (application \"{application}\", user \"{role}\", {state}), open for {open}; end it, or: select pg_terminate_backend({pid})"
        ),
        None => format!(
            "the prepared transaction \"{application}\" of \"{role}\", open for {open}; see pg_prepared_xacts, then COMMIT PREPARED or ROLLBACK PREPARED"
        ),
    }
}

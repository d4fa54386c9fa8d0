//! What can be lost, the source as well as every lane: one machine of its life, and one rule of
//! retrying. Pure: nothing here waits or asks.

pub(crate) mod losses;

use crate::error::Error;
use std::time::{Duration, Instant};

/// The limits of waiting.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// First wait.
    pub wait_min: Duration,
    /// Longest wait (`retry_wait_max_ms`).
    pub wait_max: Duration,
}

/// The first wait.
const WAIT_MIN: Duration = Duration::from_millis(100);

impl RetryPolicy {
    /// Waits that double from a tenth of a second up to this.
    pub const fn up_to(wait_max: Duration) -> Self {
        Self { wait_min: WAIT_MIN, wait_max }
    }

    /// The wait after the n-th loss in a row: doubling, capped, and spread by `jitter` (0 to 1)
    /// over its upper half so that many do not come back at once.
    pub fn wait(&self, losses: u32, jitter: f64) -> Duration {
        let doubled = self.wait_min.saturating_mul(1 << losses.saturating_sub(1).min(20));
        let capped = doubled.min(self.wait_max);
        capped.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}

/// Where something is that can be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionPhase<T> {
    /// Not connected; due at this time.
    Closed {
        /// When.
        until: Instant,
    },
    /// Being connected and checked.
    Opening,
    /// Here, connected and checked.
    Open(T),
    /// Taken away to do work.
    Busy,
    /// Stopped until a person acts.
    Halted,
}

/// What follows from a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossOutcome {
    /// It is tried again after this wait.
    Waits {
        /// How long.
        wait: Duration,
        /// Whether it was not lost before, or with other words.
        is_news: bool,
    },
    /// It stopped for good.
    Halts,
    /// It had stopped for good before: nothing is news of it.
    None,
}

/// Something that can be lost: where it is, how often it was lost since it last did work, and why.
#[derive(Debug)]
pub struct Connection<T> {
    phase: ConnectionPhase<T>,
    /// Forgotten only when work was *done*.
    losses: u32,
    outage: Option<Outage>,
}

/// The time from a loss to the return.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Why it was lost, as the latest try has it.
    pub error: Error,
    /// When it was lost.
    pub since: Instant,
    /// When it was back; `None` while it is not.
    pub ended: Option<Instant>,
}

impl Outage {
    /// How long it lasted, or has lasted so far, in seconds to a tenth.
    pub(crate) fn seconds(&self) -> f64 {
        let until = self.ended.unwrap_or_else(Instant::now);
        (until.saturating_duration_since(self.since).as_secs_f64() * 10.0).round() / 10.0
    }
}

impl<T> Connection<T> {
    /// Closed, and due now.
    pub const fn new(now: Instant) -> Self {
        Self { phase: ConnectionPhase::Closed { until: now }, losses: 0, outage: None }
    }

    /// Where it is.
    pub fn phase(&self) -> &ConnectionPhase<T> {
        &self.phase
    }

    /// It, when it is here.
    pub fn open(&self) -> Option<&T> {
        if let ConnectionPhase::Open(open) = &self.phase { Some(open) } else { None }
    }

    /// When it is due to be opened, if that is what is waited for.
    pub fn due(&self) -> Option<Instant> {
        if let ConnectionPhase::Closed { until } = self.phase { Some(until) } else { None }
    }

    /// Whether it stopped for good.
    pub fn is_halted(&self) -> bool {
        matches!(self.phase, ConnectionPhase::Halted)
    }

    /// How often it was lost since it last did work.
    pub(crate) fn losses(&self) -> u32 {
        self.losses
    }

    /// Why it is lost or halted.
    pub fn lost_with(&self) -> Option<&Error> {
        self.present_outage().map(|outage| &outage.error)
    }

    /// The last outage, over or not.
    pub fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }

    fn present_outage(&self) -> Option<&Outage> {
        self.outage.as_ref().filter(|outage| outage.ended.is_none())
    }

    /// Notes that a task connects and checks it, if it was closed.
    pub fn begin_opening(&mut self) {
        if self.due().is_some() {
            self.phase = ConnectionPhase::Opening;
        }
    }

    /// It was connected and all checks passed: it is here, and lost no more. Gives whether it was
    /// waited for; otherwise it is dropped.
    pub fn opened(&mut self, open: T, now: Instant) -> bool {
        let is_awaited = matches!(self.phase, ConnectionPhase::Opening);
        if is_awaited {
            self.phase = ConnectionPhase::Open(open);
            if let Some(outage) = &mut self.outage {
                outage.ended.get_or_insert(now);
            }
        }
        is_awaited
    }

    /// Takes it away to do work, if it is here.
    pub fn take(&mut self) -> Option<T> {
        match std::mem::replace(&mut self.phase, ConnectionPhase::Busy) {
            ConnectionPhase::Open(open) => Some(open),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// It comes back from work. It is dropped when it was halted meanwhile.
    pub fn give_back(&mut self, open: T) {
        if matches!(self.phase, ConnectionPhase::Busy) {
            self.phase = ConnectionPhase::Open(open);
        }
    }

    /// Work was done: what was lost before is forgotten.
    pub fn worked(&mut self) {
        self.losses = 0;
    }

    /// It is opened again at this time, and is not to blame.
    pub fn reopen(&mut self, at: Instant) {
        if !self.is_halted() {
            self.phase = ConnectionPhase::Closed { until: at };
        }
    }

    /// It is due now, also when it had stopped. Gives whether it waited or had stopped.
    pub fn retry(&mut self, now: Instant) -> bool {
        let is_waiting = self.is_halted() || self.due().is_some();
        if is_waiting {
            self.phase = ConnectionPhase::Closed { until: now };
        }
        is_waiting
    }

    /// It failed: it waits, or stops for good. `jitter` is a random number from 0 to 1.
    ///
    /// A table that is not as it was while work went on is judged by the checks of the next
    /// opening. Where they find nothing, and it comes again before any work was done, a person is
    /// needed.
    pub fn lose(
        &mut self,
        error: Error,
        policy: &RetryPolicy,
        jitter: f64,
        now: Instant,
    ) -> LossOutcome {
        if self.is_halted() {
            return LossOutcome::None;
        }
        let is_news = self.lost_with().is_none_or(|known| known.to_string() != error.to_string());
        let is_at_work = matches!(self.phase, ConnectionPhase::Open(_) | ConnectionPhase::Busy);
        let is_checked_again = error.is_of_schema() && is_at_work && self.losses == 0;
        let is_retried = error.kind().consequence().is_retried || is_checked_again;
        let since = self.present_outage().map_or(now, |outage| outage.since);
        self.outage = Some(Outage { error, since, ended: None });
        if !is_retried {
            self.phase = ConnectionPhase::Halted;
            return LossOutcome::Halts;
        }
        self.losses = self.losses.saturating_add(1);
        let wait = policy.wait(self.losses, jitter);
        self.phase = ConnectionPhase::Closed { until: now + wait };
        LossOutcome::Waits { wait, is_news }
    }

    /// Stops for good, whatever it was doing.
    pub fn halt(&mut self) {
        self.phase = ConnectionPhase::Halted;
    }
}

#[cfg(test)]
mod tests;

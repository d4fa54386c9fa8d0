//! One rule of retrying, for the source and for every lane: a pure step from (health, what happened) to the next health.

use crate::error::Kind;
use std::time::Duration;

/// How something that can be lost is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Being connected and checked.
    Opening {
        /// Losses since work was last done.
        losses: u32,
    },
    /// Connected and checked; work may be given to it.
    Working {
        /// Losses since work was last done: forgotten only when work was *done*.
        losses: u32,
    },
    /// Waiting until its time has come.
    Waiting {
        /// Losses since work was last done.
        losses: u32,
        /// How long it waits.
        wait: Duration,
    },
    /// Stopped until a person acts.
    Halted,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was connected and all checks passed.
    Opened,
    /// It did work: events were appended, or it was found level.
    Worked,
    /// It failed.
    Lost(Kind),
    /// Its wait is over.
    Due,
}

/// The limits of waiting.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// First wait.
    pub wait_min: Duration,
    /// Longest wait (`retry_wait_max_ms`).
    pub wait_max: Duration,
}

impl Policy {
    /// The wait after the n-th loss in a row: doubling, capped, and spread by `jitter` (0 to 1) over its upper half so that many do not come back at once.
    pub fn wait(&self, losses: u32, jitter: f64) -> Duration {
        let doubled = self.wait_min.saturating_mul(1 << losses.saturating_sub(1).min(20));
        let capped = doubled.min(self.wait_max);
        capped.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}

impl Health {
    /// Where everything begins.
    pub const fn new() -> Self {
        Health::Opening { losses: 0 }
    }

    /// Losses since work was last done.
    pub fn losses(self) -> u32 {
        match self {
            Health::Opening { losses } | Health::Working { losses } | Health::Waiting { losses, .. } => losses,
            Health::Halted => 0,
        }
    }

    /// The one step. `jitter` is a random number from 0 to 1.
    #[must_use]
    pub fn next(self, happened: Happened, policy: &Policy, jitter: f64) -> Self {
        match (self, happened) {
            (Health::Halted, _) => Health::Halted,
            (_, Happened::Lost(kind)) if !kind.consequence().is_retried => Health::Halted,
            (_, Happened::Lost(_)) => {
                let losses = self.losses().saturating_add(1);
                Health::Waiting {
                    losses,
                    wait: policy.wait(losses, jitter),
                }
            }
            (_, Happened::Opened) => Health::Working { losses: self.losses() },
            (_, Happened::Worked) => Health::Working { losses: 0 },
            (_, Happened::Due) => Health::Opening { losses: self.losses() },
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        wait_min: Duration::from_millis(100),
        wait_max: Duration::from_secs(30),
    };

    #[test]
    fn losses_are_forgotten_only_when_work_was_done() {
        let lost = Health::new().next(Happened::Lost(Kind::Unavailable), &POLICY, 1.0);
        let reopened = lost.next(Happened::Due, &POLICY, 1.0).next(Happened::Opened, &POLICY, 1.0);
        assert_eq!(reopened.losses(), 1);
        assert_eq!(reopened.next(Happened::Worked, &POLICY, 1.0).losses(), 0);
    }

    #[test]
    fn waits_double_up_to_the_cap_and_never_overflow() {
        assert_eq!(POLICY.wait(1, 1.0), Duration::from_millis(100));
        assert_eq!(POLICY.wait(4, 1.0), Duration::from_millis(800));
        assert_eq!(POLICY.wait(u32::MAX, 1.0), Duration::from_secs(30));
        assert_eq!(POLICY.wait(u32::MAX, 0.0), Duration::from_secs(15));
    }

    #[test]
    fn what_needs_a_person_halts_for_good() {
        let halted = Health::new().next(Happened::Lost(Kind::Contents), &POLICY, 0.5);
        assert_eq!(halted, Health::Halted);
        assert_eq!(halted.next(Happened::Due, &POLICY, 0.5), Health::Halted);
    }
}

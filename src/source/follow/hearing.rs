//! The follower's ear: what is heard while it sleeps, and whether the session that listens lives.

use super::{Follower, ListeningState};
use crate::error::{Error, Result};
use crate::log::key;
use crate::postgres::session::listen::{ListenOutcome, ListeningConnection};
use crate::source::gauge::LookCause;
use crate::source::wakeup::Wakeup;
use slog::{debug, info, warn};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);
/// A queue of notifications fuller than this has a stuck listener of another session.
const QUEUE_USAGE_MAX: f64 = 0.1;
/// How often a sleeper looks whether its own session has died, and the doorbell's lock with it.
/// Asks no server.
const PULSE_INTERVAL: Duration = Duration::from_millis(500);
/// A session that listens is opened again after this time, when that failed.
const REOPEN_WAIT: Duration = Duration::from_secs(1);
/// A source that always has more to read lets nobody sleep: then its looks take a heartbeat along.
const OVERDUE_AFTER: Duration = Duration::from_secs(60);
/// They do not wait for it any longer.
const OVERDUE_WAIT_MAX: Duration = Duration::from_secs(1);

impl Follower {
    /// Sleeps; gives why to look now: something rang, or the session that looks has died.
    pub(super) async fn sleep_or_hear(&mut self, wait: Duration) -> Option<LookCause> {
        match &mut self.listening {
            ListeningState::Connected(..) => {
                let until = Instant::now() + wait;
                while Instant::now() < until {
                    if self.probe.session().is_closed() {
                        return Some(LookCause::Poll);
                    }
                    let cause = self.hear(until).await;
                    if cause.is_some() {
                        return cause;
                    }
                }
            }
            ListeningState::Connecting(opening) => {
                match tokio::time::timeout(wait, opening.join_next()).await {
                    Ok(Some(Ok(Ok(listening)))) => self.on_listening(listening),
                    Ok(Some(Ok(Err(error)))) => {
                        debug!(self.log, "LISTEN connection is still lost"; key::ERROR => error.to_string());
                        self.listening = ListeningState::Disconnected(Instant::now() + REOPEN_WAIT);
                    }
                    Ok(_) => {
                        self.listening = ListeningState::Disconnected(Instant::now() + REOPEN_WAIT)
                    }
                    Err(_) => {}
                }
            }
            ListeningState::Disconnected(until) => {
                let is_due = *until <= Instant::now() && self.how.wakeup.is_notified();
                if is_due {
                    let how = self.how.clone();
                    let mut opening = JoinSet::new();
                    opening.spawn(async move {
                        ListeningConnection::open(&how.conninfo, &how.channels, how.connect_timeout)
                            .await
                    });
                    self.listening = ListeningState::Connecting(opening);
                }
                tokio::time::sleep(wait).await;
            }
        }
        None
    }

    /// Listens for a while; gives why to look now: something rang, or nothing can be heard any more.
    async fn hear(&mut self, until: Instant) -> Option<LookCause> {
        let ListeningState::Connected(listener, beaten_at) = &mut self.listening else {
            return Some(LookCause::Poll);
        };
        if beaten_at.elapsed() >= HEARTBEAT_INTERVAL {
            *beaten_at = Instant::now();
            let beat = listener.heartbeat().await;
            self.judge_heartbeat(beat);
            let is_over = !matches!(self.listening, ListeningState::Connected(..));
            return is_over.then_some(LookCause::Poll);
        }
        let pulse = PULSE_INTERVAL.min(until.saturating_duration_since(Instant::now()));
        match tokio::time::timeout(pulse, listener.wait()).await {
            Ok(Ok(())) => Some(LookCause::Doorbell),
            Ok(Err(error)) => {
                self.on_listening_lost(&error);
                Some(LookCause::Poll)
            }
            Err(_) => None,
        }
    }

    pub(super) fn on_listening(&mut self, listening: ListenOutcome) {
        match listening {
            ListenOutcome::On(listener) => {
                debug!(self.log, "listening started");
                self.listening = ListeningState::Connected(listener, Instant::now());
            }
            ListenOutcome::Unavailable(why) => {
                let reason = why.to_string();
                info!(self.log, "notifications are unavailable; polling"; key::ERROR => &reason);
                self.how.wakeup = Wakeup::Polling { reason };
            }
        }
    }

    fn on_listening_lost(&mut self, error: &Error) {
        warn!(self.log, "LISTEN connection lost; polling until it reconnects"; key::ERROR => error.to_string());
        self.listening = ListeningState::Disconnected(Instant::now());
    }

    pub(super) fn judge_heartbeat(&mut self, beat: Result<f64>) {
        match beat {
            Ok(usage) => {
                self.how.gauge.found_queue(usage);
                if usage > QUEUE_USAGE_MAX {
                    warn!(self.log, "the notification queue fills because another listener does \
                                     not drain it"; "usage" => usage);
                }
            }
            Err(error) => self.on_listening_lost(&error),
        }
    }
}

impl ListeningState {
    /// A heartbeat where the last one is long past; nothing where none is due, or no answer comes
    /// soon.
    pub(super) async fn overdue_heartbeat(&mut self) -> Option<Result<f64>> {
        let Self::Connected(listener, beaten_at) = self else { return None };
        if beaten_at.elapsed() < OVERDUE_AFTER {
            return None;
        }
        *beaten_at = Instant::now();
        tokio::time::timeout(OVERDUE_WAIT_MAX, listener.heartbeat()).await.ok()
    }
}

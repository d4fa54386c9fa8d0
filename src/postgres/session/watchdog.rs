//! Work that may take long without a word, such as a count of a large table: whether its servers
//! are still at it is asked over other connections.
//!
//! Keepalive finds out that a server is gone where the network is honest. Behind something that
//! goes on acknowledging (a proxy whose far connection has died), only the server itself can tell
//! that no server process works for us any more. A session of which that is certain is ended:
//! whoever waits for its answer learns it as with any lost connection, and what other sessions do
//! goes on. One that waits for another session's lock is told.

use crate::config::libpq::Conninfo;
use crate::error::Error;
use crate::log::key;
use crate::postgres::session::limit::ConnectionLimiter;
use crate::postgres::session::{Session, SessionPurpose};
use futures::future::join_all;
use slog::{Logger, warn};
use std::pin::pin;
use std::time::Duration;

/// A server that so many looks in a row find to be silent is gone.
const SILENT_LOOKS_MAX: u32 = 8;

/// A session that is looked at, and the description by which it was opened.
pub type AttendedSession<'a> = (&'a Session, &'a Conninfo);

/// How long a session is let wait for another session's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockPatience {
    /// As long as it takes.
    Endless,
    /// The first one as long as it takes; any other is ended at the second look that finds it
    /// waiting, because those beside it wait for it.
    OthersAreEnded,
    /// Any is ended at the second look that finds it waiting.
    AllAreEnded,
}

impl LockPatience {
    /// Whether the session of this place is ended when it is found waiting again.
    fn ends(self, index: usize) -> bool {
        match self {
            Self::Endless => false,
            Self::OthersAreEnded => index > 0,
            Self::AllAreEnded => true,
        }
    }
}

/// Does the work, over these sessions. Each time that so long has gone by, all that live are looked
/// at.
pub async fn attended<T>(
    (sessions, patience): (&[AttendedSession<'_>], LockPatience),
    every: Duration,
    log: &Logger,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let mut watches: Vec<_> = sessions.iter().map(|_| WatchedSession::default()).collect();
    loop {
        if let Ok(done) = tokio::time::timeout(every, work.as_mut()).await {
            return done;
        }
        let looks = tokio::select! {
            biased;
            done = work.as_mut() => return done,
            looks = look_at_all(sessions, every) => looks,
        };
        let verdicts = sessions.iter().zip(judge(&mut watches, looks)).enumerate();
        for (index, ((session, _), verdict)) in verdicts {
            match verdict {
                WatchdogDecision::GoOn => {}
                WatchdogDecision::Tell(processes) => {
                    warn!(log, "a check waits for a lock that another session holds"; key::DATABASE => session.place(), "held_by" => processes);
                }
                WatchdogDecision::WaitOn if patience.ends(index) => {
                    session.end("it waits for a lock that another session holds");
                }
                WatchdogDecision::WaitOn => {}
                WatchdogDecision::End(why) => session.end(why),
            }
        }
    }
}

/// What a look at one session found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ActivityProbe {
    /// Its process works, or a server answers that does not know it.
    Fine,
    /// Its process waits for a lock of these processes.
    Blocked(String),
    /// Its process has nothing to do since then, and the answer to its last statement is not here.
    Idle(String),
    /// Its process is not there any more.
    Gone,
    /// No server answers.
    Silent,
    /// It is known to have died.
    Dead,
}

/// What earlier looks at one session found.
#[derive(Debug, Default)]
struct WatchedSession {
    idle_since: Option<String>,
    silent_looks: u32,
    blocked_by: Option<String>,
}

/// What follows from a look.
#[derive(Clone, Debug, PartialEq, Eq)]
enum WatchdogDecision {
    GoOn,
    /// It waits for these processes, and that was not logged yet.
    Tell(String),
    /// It still waits for a lock.
    WaitOn,
    /// Its answer cannot come any more, for this reason.
    End(&'static str),
}

/// Judges each session. One that is idle may wait for another: only when no session is at work, and
/// none was since the look before, an answer was lost.
fn judge(watches: &mut [WatchedSession], looks: Vec<ActivityProbe>) -> Vec<WatchdogDecision> {
    let is_at_rest = |(watch, look): (&WatchedSession, &ActivityProbe)| match look {
        ActivityProbe::Idle(since) => watch.idle_since.as_ref() == Some(since),
        ActivityProbe::Dead => true,
        ActivityProbe::Fine
        | ActivityProbe::Blocked(_)
        | ActivityProbe::Gone
        | ActivityProbe::Silent => false,
    };
    let are_all_at_rest = watches.iter().zip(&looks).all(is_at_rest);
    let verdict = |(watch, look): (&mut WatchedSession, ActivityProbe)| {
        let before = std::mem::take(watch);
        match look {
            ActivityProbe::Fine | ActivityProbe::Dead => WatchdogDecision::GoOn,
            ActivityProbe::Gone => {
                WatchdogDecision::End("its server process has ended without a message")
            }
            ActivityProbe::Idle(_) if are_all_at_rest => WatchdogDecision::End(
                "no server process works on the query any more: its answer was lost",
            ),
            ActivityProbe::Idle(since) => {
                watch.idle_since = Some(since);
                WatchdogDecision::GoOn
            }
            ActivityProbe::Blocked(by) => {
                watch.blocked_by = Some(by.clone());
                if before.blocked_by == watch.blocked_by {
                    WatchdogDecision::WaitOn
                } else {
                    WatchdogDecision::Tell(by)
                }
            }
            ActivityProbe::Silent => {
                watch.silent_looks = before.silent_looks + 1;
                if watch.silent_looks >= SILENT_LOOKS_MAX {
                    WatchdogDecision::End("the server does not answer other connections either")
                } else {
                    WatchdogDecision::GoOn
                }
            }
        }
    };
    watches.iter_mut().zip(looks).map(verdict).collect()
}

async fn look_at_all(sessions: &[AttendedSession<'_>], timeout: Duration) -> Vec<ActivityProbe> {
    let turns = ConnectionLimiter::new();
    let looks =
        sessions.iter().map(|(session, conninfo)| turns.take(look(session, conninfo, timeout)));
    join_all(looks).await
}

async fn look(session: &Session, conninfo: &Conninfo, timeout: Duration) -> ActivityProbe {
    if session.death().is_some() {
        return ActivityProbe::Dead;
    }
    let purpose = SessionPurpose { what: "attend", ..session.purpose() };
    let other = match Session::open(&session.same_host(conninfo), purpose, timeout).await {
        Ok(other) => other,
        Err(error) => return unanswered(&error),
    };
    let process = session.server().backend_pid;
    let ask = async {
        let row =
            other.query_one(include_str!("../../../sql/session/state_of.sql"), &[&process]).await?;
        let state: Option<String> = row.try_get("state")?;
        let since: Option<String> = row.try_get("since")?;
        let blocked_by: Option<String> = row.try_get("blocked_by")?;
        Ok((row.try_get("is_gone")?, row.try_get("uptime_s")?, blocked_by, state.zip(since)))
    };
    let (is_gone, uptime_s, blocked_by, state): (bool, f64, _, _) =
        match tokio::time::timeout(timeout, ask).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return unanswered(&other.error(&error, "cannot ask what a server process does"));
            }
            Err(_) => return ActivityProbe::Silent,
        };
    // One name may lead to several servers: another one knows nothing of our process, unless it has
    // only just begun.
    let (ours, found) = (&session.server().identity, &other.server().identity);
    let is_same_run = ours.started_at_us == found.started_at_us
        && ours.system_identifier == found.system_identifier;
    match (is_same_run, blocked_by, state) {
        (false, ..) if uptime_s < session.age().as_secs_f64() => ActivityProbe::Gone,
        (true, ..) if is_gone => ActivityProbe::Gone,
        (true, Some(by), _) => ActivityProbe::Blocked(by),
        (true, None, Some((state, since))) if state.starts_with("idle") => {
            ActivityProbe::Idle(since)
        }
        _ => ActivityProbe::Fine,
    }
}

/// A server that refuses lives: it has no room, or the password was changed. One that restarts does
/// not answer yet.
fn unanswered(error: &Error) -> ActivityProbe {
    let is_refusal = |sqlstate: &str| !sqlstate.starts_with("57P") && !sqlstate.starts_with("08");
    match error.sqlstate() {
        Some(sqlstate) if is_refusal(sqlstate) => ActivityProbe::Fine,
        _ => ActivityProbe::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn idle(since: &str) -> ActivityProbe {
        ActivityProbe::Idle(since.to_owned())
    }

    /// How many of the sessions are ended after each of these looks.
    fn ended(looks: &[&[ActivityProbe]]) -> Vec<usize> {
        let mut watches: Vec<_> = looks[0].iter().map(|_| WatchedSession::default()).collect();
        let is_end = |verdict: &WatchdogDecision| matches!(verdict, WatchdogDecision::End(_));
        let mut count = |looks: &&[ActivityProbe]| {
            judge(&mut watches, looks.to_vec()).iter().filter(|verdict| is_end(verdict)).count()
        };
        looks.iter().map(&mut count).collect()
    }

    #[test]
    fn a_process_that_is_gone_ends_its_session_and_no_other() {
        let mut watches =
            [WatchedSession::default(), WatchedSession::default(), WatchedSession::default()];
        let verdicts =
            judge(&mut watches, vec![ActivityProbe::Fine, ActivityProbe::Gone, idle("1")]);
        assert!(
            matches!(
                verdicts[..],
                [WatchdogDecision::GoOn, WatchdogDecision::End(_), WatchdogDecision::GoOn]
            ),
            "{verdicts:?}"
        );
    }

    #[test]
    fn an_answer_was_lost_when_nobody_has_done_anything_between_two_looks() {
        assert_eq!(ended(&[&[idle("1"), idle("2")], &[idle("1"), idle("2")]]), [0, 2]);
        assert_eq!(
            ended(&[&[idle("1"), ActivityProbe::Dead], &[idle("1"), ActivityProbe::Dead]]),
            [0, 1]
        );
    }

    #[test]
    fn whoever_is_idle_while_another_works_or_between_two_statements_goes_on() {
        assert_eq!(
            ended(&[
                &[idle("1"), ActivityProbe::Fine],
                &[idle("1"), ActivityProbe::Fine],
                &[idle("1"), ActivityProbe::Fine]
            ]),
            [0, 0, 0]
        );
        assert_eq!(
            ended(&[&[idle("1"), idle("2")], &[idle("1"), idle("3")], &[idle("4"), idle("3")]]),
            [0, 0, 0]
        );
        assert_eq!(ended(&[&[idle("1")], &[ActivityProbe::Fine], &[idle("1")]]), [0, 0, 0]);
    }

    #[test]
    fn whoever_waits_for_a_lock_is_told_once_for_each_who_holds_it_and_is_not_at_rest() {
        let blocked = |by: &str| ActivityProbe::Blocked(by.to_owned());
        let mut watches = [WatchedSession::default(), WatchedSession::default()];
        let mut told = |by: &str| judge(&mut watches, vec![blocked(by), idle("1")]);
        let tell = |by: &str| vec![WatchdogDecision::Tell(by.to_owned()), WatchdogDecision::GoOn];
        assert_eq!(told("7"), tell("7"));
        assert_eq!(told("7"), [WatchdogDecision::WaitOn, WatchdogDecision::GoOn]);
        assert_eq!(told("8"), tell("8"));
    }

    #[test]
    fn silence_ends_a_session_only_when_it_lasts() {
        let silent: &[ActivityProbe] = &[ActivityProbe::Silent, ActivityProbe::Fine];
        let mut looks = vec![silent; SILENT_LOOKS_MAX as usize];
        assert_eq!(ended(&looks).iter().rposition(|ended| *ended == 1), Some(looks.len() - 1));
        looks[3] = &[ActivityProbe::Fine, ActivityProbe::Fine];
        assert_eq!(ended(&looks), vec![0; looks.len()]);
    }

    #[test]
    fn a_server_that_refuses_another_connection_lives_and_one_that_begins_anew_is_silent() {
        let refused = |sqlstate| {
            unanswered(
                &Error::new(ErrorKind::Unavailable, "cannot connect").with_sqlstate(sqlstate),
            )
        };
        assert_eq!(
            ["53300", "28P01", "28000"].map(refused),
            [ActivityProbe::Fine, ActivityProbe::Fine, ActivityProbe::Fine]
        );
        assert_eq!(["57P03", "08006"].map(refused), [ActivityProbe::Silent, ActivityProbe::Silent]);
        assert_eq!(
            unanswered(&Error::new(ErrorKind::Unavailable, "cannot connect")),
            ActivityProbe::Silent
        );
    }
}

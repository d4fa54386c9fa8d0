//! Whether the process is alive, and whether it does its work: what `/healthz` and `/readyz` answer.

use super::lane_word::LaneWord;
use super::moment::ReplicationMoment;
use super::words::{age, span};
use crate::config::ConsoleConfig;
use crate::verify::continuous::snapshot::VerificationState;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// A destination that is copied for the first time has progress while something was committed in
/// this time.
const PROGRESS_WITHIN: f64 = 60.0;

/// What `/healthz` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct AliveAnswer {
    pub(super) ok: bool,
    /// Milliseconds since the quietest replication told how it stands; none: nothing runs.
    pub(super) tick_ms: Option<u64>,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ReadyAnswer {
    pub(super) ready: bool,
    pub(super) reasons: Vec<UnreadyReason>,
}

/// Why it is not ready.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct UnreadyReason {
    pub(super) replication: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) destination: Option<String>,
    pub(super) reason: String,
}

/// Alive while each loop ticks; no database is asked, because a restart of this process heals none.
pub(super) fn aliveness(moments: &[Arc<ReplicationMoment>]) -> AliveAnswer {
    let running = moments.iter().filter(|moment| moment.end.is_none());
    let silent: Option<Duration> = running.map(|moment| moment.silent).max();
    AliveAnswer {
        ok: !moments.iter().any(|moment| moment.is_stuck()),
        tick_ms: silent.map(|silent| u64::try_from(silent.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// Ready while everything is checked and nothing lags or is held beyond its limit.
pub(super) fn readiness(moments: &[Arc<ReplicationMoment>], limits: &ConsoleConfig) -> ReadyAnswer {
    let mut reasons = Vec::new();
    if moments.is_empty() {
        reasons.push(reason("", None, "no replication has begun yet".to_owned()));
    }
    for moment in moments {
        reasons.extend(of_replication(moment, limits));
    }
    ReadyAnswer { ready: reasons.is_empty(), reasons }
}

/// Why one of them is not ready.
pub(super) fn of_replication(
    moment: &ReplicationMoment,
    limits: &ConsoleConfig,
) -> Vec<UnreadyReason> {
    let name = moment.name.as_str();
    if let Some(end) = &moment.end {
        let worst = end.problems.worst();
        let failed = worst.map(|worst| reason(name, None, format!("it has ended: {worst}")));
        return failed.into_iter().collect();
    }
    if moment.is_stuck() {
        let silent = age(moment.silent.as_secs_f64());
        return vec![reason(name, None, format!("its loop has reported nothing for {silent}"))];
    }
    let mut reasons = Vec::new();
    let source = &moment.snapshot.source;
    if source.checks.is_none() {
        reasons.push(reason(name, None, "the source is not checked yet".to_owned()));
    }
    if let Some(blocker) = &source.blocker {
        let held = moment.now.seconds_since(blocker.since);
        if held > limits.ready_hold.as_secs_f64() {
            let words =
                format!("a transaction at the source has held events back for {}", age(held));
            reasons.push(reason(name, None, words));
        }
    }
    for proof in moment.proofs().filter(|proof| proof.state == VerificationState::Different) {
        let words = format!("rows differ from the source's: {}", proof.differences);
        reasons.push(reason(name, Some(&proof.name), words));
    }
    for (lane, now) in moment.lanes() {
        let late = now.lag.filter(|lag| *lag > limits.ready_lag.as_secs_f64());
        let last_commit = lane.last_commit_at.map(|at| moment.now.seconds_since(at));
        let has_progress = last_commit.is_some_and(|ago| ago < PROGRESS_WITHIN);
        let words = match (now.word, late, now.lag) {
            (LaneWord::Standby, ..) => continue,
            (LaneWord::Opening, ..) => "it is not checked yet".to_owned(),
            (LaneWord::Stopped, ..) => "it has stopped, and an operator must act".to_owned(),
            (LaneWord::Diverged, ..) => "it is at odds with its source".to_owned(),
            (_, Some(lag), _) => format!("it is {} behind", span(lag)),
            (LaneWord::Waiting, None, None) => "it is away and was never level".to_owned(),
            (LaneWord::Copying, None, None) if !has_progress => last_commit.map_or_else(
                || "nothing has been committed yet".to_owned(),
                |ago| format!("nothing has been committed for {}", age(ago)),
            ),
            _ => continue,
        };
        reasons.push(reason(name, Some(&lane.name), words));
    }
    reasons
}

fn reason(replication: &str, destination: Option<&str>, reason: String) -> UnreadyReason {
    UnreadyReason {
        replication: replication.to_owned(),
        destination: destination.map(str::to_owned),
        reason,
    }
}

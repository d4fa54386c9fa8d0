//! Four numbers: of a service the newest event, the lag, and what is proved; of a job how much is
//! there, how quick it goes, and how long it takes.

use super::moment::{ReplicationMoment, at_most};
use super::verdict::seconds_left;
use super::words::{bytes, count, id, id_or_none, moment as moment_words, rate, shown, span};
use crate::replicate::snapshot::LaneSnapshot;
use crate::verify::continuous::snapshot::VerificationState;

/// A number with what it counts, and a line on it.
#[derive(Debug, PartialEq)]
pub(super) struct NumberView {
    pub(super) term: &'static str,
    pub(super) value: String,
    pub(super) more: String,
}

fn number(term: &'static str, value: String, more: String) -> NumberView {
    NumberView { term, value, more }
}

/// Of a replication.
pub(super) fn numbers(of: &ReplicationMoment) -> Vec<NumberView> {
    if of.is_job() { of_job(of) } else { of_service(of) }
}

fn of_service(of: &ReplicationMoment) -> Vec<NumberView> {
    let source = &of.snapshot.source;
    let newest = match source.highest_id {
        Some(highest) => number(
            "Newest event at the source",
            id(highest),
            format!("ids written: {}", rate(of.source_rate)),
        ),
        None if source.looked_at.is_some() => {
            number("Newest event at the source", "none".to_owned(), "the table is empty".to_owned())
        }
        None => number(
            "Newest event at the source",
            "not known".to_owned(),
            "the source has not been looked at yet".to_owned(),
        ),
    };
    vec![newest, furthest_behind(of), verified(of), differences(of)]
}

fn furthest_behind(of: &ReplicationMoment) -> NumberView {
    const TERM: &str = "Furthest behind";
    // One that was never level is behind every other.
    let order = |lag: Option<f64>| lag.unwrap_or(f64::INFINITY);
    let furthest =
        of.lanes().max_by(|(_, one), (_, other)| order(one.lag).total_cmp(&order(other.lag)));
    let Some((lane, now)) = furthest else {
        return number(TERM, "not known".to_owned(), String::new());
    };
    let lacks = now.ids_behind.map(|ids| format!(", {}", at_most(of, ids))).unwrap_or_default();
    let size = mean_bytes(lane).zip(now.ids_behind).filter(|(_, ids)| *ids > 0);
    let size =
        size.map(|(mean, ids)| format!(", {}", bytes(mean * ids as f64))).unwrap_or_default();
    match now.lag {
        Some(0.0) => number(
            TERM,
            "level".to_owned(),
            "every destination holds all that is visible".to_owned(),
        ),
        Some(lag) => number(TERM, span(lag), format!("{}{lacks}{size}", shown(&lane.name))),
        None => number(
            TERM,
            "not known".to_owned(),
            format!("{}: not level yet{lacks}", shown(&lane.name)),
        ),
    }
}

fn verified(of: &ReplicationMoment) -> NumberView {
    const TERM: &str = "Verified through id";
    if !of.is_verified() {
        let more = of.counted_through().map_or_else(
            || "rows are not compared one by one: [verify] is off".to_owned(),
            |through| format!("counted through {}; [verify] is off", id(through)),
        );
        return number(TERM, "not verified".to_owned(), more);
    }
    let lowest = of.snapshot.lowest_position();
    match of.verified_through() {
        Some(through) => {
            let share = lowest
                .filter(|lowest| *lowest > 0)
                .map(|lowest| through as f64 / lowest as f64 * 100.0);
            let of_copied = share
                .map(|share| format!("{:.1} % of what every destination holds", share.min(100.0)))
                .unwrap_or_default();
            number(TERM, id(through), of_copied)
        }
        None if of.proofs().all(|proof| proof.state == VerificationState::Waiting) => {
            number(TERM, "none yet".to_owned(), "nothing can be compared at the moment".to_owned())
        }
        None => number(TERM, "none yet".to_owned(), "the first rows are being compared".to_owned()),
    }
}

fn differences(of: &ReplicationMoment) -> NumberView {
    let ever: u64 = of.proofs().map(|proof| proof.differences_ever.total()).sum();
    let rounds = of.proofs().map(|proof| proof.round.number).min().unwrap_or(0);
    let since = format!("since {}, in round {rounds}", moment_words(of.snapshot.run.started_at));
    if !of.is_verified() {
        return number(
            "Differences ever found",
            "not known".to_owned(),
            "rows are not compared: [verify] is off".to_owned(),
        );
    }
    number("Differences ever found", count(ever), since)
}

fn of_job(of: &ReplicationMoment) -> Vec<NumberView> {
    let run = &of.snapshot.run;
    let copied: u64 = of.snapshot.events();
    let size: u64 = of.snapshot.lanes.iter().map(|lane| lane.bytes).sum();
    let together: f64 = of.lanes.iter().map(|lane| lane.rate).sum();
    let elapsed = span(run.elapsed_seconds);
    let now = match of.end {
        Some(_) => number(
            "Mean",
            rate(copied as f64 / run.elapsed_seconds.max(0.001)),
            "events per second, together".to_owned(),
        ),
        None => number("Now", rate(together), "events per second, together".to_owned()),
    };
    vec![
        number("Copied by this run", count(copied), format!("{} in {elapsed}", bytes(size as f64))),
        now,
        left(of),
        ends_with(of),
    ]
}

fn left(of: &ReplicationMoment) -> NumberView {
    const TERM: &str = "Left";
    let target = of.snapshot.run.target_id;
    let waiting = of.lanes().filter(|(lane, _)| lane.position < target);
    let slowest = waiting.max_by(|(one, now), (other, then)| {
        let order = |lane: &LaneSnapshot, rate| {
            seconds_left(of, lane.position, target, rate).unwrap_or(f64::INFINITY)
        };
        order(one, now.rate).total_cmp(&order(other, then.rate))
    });
    match slowest {
        None if of.snapshot.source.looked_at.is_none() => {
            number(TERM, "not known".to_owned(), "the source is not open yet".to_owned())
        }
        None => {
            number(TERM, "nothing".to_owned(), format!("the target is id {}", id_or_none(target)))
        }
        Some((lane, now)) => {
            let name = shown(&lane.name);
            let ids =
                now.ids_behind.map(|ids| format!(": {}", at_most(of, ids))).unwrap_or_default();
            match seconds_left(of, lane.position, target, now.rate) {
                Some(seconds) => number(TERM, span(seconds), format!("{name}{ids}")),
                None => {
                    number(TERM, "not known".to_owned(), format!("{name} makes no progress{ids}"))
                }
            }
        }
    }
}

fn ends_with(of: &ReplicationMoment) -> NumberView {
    if let Some(end) = &of.end {
        return number(
            "Ended with exit code",
            end.problems.exit_code().to_string(),
            moment_words(end.at),
        );
    }
    let allowed = of.config.limits.retry_for;
    let else_eight = allowed
        .map(|allowed| format!("; 8 after {} without progress", span(allowed.as_secs_f64())));
    number(
        "Ends with exit code",
        "0".to_owned(),
        format!("if nothing goes wrong{}", else_eight.unwrap_or_default()),
    )
}

/// Bytes of an event of a lane, on average.
pub(super) fn mean_bytes(lane: &LaneSnapshot) -> Option<f64> {
    (lane.events > 0).then(|| lane.bytes as f64 / lane.events as f64)
}

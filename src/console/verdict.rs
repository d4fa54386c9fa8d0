//! The headline: one sentence that names the worst thing and whom it concerns, and one of what
//! follows from it. It claims no more than was looked at.

use super::lane_word::{LaneWord, NoteSeverity};
use super::moment::{ReplicationMoment, at_most, before, lane_share};
use super::proof::proof_sentence;
use super::words::{age, count, id, list, shown, span};
use crate::replicate::health::Health;
use crate::verify::continuous::snapshot::VerificationState;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplicationVerdict {
    pub(super) severity: NoteSeverity,
    pub(super) headline: String,
    pub(super) detail: String,
    /// For the title of a tab, which may show nothing else.
    pub(super) short: String,
}

impl ReplicationVerdict {
    fn new(severity: NoteSeverity, headline: String, detail: String, short: String) -> Self {
        Self { severity, headline, detail, short }
    }

    /// A sign of its severity, for a title.
    pub(super) fn sign(&self) -> &'static str {
        match self.severity {
            NoteSeverity::Good => "✓",
            NoteSeverity::Calm => "○",
            NoteSeverity::Running => "▶",
            NoteSeverity::Wait => "△",
            NoteSeverity::Bad => "✕",
        }
    }
}

/// A destination that was level, and is being opened for longer, waits for something.
const OPENING_LONG_SECONDS: f64 = 10.0;

/// Of a replication.
pub(super) fn verdict(of: &ReplicationMoment) -> ReplicationVerdict {
    if of.end.is_some() {
        return ended(of);
    }
    let ways = [stuck, different, diverged, stopped, source_away, away, held, paused, opening];
    let worst = ways.iter().find_map(|way| way(of));
    worst.unwrap_or_else(|| if of.is_job() { job(of) } else { service(of) })
}

/// The names of the destinations of which this holds.
fn named(of: &ReplicationMoment, holds: impl Fn(LaneWord) -> bool) -> Vec<&str> {
    of.lanes().filter(|(_, now)| holds(now.word)).map(|(lane, _)| &*lane.name).collect()
}

fn with_word(of: &ReplicationMoment, word: LaneWord) -> Vec<&str> {
    named(of, |other| other == word)
}

/// "is" of one, "are" of several.
fn are(names: &[&str]) -> &'static str {
    if names.len() == 1 { "is" } else { "are" }
}

fn ended(of: &ReplicationMoment) -> ReplicationVerdict {
    let Some(end) = &of.end else { unreachable!("it has ended") };
    let code = end.problems.exit_code();
    if let Some(worst) = end.problems.worst() {
        return ReplicationVerdict::new(
            NoteSeverity::Bad,
            format!("It has ended with exit code {code}"),
            shown(&match worst.remedy() {
                Some(fix) => format!("{worst}. What to do: {fix}."),
                None => format!("{worst}."),
            }),
            format!("ended with {code}"),
        );
    }
    if let Some(found) = different(of) {
        let headline = format!("It has ended with exit code {code}, and {}", found.headline);
        return ReplicationVerdict { headline, ..found };
    }
    let lowest = of.snapshot.lowest_position();
    if of.is_job() {
        let through = of.snapshot.run.target_id;
        let detail = format!(
            "Every destination holds {}. First event, last event and counts agree. It took {}.",
            through.map_or_else(
                || "what was visible at the start: nothing".to_owned(),
                |through| format!(
                    "everything that was visible at the start, through id {}",
                    id(through)
                )
            ),
            span(of.snapshot.run.elapsed_seconds)
        );
        let headline = "Everything is copied: it has ended with exit code 0".to_owned();
        return ReplicationVerdict::new(NoteSeverity::Good, headline, detail, "done".to_owned());
    }
    let detail = match lowest {
        Some(lowest) => {
            format!("Every destination holds everything through id {} at least.", id(lowest))
        }
        None => "A destination holds nothing yet.".to_owned(),
    };
    ReplicationVerdict::new(
        NoteSeverity::Calm,
        "It was stopped".to_owned(),
        detail,
        "stopped".to_owned(),
    )
}

fn stuck(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let silent = age(of.silent.as_secs_f64());
    of.is_stuck().then(|| {
        ReplicationVerdict::new(
            NoteSeverity::Bad,
            format!("The replication has reported nothing for {silent}"),
            "Below is its last report. How things stand now is not known; restart the process if \
             this lasts."
                .to_owned(),
            format!("silent for {silent}"),
        )
    })
}

fn different(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let found = of.proofs().filter(|proof| proof.state == VerificationState::Different);
    let names: Vec<&str> = found.map(|proof| &*proof.name).collect();
    let differences: u64 = of.proofs().map(|proof| proof.differences.total()).sum();
    (!names.is_empty()).then(|| {
        let events = if differences == 1 { "1 event".to_owned() } else { format!("{} events", count(differences)) };
        ReplicationVerdict::new(
            NoteSeverity::Bad,
            format!("{} {} not equal to the source", list(&names), are(&names)),
            format!("{events} differed when last compared row by row. The proof below says which, and what to do."),
            format!("{} differs", list(&names)),
        )
    })
}

fn diverged(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let names = with_word(of, LaneWord::Diverged);
    (!names.is_empty()).then(|| {
        ReplicationVerdict::new(
            NoteSeverity::Bad,
            format!(
                "{} {} at odds with the source, and nothing more is appended",
                list(&names),
                are(&names)
            ),
            format!(
                "An operator must act: what was found and what to do is below.{}",
                others(of, &names)
            ),
            format!("{} diverged", list(&names)),
        )
    })
}

fn stopped(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    if of.snapshot.source.health == Health::Stopped {
        let detail = "An operator must act: what was found and what to do is below.".to_owned();
        let headline = "The source is unsuitable, and nothing is copied".to_owned();
        return Some(ReplicationVerdict::new(
            NoteSeverity::Bad,
            headline,
            detail,
            "stopped".to_owned(),
        ));
    }
    let names = with_word(of, LaneWord::Stopped);
    (!names.is_empty()).then(|| {
        let pronoun = if names.len() == 1 { "has" } else { "have" };
        ReplicationVerdict::new(
            NoteSeverity::Bad,
            format!("{} {pronoun} stopped", list(&names)),
            format!(
                "An operator must act: the reason and what to do are below.{}",
                others(of, &names)
            ),
            format!("{} stopped", list(&names)),
        )
    })
}

fn source_away(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let source = &of.snapshot.source;
    if source.health == Health::Waiting {
        let since =
            source.connection.outage.as_ref().map(|outage| of.now.seconds_since(outage.since));
        let lasting = since.map(|since| format!(" for {}", age(since))).unwrap_or_default();
        return Some(ReplicationVerdict::new(
            NoteSeverity::Bad,
            "The source is away".to_owned(),
            format!(
                "It has not answered{lasting}; Counterfoil keeps trying. Each destination keeps what it has; what was written since is not known."
            ),
            "source away".to_owned(),
        ));
    }
    let silent = of.snapshot.lanes.iter().any(|lane| lane.health == Health::Reachable);
    (silent && source.checks.is_some()).then(|| {
        let looked = source.looked_at.map(|at| format!(" for {}", age(of.now.seconds_since(at))));
        ReplicationVerdict::new(
            NoteSeverity::Bad,
            "The source does not answer".to_owned(),
            format!(
                "It has shown nothing{}. What it holds now is not known.",
                looked.unwrap_or_default()
            ),
            "source silent".to_owned(),
        )
    })
}

fn away(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let names = with_word(of, LaneWord::Waiting);
    let (lane, now) = of.lanes().find(|(_, now)| now.word == LaneWord::Waiting)?;
    let outage = lane.connection.outage.as_ref().filter(|outage| outage.ended_at.is_none());
    let since = outage.map(|outage| format!(" for {}", age(of.now.seconds_since(outage.since))));
    let lacks = now.ids_behind.filter(|behind| *behind > 0);
    let lacks = lacks.map(|behind| format!(" and lacks {}", at_most(of, behind)));
    let detail = format!(
        "{} has been away{}{}; it is retried automatically.{}",
        shown(&lane.name),
        since.unwrap_or_default(),
        lacks.unwrap_or_default(),
        others(of, &names)
    );
    let headline = format!("{} {} away", list(&names), are(&names));
    let short = format!("{} of {} away", names.len(), of.lanes.len());
    Some(ReplicationVerdict::new(NoteSeverity::Bad, headline, detail, short))
}

fn held(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let names = with_word(of, LaneWord::Held);
    let blocker = of.snapshot.source.blocker.as_ref().filter(|_| !names.is_empty())?;
    let open = age(of.now.seconds_since(blocker.since));
    Some(ReplicationVerdict::new(
        NoteSeverity::Wait,
        format!(
            "{} {} for a transaction at the source",
            list(&names),
            if names.len() == 1 { "waits" } else { "wait" }
        ),
        format!(
            "It may still insert an event below others that are visible, and has been open for {open}. Nothing is skipped; the transaction is named below."
        ),
        format!("held for {open}"),
    ))
}

fn paused(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let names = with_word(of, LaneWord::Paused);
    (!names.is_empty()).then(|| {
        ReplicationVerdict::new(
            NoteSeverity::Wait,
            format!("{} {} paused", list(&names), are(&names)),
            format!(
                "An operator paused {}, until resumed, until this process ends, or its file changes and is read again.{}",
                if names.len() == 1 { "it" } else { "them" },
                others(of, &names)
            ),
            format!("{} paused", names.len()),
        )
    })
}

fn opening(of: &ReplicationMoment) -> Option<ReplicationVerdict> {
    let names = with_word(of, LaneWord::Opening);
    let late = of.lanes().filter(|(_, now)| now.word == LaneWord::Opening);
    let late = late.filter_map(|(_, now)| now.lag).fold(0.0, f64::max);
    let (severity, detail) = if late > OPENING_LONG_SECONDS {
        let late = age(late);
        (
            NoteSeverity::Wait,
            format!(
                "Nothing was added for {late}: the news below may say what it waits for, such as a lock."
            ),
        )
    } else {
        let detail = "Both sides are connected and compared before anything is written.";
        (NoteSeverity::Running, detail.to_owned())
    };
    let headline = format!("{} {} being opened", list(&names), are(&names));
    let short = "opening".to_owned();
    (!names.is_empty()).then(|| ReplicationVerdict::new(severity, headline, detail, short))
}

/// A job under way.
fn job(of: &ReplicationMoment) -> ReplicationVerdict {
    let target = of.snapshot.run.target_id;
    let Some((slowest, now)) = of.lanes().min_by_key(|(lane, _)| lane.position) else {
        return service(of);
    };
    let done = lane_share(&of.snapshot, slowest, target);
    let done = done.map_or_else(
        || "it is not known how much".to_owned(),
        |done| format!("{} %", done.floor()),
    );
    let left = seconds_left(of, slowest.position, target, now.rate);
    let left = left.map(|left| format!(", about {} left", span(left)));
    let pace = if of.lanes.len() > 1 {
        format!(" {} sets the pace.", shown(&slowest.name))
    } else {
        String::new()
    };
    let aim = target.map_or_else(
        || "what was visible at the start".to_owned(),
        |target| format!("id {}, the newest at the start", id(target)),
    );
    ReplicationVerdict::new(
        NoteSeverity::Running,
        format!("Copying: {done} done{}", left.clone().unwrap_or_default()),
        format!(
            "It copies until every destination holds {aim}. Then it compares first event, last event and counts once more, and ends with exit code 0.{pace}"
        ),
        format!("{done}{}", left.unwrap_or_default()),
    )
}

/// Seconds until a position is there, as it goes now.
pub(super) fn seconds_left(
    of: &ReplicationMoment,
    position: Option<i64>,
    target: Option<i64>,
    rate: f64,
) -> Option<f64> {
    let held = position.unwrap_or_else(|| before(&of.snapshot.source, target.unwrap_or(0)));
    let lacks = target?.saturating_sub(held).max(0) as f64;
    (rate > 0.5).then(|| lacks / rate)
}

/// A replication that goes on, with nothing wrong.
fn service(of: &ReplicationMoment) -> ReplicationVerdict {
    let copying = with_word(of, LaneWord::Copying);
    if !copying.is_empty() {
        let behind = of.lanes().filter(|(_, now)| now.word == LaneWord::Copying);
        let most = behind.filter_map(|(_, now)| now.ids_behind).max().unwrap_or(0);
        return ReplicationVerdict::new(
            NoteSeverity::Running,
            format!("{} {} catching up", list(&copying), are(&copying)),
            format!(
                "The one that is furthest behind lacks {}.{}",
                at_most(of, most),
                others(of, &copying)
            ),
            format!("{} behind", at_most(of, most)),
        );
    }
    let standby = with_word(of, LaneWord::Standby);
    if standby.len() == of.lanes.len() {
        return ReplicationVerdict::new(
            NoteSeverity::Calm,
            "Standby: another replicator feeds every destination".to_owned(),
            "This one takes them over when that one ends.".to_owned(),
            "standby".to_owned(),
        );
    }
    let headline = match standby.as_slice() {
        [] => "Every destination follows the source".to_owned(),
        names => {
            let fed = if names.len() == 1 { "is fed" } else { "are fed" };
            format!("Following; {} {fed} by another replicator", shown(&list(names)))
        }
    };
    ReplicationVerdict::new(
        NoteSeverity::Good,
        headline,
        proof_sentence(of),
        "following".to_owned(),
    )
}

/// How the other destinations do, where there are others.
fn others(of: &ReplicationMoment, but: &[&str]) -> String {
    let rest: Vec<(&str, LaneWord)> = of
        .lanes()
        .filter(|(lane, _)| !but.contains(&&*lane.name))
        .map(|(lane, now)| (&*lane.name, now.word))
        .collect();
    let names: Vec<&str> = rest.iter().map(|(name, _)| *name).collect();
    match rest.as_slice() {
        [] => String::new(),
        [(_, first), more @ ..] if more.iter().all(|(_, word)| word == first) => {
            format!(" {}: {first}.", shown(&list(&names)))
        }
        _ if rest.iter().all(|(_, word)| word.severity() < NoteSeverity::Wait) => {
            format!(" The {} others go on.", rest.len())
        }
        _ => {
            let words: Vec<String> =
                rest.iter().map(|(name, word)| format!("{name} {word}")).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            format!(" Others: {}.", shown(&list(&words)))
        }
    }
}

//! Is it true? What is proved of each destination, what the checks found, and what happened lately.

use super::lane_word::NoteSeverity;
use super::moment::ReplicationMoment;
use super::words::{age, clock, count, id, id_or_none, moment as moment_words, shown, span};
use crate::log::recent::RecentLine;
use crate::replicate::snapshot::{LaneSnapshot, WarningSnapshot};
use crate::verify::continuous::known::FaultRun;
use crate::verify::continuous::snapshot::{LaneVerification, VerificationState};
use slog::Level;

/// So many differences are named in a row; all of them are told by events-diff.
const RUNS_MAX: usize = 5;

/// What is proved.
#[derive(Debug)]
pub(super) struct ProofView {
    pub(super) aside: String,
    pub(super) caption: &'static str,
    pub(super) rows: Vec<ProofRow>,
}

/// Of one destination.
#[derive(Debug)]
pub(super) struct ProofRow {
    pub(super) name: String,
    pub(super) through: String,
    pub(super) verdict: String,
    pub(super) severity: NoteSeverity,
    pub(super) more: String,
    /// Where differences are, and what to do about them.
    pub(super) cure: Vec<String>,
}

/// A check with what it found.
#[derive(Debug)]
pub(super) struct CheckView {
    pub(super) severity: NoteSeverity,
    pub(super) what: String,
    pub(super) found: String,
}

/// A line of the log.
#[derive(Debug)]
pub(super) struct NewsView {
    pub(super) time: String,
    pub(super) of: String,
    pub(super) severity: NoteSeverity,
    pub(super) what: String,
    pub(super) more: String,
}

/// What is proved of each destination of a replication.
pub(super) fn proof(of: &ReplicationMoment) -> ProofView {
    let rows = of.snapshot.lanes.iter().map(|lane| match of.proof(&lane.name) {
        Some(verified) => verified_row(of, verified),
        None => counted_row(of, lane),
    });
    let verification = &of.verification;
    match verification.every_seconds.filter(|_| of.is_verified()) {
        Some(every) => ProofView {
            aside: format!(
                "a round begins every {}; {} rows/s at most",
                span(every),
                count(u64::from(verification.rows_per_second))
            ),
            caption: "Every row of every range is compared with the source's, again and again",
            rows: rows.collect(),
        },
        None => ProofView {
            aside: "rows are not compared one by one: [verify] is off".to_owned(),
            caption: "First event, last event and count of each destination are compared with the \
                      source, and recent counts each minute",
            rows: rows.collect(),
        },
    }
}

/// Of a destination whose rows are compared one by one.
fn verified_row(of: &ReplicationMoment, verified: &LaneVerification) -> ProofRow {
    let (verdict, severity) = match verified.state {
        VerificationState::Different => {
            (format!("different: {}", verified.differences), NoteSeverity::Bad)
        }
        VerificationState::Waiting => ("waiting".to_owned(), NoteSeverity::Wait),
        _ if verified.verified_through_id.is_some() => ("equal".to_owned(), NoteSeverity::Good),
        _ => ("being compared".to_owned(), NoteSeverity::Running),
    };
    ProofRow {
        name: shown(&verified.name),
        through: id_or_none(verified.verified_through_id),
        verdict,
        severity,
        more: round_words(of, verified),
        cure: cure(verified),
    }
}

fn round_words(of: &ReplicationMoment, verified: &LaneVerification) -> String {
    if let Some(wait) = &verified.waits_for {
        return shown(&[&wait.what, &wait.causes.join(": ")].map(|part| part.as_str()).join(": "));
    }
    let round = &verified.round;
    match (round.ended_at, round.share) {
        _ if round.number == 0 => "no round has begun".to_owned(),
        (Some(at), _) => {
            let ago = age((of.now.seconds_since(at) / 10.0).floor() * 10.0);
            format!("round {} ended {ago} ago", round.number)
        }
        (None, Some(share)) => format!("round {}: {:.1} %", round.number, share * 100.0),
        (None, None) => format!("round {}", round.number),
    }
}

/// Where the first differences are, and what shows and cures them.
fn cure(verified: &LaneVerification) -> Vec<String> {
    let run = |run: &FaultRun| {
        let class = format!("{:?}", run.class).to_lowercase();
        if run.first_id == run.last_id {
            format!("{class}: id {}", run.first_id)
        } else {
            format!("{class}: ids {} to {}", run.first_id, run.last_id)
        }
    };
    let runs = verified.listed.iter().take(RUNS_MAX).map(run).collect::<Vec<_>>();
    let mut lines = Vec::new();
    if !runs.is_empty() {
        lines.push(runs.join(", "));
    }
    if let Some(commands) = &verified.commands {
        lines.push(format!("to see them: {}", shown(&commands.show)));
        lines.push(format!("what to do: {}", shown(&commands.cure)));
    }
    lines
}

/// Of a destination of which events are counted.
fn counted_row(of: &ReplicationMoment, lane: &LaneSnapshot) -> ProofRow {
    let (through, verdict, severity, more) = match (lane.count_check, &lane.checks) {
        (Some(check), _) => {
            let ago = age((of.now.seconds_since(check.at) / 10.0).floor() * 10.0);
            let counted = format!("counted {ago} ago");
            (id_or_none(check.through_id), "counts agree", NoteSeverity::Good, counted)
        }
        (None, Some(checks)) => {
            let at = moment_words(checks.at);
            (id_or_none(checks.last_id), "agreed when opened", NoteSeverity::Good, at)
        }
        (None, None) => {
            ("none".to_owned(), "not compared yet", NoteSeverity::Running, String::new())
        }
    };
    let (name, verdict) = (shown(&lane.name), verdict.to_owned());
    ProofRow { name, through, verdict, severity, more, cure: Vec::new() }
}

/// What the checks of the source and of each destination found.
pub(super) fn checks(of: &ReplicationMoment) -> Vec<CheckView> {
    let good = |what: &str, found: String| CheckView {
        severity: NoteSeverity::Good,
        what: what.to_owned(),
        found,
    };
    let mut views = Vec::new();
    if let Some(checks) = &of.snapshot.source.checks {
        views.push(good("Ids", shown(&checks.ids)));
        let wakeup = if checks.is_notified { NoteSeverity::Good } else { NoteSeverity::Wait };
        views.push(CheckView {
            severity: wakeup,
            what: "Notifications".to_owned(),
            found: shown(&checks.wakeup),
        });
        views.extend(checks.group_by.iter().map(|column| {
            good("Groups", format!("equal neighbours in {} share one transaction", shown(column)))
        }));
        views.extend(warnings("source", &checks.warnings));
    }
    for lane in &of.snapshot.lanes {
        let Some(checks) = &lane.checks else { continue };
        let name = shown(&lane.name);
        let counted = match (checks.was_counted, checks.events) {
            (true, Some(0)) => "it was empty".to_owned(),
            (true, Some(events)) => format!(
                "first event, last event and count agreed: {} events, ids {} to {}",
                count(events),
                id_or_none(checks.first_id),
                id_or_none(checks.last_id)
            ),
            (true, None) => "first event, last event and count agreed".to_owned(),
            (false, _) => {
                "the last event agreed; what lies before it was compared earlier".to_owned()
            }
        };
        views.push(good(
            &name,
            format!("{counted}; rows travel as {}; {}", checks.format, moment_words(checks.at)),
        ));
        views.extend(warnings(&name, &checks.warnings));
    }
    views
}

fn warnings(of: &str, warnings: &[WarningSnapshot]) -> Vec<CheckView> {
    let view = |warning: &WarningSnapshot| CheckView {
        severity: NoteSeverity::Wait,
        what: of.to_owned(),
        found: shown(
            &[warning.what.as_str(), &warning.fix]
                .map(str::trim)
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
        ),
    };
    warnings.iter().map(view).collect()
}

/// The latest lines that concern this replication; all of them where the process has only one.
pub(super) fn news(lines: &[RecentLine], replication: Option<&str>) -> Vec<NewsView> {
    let concerns = |line: &&RecentLine| {
        replication.is_none()
            || line.replication.is_none()
            || line.replication.as_deref() == replication
    };
    let view = |line: &RecentLine| NewsView {
        time: clock(line.at),
        of: line.destination.as_deref().map_or_else(|| "process".to_owned(), shown),
        severity: match line.level {
            Level::Critical | Level::Error => NoteSeverity::Bad,
            Level::Warning => NoteSeverity::Wait,
            _ => NoteSeverity::Good,
        },
        what: shown(&line.message),
        more: [&line.about, &line.error, &line.fix]
            .into_iter()
            .flatten()
            .map(|text| shown(text))
            .collect::<Vec<_>>()
            .join("; "),
    };
    lines.iter().filter(concerns).map(view).collect()
}

/// What is proved, and through which id.
pub(super) fn proof_sentence(of: &ReplicationMoment) -> String {
    match (of.verified_through(), of.counted_through()) {
        (Some(through), _) => {
            format!("Verified through id {}, row by row, without a difference.", id(through))
        }
        (None, Some(through)) => format!("Counts agree through id {}; the rows are not compared one by one.", id(through)),
        (None, None) if was_counted(of) => "First event, last event and counts agreed at the start; the rows are not compared one by one.".to_owned(),
        (None, None) => "The last events agreed at the start; the rows are not compared one by one.".to_owned(),
    }
}

/// Whether the events of every destination were counted at the start.
fn was_counted(of: &ReplicationMoment) -> bool {
    let mut lanes = of.snapshot.lanes.iter();
    lanes.all(|lane| lane.checks.as_ref().is_some_and(|checks| checks.was_counted))
}

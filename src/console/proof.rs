//! Is it true? What is proved of each destination, what the checks found, and what happened lately.

use super::lane_word::NoteSeverity;
use super::moment::ReplicationMoment;
use super::words::{age, clock, count, id_or_none, moment as moment_words, shown};
use crate::log::recent::RecentLine;
use crate::replicate::snapshot::WarningSnapshot;
use slog::Level;

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
    let rows = of.snapshot.lanes.iter().map(|lane| {
        let (through, verdict, severity, more) = match (lane.count_check, &lane.checks) {
            (Some(check), _) => (
                id_or_none(check.through_id),
                "counts agree",
                NoteSeverity::Good,
                format!(
                    "counted {} ago",
                    age((of.now.seconds_since(check.at) / 10.0).floor() * 10.0)
                ),
            ),
            (None, Some(checks)) => (
                id_or_none(checks.last_id),
                "agreed at its opening",
                NoteSeverity::Good,
                moment_words(checks.at),
            ),
            (None, None) => {
                ("none".to_owned(), "not compared yet", NoteSeverity::Running, String::new())
            }
        };
        ProofRow { name: shown(&lane.name), through, verdict: verdict.to_owned(), severity, more }
    });
    ProofView {
        aside: "rows are not compared one by one: [verify] is off".to_owned(),
        caption: "First event, last event and count of each destination are compared with the source, and recent counts each minute",
        rows: rows.collect(),
    }
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
        more: [&line.error, &line.fix]
            .into_iter()
            .flatten()
            .map(|text| shown(text))
            .collect::<Vec<_>>()
            .join("; "),
    };
    lines.iter().filter(concerns).map(view).collect()
}

//! The source and its destinations, one row each: every destination is a beginning of the source.

use super::lane_word::{LaneWord, NoteSeverity};
use super::moment::{LaneMoment, ReplicationMoment, at_most, is_asked, lane_share, share};
use super::plot::series_class;
use super::verdict::seconds_left;
use super::words::{age, count, encoded, id, id_or_none, rate, shown, span};
use crate::replicate::health::Health;
use crate::replicate::snapshot::{BlockerSnapshot, ConnectionSnapshot, LaneSnapshot, PaceSnapshot};

/// Beyond so many destinations those that are well are folded.
const OPEN_MAX: usize = 12;

/// The source, then the destinations.
#[derive(Debug)]
pub(super) struct FlowView {
    pub(super) source: FlowRow,
    pub(super) lanes: Vec<FlowRow>,
    /// Those that are folded: many, and well.
    pub(super) folded: Vec<FlowRow>,
}

/// A row.
#[derive(Debug)]
pub(super) struct FlowRow {
    pub(super) name: String,
    pub(super) series: String,
    pub(super) place: String,
    /// What is told of the bar, in words.
    pub(super) label: String,
    pub(super) copied: String,
    pub(super) proved: String,
    pub(super) sub: String,
    pub(super) word: String,
    pub(super) severity: NoteSeverity,
    pub(super) behind: String,
    pub(super) behind_sub: String,
    pub(super) rate: String,
    pub(super) rate_sub: String,
    pub(super) notes: Vec<NoteView>,
    pub(super) actions: Vec<ActionView>,
}

/// Something to know: what, and its parts.
#[derive(Debug)]
pub(super) struct NoteView {
    pub(super) severity: NoteSeverity,
    pub(super) what: String,
    pub(super) aside: String,
    pub(super) parts: Vec<NotePart>,
}

/// A part of a note: its name, and what it says; code where that can be pasted.
#[derive(Debug)]
pub(super) struct NotePart {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// A button.
#[derive(Debug)]
pub(super) struct ActionView {
    pub(super) path: String,
    pub(super) words: &'static str,
}

/// Of a replication; with buttons for those who may act.
pub(super) fn flow(of: &ReplicationMoment, may_act: bool) -> FlowView {
    let rows =
        of.lanes().enumerate().map(|(index, (lane, now))| lane_row(of, lane, now, index, may_act));
    let mut lanes: Vec<FlowRow> = rows.collect();
    let mut folded = Vec::new();
    if lanes.len() > OPEN_MAX {
        lanes.sort_by_key(|row| std::cmp::Reverse(row.severity));
        let open =
            lanes.iter().filter(|row| row.severity != NoteSeverity::Good).count().max(OPEN_MAX);
        folded = lanes.split_off(open.min(lanes.len()));
    }
    FlowView { source: source_row(of), lanes, folded }
}

fn source_row(of: &ReplicationMoment) -> FlowRow {
    let source = &of.snapshot.source;
    let settled = share(source, source.settled_id(), source.highest_id).unwrap_or(0.0);
    let known = |id: Option<i64>| match source.looked_at {
        Some(_) => id_or_none(id),
        None => id.map_or_else(|| "not known".to_owned(), super::words::id),
    };
    let unsettled = source
        .highest_id
        .zip(source.settled_id())
        .map(|(highest, decided)| highest.saturating_sub(decided).max(0).unsigned_abs());
    let is_away = source.connection.retry_at.is_some() || source.health == Health::Stopped;
    let looked = source.looked_at.map(|at| of.now.seconds_since(at)).filter(|ago| *ago > 5.0);
    let as_of = looked.map(|ago| format!(" · seen {} ago", age(ago))).unwrap_or_default();
    let sub = if of.is_job() {
        let aim = of.snapshot.run.target_id;
        format!("the target is id {}, the newest at the start{as_of}", known(aim))
    } else {
        format!(
            "settled through {} · newest {}{as_of}",
            known(source.settled_id()),
            known(source.highest_id)
        )
    };
    let mut notes: Vec<NoteView> =
        outage_note(of, &source.connection, source.health, SOURCE_STATE).into_iter().collect();
    notes.extend(source.blocker.as_ref().map(|blocker| blocker_note(of, blocker)));
    let (word, severity) = match source.health {
        Health::Opening if of.end.is_some() => NOT_OPENED,
        health => source_word(health),
    };
    FlowRow {
        name: "Source".to_owned(),
        series: "s0".to_owned(),
        place: shown(&source.database),
        label: format!("source: settled through {}", known(source.settled_id())),
        copied: format!("{settled:.1}%"),
        proved: format!("{settled:.1}%"),
        sub,
        word: word.to_owned(),
        severity,
        behind: unsettled.map_or_else(|| "not known".to_owned(), count),
        behind_sub: "ids not settled yet".to_owned(),
        rate: if is_away { "not known".to_owned() } else { rate(of.source_rate) },
        rate_sub: "ids written".to_owned(),
        notes,
        actions: Vec::new(),
    }
}

/// What was still being opened when the run ended.
const NOT_OPENED: (&str, NoteSeverity) = ("not opened", NoteSeverity::Calm);

fn source_word(health: Health) -> (&'static str, NoteSeverity) {
    match health {
        Health::Opening => ("opening", NoteSeverity::Running),
        Health::Held => ("held", NoteSeverity::Wait),
        Health::Waiting => ("waiting", NoteSeverity::Bad),
        Health::Stopped => ("stopped", NoteSeverity::Bad),
        _ => ("reachable", NoteSeverity::Good),
    }
}

fn lane_row(
    of: &ReplicationMoment,
    lane: &LaneSnapshot,
    now: &LaneMoment,
    index: usize,
    may_act: bool,
) -> FlowRow {
    let name = shown(&lane.name);
    let through = if of.is_job() {
        of.snapshot.run.target_id.max(lane.position)
    } else {
        of.snapshot.source.highest_id
    };
    let held = match now.ids_behind {
        Some(0) => Some(100.0),
        _ => lane_share(&of.snapshot, lane, through),
    };
    let copied = held.unwrap_or(0.0);
    let proved = of
        .proof(&lane.name)
        .and_then(|proof| share(&of.snapshot.source, Some(proof.verified_through_id?), through));
    let proved = proved.map_or(0.0, |proved| proved.min(copied));
    let (word, severity) = word_of(of, lane, now, through);
    let mut notes: Vec<NoteView> =
        outage_note(of, &lane.connection, lane.health, state_words(lane.health))
            .into_iter()
            .collect();
    notes.extend(lane.is_paused.then(|| paused_note(lane)));
    let actions = if may_act && of.end.is_none() { actions(lane) } else { Vec::new() };
    FlowRow {
        series: series_class(index),
        place: format!("{}, {}", shown(&lane.database), shown(&lane.table)),
        label: held.map_or_else(
            || format!("what {name} holds is not known"),
            |held| format!("{name} holds {held:.1} per cent of the ids"),
        ),
        copied: format!("{copied:.1}%"),
        proved: format!("{proved:.1}%"),
        sub: sub(of, lane, held),
        word,
        severity,
        behind: now.ids_behind.map_or_else(|| "not known".to_owned(), count),
        behind_sub: match now.lag {
            Some(0.0) => "events · level".to_owned(),
            Some(lag) => format!("events at most · {}", span(lag)),
            None => "events at most".to_owned(),
        },
        rate: rate(now.rate),
        rate_sub: rate_sub(of, lane, now, through),
        notes,
        actions,
        name,
    }
}

/// The word of a lane; of a job that has it all, that it is done.
fn word_of(
    of: &ReplicationMoment,
    lane: &LaneSnapshot,
    now: &LaneMoment,
    through: Option<i64>,
) -> (String, NoteSeverity) {
    let has_opened = of.snapshot.source.looked_at.is_some();
    if of.is_job()
        && has_opened
        && lane.position >= through
        && now.word.severity() < NoteSeverity::Wait
    {
        return ("done".to_owned(), NoteSeverity::Good);
    }
    if of.end.is_some() && now.word == LaneWord::Opening {
        return (NOT_OPENED.0.to_owned(), NOT_OPENED.1);
    }
    (now.word.to_string(), now.word.severity())
}

fn sub(of: &ReplicationMoment, lane: &LaneSnapshot, held: Option<f64>) -> String {
    let outage = lane.connection.outage.as_ref().filter(|outage| outage.ended_at.is_none());
    let mut parts = Vec::new();
    parts.extend(held.filter(|_| of.is_job()).map(|held| format!("{held:.1} %")));
    let position = match is_asked(lane) {
        true => format!("position {}", id_or_none(lane.position)),
        false => "position not known".to_owned(),
    };
    parts.push(match outage {
        Some(outage) if lane.position.is_some() => {
            format!("{position}, {} ago", age(of.now.seconds_since(outage.since)))
        }
        _ => position,
    });
    match of.proof(&lane.name) {
        Some(proof) => {
            parts.push(format!("verified through {}", id_or_none(proof.verified_through_id)))
        }
        None => parts.extend(
            lane.count_check
                .and_then(|check| check.through_id)
                .map(|through| format!("counted through {}", id(through))),
        ),
    }
    if of.lanes.len() > 1 && outage.is_none() {
        parts.push(match lane.pace {
            PaceSnapshot::Together => "shares reads with the others".to_owned(),
            PaceSnapshot::Alone => "has reads of its own".to_owned(),
        });
    }
    parts.join(" · ")
}

fn rate_sub(
    of: &ReplicationMoment,
    lane: &LaneSnapshot,
    now: &LaneMoment,
    through: Option<i64>,
) -> String {
    let left = seconds_left(of, lane.position, through, now.rate).filter(|left| *left > 1.0);
    match (left, lane.last_commit_at) {
        (Some(left), _) if of.is_job() || left > 5.0 => format!("about {} left", age(left)),
        (_, Some(at)) => format!("last commit {} ago", age(of.now.seconds_since(at))),
        (_, None) => "nothing committed yet".to_owned(),
    }
}

fn actions(lane: &LaneSnapshot) -> Vec<ActionView> {
    let action =
        |path, words| ActionView { path: format!("/lanes/{}/{path}", encoded(&lane.name)), words };
    let mut actions = Vec::new();
    if matches!(lane.health, Health::Waiting | Health::Stopped | Health::Diverged | Health::Standby)
    {
        actions.push(action("retry", "Try now"));
    }
    actions.push(if lane.is_paused {
        action("resume", "Resume")
    } else {
        action("pause", "Pause")
    });
    if !matches!(lane.health, Health::Waiting | Health::Opening) {
        actions.push(action("verify", "Count now"));
    }
    actions
}

/// What could not be done with a side, and what to do now; nothing once it is back.
fn outage_note(
    of: &ReplicationMoment,
    connection: &ConnectionSnapshot,
    health: Health,
    state: &str,
) -> Option<NoteView> {
    let outage = connection.outage.as_ref().filter(|outage| outage.ended_at.is_none())?;
    let lost = age(of.now.seconds_since(outage.since));
    let retry = connection.retry_at.map(|at| at.seconds_since(of.now));
    let next = match retry {
        _ if of.end.is_some() => "not tried again, the run has ended".to_owned(),
        Some(seconds) if seconds > 0.5 => format!("trying again in {}", age(seconds)),
        Some(_) => "trying again now".to_owned(),
        None => "not retried automatically".to_owned(),
    };
    let is_standby = health == Health::Standby;
    let part = |name, text: &str| NotePart { name, text: shown(text) };
    let mut parts: Vec<NotePart> = outage.place.iter().map(|place| part("where", place)).collect();
    if !outage.causes.is_empty() {
        parts.push(part("why", &outage.causes.join(": ")));
    }
    parts.push(part("state", state));
    parts.extend(outage.fix.iter().map(|fix| part("what to do", fix)));
    Some(NoteView {
        severity: if is_standby { NoteSeverity::Calm } else { NoteSeverity::Bad },
        what: format!("{}: {next}", shown(&outage.what)),
        aside: format!("(lost {lost} ago, {} so far)", attempts(connection.losses)),
        parts,
    })
}

fn attempts(losses: u32) -> String {
    if losses == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{} attempts", count(u64::from(losses)))
    }
}

/// What the loss of the source leaves as it is.
const SOURCE_STATE: &str = "every destination keeps what it has, a prefix of the source";

/// What the loss of a destination leaves as it is.
fn state_words(health: Health) -> &'static str {
    match health {
        Health::Diverged => "nothing more is appended to it, and what it holds was not changed",
        Health::Stopped => "it holds whole batches only, and is left alone until it is retried",
        Health::Standby => {
            "another replicator feeds it; this process takes over when that one ends"
        }
        _ => "what it holds stays a prefix of the source; the others go on",
    }
}

fn paused_note(lane: &LaneSnapshot) -> NoteView {
    let text = format!(
        "it stays connected and is counted as before; nothing is appended after id {}",
        id_or_none(lane.position)
    );
    NoteView {
        severity: NoteSeverity::Wait,
        what: "An operator paused it".to_owned(),
        aside: "(until resumed, until this process ends, or its file changes and is read again)"
            .to_owned(),
        parts: vec![NotePart { name: "state", text }],
    }
}

fn blocker_note(of: &ReplicationMoment, blocker: &BlockerSnapshot) -> NoteView {
    let waits = blocker
        .after_id
        .zip(of.snapshot.source.highest_id)
        .map(|(after, highest)| highest.saturating_sub(after).max(0).unsigned_abs());
    let waits = waits
        .filter(|waits| *waits > 0)
        .map(|waits| format!(". It holds back {}", at_most(of, waits)))
        .unwrap_or_default();
    let who = [
        blocker.pid.map(|pid| format!("process {pid}")),
        blocker
            .application
            .as_ref()
            .map(|application| format!("application {}", shown(application))),
        blocker.user.as_ref().map(|user| format!("role {}", shown(user))),
        Some(format!("open for {}", age(of.now.seconds_since(blocker.since)))),
    ];
    let who: Vec<String> = who.into_iter().flatten().collect();
    let is_known = blocker.pid.is_some() || blocker.application.is_some();
    // How long it has been open is told by the page, and grows.
    let why = match blocker.next_id.filter(|_| is_known) {
        Some(next) => {
            format!("it may still insert below id {}, from which on events are committed", id(next))
        }
        None => shown(&blocker.words),
    };
    let ends =
        blocker.pid.map(|pid| format!(": select pg_terminate_backend({pid}), at the source"));
    let fix = format!("{}{}", shown(&blocker.fix), ends.unwrap_or_default());
    let part = |name, text: String| NotePart { name, text };
    NoteView {
        severity: NoteSeverity::Wait,
        what: format!("Waiting for a transaction at the source{waits}"),
        aside: String::new(),
        parts: vec![part("why", why), part("who", who.join(", ")), part("what to do", fix)],
    }
}

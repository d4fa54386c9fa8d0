//! How a destination is not a copy of its source: a judgement of what was found, and the words for
//! it.

use super::agreement::StoreAgreement;
use super::lane_stores::{CheckCircumstances, ComparedSource, LaneStores};
use crate::commands;
use crate::config::SourceRetention;
use crate::error::{Error, ErrorKind};
use crate::event::range;
use crate::event::store::IdEnds;

/// What was found out about one destination, before it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentComparison {
    pub source: IdEnds,
    pub destination: IdEnds,
    pub source_count: u64,
    pub destination_count: u64,
    /// Events of the destination above the source's highest id.
    pub ahead: u64,
    pub first: EventComparison,
    pub last: EventComparison,
}

/// How one event of a destination compares with the source's of the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EventComparison {
    Equal,
    AbsentAtSource,
    Unlike { columns: Vec<String> },
}

/// How a destination is not a copy, the first that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Disagreement {
    Ahead { by: u64 },
    First(EventComparison),
    Last(EventComparison),
    Count,
}

/// The first way in which a destination is not a copy, if there is one.
pub(super) fn judge(found: &ContentComparison) -> Option<Disagreement> {
    found.destination.highest?;
    let is_other_first =
        found.source.lowest.is_some() && found.source.lowest != found.destination.lowest;
    if found.source.highest.is_none() {
        Some(Disagreement::Ahead { by: found.ahead })
    } else if is_other_first || found.first != EventComparison::Equal {
        Some(Disagreement::First(found.first.clone()))
    } else if found.destination.highest > found.source.highest {
        Some(Disagreement::Ahead { by: found.ahead })
    } else if found.last != EventComparison::Equal {
        Some(Disagreement::Last(found.last.clone()))
    } else {
        (found.source_count != found.destination_count).then_some(Disagreement::Count)
    }
}

impl Disagreement {
    /// Whether a source that shows an older state would look the same: the destination has what the
    /// source lacks, and nothing else is unlike.
    pub(super) fn may_be_lateness(&self, found: &ContentComparison) -> bool {
        match self {
            Self::Ahead { .. }
            | Self::First(EventComparison::AbsentAtSource)
            | Self::Last(EventComparison::AbsentAtSource) => true,
            Self::Count => found.source_count < found.destination_count,
            Self::First(_) | Self::Last(_) => false,
        }
    }
}

/// Says what a source that may only be late seems to lack.
pub(super) fn lateness(
    name: &str,
    of: ComparedSource<'_>,
    compared: (&ContentComparison, &Disagreement),
) -> Error {
    disagreed(name, of, compared)
        .of_kind(ErrorKind::Unavailable)
        .fix("no action needed, if the source is only late: ask again when it has caught up")
}

/// Says what disagrees, up to where both agree, and what to do.
pub(super) fn message(
    lane: &LaneStores<'_>,
    (of, when): (ComparedSource<'_>, CheckCircumstances),
    (found, disagreement): (&ContentComparison, &Disagreement),
    agreed: StoreAgreement,
    is_slates: bool,
) -> Error {
    let error = disagreed(lane.name, of, (found, disagreement)).because(agreed.to_string());
    if is_slates {
        return error
            .because(
                "it was filled by slate's replicator, which cuts time stamps to milliseconds and \
                 rewrites JSON numbers",
            )
            .fix(format!(
                "{} brings it to the source's exact bytes, if nothing else differs; {}",
                commands::repair(lane.name, "--accept-slate"),
                when.ending()
            ));
    }
    let on_purpose = on_purpose(lane.name, found, disagreement).unwrap_or_default();
    let rows = lane.source.wire().rows.as_ref();
    let error = match rows {
        Some(rows) => error.because(format!("only events for which this is true count: {rows}")),
        None => error,
    };
    let cure = match (rows, of.keeps) {
        (Some(_), _) => cure_of_some(lane.name, found, disagreement),
        (None, SourceRetention::Tail) if lacks_events(found, disagreement) => {
            cure_of_tail(lane.name)
        }
        _ => cure(lane.name, found, disagreement, agreed),
    };
    let on_purpose = if rows.is_none() { on_purpose } else { String::new() };
    error.fix(format!("{cure}{on_purpose}; {}", when.ending()))
}

/// What disagrees.
fn disagreed(
    name: &str,
    of: ComparedSource<'_>,
    (found, disagreement): (&ContentComparison, &Disagreement),
) -> Error {
    let ids = |id: Option<i64>| range::shown(id);
    let (source, destination) = (&found.source, &found.destination);
    let refused =
        |what: String| Error::new(ErrorKind::Contents, format!("destination {:?} {what}", name));
    let late = |error: Error| match of.may_be_late {
        true if of.is_standby => error.because("the source is a standby, which may only be late"),
        true => error.because("the source is a copy, which may only be late"),
        false => error,
    };
    match disagreement {
        Disagreement::Ahead { by } => {
            let error = refused(format!(
                "is ahead of the source by {by} {}",
                if *by == 1 { "event" } else { "events" }
            ))
            .because(format!(
                "the highest id is {} there and {} at the source",
                ids(destination.highest),
                ids(source.highest)
            ));
            late(error)
        }
        Disagreement::First(comparison) => refused("does not begin as the source does".to_owned())
            .because(format!(
                "the first id is {} there and {} at the source",
                ids(destination.lowest),
                ids(source.lowest)
            ))
            .because(unlike(comparison)),
        Disagreement::Last(comparison) => {
            refused(format!("holds another event {} than the source", ids(destination.highest)))
                .because(unlike(comparison))
        }
        Disagreement::Count => {
            late(refused("does not hold as many events as the source".to_owned()).because(format!(
                "up to id {} it has {}, the source {}",
                ids(destination.highest),
                found.destination_count,
                found.source_count
            )))
        }
    }
}

fn unlike(comparison: &EventComparison) -> String {
    match comparison {
        EventComparison::Equal => "that event itself is the same".to_owned(),
        EventComparison::AbsentAtSource => "the source has no event of that id".to_owned(),
        EventComparison::Unlike { columns } => format!("it differs in {}", columns.join(", ")),
    }
}

/// Whether the source begins later than the destination: its oldest events are gone.
fn has_let_go(found: &ContentComparison) -> bool {
    found.source.lowest > found.destination.lowest && found.source.highest.is_some()
}

/// Whether the source lacks what the destination has.
fn lacks_events(found: &ContentComparison, disagreement: &Disagreement) -> bool {
    match disagreement {
        Disagreement::Count => found.destination_count > found.source_count,
        Disagreement::Ahead { .. } | Disagreement::Last(EventComparison::AbsentAtSource) => true,
        Disagreement::First(_) | Disagreement::Last(_) => false,
    }
}

/// Of a source that may lose its oldest events, and lost others.
fn cure_of_tail(name: &str) -> String {
    format!(
        "with keeps = \"tail\" events may go from the low end only, in the order of ids; {} shows \
         what the destination alone has, and may have the only copy of: bring it back at the \
         source, or remove what lies below it there too",
        commands::events_diff(name)
    )
}

/// Of a destination that takes some events.
fn cure_of_some(name: &str, found: &ContentComparison, disagreement: &Disagreement) -> String {
    let (look, fewer) = (commands::events_diff(name), found.destination_count < found.source_count);
    let missing = match disagreement {
        Disagreement::Count if fewer => format!(
            "{} inserts what is missing, if nothing else differs; ",
            commands::repair(name, "--insert-missing")
        ),
        _ => String::new(),
    };
    format!(
        "{missing}if where was changed since it was filled, set it back, or name an empty table for \
         what it selects now; {look} shows what differs, an event that was corrected so that it is \
         no longer selected too"
    )
}

/// What can be done, in words, with the command that does it.
fn cure(
    name: &str,
    found: &ContentComparison,
    disagreement: &Disagreement,
    agreed: StoreAgreement,
) -> String {
    let cut =
        agreed.through.map(|through| commands::repair(name, &format!("--rewind-to {through}")));
    let restore = commands::restore(name);
    let look = commands::events_diff(name);
    match (disagreement, cut) {
        (Disagreement::First(EventComparison::AbsentAtSource), _) if has_let_go(found) => {
            format!(
                "do not empty this destination, which may hold the only copy of them: if the \
                 source loses its oldest events on purpose, set keeps = \"tail\" in [source]; \
                 otherwise put them back there (attach a partition again that was detached; \
                 {restore} fills a new source), or name an empty destination for what comes from \
                 now on; {look} shows each of them"
            )
        }
        (Disagreement::Ahead { by }, Some(cut)) => {
            format!(
                "if the source lost events, {restore} brings these {by} back into a new one (never \
                 into a queue, whose application removes what is done); if they may go, {cut} \
                 removes them here"
            )
        }
        (Disagreement::Ahead { .. }, None) => {
            format!(
                "if the source lost its events, {restore} brings them back into a new one; if this \
                 is another table, name the right one"
            )
        }
        (Disagreement::Count, Some(cut)) if found.destination_count < found.source_count => {
            format!(
                "{} inserts what is missing, if nothing else differs; or {cut} cuts off what \
                 follows, and it is copied again; {look} shows what differs",
                commands::repair(name, "--insert-missing")
            )
        }
        (_, Some(cut)) => {
            format!(
                "{look} shows what differs; if what comes after may go, {cut} cuts it off, and it \
                 is copied again"
            )
        }
        (_, None) => {
            let empty = found.destination.lowest.map_or_else(String::new, |lowest| {
                let empty =
                    commands::repair(name, &format!("--rewind-to {}", lowest.saturating_sub(1)));
                format!(", or empty this one with {empty} if it may go")
            });
            format!("name the right table{empty}; {look} shows what differs")
        }
    }
}

/// What carries a deliberate change of one event over, where its id is known: of more events than
/// one, what is erased here may be their only copy.
fn on_purpose(
    name: &str,
    found: &ContentComparison,
    disagreement: &Disagreement,
) -> Option<String> {
    let is_one_less = found.source_count.checked_add(1) == Some(found.destination_count);
    let (first, last) = (found.destination.lowest, found.destination.highest);
    let (id, what) = match disagreement {
        Disagreement::First(EventComparison::Unlike { .. })
            if found.source.lowest >= found.destination.lowest =>
        {
            (first?, "changed")
        }
        Disagreement::Last(EventComparison::Unlike { .. }) => (last?, "changed"),
        Disagreement::First(EventComparison::AbsentAtSource) if is_one_less => (first?, "erased"),
        Disagreement::Last(EventComparison::AbsentAtSource) if is_one_less => (last?, "erased"),
        Disagreement::Ahead { by: 1 } => (last?, "erased"),
        _ => return None,
    };
    let replace = commands::repair(name, &format!("--replace {id}"));
    Some(format!("; if the source's event {id} was {what} on purpose, {replace} carries that over"))
}

#[cfg(test)]
mod tests;

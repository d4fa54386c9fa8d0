//! What a restore will do, or why it does nothing: a pure decision about what was found.
//!
//! The ids that the new source will give out come after the last one of the destination it is
//! filled from. So that none of them is held by any other destination with other contents, that one
//! must be the longest, and all others prefixes of it.

use crate::commands;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use std::fmt;

/// What was found of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyFindings {
    /// Its name.
    pub name: String,
    /// Its highest id.
    pub position: Option<i64>,
    /// The first id at which it is not what the destination to restore from is, up to its own
    /// position.
    pub unlike: Option<i64>,
}

/// What was found of all sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestoreFindings {
    /// Where the source's table is, for messages.
    pub place: String,
    /// The destination to restore from.
    pub from: CopyFindings,
    /// All others that are configured.
    pub others: Vec<CopyFindings>,
    /// The highest id of the source.
    pub held: Option<i64>,
    /// The first id at which what the source holds is not what the destination holds.
    pub unlike: Option<i64>,
    /// What the source will give out next, where we may know.
    pub next_id: Option<i64>,
    /// Events that are to be copied.
    pub events: u64,
    /// The first of them.
    pub first: Option<i64>,
    /// Whether the source gives out ids without a hole.
    pub is_consecutive: bool,
    /// Columns of the destination that the source does not have, quoted.
    pub left_out: Vec<String>,
    /// Events of one transaction at most.
    pub events_max: u64,
}

/// What will be done, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorePlan {
    lines: Vec<String>,
    is_empty: bool,
}

impl RestorePlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl fmt::Display for RestorePlan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.lines.join("\n"))
    }
}

/// Decides.
///
/// # Errors
/// `Contents`: the destination is empty, not the longest, or disagrees with another; or the source
/// holds something else than its beginning.
pub(crate) fn plan(found: &RestoreFindings) -> Result<RestorePlan> {
    let Some(last) = found.from.position else {
        let what =
            format!("cannot restore from destination {:?}: it holds no event", found.from.name);
        return Err(Error::new(ErrorKind::Contents, what)
            .fix("name the one that holds the most; nothing was written"));
    };
    longest(found, last)?;
    agreeing(found)?;
    beginning(found)?;
    if last == i64::MAX {
        return Err(Error::new(ErrorKind::Unsuitable, "no id is left to continue with")
            .at(found.place.clone())
            .because(format!("destination {:?} holds the highest id there can be", found.from.name))
            .fix(
                "find out how that event came there, and remove it by hand if it is not a real \
                 event; nothing was written",
            ));
    }
    let next = last + 1;
    let goes_on = found.next_id.is_some_and(|found| found >= next);
    if found.events == 0 && goes_on {
        let line = format!(
            "nothing to restore: the source holds everything up to id {last}, and goes on with id \
             {}",
            shown(found.next_id)
        );
        return Ok(RestorePlan { lines: vec![line], is_empty: true });
    }
    Ok(RestorePlan { lines: lines(found, last, next), is_empty: false })
}

/// What will be done, and what it does not do.
fn lines(found: &RestoreFindings, last: i64, next: i64) -> Vec<String> {
    let mut lines = vec![format!("source {}: highest id {}", found.place, shown(found.held))];
    if found.events > 0 {
        let events = if found.events == 1 { "event" } else { "events" };
        lines.push(format!(
            "will copy from destination {:?}: {} {events}, ids {}..{last}, in transactions of at \
             most {} events; a crash leaves whole ones",
            found.from.name,
            found.events,
            shown(found.first),
            found.events_max
        ));
    }
    lines.extend(holes(found, last));
    if !found.left_out.is_empty() {
        lines.push(format!(
            "will not restore what destination {:?} has in {}: the source has no such column; if \
             the lost one had it, add it first",
            found.from.name,
            found.left_out.join(", ")
        ));
    }
    if found.others.is_empty() {
        lines.push(
            "no other destination is configured: if there is one that holds more, or something \
             else, add it first"
                .to_owned(),
        );
    }
    for other in &found.others {
        lines.push(format!(
            "destination {:?} agrees with it up to its own highest id, {}",
            other.name,
            shown(other.position)
        ));
    }
    lines.push(format!(
        "the next id will be {next} or more; user triggers are off meanwhile, and writers must \
         stay away"
    ));
    lines
}

/// What a replicator will say about ids that are missing where none may be.
fn holes(found: &RestoreFindings, last: i64) -> Option<String> {
    let below =
        found.held.map(i128::from).or_else(|| found.first.map(|first| i128::from(first) - 1))?;
    let holes = i128::from(last) - below - i128::from(found.events);
    (found.is_consecutive && holes > 0).then(|| {
        format!(
            "{holes} ids below {last} are no event: with consecutive ids the replicator will \
             refuse this source, unless they are in known_gaps; make it with --ids sequence if the \
             lost one was"
        )
    })
}

fn longest(found: &RestoreFindings, last: i64) -> Result<()> {
    let longest = found.others.iter().max_by_key(|other| other.position);
    let Some(longer) = longest.filter(|other| other.position > Some(last)) else {
        return Ok(());
    };
    let (name, other) = (&found.from.name, &longer.name);
    Err(Error::new(
        ErrorKind::Contents,
        format!("cannot restore from destination {name:?}: destination {other:?} holds more"),
    )
    .because(format!("their highest ids are {last} and {}", shown(longer.position)))
    .because("the source would give out ids that are taken there")
    .fix(format!("{}; nothing was written", commands::restore(other))))
}

fn agreeing(found: &RestoreFindings) -> Result<()> {
    let Some((other, id)) = found.others.iter().find_map(|other| Some((other, other.unlike?)))
    else {
        return Ok(());
    };
    let (name, other) = (&found.from.name, &other.name);
    Err(Error::new(
        ErrorKind::Contents,
        format!("destinations {name:?} and {other:?} do not hold the same events"),
    )
    .because(format!("the first that differs has id {id}"))
    .fix(format!(
        "find out which of them is right; repair the other, or take it out of the configuration \
         and fill it again afterwards: {} cuts it back to where they agree, once there is a \
         source; nothing was written",
        commands::repair(other, &format!("--rewind-to {}", id.saturating_sub(1)))
    )))
}

fn beginning(found: &RestoreFindings) -> Result<()> {
    let Some(id) = found.unlike else { return Ok(()) };
    let what = format!(
        "the source is not empty, and not the beginning of destination {:?} either",
        found.from.name
    );
    Err(Error::new(ErrorKind::Contents, what)
        .at(found.place.clone())
        .because(format!(
            "the first event that differs has id {id}, its highest id is {}",
            shown(found.held)
        ))
        .fix(
            "name a new source, made by counterfoil init source; or, if the events there may go, \
             remove those from that id on; nothing was written",
        ))
}

#[cfg(test)]
mod tests;

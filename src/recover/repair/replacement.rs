//! The decision about `--replace`, pure. What is named is replaced whatever else differs: it becomes
//! the source's row, and no other event is touched; what else differs is told before and after.

use super::findings::RepairFindings;
use super::named::{NamedEvent, NamedFate};
use super::plan::{RepairCase, RepairPlan};
use crate::commands;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;

/// Ids of one message at most; of more their number is told.
const TOLD_IDS_MAX: usize = 10;

impl RepairCase<'_> {
    /// `--replace`, before anything is read: above the position there is nothing to replace, and
    /// below a source that has lost its oldest events nothing to replace it with.
    ///
    /// # Errors
    /// `Usage` with every id that is.
    pub(super) fn require_held(&self, ids: &[i64]) -> Result<()> {
        let is_above = |id: &&i64| self.position.is_none_or(|position| **id > position);
        let above: Vec<i64> = ids.iter().filter(is_above).copied().collect();
        if above.is_empty() {
            return self.require_kept(ids);
        }
        let what = format!("cannot replace {} of destination {:?}", told(&above), self.name);
        Err(Error::new(ErrorKind::Usage, what)
            .at(self.place.to_owned())
            .because(format!("its highest id is {}", shown(self.position)))
            .fix(
                "leave these ids out: the replicator will copy what the source has of them; \
                 nothing was written",
            ))
    }

    /// Of a source that may lose its oldest events, that it has not let go of these.
    fn require_kept(&self, ids: &[i64]) -> Result<()> {
        let is_below = |id: &&i64| self.floor.is_some_and(|floor| **id < floor);
        let below: Vec<i64> = ids.iter().filter(is_below).copied().collect();
        if below.is_empty() {
            return Ok(());
        }
        let what = format!("cannot replace {} of destination {:?}", told(&below), self.name);
        Err(Error::new(ErrorKind::Usage, what)
            .at(self.place.to_owned())
            .because(format!("the lowest id at the source is {}", shown(self.floor)))
            .fix(
                "leave these ids out: the source has let go of them, and what the destination \
                 keeps is changed there by hand; nothing was written",
            ))
    }

    /// `--replace`.
    ///
    /// # Errors
    /// `Contents` when the destination lacks one, with its cure, or when there is nothing to
    /// replace while other events differ.
    pub(super) fn replace(
        &self,
        named: Vec<NamedEvent>,
        others: &RepairFindings,
    ) -> Result<RepairPlan> {
        let of_fate = |fate| named.iter().filter(move |event| event.fate() == fate);
        let missing: Vec<i64> = of_fate(NamedFate::Missing).map(|event| event.id).collect();
        if !missing.is_empty() {
            return Err(self.lacks(&missing));
        }
        let is_written = named.iter().any(NamedEvent::is_written);
        if !is_written && others.first().is_some() {
            return Err(self.differs_elsewhere(others));
        }
        let mut lines = vec![format!(
            "destination {:?}, {}: highest id {}",
            self.name,
            self.place,
            shown(self.position)
        )];
        if !is_written {
            lines[0] = format!("nothing to replace at destination {:?}", self.name);
        }
        lines.extend(named.iter().map(NamedEvent::planned));
        if !is_written {
            return Ok(RepairPlan::nothing(lines.join("\n")));
        }
        if others.first().is_some() {
            lines.push("besides these ids differs, and stays as it is:".to_owned());
            lines.extend(others.told());
            lines.push(format!("{} shows each of them", commands::events_diff(self.name)));
        }
        lines.push("in one transaction: a crash leaves all old rows or all new ones".to_owned());
        Ok(RepairPlan::of(lines).naming(named))
    }

    fn lacks(&self, missing: &[i64]) -> Error {
        let what = format!("cannot replace {} of destination {:?}", told(missing), self.name);
        let insert = commands::repair(self.name, "--insert-missing");
        Error::new(ErrorKind::Contents, what)
            .at(self.place.to_owned())
            .because("the destination lacks what the source has: there is nothing to replace")
            .fix(format!(
                "leave these ids out and replace the others first; then {insert} inserts what is \
                 missing; nothing was written"
            ))
    }

    /// Of a destination that is not what the source has, although every named event is.
    pub(super) fn differs_elsewhere(&self, others: &RepairFindings) -> Error {
        let what = format!(
            "destination {:?} has what the source has of the named ids, and differs in others",
            self.name
        );
        let error = Error::new(ErrorKind::Contents, what).at(self.place.to_owned());
        others.told().into_iter().fold(error, Error::because).fix(format!(
            "{} shows each of them; those that the source changed or erased on purpose are carried \
             over by --replace too",
            commands::events_diff(self.name)
        ))
    }

    /// Of a destination whose named events are not what the source has after they were replaced.
    pub(super) fn still_unlike(&self, unlike: &[i64]) -> Error {
        let what = format!("{} of destination {:?} differs again", told(unlike), self.name);
        Error::new(ErrorKind::Contents, what)
            .at(self.place.to_owned())
            .because(
                "it was the source's row when it was committed; something was written at either \
                 side since, or a deferred trigger of the destination changed it",
            )
            .fix(format!("start again; {} shows what differs", commands::events_diff(self.name)))
    }
}

/// `id 7`, `ids 7, 9`, and of many the first ones with how many more there are.
fn told(ids: &[i64]) -> String {
    let shown: Vec<String> = ids.iter().take(TOLD_IDS_MAX).map(i64::to_string).collect();
    let more = match ids.len().saturating_sub(TOLD_IDS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} {}{more}", if ids.len() == 1 { "id" } else { "ids" }, shown.join(", "))
}

#[cfg(test)]
mod tests;

//! What a repair will do, or why it does nothing: a pure decision about what was found.
//!
//! Nothing is overwritten that was not accepted by name: `--insert-missing` goes ahead only where
//! rows are missing and nothing else differs, `--accept-slate` only where nothing differs but by
//! slate's alteration, `--rewind-to` only where everything that stays agrees. `--replace`, which
//! names each event, is decided in `replacement`.

use super::findings::{DestinationTail, RepairFindings};
use super::named::NamedEvent;
use crate::commands;
use crate::config::SourceRetention;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use std::fmt;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepairRequest {
    /// The rows the destination lacks.
    InsertMissing,
    /// The rows above this id are to go.
    RewindTo(i64),
    /// The rows that slate's replicator altered are to be the source's.
    AcceptSlate,
    /// The events of these ids, ascending and each once, are to be the source's.
    Replace(Vec<i64>),
}

/// What will be done, in words; a person agrees to it before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairPlan {
    lines: Vec<String>,
    is_empty: bool,
    named: Vec<NamedEvent>,
}

/// What the decision is about.
#[derive(Clone, Copy, Debug)]
pub struct RepairCase<'a> {
    /// The destination's name.
    pub name: &'a str,
    /// Where its table is, for messages.
    pub place: &'a str,
    /// Its highest id.
    pub position: Option<i64>,
    /// Events of one batch at most.
    pub events_max: u64,
    /// The source's lowest id, where it may lose its oldest events.
    pub floor: Option<i64>,
}

impl RepairPlan {
    pub(super) fn nothing(line: String) -> Self {
        Self { lines: vec![line], is_empty: true, named: Vec::new() }
    }

    pub(super) fn of(lines: Vec<String>) -> Self {
        Self { lines, is_empty: false, named: Vec::new() }
    }

    /// With the events that were named.
    pub(super) fn naming(self, named: Vec<NamedEvent>) -> Self {
        Self { named, ..self }
    }

    /// The events that were named, as they were when both sides were read.
    pub(super) fn named(&self) -> &[NamedEvent] {
        &self.named
    }

    /// What became of each event that was named, once all of it is done: a line each.
    pub fn results(&self) -> Vec<String> {
        self.named.iter().map(NamedEvent::done).collect()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl fmt::Display for RepairPlan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.lines.join("\n"))
    }
}

impl RepairCase<'_> {
    /// `--insert-missing`.
    ///
    /// # Errors
    /// `Contents` when anything else differs, with what and the cure.
    pub(crate) fn insert_missing(&self, found: &RepairFindings) -> Result<RepairPlan> {
        let is_more =
            !(found.extra.is_empty() && found.slates.is_empty() && found.changed.is_empty());
        if is_more {
            let what = format!(
                "cannot insert into destination {:?}: it differs in more than missing events",
                self.name
            );
            return Err(self.refusal(what, found));
        }
        if found.missing.is_empty() {
            return Ok(self.nothing_missing());
        }
        Ok(RepairPlan::of(vec![
            format!(
                "destination {:?}, {}: highest id {}",
                self.name,
                self.place,
                shown(self.position)
            ),
            format!("will insert, as the source has them: {}", found.missing),
            self.batches(),
        ]))
    }

    /// `--accept-slate`.
    ///
    /// # Errors
    /// `Contents` when anything differs in any other way.
    pub fn accept_slate(&self, found: &RepairFindings) -> Result<RepairPlan> {
        let is_more =
            !(found.extra.is_empty() && found.missing.is_empty() && found.changed.is_empty());
        if is_more {
            let what = format!(
                "cannot accept destination {:?}: it differs in more than slate's replicator alters",
                self.name
            );
            return Err(self.refusal(what, found));
        }
        if found.slates.is_empty() {
            return Ok(self.nothing_missing());
        }
        Ok(RepairPlan::of(vec![
            format!(
                "destination {:?}, {}: highest id {}",
                self.name,
                self.place,
                shown(self.position)
            ),
            format!("will replace by the source's: {}", found.slates),
            "they differ only in time stamps cut to milliseconds and in JSON numbers rewritten as \
             doubles"
                .to_owned(),
            self.batches(),
        ]))
    }

    /// `--rewind-to`.
    ///
    /// # Errors
    /// `Contents` when what would stay does not agree with the source, with the highest id up to
    /// which both do.
    pub fn rewind_to(
        &self,
        id: i64,
        found: &RepairFindings,
        tail: &DestinationTail,
    ) -> Result<RepairPlan> {
        if self.position.is_none_or(|position| position <= id) {
            let line = format!(
                "nothing to cut: the highest id of destination {:?} is {}",
                self.name,
                shown(self.position)
            );
            return Ok(RepairPlan::nothing(line));
        }
        if let Some(floor) = self.floor.filter(|floor| id < floor.saturating_sub(1)) {
            return Err(self.kept(id, floor));
        }
        if found.first().is_some() {
            let what = format!(
                "cannot rewind destination {:?} to {id}: what would stay is not what the source \
                 has",
                self.name
            );
            return Err(self.refusal(what, found));
        }
        if self.floor.is_some() && !tail.only_here.is_empty() {
            return Err(self.only_copies(id, tail));
        }
        let mut lines = vec![
            format!(
                "destination {:?}, {}: highest id {}",
                self.name,
                self.place,
                shown(self.position)
            ),
            format!(
                "will delete, from the highest downwards: {} {}, ids {}..{}",
                tail.count,
                if tail.count == 1 { "event" } else { "events" },
                shown(tail.first),
                shown(self.position)
            ),
        ];
        lines.push(if tail.only_here.is_empty() {
            "the source has every one of them".to_owned()
        } else {
            format!(
                "of these the source does not have, or not with the same content, so this may be \
                 their only copy: {}",
                tail.only_here
            )
        });
        lines.push(self.batches());
        Ok(RepairPlan::of(lines))
    }

    /// Of a source that may lose its oldest events, that it still has one of those the destination
    /// may hold, or the very next: otherwise there is nothing to judge by, and nothing to cut off.
    ///
    /// # Errors
    /// `Contents` otherwise.
    pub(super) fn require_common_ground(
        &self,
        keeps: SourceRetention,
        lowest: Option<i64>,
    ) -> Result<()> {
        let Some(position) = self.position.filter(|_| keeps == SourceRetention::Tail) else {
            return Ok(());
        };
        if lowest.is_some_and(|lowest| lowest.saturating_sub(1) <= position) {
            return Ok(());
        }
        let what = format!(
            "cannot repair destination {:?}: the source no longer has any event that it holds",
            self.name
        );
        Err(Error::new(ErrorKind::Contents, what)
            .at(self.place.to_owned())
            .because(format!(
                "its highest id is {position}, and the lowest id at the source is {}",
                shown(lowest)
            ))
            .fix(format!(
                "keep this table: it may hold the only copy. Bring the events back at the source \
                 ({} fills an empty one), or name another table for what comes from now on; \
                 nothing was written",
                commands::restore(self.name)
            )))
    }

    /// What the source has let go of cannot be copied again.
    fn kept(&self, id: i64, floor: i64) -> Error {
        let what = format!(
            "cannot rewind destination {:?} to {id}: the source has let go of what would have to \
             be copied again",
            self.name
        );
        Error::new(ErrorKind::Contents, what)
            .at(self.place.to_owned())
            .because(format!("the lowest id at the source is {floor}"))
            .fix(format!(
                "{} keeps what is here alone; nothing was written",
                commands::repair(self.name, &format!("--rewind-to {}", floor.saturating_sub(1)))
            ))
    }

    /// What a source that loses events does not have is not cut off where it is kept.
    fn only_copies(&self, id: i64, tail: &DestinationTail) -> Error {
        let what = format!(
            "cannot rewind destination {:?} to {id}: the source no longer has all of what follows",
            self.name
        );
        Error::new(ErrorKind::Contents, what)
            .at(self.place.to_owned())
            .because(format!("the destination alone has {}", tail.only_here))
            .because(
                "with keeps = \"tail\" events may go from the low end only, in the order of ids",
            )
            .fix(
                "bring them back at the source, or remove what lies below them there too; nothing \
                 was written",
            )
    }

    fn nothing_missing(&self) -> RepairPlan {
        RepairPlan::nothing(format!(
            "nothing to repair: up to id {} destination {:?} holds exactly what the source does",
            shown(self.position),
            self.name
        ))
    }

    fn batches(&self) -> String {
        format!("in transactions of at most {} events; a crash leaves whole ones", self.events_max)
    }

    fn refusal(&self, what: String, found: &RepairFindings) -> Error {
        let mut error = Error::new(ErrorKind::Contents, what).at(self.place.to_owned());
        for difference in found.told() {
            error = error.because(difference);
        }
        error = error.because(match found.agreed {
            Some(agreed) => format!("both agree up to id {agreed}"),
            None => "they agree on no event".to_owned(),
        });
        error.fix(format!("{}; nothing was written", self.cure(found)))
    }

    fn cure(&self, found: &RepairFindings) -> String {
        let is_only_slates =
            found.extra.is_empty() && found.changed.is_empty() && found.missing.is_empty();
        let is_only_missing =
            found.extra.is_empty() && found.changed.is_empty() && found.slates.is_empty();
        let look = format!("{} shows each of them", commands::events_diff(self.name));
        if is_only_slates {
            return format!(
                "{} replaces them; {look}",
                commands::repair(self.name, "--accept-slate")
            );
        }
        if is_only_missing {
            return format!(
                "{} brings them; {look}",
                commands::repair(self.name, "--insert-missing")
            );
        }
        let rewind = commands::repair(self.name, &format!("--rewind-to {}", found.agreeing()));
        let lost = if found.extra.is_empty() {
            String::new()
        } else {
            format!(
                "; where the source has lost events, {} rebuilds one from here",
                commands::restore(self.name)
            )
        };
        format!(
            "{look}; if what comes after may go, {rewind} cuts it off, and the replicator copies \
             it again{lost}"
        )
    }
}

#[cfg(test)]
mod tests;

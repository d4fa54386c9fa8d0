//! What is compared at a lane, when, and what it is found to hold.

use crate::config::SourceRetention;
use crate::event::store::{EventStore, IdEnds};
use crate::postgres::table::EventTable;
use crate::source::capture::PruneCertificate;

/// A destination whose contents are compared with the source's: both give the columns that are
/// copied.
#[derive(Clone, Copy)]
pub struct LaneStores<'a> {
    /// Name as configured.
    pub name: &'a str,
    /// What the source holds of them.
    pub source: &'a dyn EventStore,
    /// What the destination holds of them.
    pub destination: &'a dyn EventStore,
}

/// What a comparison must know of the source.
#[derive(Clone, Copy, Debug)]
pub struct ComparedSource<'a> {
    /// Its table.
    pub table: &'a EventTable,
    /// Whether its server is a standby.
    pub is_standby: bool,
    /// Whether what it shows may be older than what it showed before: a standby, or a copy.
    pub may_be_late: bool,
    /// Which of its events it keeps.
    pub keeps: SourceRetention,
    /// What was pruned of it, the oldest first, where it is a log of captured changes.
    pub pruned: &'a [PruneCertificate],
}

/// What is compared, and when.
pub(super) type CheckBaseline<'a> = (ComparedSource<'a>, CheckCircumstances);

/// When contents are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckCircumstances {
    /// Up to where every id was decided at the source before.
    pub decided: Option<i64>,
    /// Whether this run has written already.
    pub has_written: bool,
    /// Whether nothing will be written: then a source that may only be late is no disagreement.
    pub is_look: bool,
}

impl CheckCircumstances {
    /// Those of somebody who looks and writes nothing.
    pub(crate) const LOOK: Self = Self { decided: None, has_written: false, is_look: true };

    /// What state things are in, at the end of a remedy.
    pub(crate) fn ending(self) -> &'static str {
        if self.has_written {
            "nothing more is written, and what was written stays"
        } else {
            "nothing was written"
        }
    }
}

/// What a destination was found to hold, all of it equal to the source's as far as checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneContents {
    /// Its lowest and highest id.
    pub ends: IdEnds,
    /// Its events.
    pub events: u64,
    /// Whether no transaction was open that may still insert at or below its highest id: then the
    /// count is the last word.
    pub is_final: bool,
    /// Where the comparison began, if the source may lose its oldest events: its lowest id. What
    /// the destination holds below has no equal any more, and is not counted.
    pub floor: Option<i64>,
}

impl LaneStores<'_> {
    /// What it is called in a message.
    pub(super) fn place(&self) -> String {
        format!("destination {:?}, {}", self.name, self.destination.place())
    }
}

/// A destination whose first event, last event and count were found to be the source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedContents {
    /// Its lowest id then.
    pub first_id: Option<i64>,
    /// Its highest id then.
    pub position: Option<i64>,
    /// Its events then.
    pub events: u64,
    /// Whether no transaction was open that may still insert at or below that id: then the count is
    /// the last word.
    pub is_final: bool,
}

impl From<LaneContents> for CheckedContents {
    fn from(contents: LaneContents) -> Self {
        Self {
            first_id: contents.ends.lowest,
            position: contents.ends.highest,
            events: contents.events,
            is_final: contents.is_final,
        }
    }
}

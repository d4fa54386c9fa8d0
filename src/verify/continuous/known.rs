//! The rows of a destination that are known to differ, by their ids: pure, bounded, and never what
//! they hold.

use crate::event::range::IdRange;
use crate::log::WallTime;
use crate::verify::difference::{DifferenceClass, RowChange};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// So many rows that differ are kept by id; of more the lowest are, and the others are counted.
const KEPT_MAX: usize = 10_000;
/// Runs of rows that a snapshot lists at most.
const LISTED_MAX: usize = 100;

/// In what a row differs, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowFault {
    /// The source has it, the destination has not.
    Missing,
    /// The destination has it, the source has not.
    Extra,
    /// Both have it, not with the same bytes.
    Changed,
    /// The same, and only the representation of its values differs.
    Representation,
    /// A side holds its id more than once.
    Doubled,
    /// It may be late at a side: no difference yet, and not equal.
    Undecided,
}

/// Rows that differ, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultCounts {
    /// Rows the destination lacks.
    pub missing: u64,
    /// Rows only the destination has.
    pub extra: u64,
    /// Rows that differ in more than the representation.
    pub changed: u64,
    /// Rows of which only the representation differs.
    pub representation: u64,
    /// Ids that a side holds more than once.
    pub doubled: u64,
}

/// Rows of one class with ids that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FaultRun {
    /// In what they differ.
    pub class: RowFault,
    /// The first id.
    pub first_id: i64,
    /// The last id.
    pub last_id: i64,
    /// When the first of them was found.
    pub found_at: WallTime,
}

/// What a comparison of some rows changed of what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultChange {
    /// Differences that were not known, in the order of their ids.
    pub new: Vec<(i64, RowFault)>,
    /// Ids of differences that are none any more.
    pub gone: Vec<i64>,
}

/// Rows that differ beyond those that are kept.
#[derive(Clone, Copy, Debug, Default)]
struct UnkeptFaults {
    counts: FaultCounts,
    lowest: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct KnownFault {
    class: RowFault,
    found_at: WallTime,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct KnownFaults {
    kept: BTreeMap<i64, KnownFault>,
    /// Of this round, and of the last.
    unkept: [UnkeptFaults; 2],
    ever: FaultCounts,
}

impl From<&DifferenceClass> for RowFault {
    fn from(class: &DifferenceClass) -> Self {
        match class {
            DifferenceClass::Missing => Self::Missing,
            DifferenceClass::Extra => Self::Extra,
            DifferenceClass::Changed(RowChange { is_representation_only: true, .. }) => {
                Self::Representation
            }
            DifferenceClass::Changed(_) => Self::Changed,
        }
    }
}

impl FaultCounts {
    fn count(&mut self, class: RowFault) -> Option<&mut u64> {
        match class {
            RowFault::Missing => Some(&mut self.missing),
            RowFault::Extra => Some(&mut self.extra),
            RowFault::Changed => Some(&mut self.changed),
            RowFault::Representation => Some(&mut self.representation),
            RowFault::Doubled => Some(&mut self.doubled),
            RowFault::Undecided => None,
        }
    }

    /// Counts one more; what is undecided is no difference.
    pub(super) fn add(&mut self, class: RowFault) {
        if let Some(count) = self.count(class) {
            *count += 1;
        }
    }

    /// Of all classes.
    pub fn total(&self) -> u64 {
        self.missing + self.extra + self.changed + self.representation + self.doubled
    }

    fn and_at_least(self, other: [Self; 2]) -> Self {
        let sum = |of: fn(&Self) -> u64| of(&self) + of(&other[0]).max(of(&other[1]));
        Self {
            missing: sum(|counts| counts.missing),
            extra: sum(|counts| counts.extra),
            changed: sum(|counts| counts.changed),
            representation: sum(|counts| counts.representation),
            doubled: sum(|counts| counts.doubled),
        }
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = [
            (self.missing, "missing"),
            (self.extra, "extra"),
            (self.changed, "changed"),
            (self.representation, "in the representation alone"),
            (self.doubled, "doubled"),
        ];
        let told = classes.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = told.map(|(count, class)| format!("{count} {class}")).collect();
        out.write_str(&if told.is_empty() { "none".to_owned() } else { told.join(", ") })
    }
}

impl KnownFaults {
    /// The rows of a range were compared, and these of them are not equal, in the order of their
    /// ids: everything else in it is.
    pub fn replace(
        &mut self,
        range: IdRange,
        found: &[(i64, RowFault)],
        now: WallTime,
    ) -> FaultChange {
        let mut change = FaultChange::default();
        let mut before = self.take(range);
        for (id, class) in found.iter().filter(|(id, _)| range.contains(*id)) {
            let known = before.remove(id).filter(|known| known.class == *class);
            if known.is_none() && *class != RowFault::Undecided && !self.may_be_unkept(*id) {
                self.ever.add(*class);
                change.new.push((*id, *class));
            }
            let known = known.unwrap_or(KnownFault { class: *class, found_at: now });
            self.kept.insert(*id, known);
        }
        let is_difference =
            |(id, known): (i64, KnownFault)| (known.class != RowFault::Undecided).then_some(id);
        change.gone = before.into_iter().filter_map(is_difference).collect();
        while self.kept.len() > KEPT_MAX {
            let Some((id, known)) = self.kept.pop_last() else { break };
            let unkept = &mut self.unkept[0];
            unkept.counts.add(known.class);
            unkept.lowest = Some(unkept.lowest.map_or(id, |lowest| lowest.min(id)));
        }
        change
    }

    /// Whether it may be one of those that the last round counted and did not keep.
    fn may_be_unkept(&self, id: i64) -> bool {
        self.unkept[1].lowest.is_some_and(|lowest| id >= lowest)
    }

    /// What is known of a range, taken out.
    fn take(&mut self, range: IdRange) -> BTreeMap<i64, KnownFault> {
        let first = range.after.map_or(Some(i64::MIN), |after| after.checked_add(1));
        let Some(first) = first.filter(|first| *first <= range.through) else {
            return BTreeMap::new();
        };
        let mut rest = self.kept.split_off(&first);
        if let Some(above) = range.through.checked_add(1) {
            let mut above = rest.split_off(&above);
            self.kept.append(&mut above);
        }
        rest
    }

    /// Rows of this range are not there any more at the source: what was not decided of them never
    /// will be, and what differed stays known.
    pub(super) fn decide_no_more(&mut self, range: IdRange) {
        if !range.is_empty() {
            self.kept
                .retain(|id, known| known.class != RowFault::Undecided || !range.contains(*id));
        }
    }

    /// Rows above this id are not there any more, and nothing is known of those that come.
    pub(super) fn forget_above(&mut self, id: Option<i64>) {
        self.take(IdRange::above(id));
        for unkept in &mut self.unkept {
            if unkept.lowest > id {
                *unkept = UnkeptFaults::default();
            }
        }
    }

    /// A round has ended: what it did not find any more is gone.
    pub(super) fn end_round(&mut self) {
        self.unkept = [UnkeptFaults::default(), self.unkept[0]];
    }

    /// The lowest id that is not known to be equal.
    pub fn lowest(&self) -> Option<i64> {
        let kept = self.kept.keys().next().copied();
        kept.into_iter().chain(self.unkept.iter().filter_map(|unkept| unkept.lowest)).min()
    }

    /// Whether this row is known to differ just so.
    pub(super) fn holds(&self, id: i64, class: RowFault) -> bool {
        self.kept.get(&id).is_some_and(|known| known.class == class)
    }

    /// Rows that differ now; of those that are not kept as many at least.
    pub fn counts(&self) -> FaultCounts {
        let mut counts = FaultCounts::default();
        self.kept.values().for_each(|known| counts.add(known.class));
        counts.and_at_least(self.unkept.map(|unkept| unkept.counts))
    }

    /// Rows that were found to differ since the beginning, each once until it is equal again.
    pub(super) fn counts_ever(&self) -> FaultCounts {
        self.ever
    }

    /// Rows that may be late.
    pub fn undecided(&self) -> u64 {
        self.kept.values().filter(|known| known.class == RowFault::Undecided).count() as u64
    }

    /// The first runs of rows that differ.
    pub fn listed(&self) -> Vec<FaultRun> {
        let mut runs: Vec<FaultRun> = Vec::new();
        for (id, known) in &self.kept {
            let before = runs.last_mut();
            match before
                .filter(|run| run.class == known.class && run.last_id.checked_add(1) == Some(*id))
            {
                _ if known.class == RowFault::Undecided => {}
                Some(run) => run.last_id = *id,
                None => {
                    if runs.len() >= LISTED_MAX {
                        break;
                    }
                    runs.push(FaultRun {
                        class: known.class,
                        first_id: *id,
                        last_id: *id,
                        found_at: known.found_at,
                    });
                }
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests;

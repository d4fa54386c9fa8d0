//! What a validation found: counted by sort, the first of each sort in words.

use serde::{Serialize, Serializer};

/// Findings of one sort that are told one by one.
pub(super) const FINDINGS_MAX: usize = 20;

/// The sorts of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// An id occurs more than once: a damaged index, or none.
    DuplicateId,
    /// A row without an id.
    WithoutId,
    /// Consecutive ids that do not begin with 1.
    FirstId,
    /// Ids that no row has.
    Gap,
    /// Such ids that are accepted by the configuration.
    KnownGap,
    /// A time before that of the row before. Legitimate: transactions take their time before they
    /// get their ids, with slate's `insert_events` too.
    TsBackwards,
    /// `testingStats` that are not what the loader writes.
    Garbled,
    /// A row without `testingStats` in a table that has them.
    WithoutStats,
    /// An event number beyond the count of its group, or one that is 0.
    Impossible,
    /// Two groups with one number.
    Mixed,
    /// A group that lacks events.
    Incomplete,
    /// Numbers that no group of a program has.
    MissingGroup,
    /// An event that occurs again.
    DoubledEvent,
    /// A whole group that occurs again.
    DoubledGroup,
    /// Events or groups in another order than that of their numbers.
    OutOfOrder,
    /// Consecutive ids, and a group with other rows between its own.
    NotAdjacent,
}

impl FindingKind {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        self.words().0
    }

    /// A few for a person.
    pub(super) fn says(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::DuplicateId => (
                "duplicate_id",
                "ids that occur again: the index is damaged or missing, try REINDEX TABLE",
            ),
            Self::WithoutId => ("without_id", "rows without an id"),
            Self::FirstId => ("first_id", "consecutive ids that do not begin with 1"),
            Self::Gap => ("gap", "gaps in the ids"),
            Self::KnownGap => ("known_gap", "gaps in the ids that are known"),
            Self::TsBackwards => {
                ("ts_backwards", "times that run backwards, as those of concurrent transactions do")
            }
            Self::Garbled => ("garbled_stats", "testingStats that no loader writes"),
            Self::WithoutStats => ("without_stats", "rows without testingStats among others"),
            Self::Impossible => {
                ("impossible_number", "events with a number beyond the count of their group")
            }
            Self::Mixed => ("mixed_group", "events of another group with the same number"),
            Self::Incomplete => ("incomplete_group", "groups that lack events"),
            Self::MissingGroup => ("missing_group", "groups that are missing"),
            Self::DoubledEvent => ("doubled_event", "events that occur again"),
            Self::DoubledGroup => ("doubled_group", "groups that occur again"),
            Self::OutOfOrder => ("out_of_order", "events out of order"),
            Self::NotAdjacent => ("not_adjacent", "groups with other rows between their own"),
        }
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// All findings of one sort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The sort.
    #[serde(rename = "kind")]
    pub fault: FindingKind,
    /// Whether it makes the table invalid; otherwise it is only noted.
    pub is_fault: bool,
    /// How many there are.
    pub count: u64,
    /// The first of them in words, at most 20; what a table holds is escaped in them.
    pub first: Vec<String>,
}

/// All findings so far.
#[derive(Debug, Default)]
pub(super) struct ValidationFindings {
    list: Vec<Finding>,
}

impl ValidationFindings {
    /// Something that makes the table invalid.
    pub(super) fn fault(&mut self, fault: FindingKind, says: impl FnOnce() -> String) {
        self.add(fault, true, 1, says);
    }

    /// Something that is legitimate.
    pub(super) fn note(&mut self, fault: FindingKind, says: impl FnOnce() -> String) {
        self.add(fault, false, 1, says);
    }

    /// Several at once, in the same words.
    pub(super) fn faults(&mut self, fault: FindingKind, count: u64, says: impl FnOnce() -> String) {
        self.add(fault, true, count, says);
    }

    fn add(
        &mut self,
        fault: FindingKind,
        is_fault: bool,
        count: u64,
        says: impl FnOnce() -> String,
    ) {
        let place =
            self.list.iter().position(|finding| finding.fault == fault).unwrap_or_else(|| {
                self.list.push(Finding { fault, is_fault, count: 0, first: Vec::new() });
                self.list.len() - 1
            });
        let finding = &mut self.list[place];
        finding.count = finding.count.saturating_add(count);
        if finding.first.len() < FINDINGS_MAX {
            finding.first.push(says());
        }
    }

    /// Those that make the table invalid first.
    pub(super) fn into_list(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| !finding.is_fault);
        self.list
    }
}

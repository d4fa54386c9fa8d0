//! Validates one table by itself, in one scan and in constant memory: its ids, its times, and the groups of slate's loader.

mod findings;
mod groups;
mod ids;
mod numbers;
mod read;
mod report;
mod stats;

pub use findings::{Fault, Finding};
pub use groups::GroupCounts;
pub use read::validate;
pub use report::{Validation, Verdict};
pub use stats::{Stats, Testing};

use findings::Findings;
use groups::Groups;
use ids::Ids;

/// What ids of a table must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdRule {
    /// From 1 on, each exactly once; apart from these known gaps, ends included. The rows of a group stand next to each other.
    Consecutive(Vec<(i64, i64)>),
    /// Drawn from a sequence: gaps are legitimate, and groups of several programs may interleave.
    Sequence,
}

/// By what a table is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What its ids must be like.
    pub ids: IdRule,
    /// The id up to which it is read, because more may come beyond it: a group cut there is pending. `None` reads all of a table that rests: then nothing is pending.
    pub through: Option<i64>,
}

/// A row as the validation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// Its time in microseconds; `None` where it has none.
    pub ts: Option<i64>,
    /// What the loader wrote about its group.
    pub testing: Testing,
}

/// The validation on its way, fed with rows in id order.
#[derive(Debug)]
pub struct Validator<'a> {
    rules: &'a Rules,
    rows: u64,
    ids: Ids,
    groups: Groups,
    findings: Findings,
}

impl<'a> Validator<'a> {
    /// Before the first row.
    pub fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            rows: 0,
            ids: Ids::default(),
            groups: Groups::default(),
            findings: Findings::default(),
        }
    }

    /// Takes the next row; its id is not below the one before.
    pub fn row(&mut self, row: Row) {
        self.rows += 1;
        self.ids.row(&row, &self.rules.ids, &mut self.findings);
        let is_adjacent = matches!(self.rules.ids, IdRule::Consecutive(_));
        self.groups.row(row.id, self.rows, row.testing, is_adjacent, &mut self.findings);
    }

    /// Takes the number of rows that have no id, and so were not among those above.
    pub fn without_id(&mut self, rows: u64) {
        if rows > 0 {
            self.rows += rows;
            self.findings
                .faults(Fault::WithoutId, rows, || "no order of events holds them".to_owned());
        }
    }

    /// Judges, after the last row up to [`Rules::through`].
    pub fn finish(mut self) -> Validation {
        let fence = groups::Fence {
            through: self.rules.through,
            last_id: self.ids.last_id(),
            is_consecutive: matches!(self.rules.ids, IdRule::Consecutive(_)),
        };
        let (groups, doubts) = self.groups.finish(&fence, &mut self.findings);
        Validation {
            rows: self.rows,
            first_id: self.ids.first_id(),
            last_id: self.ids.last_id(),
            ids_missing: self.ids.missing(),
            groups,
            findings: self.findings.into_list(),
            doubts,
            notes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;

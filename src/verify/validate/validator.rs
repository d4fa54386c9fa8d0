//! The validation without a server: rows in, findings out.

use super::findings::{FindingKind, ValidationFindings};
use super::groups::{GroupChecks, ReadFence};
use super::ids::IdChecks;
use super::report::Validation;
use super::rules::{IdRule, ValidatedRow, ValidationRules};

/// The validation on its way, fed with rows in id order.
#[derive(Debug)]
pub struct Validator<'a> {
    rules: &'a ValidationRules,
    rows: u64,
    ids: IdChecks,
    groups: GroupChecks,
    findings: ValidationFindings,
}

impl<'a> Validator<'a> {
    /// Before the first row.
    pub fn new(rules: &'a ValidationRules) -> Self {
        Self {
            rules,
            rows: 0,
            ids: IdChecks::default(),
            groups: GroupChecks::default(),
            findings: ValidationFindings::default(),
        }
    }

    /// Takes the next row; its id is not below the one before.
    pub fn row(&mut self, row: ValidatedRow) {
        self.rows += 1;
        self.ids.row(&row, &self.rules.ids, &mut self.findings);
        let is_adjacent = matches!(self.rules.ids, IdRule::Consecutive(_));
        self.groups.row(row.id, self.rows, row.testing, is_adjacent, &mut self.findings);
    }

    /// Takes the number of rows that have no id, and so were not among those above.
    pub fn without_id(&mut self, rows: u64) {
        if rows > 0 {
            self.rows += rows;
            self.findings.faults(FindingKind::WithoutId, rows, || {
                "no order of events holds them".to_owned()
            });
        }
    }

    /// Judges, after the last row up to [`ValidationRules::through`].
    pub fn finish(mut self) -> Validation {
        let fence = ReadFence {
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

//! The ids of a table, and its times against them.

use super::findings::{FindingKind, ValidationFindings};
use super::rules::{IdRule, ValidatedRow};

/// The first of consecutive ids.
const FIRST_ID: i64 = 1;

/// What is known of the rows so far.
#[derive(Debug, Default)]
pub(super) struct IdChecks {
    first_id: Option<i64>,
    last_id: Option<i64>,
    last_ts: Option<i64>,
    missing: u64,
}

impl IdChecks {
    pub(super) fn first_id(&self) -> Option<i64> {
        self.first_id
    }

    pub(super) fn last_id(&self) -> Option<i64> {
        self.last_id
    }

    /// Ids below the last one that no row has; before the first one only where ids are consecutive.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    pub(super) fn row(
        &mut self,
        row: &ValidatedRow,
        rule: &IdRule,
        findings: &mut ValidationFindings,
    ) {
        match (self.last_id, rule) {
            (Some(last), _) if row.id == last => {
                findings.fault(FindingKind::DuplicateId, || format!("id {last}"))
            }
            (Some(last), _) => self.gap(last.saturating_add(1), row.id, rule, findings),
            (None, IdRule::Consecutive(_)) if row.id < FIRST_ID => {
                findings.fault(FindingKind::FirstId, || format!("id {}", row.id))
            }
            (None, IdRule::Consecutive(_)) => self.gap(FIRST_ID, row.id, rule, findings),
            (None, IdRule::Sequence) => {}
        }
        if let (Some(before), Some(ts)) = (self.last_ts, row.ts)
            && ts < before
        {
            findings.note(FindingKind::TsBackwards, || {
                format!("id {}, by {} µs", row.id, before.saturating_sub(ts))
            });
        }
        self.first_id = self.first_id.or(Some(row.id));
        self.last_id = Some(row.id);
        self.last_ts = row.ts.or(self.last_ts);
    }

    /// Ids from `first` on that end before `next`, if there are any.
    fn gap(&mut self, first: i64, next: i64, rule: &IdRule, findings: &mut ValidationFindings) {
        if first >= next {
            return;
        }
        self.missing = self.missing.saturating_add(next.abs_diff(first));
        let says = || match next - 1 {
            last if last == first => format!("id {first}"),
            last => format!("ids {first}..{last}"),
        };
        match rule {
            IdRule::Consecutive(known) if is_known(first, next - 1, known) => {
                findings.note(FindingKind::KnownGap, says)
            }
            IdRule::Consecutive(_) => findings.fault(FindingKind::Gap, says),
            IdRule::Sequence => findings.note(FindingKind::Gap, says),
        }
    }
}

/// Whether every id of a range is in one of these.
fn is_known(first: i64, last: i64, known: &[(i64, i64)]) -> bool {
    let mut next = first;
    while next <= last {
        let Some((_, end)) = known.iter().find(|(start, end)| (*start..=*end).contains(&next))
        else {
            return false;
        };
        if *end >= last {
            return true;
        }
        next = *end + 1;
    }
    true
}

//! What a validation came to: a verdict, counts and findings, for a person and for a program.

use super::findings::Finding;
use super::groups::GroupCounts;
use crate::event::range::shown;
use crate::verify::show::lines::json_line;
use serde::{Serialize, Serializer};
use std::fmt;

/// Whether a table is what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValidationVerdict {
    /// Nothing is wrong with it.
    Valid,
    /// Something is, for certain.
    Invalid,
    /// Nothing that was judged is wrong, and something could not be judged.
    Inconclusive,
}

impl ValidationVerdict {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What a validation came to. Its `Display` has a line for the verdict and one for each sort of
/// findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// Rows.
    pub rows: u64,
    /// The lowest id; `None` while there is no row.
    pub first_id: Option<i64>,
    /// The highest id.
    pub last_id: Option<i64>,
    /// Ids that no row has: between the first and the last; where ids are consecutive, from 1 on.
    pub ids_missing: u64,
    /// What came of the groups.
    #[serde(serialize_with = "judged")]
    pub groups: GroupCounts,
    /// What was found, faults first.
    pub findings: Vec<Finding>,
    /// What could not be judged, and why.
    pub doubts: Vec<String>,
    /// What was not looked at because the table has no such column.
    pub notes: Vec<String>,
}

impl Validation {
    /// Invalid with any fault; otherwise inconclusive with any doubt.
    pub fn verdict(&self) -> ValidationVerdict {
        if self.findings.iter().any(|finding| finding.is_fault) {
            ValidationVerdict::Invalid
        } else if self.doubts.is_empty() {
            ValidationVerdict::Valid
        } else {
            ValidationVerdict::Inconclusive
        }
    }

    /// One line of JSON about this table, without a line feed.
    pub fn json_line(&self, table: &str) -> String {
        let line = ValidationLine { table, verdict: self.verdict(), validation: self };
        json_line("validation", &line)
    }
}

#[derive(Serialize)]
struct ValidationLine<'a> {
    table: &'a str,
    verdict: ValidationVerdict,
    #[serde(flatten)]
    validation: &'a Validation,
}

#[derive(Serialize)]
struct JudgedGroups<'a> {
    are_judged: bool,
    #[serde(flatten)]
    counts: &'a GroupCounts,
}

fn judged<S: Serializer>(counts: &GroupCounts, serializer: S) -> Result<S::Ok, S::Error> {
    let are_judged = counts.rows > 0;
    JudgedGroups { are_judged, counts }.serialize(serializer)
}

impl fmt::Display for Validation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.verdict().word())?;
        if self.rows == 0 {
            write!(out, "no rows")?;
        } else {
            write!(
                out,
                "{} rows, ids {}..{}",
                self.rows,
                shown(self.first_id),
                shown(self.last_id)
            )?;
            let GroupCounts { rows, programs, complete, pending } = self.groups;
            if rows == 0 {
                write!(out, "; not loader data (no testingStats), so groups were not judged")?;
            } else {
                write!(
                    out,
                    "; {complete} groups of {programs} programs complete, {pending} cut at the \
                     fence"
                )?;
            }
        }
        for finding in &self.findings {
            let weight = if finding.is_fault { "invalid" } else { "noted" };
            write!(
                out,
                "\n  {weight}: {} {}: {}",
                finding.count,
                finding.fault.says(),
                finding.first.join("; ")
            )?;
            if finding.count > finding.first.len() as u64
                && finding.first.len() >= super::findings::FINDINGS_MAX
            {
                write!(out, "; …")?;
            }
        }
        self.doubts.iter().try_for_each(|doubt| write!(out, "\n  not judged: {doubt}"))?;
        self.notes.iter().try_for_each(|note| write!(out, "\n  noted: {note}"))
    }
}

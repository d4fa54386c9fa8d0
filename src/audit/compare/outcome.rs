//! All that a comparison found, and the verdict that follows.

use crate::audit::compare::fence::{Doubt, Fence};
use crate::audit::compare::journal::{Journal, Part};
use crate::audit::difference::Tally;
use crate::audit::verdict::Verdict;
use crate::event::range::{IdRange, shown};

/// All that a comparison of rows found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it came to.
    pub verdict: Verdict,
    /// What was compared; `None`: no row was.
    pub range: Option<IdRange>,
    /// Where the comparison ended, and why there.
    pub fence: Fence,
    /// Rows that were compared on each side.
    pub rows: (u64, u64),
    /// The highest id that could be compared: the fence, or the end of both sides where everything must be there.
    pub end: Option<i64>,
    /// Rows above that on each side.
    pub pending: (u64, u64),
    /// Rows without an id on each side, which no range holds.
    pub without_id: (u64, u64),
    /// Of the rows that were compared, what earlier runs have: when each began, up to which id it came, and rows of each side in all.
    pub earlier: Vec<Part>,
    /// What differs.
    pub tally: Tally,
    /// What was not compared, or cannot be decided; nothing of it: the verdict is certain.
    pub skipped: Vec<String>,
    /// What a person should know besides.
    pub notes: Vec<String>,
    /// Where to go on, when it was interrupted.
    pub journal: Option<Journal>,
}

/// What the verdict follows from.
#[derive(Clone, Copy, Debug)]
pub struct Grounds {
    /// Rows that differ for certain.
    pub differences: u64,
    /// Rows without an id on each side.
    pub without_id: (u64, u64),
    /// Whether anything was left out.
    pub is_something_skipped: bool,
}

impl Outcome {
    /// What each earlier run has compared: when it began, up to which id it came, and how many rows of each side it was.
    pub fn earlier_runs(&self) -> Vec<(String, i64, (u64, u64))> {
        let mut before = (0, 0);
        let run = |part: &Part| {
            let (first, second) = std::mem::replace(&mut before, part.rows);
            let rows = (part.rows.0.saturating_sub(first), part.rows.1.saturating_sub(second));
            (part.began.clone(), part.through, rows)
        };
        self.earlier.iter().map(run).collect()
    }

    /// All differences: rows without an id, which no class holds, by their numbers.
    pub fn differences(&self) -> u64 {
        self.tally.total() + self.without_id.0.abs_diff(self.without_id.1)
    }
}

impl Grounds {
    /// The verdict.
    pub fn verdict(self) -> Verdict {
        let (first, second) = self.without_id;
        Verdict::of(self.differences + first.abs_diff(second), self.is_something_skipped || first > 0)
    }
}

/// What is left out when there is no row up to which both could be compared.
pub fn nothing_compared(fence: &Fence, end: Option<i64>, (first, second): (&str, &str)) -> Option<String> {
    if end.is_some() {
        return None;
    }
    match (fence.highest, &fence.doubt) {
        ((None, None), _) => None,
        ((Some(_), None), _) => Some(format!("{second} is empty: nothing could be compared")),
        ((None, Some(_)), _) => Some(format!("{first} is empty: nothing could be compared")),
        ((Some(_), Some(_)), _) => Some("nothing could be compared".to_owned()),
    }
}

/// What is said where the second side goes on above the fence, of which nothing was compared.
pub fn ahead(fence: &Fence, pending: u64, (first, second): (&str, &str)) -> Option<String> {
    let is_uncompared = fence.through.is_some() && fence.through < fence.highest.1 && fence.is_second_ahead();
    (is_uncompared && pending > 0).then(|| {
        format!(
            "{second} goes on where {first} ends: {pending} rows above id {} were not compared; --complete counts them as differences",
            shown(fence.through)
        )
    })
}

/// What is said of transactions that may still fill gaps, where no difference hangs on it.
pub fn note_of_open(fence: &Fence) -> Option<String> {
    match &fence.doubt {
        Doubt::Open(open) => Some(format!(
            "transactions that may still add events below the fence are open, and no difference hangs on it: {}",
            open.join("; ")
        )),
        Doubt::Nothing | Doubt::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_an_id_differ_by_their_number_and_are_never_equal() {
        let verdict = |without_id| {
            let grounds = Grounds {
                differences: 0,
                without_id,
                is_something_skipped: false,
            };
            grounds.verdict()
        };
        assert_eq!(verdict((0, 0)), Verdict::Equal);
        assert_eq!(verdict((2, 2)), Verdict::Inconclusive);
        for unlike in [(0, 1), (1, 0), (2, 3)] {
            assert_eq!(verdict(unlike), Verdict::Different);
        }
    }

    #[test]
    fn a_second_side_that_goes_on_is_told_unless_all_of_it_was_compared() {
        let fence = |through, highest| Fence {
            through,
            highest,
            lowest: Some(1),
            doubt: Doubt::Unknown,
            may_be_late: (false, false),
        };
        let told = |fence: Fence, pending| ahead(&fence, pending, ("a", "b")).is_some();
        assert!(told(fence(Some(5), (Some(5), Some(9))), 1));
        assert!(
            !told(fence(Some(9), (Some(5), Some(9))), 0),
            "a source's copy is compared to its own end"
        );
        assert!(!told(fence(Some(5), (Some(9), Some(5))), 1), "rows that came to a copy meanwhile");
    }

    #[test]
    fn two_empty_tables_are_equal_and_one_empty_table_proves_nothing() {
        let fence = |first, second| Fence {
            through: None,
            highest: (first, second),
            lowest: None,
            doubt: Doubt::Unknown,
            may_be_late: (false, false),
        };
        let said = |fence: Fence| nothing_compared(&fence, fence.through, ("a", "b"));
        assert_eq!(said(fence(None, None)), None);
        assert!(said(fence(Some(1), None)).is_some_and(|why| why.starts_with("b is empty")));
        assert!(said(fence(None, Some(1))).is_some_and(|why| why.starts_with("a is empty")));
    }
}

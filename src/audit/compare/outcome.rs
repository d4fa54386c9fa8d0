//! All that a comparison found, and the verdict that follows.

use crate::audit::compare::fence::{Doubt, Fence};
use crate::audit::compare::journal::Journal;
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
    /// Rows above the fence on each side.
    pub pending: (u64, u64),
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
    /// Whether anything was left out.
    pub is_something_skipped: bool,
    /// Rows of the first side above the fence; those of the second too, if it is ahead.
    pub pending: u64,
    /// Whether these count as differences.
    pub must_be_complete: bool,
}

impl Grounds {
    /// The verdict.
    pub fn verdict(self) -> Verdict {
        let lacking = if self.must_be_complete { self.pending } else { 0 };
        Verdict::of(self.differences + lacking, self.is_something_skipped)
    }
}

/// What is left out when there is no row up to which both could be compared.
pub fn nothing_compared(fence: &Fence, (first, second): (&str, &str)) -> Option<String> {
    if fence.through.is_some() {
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
    fn what_is_pending_counts_only_where_completeness_is_asked_for() {
        let grounds = Grounds {
            differences: 0,
            is_something_skipped: false,
            pending: 3,
            must_be_complete: false,
        };
        assert_eq!(grounds.verdict(), Verdict::Equal);
        let complete = Grounds {
            must_be_complete: true,
            ..grounds
        };
        assert_eq!(complete.verdict(), Verdict::Different);
    }

    #[test]
    fn a_second_side_that_goes_on_is_told_unless_all_of_it_was_compared() {
        let fence = |through, highest| Fence {
            through,
            highest,
            lowest: Some(1),
            doubt: Doubt::Unknown,
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
        };
        assert_eq!(nothing_compared(&fence(None, None), ("a", "b")), None);
        assert!(nothing_compared(&fence(Some(1), None), ("a", "b")).is_some_and(|why| why.starts_with("b is empty")));
        assert!(nothing_compared(&fence(None, Some(1)), ("a", "b")).is_some_and(|why| why.starts_with("a is empty")));
    }
}

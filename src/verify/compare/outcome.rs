//! All that a comparison found, and the verdict that follows.

use crate::event::range::{IdRange, shown};
use crate::verify::compare::fence::{ComparisonFence, FenceDoubt};
use crate::verify::compare::journal::{ComparisonJournal, JournalPart};
use crate::verify::difference::DifferenceTally;
use crate::verify::show::lines::EarlierRun;
use crate::verify::verdict::Verdict;

/// All that a comparison of rows found.
#[derive(Clone, Debug)]
pub struct ComparisonOutcome {
    /// What it came to.
    pub verdict: Verdict,
    /// What was compared; `None`: no row was.
    pub range: Option<IdRange>,
    /// Where the comparison ended, and why there.
    pub fence: ComparisonFence,
    /// Rows that were compared on each side.
    pub rows: (u64, u64),
    /// The highest id that could be compared: the fence, or the end of both sides where everything
    /// must be there.
    pub end: Option<i64>,
    /// Rows that are pending on each side.
    pub pending: (u64, u64),
    /// The id above which these were counted.
    pub pending_above: Option<i64>,
    /// Rows without an id on each side, which no range holds.
    pub without_id: (u64, u64),
    /// Of the rows that were compared, what earlier runs have: when each began, up to which id it
    /// came, and rows of each side in all.
    pub earlier: Vec<JournalPart>,
    /// What differs.
    pub tally: DifferenceTally,
    /// Whether the first side, and whether the second, may have what it seems to lack.
    pub may_have_more: (bool, bool),
    /// What was not compared, or cannot be decided; nothing of it: the verdict is certain.
    pub skipped: Vec<String>,
    /// What a person should know besides.
    pub notes: Vec<String>,
    /// Where to go on, when it was interrupted.
    pub journal: Option<ComparisonJournal>,
}

/// What the verdict follows from.
#[derive(Clone, Copy, Debug)]
pub struct VerdictGrounds<'a> {
    /// What differs.
    pub tally: &'a DifferenceTally,
    /// Whether the first side, and whether the second, may have what it seems to lack: then only
    /// what both have differs for certain.
    pub may_have_more: (bool, bool),
    /// Rows without an id on each side.
    pub without_id: (u64, u64),
    /// Whether anything was left out.
    pub is_something_skipped: bool,
}

impl ComparisonOutcome {
    /// What each earlier run has compared: when it began, up to which id it came, and how many rows
    /// of each side it was.
    pub fn earlier_runs(&self) -> Vec<EarlierRun> {
        let mut before = (0, 0);
        let run = |part: &JournalPart| {
            let (first, second) = std::mem::replace(&mut before, part.rows);
            let rows = (part.rows.0.saturating_sub(first), part.rows.1.saturating_sub(second));
            EarlierRun { began: part.began.clone(), through: part.through, rows: rows.into() }
        };
        self.earlier.iter().map(run).collect()
    }

    /// Whether rows are missing that the second side may have: inserted there, they would be there
    /// twice.
    pub(crate) fn is_missing_uncertain(&self) -> bool {
        self.may_have_more.1 && self.tally.missing > 0
    }

    /// All differences: rows without an id, which no class holds, by their numbers.
    pub fn differences(&self) -> u64 {
        self.tally.total() + self.without_id.0.abs_diff(self.without_id.1)
    }
}

impl VerdictGrounds<'_> {
    /// The verdict.
    pub fn verdict(self) -> Verdict {
        let (first, second) = self.without_id;
        let certain = self.certain();
        let is_something_uncertain =
            certain < self.tally.total() || self.is_something_skipped || first > 0;
        Verdict::of(certain + first.abs_diff(second), is_something_uncertain)
    }

    /// Rows that differ for certain.
    fn certain(self) -> u64 {
        let extra = if self.may_have_more.0 { 0 } else { self.tally.extra };
        let missing = if self.may_have_more.1 { 0 } else { self.tally.missing };
        self.tally.changed + self.tally.representation + extra + missing
    }
}

/// What is left out when there is no row up to which both could be compared.
pub(crate) fn nothing_compared(
    fence: &ComparisonFence,
    end: Option<i64>,
    (first, second): (&str, &str),
) -> Option<String> {
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
pub(crate) fn ahead(
    fence: &ComparisonFence,
    pending: u64,
    above: Option<i64>,
    (first, second): (&str, &str),
) -> Option<String> {
    let is_uncompared =
        fence.through.is_some() && fence.through < fence.highest.1 && fence.is_second_ahead();
    (is_uncompared && pending > 0).then(|| {
        format!(
            "{second} goes on where {first} ends: {pending} rows above id {} were not compared; \
             --complete counts them as differences",
            shown(above)
        )
    })
}

/// What is said where the first side has lost its oldest events, and the second one keeps them.
pub(crate) fn note_of_floor(
    fence: &ComparisonFence,
    (first, second): (&str, &str),
) -> Option<String> {
    let floor = fence.floor.filter(|_| fence.highest.0.is_some());
    let floor = floor.filter(|floor| fence.lowest.1.is_some_and(|lowest| lowest < *floor))?;
    Some(format!(
        "{first} begins at id {floor}: what {second} holds below, from id {} on, has no equal \
         there any more and was not compared",
        shown(fence.lowest.1)
    ))
}

/// What is left out where the second side ends below the first one's lowest id.
pub(crate) fn let_go(fence: &ComparisonFence, (first, second): (&str, &str)) -> Option<String> {
    let (floor, end) = (fence.floor?, fence.highest.1?);
    if fence.highest.0.is_none() {
        return Some(format!(
            "{first} is empty and may lose its oldest events: what {second} holds has no equal there \
             any more, and it may lack events above id {end}"
        ));
    }
    (end < floor).then(|| {
        let missing = match floor - end {
            1 => String::new(),
            _ => format!(", and may lack ids {}..{}", end + 1, floor - 1),
        };
        format!("{second} ends at id {end}, below id {floor}, where {first} begins: no row could be compared{missing}")
    })
}

/// What is said of transactions that may still fill gaps, where no difference hangs on it.
pub(crate) fn note_of_open(fence: &ComparisonFence) -> Option<String> {
    match &fence.doubt {
        FenceDoubt::Open(open) => Some(format!(
            "transactions that may still add events below the fence are open, and no difference \
             depends on them: {}",
            open.join("; ")
        )),
        FenceDoubt::Nothing | FenceDoubt::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_an_id_differ_by_their_number_and_are_never_equal() {
        let verdict = |without_id| {
            let grounds = VerdictGrounds {
                tally: &DifferenceTally::default(),
                may_have_more: (false, false),
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
    fn what_a_side_seems_to_lack_is_no_difference_where_it_may_have_it_and_what_both_have_always_is()
     {
        let verdict = |missing, extra, changed, may_have_more| {
            let tally = DifferenceTally { missing, extra, changed, ..DifferenceTally::default() };
            let grounds = VerdictGrounds {
                tally: &tally,
                may_have_more,
                without_id: (0, 0),
                is_something_skipped: may_have_more != (false, false),
            };
            grounds.verdict()
        };
        assert_eq!(verdict(1, 0, 0, (false, true)), Verdict::Inconclusive);
        assert_eq!(verdict(0, 1, 0, (true, false)), Verdict::Inconclusive);
        assert_eq!(verdict(1, 1, 0, (true, true)), Verdict::Inconclusive);
        for (missing, extra, changed, may_have_more) in [
            (1, 0, 0, (true, false)),
            (0, 1, 0, (false, true)),
            (1, 0, 1, (true, true)),
            (1, 1, 0, (false, true)),
        ] {
            assert_eq!(verdict(missing, extra, changed, may_have_more), Verdict::Different);
        }
    }

    #[test]
    fn a_second_side_that_goes_on_is_told_unless_all_of_it_was_compared() {
        let fence = |through, highest| ComparisonFence {
            through,
            highest,
            lowest: (Some(1), Some(1)),
            floor: None,
            doubt: FenceDoubt::Unknown,
            may_be_late: (false, false),
        };
        let told = |fence: ComparisonFence, pending| {
            ahead(&fence, pending, fence.through, ("a", "b")).is_some()
        };
        assert!(told(fence(Some(5), (Some(5), Some(9))), 1));
        assert!(
            !told(fence(Some(9), (Some(5), Some(9))), 0),
            "a source's copy is compared to its own end"
        );
        assert!(!told(fence(Some(5), (Some(9), Some(5))), 1), "rows that came to a copy meanwhile");
    }

    #[test]
    fn two_empty_tables_are_equal_and_one_empty_table_proves_nothing() {
        let fence = |first, second| ComparisonFence {
            through: None,
            highest: (first, second),
            lowest: (None, None),
            floor: None,
            doubt: FenceDoubt::Unknown,
            may_be_late: (false, false),
        };
        let said = |fence: ComparisonFence| nothing_compared(&fence, fence.through, ("a", "b"));
        assert_eq!(said(fence(None, None)), None);
        assert!(said(fence(Some(1), None)).is_some_and(|why| why.starts_with("b is empty")));
        assert!(said(fence(None, Some(1))).is_some_and(|why| why.starts_with("a is empty")));
    }
}

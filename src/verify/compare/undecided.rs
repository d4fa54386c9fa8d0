//! Rows that only one side has and that cannot be called a difference yet: counted, the first of
//! them named.

use crate::verify::compare::fence::{ComparisonFence, FenceDoubt};
use crate::verify::difference::DifferenceClass;

/// Ids that are named in a sentence.
const NAMED_MAX: usize = 10;

/// Why a row that only one side has may be no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndecidedReason {
    /// An open transaction of the first side may bring it.
    Open,
    /// The first side may be late and get it.
    FirstIsLate,
    /// The second may.
    SecondIsLate,
    /// The second side may be late and lose it. (The first is the truth: what its standby has and
    /// the second lacks is a difference.)
    SecondStillHas,
}

/// Some rows of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UndecidedRows {
    count: u64,
    first: Vec<i64>,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undecided {
    open: UndecidedRows,
    first_is_late: UndecidedRows,
    second_is_late: UndecidedRows,
    second_still_has: UndecidedRows,
}

impl UndecidedReason {
    /// Of a row of this class, where the comparison ends at this fence; `None`: it is a difference.
    pub fn of(class: &DifferenceClass, fence: &ComparisonFence) -> Option<Self> {
        match class {
            DifferenceClass::Extra if matches!(fence.doubt, FenceDoubt::Open(_)) => {
                Some(Self::Open)
            }
            DifferenceClass::Extra if fence.may_be_late.0 => Some(Self::FirstIsLate),
            DifferenceClass::Extra if fence.may_be_late.1 => Some(Self::SecondStillHas),
            DifferenceClass::Missing if fence.may_be_late.1 => Some(Self::SecondIsLate),
            DifferenceClass::Extra | DifferenceClass::Missing | DifferenceClass::Changed(_) => None,
        }
    }
}

impl UndecidedRows {
    fn add(&mut self, id: i64) {
        self.count += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(id);
        }
    }

    fn told(&self, says: impl FnOnce(u64, String) -> String) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let named: Vec<String> = self.first.iter().map(i64::to_string).collect();
        let more = if self.count > self.first.len() as u64 { ", …" } else { "" };
        Some(says(self.count, format!("ids {}{more}", named.join(", "))))
    }
}

impl Undecided {
    /// Takes note of one.
    pub fn add(&mut self, id: i64, why: UndecidedReason) {
        match why {
            UndecidedReason::Open => self.open.add(id),
            UndecidedReason::FirstIsLate => self.first_is_late.add(id),
            UndecidedReason::SecondIsLate => self.second_is_late.add(id),
            UndecidedReason::SecondStillHas => self.second_still_has.add(id),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        let late = [&self.first_is_late, &self.second_is_late, &self.second_still_has];
        self.open.count + late.iter().map(|few| few.count).sum::<u64>()
    }

    /// The first ids of each kind.
    pub(in crate::verify) fn first_ids(&self) -> impl Iterator<Item = i64> {
        let kinds = [&self.open, &self.first_is_late, &self.second_is_late, &self.second_still_has];
        kinds.into_iter().flat_map(|rows| rows.first.iter().copied())
    }

    /// Whether any hangs on an open transaction.
    pub(crate) fn is_any_open(&self) -> bool {
        self.open.count > 0
    }

    /// What is said of them.
    pub fn told(&self, fence: &ComparisonFence, (first, second): (&str, &str)) -> Vec<String> {
        let open = match &fence.doubt {
            FenceDoubt::Open(open) => open.join("; "),
            FenceDoubt::Nothing | FenceDoubt::Unknown => String::new(),
        };
        let late = |rows: u64, ids: String, has: &str, is_late: &str| {
            format!(
                "{rows} rows are only at {has}, and {is_late} is a standby or a subscriber that \
                 may lag ({ids}): compare its primary or publisher, or again when it has caught up"
            )
        };
        let still = |rows: u64, ids: String, has: &str| {
            format!(
                "{rows} rows are only at {has}, a standby or a subscriber that may still have what \
                 was deleted ({ids}): compare its primary or publisher, or again when it has \
                 caught up"
            )
        };
        let told = [
            self.open.told(|rows, ids| {
                format!(
                    "{rows} rows are only at the second side, at ids that open transactions of the \
                     first may still fill ({ids}; {open}): wait for these or end them, then \
                     compare again"
                )
            }),
            self.first_is_late.told(|rows, ids| late(rows, ids, second, first)),
            self.second_is_late.told(|rows, ids| late(rows, ids, first, second)),
            self.second_still_has.told(|rows, ids| still(rows, ids, second)),
        ];
        told.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::difference::RowChange;

    fn fence(doubt: FenceDoubt, may_be_late: (bool, bool)) -> ComparisonFence {
        ComparisonFence {
            through: Some(9),
            highest: (Some(9), Some(9)),
            lowest: (Some(1), Some(1)),
            floor: None,
            doubt,
            may_be_late,
        }
    }

    #[test]
    fn what_only_one_side_has_is_undecided_at_an_open_gap_or_where_a_side_may_be_late_and_what_differs_never_is()
     {
        let changed =
            DifferenceClass::Changed(RowChange { columns: vec![0], is_representation_only: false });
        let why = |class: &DifferenceClass, doubt: FenceDoubt, late| {
            UndecidedReason::of(class, &fence(doubt, late))
        };
        for late in [(false, false), (true, false), (false, true), (true, true)] {
            assert_eq!(why(&changed, FenceDoubt::Open(vec![]), late), None);
            let (extra, missing) = match late {
                (false, false) => (None, None),
                (true, false) => (Some(UndecidedReason::FirstIsLate), None),
                (false, true) => {
                    (Some(UndecidedReason::SecondStillHas), Some(UndecidedReason::SecondIsLate))
                }
                (true, true) => {
                    (Some(UndecidedReason::FirstIsLate), Some(UndecidedReason::SecondIsLate))
                }
            };
            assert_eq!(why(&DifferenceClass::Extra, FenceDoubt::Nothing, late), extra);
            assert_eq!(why(&DifferenceClass::Missing, FenceDoubt::Unknown, late), missing);
            assert_eq!(
                why(&DifferenceClass::Extra, FenceDoubt::Open(vec![]), late),
                Some(UndecidedReason::Open)
            );
        }
    }

    #[test]
    fn the_first_ten_are_named_and_all_are_counted() {
        let mut undecided = Undecided::default();
        (1..=12).for_each(|id| undecided.add(id, UndecidedReason::SecondIsLate));
        let told = undecided.told(&fence(FenceDoubt::Nothing, (false, true)), ("a", "b"));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with(
                "12 rows are only at a, and b is a standby or a subscriber that may lag (ids 1, 2"
            ),
            "{told:?}"
        );
        assert!(told[0].contains("9, 10, …)"), "{told:?}");
    }
}

//! What a comparison came to, as a value and as an exit code.

use std::fmt;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every row up to the fence was compared, and is the same on both sides.
    Equal,
    /// At least one row differs for certain.
    Different,
    /// Nothing was found to differ, but something was not compared.
    Inconclusive,
}

impl Verdict {
    /// Judges by what differs for certain and by what was left out.
    pub fn of(differences: u64, is_something_skipped: bool) -> Self {
        match (differences, is_something_skipped) {
            (1.., _) => Self::Different,
            (0, true) => Self::Inconclusive,
            (0, false) => Self::Equal,
        }
    }

    /// The exit code of `events-diff`; 2 is for a comparison that could not be made.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Equal => 0,
            Self::Different => 1,
            Self::Inconclusive => 3,
        }
    }

    /// The one that tells more trouble, of two tables or two ways to look at one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Different, _) | (_, Self::Different) => Self::Different,
            (Self::Inconclusive, _) | (_, Self::Inconclusive) => Self::Inconclusive,
            (Self::Equal, Self::Equal) => Self::Equal,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Inconclusive => "inconclusive",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_needs_no_difference_and_nothing_skipped() {
        assert_eq!(Verdict::of(0, false), Verdict::Equal);
        assert_eq!(Verdict::of(0, true), Verdict::Inconclusive);
        assert_eq!(Verdict::of(1, false), Verdict::Different);
        assert_eq!(Verdict::of(1, true), Verdict::Different);
    }

    #[test]
    fn a_difference_outweighs_what_was_skipped_and_both_outweigh_equal() {
        let all = [Verdict::Equal, Verdict::Inconclusive, Verdict::Different];
        for (place, worse) in all.iter().enumerate() {
            for better in &all[..=place] {
                assert_eq!(worse.and(*better), *worse);
                assert_eq!(better.and(*worse), *worse);
            }
        }
        assert_eq!(all.map(Verdict::exit_code), [0, 3, 1]);
    }
}

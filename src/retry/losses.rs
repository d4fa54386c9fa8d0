//! How often something was lost, by the kind of error, and the word of a kind.

use crate::error::ErrorKind;

/// Losses by the kind of error: plain data, cheap to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossCounts([u64; ErrorKind::ALL.len()]);

impl ErrorKind {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 12] = [
        Self::Bug,
        Self::Usage,
        Self::Unsuitable,
        Self::Access,
        Self::Contents,
        Self::Fed,
        Self::Order,
        Self::Rejected,
        Self::Unavailable,
        Self::Upstream,
        Self::Output,
        Self::Stopped,
    ];

    /// In one word, as a program reads it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Usage => "usage",
            Self::Unsuitable => "unsuitable",
            Self::Access => "access",
            Self::Contents => "contents",
            Self::Fed => "fed",
            Self::Order => "order",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::Upstream => "upstream",
            Self::Output => "output",
            Self::Stopped => "stopped",
        }
    }
}

impl LossCounts {
    /// Counts one more.
    pub(crate) fn add(&mut self, kind: ErrorKind) {
        self.0[kind as usize] += 1;
    }

    /// How many there were of this kind.
    pub fn of(&self, kind: ErrorKind) -> u64 {
        self.0[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_by_itself_and_has_a_word_of_its_own() {
        let mut counts = LossCounts::default();
        for (place, kind) in ErrorKind::ALL.into_iter().enumerate() {
            (0..=place).for_each(|_| counts.add(kind));
        }
        for (place, kind) in (1..).zip(ErrorKind::ALL) {
            assert_eq!(counts.of(kind), place, "{}", kind.word());
        }
        let words: std::collections::BTreeSet<&str> = ErrorKind::ALL.map(ErrorKind::word).into();
        assert_eq!(words.len(), ErrorKind::ALL.len());
    }
}

//! A range of ids: after (excluded) and through (included).

use std::fmt;

/// Ids greater than `after` and not greater than `through`. `after` of `None` is before every id,
/// negative ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdRange {
    /// Excluded lower end; `None` while nothing is held yet.
    pub after: Option<i64>,
    /// Included upper end.
    pub through: i64,
}

impl IdRange {
    /// Every id there can be.
    pub const ALL: Self = Self { after: None, through: i64::MAX };

    /// Every id not above this one.
    pub fn up_to(through: i64) -> Self {
        Self { after: None, through }
    }

    /// Every id above this one; all where it is `None`.
    pub fn above(after: Option<i64>) -> Self {
        Self { after, through: i64::MAX }
    }

    /// One id.
    pub fn only(id: i64) -> Self {
        Self { after: id.checked_sub(1), through: id }
    }

    /// Whether no id can be in it.
    pub fn is_empty(&self) -> bool {
        self.after.is_some_and(|after| after >= self.through)
    }

    /// Whether the id is in it.
    pub fn contains(&self, id: i64) -> bool {
        self.after.is_none_or(|after| id > after) && id <= self.through
    }
}

impl fmt::Display for IdRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after {
            Some(after) if after.checked_add(1) == Some(self.through) => {
                write!(out, "id {}", self.through)
            }
            Some(after) => write!(out, "ids {}..{}", after.saturating_add(1), self.through),
            None => write!(out, "ids up to {}", self.through),
        }
    }
}

/// A position or an id that may not be there yet, as a person reads it.
pub fn shown(id: Option<i64>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

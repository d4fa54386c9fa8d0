//! What was found before a repair: how many rows differ in which way, in which range of ids, with a
//! few of the ids.

use std::fmt;

/// Ids that are named at most; of the others the range is told.
const SAMPLE_MAX: usize = 10;

/// Rows of one kind, as they were seen in id order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSample {
    /// How many.
    pub count: u64,
    /// The lowest id.
    pub first: Option<i64>,
    /// The highest id.
    pub last: Option<i64>,
    sample: Vec<i64>,
}

impl RowSample {
    /// Adds one; its id is higher than all before.
    pub fn add(&mut self, id: i64) {
        self.count += 1;
        self.first = self.first.or(Some(id));
        self.last = Some(id);
        if self.sample.len() < SAMPLE_MAX {
            self.sample.push(id);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for RowSample {
    /// `12 events, ids 3..40 (3, 7, 9, …)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return write!(out, "no event");
        };
        if first == last {
            return write!(out, "1 event, id {first}");
        }
        let sample: Vec<String> = self.sample.iter().map(i64::to_string).collect();
        let more = if self.count > self.sample.len() as u64 { ", …" } else { "" };
        write!(out, "{} events, ids {first}..{last} ({}{more})", self.count, sample.join(", "))
    }
}

/// In what a destination differs from its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairFindings {
    /// Events the destination lacks.
    pub missing: RowSample,
    /// Events only the destination has.
    pub extra: RowSample,
    /// Events that differ exactly as slate's replicator alters them.
    pub slates: RowSample,
    /// Events that differ in any other way.
    pub changed: RowSample,
    /// The highest id of the destination below the first difference; `None` when even the first
    /// event differs, or nothing does.
    pub agreed: Option<i64>,
    /// The lowest id of the destination, if anything differs.
    pub lowest: Option<i64>,
}

impl RepairFindings {
    /// The id of the first difference.
    pub fn first(&self) -> Option<i64> {
        let firsts = [&self.missing, &self.extra, &self.slates, &self.changed];
        firsts.iter().filter_map(|seen| seen.first).min()
    }

    /// The id to rewind to, so that what is left agrees: the highest both agree on, or the one
    /// below all.
    pub(crate) fn agreeing(&self) -> i64 {
        self.agreed
            .or_else(|| self.lowest.map(|lowest| lowest.saturating_sub(1)))
            .unwrap_or_default()
    }

    /// Each kind of difference there is, in words.
    pub fn told(&self) -> Vec<String> {
        let kinds = [
            ("missing at the destination", &self.missing),
            ("only at the destination", &self.extra),
            ("altered as slate's replicator does", &self.slates),
            ("changed", &self.changed),
        ];
        let there = kinds.iter().filter(|(_, seen)| !seen.is_empty());
        there.map(|(what, seen)| format!("{what}: {seen}")).collect()
    }
}

/// What lies above the id that a destination is cut back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationTail {
    /// Events of the destination there.
    pub count: u64,
    /// The lowest id of them.
    pub first: Option<i64>,
    /// Those of which the source has no equal: once they are gone here, no copy may be left.
    pub only_here: RowSample,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_ids_are_named_and_of_more_the_range() {
        let mut seen = RowSample::default();
        assert_eq!(seen.to_string(), "no event");
        seen.add(7);
        assert_eq!(seen.to_string(), "1 event, id 7");
        seen.add(9);
        assert_eq!(seen.to_string(), "2 events, ids 7..9 (7, 9)");
        (10..20).for_each(|id| seen.add(id));
        assert_eq!(
            seen.to_string(),
            "12 events, ids 7..19 (7, 9, 10, 11, 12, 13, 14, 15, 16, 17, …)"
        );
    }
}

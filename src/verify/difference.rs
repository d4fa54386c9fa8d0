//! How two tables can differ, row by row, and how often they do.

/// A row that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its id.
    pub id: i64,
    /// In what it differs.
    pub class: DifferenceClass,
}

/// In what a row differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceClass {
    /// The first side has it, the second has not.
    Missing,
    /// The second side has it, the first has not.
    Extra,
    /// Both have it, not with the same bytes.
    Changed(RowChange),
}

/// How the two forms of a row differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The columns that differ, by their places among those that are compared; at least one.
    pub columns: Vec<usize>,
    /// Whether all of them mean the same to most readers: microseconds cut off, the scale of a
    /// number, another order of equal keys.
    pub is_representation_only: bool,
}

/// How many rows differ, by class.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DifferenceTally {
    /// Rows the second side lacks.
    pub missing: u64,
    /// Rows only the second side has.
    pub extra: u64,
    /// Rows that differ in more than the representation.
    pub changed: u64,
    /// Rows of which only the representation differs.
    pub representation: u64,
    /// For each column that is compared, in how many rows it differs.
    pub by_column: Vec<u64>,
}

impl DifferenceTally {
    /// Of so many columns, nothing counted yet.
    pub fn of_columns(columns: usize) -> Self {
        Self { by_column: vec![0; columns], ..Self::default() }
    }

    /// Counts one more.
    pub fn add(&mut self, class: &DifferenceClass) {
        let change = match class {
            DifferenceClass::Missing => return self.missing += 1,
            DifferenceClass::Extra => return self.extra += 1,
            DifferenceClass::Changed(change) => change,
        };
        if change.is_representation_only {
            self.representation += 1;
        } else {
            self.changed += 1;
        }
        for column in &change.columns {
            if let Some(count) = self.by_column.get_mut(*column) {
                *count += 1;
            }
        }
    }

    /// Whether a row differs that both sides have.
    pub(crate) fn is_any_changed(&self) -> bool {
        self.changed + self.representation > 0
    }

    /// All rows that differ.
    pub fn total(&self) -> u64 {
        self.missing + self.extra + self.changed + self.representation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(columns: &[usize], is_representation_only: bool) -> DifferenceClass {
        DifferenceClass::Changed(RowChange { columns: columns.to_vec(), is_representation_only })
    }

    #[test]
    fn every_difference_is_counted_once_by_class_and_in_each_of_its_columns() {
        let mut tally = DifferenceTally::of_columns(3);
        let classes = [
            DifferenceClass::Missing,
            DifferenceClass::Extra,
            DifferenceClass::Extra,
            changed(&[1, 2], false),
            changed(&[2], true),
        ];
        classes.iter().for_each(|class| tally.add(class));
        assert_eq!((tally.missing, tally.extra, tally.changed, tally.representation), (1, 2, 1, 1));
        assert_eq!(tally.by_column, [0, 1, 2]);
        assert_eq!(tally.total(), 5);
    }
}

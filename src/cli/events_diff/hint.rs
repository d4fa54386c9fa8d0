//! What carries over a deliberate change of a few events at the source, told after all of them were
//! shown.

use crate::verify::difference::{Difference, DifferenceClass, DifferenceTally};

/// Of more events the command is not told: so many were hardly changed on purpose, one by one.
const HINTED_IDS_MAX: usize = 10;

/// The first ids of events that the source may have changed or erased on purpose, in order.
#[derive(Debug, Default)]
pub(super) struct ReplaceableIds(Vec<i64>);

impl ReplaceableIds {
    /// Takes a difference that is shown.
    pub(super) fn add(&mut self, shown: &Difference) {
        let is_replaceable = match &shown.class {
            DifferenceClass::Missing => false,
            DifferenceClass::Extra => true,
            DifferenceClass::Changed(change) => !change.is_representation_only,
        };
        if is_replaceable && self.0.len() <= HINTED_IDS_MAX {
            self.0.push(shown.id);
        }
    }

    /// What to say, when these are all there are and they are a few; `command`: what replaces them,
    /// the ids left out.
    pub(super) fn hint(&self, command: &str, tally: &DifferenceTally) -> Option<String> {
        let is_all = self.0.len() as u64 == tally.changed.saturating_add(tally.extra);
        if self.0.is_empty() || self.0.len() > HINTED_IDS_MAX || !is_all {
            return None;
        }
        let ids: Vec<String> = self.0.iter().map(i64::to_string).collect();
        Some(format!(
            "if the source changed or erased these on purpose, {command} {} carries that over",
            ids.join(",")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::difference::RowChange;

    fn changed(is_representation_only: bool) -> DifferenceClass {
        DifferenceClass::Changed(RowChange { columns: vec![1], is_representation_only })
    }

    fn hint(classes: &[(i64, DifferenceClass)], shown_max: usize) -> Option<String> {
        let (mut ids, mut tally) = (ReplaceableIds::default(), DifferenceTally::of_columns(2));
        classes.iter().for_each(|(_, class)| tally.add(class));
        for (id, class) in classes.iter().take(shown_max) {
            ids.add(&Difference { id: *id, class: class.clone() });
        }
        ids.hint("replace", &tally)
    }

    #[test]
    fn a_few_events_that_may_be_changed_on_purpose_are_named_with_the_command() {
        let classes = [
            (3, changed(false)),
            (4, DifferenceClass::Missing),
            (5, changed(true)),
            (9, DifferenceClass::Extra),
        ];
        let told =
            "if the source changed or erased these on purpose, replace 3,9 carries that over";
        assert_eq!(hint(&classes, 9).as_deref(), Some(told));
        assert_eq!(hint(&classes, 3), None, "one was not shown");
        assert_eq!(hint(&classes[1..3], 9), None, "none is to be replaced");
    }

    #[test]
    fn of_many_nothing_is_said() {
        let many = |count: i64| (1..=count).map(|id| (id, changed(false))).collect::<Vec<_>>();
        assert!(hint(&many(10), 99).is_some());
        assert_eq!(hint(&many(11), 99), None);
        assert_eq!(hint(&many(30), 99), None);
    }
}

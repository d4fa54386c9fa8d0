//! Up to which event a log may be pruned, given who reads it. Pure.

use crate::source::capture::readers::LogReader;

/// Up to which event, and what keeps the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneBound {
    /// Nothing above this id may go.
    pub through: i64,
    /// Why.
    pub kept_for: PruneReason,
}

/// Why an event stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PruneReason {
    /// This reader needs it.
    Reader(String),
    /// It is too young.
    Age,
    /// The last event always stays: from it a reader knows that it has missed none.
    LastEvent,
}

/// The bound that readers set, or where there are none the last event that is decided.
pub(super) fn bound(readers: &[LogReader], decided: Option<i64>) -> Option<PruneBound> {
    let reader = readers.iter().min_by_key(|reader| reader.position);
    let of_reader = reader.map(|reader| PruneBound {
        through: reader.position.saturating_sub(1),
        kept_for: PruneReason::Reader(reader.name.clone()),
    });
    let of_last = decided.map(|last| PruneBound {
        through: last.saturating_sub(1),
        kept_for: PruneReason::LastEvent,
    });
    match (of_reader, of_last) {
        (Some(reader), Some(last)) if last.through < reader.through => Some(last),
        (Some(reader), _) => Some(reader),
        (None, last) => last,
    }
}

impl PruneBound {
    /// The same, where an event at this id is the first that is too young.
    pub(super) fn but_kept_from(self, young: Option<i64>) -> Self {
        match young {
            Some(id) if id <= self.through => {
                Self { through: id.saturating_sub(1), kept_for: PruneReason::Age }
            }
            _ => self,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reader(name: &str, position: i64) -> LogReader {
        LogReader {
            name: name.to_owned(),
            place: String::new(),
            position,
            keeps_all: false,
            seconds: 0,
        }
    }

    #[test]
    fn the_slowest_reader_keeps_its_own_last_event() {
        let found = bound(&[reader("quick", 90), reader("slow", 40)], Some(100)).unwrap();
        assert_eq!(found.through, 39);
        assert_eq!(found.kept_for, PruneReason::Reader("slow".to_owned()));
    }

    #[test]
    fn a_reader_that_is_ahead_of_the_log_lets_no_more_go_than_there_is() {
        let found = bound(&[reader("mine", i64::MAX)], Some(100)).unwrap();
        assert_eq!((found.through, found.kept_for), (99, PruneReason::LastEvent));
        assert_eq!(bound(&[], Some(100)).unwrap().through, 99);
        assert_eq!(bound(&[], None), None);
        assert_eq!(bound(&[reader("new", 0)], Some(100)).unwrap().through, -1);
    }

    #[test]
    fn the_first_young_event_and_all_after_it_stay() {
        let found = bound(&[reader("one", 40)], Some(100)).unwrap();
        assert_eq!(found.clone().but_kept_from(None), found);
        let young = found.but_kept_from(Some(10));
        assert_eq!((young.through, young.kept_for), (9, PruneReason::Age));
    }
}

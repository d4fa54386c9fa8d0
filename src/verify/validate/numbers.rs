//! A set of numbers as intervals: small as long as they come one after the other.

/// Numbers from 1 on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberSet {
    /// First and last of each interval, in order, never touching.
    intervals: Vec<(u64, u64)>,
}

impl NumberSet {
    pub(super) fn contains(&self, number: u64) -> bool {
        let after = self.intervals.partition_point(|(first, _)| *first <= number);
        after > 0 && number <= self.intervals[after - 1].1
    }

    /// Adds a number; whether it is new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        let at = self.intervals.partition_point(|(first, _)| *first < number);
        let joins_before = at > 0 && self.intervals[at - 1].1.checked_add(1) == Some(number);
        let joins_after =
            self.intervals.get(at).is_some_and(|(first, _)| first.checked_sub(1) == Some(number));
        match (joins_before, joins_after) {
            (true, true) => self.intervals[at - 1].1 = self.intervals.remove(at).1,
            (true, false) => self.intervals[at - 1].1 = number,
            (false, true) => self.intervals[at].0 = number,
            (false, false) => self.intervals.insert(at, (number, number)),
        }
        true
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.intervals
            .iter()
            .fold(0, |sum, (first, last)| sum.saturating_add(last - first).saturating_add(1))
    }

    /// The highest; 0 while there is none.
    pub(super) fn highest(&self) -> u64 {
        self.intervals.last().map_or(0, |(_, last)| *last)
    }

    pub(super) fn intervals(&self) -> usize {
        self.intervals.len()
    }

    /// The ranges between 1 and the highest that are not in it.
    pub(super) fn holes(&self) -> impl Iterator<Item = (u64, u64)> {
        let ends = std::iter::once(0).chain(self.intervals.iter().map(|(_, last)| *last));
        let holes = ends.zip(&self.intervals).map(|(end, (first, _))| (end + 1, first - 1));
        holes.filter(|(first, last)| first <= last)
    }

    /// Takes the lowest two intervals for one, hole and all, and gives that hole.
    pub(super) fn fill_lowest_hole(&mut self) -> Option<(u64, u64)> {
        let [(_, end), (start, last), ..] = self.intervals[..] else {
            return None;
        };
        self.intervals.remove(1);
        self.intervals[0].1 = last;
        Some((end + 1, start - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_tells_what_a_plain_set_tells(numbers in proptest::collection::vec(1u64..30, 0..40)) {
            let (mut set, mut plain) = (NumberSet::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(set.insert(number), plain.insert(number));
            }
            prop_assert_eq!(set.count(), plain.len() as u64);
            prop_assert_eq!(set.highest(), plain.last().copied().unwrap_or(0));
            (1..31).for_each(|number| assert_eq!(set.contains(number), plain.contains(&number)));
            let missing: Vec<u64> = set.holes().flat_map(|(first, last)| first..=last).collect();
            let expected: Vec<u64> = (1..set.highest()).filter(|number| !plain.contains(number)).collect();
            prop_assert_eq!(missing, expected);
            let runs = plain.iter().filter(|number| !plain.contains(&(**number + 1))).count();
            prop_assert_eq!(set.intervals(), runs);
        }
    }

    #[test]
    fn the_lowest_hole_between_two_intervals_can_be_given_up() {
        let mut numbers = NumberSet::default();
        [2, 3, 7, 9, u64::MAX].iter().for_each(|number| assert!(numbers.insert(*number)));
        assert_eq!(numbers.fill_lowest_hole(), Some((4, 6)));
        assert_eq!(numbers.holes().collect::<Vec<_>>(), [(1, 1), (8, 8), (10, u64::MAX - 1)]);
        assert_eq!(
            (numbers.fill_lowest_hole(), numbers.fill_lowest_hole()),
            (Some((8, 8)), Some((10, u64::MAX - 1)))
        );
        assert_eq!(numbers.fill_lowest_hole(), None);
    }
}

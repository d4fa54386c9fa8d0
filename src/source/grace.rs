//! The grace of gaps: a gap that has not been filled for so long is given up. Unsafe, and a pure
//! decision.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Remembers when which highest id was seen. Lives in memory only.
#[derive(Debug, Default)]
pub struct GapGrace {
    seen_at: VecDeque<(Instant, i64)>,
}

impl GapGrace {
    /// Takes one look; gives the highest id that was visible a whole grace ago, which never falls.
    pub fn look(&mut self, highest: Option<i64>, grace: Duration, now: Instant) -> Option<i64> {
        let is_old = |(at, _): &(Instant, i64)| now.duration_since(*at) >= grace;
        if let Some(highest) = highest
            && self.seen_at.back().is_none_or(|(_, seen)| *seen < highest)
        {
            self.seen_at.push_back((now, highest));
        }
        while self.seen_at.get(1).is_some_and(is_old) {
            self.seen_at.pop_front();
        }
        self.seen_at.front().copied().filter(is_old).map(|(_, seen)| seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_decides_what_was_visible_a_whole_grace_ago() {
        let (mut grace, start) = (GapGrace::default(), Instant::now());
        let mut look = |seconds, highest| {
            grace.look(Some(highest), Duration::from_secs(5), start + Duration::from_secs(seconds))
        };
        assert_eq!(look(0, 10), None);
        assert_eq!(look(3, 20), None);
        assert_eq!(look(5, 20), Some(10));
        assert_eq!(look(9, 30), Some(20));
        assert_eq!(look(10, 5), Some(20), "it never falls");
    }
}

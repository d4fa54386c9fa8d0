//! Which transactions are rolled back before their events are written again and committed: pure.

/// Of all transactions this share is rolled back, evenly spread.
#[derive(Debug)]
pub(super) struct RollbackShare {
    percent: u64,
    tried: u64,
    rolled_back: u64,
}

impl RollbackShare {
    /// At most 90 per cent, so that there is an end.
    pub(super) fn new(percent: u8) -> Self {
        Self { percent: u64::from(percent.min(90)), tried: 0, rolled_back: 0 }
    }

    /// How often the next batch is written and rolled back before it is committed.
    pub(super) fn before_next_commit(&mut self) -> u64 {
        let before = self.rolled_back;
        loop {
            self.tried += 1;
            if self.tried * self.percent / 100 == self.rolled_back {
                return self.rolled_back - before;
            }
            self.rolled_back += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_share_of_transactions_that_are_rolled_back_is_exact_at_every_moment(percent in 0..=90_u8, commits in 1..2_000_u64) {
            let mut rollbacks = RollbackShare::new(percent);
            let rolled_back: u64 = (0..commits).map(|_| rollbacks.before_next_commit()).sum();
            let all = rolled_back + commits;
            prop_assert_eq!(rolled_back, all * u64::from(percent) / 100);
        }
    }
}

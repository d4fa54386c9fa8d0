//! Up to where a destination can be compared, followed from moment to moment: a fall of its position
//! is not overlooked, however soon it is made good.

/// Up to where one destination can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LanePosition {
    /// The highest id it holds, as last known.
    pub position: Option<i64>,
    /// The highest id up to which its rows can be compared: its position, where that is decided at
    /// the source. `None`: nothing can, or another replicator feeds it.
    pub through: Option<i64>,
    /// How often its position went backwards.
    pub falls: u64,
    /// Where it was after the last fall.
    pub fallen_to: Option<i64>,
}

impl LanePosition {
    /// As it is told now.
    #[must_use]
    pub fn followed_by(self, position: Option<i64>, through: Option<i64>) -> Self {
        let through = through.min(position);
        if position >= self.position {
            return Self { position, through, ..self };
        }
        Self { position, through, falls: self.falls + 1, fallen_to: position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_is_counted_and_what_can_be_compared_is_never_above_the_position() {
        let start = LanePosition::default().followed_by(Some(9), Some(12));
        assert_eq!((start.through, start.falls), (Some(9), 0));
        let fallen = start.followed_by(Some(5), Some(12)).followed_by(Some(20), Some(12));
        assert_eq!((fallen.through, fallen.falls, fallen.fallen_to), (Some(12), 1, Some(5)));
        let emptied = fallen.followed_by(None, None);
        assert_eq!((emptied.through, emptied.falls, emptied.fallen_to), (None, 2, None));
    }
}

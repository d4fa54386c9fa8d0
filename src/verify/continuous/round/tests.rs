//! A source, its copy, and one who compares them, while anything happens to them.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const EVERY: Duration = Duration::from_secs(100);
/// All ids of a world lie at or below it.
const IDS_MAX: i64 = 120;

/// What happens to a source, its copy, and the one who compares them.
#[derive(Clone, Debug)]
enum WorldEvent {
    /// Rows are written and copied: so many, each so many ids after the one before.
    Append(u8, u8),
    /// The copy loses its last rows, and they come again unless the flag says so.
    Fall(u8, bool),
    /// A row of the copy is changed, removed, or one too many is put into a gap.
    Change(u8),
    Remove(u8),
    Extra(u8),
    /// The copy is as the source again.
    Repair,
    /// A side is not what it was.
    Reset,
    /// So many seconds pass.
    Wait(u8),
    /// The next segment of so many rows; meanwhile the copy may lose rows.
    Step(u8, Option<u8>),
}

struct World {
    source: BTreeMap<i64, u8>,
    copy: BTreeMap<i64, u8>,
    lane: LanePosition,
    rounds: LaneRounds,
    /// What each id was when it was last compared, as far as that may be believed.
    compared: BTreeMap<i64, bool>,
    now: RoundMoment,
    began: Vec<Instant>,
}

impl World {
    fn new() -> Self {
        Self {
            source: BTreeMap::new(),
            copy: BTreeMap::new(),
            lane: LanePosition::default(),
            rounds: LaneRounds::new(EVERY),
            compared: BTreeMap::new(),
            now: RoundMoment { at: Instant::now(), wall: WallTime::now() },
            began: Vec::new(),
        }
    }

    /// The replication tells where the copy stands.
    fn tell(&mut self) {
        let position = self.copy.keys().next_back().copied();
        self.lane = self.lane.followed_by(position, position);
    }

    fn nth_of_copy(&self, n: u8) -> Option<i64> {
        let count = self.copy.len().max(1);
        self.copy.keys().nth(usize::from(n) % count).copied()
    }

    fn fall(&mut self, rows: u8) {
        for _ in 0..=rows % 8 {
            self.copy.pop_last();
        }
        self.tell();
        let position = self.copy.keys().next_back().copied();
        self.compared.retain(|id, _| Some(*id) <= position);
    }

    fn copy_again(&mut self) {
        let position = self.copy.keys().next_back().copied();
        let missing = self.source.iter().filter(|(id, _)| Some(**id) > position);
        let missing: Vec<_> = missing.map(|(id, value)| (*id, *value)).collect();
        self.copy.extend(missing);
        self.tell();
    }

    fn is_equal(&self, id: i64) -> bool {
        self.source.get(&id) == self.copy.get(&id)
    }

    fn differing(&self) -> Vec<i64> {
        let position = self.lane.position.unwrap_or(0);
        (1..=position).filter(|id| !self.is_equal(*id)).collect()
    }

    /// Compares as the lane does; gives whether there was anything to compare.
    fn step(&mut self, rows: u8, fall: Option<u8>) -> bool {
        self.rounds.follow(self.lane, self.now);
        let number = self.rounds.number();
        let next = self.rounds.next(self.now);
        if self.rounds.number() > number {
            self.began.push(self.now.at);
        }
        let LaneStep::Compare(range) = next else { return false };
        assert!(!range.is_empty(), "an empty range");
        assert!(Some(range.through) <= self.lane.through, "beyond what can be compared");
        let rows = usize::from(rows % 20) + 1;
        let ids = self.source.keys().chain(self.copy.keys()).copied();
        let mut ids: Vec<i64> = ids.filter(|id| range.contains(*id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let through = ids.get(rows - 1).copied().unwrap_or(range.through);
        let range = IdRange { through, ..range };
        let began = self.lane;
        let first = range.after.unwrap_or(0) + 1;
        let found: Vec<(i64, RowFault)> = (first..=range.through)
            .filter(|id| !self.is_equal(*id))
            .map(|id| (id, RowFault::Changed))
            .collect();
        for id in first..=range.through {
            self.compared.insert(id, self.is_equal(id));
        }
        if let Some(rows) = fall {
            self.fall(rows);
            self.copy_again();
        }
        self.rounds.follow(self.lane, self.now);
        self.rounds.take(ComparedSegment { range, found, let_go: None, began }, self.now);
        true
    }

    fn meet(&mut self, event: &WorldEvent) {
        match *event {
            WorldEvent::Append(rows, apart) => {
                for _ in 0..rows % 16 {
                    let highest = self.source.keys().chain(self.copy.keys()).max().copied();
                    let id = highest.unwrap_or(0) + 1 + i64::from(apart % 3);
                    if id <= IDS_MAX {
                        self.source.insert(id, 1);
                    }
                }
                self.copy_again();
            }
            WorldEvent::Fall(rows, comes_again) => {
                self.fall(rows);
                if comes_again {
                    self.copy_again();
                }
            }
            WorldEvent::Change(n) => {
                if let Some(value) = self.nth_of_copy(n).and_then(|id| self.copy.get_mut(&id)) {
                    *value = 2;
                }
            }
            WorldEvent::Remove(n) => {
                // The last row is the position itself.
                let id = self.nth_of_copy(n).filter(|id| Some(*id) < self.lane.position);
                id.and_then(|id| self.copy.remove(&id));
            }
            WorldEvent::Extra(n) => {
                let id = i64::from(n) + 1;
                if Some(id) < self.lane.position && !self.copy.contains_key(&id) {
                    self.copy.insert(id, 3);
                }
            }
            WorldEvent::Repair => self.repair(),
            WorldEvent::Reset => {
                self.rounds.begin_anew();
                self.compared.clear();
                self.began.clear();
            }
            WorldEvent::Wait(seconds) => self.now.at += Duration::from_secs(u64::from(seconds)),
            WorldEvent::Step(rows, fall) => {
                self.step(rows, fall);
            }
        }
        self.confirm();
    }

    fn repair(&mut self) {
        let position = self.lane.position.unwrap_or(0);
        self.copy = self.source.range(..=position).map(|(id, value)| (*id, *value)).collect();
        self.tell();
        let position = self.lane.position;
        self.compared.retain(|id, _| Some(*id) <= position);
    }

    /// Verified is only what was compared equal, and lies at or below the position.
    fn confirm(&mut self) {
        self.rounds.follow(self.lane, self.now);
        let Some(verified) = self.rounds.verified_through() else { return };
        assert!(Some(verified) <= self.lane.position, "{verified} above {:?}", self.lane.position);
        for id in 1..=verified {
            assert_eq!(self.compared.get(&id), Some(&true), "verified through {verified}, id {id}");
        }
    }

    /// Until nothing is left to do in the round that is under way or due.
    fn finish(&mut self) {
        for _ in 0..IDS_MAX * 4 {
            if !self.step(19, None) {
                self.now.at += TAIL_WAIT;
                if !self.step(19, None) {
                    return;
                }
            }
            self.confirm();
        }
        panic!("a round does not end");
    }
}

fn event() -> impl Strategy<Value = WorldEvent> {
    prop_oneof![
        6 => (any::<u8>(), any::<u8>()).prop_map(|(rows, apart)| WorldEvent::Append(rows, apart)),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(rows, again)| WorldEvent::Fall(rows, again)),
        2 => any::<u8>().prop_map(WorldEvent::Change),
        1 => any::<u8>().prop_map(WorldEvent::Remove),
        1 => any::<u8>().prop_map(WorldEvent::Extra),
        1 => Just(WorldEvent::Repair),
        1 => Just(WorldEvent::Reset),
        2 => any::<u8>().prop_map(WorldEvent::Wait),
        12 => (any::<u8>(), proptest::option::weighted(0.1, any::<u8>()))
            .prop_map(|(rows, fall)| WorldEvent::Step(rows, fall)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn only_what_was_compared_equal_and_is_believed_counts_as_verified(events in proptest::collection::vec(event(), 1..80)) {
        let mut world = World::new();
        events.iter().for_each(|event| world.meet(event));
    }

    #[test]
    fn after_a_round_everything_that_differs_is_known_and_nothing_else_and_after_a_repair_nothing_does(events in proptest::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        events.iter().for_each(|event| world.meet(event));
        world.finish();
        world.now.at += EVERY;
        world.finish();
        let listed: Vec<i64> = (1..=IDS_MAX).filter(|id| world.rounds.known().holds(*id, RowFault::Changed)).collect();
        prop_assert_eq!(&listed, &world.differing());
        let verified = world.differing().first().map_or(world.lane.position, |first| Some(first - 1));
        prop_assert_eq!(world.rounds.verified_through(), verified);
        world.repair();
        world.finish();
        world.now.at += EVERY;
        world.finish();
        prop_assert_eq!(world.rounds.known().counts().total(), 0);
        prop_assert_eq!(world.rounds.verified_through(), world.lane.position);
    }

    #[test]
    fn a_round_begins_no_sooner_than_configured_after_the_last_one_began(events in proptest::collection::vec(event(), 1..80)) {
        let mut world = World::new();
        events.iter().for_each(|event| world.meet(event));
        // A reset, and more falls than were seen, begin one at once, and forget when the last began.
        let falls = world.lane.falls;
        if falls <= 1 {
            prop_assert!(world.began.windows(2).all(|two| two[1] - two[0] >= EVERY));
        }
    }
}

fn world_of(rows: i64) -> World {
    let mut world = World::new();
    world.source = (1..=rows).map(|id| (id, 1)).collect();
    world.copy_again();
    world
}

#[test]
fn new_rows_are_compared_while_a_later_round_is_under_way_and_while_none_is() {
    let mut world = world_of(100);
    world.finish();
    assert_eq!(world.rounds.verified_through(), Some(100));
    world.source.extend((101..=110).map(|id| (id, 1)));
    world.copy_again();
    world.now.at += TAIL_WAIT;
    assert!(world.step(19, None));
    assert_eq!(world.rounds.verified_through(), Some(110), "between rounds");
    world.now.at += EVERY;
    assert!(world.step(4, None), "the second round is under way");
    assert_eq!(world.rounds.progress(), Some((Some(5), 110)));
    world.source.extend((111..=115).map(|id| (id, 1)));
    world.copy_again();
    assert!(world.step(19, None) && world.step(19, None));
    assert_eq!(world.rounds.verified_through(), Some(115), "within a round");
    world.finish();
    assert_eq!((world.rounds.number(), world.rounds.progress()), (2, None));
}

#[test]
fn rounds_that_follow_each_other_at_once_keep_new_rows_waiting_no_longer_than_others() {
    let mut world = world_of(10);
    world.rounds = LaneRounds::new(Duration::from_millis(300));
    for rows in (11..=100).step_by(10) {
        world.source.extend((rows..rows + 10).map(|id| (id, 1)));
        world.copy_again();
        for _ in 0..8 {
            world.now.at += Duration::from_millis(100);
            while world.step(19, None) {}
        }
        assert_eq!(world.rounds.verified_through(), world.lane.position);
    }
}

#[test]
fn a_difference_stays_known_until_its_own_row_is_compared_again() {
    let mut world = world_of(40);
    world.copy.insert(30, 9);
    world.finish();
    assert_eq!(world.rounds.verified_through(), Some(29));
    world.now.at += EVERY;
    world.copy.insert(30, 1);
    assert!(world.step(9, None));
    assert_eq!(world.rounds.progress(), Some((Some(10), 40)));
    assert!(world.rounds.known().holds(30, RowFault::Changed), "not compared yet");
    assert_eq!(world.rounds.verified_through(), Some(29));
    world.finish();
    assert_eq!(world.rounds.known().counts().total(), 0);
    assert_eq!(world.rounds.verified_through(), Some(40));
}

#[test]
fn what_another_replicator_feeds_is_not_compared_and_stays_verified_as_far_as_its_position() {
    let mut world = world_of(20);
    world.finish();
    world.lane = world.lane.followed_by(Some(20), None);
    assert!(!world.step(9, None));
    assert_eq!(world.rounds.verified_through(), Some(20));
    world.lane = world.lane.followed_by(Some(12), Some(12));
    world.rounds.follow(world.lane, world.now);
    assert_eq!(world.rounds.verified_through(), Some(12), "it came back shorter");
}

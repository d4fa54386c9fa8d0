//! How a lane's state takes openings, returns and losses.

use super::*;
use crate::destination::Destination;
use crate::destination::feed::Feed;
use crate::error::Result;
use crate::event::frame::CopyFormat;
use crate::event::wire::Wire;
use crate::log;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::Duration;

const POLICY: RetryPolicy =
    RetryPolicy { wait_min: Duration::from_millis(1), wait_max: Duration::from_millis(1) };

/// A destination that takes nothing.
struct Nowhere;

impl Destination for Nowhere {
    fn append<'a>(&'a mut self, _: &'a mut Feed) -> BoxFuture<'a, Result<Option<i64>>> {
        async { Ok(None) }.boxed()
    }

    fn death(&self) -> Option<Error> {
        None
    }
}

fn lane(position: i64) -> Lane {
    Lane {
        index: 0,
        position: Some(position),
        held: Some(position),
        table: 5,
        key: String::new(),
        wire: Wire { columns: Vec::new(), format: CopyFormat::Binary, rows: None },
        connection_id: 1,
        history: SourceHistory::default(),
        compared: LaneComparison::LastEvent,
        gauge: Arc::default(),
        destination: Box::new(Nowhere),
    }
}

fn held(is_final: bool) -> CheckedContents {
    CheckedContents { first_id: Some(1), position: Some(5), events: 5, is_final }
}

fn opened(state: &mut LaneState, position: i64, compared: LaneComparison) -> Option<i64> {
    let lane = Lane { compared, ..lane(position) };
    state.connection.reopen(Instant::now());
    state.connection.begin_opening();
    state.opened(lane, &log::none());
    state.unconfirmed
}

#[test]
fn what_was_compared_while_transactions_were_open_or_appended_by_others_is_to_be_confirmed() {
    let new = || LaneState::new("copy".to_owned(), Arc::default(), Instant::now());
    let whole = |is_final| LaneComparison::Whole(held(is_final));
    let checked = |is_final| {
        let mut state = new();
        opened(&mut state, 5, whole(is_final));
        state
    };
    assert_eq!(opened(&mut new(), 5, whole(true)), None);
    assert_eq!(opened(&mut new(), 5, whole(false)), Some(5));
    assert_eq!(opened(&mut checked(true), 5, LaneComparison::LastEvent), None);
    assert_eq!(opened(&mut checked(false), 5, LaneComparison::LastEvent), Some(5));
    assert_eq!(
        opened(&mut checked(true), 7, LaneComparison::LastEvent),
        Some(7),
        "somebody appended"
    );
    let mut state = checked(false);
    assert_eq!(opened(&mut state, 5, LaneComparison::LastEvent), Some(5));
    assert!(state.connection.take().is_some());
    state.returned(lane(9), &log::none());
    assert_eq!(
        opened(&mut state, 9, LaneComparison::LastEvent),
        Some(5),
        "what we appended needs no proof"
    );
    assert_eq!(
        opened(&mut state, 4, LaneComparison::LastEvent),
        Some(4),
        "what is gone is copied again"
    );
    assert_eq!(opened(&mut state, 6, LaneComparison::LastEvent), Some(6), "somebody appended");
    assert_eq!(opened(&mut state, 6, whole(true)), None);
}

/// A state whose lane stands at 3 behind the frontier 5, at a gap: ids up to 3 are decided.
fn stalled() -> LaneState {
    let mut state = LaneState::new("copy".to_owned(), Arc::default(), Instant::now());
    opened(&mut state, 3, LaneComparison::Whole(held(true)));
    state.stalled_at = Some(StalledRead { position: Some(3), decided: Some(3) });
    state
}

#[test]
fn a_lane_at_a_gap_wants_more_ids_decided_until_it_is_paused_or_lost() {
    let mut state = stalled();
    assert_eq!((state.wanted(Some(3)), state.wanted(Some(4))), (Some(4), None));
    state.is_paused = true;
    assert_eq!(state.wanted(Some(3)), None);
    state.unconfirmed = Some(9);
    assert_eq!(state.wanted(Some(3)), Some(9), "it is confirmed while it is paused");
    assert_eq!(state.wanted(Some(9)), None);
    state.connection.reopen(Instant::now());
    assert_eq!(state.wanted(Some(3)), None);
}

#[test]
fn rows_are_read_along_for_a_lane_at_the_frontier_or_at_a_gap_unless_it_is_paused_or_lost() {
    let mut state = stalled();
    assert!(state.takes_more(Some(5), Some(3)) && state.takes_more(Some(3), Some(4)));
    assert!(!state.takes_more(Some(5), Some(4)), "what it lacks is read behind the frontier");
    state.is_paused = true;
    assert!(!state.takes_more(Some(5), Some(3)) && !state.takes_more(Some(3), Some(4)));
    state.is_paused = false;
    state.connection.reopen(Instant::now());
    assert!(!state.takes_more(Some(3), Some(4)));
}

/// A state whose lane is under way while an audit ends it.
fn halted_under_way() -> LaneState {
    let mut state = LaneState::new("copy".to_owned(), Arc::default(), Instant::now());
    state.connection.begin_opening();
    state.opened(lane(3), &log::none());
    assert!(state.connection.take().is_some());
    state.lost(Error::new(ErrorKind::Order, "an event is missing"), &POLICY, 0.0, &log::none());
    state
}

#[test]
fn a_lane_that_was_halted_while_it_was_under_way_stays_halted_however_it_comes_back() {
    let mut returned = halted_under_way();
    assert!(returned.returned(lane(9), &log::none()));
    assert_eq!((returned.connection.is_halted(), returned.position), (true, Some(9)));
    let mut lost = halted_under_way();
    lost.lost(Error::new(ErrorKind::Stopped, "cut off"), &POLICY, 0.0, &log::none());
    lost.lost(Error::new(ErrorKind::Unavailable, "away"), &POLICY, 0.0, &log::none());
    let mut opened = halted_under_way();
    opened.opened(lane(9), &log::none());
    for state in [lost, opened] {
        assert!(state.connection.is_halted());
        assert_eq!(state.connection.lost_with().map(Error::kind), Some(ErrorKind::Order));
    }
}

#[test]
fn a_lane_stands_where_a_read_left_nothing_for_it_once_it_has_taken_all_that_was_shipped() {
    let mut behind = lane(150);
    assert!(!behind.has_all(Some(180), Some(200)), "it was cut off before the end");
    assert_eq!((behind.position, behind.held), (Some(150), Some(150)));
    let mut level = lane(180);
    assert!(level.has_all(Some(180), Some(200)));
    assert_eq!((level.position, level.held), (Some(200), Some(180)));
    let mut ahead = lane(300);
    assert!(ahead.has_all(Some(180), Some(200)));
    assert_eq!(ahead.position, Some(300), "it never goes back");
}

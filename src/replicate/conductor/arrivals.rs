//! Lanes that another replicator holds while the run waits to be caught up: they are watched from
//! outside, and arrive whoever feeds them.

use super::{Conductor, ConductorEvent};
use crate::error::{Error, ErrorKind};
use crate::event::range::shown;
use crate::log::{key, logged_id};
use crate::replicate::arrival::{ArrivalState, ArrivalTarget, ArrivalWatch, LaneArrival, boards};
use crate::replicate::lane_state::{LaneState, WatchedArrival};
use slog::info;
use std::sync::Arc;
use std::time::Instant;

impl Conductor<'_> {
    /// Watches the lanes that are held by another, and takes what was seen of them.
    pub(super) fn follow_arrivals(&mut self) {
        let Some(target) = self.target.filter(|_| self.run.until_caught_up) else { return };
        for index in 0..self.lanes.len() {
            let state = &mut self.lanes[index];
            if state.connection.open().is_some() {
                state.end_watch();
            } else if is_held_by_another(state) && state.watched.is_none() {
                self.begin_watch(index, target);
            }
            self.take_arrival(index, target);
        }
    }

    fn begin_watch(&mut self, index: usize, target: Option<i64>) {
        let (config, (stopper, stop)) = (Arc::clone(&self.run.config), self.stop.narrower());
        let (sender, board) = boards(1);
        let state = &mut self.lanes[index];
        info!(self.run.log, "another replicator feeds the destination: waiting until it holds what \
                             was visible at the start";
            key::DESTINATION => &state.name, key::THROUGH => logged_id(target));
        state.watched = Some(WatchedArrival { board, stopper });
        self.tasks.spawn(async move {
            let watch =
                ArrivalWatch::new(&config, vec![index], ArrivalTarget::Through(target), sender);
            stop.or(watch.run()).await;
            ConductorEvent::Tick
        });
    }

    fn take_arrival(&mut self, index: usize, target: Option<i64>) {
        let state = &mut self.lanes[index];
        let Some(watched) = &mut state.watched else { return };
        let board = watched.board.borrow_and_update().clone();
        let Some(LaneArrival { position, state: arrival }) = board.lanes.into_iter().next() else {
            return;
        };
        if position > state.position {
            (state.position, self.progressed_at) = (position, Instant::now());
        }
        match arrival {
            ArrivalState::Comparing => self.progressed_at = Instant::now(),
            ArrivalState::Arrived if !state.is_fed_level => {
                state.is_fed_level = true;
                info!(self.run.log, "the destination is level: another replicator feeds it";
                    key::DESTINATION => &state.name, key::POSITION => logged_id(state.position),
                    key::THROUGH => logged_id(target));
            }
            ArrivalState::Refused(error) => {
                state.end_watch();
                self.lose_lane(index, error, self.source.connection_id());
            }
            _ => {}
        }
    }

    /// Why a lane that another replicator feeds has not arrived, where that one is not to blame.
    pub(super) fn undecided(&self, state: &LaneState) -> Option<Error> {
        let board = state.watched.as_ref()?.board.borrow();
        let through = board.through?;
        let is_waiting = !board.is_decided && state.position >= through;
        is_waiting.then(|| {
            Error::new(ErrorKind::Unavailable, "what it holds cannot be proved")
                .because(format!(
                    "a transaction at the source may still insert at or below id {}",
                    shown(through)
                ))
                .fix("end that transaction, if it has been forgotten; status names it")
        })
    }
}

fn is_held_by_another(state: &LaneState) -> bool {
    !state.connection.is_halted()
        && state.connection.lost_with().is_some_and(|error| error.kind() == ErrorKind::Fed)
}

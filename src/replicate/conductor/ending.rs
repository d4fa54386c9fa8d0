//! Whether a run is over, and why.

use super::Conductor;
use crate::error::{Error, ErrorKind, Problems};
use crate::replicate::lane_state::LaneState;
use crate::retry::Connection;
use std::time::Instant;

impl Conductor<'_> {
    pub(super) fn problems(&self) -> Problems {
        if !self.refusals.is_empty() {
            return self.refusals.clone();
        }
        let mut problems = Problems::new();
        let halted = self
            .lanes
            .iter()
            .map(|state| &state.connection)
            .filter(|lane| lane.is_halted())
            .filter_map(Connection::lost_with);
        let source = Some(self.source.connection()).filter(|source| source.is_halted());
        for error in self.bug.iter().chain(source.and_then(Connection::lost_with)).chain(halted) {
            problems.push(error.clone());
        }
        if !problems.is_empty() {
            return problems;
        }
        if self.stop.is_requested() {
            problems.extend(self.unfinished());
            return problems;
        }
        if let (None, Some(error)) = (self.target, self.source.connection().lost_with()) {
            problems.push(error.clone());
        } else if !self.is_done() {
            let is_wanting = |state: &&LaneState| match self.run.until_caught_up {
                true => !self.has_arrived(state),
                // A source that never answered was not lost.
                false => {
                    self.source.connected().is_none()
                        || self
                            .source
                            .connection()
                            .lost_with()
                            .or(state.connection.lost_with())
                            .is_some()
                }
            };
            self.lanes
                .iter()
                .filter(is_wanting)
                .for_each(|state| problems.push(self.no_progress(state)));
        }
        problems
    }

    /// A job that was stopped before its end has not done what its exit code 0 would say: whoever
    /// started it has to start it again.
    fn unfinished(&self) -> Problems {
        let mut problems = Problems::new();
        if !self.run.until_caught_up || self.is_done() {
            return problems;
        }
        let lacking: Vec<&str> = self
            .lanes
            .iter()
            .filter(|state| !self.has_arrived(state))
            .map(|state| state.name.as_str())
            .collect();
        let stopped = Error::new(ErrorKind::Unavailable, "stopped before everything was copied")
            .at(format!("destinations that lack events: {}", lacking.join(", ")))
            .fix("start again: it continues where it stopped");
        problems.push(stopped);
        problems
    }

    pub(super) fn is_done(&self) -> bool {
        self.lanes.iter().all(|state| {
            state.connection.is_halted() || (self.run.until_caught_up && self.has_arrived(state))
        })
    }

    fn has_arrived(&self, state: &LaneState) -> bool {
        self.target.is_some_and(|target| {
            let is_fed_level = state.is_fed_level && state.watched.is_some();
            let is_ours = state.was_opened && state.unconfirmed.is_none();
            state.position >= target && (is_ours || is_fed_level) && !state.has_work
        })
    }

    /// The clock: is the time allowed over, and is there progress to be told?
    pub(super) fn watch(&mut self) {
        self.progress_log.tell(&self.board, &self.run.log);
        self.tell_outages();
        self.drop_dead_connections();
        let is_lane_well = |state: &LaneState| {
            state.connection.is_halted() || state.connection.lost_with().is_none()
        };
        let is_well = self.source.connected().is_some() && self.lanes.iter().all(is_lane_well);
        // A long batch is progress too: its rows are counted before its commit.
        let steps = self.lanes.iter().map(|state| state.gauge.steps()).sum();
        let has_moved = std::mem::replace(&mut self.steps, steps) != steps;
        if has_moved || (is_well && !self.run.until_caught_up) {
            self.progressed_at = Instant::now();
        }
        // What all sides are compared with at the start may take long; each side that does not
        // answer is given up by itself.
        if self.target.is_some() {
            self.watch_time_allowed();
        }
    }

    /// Tells of every side that is away, if that is due.
    fn tell_outages(&mut self) {
        let (log, clock) = (&self.run.log, &self.clock);
        self.outages.tell(0, None, self.source.connection(), clock, log);
        for (index, state) in self.lanes.iter().enumerate() {
            self.outages.tell(index + 1, Some(&state.name), &state.connection, clock, log);
        }
    }

    /// Ends the run when nothing has moved for as long as that is allowed.
    pub(super) fn watch_time_allowed(&mut self) {
        let allowed = self.run.config.limits.retry_for;
        self.is_over |= allowed.is_some_and(|allowed| self.progressed_at.elapsed() > allowed);
    }

    fn no_progress(&self, state: &LaneState) -> Error {
        let allowed = self.run.config.limits.retry_for.unwrap_or_default();
        let what = format!(
            "destination \"{}\" is not caught up, and nothing has moved for {} ms",
            state.name,
            allowed.as_millis()
        );
        if let Some(error) = self.undecided(state) {
            return error.while_doing(what);
        }
        if let Some(error) = self.source.connection().lost_with().or(state.connection.lost_with()) {
            let kind = if error.kind() == ErrorKind::Fed {
                ErrorKind::Fed
            } else {
                ErrorKind::Unavailable
            };
            return error.clone().of_kind(kind).while_doing(what);
        }
        let ours = Error::new(ErrorKind::Unavailable, what).at(self.source.in_words());
        match self.source.sight().wait {
            _ if state.is_paused => {
                ours.because("an operator paused it").fix("start again: it goes on where it stands")
            }
            Some(wait) => ours
                .because(wait.words)
                .fix(format!("{}; start again: it continues where it stopped", wait.fix)),
            None => ours.fix(
                "start again: it continues where it stopped; retry_for_ms sets the time allowed",
            ),
        }
    }
}

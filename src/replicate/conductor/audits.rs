//! Lanes are counted beside the flow, and once more where a comparison was not final.

use super::{Conductor, ConductorEvent, stopped};
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use crate::log::key;
use crate::replicate::lane_state::LaneRecount;
use crate::replicate::reconcile::{self, ReconcileOutcome};
use crate::replicate::source_state::SourceConnection;
use slog::{debug, info};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A destination that could not be counted once more is tried again after this time.
const CONFIRM_AGAIN: Duration = Duration::from_secs(1);

impl Conductor<'_> {
    pub(super) fn begin_audits(&mut self, source: &Arc<SourceConnection>, now: Instant) {
        for index in 0..self.lanes.len() {
            self.refuse_verifications(index);
            let state = &mut self.lanes[index];
            let Some(lane) = state.connection.open() else { continue };
            let is_wanted = !state.verifications.wanted.is_empty();
            if state.is_being_reconciled
                || (!is_wanted
                    && now.duration_since(state.reconciled_at) < self.run.reconcile_interval)
            {
                continue;
            }
            (state.reconciled_at, state.is_being_reconciled) = (now, true);
            let (run, stop, source, number) =
                (self.run.clone(), self.stop.clone(), Arc::clone(source), state.opening);
            let (wire, limiter) = (lane.wire.clone(), self.limiter.clone());
            let scope = if is_wanted {
                reconcile::ReconcileScope::Everything
            } else {
                reconcile::ReconcileScope::Since(state.reconciled)
            };
            state.verifications.under_way = std::mem::take(&mut state.verifications.wanted);
            let held = reconcile::HeldRange { position: lane.held, unconfirmed: state.unconfirmed };
            self.tasks.spawn(async move {
                let audit = reconcile::reconcile_lane(&run, &source, index, &wire, scope, held);
                let reconciled = stop.or(limiter.take(audit)).await;
                ConductorEvent::Reconciled(
                    index,
                    number,
                    held.unconfirmed,
                    Box::new(reconciled.unwrap_or_else(|| Err(stopped()))),
                )
            });
        }
    }

    pub(super) fn take_reconciled(
        &mut self,
        index: usize,
        number: u64,
        unconfirmed: Option<i64>,
        reconciled: Result<ReconcileOutcome>,
    ) {
        self.lanes[index].is_being_reconciled = false;
        self.answer_verifications(index, &reconciled);
        // What was counted before it was halted and tried again says nothing of what it is now.
        if self.lanes[index].retried > number {
            return;
        }
        match reconciled {
            Ok(ReconcileOutcome::Agreed(reconciled)) => {
                let state = &mut self.lanes[index];
                (state.reconciled, state.counted_at) = (reconciled, Some(Instant::now()));
            }
            Ok(ReconcileOutcome::WentBackwards(highest)) => self.go_back(index, highest),
            Err(error) if error.kind() == ErrorKind::Upstream => {
                self.lose_source(&error, self.source.connection_id())
            }
            // What it counted is not final, as became known meanwhile: it is counted once more.
            Err(error)
                if error.kind() == ErrorKind::Order
                    && self.lanes[index].unconfirmed > unconfirmed =>
            {
                debug!(self.run.log, "a destination lacks events that may have been inserted late"; key::DESTINATION => &self.lanes[index].name,
                    key::ERROR => error.to_string());
            }
            Err(error)
                if error.kind().consequence().is_retried
                    || error.kind() == ErrorKind::Stopped
                    || error.is_of_schema() =>
            {
                debug!(self.run.log, "count check skipped"; key::DESTINATION => &self.lanes[index].name, key::ERROR => error.to_string());
            }
            Err(error) => self.lose_lane(index, error, self.source.connection_id()),
        }
    }

    /// Counts lanes once more whose comparison was not final, now that it can be.
    pub(super) fn begin_confirmations(&mut self, source: &Arc<SourceConnection>, now: Instant) {
        for index in 0..self.lanes.len() {
            let state = &mut self.lanes[index];
            let (Some(lane), Some(through)) = (state.connection.open(), state.unconfirmed) else {
                continue;
            };
            let is_due = matches!(state.confirming, LaneRecount::From(from) if from <= now);
            if !is_due || Some(through) > self.source.decided() {
                continue;
            }
            state.confirming = LaneRecount::Now;
            let (run, stop, source, number) =
                (self.run.clone(), self.stop.clone(), Arc::clone(source), state.opening);
            let (wire, limiter) = (lane.wire.clone(), self.limiter.clone());
            self.tasks.spawn(async move {
                let confirmation = reconcile::confirm(&run, &source, index, &wire, through);
                let confirmed = stop.or(limiter.take(confirmation)).await;
                ConductorEvent::Confirmed(
                    index,
                    number,
                    through,
                    Box::new(confirmed.unwrap_or_else(|| Err(stopped()))),
                )
            });
        }
    }

    pub(super) fn take_confirmed(
        &mut self,
        index: usize,
        number: u64,
        through: i64,
        confirmed: Result<()>,
    ) {
        let state = &mut self.lanes[index];
        state.confirming = LaneRecount::From(Instant::now() + CONFIRM_AGAIN);
        if state.retried > number {
            return;
        }
        match confirmed {
            Ok(()) if state.unconfirmed == Some(through) => {
                state.unconfirmed = None;
                info!(self.run.log, "the destination was counted again and agrees";
                    key::DESTINATION => &state.name, key::THROUGH => through);
            }
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Upstream => {
                self.lose_source(&error, self.source.connection_id())
            }
            Err(error)
                if error.kind().consequence().is_retried
                    || error.kind() == ErrorKind::Stopped
                    || error.is_of_schema() =>
            {
                debug!(self.run.log, "a destination could not be confirmed yet"; key::DESTINATION => &state.name, key::ERROR => error.to_string());
            }
            Err(error) => self.lose_lane(index, error, self.source.connection_id()),
        }
    }

    /// The last events of a destination are gone. A lane that waits here is opened again, which
    /// appends them again; one that is under way finds it out by itself.
    fn go_back(&mut self, index: usize, highest: Option<i64>) {
        let Some(lane) = self.lanes[index].connection.open() else { return };
        if lane.held > highest {
            let why =
                format!("its highest id is {}, {} was expected", shown(highest), shown(lane.held));
            let moved = Error::new(
                ErrorKind::Unavailable,
                "the destination has moved: another session changed it, or it crashed",
            );
            let moved = moved.because(why).fix("no action needed: Counterfoil compares it again");
            self.lose_lane(index, moved, self.source.connection_id());
        }
    }
}

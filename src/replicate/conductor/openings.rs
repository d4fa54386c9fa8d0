//! The conductor's openings and losses: the source and the lanes come, go and come back; and audits
//! of lanes that are here.

use super::{Conductor, ConductorEvent, stopped};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::log::key;
use crate::replicate::check::are_refused;
use crate::replicate::history::SourceHistory;
use crate::replicate::lane::{Lane, LaneComparison};
use crate::replicate::lane_state::milliseconds;
use crate::replicate::open::{self, LaneKnowledge, LaneOpening, OpenedSides};
use crate::replicate::source_state::SourceConnection;
use crate::retry::LossOutcome;
use crate::source::follow::Follower;
use crate::stop::Stop;
use slog::{debug, error, info, warn};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So long an opening has after a stop to cancel what it asks.
const CANCEL_MAX: Duration = Duration::from_secs(1);

impl Conductor<'_> {
    /// At the start all sides are opened together: whoever is refused, nobody has written yet.
    pub(super) fn open_everything(&mut self) {
        let (run, stop, connection_id) =
            (self.run.clone(), self.stop.clone(), self.source.begin_opening());
        let (before, limiter, others) =
            (self.before(), self.limiter.clone(), self.shared.other_places(""));
        let mut openings = Vec::new();
        for index in 0..self.lanes.len() {
            self.lanes[index].begin_opening();
            openings.push(self.opening(index, None));
        }
        self.tasks.spawn(async move {
            let gathered = soon(
                &stop,
                open::everything(&run, connection_id, before, openings, &others, &limiter, &stop),
            )
            .await;
            ConductorEvent::Gathered(gathered.map(Box::new))
        });
    }

    /// Takes what came of opening all sides: ends where something is refused, and tries again where
    /// the source is away.
    pub(super) fn take_gathered(&mut self, gathered: OpenedSides) {
        let mut problems = gathered.duplicates;
        let (source, connection_id) = (gathered.source, self.source.connection_id());
        problems.extend(source.as_ref().err().cloned().unwrap_or_default());
        for lane in &gathered.lanes {
            problems.extend(lane.as_ref().err().cloned().unwrap_or_default());
        }
        if are_refused(&problems) {
            self.refusals = problems.naming(&self.run.config.flags);
            self.is_over = true;
            return;
        }
        // Whoever was not judged, because the source was lost meanwhile, is judged together with
        // all others again.
        let lost = problems.iter().find(|problem| problem.kind() == ErrorKind::Upstream).cloned();
        let source = match lost {
            Some(lost) => source.and(Err(lost.of_kind(ErrorKind::Unavailable).into())),
            None => source,
        };
        let is_lost = source.is_err();
        match source {
            Ok((source, follower)) => {
                info!(self.run.log, "the source was checked"; key::TABLE => source.shape.table.name.to_string(),
                    "ids" => source.shape.ids.to_string(), "wakeup" => source.shape.wakeup.to_string(),
                    "group_by" => source.shape.group_by.clone().unwrap_or_default());
                self.take_source(Ok((source, follower)));
                self.progressed_at = Instant::now();
            }
            Err(problems) => {
                self.lose_source(&problems.into_worst(), connection_id);
                self.watch_time_allowed();
            }
        }
        let is_upstream = |problems: &Problems| {
            problems.iter().any(|problem| problem.kind() == ErrorKind::Upstream)
        };
        for (index, lane) in gathered.lanes.into_iter().enumerate() {
            let number = self.lanes[index].opening;
            match lane {
                Ok(_) if is_lost => self.lanes[index].connection.reopen(Instant::now()),
                Ok(lane) => self.take_opened(index, Ok(lane), connection_id, number),
                Err(problems) if problems.is_empty() || is_upstream(&problems) => {
                    self.lanes[index].connection.reopen(Instant::now())
                }
                Err(problems) => self.lose_lane(index, problems.into_worst(), connection_id),
            }
        }
    }

    fn before(&self) -> open::PriorConnection {
        open::PriorConnection {
            sequences: self.source.sequences().to_vec(),
            wanted: self.wants.subscribe(),
            gauge: self.source.gauge(),
        }
    }

    /// What a lane is opened with, beside this connection to the source.
    fn opening(&self, index: usize, source: Option<&SourceConnection>) -> LaneOpening {
        let state = &self.lanes[index];
        // A promoted standby or a table made of a backup may lack any event, not only the last.
        let continues = |(source, history): (&SourceConnection, &SourceHistory)| {
            source.history().continues(history)
        };
        LaneOpening {
            index,
            gauge: Arc::clone(&state.gauge),
            held_before: self.shared.place_of(&state.name),
            known: LaneKnowledge {
                is_first: !state.was_opened,
                is_compared: source.zip(state.history.as_ref()).is_some_and(continues),
                table: state.table,
                decided: self.source.decided(),
            },
        }
    }

    pub(super) fn open_source(&mut self) {
        let (run, stop, connection_id) =
            (self.run.clone(), self.stop.clone(), self.source.begin_opening());
        let before = self.before();
        self.tasks.spawn(async move {
            let opened = stop.or(open::source(&run, connection_id, before)).await;
            ConductorEvent::SourceOpened(Box::new(opened.unwrap_or_else(|| Err(stopped()))))
        });
    }

    pub(super) fn take_source(&mut self, opened: Result<(SourceConnection, Follower)>) {
        match opened {
            Ok((source, follower)) => {
                if self.target.is_none() {
                    self.target = Some(source.highest);
                }
                if let (Some(_), Some(outage)) =
                    (self.source.connection().lost_with(), self.source.connection().outage())
                {
                    info!(self.run.log, "the source is back"; "away_seconds" => outage.seconds());
                }
                self.looks.clear();
                self.write_source_checks(&source.shape);
                self.source.opened(source, follower);
            }
            Err(error) => self.lose_source(&error, self.source.connection_id()),
        }
    }

    pub(super) fn lose_source(&mut self, error: &Error, connection_id: u64) {
        if error.kind() == ErrorKind::Stopped
            || connection_id != self.source.connection_id()
            || self.source.connection().due().is_some()
        {
            return;
        }
        let error = &error.clone().naming(&self.run.config.flags);
        let fix = error.remedy().unwrap_or_default().to_owned();
        self.leading = None;
        match self.source.lose(error, &self.policy, jitter()) {
            LossOutcome::Waits { wait, is_news: true } if self.target.is_none() => {
                warn!(self.run.log, "the source cannot be reached, trying again"; key::ERROR => error.to_string(), key::FIX => fix, key::WAIT_MS => milliseconds(wait));
            }
            LossOutcome::Waits { wait, is_news: false } if self.target.is_none() => {
                debug!(self.run.log, "the source still cannot be reached"; key::WAIT_MS => milliseconds(wait));
            }
            LossOutcome::Waits { wait, is_news: true } => {
                warn!(self.run.log, "the source was lost, trying again"; key::ERROR => error.to_string(), key::FIX => fix, key::WAIT_MS => milliseconds(wait));
            }
            LossOutcome::Waits { wait, is_news: false } => {
                debug!(self.run.log, "the source is still lost"; key::WAIT_MS => milliseconds(wait))
            }
            LossOutcome::Halts => {
                error!(self.run.log, "the source cannot be followed any more"; key::ERROR => error.to_string(), key::FIX => fix)
            }
            LossOutcome::None => {}
        }
        if self.run.fail_fast {
            self.source.halt();
        }
    }

    pub(super) fn open_lane(&mut self, index: usize, source: &Arc<SourceConnection>) {
        let (run, stop, source, connection_id) =
            (self.run.clone(), self.stop.clone(), Arc::clone(source), source.connection_id);
        let (opening, limiter) = (self.opening(index, Some(&source)), self.limiter.clone());
        let others = self.shared.other_places(&self.lanes[index].name);
        let number = self.lanes[index].begin_opening();
        self.tasks.spawn(async move {
            let opening = open::lane(&run, &source, opening, &others, &stop);
            let opened = soon(&stop, limiter.take(opening)).await;
            ConductorEvent::LaneOpened(
                index,
                Box::new(opened.unwrap_or_else(|| Err(stopped()))),
                connection_id,
                number,
            )
        });
    }

    pub(super) fn take_opened(
        &mut self,
        index: usize,
        opened: Result<Lane>,
        connection_id: u64,
        number: u64,
    ) {
        // One that was halted and is tried again is opened from the beginning, whatever came of an
        // opening of before.
        if number != self.lanes[index].opening {
            return;
        }
        match opened {
            Ok(lane) => {
                let (was_counted, format) =
                    (matches!(lane.compared, LaneComparison::Whole(_)), lane.wire.format_option());
                self.source.observe_position(lane.position, lane.connection_id);
                self.shared.note_place(&self.lanes[index].name, &lane.key);
                self.lanes[index].opened(lane, &self.run.log);
                self.write_lane_checks(index, was_counted, format);
            }
            Err(error) => self.lose_lane(index, error, connection_id),
        }
    }

    /// A lane was lost; where the source is to blame, over its connection of this number, that one
    /// is lost too.
    pub(super) fn lose_lane(&mut self, index: usize, error: Error, connection_id: u64) {
        let error = error.naming(&self.run.config.flags);
        if error.kind() == ErrorKind::Upstream {
            self.lose_source(&error, connection_id);
        }
        let is_over = self.run.fail_fast
            && !matches!(error.kind(), ErrorKind::Stopped | ErrorKind::Upstream | ErrorKind::Fed);
        let until = self.source.frontier().shipped;
        let state = &mut self.lanes[index];
        if !is_over
            && state.shrink_batches(
                &error,
                self.run.config.limits.max_events_per_write,
                until,
                &self.run.log,
            )
        {
            return;
        }
        state.lost(error, &self.policy, jitter(), &self.run.log);
        if is_over {
            state.connection.halt();
            self.is_over = true;
        }
    }

    /// Lanes that wait for events and whose connection died meanwhile are opened again, though
    /// there may be nothing to append: the destination may have come back without its last events.
    pub(super) fn drop_dead_connections(&mut self) {
        for index in 0..self.lanes.len() {
            let Some(lane) = self.lanes[index].connection.open() else {
                continue;
            };
            if let Some(death) = lane.destination.death() {
                let connection_id = lane.connection_id;
                // Whatever the server's last word was: if it needs a person, the opening says so.
                self.lose_lane(index, death.of_kind(ErrorKind::Unavailable), connection_id);
            }
        }
    }
}

/// Does the work, which is given a moment after a stop to cancel what it has begun.
async fn soon<T>(stop: &Stop, work: impl Future<Output = T>) -> Option<T> {
    let given_up = async {
        stop.requested().await;
        tokio::time::sleep(CANCEL_MAX).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = given_up => None,
    }
}

fn jitter() -> f64 {
    rand::random()
}

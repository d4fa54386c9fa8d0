//! The conductor tells how things stand: a snapshot after each thing it takes. Only what changed is
//! written again; texts are shared.

use super::Conductor;
use crate::error::ErrorKind;
use crate::log::DayClock;
use crate::replicate::check::shape::SourceShape;
use crate::replicate::fan_out::LanePace;
use crate::replicate::health::Health;
use crate::replicate::lane_state::LaneState;
use crate::replicate::snapshot::{
    BlockerSnapshot, BufferSnapshot, ConnectionSnapshot, CountCheck, LaneChecks, PaceSnapshot,
    SourceChecks, WarningSnapshot,
};
use crate::retry::{Connection, ConnectionPhase};
use crate::source::blocked::{BlockedWait, SourceObservation};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A source whose last look is older than its `poll_interval_ms` and this is silent: what it shows
/// now is not known.
const SILENT_AFTER: Duration = Duration::from_secs(2);

impl Conductor<'_> {
    /// Tells everyone who watches how things stand.
    pub fn publish(&mut self) {
        self.clock.follow();
        let (clock, now) = (self.clock, Instant::now());
        let sight = self.source.sight();
        if let Some(look) = sight.look {
            self.looks.add(look);
        }
        self.board.at = clock.moment_of(now);
        let run = &mut self.board.run;
        run.elapsed_seconds = (now - self.began_at).as_secs_f64();
        run.target_id = self.target.flatten();
        self.board.buffer = self.buffer();
        self.write_source(&sight, &clock);
        let hearing = self.hearing(&sight, now);
        for index in 0..self.lanes.len() {
            self.write_lane(index, hearing, sight.wait.is_some(), now);
        }
        self.run.snapshots.send_replace(Arc::new(self.board.clone()));
    }

    /// Whether the source is here, and answers.
    fn hearing(&self, sight: &SourceObservation, now: Instant) -> SourceHearing {
        let silent_after = self.run.config.source.poll_interval + SILENT_AFTER;
        let is_heard = |at| now.saturating_duration_since(at) <= silent_after;
        match self.source.connection().open() {
            None => SourceHearing::Silent,
            Some(_) if sight.look.is_some_and(|look| is_heard(look.at)) => SourceHearing::Fresh,
            Some(_) if self.source.is_looked_at() => SourceHearing::Silent,
            Some(_) => SourceHearing::Unasked,
        }
    }

    fn buffer(&self) -> BufferSnapshot {
        let bytes_max = self.run.config.limits.buffer_bytes_max;
        BufferSnapshot {
            bytes: self.rooms.bytes_taken(),
            bytes_max: self.shared.room(bytes_max, self.lanes.len()),
        }
    }

    fn write_source(&mut self, sight: &SourceObservation, clock: &DayClock) {
        let highest = self.lanes.iter().map(LaneState::position_now).max().flatten();
        let source = &mut self.board.source;
        source.health = source_health(self.source.connection(), sight.wait.is_some());
        source.connection = ConnectionSnapshot::of(self.source.connection(), clock);
        source.highest_id = highest.max(sight.look.and_then(|look| look.highest));
        source.looked_at = sight.look.map(|look| clock.moment_of(look.at));
        source.decided_id = self.source.decided();
        source.shipped_id = self.source.frontier().shipped;
        source.blocker = sight.wait.as_ref().map(|wait| blocker(wait, clock));
        let gauge = self.source.gauge();
        (source.looks, source.losses) = (gauge.looks(), self.source.losses());
        source.durability_waits = gauge.durability_waits();
        source.notification_queue_ratio = gauge.queue_usage(Instant::now());
    }

    fn write_lane(&mut self, index: usize, source: SourceHearing, is_blocked: bool, now: Instant) {
        let (frontier, decided) = (self.source.frontier().shipped, self.source.decided());
        let highest = self.looks.last().map(|look| look.highest);
        let (state, lane) = (&mut self.lanes[index], &mut self.board.lanes[index]);
        let holds_all = highest.is_some_and(|highest| state.position >= highest);
        let standing = LaneStanding {
            source,
            holds_all,
            is_paused: state.is_paused,
            is_held: is_blocked && state.awaits_mark(frontier, decided),
        };
        lane.health = lane_health(&state.connection, standing);
        lane.connection = ConnectionSnapshot::of(&state.connection, &self.clock);
        (lane.position, lane.is_paused) = (state.position_now(), state.is_paused);
        lane.pace = match state.pace {
            LanePace::Together => PaceSnapshot::Together,
            LanePace::Alone { .. } => PaceSnapshot::Alone,
        };
        state.lag.update(state.position, &self.looks);
        let lag = state.lag.now(lane.health == Health::Level, now);
        lane.lag_seconds = lag.map(|lag| lag.as_secs_f64());
        if state.gauge.events() > lane.events {
            lane.last_commit_at = Some(self.clock.moment_of(now));
        }
        (lane.events, lane.bytes) = (state.gauge.events(), state.gauge.bytes());
        lane.losses = state.losses;
        (lane.append_times, lane.batch_sizes) =
            (state.gauge.append_times(), state.gauge.batch_sizes());
        lane.unconfirmed_id = state.unconfirmed;
        lane.count_check = state.counted_at.map(|at| CountCheck {
            at: self.clock.moment_of(at),
            through_id: state.reconciled.through,
        });
    }

    /// Takes note of what the checks of the source found.
    pub(super) fn write_source_checks(&mut self, shape: &SourceShape) {
        self.board.source.lowest_id = shape.lowest;
        self.board.source.checks = Some(Arc::new(SourceChecks {
            at: self.clock.moment_of(Instant::now()),
            is_standby: shape.server.is_standby,
            ids: shape.ids.to_string(),
            wakeup: shape.wakeup.to_string(),
            is_notified: shape.wakeup.is_notified(),
            group_by: shape.group_by.clone(),
            takes_readers: shape.log.as_ref().is_some_and(|log| log.may_note),
            warnings: self.warnings(None),
        }));
    }

    /// Takes note of what the checks of a lane found when it was opened just now.
    pub(super) fn write_lane_checks(
        &mut self,
        index: usize,
        was_counted: bool,
        format: &'static str,
    ) {
        let counted = self.lanes[index].counted;
        self.board.lanes[index].checks = Some(Arc::new(LaneChecks {
            at: self.clock.moment_of(Instant::now()),
            was_counted,
            events: counted.map(|counted| counted.events),
            first_id: counted.and_then(|counted| counted.first_id),
            last_id: counted.and_then(|counted| counted.position),
            format,
            warnings: self.warnings(Some(index)),
        }));
    }

    fn warnings(&self, of: Option<usize>) -> Vec<WarningSnapshot> {
        let name = of.map(|index| self.lanes[index].name.as_str());
        self.run.told.warnings(name).iter().map(WarningSnapshot::from).collect()
    }
}

fn blocker(wait: &BlockedWait, clock: &DayClock) -> BlockerSnapshot {
    let blocker = wait.blocker.as_ref();
    BlockerSnapshot {
        after_id: wait.after,
        next_id: wait.next,
        pid: blocker.and_then(|blocker| blocker.pid),
        application: blocker.map(|blocker| blocker.application.clone()),
        user: blocker.map(|blocker| blocker.role.clone()),
        since: clock.moment_of(blocker.map_or(wait.since, |blocker| blocker.since)),
        words: wait.words.clone(),
        fix: wait.fix.clone(),
    }
}

/// What is known of the source at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceHearing {
    /// It is here and was looked at lately.
    Fresh,
    /// It was not looked at lately, and nobody waits for its answer: lanes append what was found.
    Unasked,
    /// It is away, or does not answer.
    Silent,
}

/// How a lane stands towards its source.
#[derive(Clone, Copy, Debug)]
struct LaneStanding {
    source: SourceHearing,
    /// An operator paused it.
    is_paused: bool,
    /// It holds all that the last look saw.
    holds_all: bool,
    /// What it lacks waits for a transaction at the source.
    is_held: bool,
}

fn lane_health<T>(lane: &Connection<T>, standing: LaneStanding) -> Health {
    match (lane.phase(), lane.lost_with().map(|error| error.kind())) {
        (ConnectionPhase::Halted, Some(ErrorKind::Contents | ErrorKind::Order)) => Health::Diverged,
        (ConnectionPhase::Halted, _) => Health::Stopped,
        (ConnectionPhase::Closed { .. } | ConnectionPhase::Opening, Some(ErrorKind::Fed)) => {
            Health::Standby
        }
        (ConnectionPhase::Closed { .. } | ConnectionPhase::Opening, Some(_)) => Health::Waiting,
        (ConnectionPhase::Closed { .. } | ConnectionPhase::Opening, None) => Health::Opening,
        (ConnectionPhase::Open(_), _) if standing.is_paused => Health::Paused,
        (ConnectionPhase::Open(_) | ConnectionPhase::Busy, _) => match standing {
            LaneStanding { source: SourceHearing::Fresh, holds_all: true, .. } => Health::Level,
            LaneStanding { source: SourceHearing::Silent, .. } => Health::Reachable,
            LaneStanding { is_held: true, .. } => Health::Held,
            _ => Health::Behind,
        },
    }
}

fn source_health<T>(source: &Connection<T>, is_blocked: bool) -> Health {
    match (source.phase(), source.lost_with()) {
        (ConnectionPhase::Halted, _) => Health::Stopped,
        (ConnectionPhase::Closed { .. } | ConnectionPhase::Opening, Some(_)) => Health::Waiting,
        (ConnectionPhase::Closed { .. } | ConnectionPhase::Opening, None) => Health::Opening,
        (ConnectionPhase::Open(_) | ConnectionPhase::Busy, _) if is_blocked => Health::Held,
        (ConnectionPhase::Open(_) | ConnectionPhase::Busy, _) => Health::Reachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::retry::RetryPolicy;

    const HERE: LaneStanding = LaneStanding {
        source: SourceHearing::Fresh,
        is_paused: false,
        holds_all: false,
        is_held: false,
    };

    fn lost(kind: ErrorKind) -> Connection<u32> {
        let policy = RetryPolicy { wait_min: Duration::ZERO, wait_max: Duration::ZERO };
        let mut connection = Connection::new(Instant::now());
        connection.lose(Error::new(kind, "away"), &policy, 0.0, Instant::now());
        connection
    }

    fn open() -> Connection<u32> {
        let mut connection = Connection::new(Instant::now());
        connection.begin_opening();
        connection.opened(1, Instant::now());
        connection
    }

    #[test]
    fn the_word_for_a_lane_is_that_of_its_loss_or_of_what_it_lacks() {
        assert_eq!(lane_health(&Connection::<u32>::new(Instant::now()), HERE), Health::Opening);
        assert_eq!(lane_health(&lost(ErrorKind::Unavailable), HERE), Health::Waiting);
        assert_eq!(lane_health(&lost(ErrorKind::Fed), HERE), Health::Standby);
        assert_eq!(lane_health(&lost(ErrorKind::Order), HERE), Health::Diverged);
        assert_eq!(lane_health(&lost(ErrorKind::Rejected), HERE), Health::Stopped);
        let mut tried = lost(ErrorKind::Unavailable);
        tried.begin_opening();
        assert_eq!(lane_health(&tried, HERE), Health::Waiting, "it is not back before it is");
        assert_eq!(lane_health(&open(), HERE), Health::Behind);
        assert_eq!(lane_health(&open(), LaneStanding { is_held: true, ..HERE }), Health::Held);
        let level = LaneStanding { holds_all: true, ..HERE };
        assert_eq!(lane_health(&open(), level), Health::Level);
        let paused = LaneStanding { is_paused: true, ..level };
        assert_eq!(lane_health(&open(), paused), Health::Paused);
        let mut busy = open();
        busy.take();
        assert_eq!(lane_health(&busy, paused), Health::Level, "not before its last pass is over");
        assert_eq!(lane_health(&lost(ErrorKind::Unavailable), paused), Health::Waiting);
        let unasked = LaneStanding { source: SourceHearing::Unasked, ..level };
        assert_eq!(lane_health(&open(), unasked), Health::Behind, "more may be visible by now");
        let silent = LaneStanding { source: SourceHearing::Silent, ..level };
        assert_eq!(
            lane_health(&open(), silent),
            Health::Reachable,
            "what the source shows now is not known"
        );
    }

    #[test]
    fn the_word_for_the_source_tells_whether_it_is_there_and_whether_something_is_held() {
        assert_eq!(source_health(&lost(ErrorKind::Unavailable), true), Health::Waiting);
        assert_eq!(source_health(&lost(ErrorKind::Order), false), Health::Stopped);
        assert_eq!(source_health(&open(), true), Health::Held);
        assert_eq!(source_health(&open(), false), Health::Reachable);
    }
}

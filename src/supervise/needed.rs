//! Tells a log of captured changes, as long as a replication runs, what its destinations still need:
//! none of that is pruned.

use crate::config::{ReplicationConfig, SourceRetention};
use crate::error::Result;
use crate::log::key;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{Session, SessionPurpose};
use crate::replicate::health::Health;
use crate::replicate::snapshot::{LaneSnapshot, Snapshot};
use crate::source::capture::LogReader;
use slog::{Logger, warn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How often it is told.
const INTERVAL: Duration = Duration::from_secs(10);
/// So long the end of a run waits for its last word.
const LAST_WORD_MAX: Duration = Duration::from_secs(2);
const PURPOSE: SessionPurpose = SessionPurpose { what: "readers", side: ErrorSide::Source };

/// What tells it.
pub(super) struct ReaderNotes<'a> {
    pub(super) config: &'a ReplicationConfig,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) log: &'a Logger,
}

impl ReaderNotes<'_> {
    /// Runs a replication to its end, and tells meanwhile; nothing that goes wrong with that stops
    /// it: what was told last stays, and holds back more than it must.
    pub(super) async fn beside<T>(mut self, replicating: impl Future<Output = T>) -> T {
        let mut session = None;
        let ended = {
            let mut replicating = pin!(replicating);
            tokio::select! {
                biased;
                ended = &mut replicating => ended,
                () = self.tell(&mut session) => replicating.as_mut().await,
            }
        };
        let last = self.readers();
        if !last.is_empty() {
            // A server that is away holds no end up.
            let _ = timeout(LAST_WORD_MAX, self.note(&mut session, &last)).await;
        }
        ended
    }

    /// Tells at first where every destination stood when it was opened, then where it stood an
    /// interval ago: what was committed then is on its disk, whatever `synchronous_commit` says.
    async fn tell(&mut self, session: &mut Option<Session>) {
        let takes = |now: &Arc<Snapshot>| !readers(self.config, now).is_empty();
        if self.snapshots.wait_for(takes).await.is_err() {
            return;
        }
        let mut known = Vec::new();
        let mut has_failed = false;
        loop {
            let now = self.readers();
            let told = now.iter().map(|reader| earlier(reader, &known)).collect::<Vec<_>>();
            let noted = self.note(session, &told).await;
            if let Err(error) = &noted
                && !has_failed
            {
                warn!(self.log, "could not tell the log what is still needed of it; none of that is pruned"; key::ERROR => %error);
            }
            has_failed = noted.is_err();
            known = now;
            sleep(INTERVAL).await;
        }
    }

    fn readers(&self) -> Vec<LogReader> {
        readers(self.config, &self.snapshots.borrow())
    }

    async fn note(&self, session: &mut Option<Session>, readers: &[LogReader]) -> Result<()> {
        let source = &self.config.source;
        let usable = session.take().filter(|session| !session.is_closed());
        let open = match usable {
            Some(session) => session,
            None => {
                Session::open(&source.conninfo, PURPOSE, self.config.limits.connect_timeout).await?
            }
        };
        for reader in readers {
            reader.note(&open, &source.table).await?;
        }
        *session = Some(open);
        Ok(())
    }
}

/// As it stood before, where that is known and not higher.
fn earlier(reader: &LogReader, known: &[LogReader]) -> LogReader {
    let same = known.iter().find(|of| of.name == reader.name && of.place == reader.place);
    let position = same.map_or(reader.position, |known| known.position.min(reader.position));
    LogReader { position, ..reader.clone() }
}

/// The destinations that this replication feeds, as readers of its source; none where that takes no
/// note of any.
fn readers(config: &ReplicationConfig, now: &Snapshot) -> Vec<LogReader> {
    if !now.source.checks.as_ref().is_some_and(|checks| checks.takes_readers) {
        return Vec::new();
    }
    let is_ours = |lane: &&LaneSnapshot| lane.checks.is_some() && lane.health != Health::Standby;
    let decided = now.source.decided_id;
    let reader = |lane: &LaneSnapshot| {
        let is_undecided = lane.unconfirmed_id.is_some() && lane.unconfirmed_id > decided;
        let position = if is_undecided { lane.position.min(decided) } else { lane.position };
        LogReader {
            name: lane.name.to_string(),
            place: format!("{} {}", lane.database, lane.table),
            position: position.unwrap_or(0),
            keeps_all: config.source.keeps == SourceRetention::All,
            seconds: 0,
        }
    };
    now.lanes.iter().filter(is_ours).map(reader).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(position: i64) -> LogReader {
        LogReader {
            name: "copy".to_owned(),
            place: "db2 public.changes".to_owned(),
            position,
            keeps_all: false,
            seconds: 0,
        }
    }

    #[test]
    fn what_was_committed_an_interval_ago_is_told_and_a_step_back_at_once() {
        assert_eq!(earlier(&reader(7), &[]).position, 7);
        assert_eq!(earlier(&reader(9), &[reader(7)]).position, 7);
        assert_eq!(earlier(&reader(3), &[reader(7)]).position, 3);
        let other = LogReader { place: "db3 public.changes".to_owned(), ..reader(1) };
        assert_eq!(earlier(&reader(9), &[other]).position, 9);
    }
}

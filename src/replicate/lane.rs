//! A lane: one destination on its way, with its position and what it has done.

use crate::destination::Destination;
use crate::destination::feed::{Feed, Feeder, LaneGauge, feed};
use crate::error::{Error, ErrorKind, Result};
use crate::event::wire::Wire;
use crate::replicate::check::lane_stores::CheckedContents;
use crate::replicate::history::SourceHistory;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// How a lane was compared with the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneComparison {
    /// By its last event: what lies before it was compared earlier, with the same past of the
    /// source.
    LastEvent,
    /// By first event, last event and count: this it was found to hold.
    Whole(CheckedContents),
}

/// One destination, connected and checked.
pub struct Lane {
    /// Its place in the configuration.
    pub index: usize,
    /// Up to where it holds everything it takes: the highest id it holds, or one above, where what
    /// lies between is not for it.
    pub position: Option<i64>,
    /// The highest id it holds.
    pub held: Option<i64>,
    /// The table it is, by oid.
    pub table: u32,
    /// By this key whoever finds it held knows that it is ours.
    pub key: String,
    /// Columns and form of what it takes.
    pub wire: Wire,
    /// The connection of the source it was compared with: after another one it is compared again.
    pub connection_id: u64,
    /// The past of the events it was compared with.
    pub history: SourceHistory,
    /// How it was compared with the source when it was opened.
    pub compared: LaneComparison,
    /// What it has done, kept over all its connections.
    pub gauge: Arc<LaneGauge>,
    /// Where its events go.
    pub destination: Box<dyn Destination>,
}

impl Lane {
    /// Whether it has taken all that a read shipped, which left nothing for it up to `through`:
    /// then it stands there.
    pub(crate) fn has_all(&mut self, shipped: Option<i64>, through: Option<i64>) -> bool {
        let has_all = self.position >= shipped;
        if has_all {
            self.position = self.position.max(through);
        }
        has_all
    }
}

/// A lane that came back from a pass.
pub struct ReturnedLane {
    /// Which.
    pub index: usize,
    /// The connection to the source over which it travelled.
    pub connection_id: u64,
    /// The lane at its new position, or why it was lost; then it must be opened again.
    pub lane: Result<Lane>,
    /// When it had done its last work.
    pub at: Instant,
}

/// Lanes under way, each in a task of its own. Dropping them drops their connections.
#[derive(Default)]
pub struct LaneTasks {
    tasks: JoinSet<ReturnedLane>,
    sent: HashMap<tokio::task::Id, (usize, u64)>,
}

impl LaneTasks {
    /// Sends a lane off; gives the end at which its items go in.
    pub(crate) fn spawn(&mut self, lane: Lane) -> Feeder {
        let (feeder, mut feed) = feed(Arc::clone(&lane.gauge));
        let sent = (lane.index, lane.connection_id);
        let task = self.tasks.spawn(async move { travel(lane, &mut feed).await });
        self.sent.insert(task.id(), sent);
        feeder
    }

    /// Whether no lane is under way.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until one comes back; `None` when no lane is under way. May be dropped and called
    /// again.
    pub async fn next(&mut self) -> Option<ReturnedLane> {
        match self.tasks.join_next_with_id().await? {
            Ok((_, returned)) => Some(returned),
            Err(error) => {
                let (index, connection_id) =
                    self.sent.get(&error.id()).copied().unwrap_or_default();
                let bug = Error::new(ErrorKind::Bug, "the task of a lane ended without a result")
                    .because(error.to_string());
                Some(ReturnedLane { index, connection_id, lane: Err(bug), at: Instant::now() })
            }
        }
    }
}

async fn travel(mut lane: Lane, feed: &mut Feed) -> ReturnedLane {
    let (index, connection_id) = (lane.index, lane.connection_id);
    let appended = lane.destination.append(feed).await;
    // A commit is never cut off, so that none is cancelled.
    if appended.as_ref().is_err_and(|error| error.kind() == ErrorKind::Stopped) {
        lane.destination.abandon();
    }
    let lane = appended.map(|position| {
        lane.held = position;
        lane.position = match lane.wire.rows {
            Some(_) => lane.position.max(position),
            None => position,
        };
        lane
    });
    ReturnedLane { index, connection_id, lane, at: Instant::now() }
}

//! A lane: one destination on its way, with its position and what it has done.

use crate::destination::Destination;
use crate::destination::feed::{Feed, Feeder, LaneGauge, feed};
use crate::error::{Error, ErrorKind, Result};
use crate::event::wire::Wire;
use crate::replicate::check::lane_stores::Checked;
use crate::replicate::history::History;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// How a lane was compared with the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// By its last event: what lies before it was compared earlier, with the same past of the source.
    LastEvent,
    /// By first event, last event and count: this it was found to hold.
    Whole(Checked),
}

/// One destination, connected and checked.
pub struct Lane {
    /// Its place in the configuration.
    pub index: usize,
    /// The highest id it holds.
    pub position: Option<i64>,
    /// The table it is, by oid.
    pub table: u32,
    /// By this key whoever finds it held knows that it is ours.
    pub key: String,
    /// Columns and form of what it takes.
    pub wire: Wire,
    /// The connection of the source it was compared with: after another one it is compared again.
    pub epoch: u64,
    /// The past of the events it was compared with.
    pub history: History,
    /// How it was compared with the source when it was opened.
    pub compared: Compared,
    /// What it has done, kept over all its connections.
    pub gauge: Arc<LaneGauge>,
    /// Where its events go.
    pub destination: Box<dyn Destination>,
}

/// A lane that came back from a pass.
pub struct Returned {
    /// Which.
    pub index: usize,
    /// The connection to the source over which it travelled.
    pub epoch: u64,
    /// The lane at its new position, or why it was lost; then it must be opened again.
    pub lane: Result<Lane>,
    /// When it had done its last work.
    pub at: Instant,
}

/// Lanes under way, each in a task of its own. Dropping them drops their connections.
#[derive(Default)]
pub struct Travellers {
    tasks: JoinSet<Returned>,
    sent: HashMap<tokio::task::Id, (usize, u64)>,
}

impl Travellers {
    /// Sends a lane off; gives the end at which its items go in.
    pub(crate) fn send_off(&mut self, lane: Lane) -> Feeder {
        let (feeder, mut feed) = feed(Arc::clone(&lane.gauge));
        let sent = (lane.index, lane.epoch);
        let task = self.tasks.spawn(async move { travel(lane, &mut feed).await });
        self.sent.insert(task.id(), sent);
        feeder
    }

    /// Whether no lane is under way.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until one comes back; `None` when no lane is under way. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Returned> {
        match self.tasks.join_next_with_id().await? {
            Ok((_, returned)) => Some(returned),
            Err(error) => {
                let (index, epoch) = self.sent.get(&error.id()).copied().unwrap_or_default();
                let bug = Error::new(ErrorKind::Bug, "the task of a lane ended without a result").because(error.to_string());
                Some(Returned {
                    index,
                    epoch,
                    lane: Err(bug),
                    at: Instant::now(),
                })
            }
        }
    }
}

async fn travel(mut lane: Lane, feed: &mut Feed) -> Returned {
    let (index, epoch) = (lane.index, lane.epoch);
    let appended = lane.destination.append(feed).await;
    let lane = appended.map(|position| {
        lane.position = position;
        lane
    });
    Returned {
        index,
        epoch,
        lane,
        at: Instant::now(),
    }
}

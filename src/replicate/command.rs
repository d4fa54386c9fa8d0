//! What an operator can tell a running replication to do with one of its destinations, and the
//! channel it comes by.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use tokio::sync::{mpsc, oneshot};

/// So many commands may wait to be taken; one more is refused.
const WAITING_MAX: usize = 16;

/// What is to be done with a destination. Nothing of it outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneAction {
    /// Appends nothing more to it, once the pass under way is over (about five seconds at most). It
    /// stays connected and held, is checked and counted as before, and keeps no other destination
    /// waiting.
    Pause,
    /// Appends to it again.
    Resume,
    /// Tries it again now, however long the wait would be, and the source too where that is what it
    /// waits for. One that had stopped is compared whole before anything is written.
    Retry,
    /// Counts every event it holds against the source, now; the answer comes when that is done.
    Verify,
}

impl fmt::Display for LaneAction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Verify => "verify",
        })
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandReply {
    /// It is done, or begun.
    Accepted,
    /// Both sides hold as many events up to this id; `None`: the destination is empty.
    Verified {
        /// The destination's position when the count began.
        through_id: Option<i64>,
    },
}

/// A command on its way to the conductor.
#[derive(Debug)]
pub struct LaneCommand {
    pub(super) lane: String,
    pub(super) action: LaneAction,
    pub(super) by: String,
    pub(super) answer: oneshot::Sender<Result<CommandReply>>,
}

/// Sends commands to one running replication. Clones send to the same one.
#[derive(Clone, Debug)]
pub struct CommandSender(mpsc::Sender<LaneCommand>);

/// Where a replication takes its commands from.
#[derive(Debug)]
pub struct CommandReceiver(mpsc::Receiver<LaneCommand>);

/// A channel for the commands of one replication.
pub fn commands() -> (CommandSender, CommandReceiver) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (CommandSender(sender), CommandReceiver(receiver))
}

impl CommandSender {
    /// Tells a replication what to do with the destination of this name, and waits for the answer.
    /// `by` says in the log who asked.
    ///
    /// # Errors
    /// `Usage` when there is no such destination, or what is asked for cannot be done as it stands;
    /// `Unavailable` when too many commands wait, or the replication has ended; for
    /// [`LaneAction::Verify`] what the count found.
    pub async fn command(&self, lane: &str, action: LaneAction, by: &str) -> Result<CommandReply> {
        let (answer, answered) = oneshot::channel();
        let command = LaneCommand { lane: lane.to_owned(), action, by: by.to_owned(), answer };
        let refused = |why: &str| {
            Error::new(ErrorKind::Unavailable, format!("cannot {action} destination \"{lane}\""))
                .because(why)
        };
        self.0.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                refused("too many commands wait").fix("try again in a moment")
            }
            mpsc::error::TrySendError::Closed(_) => refused("the replication has ended"),
        })?;
        answered.await.unwrap_or_else(|_| Err(refused("the replication has ended")))
    }
}

impl CommandReceiver {
    /// None will ever come.
    pub fn none() -> Self {
        commands().1
    }

    /// The next one; waits for ever when none can come any more.
    pub(super) async fn next(&mut self) -> LaneCommand {
        match self.0.recv().await {
            Some(command) => command,
            None => std::future::pending().await,
        }
    }
}

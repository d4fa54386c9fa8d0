//! The work: start-up checks, passes from the source to all lanes, and what happens between them.

pub mod arrival;
pub mod check;
pub mod command;
mod conductor;
mod counted;
pub(crate) mod fan_out;
pub mod health;
mod history;
pub(crate) mod known_warnings;
mod lag;
mod lane;
mod lane_state;
pub mod last_word;
mod open;
mod outages;
mod pass;
mod progress;
mod read_progress;
mod reconcile;
mod replication;
mod rooms;
pub(crate) mod shaped_table;
pub mod shared;
pub mod snapshot;
mod source_state;
pub mod status;
mod time_column;

pub use replication::Replication;

use crate::error::Problems;
use crate::stop::Stop;
use command::CommandReceiver;
use conductor::Conductor;

/// Copies until the end that was asked for, until a stop, or until nothing can go on; gives what
/// went wrong.
///
/// Every destination is at every commit a prefix of the source in id order. A crash leaves whole
/// batches only; the next run goes on after them.
pub async fn replicate(run: &Replication, stop: &Stop) -> Problems {
    replicate_by_command(run, CommandReceiver::none(), stop).await
}

/// As [`replicate`], and does meanwhile what the commands say.
pub async fn replicate_by_command(
    run: &Replication,
    commands: CommandReceiver,
    stop: &Stop,
) -> Problems {
    let mut conductor = Conductor::new(run, commands, stop);
    loop {
        conductor.begin_what_is_due();
        conductor.publish();
        match conductor.next().await {
            Some(event) => conductor.take(event),
            None => return conductor.end(),
        }
    }
}

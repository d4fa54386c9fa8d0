//! The doors out, one for each kind of destination.

pub mod appender;
pub mod connector;
pub mod feed;
mod plain;
pub mod postgres;
pub mod reflect;
pub mod registry;
pub mod shape;
pub mod source_schema;
pub mod sqlite;

use crate::destination::feed::Feed;
use crate::error::{Error, Result, Warning};
use futures::future::BoxFuture;
use std::time::Duration;

/// A place that events are appended to.
pub trait Destination: Send {
    /// Appends the batches of the feed in order, each in one transaction, until the feed ends; rows
    /// at or below the position are skipped.
    ///
    /// Before each commit it awaits that the batch is durable at the source, and it commits only on
    /// top of the position it knows. Gives the new position. A crash leaves whole batches only.
    /// After an error the destination must be opened again: the outcome of a commit may be unknown.
    fn append<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Result<Option<i64>>>;

    /// Why it cannot be appended to any more, as far as that is known without asking: then it must
    /// be opened again, also when there is nothing to append, for it may come back without its last
    /// events.
    fn death(&self) -> Option<Error>;

    /// Before it is dropped in the middle of a batch that was cut off: asks the place to give that
    /// up, for it would hold it for us as long as it waits. Best effort, and waited for by nobody.
    fn abandon(&self) {}

    /// Whether it has work of its own: then it is given feeds without a batch too.
    fn wants_turn(&self) -> bool {
        false
    }

    /// After so long without a feed it is given one without a batch; `None`: it needs none.
    fn idle_max(&self) -> Option<Duration> {
        None
    }

    /// What a person should know of what it did since this was asked last.
    fn take_notes(&mut self) -> Vec<Warning> {
        Vec::new()
    }
}

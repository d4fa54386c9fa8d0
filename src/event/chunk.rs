//! Batches of rows on their way: chunks of bytes shared by all lanes, and where a destination
//! transaction ends.

use crate::error::Error;
use bytes::Bytes;
use futures::future::{BoxFuture, Shared};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Some whole rows in id order. Cloning shares the bytes and the room they take in the buffer.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The rows as COPY data, without header and trailer.
    pub bytes: Bytes,
    /// Id of the first row.
    pub first_id: i64,
    /// Id of the last row.
    pub last_id: i64,
    /// Number of rows.
    pub rows: u64,
    /// Room in the buffer, given back when the last lane has let go of the chunk.
    pub room: Option<Arc<OwnedSemaphorePermit>>,
}

/// Rows that are to be appended: whole ones in id order. They take no room of the buffer.
#[derive(Clone, Debug)]
pub struct RowBlock {
    /// The rows as COPY data, without header and trailer.
    pub bytes: Bytes,
    /// Number of rows.
    pub rows: u64,
    /// Id of the last row.
    pub last_id: i64,
}

/// Resolves when the rows of a batch are on the source's disk: a destination awaits it before its
/// commit.
pub type DurabilityFuture = Shared<BoxFuture<'static, Result<(), Error>>>;

/// The end of a batch.
#[derive(Clone, Debug)]
pub struct BatchClose {
    /// Id of its last row.
    pub last_id: i64,
    /// Whether more rows follow at once: then its commit need not be on the destination's disk,
    /// because a later one will be, and with it this one.
    pub is_followed: bool,
    /// When it may be committed.
    pub durable: DurabilityFuture,
}

/// What a reader of the source hands to its lanes, in order.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// More rows of the batch in hand.
    Rows(Chunk),
    /// The batch is complete: commit it.
    Close(BatchClose),
    /// The batch in hand cannot be completed now: roll it back.
    Abort,
}

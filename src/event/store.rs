//! A place that holds events and can be asked about them, whatever kind of place it is: its ends, counts, digests, and the rows themselves.

mod by_rows;

use super::frame::Row;
use super::range::{IdRange, shown};
use super::wire::Wire;
use crate::error::{Error, Result};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::BoxStream;
use std::fmt;

/// The rows of a range in id order, each as the bytes it travels in.
pub type RowStream<'a> = BoxStream<'a, Result<Row>>;

/// One event by the digests of its columns, in their order; `None` is NULL.
pub type EventDigest = Vec<Option<String>>;

/// A place that holds events. Every answer is of one snapshot; two answers need not be of the same one. Nothing is written.
///
/// Two stores can be compared when they give the same columns in the same form, the same wire: then equal events give equal digests and equal bytes.
/// Only `rows` and `ends` must be there; everything else follows from the rows, and a store that can answer from where they are does that instead.
pub trait EventStore: Send + Sync {
    /// Host, database and table, for messages.
    fn place(&self) -> String;

    /// The columns of an event, and their form.
    fn wire(&self) -> &Wire;

    /// The lowest and the highest id.
    fn ends(&self) -> BoxFuture<'_, Result<Ends>>;

    /// The highest id that is not above `through`.
    fn highest_through(&self, through: i64) -> BoxFuture<'_, Result<Option<i64>>> {
        async move { Ok(self.table_digest(IdRange::up_to(through)).await?.last_id) }.boxed()
    }

    /// How many events have an id in the range.
    fn count(&self, range: IdRange) -> BoxFuture<'_, Result<u64>> {
        async move { Ok(self.table_digest(range).await?.events) }.boxed()
    }

    /// How many events there are in all, if `highest` is the highest id; otherwise those up to it. A store may answer that quicker than [`Self::count`].
    fn count_all(&self, highest: i64) -> BoxFuture<'_, Result<u64>> {
        self.count(IdRange::up_to(highest))
    }

    /// The event of this id, if it is there, by the digests of its columns.
    fn event_digest(&self, id: i64) -> BoxFuture<'_, Result<Option<EventDigest>>> {
        by_rows::event_digest(self.rows(IdRange::only(id)), self.wire().format).boxed()
    }

    /// The text of the columns of one event, if it is there; `None` for NULL and for more than a megabyte. For decisions only, never for a message.
    fn event_text(&self, id: i64) -> BoxFuture<'_, Result<Option<Vec<Option<String>>>>> {
        by_rows::event_text(self.rows(IdRange::only(id)), self.wire().format).boxed()
    }

    /// What a range holds, whatever the order of reading; fails with SQLSTATE 57014 when it takes longer than `limit_ms`.
    fn range_digest(&self, range: IdRange, limit_ms: u32) -> BoxFuture<'_, Result<RangeDigest>> {
        let _ = limit_ms;
        async move {
            let digest = self.table_digest(range).await?;
            Ok(RangeDigest {
                events: digest.events,
                sum: Some(digest.sha256_hex()),
            })
        }
        .boxed()
    }

    /// The last ids of the next chunks of so many rows at the lower end of a range; fewer than `chunks` when no more are left.
    fn boundaries(&self, range: IdRange, chunk_rows: u64, chunks: usize) -> BoxFuture<'_, Result<Vec<i64>>> {
        by_rows::boundaries(self.rows(range), chunk_rows, chunks).boxed()
    }

    /// What some chunks hold, in their order: equal on both sides exactly if the rows are.
    fn chunk_digests<'a>(&'a self, chunks: &'a [IdRange], hashing: Hashing) -> BoxFuture<'a, Result<Vec<ChunkDigest>>> {
        async move {
            let mut digests = Vec::with_capacity(chunks.len());
            for chunk in chunks {
                digests.push(by_rows::chunk_digest(self.rows(*chunk), hashing).await?);
            }
            Ok(digests)
        }
        .boxed()
    }

    /// How many rows of a range there are, and how many of them its index of the id knows.
    fn index_counts(&self, range: IdRange) -> BoxFuture<'_, Result<IndexCounts>> {
        async move {
            let rows = self.count(range).await?;
            Ok(IndexCounts {
                rows,
                indexed: rows,
                cure: String::new(),
            })
        }
        .boxed()
    }

    /// How many rows there are, found without any index; of those beyond, how many the index of the id knows too. `None`: of no row.
    fn heap_counts(&self, within: Option<IdRange>, beyond: Option<IdRange>) -> BoxFuture<'_, Result<HeapCounts>> {
        let count = move |range: Option<IdRange>| async move {
            match range {
                Some(range) => self.count(range).await,
                None => Ok(0),
            }
        };
        async move {
            let (within, beyond) = (count(within).await?, count(beyond).await?);
            Ok(HeapCounts {
                within,
                beyond: (beyond, beyond),
            })
        }
        .boxed()
    }

    /// The rows of a range in id order, in constant memory. Ends with the first error. Nothing else can be asked while they are read.
    fn rows(&self, range: IdRange) -> RowStream<'_>;

    /// What a range holds, by every row of it, in constant memory: equal on both sides exactly if the rows are.
    fn table_digest(&self, range: IdRange) -> BoxFuture<'_, Result<TableDigest>> {
        by_rows::table_digest(self.rows(range)).boxed()
    }
}

/// The lowest and the highest id; both `None` while there is no event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Lowest id.
    pub lowest: Option<i64>,
    /// Highest id: at a destination its position.
    pub highest: Option<i64>,
}

/// What a range holds: equal on both sides if the events are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeDigest {
    /// Events.
    pub events: u64,
    /// The sum of their digests; `None` of no event.
    pub sum: Option<String>,
}

/// What a chunk holds: equal on both sides exactly if the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkDigest {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over all of them, in hexadecimal digits; `None` of no row.
    pub sha256: Option<String>,
}

/// What a chunk's digest goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// The rows: quickest where they are small.
    Rows,
    /// The digest of each row, so that a chunk needs no more memory than its largest row.
    RowDigests,
}

/// How many rows a store holds, and how many its index of the id knows: whoever reads by an index that lacks rows calls them missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexCounts {
    /// Rows.
    pub rows: u64,
    /// Those that the index knows.
    pub indexed: u64,
    /// The statement that builds the index again.
    pub cure: String,
}

impl IndexCounts {
    /// Whether the index lacks rows, or has too many.
    pub fn is_damaged(&self) -> bool {
        self.rows != self.indexed
    }

    /// An error with both numbers and the cure; `at`: on which side that is run; `ending`: what is true until then.
    pub fn explain(&self, error: Error, at: &str, ending: &str) -> Error {
        let Self { rows, indexed, cure } = self;
        error
            .because(format!(
                "it has {indexed} of the table's {rows} rows, and whoever reads by it misses the rest"
            ))
            .fix(format!("{cure} {at}, then start again; {ending}"))
    }
}

/// Rows that were found without an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapCounts {
    /// Rows of the range.
    pub within: u64,
    /// Rows beyond it: found without an index, and by it.
    pub beyond: (u64, u64),
}

/// How many rows there are, the id of the last one, and a SHA-256 over all of them in id order.
///
/// A row goes in as COPY writes it, without the header and the trailer of the stream: in binary form a count of fields (two bytes), then
/// for each field its length (four bytes, -1 for NULL) and its bytes, all big-endian; in text form a line. Both forms say where a row
/// ends, so that different rows never give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    /// Rows.
    pub events: u64,
    /// The highest id; `None` while there is no row.
    pub last_id: Option<i64>,
    /// The digest.
    pub sha256: [u8; 32],
}

impl TableDigest {
    /// The digest in lower-case hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// How what a destination holds differs from what this source holds, both asked for the same columns in the same form; `None` where it does not.
    pub fn difference(&self, destination: &Self) -> Option<String> {
        if self == destination {
            return None;
        }
        Some(if self.events != destination.events {
            format!("{} events where the source has {}", destination.events, self.events)
        } else if self.last_id != destination.last_id {
            let (source, destination) = (shown(self.last_id), shown(destination.last_id));
            format!("as many events, the last id is {destination} where the source has {source}")
        } else {
            "as many events and the same last id, but not the same bytes".to_owned()
        })
    }
}

impl fmt::Display for TableDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} events, last id {}, sha256 {}",
            self.events,
            shown(self.last_id),
            self.sha256_hex()
        )
    }
}

#[cfg(test)]
mod tests;

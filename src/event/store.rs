//! A place that holds events and can be asked about them, whatever kind of place it is: its ends,
//! counts, digests, and the rows themselves.

mod answers;
mod by_rows;

use super::range::IdRange;
use super::wire::Wire;
use crate::error::Result;
use futures::future::{BoxFuture, FutureExt};

pub(crate) use by_rows::digest_of_row;

pub use answers::{
    ChunkDigest, DigestInput, DigestOrigin, EventDigest, HeapCounts, IdEnds, IndexCounts,
    RangeDigest, RowStream, TableDigest, WholeCount,
};

/// A place that holds events. Every answer is of one snapshot; two answers need not be of the same
/// one. Nothing is written.
///
/// Two stores can be compared when they give the same columns in the same form, the same wire: then
/// equal events give equal bytes and equal digests. What `range_digest` and `chunk_digests` hash is
/// a store's own affair: they are compared where `digests` says the same of both. Only `rows` and `ends` must
/// be there; everything else follows from the rows, and a store that can answer from where they are
/// does that instead.
pub trait EventStore: Send + Sync {
    /// Host, database and table, for messages.
    fn place(&self) -> String;

    /// The columns of an event, and their form.
    fn wire(&self) -> &Wire;

    /// The lowest and the highest id.
    fn ends(&self) -> BoxFuture<'_, Result<IdEnds>>;

    /// The highest id that is not above `through`.
    fn highest_through(&self, through: i64) -> BoxFuture<'_, Result<Option<i64>>> {
        async move { Ok(self.table_digest(IdRange::up_to(through)).await?.last_id) }.boxed()
    }

    /// How many events have an id in the range.
    fn count(&self, range: IdRange) -> BoxFuture<'_, Result<u64>> {
        async move { Ok(self.table_digest(range).await?.events) }.boxed()
    }

    /// The lowest id of all, and how many events have an id in the range: of one snapshot, which a
    /// store must give by itself that may lose its lowest events meanwhile.
    fn lowest_and_count(&self, range: IdRange) -> BoxFuture<'_, Result<(Option<i64>, u64)>> {
        async move { Ok((self.ends().await?.lowest, self.count(range).await?)) }.boxed()
    }

    /// How many events there are in all, if `highest` is the highest id; otherwise those up to it.
    /// A store may answer that quicker than [`Self::count`].
    fn count_all(&self, highest: i64) -> BoxFuture<'_, Result<u64>> {
        self.count(IdRange::up_to(highest))
    }

    /// Its highest id and how many events it stands for up to there, of one moment, where that is
    /// all that it can count; `None`: it counts any range.
    fn whole_count(&self) -> BoxFuture<'_, Result<Option<WholeCount>>> {
        std::future::ready(Ok(None)).boxed()
    }

    /// The lowest id that is held more than once; `None` where none is, or where a key excludes it.
    /// Without such a key it takes as long as a count.
    fn double(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        async { Ok(None) }.boxed()
    }

    /// The event of this id, if it is there, by the digests of its columns: of their texts, or of
    /// the bytes of a column of bytes.
    fn event_digest(&self, id: i64) -> BoxFuture<'_, Result<Option<EventDigest>>> {
        by_rows::event_digest(self.rows(IdRange::only(id)), self.wire()).boxed()
    }

    /// The text of the columns of one event, if it is there; `None` for NULL and for more than a
    /// megabyte. For decisions only, never for a message.
    fn event_text(&self, id: i64) -> BoxFuture<'_, Result<Option<Vec<Option<String>>>>> {
        by_rows::event_text(self.rows(IdRange::only(id)), self.wire()).boxed()
    }

    /// What its digests of ranges and chunks are made of.
    fn digests(&self) -> DigestOrigin {
        DigestOrigin::Rows
    }

    /// What a range holds, whatever the order of reading; fails with SQLSTATE 57014 when it takes
    /// longer than `limit_ms`.
    fn range_digest(&self, range: IdRange, limit_ms: u32) -> BoxFuture<'_, Result<RangeDigest>> {
        let _ = limit_ms;
        async move {
            let digest = self.table_digest(range).await?;
            Ok(RangeDigest { events: digest.events, sum: Some(digest.sha256_hex()) })
        }
        .boxed()
    }

    /// The last ids of the next chunks of so many rows at the lower end of a range; fewer than
    /// `chunks` when no more are left.
    fn boundaries(
        &self,
        range: IdRange,
        chunk_rows: u64,
        chunks: usize,
    ) -> BoxFuture<'_, Result<Vec<i64>>> {
        by_rows::boundaries(self.rows(range), chunk_rows, chunks).boxed()
    }

    /// What some chunks hold, in their order: equal on both sides exactly if the rows are.
    fn chunk_digests<'a>(
        &'a self,
        chunks: &'a [IdRange],
        hashing: DigestInput,
    ) -> BoxFuture<'a, Result<Vec<ChunkDigest>>> {
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
            Ok(IndexCounts { rows, indexed: rows, cure: String::new() })
        }
        .boxed()
    }

    /// How many rows there are, found without any index; of those beyond, how many the index of the
    /// id knows too. `None`: of no row.
    fn heap_counts(
        &self,
        within: Option<IdRange>,
        beyond: Option<IdRange>,
    ) -> BoxFuture<'_, Result<HeapCounts>> {
        let count = move |range: Option<IdRange>| async move {
            match range {
                Some(range) => self.count(range).await,
                None => Ok(0),
            }
        };
        async move {
            let (within, beyond) = (count(within).await?, count(beyond).await?);
            Ok(HeapCounts { within, beyond: (beyond, beyond) })
        }
        .boxed()
    }

    /// The rows of a range in id order, in constant memory. Ends with the first error. Nothing else
    /// can be asked while they are read.
    fn rows(&self, range: IdRange) -> RowStream<'_>;

    /// What a range holds, by every row of it, in constant memory: equal on both sides exactly if
    /// the rows are.
    fn table_digest(&self, range: IdRange) -> BoxFuture<'_, Result<TableDigest>> {
        by_rows::table_digest(self.rows(range)).boxed()
    }
}

#[cfg(test)]
mod tests;

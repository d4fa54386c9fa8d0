//! What a store holds from an id on: all that can be compared with a source that has lost what lies
//! below.

use super::range::IdRange;
use super::store::{
    ChunkDigest, DigestInput, DigestOrigin, EventDigest, EventStore, HeapCounts, IdEnds,
    IndexCounts, RangeDigest, RowStream,
};
use crate::error::Result;
use crate::event::wire::Wire;
use futures::future::{BoxFuture, FutureExt};

/// A store of which only the events from an id on count.
#[derive(Clone, Copy)]
pub struct FlooredStore<'a> {
    store: &'a dyn EventStore,
    /// Below the floor.
    below: Option<i64>,
}

impl<'a> FlooredStore<'a> {
    /// Everything from this id on; `None`: everything.
    pub fn new(store: &'a dyn EventStore, floor: Option<i64>) -> Self {
        Self { store, below: floor.and_then(|floor| floor.checked_sub(1)) }
    }

    fn clip(&self, range: IdRange) -> IdRange {
        IdRange { after: range.after.max(self.below), ..range }
    }
}

impl EventStore for FlooredStore<'_> {
    fn place(&self) -> String {
        self.store.place()
    }

    fn wire(&self) -> &Wire {
        self.store.wire()
    }

    fn ends(&self) -> BoxFuture<'_, Result<IdEnds>> {
        async move {
            let ends = self.store.ends().await?;
            let (Some(below), Some(lowest)) = (self.below, ends.lowest) else { return Ok(ends) };
            if ends.highest <= Some(below) {
                return Ok(IdEnds::default());
            }
            if lowest > below {
                return Ok(ends);
            }
            let above = self.store.boundaries(IdRange::above(Some(below)), 1, 1).await?;
            Ok(IdEnds { lowest: above.first().copied(), ..ends })
        }
        .boxed()
    }

    fn highest_through(&self, through: i64) -> BoxFuture<'_, Result<Option<i64>>> {
        async move { Ok(self.store.highest_through(through).await?.filter(|id| Some(*id) > self.below)) }
            .boxed()
    }

    fn count(&self, range: IdRange) -> BoxFuture<'_, Result<u64>> {
        let range = self.clip(range);
        async move { if range.is_empty() { Ok(0) } else { self.store.count(range).await } }.boxed()
    }

    fn count_all(&self, highest: i64) -> BoxFuture<'_, Result<u64>> {
        match self.below {
            Some(_) => self.count(IdRange::up_to(highest)),
            None => self.store.count_all(highest),
        }
    }

    fn double(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        self.store.double()
    }

    fn event_digest(&self, id: i64) -> BoxFuture<'_, Result<Option<EventDigest>>> {
        self.store.event_digest(id)
    }

    fn event_text(&self, id: i64) -> BoxFuture<'_, Result<Option<Vec<Option<String>>>>> {
        self.store.event_text(id)
    }

    fn digests(&self) -> DigestOrigin {
        self.store.digests()
    }

    fn range_digest(&self, range: IdRange, limit_ms: u32) -> BoxFuture<'_, Result<RangeDigest>> {
        self.store.range_digest(self.clip(range), limit_ms)
    }

    fn boundaries(
        &self,
        range: IdRange,
        chunk_rows: u64,
        chunks: usize,
    ) -> BoxFuture<'_, Result<Vec<i64>>> {
        self.store.boundaries(self.clip(range), chunk_rows, chunks)
    }

    fn chunk_digests<'b>(
        &'b self,
        chunks: &'b [IdRange],
        hashing: DigestInput,
    ) -> BoxFuture<'b, Result<Vec<ChunkDigest>>> {
        async move {
            let chunks: Vec<IdRange> = chunks.iter().map(|chunk| self.clip(*chunk)).collect();
            self.store.chunk_digests(&chunks, hashing).await
        }
        .boxed()
    }

    fn index_counts(&self, range: IdRange) -> BoxFuture<'_, Result<IndexCounts>> {
        self.store.index_counts(self.clip(range))
    }

    fn heap_counts(
        &self,
        within: Option<IdRange>,
        beyond: Option<IdRange>,
    ) -> BoxFuture<'_, Result<HeapCounts>> {
        let clip = |range: Option<IdRange>| range.map(|range| self.clip(range));
        self.store.heap_counts(clip(within), clip(beyond))
    }

    fn rows(&self, range: IdRange) -> RowStream<'_> {
        self.store.rows(self.clip(range))
    }
}

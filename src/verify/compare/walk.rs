//! The walk through the ids: digests of chunks of both sides at the same time, and a merge of the
//! rows where they differ.

use crate::error::{ErrorKind, Result};
use crate::event::merge::{RowMerge, RowMismatch};
use crate::event::range::IdRange;
use crate::event::store::ChunkDigest;
use crate::stop::Stop;
use crate::verify::class;
use crate::verify::compare::both::both;
use crate::verify::compare::chunks::{
    ComparisonMethod, MethodChooser, STATEMENT_CHUNKS_MAX, is_dense, rows_of_chunk,
};
use crate::verify::compare::fence::FenceDoubt;
use crate::verify::compare::journal::ComparisonJournal;
use crate::verify::compare::plan;
use crate::verify::compare::readers::WalkReaders;
use crate::verify::compare::side::{ANSWER_MAX, ComparisonSide};
use crate::verify::compare::sink::DifferenceSink;
use crate::verify::compare::task::ComparisonTask;
use crate::verify::compare::undecided::Undecided;
use crate::verify::difference::{Difference, DifferenceClass, DifferenceTally};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesOrdered;
use std::time::Instant;

/// Differences that are read again at the end at most; more than these are taken as they were
/// found.
const DOUBTED_MAX: usize = 10_000;
/// What a server answers when a chunk is too large for one value or for its memory (PostgreSQL
/// manual, appendix A).
const TOO_LARGE: [&str; 2] = ["54000", "53200"];

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkEnd {
    /// Everything up to the fence was compared.
    Complete,
    /// As many differences were found as were asked for.
    Enough,
    /// A stop was requested.
    Interrupted,
}

/// What a walk found.
pub struct WalkFindings {
    /// What differs for certain.
    pub tally: DifferenceTally,
    /// Rows compared on each side.
    pub rows: (u64, u64),
    /// Rows that a side may still get.
    pub undecided: Undecided,
    /// The id up to which both were compared.
    pub at: Option<i64>,
    /// The last place from which another run can go on, and what was known there.
    pub safe: Option<(i64, (u64, u64), DifferenceTally)>,
}

type DigestPairs = Result<(Vec<ChunkDigest>, Vec<ChunkDigest>)>;
type DigestsUnderWay<'a> = BoxFuture<'a, (Vec<IdRange>, DigestPairs)>;

/// How a merge ended.
enum MergeEnd {
    All,
    /// Up to this id.
    Through(i64),
    Interrupted,
}

/// The comparison on its way through the ids.
pub struct ComparisonWalk<'a> {
    pub(super) task: ComparisonTask<'a>,
    pub(super) sink: DifferenceSink<'a>,
    chooser: MethodChooser,
    /// Where chunks are cut by ids alone: the lowest of both sides.
    dense_from: Option<i64>,
    /// Chunks of the next statement.
    chunks: usize,
    pub(super) rows: (u64, u64),
    at: Option<i64>,
    safe: Option<(i64, (u64, u64), DifferenceTally)>,
    /// Ids of rows that are read again, and how many rows of each side were counted of them.
    pub(super) doubted: Vec<(i64, (u64, u64))>,
    pub(super) undecided: Undecided,
    /// The lowest id of a first side that may lose its oldest events, as far as it is known.
    pub(super) floor: Option<i64>,
    /// Until when what may only be late is waited for, once anything is.
    pub(super) late_until: Option<Instant>,
}

impl<'a> ComparisonWalk<'a> {
    /// Starts before everything.
    pub fn new(task: ComparisonTask<'a>, sink: DifferenceSink<'a>) -> Self {
        let sizes = [task.first.size, task.second.size];
        let chunk_rows = rows_of_chunk(sizes);
        let ends = task.fence.begins().zip(task.end());
        let dense = ends.filter(|(lowest, highest)| is_dense(sizes, *lowest, *highest));
        Self {
            task,
            sink,
            chooser: MethodChooser::new(chunk_rows, task.options.is_exact),
            dense_from: dense.map(|(lowest, _)| lowest),
            chunks: 1,
            rows: (0, 0),
            at: None,
            safe: None,
            doubted: Vec::new(),
            undecided: Undecided::default(),
            floor: task.fence.floor,
            late_until: None,
        }
    }

    /// Goes on where another walk was interrupted.
    pub fn resume(&mut self, journal: &ComparisonJournal) {
        let Some((through, rows)) = journal.reached() else { return };
        self.rows = rows;
        self.at = Some(through);
        self.sink.tally = journal.tally.clone();
        self.safe = Some((through, rows, journal.tally.clone()));
    }

    /// What was found.
    pub fn found(self) -> WalkFindings {
        WalkFindings {
            tally: self.sink.tally,
            rows: self.rows,
            undecided: self.undecided,
            at: self.at,
            safe: self.safe,
        }
    }

    /// Walks through a range. What still runs in the servers when it ends early is cancelled.
    pub async fn run(&mut self, range: IdRange, stop: &Stop) -> Result<WalkEnd> {
        let mut readers = WalkReaders::new(self.task);
        let (stopper, enough) = stop.narrower();
        // One less than there are sessions of each side whenever anything else is asked: nobody
        // waits for a digest that nobody polls.
        let mut in_flight = FuturesOrdered::new();
        let ended = self.go(range, &mut in_flight, &mut readers, (stop, &enough)).await;
        stopper.request();
        while in_flight.next().await.is_some() {}
        let ended = match ended {
            Err(error) if error.kind() == ErrorKind::Stopped && stop.is_requested() => {
                Ok(WalkEnd::Interrupted)
            }
            ended => ended,
        };
        if ended.is_ok() {
            self.sink.flush().await?;
        }
        ended
    }

    async fn go<'b>(
        &mut self,
        range: IdRange,
        in_flight: &mut FuturesOrdered<DigestsUnderWay<'b>>,
        readers: &mut WalkReaders<'a>,
        (stop, enough): (&Stop, &'b Stop),
    ) -> Result<WalkEnd>
    where
        'a: 'b,
    {
        let mut rest = IdRange { after: self.at.max(range.after), ..range };
        while !stop.is_requested() {
            while !rest.is_empty()
                && in_flight.len() < self.task.options.connections.max(1) as usize
            {
                let ComparisonMethod::Digests(rows) = self.chooser.way() else {
                    break;
                };
                let chunks = self.next_chunks(rest, rows, self.chunks, enough).await?;
                self.chunks = (self.chunks * 2).min(STATEMENT_CHUNKS_MAX);
                rest.after = chunks.last().map(|chunk| chunk.through);
                in_flight.push_back(digests(self.task, chunks, enough).boxed());
            }
            let ended = match (in_flight.is_empty(), self.chooser.way()) {
                (false, _) => match stop.or(in_flight.next()).await.flatten() {
                    Some((chunks, digests)) => self.judge(&chunks, digests, readers, stop).await?,
                    None => WalkEnd::Interrupted,
                },
                (true, _) if rest.is_empty() => return self.read_again(readers, stop).await,
                (true, ComparisonMethod::Digests(_)) => continue,
                (true, ComparisonMethod::Merge(rows)) => {
                    let chunks = self.next_chunks(rest, rows, 1, enough).await?;
                    let segment = IdRange {
                        through: chunks.first().map_or(rest.through, |chunk| chunk.through),
                        ..rest
                    };
                    rest.after = Some(segment.through);
                    self.merge(segment, readers, stop).await?
                }
            };
            if ended != WalkEnd::Complete {
                return Ok(ended);
            }
        }
        Ok(WalkEnd::Interrupted)
    }

    /// The next chunks of so many rows.
    async fn next_chunks(
        &self,
        rest: IdRange,
        rows: u64,
        chunks: usize,
        enough: &Stop,
    ) -> Result<Vec<IdRange>> {
        if let Some(lowest) = self.dense_from {
            return Ok(plan::by_ids(rest, lowest, rows, chunks));
        }
        let ComparisonTask { first, second, columns, .. } = self.task;
        let asked = async |side: &ComparisonSide, stop: Stop| {
            let limits = (ANSWER_MAX, &stop);
            side.ask(columns, limits, |store| store.boundaries(rest, rows, chunks)).await
        };
        let (one, other) =
            both(enough, |stop| asked(first, stop), |stop| asked(second, stop)).await?;
        Ok(plan::by_boundaries(rest, [&one, &other], chunks))
    }

    async fn judge(
        &mut self,
        chunks: &[IdRange],
        digests: DigestPairs,
        readers: &mut WalkReaders<'a>,
        stop: &Stop,
    ) -> Result<WalkEnd> {
        let (first, second) = match digests {
            Ok(digests) => digests,
            Err(error) if error.sqlstate().is_some_and(|state| TOO_LARGE.contains(&state)) => {
                (Vec::new(), Vec::new())
            }
            Err(error) => return Err(error),
        };
        for (place, chunk) in chunks.iter().enumerate() {
            let ended = match (first.get(place), second.get(place)) {
                (Some(first), Some(second)) if first == second => {
                    self.chooser.note(false);
                    self.rows = (self.rows.0 + first.rows, self.rows.1 + second.rows);
                    self.pass(*chunk);
                    WalkEnd::Complete
                }
                _ => self.merge(*chunk, readers, stop).await?,
            };
            if ended != WalkEnd::Complete {
                return Ok(ended);
            }
        }
        Ok(WalkEnd::Complete)
    }

    /// Everything up to the end of this range is compared.
    fn pass(&mut self, range: IdRange) {
        self.at = Some(range.through);
        if self.doubted.is_empty() && self.undecided.is_empty() {
            self.safe = Some((range.through, self.rows, self.sink.tally.clone()));
        }
        self.sink.progress(self.rows.0);
    }

    async fn merge(
        &mut self,
        range: IdRange,
        readers: &mut WalkReaders<'a>,
        stop: &Stop,
    ) -> Result<WalkEnd> {
        let found_before = self.found_so_far();
        let mut rest = range;
        loop {
            match self.merge_some(rest, readers, stop).await? {
                MergeEnd::All => break,
                MergeEnd::Interrupted => return Ok(WalkEnd::Interrupted),
                // The readers are free now, and can be asked again about what is doubtful.
                MergeEnd::Through(id) => {
                    if self.read_again(readers, stop).await? == WalkEnd::Interrupted {
                        return Ok(WalkEnd::Interrupted);
                    }
                    if self.sink.is_enough(0) {
                        return Ok(WalkEnd::Enough);
                    }
                    rest.after = Some(id);
                }
            }
        }
        readers.rest();
        self.chooser.note(self.found_so_far() > found_before);
        self.sink.flush().await?;
        self.pass(range);
        Ok(WalkEnd::Complete)
    }

    /// Merges until as many differences as were asked for may have been found.
    async fn merge_some(
        &mut self,
        range: IdRange,
        readers: &mut WalkReaders<'a>,
        stop: &Stop,
    ) -> Result<MergeEnd> {
        let (first, second) = readers.tables().await?;
        let before = self.rows;
        let mut merge = RowMerge::of(first, second, range);
        loop {
            let Some(unlike) = stop.or(merge.next()).await else {
                return Ok(MergeEnd::Interrupted);
            };
            let rows = merge.rows();
            self.rows = (before.0 + rows.0, before.1 + rows.1);
            let Some(unlike) = unlike? else { return Ok(MergeEnd::All) };
            let difference = self.class(&unlike);
            let id = difference.id;
            self.at = Some(id);
            self.sink.progress(self.rows.0);
            self.take(difference).await?;
            if self.sink.is_enough(self.doubted.len() as u64) {
                return Ok(MergeEnd::Through(id));
            }
        }
    }

    fn found_so_far(&self) -> u64 {
        self.sink.tally.total() + self.doubted.len() as u64
    }

    pub(super) fn class(&self, unlike: &RowMismatch) -> Difference {
        let columns = self.task.columns;
        class::difference(unlike, &columns.compared, columns.wire.format)
    }

    /// A row that one side lacks may be there a moment later: while the tables are written in an
    /// order that is not known or not decided, above the fence, and at a side that may be late,
    /// which may still have one too.
    async fn take(&mut self, difference: Difference) -> Result<()> {
        if difference.class == DifferenceClass::Extra && self.has_let_go(difference.id).await? {
            return Ok(());
        }
        let fence = self.task.fence;
        let is_on_its_way = fence.through.is_none_or(|through| difference.id > through);
        let is_in_doubt = fence.doubt != FenceDoubt::Nothing
            || is_on_its_way
            || self.why_undecided(&difference).is_some();
        let is_doubtful = is_in_doubt && !matches!(difference.class, DifferenceClass::Changed(_));
        if is_doubtful && self.doubted.len() < DOUBTED_MAX {
            let counted =
                if difference.class == DifferenceClass::Missing { (1, 0) } else { (0, 1) };
            self.doubted.push((difference.id, counted));
            return Ok(());
        }
        self.take_as_found(difference).await
    }
}

async fn digests<'a>(
    task: ComparisonTask<'a>,
    chunks: Vec<IdRange>,
    enough: &'a Stop,
) -> (Vec<IdRange>, DigestPairs) {
    let digests = both(
        enough,
        |stop| digests_of(task, task.first, &chunks, stop),
        |stop| digests_of(task, task.second, &chunks, stop),
    )
    .await;
    (chunks, digests)
}

async fn digests_of(
    task: ComparisonTask<'_>,
    side: &ComparisonSide,
    chunks: &[IdRange],
    stop: Stop,
) -> Result<Vec<ChunkDigest>> {
    let (limits, hashing) = ((ANSWER_MAX, &stop), task.columns.hashing);
    let chunks = chunks.to_vec();
    side.ask(task.columns, limits, move |store| {
        async move { store.chunk_digests(&chunks, hashing).await }.boxed()
    })
    .await
}

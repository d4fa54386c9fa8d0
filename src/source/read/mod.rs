//! The one read of the source: pages in id order, cut into batches. Nothing is decoded, nothing is
//! collected.
//!
//! A page is one statement, hence one snapshot; it lives `PAGE_MAX` at most. A page that ends
//! early, for whatever reason, is followed by one that begins after the last row taken: rows at or
//! below the mark are immutable and all visible, so it makes no difference where pages meet.

pub mod batcher;
mod page;
mod plan;
pub mod prefetch;
mod selected;
pub mod sessions;

use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::{DurabilityFuture, FeedItem};
use crate::event::frame::{self, FramedRow};
use crate::fail;
use crate::source::durability::DurabilityGate;
use crate::source::read::batcher::{BatchCutter, CHUNK_BYTES, CutterStop, HighWaterMark};
use crate::source::read::page::{ReadPage, cannot_read, stalled};
use crate::source::read::plan::SelectedEnd;
use crate::source::read::sessions::{LentSession, ReadSession, ReadSessions};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use std::time::{Duration, Instant};

pub use page::{FirstPages, FirstRows};
pub use plan::ReadPlan;

/// No snapshot of ours lives longer than this on the source.
pub(crate) const PAGE_MAX: Duration = Duration::from_secs(20);
/// A cancel that is not answered within this time costs the connection.
const CANCEL_MAX: Duration = Duration::from_secs(5);
/// Pages grow and shrink so that one takes between these.
const PAGE_QUICK: Duration = Duration::from_secs(1);
const PAGE_SLOW: Duration = Duration::from_secs(3);
const PAGE_ROWS_MIN: u64 = 20_000;
const PAGE_ROWS_MAX: u64 = 1_000_000;
/// Where rows are larger than this on average, a page is one row: the driver reads ahead within a
/// page, and would hold several more of them.
const LARGE_ROW_BYTES: usize = 1024 * 1024;

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// No visible row follows.
    NothingMore,
    /// The row that follows may not be shipped yet, or the time was up.
    Stopped(CutterStop),
}

impl ReadSessions {
    /// Reads the rows after a position, up to the mark, for about as long as `time_max`.
    pub fn batches<'a>(
        &'a self,
        read_plan: &'a ReadPlan,
        after: Option<i64>,
        mark: HighWaterMark,
        gate: &'a DurabilityGate,
        time_max: Duration,
    ) -> BatchReader<'a> {
        let decided = mark.decided();
        // Rows that follow each other are not neighbours.
        let mark = match read_plan.wire.rows {
            Some(_) => HighWaterMark::Decided(decided),
            None => mark,
        };
        BatchReader {
            cutter: BatchCutter::new(
                mark,
                read_plan.limits,
                after,
                Box::new(|is_followed| asked_in_time(gate.durable(), is_followed)),
            ),
            first: None,
            seen: (0, 0),
            readers: self,
            lent: None,
            read_plan,
            page: None,
            is_opening: false,
            has_begun: false,
            ended: None,
            until: Instant::now() + time_max,
            through: None,
            decided,
        }
    }
}

/// The batches of one read, pulled item by item. Dropping a [`BatchReader::next`] that was not
/// finished loses nothing.
pub struct BatchReader<'a> {
    readers: &'a ReadSessions,
    lent: Option<LentSession>,
    read_plan: &'a ReadPlan,
    cutter: BatchCutter<'a>,
    /// Rows that were read along with the look.
    first: Option<FirstRows>,
    /// Rows and bytes so far.
    seen: (u64, u64),
    page: Option<ReadPage>,
    /// A page was asked for and has not begun: its rows may be on their way.
    is_opening: bool,
    /// Whether a page was asked for: the first one is asked for otherwise than the others.
    has_begun: bool,
    ended: Option<ReadEnd>,
    until: Instant,
    /// Of rows that a condition selects: every one up to this id was read.
    through: Option<i64>,
    /// Up to where every id is decided.
    decided: Option<i64>,
}

impl BatchReader<'_> {
    /// Begins with rows that are at hand, if they are those that would be read first.
    #[must_use]
    pub fn beginning_with(mut self, first: Option<FirstRows>) -> Self {
        self.first = first.filter(|first| {
            Some(first.after) == self.cutter.previous() && first.wire == self.read_plan.wire
        });
        self
    }

    /// How large rows are on average; `None` before the first.
    pub fn row_bytes(&self) -> Option<u64> {
        let (rows, bytes) = self.seen;
        bytes.checked_div(rows)
    }

    /// The next item; `None` once the read has ended.
    ///
    /// # Errors
    /// Those of the server and of the connection; the batch in hand must be rolled back then.
    pub async fn next(&mut self) -> Result<Option<FeedItem>> {
        loop {
            if let Some(item) = self.cutter.next_item() {
                return Ok(Some(item));
            }
            if self.ended.is_some() {
                return Ok(None);
            }
            if let Some(stopped) = self.cutter.stopped() {
                self.pause().await;
                self.ended = Some(ReadEnd::Stopped(stopped));
                continue;
            }
            self.advance().await?;
        }
    }

    /// How the read ended; `None` while it goes on.
    pub fn ended(&self) -> Option<ReadEnd> {
        self.ended
    }

    /// Groups that were cut because they grew beyond their limit.
    pub fn group_cuts(&self) -> u64 {
        self.cutter.group_cuts()
    }

    /// Id of the last row taken.
    pub fn taken(&self) -> Option<i64> {
        self.cutter.previous()
    }

    /// Id of the last row of the last batch that was closed.
    pub fn shipped(&self) -> Option<i64> {
        self.cutter.shipped()
    }

    /// Up to which id nothing is left to read for those who share this read.
    pub fn through(&self) -> Option<i64> {
        match self.ended {
            Some(ReadEnd::NothingMore) => self.shipped().max(self.through),
            Some(ReadEnd::Stopped(CutterStop::AtMark { is_within_group: false, .. })) => {
                self.shipped().max(self.through.min(self.decided))
            }
            _ => self.shipped(),
        }
    }

    /// Whether a statement runs on the source now.
    pub fn is_reading(&self) -> bool {
        self.page.is_some()
    }

    /// Ends the page in hand, so that nothing is held on the source while the lanes are busy. The
    /// next item begins another page.
    pub async fn pause(&mut self) {
        if std::mem::take(&mut self.is_opening) {
            self.lent = None;
        }
        let Some(mut page) = self.page.take() else {
            return self.give_back();
        };
        let Some(lent) = &self.lent else { return };
        if !page.ends_soon().await {
            drop(page);
            lent.reader.session.cancel().await;
            // The answer to an empty statement comes after everything that was still on its way; a
            // late cancel hits this one.
            if tokio::time::timeout(CANCEL_MAX, lent.reader.session.simple_query("")).await.is_err()
            {
                self.lent = None;
            }
        }
        self.give_back();
    }

    fn give_back(&mut self) {
        if let Some(lent) = self.lent.take() {
            self.readers.take_back(lent);
        }
    }

    async fn advance(&mut self) -> Result<()> {
        if Instant::now() >= self.until {
            self.cutter.stop_soon();
        }
        if self.page.as_ref().is_some_and(|page| page.since.elapsed() > PAGE_MAX) {
            self.pause().await;
        }
        if let Some(first) = self.first.take() {
            return self.take_first(first);
        }
        let Some(lent) = &mut self.lent else {
            self.lent = Some(self.readers.lend().await?);
            return Ok(());
        };
        let Some(page) = &mut self.page else {
            self.is_opening = true;
            let page = open_page(
                &mut lent.reader,
                self.read_plan,
                self.cutter.previous().max(self.through),
                !self.has_begun,
            )
            .await?;
            (self.is_opening, self.has_begun) = (false, true);
            self.page = Some(page);
            return Ok(());
        };
        let session = &lent.reader.session;
        let mut arrived = Some(stalled(session, page.stream.next()).await?);
        let mut taken = 0;
        // What has arrived already is taken without looking at the clock for each row.
        while let Some(next) = arrived {
            match next {
                Some(Ok(bytes)) => {
                    taken += bytes.len();
                    page.bytes_seen += bytes.len() as u64;
                    // A large row is taken out of the driver's buffer.
                    let is_to_move = page.is_borrowed && bytes.len() > LARGE_ROW_BYTES;
                    page.push(if is_to_move { Bytes::copy_from_slice(&bytes) } else { bytes });
                    while let Some(row) = page.next_row(self.read_plan)? {
                        page.rows_seen += 1;
                        take(&mut self.cutter, &mut self.seen, &row)
                            .map_err(|id| out_of_order(session.place(), self.read_plan, id))?;
                    }
                }
                Some(Err(error)) => return Err(cannot_read(session, self.read_plan, &error)),
                None => return self.end_page(),
            }
            arrived = if taken < CHUNK_BYTES { page.stream.next().now_or_never() } else { None };
        }
        Ok(())
    }

    fn take_first(&mut self, first: FirstRows) -> Result<()> {
        self.has_begun = true;
        let durable = first.durable;
        let of_pages = self
            .cutter
            .ask(Box::new(move |is_followed| asked_in_time(durable.clone(), is_followed)));
        for bytes in &first.rows {
            for row in frame::rows_of(bytes, self.read_plan.layout)? {
                take(&mut self.cutter, &mut self.seen, &row)
                    .map_err(|id| out_of_order(&self.readers.place(), self.read_plan, id))?;
            }
        }
        if first.is_end {
            self.end();
        }
        drop(self.cutter.ask(of_pages));
        Ok(())
    }

    /// No row follows.
    fn end(&mut self) {
        self.cutter.end();
        self.ended = Some(self.cutter.stopped().map_or(ReadEnd::NothingMore, ReadEnd::Stopped));
    }

    /// A page of selected rows has ended: others of the table may follow.
    fn end_selected(&mut self, end: SelectedEnd) {
        self.through = self.through.max(end.through);
        if end.is_last {
            self.end();
            // What follows the mark is not selected today, and what will appear there may be.
            if let (Some(ReadEnd::NothingMore), Some(next)) = (self.ended, self.through)
                && self.through > self.decided
            {
                let stop = CutterStop::AtMark { next, is_within_group: false };
                self.ended = Some(ReadEnd::Stopped(stop));
            }
        }
    }

    fn end_page(&mut self) -> Result<()> {
        let Some(mut page) = self.page.take() else { return Ok(()) };
        page.finish(self.read_plan)?;
        fail::point!("source.page-read");
        if page.rows_seen < page.rows_max {
            match page.end {
                Some(end) => self.end_selected(end),
                None => self.end(),
            }
        }
        if self.ended.is_some() {
            self.give_back();
            return Ok(());
        }
        let Some(lent) = &mut self.lent else { return Ok(()) };
        if page.bytes_seen / page.rows_seen.max(1) > LARGE_ROW_BYTES as u64 {
            lent.reader.rows_max = 1;
            return Ok(());
        }
        if page.rows_max != lent.reader.rows_max {
            return Ok(());
        }
        let rows_max = match page.since.elapsed() {
            elapsed if elapsed < PAGE_QUICK => page.rows_max * 2,
            elapsed if elapsed > PAGE_SLOW => page.rows_max / 2,
            _ => page.rows_max,
        };
        lent.reader.rows_max = rows_max.clamp(PAGE_ROWS_MIN, PAGE_ROWS_MAX);
        Ok(())
    }
}

/// Where no batch follows it is asked now, while the destinations begin.
fn asked_in_time(durable: DurabilityFuture, is_followed: bool) -> DurabilityFuture {
    if !is_followed && durable.peek().is_none() {
        tokio::spawn(durable.clone());
    }
    durable
}

/// Gives a row to the cutter.
///
/// # Errors
/// Its id, when that is not above those before.
fn take(
    cutter: &mut BatchCutter<'_>,
    (rows, bytes): &mut (u64, u64),
    row: &FramedRow,
) -> std::result::Result<(), i64> {
    if cutter.previous() >= Some(row.id) {
        return Err(row.id);
    }
    (*rows, *bytes) = (*rows + 1, *bytes + row.bytes.len() as u64);
    cutter.push(row);
    Ok(())
}

/// Every page asks for rows above a position in ascending order: another answer is that of a
/// damaged index, or of no PostgreSQL.
fn out_of_order(place: &str, read_plan: &ReadPlan, id: i64) -> Error {
    Error::new(ErrorKind::Order, format!("the source sent event {id} out of order, or twice"))
        .at(format!("{place}, {}", read_plan.table))
        .because("its index of the id does not give the ids in ascending order")
        .fix(
            "nothing of this batch was written; check the index there (amcheck) and REINDEX it, \
             then start again",
        )
}

async fn open_page(
    reader: &mut ReadSession,
    read_plan: &ReadPlan,
    after: Option<i64>,
    is_first: bool,
) -> Result<ReadPage> {
    let ReadSession { session, first_pages, rows_max } = reader;
    if read_plan.wire.rows.is_some() {
        return stalled(session, ReadPage::selected(session, read_plan, after, *rows_max)).await?;
    }
    // A few rows are no few bytes where each is large.
    if is_first
        && *rows_max > 1
        && let Some(page) =
            stalled(session, ReadPage::first(session, first_pages, read_plan, after)).await??
    {
        return Ok(page);
    }
    stalled(session, ReadPage::copied(session, read_plan, after, *rows_max)).await?
}

//! A PostgreSQL table as destination of several concurrent COPYs, each in a transaction and a
//! session of its own over the next batch. Commits stay strictly in the order of ids, so a reader
//! sees a prefix at every moment. `destination::postgres::commit_order` decides, this does the I/O.
//!
//! Nothing is lost, doubled or reordered for the same reasons as with one writer (see
//! [`crate::destination::postgres`]): every commit happens under the fence, on top of the position
//! its rows follow, asked in a statement after the fence was taken; a batch that began ahead of its
//! turn takes the fence when the one before it was acknowledged, and looks below and above its own
//! rows. After an error those before it are still committed, all later ones are rolled back by
//! closing their sessions, and the position is asked again.

use crate::destination::Destination;
use crate::destination::appender::{cut_off, rows_after};
use crate::destination::feed::{Feed, WorkGuard};
use crate::destination::postgres::commit_order::{CommitCondition, CommitOrder, TransactionStart};
use crate::destination::postgres::seat::{TransactionStep, WriterSeat};
use crate::destination::postgres::target::AppendTarget;
use crate::destination::postgres::target::CommitDurability;
use crate::destination::postgres::transaction::TransactionWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::FeedItem;
use crate::fail;
use crate::postgres::session::Session;
use crate::stop::{self, Stop};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// After so long without any step it is looked whether the oldest transaction waits for a later
/// one, which would wait for ever.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long that look may take; `append_timeout_ms` bounds the wait all the same.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct ConcurrentDestination {
    /// Holds the table's session lock, asks for the position, and looks who waits for whom.
    control: Session,
    to: AppendTarget,
    writers: Vec<(Arc<TransactionWriter>, i32)>,
    position: Option<i64>,
}

impl ConcurrentDestination {
    /// Prepares the sessions: `control` holds the table's session lock, each of the others writes.
    pub async fn new(control: Session, writing: Vec<Session>, to: AppendTarget) -> Result<Self> {
        let prepared = writing.into_iter().map(|session| prepare(session, to.clone()));
        let writers = futures::future::try_join_all(prepared).await?;
        let mut destination = Self { control, to, writers, position: None };
        if destination.ask_position().await?.is_some() {
            // What the sessions before these left behind may not be on disk.
            if let Some((writer, _)) = destination.writers.first() {
                writer.flush().await?;
            }
        }
        Ok(destination)
    }

    /// The position after the last commit, without asking.
    pub fn known_position(&self) -> Option<i64> {
        self.position
    }

    async fn ask_position(&mut self) -> Result<Option<i64>> {
        let row = self.control.query_one(&self.to.ask_position(), &[]).await;
        self.position = row.map_err(|error| self.control.error(&error, self.to.what()))?.get(0);
        Ok(self.position)
    }

    async fn append_all(&mut self, feed: &mut Feed) -> Result<Option<i64>> {
        let writers = std::mem::take(&mut self.writers);
        if writers.is_empty() {
            return Err(Error::new(ErrorKind::Bug, "a destination was used on after an error")
                .at(self.control.place()));
        }
        let append = FeedAppend {
            control: &self.control,
            feed,
            order: CommitOrder::new(writers.len(), self.position),
            position: self.position,
            seats: writers.into_iter().map(WriterSeat::new).collect(),
            steps: FuturesUnordered::new(),
            filling: None,
            is_fed: true,
            last_commit: CommitDurability::Durable,
            error: None,
        };
        (self.position, self.writers) = append.run().await?;
        Ok(self.position)
    }
}

impl Destination for ConcurrentDestination {
    fn append<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Result<Option<i64>>> {
        self.append_all(feed).boxed()
    }

    fn death(&self) -> Option<Error> {
        let control = self.control.death().map(|death| death.while_doing(self.to.what()));
        control.or_else(|| self.writers.iter().find_map(|(writer, _)| writer.death()))
    }
}

async fn prepare(session: Session, to: AppendTarget) -> Result<(Arc<TransactionWriter>, i32)> {
    let asked = session.query_one(include_str!("../../../sql/session/own_pid.sql"), &[]).await;
    let pid =
        asked.map_err(|error| session.error(&error, "cannot ask a session for its number"))?.get(0);
    Ok((Arc::new(TransactionWriter::new(session, to).await?), pid))
}

/// One append: from the first item of a feed to its end, or to the first error.
struct FeedAppend<'a> {
    control: &'a Session,
    feed: &'a mut Feed,
    order: CommitOrder,
    /// The position at its beginning: rows up to here are skipped.
    position: Option<i64>,
    seats: Vec<WriterSeat>,
    steps: FuturesUnordered<BoxFuture<'static, (usize, Result<TransactionStep>)>>,
    /// The seat of the batch whose end was not given yet.
    filling: Option<usize>,
    is_fed: bool,
    last_commit: CommitDurability,
    error: Option<Error>,
}

impl FeedAppend<'_> {
    async fn run(mut self) -> Result<(Option<i64>, Vec<(Arc<TransactionWriter>, i32)>)> {
        let mut waiting = None;
        loop {
            if let Some(item) = waiting.take() {
                waiting = self.seat(item);
            }
            self.commit_next();
            let is_over = self.error.is_some() || (!self.is_fed && self.steps.is_empty());
            if is_over && self.order.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some((seat_index, step)) = self.steps.next(), if !self.steps.is_empty() => self.take(seat_index, step),
                item = self.feed.prefetch(), if self.is_fed && waiting.is_none() => match item {
                    Some(item) => waiting = self.seat(item),
                    None => self.end_feed(),
                },
                () = tokio::time::sleep(LOOK_AFTER) => self.look_who_waits().await,
            }
        }
        match self.error {
            Some(error) => Err(error),
            None => {
                let any = self.seats.iter().find_map(|seat| seat.writer.as_ref());
                if let (CommitDurability::Soon, Some(writer)) = (self.last_commit, any) {
                    self.feed.run_final(writer.flush()).await?;
                }
                let writers =
                    self.seats.into_iter().filter_map(|seat| Some((seat.writer?, seat.pid)));
                Ok((self.order.position(), writers.collect()))
            }
        }
    }

    /// Hands an item to the writer of its batch; gives it back while no writer is free.
    fn seat(&mut self, (item, guard): (FeedItem, WorkGuard)) -> Option<(FeedItem, WorkGuard)> {
        match &item {
            FeedItem::Rows(chunk)
                if self.position.is_some_and(|position| position >= chunk.last_id) =>
            {
                return None;
            }
            FeedItem::Rows(chunk) if self.filling.is_none() => {
                let Some((seat_index, start)) = self.order.begin(chunk.first_id) else {
                    return Some((item, guard));
                };
                self.begin(seat_index, start);
                self.filling = Some(seat_index);
            }
            FeedItem::Abort => {
                self.abandon();
                return None;
            }
            FeedItem::Rows(_) | FeedItem::Close(_) => {}
        }
        let seat_index = self.filling?;
        if let FeedItem::Close(_) = item {
            self.filling = None;
        }
        if let Some(items) = &self.seats[seat_index].items {
            // A writer that has failed takes nothing any more, which its step tells.
            let _ = items.send((item, guard));
        }
        None
    }

    fn begin(&mut self, seat_index: usize, start: TransactionStart) {
        let seat = &mut self.seats[seat_index];
        let Some(writer) = seat.writer.clone() else { return };
        let (items, received) = mpsc::unbounded_channel();
        let (cut, cut_seen) = stop::channel();
        (seat.items, seat.cut) = (Some(items), Some(cut));
        let position = self.position;
        let copy = async move {
            let copied = cut_seen.or(copy(&writer, start, received, position)).await;
            let copied = copied.unwrap_or_else(|| Err(cut_off()));
            (seat_index, copied.map_err(|error| judged(error, start)))
        };
        self.steps.push(copy.boxed());
    }

    /// The batch in hand cannot be completed: its writer rolls it back when it misses further
    /// items.
    fn abandon(&mut self) {
        if let Some(seat_index) = self.filling.take() {
            self.order.abandon(seat_index);
            self.seats[seat_index].items = None;
        }
    }

    fn end_feed(&mut self) {
        self.is_fed = false;
        match self.filling {
            Some(seat_index) if self.feed.cut().is_requested() => self.fail(seat_index, cut_off()),
            _ => self.abandon(),
        }
    }

    fn commit_next(&mut self) {
        let Some(commit) = self.order.next_commit() else { return };
        let seat_index = commit.seat_index;
        if let Some(death) = self.control.death() {
            return self.fail(
                seat_index,
                death.while_doing("the session that holds the destination was lost"),
            );
        }
        let Some(writer) = self.seats[seat_index].writer.clone() else {
            return;
        };
        let how = self.seats[seat_index]
            .arrived
            .as_ref()
            .map_or(CommitDurability::Durable, |(open, _)| open.commit);
        let end = async move {
            (
                seat_index,
                end(&writer, commit.standing, how).await.map(|()| TransactionStep::Committed),
            )
        };
        self.steps.push(end.boxed());
    }

    fn take(&mut self, seat_index: usize, step: Result<TransactionStep>) {
        match step {
            Ok(TransactionStep::Copied(open, guard)) => {
                self.order.copied(seat_index, open.last_id);
                self.seats[seat_index].arrived = Some((open, guard));
            }
            Ok(TransactionStep::Committed) => {
                self.order.committed(seat_index);
                if let Some((open, _)) = self.seats[seat_index].arrived.take() {
                    self.feed.committed(open.rows, open.bytes, open.last_id, open.began);
                    self.last_commit = open.commit;
                }
            }
            Ok(TransactionStep::RolledBack) => self.order.rolled_back(seat_index),
            Err(error) => self.fail(seat_index, error),
        }
    }

    /// Nothing is begun any more; this transaction and all later ones are rolled back, those before
    /// it go on.
    fn fail(&mut self, seat_index: usize, error: Error) {
        self.is_fed = false;
        let failed = self.order.failed(seat_index);
        if self.error.is_none() || !failed.is_empty() {
            self.error = Some(error);
        }
        for seat_index in failed {
            self.seats[seat_index].close();
        }
    }

    /// A later transaction may hold a lock (of a unique value, say) that the oldest waits for,
    /// itself or behind others (a second replicator that has the fence), while it waits for its
    /// turn: no deadlock that the server could see. Then the later ones are rolled back.
    async fn look_who_waits(&mut self) {
        let Some(oldest) = self.order.oldest() else { return };
        let later: Vec<usize> = self.order.later().collect();
        if later.is_empty() {
            return;
        }
        let pid = self.seats[oldest].pid;
        let asked = async {
            self.control
                .query_one(include_str!("../../../sql/destination/blocking_pids.sql"), &[&pid])
                .await
        };
        let Ok(Ok(row)) = tokio::time::timeout(LOOK_MAX, asked).await else {
            return;
        };
        let blocking: Vec<i32> = row.get(0);
        if let Some(seat_index) =
            later.into_iter().find(|seat_index| blocking.contains(&self.seats[*seat_index].pid))
        {
            let error = Error::new(
                ErrorKind::Unavailable,
                "a batch waited for a lock of a later one",
            )
            .at(self.control.place())
            .fix(
                "the later one was rolled back and is appended again; with writers = 1 batches \
                 never wait for each other",
            );
            self.fail(seat_index, error);
        }
    }
}

/// Appends the rows of one batch, up to its end or to the point where the items break off.
async fn copy(
    writer: &TransactionWriter,
    start: TransactionStart,
    mut items: mpsc::UnboundedReceiver<(FeedItem, WorkGuard)>,
    position: Option<i64>,
) -> Result<TransactionStep> {
    let never = Stop::never();
    let mut open = writer.within(&never, writer.begin(start)).await?;
    while let Some((item, guard)) = items.recv().await {
        match item {
            FeedItem::Rows(chunk) => {
                if let Some(rows) = rows_after(&chunk, writer.to().layout, position)? {
                    writer.send(&mut open, rows.bytes, rows.rows, rows.last_id, &never).await?;
                }
            }
            FeedItem::Close(close) => {
                let (arrived, durable) =
                    futures::join!(writer.arrive(&mut open, &close), close.durable.clone());
                arrived?;
                if let Err(error) = durable {
                    // The source cannot say whether it has the rows on disk: the destination is not
                    // to blame.
                    writer.roll_back(open).await?;
                    return Err(error.of_kind(ErrorKind::Upstream));
                }
                if let TransactionStart::Ahead(_) = start {
                    fail::point!("concurrent.copied-ahead");
                }
                return Ok(TransactionStep::Copied(open, guard));
            }
            FeedItem::Abort => break,
        }
    }
    writer.roll_back(open).await.map(|()| TransactionStep::RolledBack)
}

/// A value that is there already is the fault of a batch only if no other session could have
/// inserted it, that is, under the fence. Otherwise the batch is tried again, as the first one.
fn judged(error: Error, start: TransactionStart) -> Error {
    let is_there_already = matches!(error.sqlstate(), Some("23505" | "23P01"));
    if is_there_already && matches!(start, TransactionStart::Ahead(_)) {
        error.of_kind(ErrorKind::Unavailable)
    } else {
        error
    }
}

async fn end(
    writer: &TransactionWriter,
    standing: Option<CommitCondition>,
    how: CommitDurability,
) -> Result<()> {
    if let Some(standing) = standing {
        fail::point!("concurrent.turn-came");
        writer.confirm(standing).await?;
    }
    writer.commit(how).await
}

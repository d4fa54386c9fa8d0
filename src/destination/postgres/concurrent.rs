//! A PostgreSQL table as destination of several concurrent COPYs, each in a transaction and a session of its own over the next batch.
//! Commits stay strictly in the order of ids, so a reader sees a prefix at every moment. `destination::postgres::commit_order` decides, this does the I/O.
//!
//! Nothing is lost, doubled or reordered for the same reasons as with one writer (see [`crate::destination::postgres`]): every commit happens under the
//! fence, on top of the position its rows follow, asked in a statement after the fence was taken; a batch that began ahead of its turn
//! takes the fence when the one before it was acknowledged, and looks below and above its own rows. After an error those before it are
//! still committed, all later ones are rolled back by closing their sessions, and the position is asked again.

use crate::destination::Destination;
use crate::destination::appender::{cut_off, rows_after};
use crate::destination::feed::{Feed, Undone};
use crate::destination::postgres::commit_order::{Order, Standing, Start};
use crate::destination::postgres::target::Appending;
use crate::destination::postgres::target::Commit;
use crate::destination::postgres::transaction::{Open, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::FeedItem;
use crate::fail;
use crate::postgres::session::Session;
use crate::stop::{self, Stop, Stopper};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// After so long without any step it is looked whether the oldest transaction waits for a later one, which would wait for ever.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long that look may take; `append_timeout_ms` bounds the wait all the same.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct ConcurrentDestination {
    /// Holds the table's session lock, asks for the position, and looks who waits for whom.
    control: Session,
    to: Appending,
    writers: Vec<(Arc<Writer>, i32)>,
    position: Option<i64>,
}

impl ConcurrentDestination {
    /// Prepares the sessions: `control` holds the table's session lock, each of the others writes.
    pub async fn new(control: Session, writing: Vec<Session>, to: Appending) -> Result<Self> {
        let prepared = writing.into_iter().map(|session| prepare(session, to.clone()));
        let writers = futures::future::try_join_all(prepared).await?;
        let mut destination = Self {
            control,
            to,
            writers,
            position: None,
        };
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
            return Err(Error::new(ErrorKind::Bug, "a destination was used on after an error").at(self.control.place()));
        }
        let append = Append {
            control: &self.control,
            feed,
            order: Order::new(writers.len(), self.position),
            position: self.position,
            seats: writers.into_iter().map(Seat::new).collect(),
            steps: FuturesUnordered::new(),
            filling: None,
            is_fed: true,
            last_commit: Commit::Durable,
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

async fn prepare(session: Session, to: Appending) -> Result<(Arc<Writer>, i32)> {
    let asked = session.query_one(include_str!("../../../sql/session/own_pid.sql"), &[]).await;
    let pid = asked
        .map_err(|error| session.error(&error, "cannot ask a session for its number"))?
        .get(0);
    Ok((Arc::new(Writer::new(session, to).await?), pid))
}

/// One append: from the first item of a feed to its end, or to the first error.
struct Append<'a> {
    control: &'a Session,
    feed: &'a mut Feed,
    order: Order,
    /// The position at its beginning: rows up to here are skipped.
    position: Option<i64>,
    seats: Vec<Seat>,
    steps: FuturesUnordered<BoxFuture<'static, (usize, Result<Step>)>>,
    /// The slot of the batch whose end was not given yet.
    filling: Option<usize>,
    is_fed: bool,
    last_commit: Commit,
    error: Option<Error>,
}

/// A slot: its writer, and what it has in hand.
struct Seat {
    /// Nothing else owns it between two steps: without it, the session is closed and its transaction rolled back.
    writer: Option<Arc<Writer>>,
    pid: i32,
    items: Option<mpsc::UnboundedSender<(FeedItem, Undone)>>,
    cut: Option<Stopper>,
    arrived: Option<(Open, Undone)>,
}

/// What a transaction has come to.
enum Step {
    /// All rows arrived; the end of the batch is not done before its commit.
    Copied(Open, Undone),
    Committed,
    RolledBack,
}

impl Seat {
    fn new((writer, pid): (Arc<Writer>, i32)) -> Self {
        Self {
            writer: Some(writer),
            pid,
            items: None,
            cut: None,
            arrived: None,
        }
    }

    /// Rolls back whatever it has in hand, by closing its session.
    fn close(&mut self) {
        if let Some(cut) = self.cut.take() {
            cut.request();
        }
        (self.writer, self.items, self.arrived) = (None, None, None);
    }
}

impl Append<'_> {
    async fn run(mut self) -> Result<(Option<i64>, Vec<(Arc<Writer>, i32)>)> {
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
                Some((slot, step)) = self.steps.next(), if !self.steps.is_empty() => self.take(slot, step),
                item = self.feed.next_ahead(), if self.is_fed && waiting.is_none() => match item {
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
                if let (Commit::Soon, Some(writer)) = (self.last_commit, any) {
                    self.feed.at_last(writer.flush()).await?;
                }
                let writers = self.seats.into_iter().filter_map(|seat| Some((seat.writer?, seat.pid)));
                Ok((self.order.position(), writers.collect()))
            }
        }
    }

    /// Hands an item to the writer of its batch; gives it back while no writer is free.
    fn seat(&mut self, (item, undone): (FeedItem, Undone)) -> Option<(FeedItem, Undone)> {
        match &item {
            FeedItem::Rows(chunk) if self.position.is_some_and(|position| position >= chunk.last_id) => return None,
            FeedItem::Rows(chunk) if self.filling.is_none() => {
                let Some((slot, start)) = self.order.begin(chunk.first_id) else {
                    return Some((item, undone));
                };
                self.begin(slot, start);
                self.filling = Some(slot);
            }
            FeedItem::Abort => {
                self.abandon();
                return None;
            }
            FeedItem::Rows(_) | FeedItem::Close(_) => {}
        }
        let slot = self.filling?;
        if let FeedItem::Close(_) = item {
            self.filling = None;
        }
        if let Some(items) = &self.seats[slot].items {
            // A writer that has failed takes nothing any more, which its step tells.
            let _ = items.send((item, undone));
        }
        None
    }

    fn begin(&mut self, slot: usize, start: Start) {
        let seat = &mut self.seats[slot];
        let Some(writer) = seat.writer.clone() else { return };
        let (items, received) = mpsc::unbounded_channel();
        let (cut, cut_seen) = stop::channel();
        (seat.items, seat.cut) = (Some(items), Some(cut));
        let position = self.position;
        let copy = async move {
            let copied = cut_seen.or(copy(&writer, start, received, position)).await;
            let copied = copied.unwrap_or_else(|| Err(cut_off()));
            (slot, copied.map_err(|error| judged(error, start)))
        };
        self.steps.push(copy.boxed());
    }

    /// The batch in hand cannot be completed: its writer rolls it back when it misses further items.
    fn abandon(&mut self) {
        if let Some(slot) = self.filling.take() {
            self.order.abandon(slot);
            self.seats[slot].items = None;
        }
    }

    fn end_feed(&mut self) {
        self.is_fed = false;
        match self.filling {
            Some(slot) if self.feed.cut().is_requested() => self.fail(slot, cut_off()),
            _ => self.abandon(),
        }
    }

    fn commit_next(&mut self) {
        let Some(commit) = self.order.next_commit() else { return };
        let slot = commit.slot;
        if let Some(death) = self.control.death() {
            return self.fail(slot, death.while_doing("the session that holds the destination was lost"));
        }
        let Some(writer) = self.seats[slot].writer.clone() else { return };
        let how = self.seats[slot].arrived.as_ref().map_or(Commit::Durable, |(open, _)| open.commit);
        let end = async move { (slot, end(&writer, commit.standing, how).await.map(|()| Step::Committed)) };
        self.steps.push(end.boxed());
    }

    fn take(&mut self, slot: usize, step: Result<Step>) {
        match step {
            Ok(Step::Copied(open, undone)) => {
                self.order.copied(slot, open.last_id);
                self.seats[slot].arrived = Some((open, undone));
            }
            Ok(Step::Committed) => {
                self.order.committed(slot);
                if let Some((open, _)) = self.seats[slot].arrived.take() {
                    self.feed.committed(open.rows, open.bytes);
                    self.last_commit = open.commit;
                }
            }
            Ok(Step::RolledBack) => self.order.rolled_back(slot),
            Err(error) => self.fail(slot, error),
        }
    }

    /// Nothing is begun any more; this transaction and all later ones are rolled back, those before it go on.
    fn fail(&mut self, slot: usize, error: Error) {
        self.is_fed = false;
        let failed = self.order.failed(slot);
        if self.error.is_none() || !failed.is_empty() {
            self.error = Some(error);
        }
        for slot in failed {
            self.seats[slot].close();
        }
    }

    /// A later transaction may hold a lock (of a unique value, say) that the oldest waits for, itself or behind others (a second replicator
    /// that has the fence), while it waits for its turn: no deadlock that the server could see. Then the later ones are rolled back.
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
        if let Some(slot) = later.into_iter().find(|slot| blocking.contains(&self.seats[*slot].pid)) {
            let error = Error::new(ErrorKind::Unavailable, "a batch waited for a lock of a later one")
                .at(self.control.place())
                .fix("the later one was rolled back and is appended again; with writers = 1 batches never wait for each other");
            self.fail(slot, error);
        }
    }
}

/// Appends the rows of one batch, up to its end or to the point where the items break off.
async fn copy(
    writer: &Writer,
    start: Start,
    mut items: mpsc::UnboundedReceiver<(FeedItem, Undone)>,
    position: Option<i64>,
) -> Result<Step> {
    let never = Stop::never();
    let mut open = writer.within(&never, writer.begin(start)).await?;
    while let Some((item, undone)) = items.recv().await {
        match item {
            FeedItem::Rows(chunk) => {
                if let Some(rows) = rows_after(&chunk, writer.to().layout, position)? {
                    writer.send(&mut open, rows.bytes, rows.rows, rows.last_id, &never).await?;
                }
            }
            FeedItem::Close(close) => {
                let (arrived, durable) = futures::join!(writer.arrive(&mut open, &close), close.durable.clone());
                arrived?;
                if let Err(error) = durable {
                    // The source cannot say whether it has the rows on disk: the destination is not to blame.
                    writer.roll_back(open).await?;
                    return Err(error.of_kind(ErrorKind::Upstream));
                }
                if let Start::Ahead(_) = start {
                    fail::point!("concurrent.copied-ahead");
                }
                return Ok(Step::Copied(open, undone));
            }
            FeedItem::Abort => break,
        }
    }
    writer.roll_back(open).await.map(|()| Step::RolledBack)
}

/// A value that is there already is the fault of a batch only if no other session could have inserted it, that is, under the fence. Otherwise the batch
/// is tried again, as the first one.
fn judged(error: Error, start: Start) -> Error {
    let is_there_already = matches!(error.sqlstate(), Some("23505" | "23P01"));
    if is_there_already && matches!(start, Start::Ahead(_)) {
        error.of_kind(ErrorKind::Unavailable)
    } else {
        error
    }
}

async fn end(writer: &Writer, standing: Option<Standing>, how: Commit) -> Result<()> {
    if let Some(standing) = standing {
        fail::point!("concurrent.turn-came");
        writer.confirm(standing).await?;
    }
    writer.commit(how).await
}

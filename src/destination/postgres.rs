//! A PostgreSQL table as destination: one transaction a batch, of fence, expected position, COPY, row count and commit.
//!
//! Why nothing is lost, doubled or reordered: the fence (an advisory lock of the transaction) lets one replicator at a time between
//! its look at the position and its commit; the look is a statement after the lock, so it sees everything committed before; a batch
//! is only committed on top of the position its rows follow; and the position is the data itself. If the outcome of a commit is
//! unknown, the position asked anew tells it.

use crate::destination::Destination;
use crate::error::{Error, Kind, Result};
use crate::event::batch::{Chunk, Close, Item};
use crate::event::compatible::Wire;
use crate::event::feed::Feed;
use crate::event::frame::{self, Format, Layout};
use crate::event::range::{IdRange, shown};
use crate::event::table::TableName;
use crate::postgres::connect::Session;
use crate::sql;
use crate::stop::Stop;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio_postgres::{CopyInSink, SimpleQueryMessage, Statement};

/// A larger row is sent in pieces, so that it is not copied as a whole once more.
const PIECE_BYTES: usize = 64 * 1024;

/// Where and how rows are appended.
#[derive(Clone, Debug)]
pub struct Appending {
    /// The event table.
    pub table: TableName,
    /// Its oid: the second key of the locks.
    pub oid: u32,
    /// Its key.
    pub id_column: String,
    /// Columns and form.
    pub wire: Wire,
    /// Where the id is in a row.
    pub layout: Layout,
    /// Without progress for this long a transaction is given up (`append_timeout_ms`).
    pub stall_max: Duration,
}

/// A session that appends to one table.
#[derive(Debug)]
pub struct PostgresDestination {
    session: Session,
    to: Appending,
    copy: Statement,
    begin: String,
    /// What the table's columns were when they were compared with the source's.
    fingerprint: Option<String>,
    position: Option<i64>,
}

/// The transaction in hand.
struct Open {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    rows: u64,
    bytes: u64,
    last_id: i64,
}

impl PostgresDestination {
    /// Prepares a session that holds the table's session lock, and asks for the position.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn new(session: Session, to: Appending) -> Result<Self> {
        let oid = to.oid.cast_signed().to_string();
        let columns = to.wire.column_list();
        let fingerprint = sql::fingerprint(to.oid);
        let names = [
            ("schema", sql::text(&to.table.schema)),
            ("table", sql::text(&to.table.name)),
            ("id", sql::text(&to.id_column)),
            ("oid", sql::sql(&oid)),
            ("fence", sql::sql(sql::LOCK_FENCE.to_string())),
            ("columns", sql::sql(&columns)),
            ("format", sql::sql(to.wire.format_option())),
            ("fingerprint", sql::sql(fingerprint.clone() + ";")),
        ];
        let copy = sql::fill(include_str!("../../sql/destination/append.sql"), &names);
        let begin = sql::fill(include_str!("../../sql/destination/begin.sql"), &names);
        let ask = sql::fill(include_str!("../../sql/destination/position.sql"), &names);
        let failed = |error| session.error(&error, format!("cannot append to {}", to.table));
        let copy = session.prepare(&copy).await.map_err(failed)?;
        let position = session.query_one(&ask, &[]).await.map_err(failed)?.get(0);
        let fingerprint = session.query_one(&fingerprint, &[]).await.map_err(failed)?.get(0);
        Ok(Self {
            session,
            to,
            copy,
            begin,
            fingerprint,
            position,
        })
    }

    /// The session, for checks between two appends.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The position after the last commit, without asking.
    pub fn known_position(&self) -> Option<i64> {
        self.position
    }

    async fn append_all(&mut self, feed: &mut Feed) -> Result<Option<i64>> {
        let mut open: Option<Open> = None;
        while let Some(item) = feed.next().await {
            match item {
                Item::Rows(chunk) => self.take(&mut open, chunk, &feed.cut()).await?,
                Item::Close(close) => {
                    if let Some(open) = open.take() {
                        self.commit(open, close, feed).await?;
                    }
                }
                Item::Abort => self.roll_back(open.take()).await?,
            }
        }
        match open {
            Some(_) if feed.cut().is_requested() => Err(Error::new(Kind::Stopped, "cut off in the middle of a batch")),
            open => self.roll_back(open).await.map(|()| self.position),
        }
    }

    async fn take(&mut self, open: &mut Option<Open>, chunk: Chunk, cut: &Stop) -> Result<()> {
        let (bytes, rows) = match self.position {
            Some(position) if position >= chunk.last_id => return Ok(()),
            Some(position) if position >= chunk.first_id => frame::rows_after(&chunk.bytes, self.to.layout, position)?,
            _ => (chunk.bytes.clone(), chunk.rows),
        };
        if open.is_none() {
            *open = Some(self.within(cut, self.begin()).await?);
        }
        let Some(open) = open else { return Ok(()) };
        open.rows += rows;
        open.bytes += bytes.len() as u64;
        open.last_id = chunk.last_id;
        self.send(&mut open.sink, bytes, cut).await
    }

    async fn send(&self, sink: &mut Pin<Box<CopyInSink<Bytes>>>, mut bytes: Bytes, cut: &Stop) -> Result<()> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            self.within(cut, async { sink.feed(piece).await.map_err(|error| self.failed(&error)) })
                .await?;
        }
        Ok(())
    }

    /// Begin, fence, position and the start of the COPY in one flush. No row is sent before the position was compared.
    async fn begin(&self) -> Result<Open> {
        let mut begun = pin!(self.session.simple_query(&self.begin));
        let early = futures::poll!(begun.as_mut());
        let copying = self.session.copy_in::<_, Bytes>(&self.copy);
        let (begun, copying) = match early {
            Poll::Ready(begun) => (begun, copying.await),
            Poll::Pending => futures::join!(begun, copying),
        };
        let begun = begun.map_err(|error| self.failed(&error))?;
        self.confirm_position(&begun)?;
        let mut sink = Box::pin(copying.map_err(|error| self.failed(&error))?);
        if self.to.wire.format == Format::Binary {
            let header = Bytes::from_static(frame::HEADER);
            sink.feed(header).await.map_err(|error| self.failed(&error))?;
        }
        Ok(Open {
            sink,
            rows: 0,
            bytes: 0,
            last_id: 0,
        })
    }

    fn confirm_position(&self, begun: &[SimpleQueryMessage]) -> Result<()> {
        let row = |message: &SimpleQueryMessage| {
            if let SimpleQueryMessage::Row(row) = message {
                Some(row.get(0).map(str::to_owned))
            } else {
                None
            }
        };
        let answers: Vec<Option<String>> = begun.iter().filter_map(row).collect();
        let [_, position, fingerprint] = answers.as_slice() else {
            return Err(Error::new(Kind::Bug, "the begin of a batch was answered oddly").at(self.place()));
        };
        let found: Option<i64> = position.as_deref().and_then(|text| text.parse().ok());
        if found != self.position {
            return Err(Error::new(Kind::Unavailable, "the destination has moved: somebody else changed it")
                .at(self.place())
                .because(format!("its highest id is {}, {} was expected", shown(found), shown(self.position)))
                .fix("nothing of this batch was written; source and destination are compared anew"));
        }
        if *fingerprint != self.fingerprint {
            return Err(Error::new(Kind::Unavailable, "the columns of the destination's table have changed")
                .at(self.place())
                .fix("nothing of this batch was written; source and destination are compared anew"));
        }
        Ok(())
    }

    async fn commit(&mut self, mut open: Open, close: Close, feed: &Feed) -> Result<()> {
        let never = Stop::never();
        if open.last_id != close.last_id {
            return Err(Error::new(Kind::Bug, "a batch ends with another row than the one that arrived last").at(self.place()));
        }
        let (rows, durable) = futures::join!(self.within(&never, self.finish(&mut open)), close.durable);
        let rows = rows?;
        if rows != open.rows {
            return Err(Error::new(Kind::Rejected, "the destination did not take every row")
                .at(format!("{}, {}", self.place(), self.range(&open)))
                .because(format!("{} rows were sent, {rows} arrived", open.rows))
                .fix("remove the trigger or rule that swallows rows; nothing of this batch was written"));
        }
        if let Err(error) = durable {
            // The source cannot say whether it has the rows on disk: the batch is not committed, and the destination is not to blame.
            self.end(&never, "rollback").await?;
            return Err(error.of_kind(Kind::Upstream));
        }
        self.end(&never, "commit").await?;
        self.position = Some(open.last_id);
        feed.committed(open.rows, open.bytes);
        Ok(())
    }

    async fn finish(&self, open: &mut Open) -> Result<u64> {
        if self.to.wire.format == Format::Binary {
            let trailer = Bytes::from_static(frame::TRAILER);
            open.sink.feed(trailer).await.map_err(|error| self.failed(&error))?;
        }
        let finished = open.sink.as_mut().finish().await;
        finished.map_err(|error| self.failed(&error).at(format!("{}, {}", self.place(), self.range(open))))
    }

    async fn roll_back(&self, open: Option<Open>) -> Result<()> {
        let Some(open) = open else { return Ok(()) };
        drop(open);
        self.end(&Stop::never(), "rollback").await
    }

    async fn end(&self, cut: &Stop, how: &str) -> Result<()> {
        self.within(cut, async {
            self.session.batch_execute(how).await.map_err(|error| self.failed(&error))
        })
        .await
    }

    fn range(&self, open: &Open) -> IdRange {
        IdRange {
            after: self.position,
            through: open.last_id,
        }
    }

    /// Gives up when the destination makes no progress, or when it is cut off.
    async fn within<T>(&self, cut: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
        let limited = tokio::time::timeout(self.to.stall_max, work);
        match cut.or(limited).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::new(Kind::Unavailable, format!("cannot append to {}", self.to.table))
                .at(self.place())
                .because(format!("no progress for {} ms", self.to.stall_max.as_millis()))
                .fix("nothing of this batch was written, or its commit is asked for; append_timeout_ms sets the limit")),
            None => Err(Error::new(Kind::Stopped, "cut off in the middle of a batch")),
        }
    }

    fn failed(&self, error: &tokio_postgres::Error) -> Error {
        self.session.error(error, format!("cannot append to {}", self.to.table))
    }

    fn place(&self) -> String {
        format!("{} {}", self.session.place(), self.to.table)
    }
}

impl Destination for PostgresDestination {
    fn position(&mut self) -> BoxFuture<'_, Result<Option<i64>>> {
        let names = [
            ("schema", sql::text(self.to.table.schema.clone())),
            ("table", sql::text(self.to.table.name.clone())),
            ("id", sql::text(self.to.id_column.clone())),
        ];
        let ask = sql::fill(include_str!("../../sql/destination/position.sql"), &names);
        async move {
            let row = self.session.query_one(&ask, &[]).await.map_err(|error| self.failed(&error))?;
            self.position = row.get(0);
            Ok(self.position)
        }
        .boxed()
    }

    fn append<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Result<Option<i64>>> {
        self.append_all(feed).boxed()
    }
}

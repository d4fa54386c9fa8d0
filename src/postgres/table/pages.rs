//! The rows of an event table, read by COPY in id order, page by page: one transaction each, with the table's lock before the snapshot.

use crate::error::{Error, Kind, Result};
use crate::event::frame::{Layout, Row, Rows};
use crate::event::range::IdRange;
use crate::event::store::EventStore;
use crate::postgres::connect::Session;
use crate::postgres::table::store::PgTable;
use crate::sql::{self, TableName};
use futures::{Stream, StreamExt};
use std::borrow::Borrow;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres::CopyOutStream;

/// Rows of one page, so that no snapshot lives long. It makes no difference to events, which never change, where pages meet.
const PAGE_ROWS_MAX: u64 = 100_000;
/// Without a byte for this long, the read is given up.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Begins a page: the session follows the index of the id as long as it lasts. One that was given up on its way is ended first.
///
/// # Errors
/// What the connection or the server says.
pub async fn begin(
    session: &Session,
    (table, id_column): (&TableName, &str),
    copy: &str,
    is_open: &AtomicBool,
) -> Result<Pin<Box<CopyOutStream>>, tokio_postgres::Error> {
    if is_open.swap(true, Ordering::Relaxed) {
        session.batch_execute("rollback").await?;
    }
    let names = [
        ("schema", sql::text(&table.schema)),
        ("table", sql::text(&table.name)),
        ("id", sql::text(id_column)),
    ];
    let begin = sql::fill(sql::without_header(include_str!("../../../sql/table/begin_page.sql")), &names);
    // Sent in this order, in one flush.
    let (begun, stream) = futures::join!(session.batch_execute(&begin), session.copy_out(copy));
    begun?;
    stream.map(Box::pin)
}

/// Ends a page whose stream has ended.
///
/// # Errors
/// What the connection or the server says.
pub async fn end(session: &Session, is_open: &AtomicBool) -> Result<(), tokio_postgres::Error> {
    session.batch_execute("commit").await?;
    is_open.store(false, Ordering::Relaxed);
    Ok(())
}

/// Gives up what has not gone on for a minute.
///
/// # Errors
/// `Unavailable` then.
pub async fn unless_stalled<T>(session: &Session, table: &TableName, work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(STALL_MAX, work).await.map_err(|_| {
        Error::new(Kind::Unavailable, format!("cannot read {table}"))
            .at(session.place())
            .because(format!("nothing arrived for {} s", STALL_MAX.as_secs()))
    })
}

/// The rows of a range.
pub(super) fn rows<S: Borrow<Session> + Send + Sync>(of: &PgTable<S>, range: IdRange) -> impl Stream<Item = Result<Row>> + Send {
    let reading = Reading {
        of,
        rest: range,
        page: None,
    };
    futures::stream::try_unfold(reading, Reading::step)
}

struct Page {
    stream: Pin<Box<CopyOutStream>>,
    rows: Rows,
    rows_taken: u64,
}

/// A read on its way.
struct Reading<'a, S> {
    of: &'a PgTable<S>,
    /// What was not read yet.
    rest: IdRange,
    page: Option<Page>,
}

impl<S: Borrow<Session> + Send + Sync> Reading<'_, S> {
    /// The next row, and what is left to read.
    async fn step(mut self) -> Result<Option<(Row, Self)>> {
        let row = self.next().await?;
        Ok(row.map(|row| (row, self)))
    }

    async fn next(&mut self) -> Result<Option<Row>> {
        let of = self.of;
        loop {
            let Some(page) = &mut self.page else {
                if self.rest.is_empty() {
                    return Ok(None);
                }
                self.page = Some(self.open_page().await?);
                continue;
            };
            if let Some(row) = page.rows.next()? {
                page.rows_taken += 1;
                self.rest.after = Some(row.id);
                return Ok(Some(row));
            }
            match unless_stalled(of.session(), of.name(), page.stream.next()).await? {
                Some(Ok(bytes)) => page.rows.push(bytes),
                Some(Err(error)) => return Err(of.error(&error)),
                None => {
                    page.rows.finish()?;
                    let ended = unless_stalled(of.session(), of.name(), end(of.session(), &of.is_page_open)).await?;
                    ended.map_err(|error| of.error(&error))?;
                    if page.rows_taken < PAGE_ROWS_MAX {
                        return Ok(None);
                    }
                    self.page = None;
                }
            }
        }
    }

    async fn open_page(&self) -> Result<Page> {
        let of = self.of;
        let statement = statement(of, self.rest);
        let begun = begin(of.session(), (of.name(), of.id_column()), &statement, &of.is_page_open);
        let stream = unless_stalled(of.session(), of.name(), begun).await?;
        Ok(Page {
            stream: stream.map_err(|error| of.error(&error))?,
            rows: Rows::new(layout(of)?),
            rows_taken: 0,
        })
    }
}

fn layout<S: Borrow<Session> + Send + Sync>(of: &PgTable<S>) -> Result<Layout> {
    let layout = of.wire().layout(of.id_column(), None);
    layout.ok_or_else(|| Error::new(Kind::Bug, "the id column is not compared"))
}

fn statement<S: Borrow<Session> + Send + Sync>(of: &PgTable<S>, range: IdRange) -> String {
    let names = [
        ("columns", sql::sql(of.wire().select_list())),
        ("format", sql::sql(of.wire().format_option())),
        ("schema", sql::text(&of.name().schema)),
        ("table", sql::text(&of.name().name)),
        ("id", sql::text(of.id_column())),
        ("after", sql::sql(format!("where {}", of.condition(range)))),
        ("rows_max", sql::sql(PAGE_ROWS_MAX.to_string())),
    ];
    sql::fill(include_str!("../../../sql/source/read.sql"), &names)
}

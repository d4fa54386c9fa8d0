//! The rows of an event table, read by COPY in id order, page by page: one transaction each, with
//! the table's lock before the snapshot.

use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::{FramedRow, RowFramer};
use crate::event::range::IdRange;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::{relation, rows_error};
use crate::sql::{self, RowCondition, TableName};
use futures::{Stream, StreamExt};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres::CopyOutStream;

/// Rows of one page, so that no snapshot lives long. It makes no difference to events, which never
/// change, where pages meet.
const PAGE_ROWS_MAX: u64 = 100_000;
/// Without a byte for this long, the read is given up.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Begins a page: the session follows the index of the id as long as it lasts. One that was given
/// up on its way is ended first.
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
    let begin =
        sql::fill(sql::without_header(include_str!("../../../sql/table/begin_page.sql")), &names);
    // Sent in this order, in one flush.
    let (begun, stream) = futures::join!(session.batch_execute(&begin), session.copy_out(copy));
    begun?;
    stream.map(Box::pin)
}

/// Ends a page whose stream has ended.
pub async fn end(session: &Session, is_open: &AtomicBool) -> Result<(), tokio_postgres::Error> {
    session.batch_execute("commit").await?;
    is_open.store(false, Ordering::Relaxed);
    Ok(())
}

/// Gives up what has not gone on for a minute.
///
/// # Errors
/// `Unavailable` then.
pub async fn unless_stalled<T>(
    session: &Session,
    table: &TableName,
    work: impl Future<Output = T>,
) -> Result<T> {
    let limited = tokio::time::timeout(STALL_MAX, work).await;
    limited.map_err(|_| session.no_answer(STALL_MAX, format!("cannot read {table}")))
}

/// A table whose rows are read: which, over which session, and in which form.
#[derive(Clone, Copy)]
pub(super) struct PagedTable<'a> {
    pub session: &'a Session,
    pub table: &'a TableName,
    pub id_column: &'a str,
    /// Which of its rows count.
    pub rows: Option<&'a RowCondition>,
    pub wire: &'a Wire,
    /// Whether a page was begun over the session and not ended.
    pub is_open: &'a AtomicBool,
}

/// The rows of a range.
pub(super) fn rows(
    of: PagedTable<'_>,
    range: IdRange,
) -> impl Stream<Item = Result<FramedRow>> + Send {
    let reading = PagedRead { of, rest: range, page: None };
    futures::stream::try_unfold(reading, PagedRead::step)
}

struct CopyPage {
    stream: Pin<Box<CopyOutStream>>,
    rows: RowFramer,
    rows_taken: u64,
}

/// A read on its way.
struct PagedRead<'a> {
    of: PagedTable<'a>,
    /// What was not read yet.
    rest: IdRange,
    page: Option<CopyPage>,
}

impl PagedRead<'_> {
    /// The next row, and what is left to read.
    async fn step(mut self) -> Result<Option<(FramedRow, Self)>> {
        let row = self.next().await?;
        Ok(row.map(|row| (row, self)))
    }

    async fn next(&mut self) -> Result<Option<FramedRow>> {
        let PagedTable { session, table, is_open, .. } = self.of;
        loop {
            let Some(page) = &mut self.page else {
                if self.rest.is_empty() {
                    return Ok(None);
                }
                self.page = Some(self.of.open_page(self.rest).await?);
                continue;
            };
            if let Some(row) = page.rows.next()? {
                page.rows_taken += 1;
                self.rest.after = Some(row.id);
                return Ok(Some(row));
            }
            match unless_stalled(session, table, page.stream.next()).await? {
                Some(Ok(bytes)) => page.rows.push(bytes),
                Some(Err(error)) => return Err(self.of.error(&error)),
                None => {
                    page.rows.finish()?;
                    let ended = unless_stalled(session, table, end(session, is_open)).await?;
                    ended.map_err(|error| self.of.error(&error))?;
                    if page.rows_taken < PAGE_ROWS_MAX {
                        return Ok(None);
                    }
                    self.page = None;
                }
            }
        }
    }
}

impl PagedTable<'_> {
    async fn open_page(&self, range: IdRange) -> Result<CopyPage> {
        let layout = self.wire.layout(self.id_column, None);
        let layout =
            layout.ok_or_else(|| Error::new(ErrorKind::Bug, "the id column is not compared"))?;
        let statement = self.statement(range);
        let begun = begin(self.session, (self.table, self.id_column), &statement, self.is_open);
        let stream = unless_stalled(self.session, self.table, begun).await?;
        Ok(CopyPage {
            stream: stream.map_err(|error| self.error(&error))?,
            rows: RowFramer::new(layout),
            rows_taken: 0,
        })
    }

    fn statement(&self, range: IdRange) -> String {
        let names = [
            ("columns", sql::sql(self.wire.select_list())),
            ("format", sql::sql(self.wire.format_option())),
            ("table", sql::sql(relation(self.table, self.rows, self.wire.names()))),
            ("id", sql::text(self.id_column)),
            ("after", sql::sql(format!("where {}", condition(self.id_column, range)))),
            ("rows_max", sql::sql(PAGE_ROWS_MAX.to_string())),
        ];
        sql::fill(include_str!("../../../sql/source/read.sql"), &names)
    }

    fn error(&self, error: &tokio_postgres::Error) -> Error {
        let failed = self.session.error(error, format!("cannot read {}", self.table));
        rows_error(self.rows, failed)
    }
}

/// A range of ids as SQL, of a table `e`. Rows without an id are in no range. It always bounds the
/// id, so that no other index than the id's answers (PostgreSQL 17 takes `IS NOT NULL` for true
/// where the column says so, and then reads any index).
pub(super) fn condition(id_column: &str, range: IdRange) -> String {
    let id = format!("e.{}", sql::ident(id_column));
    let after = range.after.map(|after| format!("{id} > '{after}'::pg_catalog.int8"));
    let through =
        (range.through < i64::MAX).then(|| format!("{id} <= '{}'::pg_catalog.int8", range.through));
    let bounds: Vec<String> = after.into_iter().chain(through).collect();
    if bounds.is_empty() {
        format!("{id} >= '{}'::pg_catalog.int8", i64::MIN)
    } else {
        bounds.join(" and ")
    }
}

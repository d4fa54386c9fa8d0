//! A table of a file as an [`EventStore`]: its rows as COPY would write them in text form.

use super::file::SqliteFile;
use super::table::statement;
use super::thread::SqliteThread;
use crate::destination::plain::form::PlainValue;
use crate::destination::plain::rows::{RowCodec, text_or_bytes};
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame;
use crate::event::range::IdRange;
use crate::event::store::{EventStore, IdEnds, RowStream};
use crate::event::wire::Wire;
use crate::sql::{fill, ident, sql, text, without_header};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt, TryStreamExt};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use std::borrow::{Borrow, Cow};
use std::sync::Arc;
use std::time::Duration;

/// A page of rows ends with the row that makes it as long as this.
const PAGE_BYTES: usize = 256 * 1024;

/// What is asked of a table, in the words of its file.
#[derive(Clone, Debug)]
pub(crate) struct TableQuestions {
    /// The table, for messages.
    name: String,
    ends: String,
    position: String,
    highest_through: String,
    lowest_and_count: String,
    count_and_highest: String,
    rows: String,
    columns: usize,
}

impl TableQuestions {
    /// About a table and its id, and these of its columns.
    pub(crate) fn new(table: &str, id: &str, columns: &[String]) -> Self {
        let of = |file: &str| statement(file, table, id);
        let quoted: Vec<String> = columns.iter().map(|column| ident(column)).collect();
        let list = if quoted.is_empty() { "null".to_owned() } else { quoted.join(", ") };
        let names = [("table", text(table)), ("id", text(id)), ("columns", sql(list))];
        let rows = without_header(include_str!("../../../sql/sqlite/rows.sql"));
        Self {
            name: table.to_owned(),
            ends: of(include_str!("../../../sql/sqlite/ends.sql")),
            position: of(include_str!("../../../sql/sqlite/position.sql")),
            highest_through: of(include_str!("../../../sql/sqlite/highest_through.sql")),
            lowest_and_count: of(include_str!("../../../sql/sqlite/lowest_and_count.sql")),
            count_and_highest: of(include_str!("../../../sql/sqlite/count_and_highest.sql")),
            rows: fill(rows, &names),
            columns: columns.len(),
        }
    }

    /// The highest id.
    pub(crate) fn position(&self, file: &SqliteFile) -> rusqlite::Result<Option<i64>> {
        file.connection.prepare_cached(&self.position)?.query_row([], |row| row.get(0))
    }
}

/// See the module.
pub(crate) struct SqliteStore<T> {
    pub(crate) thread: T,
    pub(crate) questions: Arc<TableQuestions>,
    /// What makes rows of values; `None` where no column is asked for.
    pub(crate) codec: Option<Arc<RowCodec>>,
    pub(crate) wire: Wire,
    /// A lock that is in the way is waited for so long.
    pub(crate) lock_max: Duration,
}

/// Some rows, as COPY writes them.
struct RowPage {
    lines: Bytes,
    /// The last of them, where there may be more.
    more_after: Option<i64>,
}

impl<T: Borrow<SqliteThread> + Send + Sync> SqliteStore<T> {
    async fn ask<A: Send + 'static>(
        &self,
        question: impl Fn(&TableQuestions, &SqliteFile) -> rusqlite::Result<A> + Send + 'static,
    ) -> Result<A> {
        let questions = Arc::clone(&self.questions);
        let thread = self.thread.borrow();
        let read = thread.read(self.lock_max, move |file| question(&questions, file)).await;
        read.map_err(|error| error.while_doing(format!("cannot read {}", self.questions.name)))
    }

    async fn page(&self, range: IdRange, codec: &Arc<RowCodec>) -> Result<RowPage> {
        let codec = Arc::clone(codec);
        self.ask(move |questions, file| page(questions, file, &codec, range)).await
    }
}

/// The first id of a range.
fn first(range: IdRange) -> i64 {
    range.after.map_or(i64::MIN, |after| after.saturating_add(1))
}

fn page(
    questions: &TableQuestions,
    file: &SqliteFile,
    codec: &RowCodec,
    range: IdRange,
) -> rusqlite::Result<RowPage> {
    let mut lines = Vec::new();
    let mut statement = file.connection.prepare_cached(&questions.rows)?;
    let mut rows = statement.query([first(range), range.through])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let values: Vec<PlainValue<'_>> =
            (1..=questions.columns).map(|at| value(row, at)).collect::<Result<_, _>>()?;
        codec.push_row(&values, &mut lines);
        if lines.len() >= PAGE_BYTES {
            return Ok(RowPage { lines: lines.into(), more_after: Some(id) });
        }
    }
    Ok(RowPage { lines: lines.into(), more_after: None })
}

fn value<'a>(row: &'a Row<'_>, at: usize) -> rusqlite::Result<PlainValue<'a>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Null => PlainValue::Null,
        ValueRef::Integer(number) => PlainValue::Integer(number),
        ValueRef::Real(number) => PlainValue::Real(number),
        ValueRef::Text(text) => text_or_bytes(text),
        ValueRef::Blob(bytes) => PlainValue::Bytes(Cow::Borrowed(bytes)),
    })
}

impl<T: Borrow<SqliteThread> + Send + Sync> EventStore for SqliteStore<T> {
    fn place(&self) -> String {
        format!("{}, {}", self.thread.borrow().place(), self.questions.name)
    }

    fn wire(&self) -> &Wire {
        &self.wire
    }

    fn ends(&self) -> BoxFuture<'_, Result<IdEnds>> {
        self.ask(|questions, file| {
            let ends = |row: &Row<'_>| Ok(IdEnds { lowest: row.get(0)?, highest: row.get(1)? });
            file.connection.prepare_cached(&questions.ends)?.query_row([], ends)
        })
        .boxed()
    }

    fn highest_through(&self, through: i64) -> BoxFuture<'_, Result<Option<i64>>> {
        self.ask(move |questions, file| {
            let mut statement = file.connection.prepare_cached(&questions.highest_through)?;
            statement.query_row([through], |row| row.get(0))
        })
        .boxed()
    }

    fn count(&self, range: IdRange) -> BoxFuture<'_, Result<u64>> {
        async move { Ok(self.lowest_and_count(range).await?.1) }.boxed()
    }

    fn lowest_and_count(&self, range: IdRange) -> BoxFuture<'_, Result<(Option<i64>, u64)>> {
        self.ask(move |questions, file| {
            if range.is_empty() {
                let lowest = file.connection.prepare_cached(&questions.ends)?;
                let lowest = { lowest }.query_row([], |row| row.get(0))?;
                return Ok((lowest, 0));
            }
            let mut statement = file.connection.prepare_cached(&questions.lowest_and_count)?;
            let parameters = [first(range), range.through];
            statement.query_row(parameters, |row| Ok((row.get(0)?, count(row, 1)?)))
        })
        .boxed()
    }

    fn count_all(&self, highest: i64) -> BoxFuture<'_, Result<u64>> {
        async move {
            let (events, last): (u64, Option<i64>) = self
                .ask(|questions, file| {
                    let mut statement =
                        file.connection.prepare_cached(&questions.count_and_highest)?;
                    statement.query_row([], |row| Ok((count(row, 0)?, row.get(1)?)))
                })
                .await?;
            if last == Some(highest) {
                return Ok(events);
            }
            // Others are appending.
            self.count(IdRange::up_to(highest)).await
        }
        .boxed()
    }

    fn rows(&self, range: IdRange) -> RowStream<'_> {
        let pages = stream::try_unfold(Some(range), move |rest| async move {
            let Some(rest) = rest.filter(|rest| !rest.is_empty()) else { return Ok(None) };
            let codec = self
                .codec
                .as_ref()
                .ok_or_else(|| Error::new(ErrorKind::Bug, "rows are read without a column"))?;
            let page = self.page(rest, codec).await?;
            let rows = frame::rows_of(&page.lines, codec.layout())?;
            let rest = page.more_after.map(|after| IdRange { after: Some(after), ..rest });
            Ok(Some((stream::iter(rows.into_iter().map(Ok)), rest)))
        });
        pages.try_flatten().boxed()
    }
}

fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(at)?;
    Ok(count.unsigned_abs())
}

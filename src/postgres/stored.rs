//! An event table of PostgreSQL as something that can be compared: read by COPY in id order, page by page.

use crate::error::{Error, Kind, Result};
use crate::event::frame::{Layout, Row, Rows};
use crate::event::range::IdRange;
use crate::event::readable::{Readable, RowStream};
use crate::event::table::TableName;
use crate::event::wire::Wire;
use crate::postgres::connect::Session;
use crate::postgres::paging::Paging;
use crate::sql;
use futures::StreamExt;
use std::pin::Pin;
use std::time::Duration;
use tokio_postgres::CopyOutStream;

/// Rows of one page, so that no snapshot lives long. It makes no difference to events, which never change, where pages meet.
const PAGE_ROWS_MAX: u64 = 100_000;
/// Without a byte for this long, the read is given up.
const STALL_MAX: Duration = Duration::from_secs(60);

/// The columns of a wire in one table, and a session to read them.
#[derive(Debug)]
pub struct StoredEvents {
    paging: Paging,
    table: TableName,
    id_column: String,
    wire: Wire,
    layout: Layout,
}

impl StoredEvents {
    /// Takes a session for reading alone: it is set up to follow the index of the id.
    ///
    /// # Errors
    /// `Bug` when the id is not among the columns; else what the connection or the server says.
    pub async fn open(session: Session, table: TableName, id_column: &str, wire: Wire) -> Result<Self> {
        let layout = wire.layout(id_column, None);
        let layout = layout.ok_or_else(|| Error::new(Kind::Bug, "the id column is not compared"))?;
        let paging = Paging::new(session, &table, id_column).await;
        let paging = paging.map_err(|(session, error)| session.error(&error, "cannot set up a session that reads"))?;
        Ok(Self {
            paging,
            table,
            id_column: id_column.to_owned(),
            wire,
            layout,
        })
    }

    async fn open_page(&self, range: IdRange) -> Result<Page> {
        let id = sql::ident(&self.id_column);
        let after = range
            .after
            .map_or_else(String::new, |after| format!("e.{id} > '{after}'::int8 and "));
        let names = [
            ("columns", sql::sql(self.wire.select_list())),
            ("format", sql::sql(self.wire.format_option())),
            ("schema", sql::text(&self.table.schema)),
            ("table", sql::text(&self.table.name)),
            ("id", sql::text(&self.id_column)),
            ("after", sql::sql(format!("where {after}e.{id} <= '{}'::int8", range.through))),
            ("rows_max", sql::sql(PAGE_ROWS_MAX.to_string())),
        ];
        let statement = sql::fill(include_str!("../../sql/source/read.sql"), &names);
        let stream = self.paging.begin(&statement).await;
        Ok(Page {
            stream: stream.map_err(|error| self.error(&error))?,
            rows: Rows::new(self.layout),
            rows_taken: 0,
        })
    }

    fn error(&self, error: &tokio_postgres::Error) -> Error {
        self.paging.session().error(error, format!("cannot read {}", self.table))
    }

    async fn unless_stalled<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout(STALL_MAX, work).await.map_err(|_| {
            Error::new(Kind::Unavailable, format!("cannot read {}", self.table))
                .at(self.paging.session().place())
                .because(format!("nothing arrived for {} s", STALL_MAX.as_secs()))
        })
    }
}

impl Readable for StoredEvents {
    fn rows(&self, range: IdRange) -> RowStream<'_> {
        let reading = Reading {
            events: self,
            rest: range,
            page: None,
        };
        futures::stream::try_unfold(reading, Reading::step).boxed()
    }
}

struct Page {
    stream: Pin<Box<CopyOutStream>>,
    rows: Rows,
    rows_taken: u64,
}

/// A read on its way.
struct Reading<'a> {
    events: &'a StoredEvents,
    /// What was not read yet.
    rest: IdRange,
    page: Option<Page>,
}

impl Reading<'_> {
    /// The next row, and what is left to read.
    async fn step(mut self) -> Result<Option<(Row, Self)>> {
        let row = self.next().await?;
        Ok(row.map(|row| (row, self)))
    }

    async fn next(&mut self) -> Result<Option<Row>> {
        loop {
            let Some(page) = &mut self.page else {
                if self.rest.is_empty() {
                    return Ok(None);
                }
                let page = self.events.unless_stalled(self.events.open_page(self.rest)).await?;
                self.page = Some(page?);
                continue;
            };
            if let Some(row) = page.rows.next()? {
                page.rows_taken += 1;
                self.rest.after = Some(row.id);
                return Ok(Some(row));
            }
            match self.events.unless_stalled(page.stream.next()).await? {
                Some(Ok(bytes)) => page.rows.push(bytes),
                Some(Err(error)) => return Err(self.events.error(&error)),
                None => {
                    page.rows.finish()?;
                    let ended = self.events.unless_stalled(self.events.paging.end()).await?;
                    ended.map_err(|error| self.events.error(&error))?;
                    if page.rows_taken < PAGE_ROWS_MAX {
                        return Ok(None);
                    }
                    self.page = None;
                }
            }
        }
    }
}

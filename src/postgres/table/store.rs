//! An event table of PostgreSQL as an [`EventStore`]: everything that is asked of it is asked here.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::{
    ChunkDigest, DigestInput, DigestOrigin, EventDigest, EventStore, HeapCounts, IdEnds,
    IndexCounts, RangeDigest, RowStream,
};
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::session::answers::{self, field, parsed};
use crate::postgres::table::expressions::{array, compared, digest, short_text, value};
use crate::postgres::table::{EventTable, TableName};
use crate::postgres::table::{pages, relation, rows_error};
use crate::sql::{self, ColumnNames, RowCondition};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use std::borrow::Borrow;
use std::sync::atomic::AtomicBool;
use tokio_postgres::SimpleQueryRow;

/// The copied columns of one event table, over one session: an owned one, a borrowed one, or one of
/// a pool.
#[derive(Debug)]
pub struct PgTable<S> {
    session: S,
    table: TableName,
    /// As the source calls it.
    source_id: String,
    /// As the source calls its columns.
    wire: Wire,
    /// Which of its rows count.
    rows: Option<RowCondition>,
    /// The same as they are called here.
    id_column: String,
    stored: Wire,
    /// Whether nothing keeps an id from being there twice.
    may_hold_doubles: bool,
    /// Whether a page of rows was begun over this session and not ended.
    is_page_open: AtomicBool,
}

impl<S: Borrow<Session> + Send + Sync> PgTable<S> {
    /// Asks nothing yet.
    pub fn new(session: S, table: &TableName, id_column: &str, wire: &Wire) -> Self {
        Self {
            session,
            table: table.clone(),
            source_id: id_column.to_owned(),
            wire: wire.clone(),
            rows: None,
            id_column: id_column.to_owned(),
            stored: wire.clone(),
            may_hold_doubles: false,
            is_page_open: AtomicBool::new(false),
        }
    }

    /// Only the rows for which the condition is true; `None`: all of them.
    #[must_use]
    pub fn matching(self, rows: Option<&RowCondition>) -> Self {
        Self { rows: rows.cloned(), ..self }
    }

    /// Looks for doubles where the key of the table does not exclude them; its columns are called
    /// as it calls them.
    #[must_use]
    pub fn keyed_as(self, table: &EventTable) -> Self {
        Self { may_hold_doubles: !table.has_id_key, ..self.called(&table.names) }
    }

    /// The columns are called so here.
    #[must_use]
    pub fn called(self, names: &ColumnNames) -> Self {
        let id_column = names.there(&self.source_id).to_owned();
        Self { id_column, stored: self.wire.called(names), ..self }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        self.session.borrow()
    }

    /// How many rows have no id, so that no range holds them.
    pub async fn count_without_id(&self) -> Result<u64> {
        let statement = self.fill(include_str!("../../../sql/table/without_id.sql"), &[]);
        self.number(&self.row(&statement).await?, 0)
    }

    /// Bytes an event takes on the average of the next two hundred after an id, large values as
    /// they are stored; `None` when there are none.
    pub async fn event_bytes(&self, after: Option<i64>) -> Result<Option<f64>> {
        let range = self.condition(IdRange::above(after));
        let more = [("range", range), ("columns", self.stored.select_list())];
        let statement = self.fill(include_str!("../../../sql/table/event_bytes.sql"), &more);
        Ok(parsed(&self.row(&statement).await?, 0))
    }

    /// A statement of `sql/table/` for this table.
    pub fn fill(&self, statement: &str, more: &[(&str, String)]) -> String {
        let mut values =
            vec![("table", sql::sql(self.relation())), ("id", sql::text(&self.id_column))];
        values.extend(more.iter().map(|(name, value)| (*name, sql::sql(value.as_str()))));
        sql::fill(statement, &values)
    }

    /// What is read, as SQL.
    fn relation(&self) -> String {
        relation(&self.table, self.rows.as_ref(), self.stored.names())
    }

    /// As SQL, of a table `e`.
    pub fn condition(&self, range: IdRange) -> String {
        pages::condition(&self.id_column, range)
    }

    /// What the statements of one message answer, all rows one after the other.
    pub async fn simple_rows(&self, statement: &str) -> Result<Vec<SimpleQueryRow>> {
        let answer =
            self.session().simple_query(statement).await.map_err(|error| self.error(&error))?;
        Ok(answers::rows(answer))
    }

    async fn row(&self, statement: &str) -> Result<SimpleQueryRow> {
        self.simple_rows(statement).await?.into_iter().next().ok_or_else(|| self.odd())
    }

    async fn row_of(
        &self,
        id: i64,
        statement: &str,
        columns: String,
    ) -> Result<Option<Vec<Option<String>>>> {
        let range = self.condition(IdRange::only(id));
        let statement = self.fill(statement, &[("columns", columns), ("range", range)]);
        let row = self.simple_rows(&statement).await?.into_iter().next();
        Ok(row.map(|row| {
            (0..row.len()).map(|column| field(&row, column).map(str::to_owned)).collect()
        }))
    }

    fn id(&self, row: &SimpleQueryRow, column: usize) -> Result<Option<i64>> {
        field(row, column).map(|id| id.parse().map_err(|_| self.odd())).transpose()
    }

    /// A number that must be there.
    ///
    /// # Errors
    /// `Bug` when it is not.
    pub fn number(&self, row: &SimpleQueryRow, column: usize) -> Result<u64> {
        parsed(row, column).ok_or_else(|| self.odd())
    }

    /// Makes our error of the driver's.
    pub fn error(&self, error: &tokio_postgres::Error) -> Error {
        let failed = self.session().error(error, format!("cannot read {}", self.table));
        rows_error(self.rows.as_ref(), failed)
    }

    fn odd(&self) -> Error {
        Error::new(ErrorKind::Bug, format!("cannot read {}", self.table))
            .because("the server's answer is not what was asked for")
    }
}

impl<S: Borrow<Session> + Send + Sync> EventStore for PgTable<S> {
    fn place(&self) -> String {
        format!("{}, {}", self.session().place(), self.table)
    }

    fn wire(&self) -> &Wire {
        &self.wire
    }

    fn ends(&self) -> BoxFuture<'_, Result<IdEnds>> {
        async move {
            let row =
                self.row(&self.fill(include_str!("../../../sql/table/ends.sql"), &[])).await?;
            Ok(IdEnds { lowest: self.id(&row, 0)?, highest: self.id(&row, 1)? })
        }
        .boxed()
    }

    fn highest_through(&self, through: i64) -> BoxFuture<'_, Result<Option<i64>>> {
        async move {
            let range = self.condition(IdRange::up_to(through));
            let statement = self
                .fill(include_str!("../../../sql/table/highest_through.sql"), &[("range", range)]);
            self.id(&self.row(&statement).await?, 0)
        }
        .boxed()
    }

    fn count(&self, range: IdRange) -> BoxFuture<'_, Result<u64>> {
        async move {
            let range = self.condition(range);
            let statement =
                self.fill(include_str!("../../../sql/table/count.sql"), &[("range", range)]);
            self.number(&self.row(&statement).await?, 0)
        }
        .boxed()
    }

    fn lowest_and_count(&self, range: IdRange) -> BoxFuture<'_, Result<(Option<i64>, u64)>> {
        let range = self.condition(range);
        let statement =
            self.fill(include_str!("../../../sql/table/lowest_and_count.sql"), &[("range", range)]);
        async move {
            let row = self.row(&statement).await?;
            Ok((self.id(&row, 0)?, self.number(&row, 1)?))
        }
        .boxed()
    }

    fn double(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        async move {
            if !self.may_hold_doubles {
                return Ok(None);
            }
            let statement = self.fill(include_str!("../../../sql/table/double.sql"), &[]);
            Ok(self.simple_rows(&statement).await?.first().and_then(|row| parsed(row, 0)))
        }
        .boxed()
    }

    fn count_all(&self, highest: i64) -> BoxFuture<'_, Result<u64>> {
        async move {
            let row =
                self.row(&self.fill(include_str!("../../../sql/table/count_all.sql"), &[])).await?;
            if self.id(&row, 1)? == Some(highest) {
                return self.number(&row, 0);
            }
            // Others are appending.
            self.count(IdRange::up_to(highest)).await
        }
        .boxed()
    }

    fn event_digest(&self, id: i64) -> BoxFuture<'_, Result<Option<EventDigest>>> {
        let columns: Vec<String> = self.stored.columns.iter().map(digest).collect();
        self.row_of(id, include_str!("../../../sql/table/event.sql"), columns.join(", ")).boxed()
    }

    fn event_text(&self, id: i64) -> BoxFuture<'_, Result<Option<Vec<Option<String>>>>> {
        let columns: Vec<String> = self.stored.columns.iter().map(short_text).collect();
        self.row_of(id, include_str!("../../../sql/table/event.sql"), columns.join(", ")).boxed()
    }

    fn digests(&self) -> DigestOrigin {
        DigestOrigin::Server
    }

    fn range_digest(&self, range: IdRange, limit_ms: u32) -> BoxFuture<'_, Result<RangeDigest>> {
        let columns: Vec<String> = self.stored.columns.iter().map(value).collect();
        let more = [
            ("range", self.condition(range)),
            ("columns", columns.join(", ")),
            ("limit_ms", limit_ms.to_string()),
        ];
        let statement = self.fill(include_str!("../../../sql/table/digest.sql"), &more);
        async move {
            let row = self.row(&statement).await?;
            Ok(RangeDigest {
                events: self.number(&row, 0)?,
                sum: field(&row, 1).map(str::to_owned),
            })
        }
        .boxed()
    }

    fn boundaries(
        &self,
        range: IdRange,
        chunk_rows: u64,
        chunks: usize,
    ) -> BoxFuture<'_, Result<Vec<i64>>> {
        let more = [
            ("range", self.condition(range)),
            ("chunk_rows", chunk_rows.to_string()),
            ("rows_max", chunk_rows.saturating_mul(chunks as u64).to_string()),
        ];
        let statement = self.fill(include_str!("../../../sql/table/boundaries.sql"), &more);
        async move {
            let rows = self.simple_rows(&statement).await?;
            let id = |row: &SimpleQueryRow| self.id(row, 0)?.ok_or_else(|| self.odd());
            rows.iter().map(id).collect()
        }
        .boxed()
    }

    fn chunk_digests<'a>(
        &'a self,
        chunks: &'a [IdRange],
        hashing: DigestInput,
    ) -> BoxFuture<'a, Result<Vec<ChunkDigest>>> {
        let bytes = match hashing {
            DigestInput::Rows => "r.bytes",
            DigestInput::RowDigests => "pg_catalog.sha256(r.bytes)",
        };
        let columns: Vec<String> =
            self.stored.columns.iter().map(|column| compared(column, &self.stored)).collect();
        let first = |chunk: &IdRange| chunk.after.map_or(i64::MIN, |after| after.saturating_add(1));
        let more = [
            ("columns", columns.join(", ")),
            ("bytes", bytes.to_owned()),
            ("firsts", array(chunks.iter().map(first))),
            ("lasts", array(chunks.iter().map(|chunk| chunk.through))),
        ];
        let statement = self.fill(include_str!("../../../sql/table/chunk_digests.sql"), &more);
        async move {
            let mut digests = vec![None; chunks.len()];
            for row in self.simple_rows(&statement).await? {
                let place = usize::try_from(self.number(&row, 0)?).unwrap_or_default();
                let digest = ChunkDigest {
                    rows: self.number(&row, 1)?,
                    sha256: field(&row, 2).map(str::to_owned),
                };
                let digested = place.checked_sub(1).and_then(|place| digests.get_mut(place));
                *digested.ok_or_else(|| self.odd())? = Some(digest);
            }
            digests.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| self.odd())
        }
        .boxed()
    }

    fn index_counts(&self, range: IdRange) -> BoxFuture<'_, Result<IndexCounts>> {
        let range = self.condition(range);
        let statement =
            self.fill(include_str!("../../../sql/table/index_counts.sql"), &[("range", range)]);
        async move {
            let [heap, index] = &self.simple_rows(&statement).await?[..] else {
                return Err(self.odd());
            };
            Ok(IndexCounts {
                rows: self.number(heap, 0)?,
                indexed: self.number(index, 0)?,
                cure: format!("REINDEX TABLE CONCURRENTLY {};", self.table),
            })
        }
        .boxed()
    }

    fn heap_counts(
        &self,
        within: Option<IdRange>,
        beyond: Option<IdRange>,
    ) -> BoxFuture<'_, Result<HeapCounts>> {
        let condition = |range: Option<IdRange>| {
            range.map_or_else(|| "false".to_owned(), |range| self.condition(range))
        };
        let more = [("within", condition(within)), ("beyond", condition(beyond))];
        let statement = self.fill(include_str!("../../../sql/table/heap_count.sql"), &more);
        async move {
            let [heap, index] = &self.simple_rows(&statement).await?[..] else {
                return Err(self.odd());
            };
            let beyond = self.number(heap, 1)?;
            Ok(HeapCounts {
                within: self.number(heap, 0)?.saturating_sub(beyond),
                beyond: (beyond, self.number(index, 0)?),
            })
        }
        .boxed()
    }

    fn rows(&self, range: IdRange) -> RowStream<'_> {
        let table = pages::PagedTable {
            session: self.session(),
            table: &self.table,
            id_column: &self.id_column,
            rows: self.rows.as_ref(),
            wire: &self.stored,
            is_open: &self.is_page_open,
        };
        pages::rows(table, range).boxed()
    }
}

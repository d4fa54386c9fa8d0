//! A page: the rows of one statement, hence of one snapshot, as COPY data whatever they were asked
//! for with.
//!
//! The first page of a read is an ordinary prepared query of a few rows: one question and its
//! answer, where a COPY, which cannot be prepared with parameters, takes two. What the server sends
//! of a row is the same, field for field (PostgreSQL manual, "Message Formats", DataRow; COPY,
//! "Binary Format").

use crate::config::SourceRetention;
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::DurabilityFuture;
use crate::event::frame::{self, CopyFormat, FramedRow, RowFramer};
use crate::event::range::shown;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::rows_error;
use crate::source::read::plan::{ReadPlan, SelectedEnd};
use crate::sql;
use bytes::{BufMut, Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt};
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, Statement};

/// Without a byte for this long, the connection is given up.
const STALL_MAX: Duration = Duration::from_secs(60);
/// What is left of a page when it is ended early is read and thrown away up to these limits, before
/// it is cancelled.
const DRAIN_BYTES_MAX: usize = 256 * 1024;
const DRAIN_MAX: Duration = Duration::from_millis(10);
/// Rows of a first page at most.
const FIRST_ROWS_MAX: usize = 50;
/// Rows that come along with a look are kept up to this many bytes, the last one whole.
const FIRST_ROWS_BYTES_MAX: usize = 1024 * 1024;

type CopyMessages =
    Pin<Box<dyn Stream<Item = std::result::Result<Bytes, tokio_postgres::Error>> + Send>>;

/// See the module.
pub struct ReadPage {
    /// COPY data as it comes.
    pub stream: CopyMessages,
    /// Whether that data lies in the driver's buffer, which grows by doubling.
    pub is_borrowed: bool,
    /// Cuts it into rows.
    rows: RowFramer,
    /// The row before the first, until it has come.
    anchor: Option<i64>,
    /// Rows so far.
    pub rows_seen: u64,
    /// Their bytes.
    pub bytes_seen: u64,
    /// Rows at most: a page that ends before has reached the end of the table.
    pub rows_max: u64,
    /// Of a page of rows that a condition selects: where it ends.
    pub end: Option<SelectedEnd>,
    /// When it was asked for.
    pub since: Instant,
}

/// First pages, as far as they were prepared on a session.
#[derive(Debug, Default)]
pub struct FirstPages(Vec<(String, Statement)>);

/// The first rows after a position, read along with a look.
#[derive(Clone, Debug)]
pub struct FirstRows {
    /// The position.
    pub after: i64,
    /// Columns and form.
    pub wire: Wire,
    /// Each as binary COPY has it.
    pub rows: Vec<Bytes>,
    /// Whether no row followed.
    pub is_end: bool,
    /// When they are on the source's disk.
    pub durable: DurabilityFuture,
}

impl FirstPages {
    /// The query for the first rows after a position.
    pub async fn query(
        &mut self,
        session: &Session,
        read_plan: &ReadPlan,
    ) -> std::result::Result<Statement, tokio_postgres::Error> {
        let begin = match read_plan.keeps {
            SourceRetention::All => (">", FIRST_ROWS_MAX as u64),
            SourceRetention::Tail => (">=", FIRST_ROWS_MAX as u64 + 1),
        };
        let text = fill(include_str!("../../../sql/source/read_first.sql"), read_plan, begin);
        if let Some((_, statement)) = self.0.iter().find(|(known, _)| *known == text) {
            return Ok(statement.clone());
        }
        let statement = session.prepare(&text).await?;
        self.0.push((text, statement.clone()));
        Ok(statement)
    }
}

/// Whether a column's type was changed since a query was prepared: a COPY can be read, and the gate
/// finds it out.
pub(crate) fn is_of_another_form(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
}

/// The rows of a first page that was asked for with a query of [`FirstPages`], the anchor included,
/// as many as may be in memory; whether no row follows.
pub(crate) async fn first_rows(
    session: &Session,
    (statement, read_plan): (&Statement, &ReadPlan),
    after: i64,
) -> std::result::Result<(Vec<Bytes>, bool), tokio_postgres::Error> {
    let mut stream = pin!(session.query_raw(statement, [after]).await?);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let anchors = usize::from(read_plan.anchor(Some(after)).is_some());
    while let Some(row) = stream.try_next().await? {
        let row = as_copied(&row)?;
        bytes += row.len();
        rows.push(row);
        if bytes > FIRST_ROWS_BYTES_MAX && rows.len() > anchors {
            return Ok((rows, false));
        }
    }
    let is_end = rows.len() < FIRST_ROWS_MAX + anchors;
    Ok((rows, is_end))
}

impl ReadPage {
    /// The first rows after a position; `None` where they cannot be had in this way.
    pub async fn first(
        session: &Session,
        pages: &mut FirstPages,
        read_plan: &ReadPlan,
        after: Option<i64>,
    ) -> Result<Option<Self>> {
        let (Some(after), CopyFormat::Binary) = (after, read_plan.wire.format) else {
            return Ok(None);
        };
        let since = Instant::now();
        let failed = |error| cannot_read(session, read_plan, &error);
        let statement = pages.query(session, read_plan).await.map_err(failed)?;
        let rows = match session.query_raw(&statement, [after]).await {
            Ok(rows) => rows,
            Err(error) if is_of_another_form(&error) => {
                pages.0.clear();
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        let header = futures::stream::once(async { Ok(Bytes::from_static(frame::HEADER)) });
        let trailer = futures::stream::once(async { Ok(Bytes::from_static(frame::TRAILER)) });
        let rows = rows.map(|row| row.and_then(|row| as_copied(&row)));
        let stream = header.chain(rows).chain(trailer).boxed();
        Ok(Some(Self {
            is_borrowed: false,
            ..Self::new(stream, read_plan, Some(after), (FIRST_ROWS_MAX as u64, since))
        }))
    }

    /// So many rows after a position.
    pub async fn copied(
        session: &Session,
        read_plan: &ReadPlan,
        after: Option<i64>,
        rows_max: u64,
    ) -> Result<Self> {
        let anchor = read_plan.anchor(after);
        let sign = if anchor.is_some() { ">=" } else { ">" };
        let condition = after.map_or_else(String::new, |after| above(read_plan, sign, after));
        let limit = rows_max.saturating_add(u64::from(anchor.is_some()));
        let statement =
            fill(include_str!("../../../sql/source/read.sql"), read_plan, (&condition, limit));
        let since = Instant::now();
        let stream = session.copy_out(statement.as_str()).await;
        let stream = stream.map_err(|error| cannot_read(session, read_plan, &error))?;
        Ok(Self::new(stream.boxed(), read_plan, after, (rows_max, since)))
    }

    pub(super) fn new(
        stream: CopyMessages,
        read_plan: &ReadPlan,
        after: Option<i64>,
        (rows_max, since): (u64, Instant),
    ) -> Self {
        Self {
            stream,
            is_borrowed: true,
            rows: RowFramer::new(read_plan.layout),
            anchor: read_plan.anchor(after),
            rows_seen: 0,
            bytes_seen: 0,
            rows_max,
            end: None,
            since,
        }
    }

    /// Takes what has come.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.rows.push(bytes);
    }

    /// The next whole row of what has come, the anchor left out.
    ///
    /// # Errors
    /// `Unavailable` where the anchor is not there.
    pub(crate) fn next_row(&mut self, read_plan: &ReadPlan) -> Result<Option<FramedRow>> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        let Some(anchor) = self.anchor.take() else { return Ok(Some(row)) };
        if row.id == anchor {
            return self.rows.next();
        }
        require_next(anchor, Some(row.id), read_plan)?;
        Ok(Some(row))
    }

    /// Confirms that what has come is whole.
    ///
    /// # Errors
    /// `Unavailable` where the anchor is not there.
    pub(crate) fn finish(&mut self, read_plan: &ReadPlan) -> Result<()> {
        self.rows.finish()?;
        match self.anchor {
            Some(anchor) => require_next(anchor, None, read_plan),
            None => Ok(()),
        }
    }

    /// Whether little enough is left that reading it to its end is quicker than cancelling it.
    pub(crate) async fn ends_soon(&mut self) -> bool {
        let drain = async {
            let mut drained = 0;
            while drained < DRAIN_BYTES_MAX {
                match self.stream.next().await {
                    Some(Ok(bytes)) => drained += bytes.len(),
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
            false
        };
        tokio::time::timeout(DRAIN_MAX, drain).await.unwrap_or(false)
    }
}

/// Of a source that may lose its oldest events: that nothing can lie between a row that is gone and
/// the next one that is there.
///
/// # Errors
/// `Unavailable` otherwise: each destination is compared again then, and says what it may lack.
pub(crate) fn require_next(anchor: i64, next: Option<i64>, read_plan: &ReadPlan) -> Result<()> {
    if next.is_some() && next == anchor.checked_add(1) {
        return Ok(());
    }
    let what = format!("the source has let go of event {anchor} before what follows it was read");
    Err(Error::new(ErrorKind::Unavailable, what)
        .at(read_plan.table.to_string())
        .because(format!("the next event there is {}", shown(next)))
        .fix("no action needed: Counterfoil compares each destination again"))
}

/// Says that the rows could not be read.
pub(crate) fn cannot_read(
    session: &Session,
    read_plan: &ReadPlan,
    error: &tokio_postgres::Error,
) -> Error {
    let failed = session.error(error, format!("cannot read {}", read_plan.table));
    rows_error(read_plan.wire.rows.as_ref(), failed)
}

/// Gives up when nothing arrives.
///
/// # Errors
/// `Unavailable` after a minute.
pub(crate) async fn stalled<T>(session: &Session, work: impl Future<Output = T>) -> Result<T> {
    let limited = tokio::time::timeout(STALL_MAX, work).await;
    limited.map_err(|_| session.no_answer(STALL_MAX, "cannot read the source"))
}

pub(super) fn above(read_plan: &ReadPlan, sign: &str, id: i64) -> String {
    format!("where e.{} {sign} '{id}'::int8", sql::ident(&read_plan.id_column))
}

pub(super) fn fill(text: &str, read_plan: &ReadPlan, part: (&str, u64)) -> String {
    fill_from(text, (read_plan, read_plan.table.quoted()), part)
}

pub(super) fn fill_from(
    text: &str,
    (read_plan, table): (&ReadPlan, String),
    (begin, rows_max): (&str, u64),
) -> String {
    let names = [
        ("columns", sql::sql(read_plan.wire.select_list())),
        ("format", sql::sql(read_plan.wire.format_option())),
        ("table", sql::sql(table)),
        ("id", sql::text(&read_plan.id_column)),
        ("after", sql::sql(begin)),
        ("above", sql::sql(begin)),
        ("rows_max", sql::sql(rows_max.to_string())),
    ];
    sql::fill(text, &names)
}

/// The bytes of a field as they came.
struct RawField<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for RawField<'a> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(
        _: &Type,
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row as binary COPY has it: the count of its fields, then length and bytes of each.
fn as_copied(row: &Row) -> std::result::Result<Bytes, tokio_postgres::Error> {
    let mut copied = BytesMut::with_capacity(row.raw_size_bytes() + 2);
    copied.put_i16(i16::try_from(row.len()).unwrap_or(i16::MAX));
    for field in 0..row.len() {
        match row.try_get::<_, RawField<'_>>(field)?.0 {
            Some(bytes) => {
                copied.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
                copied.put_slice(bytes);
            }
            None => copied.put_i32(-1),
        }
    }
    Ok(copied.freeze())
}

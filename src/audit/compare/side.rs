//! One side of a comparison: its table, and the short questions it is asked over a bounded pool.

use crate::audit::class::ComparedColumn;
use crate::audit::compare::schema::comparable;
use crate::audit::compare::state::Identity;
use crate::config::libpq::Conninfo;
use crate::error::{Error, Kind, Result};
use crate::event::frame::Format;
use crate::event::range::IdRange;
use crate::event::table::Table;
use crate::event::wire::{ReadAs, Wire, WireColumn};
use crate::postgres::catalog;
use crate::postgres::connect::{Purpose, Session};
use crate::postgres::fault::Side as Role;
use crate::postgres::identity::ServerIdentity;
use crate::postgres::pool::{Lent, Pool};
use crate::postgres::stored::StoredEvents;
use crate::sql::{self, TableName};
use crate::stop::Stop;
use slog::Logger;
use std::time::Duration;
use tokio_postgres::{Row, SimpleQueryMessage, SimpleQueryRow};

/// Both sides are only read.
const PURPOSE: Purpose = Purpose {
    what: "diff",
    side: Role::Source,
};
/// A digest or a boundary that takes longer is given up: a chunk takes milliseconds.
const ANSWER_MAX: Duration = Duration::from_secs(300);

/// Where a side is.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it is called in the output: `source`, a destination's name, `first`, `second`.
    pub name: String,
    /// Its database.
    pub conninfo: Conninfo,
    /// Its table.
    pub table: TableName,
}

/// A side whose table was described.
#[derive(Debug)]
pub struct Side {
    /// What it is called in the output.
    pub name: String,
    /// Its table.
    pub table: Table,
    /// How large it is.
    pub size: Size,
    place: String,
    identity: Identity,
    server: ServerIdentity,
    conninfo: Conninfo,
    timeout: Duration,
    pool: Pool,
}

/// How large a table is, by the server's own statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// Rows; 0 when never analysed.
    pub rows_estimated: f64,
    /// Bytes on disk, without indexes.
    pub bytes: i64,
    /// Bytes of values stored out of line.
    pub bytes_out_of_line: i64,
}

/// What a chunk holds: equal on both sides exactly if the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over all of them, in hexadecimal digits; `None` of no row.
    pub sha256: Option<String>,
}

/// What both sides are asked for: the same columns in the same form.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Columns and form.
    pub wire: Wire,
    /// Columns whose comparison cannot be certain, and why.
    pub uncertain: Vec<String>,
    /// Names and types of the columns, in the order of the wire.
    pub compared: Vec<ComparedColumn>,
    /// The key.
    pub id: String,
    /// Whether rows are hashed one by one, so that a chunk needs no more memory than its largest row.
    pub is_wide: bool,
}

impl Side {
    /// Connects and describes the table. The pool opens at most `connections` sessions, of which one is open now.
    ///
    /// # Errors
    /// Those of the connection; those of [`comparable`].
    pub async fn open(at: &Place, id_column: &str, connections: u32, timeout: Duration, log: &Logger) -> Result<Self> {
        let pool = Pool::new(&at.conninfo, PURPOSE, connections, timeout, log);
        let lent = pool.get().await?;
        let session: &Session = &lent;
        let table = catalog::table(session, &at.table, id_column).await?;
        let table = comparable(table, &at.table, id_column).map_err(|error| error.at(session.place()))?;
        let row = session.query_one(include_str!("../../../sql/audit/size.sql"), &[&table.oid]).await;
        let size = |row: Row| {
            Ok(Size {
                rows_estimated: row.try_get("rows_estimated")?,
                bytes: row.try_get("bytes")?,
                bytes_out_of_line: row.try_get("bytes_out_of_line")?,
            })
        };
        let size = row
            .and_then(size)
            .map_err(|error| session.error(&error, "cannot ask how large the table is"))?;
        let identity = Identity {
            system_identifier: session.server().identity.system_identifier,
            database: at.conninfo.database.clone(),
            table: at.table.to_string(),
            oid: table.oid,
            is_standby: session.server().is_in_recovery(),
        };
        let server = session.server().identity.clone();
        let place = session.place().to_owned();
        drop(lent);
        Ok(Self {
            name: at.name.clone(),
            table,
            size,
            place,
            identity,
            server,
            conninfo: at.conninfo.clone(),
            timeout,
            pool,
        })
    }

    /// Host, port, database and table.
    pub fn shown(&self) -> String {
        format!("{} {}", self.place, self.table.name)
    }

    /// Which table of which database.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Which server it is on.
    pub fn server(&self) -> &ServerIdentity {
        &self.server
    }

    /// A session of the pool.
    ///
    /// # Errors
    /// Those of [`Pool::get`]; `Unavailable` when it is on another server than the first one was.
    pub async fn session(&self) -> Result<Lent<'_>> {
        let lent = self.pool.get().await?;
        self.confirm_server(&lent)?;
        Ok(lent)
    }

    /// A session of its own, besides the pool.
    ///
    /// # Errors
    /// Those of the connection; as [`Self::session`].
    pub async fn own_session(&self) -> Result<Session> {
        let session = Session::open(&self.conninfo, PURPOSE, self.timeout).await?;
        self.confirm_server(&session)?;
        Ok(session)
    }

    /// Behind one address there may be several.
    fn confirm_server(&self, session: &Session) -> Result<()> {
        if session.server().identity == self.server {
            return Ok(());
        }
        Err(
            Error::new(Kind::Unavailable, format!("another server answers for {} than before", self.name))
                .at(session.place())
                .fix("name one server, not an address that leads to several; then compare again"),
        )
    }

    /// A session of its own that reads the rows themselves.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn reader(&self, columns: &Columns) -> Result<StoredEvents> {
        let session = self.own_session().await?;
        StoredEvents::open(session, self.table.name.clone(), &columns.id, columns.wire.clone()).await
    }

    /// How many rows have no id, so that no range holds them.
    pub async fn without_id(&self, columns: &Columns, enough: &Stop) -> Result<u64> {
        let asked = self.fill(include_str!("../../../sql/audit/without_id.sql"), columns, None, &[]);
        self.counted(&asked, enough).await
    }

    /// The lowest and the highest id, of one snapshot.
    ///
    /// # Errors
    /// Those of the server; so all of these.
    pub async fn ends(&self, columns: &Columns, enough: &Stop) -> Result<(Option<i64>, Option<i64>)> {
        let asked = self.fill(include_str!("../../../sql/audit/ends.sql"), columns, None, &[]);
        let rows = self.answer(&asked, Duration::MAX, enough).await?;
        let row = rows.first().ok_or_else(|| self.odd())?;
        let id = |column: usize| {
            row.try_get(column)
                .map_err(|_| self.odd())?
                .map(str::parse)
                .transpose()
                .map_err(|_| self.odd())
        };
        Ok((id(0)?, id(1)?))
    }

    /// What some chunks hold, in their order; `Stopped` when `enough` comes first: then the server is told to cancel.
    pub async fn digests(&self, columns: &Columns, chunks: &[IdRange], enough: &Stop) -> Result<Vec<Digest>> {
        let bytes = if columns.is_wide { "pg_catalog.sha256(r.bytes)" } else { "r.bytes" };
        let values: Vec<String> = columns.wire.columns.iter().map(|column| compared(column, &columns.wire)).collect();
        let more = [
            ("columns", values.join(", ")),
            ("bytes", bytes.to_owned()),
            (
                "firsts",
                array(
                    chunks
                        .iter()
                        .map(|chunk| chunk.after.map_or(i64::MIN, |after| after.saturating_add(1))),
                ),
            ),
            ("lasts", array(chunks.iter().map(|chunk| chunk.through))),
        ];
        let asked = self.fill(include_str!("../../../sql/audit/digest.sql"), columns, None, &more);
        let mut digests = vec![None; chunks.len()];
        for row in self.rows(&asked, enough).await? {
            let place = text(&row, 0).and_then(|place| place.parse::<usize>().ok()).unwrap_or_default();
            let digest = Digest {
                rows: number(&row, 1).ok_or_else(|| self.odd())?,
                sha256: text(&row, 2).map(str::to_owned),
            };
            *place
                .checked_sub(1)
                .and_then(|place| digests.get_mut(place))
                .ok_or_else(|| self.odd())? = Some(digest);
        }
        digests.into_iter().collect::<Option<Vec<Digest>>>().ok_or_else(|| self.odd())
    }

    /// The last ids of the next chunks of so many rows at the lower end of a range; fewer than `chunks` when no more are left.
    pub async fn boundaries(&self, columns: &Columns, range: IdRange, chunk_rows: u64, chunks: usize, enough: &Stop) -> Result<Vec<i64>> {
        let rows_max = chunk_rows.saturating_mul(chunks as u64);
        let more = [("chunk_rows", chunk_rows.to_string()), ("rows_max", rows_max.to_string())];
        let asked = self.fill(include_str!("../../../sql/audit/boundaries.sql"), columns, Some(range), &more);
        let rows = self.rows(&asked, enough).await?;
        let id = |row: &SimpleQueryRow| text(row, 0).and_then(|id| id.parse().ok()).ok_or_else(|| self.odd());
        rows.iter().map(id).collect()
    }

    /// How many rows lie in a range; as [`Self::digests`] where it is stopped.
    pub async fn count(&self, columns: &Columns, range: IdRange, enough: &Stop) -> Result<u64> {
        let asked = self.fill(include_str!("../../../sql/audit/count.sql"), columns, Some(range), &[]);
        self.counted(&asked, enough).await
    }

    /// Asks by a file of `sql/audit/` about the rows of some ids.
    pub async fn about_ids(&self, file: &str, columns: &Columns, more: &[(&str, sql::Value<'_>)], ids: &[i64]) -> Result<Vec<Row>> {
        let mut values = vec![
            ("table", sql::sql(self.table.name.quoted())),
            ("id", sql::text(columns.id.as_str())),
        ];
        values.extend(more.iter().cloned());
        let asked = sql::fill(file, &values);
        let lent = self.session().await?;
        lent.query(&asked, &[&ids]).await.map_err(|error| self.error(&lent, &error))
    }

    /// For a statement that reads the whole table, however long it takes.
    async fn counted(&self, asked: &str, enough: &Stop) -> Result<u64> {
        let rows = self.answer(asked, Duration::MAX, enough).await?;
        rows.last().and_then(|row| number(row, 0)).ok_or_else(|| self.odd())
    }

    pub(super) async fn rows(&self, asked: &str, enough: &Stop) -> Result<Vec<SimpleQueryRow>> {
        self.answer(asked, ANSWER_MAX, enough).await
    }

    /// What the server answers within this time, unless `enough` comes first; else it is told to cancel, and has when this returns.
    pub(super) async fn answer(&self, asked: &str, answer_max: Duration, enough: &Stop) -> Result<Vec<SimpleQueryRow>> {
        let lent = self.session().await?;
        let answer = tokio::time::timeout(answer_max, enough.or(lent.simple_query(asked))).await;
        match answer {
            Ok(Some(answer)) => Ok(rows_of(answer.map_err(|error| self.error(&lent, &error))?)),
            Ok(None) => {
                lent.cancel().await;
                Err(Error::new(Kind::Stopped, "the comparison was stopped"))
            }
            Err(_) => {
                lent.cancel().await;
                Err(Error::new(Kind::Unavailable, format!("cannot compare {}", self.table.name))
                    .at(lent.place())
                    .because(format!("no answer within {} s", answer_max.as_secs())))
            }
        }
    }

    pub(super) fn fill(&self, file: &str, columns: &Columns, range: Option<IdRange>, more: &[(&str, String)]) -> String {
        let mut values = vec![
            ("table", sql::sql(self.table.name.quoted())),
            ("id", sql::text(columns.id.as_str())),
        ];
        values.extend(range.map(|range| ("range", sql::sql(condition(range, &columns.id)))));
        values.extend(more.iter().map(|(name, value)| (*name, sql::sql(value.as_str()))));
        sql::fill(file, &values)
    }

    fn error(&self, session: &Session, error: &tokio_postgres::Error) -> Error {
        session.error(error, format!("cannot compare {}", self.table.name))
    }

    pub(super) fn odd(&self) -> Error {
        Error::new(Kind::Bug, format!("cannot compare {}", self.table.name)).because("the server's answer is not what was asked for")
    }
}

/// A column as both sides hash it: as it is where binary forms are equal, else as text; `bytea` always as it is.
fn compared(column: &WireColumn, wire: &Wire) -> String {
    match wire.format {
        Format::Text if column.read_as != ReadAs::Bytes => column.text("e"),
        _ => column.value("e"),
    }
}

/// As SQL, of a table `e`.
pub(super) fn condition(range: IdRange, id_column: &str) -> String {
    let id = format!("e.{}", sql::ident(id_column));
    let after = range
        .after
        .map_or_else(String::new, |after| format!("{id} > '{after}'::pg_catalog.int8 and "));
    format!("{after}{id} <= '{}'::pg_catalog.int8", range.through)
}

fn rows_of(answer: Vec<SimpleQueryMessage>) -> Vec<SimpleQueryRow> {
    let rows = answer.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.collect()
}

/// What stands in a column, unless it is NULL or the server lied.
pub(super) fn text(row: &SimpleQueryRow, column: usize) -> Option<&str> {
    row.try_get(column).ok().flatten()
}

pub(super) fn number(row: &SimpleQueryRow, column: usize) -> Option<u64> {
    text(row, column)?.parse().ok()
}

fn array(ids: impl Iterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("'{{{}}}'::pg_catalog.int8[]", ids.join(","))
}

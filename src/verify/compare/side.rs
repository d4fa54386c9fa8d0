//! One side of a comparison: its table, and the short questions it is asked over a bounded pool.

use crate::config::libpq::Conninfo;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::{DigestInput, EventStore};
use crate::event::wire::Wire;
use crate::postgres::session::answers::parsed;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::pool::{PooledSession, SessionPool};
use crate::postgres::session::server::ServerIdentity;
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::EventTable;
use crate::postgres::table::describe;
use crate::postgres::table::store::PgTable;
use crate::sql::{ColumnNames, RowCondition, TableName};
use crate::stop::Stop;
use crate::verify::class::ComparedColumn;
use crate::verify::compare::identity::TableIdentity;
use crate::verify::compare::reader_session::ReaderSession;
use crate::verify::compare::schema::comparable;
use futures::future::BoxFuture;
use slog::Logger;
use std::time::Duration;
use tokio_postgres::Row;

/// Both sides are only read.
const PURPOSE: SessionPurpose = SessionPurpose { what: "diff", side: ErrorSide::Source };

/// A digest or a boundary that takes longer is given up: a chunk takes milliseconds.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(300);
/// What reads a whole table may take as long as that takes.
pub(crate) const WHOLE_TABLE_MAX: Duration = Duration::MAX;

/// Where a side is.
#[derive(Clone, Debug)]
pub struct SidePlace {
    /// What it is called in the output: `source`, a destination's name, `first`, `second`.
    pub name: String,
    /// Its database.
    pub conninfo: Conninfo,
    /// Its table.
    pub table: TableName,
    /// Which of its rows are compared; `None`: all.
    pub rows: Option<RowCondition>,
    /// Its columns that are compared; empty: all.
    pub columns: Vec<String>,
    /// What it calls the columns of the first side.
    pub names: ColumnNames,
}

/// Over which session rows are read, besides the short questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReaderSource {
    /// Over one of its own.
    Own,
    /// Over one of the pool: there are never more sessions than the pool has.
    Pool,
}

/// How a side is connected to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SideAccess<'a> {
    /// Sessions for short questions at most; one where it shares a pool.
    pub connections: u32,
    /// How long a connection may take.
    pub timeout: Duration,
    /// Over which session rows are read.
    pub readers: ReaderSource,
    /// A pool that it shares with others; `None`: it has one of its own.
    pub pool: Option<&'a SessionPool>,
}

/// A side whose table was described.
#[derive(Debug)]
pub struct ComparisonSide {
    /// What it is called in the output.
    pub name: String,
    /// Its table.
    pub table: EventTable,
    /// How large it is.
    pub size: TableSize,
    place: String,
    identity: TableIdentity,
    server: ServerIdentity,
    conninfo: Conninfo,
    rows: Option<RowCondition>,
    timeout: Duration,
    readers: ReaderSource,
    pool: SessionPool,
}

/// How large a table is, by the server's own statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TableSize {
    /// Rows; 0 when never analysed.
    pub rows_estimated: f64,
    /// Bytes on disk, without indexes.
    pub bytes: i64,
    /// Bytes of values stored out of line.
    pub bytes_out_of_line: i64,
}

/// What both sides are asked for: the same columns in the same form.
#[derive(Clone, Debug)]
pub struct SharedColumns {
    /// Columns and form.
    pub wire: Wire,
    /// Columns whose comparison cannot be certain, and why.
    pub uncertain: Vec<String>,
    /// Names and types of the columns, in the order of the wire.
    pub compared: Vec<ComparedColumn>,
    /// The key.
    pub id: String,
    /// What digests of chunks go over.
    pub hashing: DigestInput,
}

impl ComparisonSide {
    /// A pool of sessions for this place.
    pub(crate) fn pool(
        at: &SidePlace,
        connections: u32,
        timeout: Duration,
        log: &Logger,
    ) -> SessionPool {
        SessionPool::new(&at.conninfo, PURPOSE, connections, timeout, log)
    }

    /// Connects and describes the table. A pool of its own opens at most `connections` sessions, of
    /// which one is open now.
    pub(crate) async fn open(
        at: &SidePlace,
        id_column: &str,
        access: SideAccess<'_>,
        log: &Logger,
    ) -> Result<Self> {
        let own = || Self::pool(at, access.connections, access.timeout, log);
        let pool = access.pool.cloned().unwrap_or_else(own);
        let lent = pool.get().await?;
        let session: &Session = &lent;
        let table = describe::destination_table(session, (&at.table, &at.names), id_column).await?;
        let table = table.map(|table| table.copying(&at.columns)).transpose();
        let table = table.map_err(|unknown| unknown.into_worst().at(session.place().to_owned()))?;
        let table =
            comparable(table, &at.table, id_column).map_err(|error| error.at(session.place()))?;
        let row =
            session.query_one(include_str!("../../../sql/verify/size.sql"), &[&table.oid]).await;
        let size = |row: Row| {
            Ok(TableSize {
                rows_estimated: row.try_get("rows_estimated")?,
                bytes: row.try_get("bytes")?,
                bytes_out_of_line: row.try_get("bytes_out_of_line")?,
            })
        };
        let size = row
            .and_then(size)
            .map_err(|error| session.error(&error, "cannot ask how large the table is"))?;
        let identity = TableIdentity {
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
            rows: at.rows.clone(),
            timeout: access.timeout,
            readers: access.readers,
            pool,
        })
    }

    /// Confirms that it holds no id more than once.
    ///
    /// # Errors
    /// `Unsuitable` when it does.
    pub(super) async fn confirm_unique(&self, id_column: &str) -> Result<()> {
        let lent = self.session().await?;
        let wire = Wire::without_columns();
        let store = PgTable::new(&*lent, &self.table.name, id_column, &wire).keyed_as(&self.table);
        let Some(id) = store.double().await? else { return Ok(()) };
        let what = format!("{} holds id {id} more than once", self.table.name);
        Err(Error::new(ErrorKind::Unsuitable, what)
            .at(lent.place())
            .because("rows are compared by their id")
            .fix("find out which of them is the event, and remove the others"))
    }

    /// Over which session rows are read.
    pub(super) fn readers(&self) -> ReaderSource {
        self.readers
    }

    /// Host, port, database and table.
    pub fn shown(&self) -> String {
        format!("{} {}", self.place, self.table.name)
    }

    /// Which table of which database.
    pub fn identity(&self) -> &TableIdentity {
        &self.identity
    }

    /// Which server it is on.
    pub fn server(&self) -> &ServerIdentity {
        &self.server
    }

    /// A session of the pool.
    ///
    /// # Errors
    /// Those of [`SessionPool::get`]; `Unavailable` when it is on another server than the first one
    /// was.
    pub async fn session(&self) -> Result<PooledSession<'_>> {
        let lent = self.pool.get().await?;
        self.confirm_server(&lent)?;
        Ok(lent)
    }

    /// A session of its own, besides the pool.
    pub async fn own_session(&self) -> Result<Session> {
        let session = Session::open(&self.conninfo, PURPOSE, self.timeout).await?;
        self.confirm_server(&session)?;
        Ok(session)
    }

    /// Behind one address there may be several.
    fn confirm_server(&self, session: &Session) -> Result<()> {
        let found = &session.server().identity;
        if *found == self.server {
            return Ok(());
        }
        if found.system_identifier.is_some()
            && found.history() == self.server.history()
            && found.is_in_recovery == self.server.is_in_recovery
        {
            let what = format!("the server of {} was started again meanwhile", self.name);
            return Err(Error::new(ErrorKind::Unavailable, what)
                .at(session.place())
                .fix("nothing, unless this repeats; then compare again"));
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("another server answers for {} than before", self.name),
        )
        .at(session.place())
        .fix("name one server, not an address that leads to several; then compare again"))
    }

    /// A session that reads the rows themselves.
    pub(super) async fn reader(
        &self,
        columns: &SharedColumns,
    ) -> Result<PgTable<ReaderSession<'_>>> {
        let session = match self.readers {
            ReaderSource::Own => ReaderSession::Own(self.own_session().await?),
            ReaderSource::Pool => ReaderSession::Lent(self.session().await?),
        };
        let table = PgTable::new(session, &self.table.name, &columns.id, &columns.wire);
        Ok(table.matching(self.rows.as_ref()).called(&self.table.names))
    }

    /// Asks by a file of `sql/audit/` about the rows of some ids.
    pub(crate) async fn about_ids(
        &self,
        file: &str,
        columns: &SharedColumns,
        expressions: String,
        ids: &[i64],
    ) -> Result<Vec<Row>> {
        let lent = self.session().await?;
        let table = self.over(&lent, columns);
        let asked = table.fill(file, &[("columns", expressions)]);
        lent.query(&asked, &[&ids]).await.map_err(|error| table.error(&error))
    }

    /// Asks a question over a session of the pool. `Stopped` when `enough` comes first,
    /// `Unavailable` after `answer_max`: then the server is told to cancel, and has when this
    /// returns.
    pub async fn ask<T>(
        &self,
        columns: &SharedColumns,
        (answer_max, enough): (Duration, &Stop),
        question: impl for<'s> FnOnce(&'s dyn EventStore) -> BoxFuture<'s, Result<T>> + Send,
    ) -> Result<T> {
        let lent = self.session().await?;
        let store = self.over(&lent, columns);
        self.within(&lent, (answer_max, enough), question(&store)).await
    }

    /// The last id of the next so many rows of a range, whether or not they are compared; `None`
    /// when fewer are left.
    pub(in crate::verify) async fn boundary_of_all(
        &self,
        columns: &SharedColumns,
        (range, rows): (IdRange, u64),
        stop: &Stop,
    ) -> Result<Option<i64>> {
        let lent = self.session().await?;
        let store = self.over(&lent, columns).matching(None);
        let boundaries = store.boundaries(range, rows, 1);
        Ok(self.within(&lent, (ANSWER_MAX, stop), boundaries).await?.first().copied())
    }

    /// How many rows of a range there are, whether or not they are compared.
    pub(in crate::verify) async fn count_of_all(
        &self,
        columns: &SharedColumns,
        range: IdRange,
        stop: &Stop,
    ) -> Result<u64> {
        let lent = self.session().await?;
        let store = self.over(&lent, columns).matching(None);
        self.within(&lent, (ANSWER_MAX, stop), store.count(range)).await
    }

    /// The first ids of a range that it holds more than once.
    pub(in crate::verify) async fn doubled_ids(
        &self,
        columns: &SharedColumns,
        (range, ids_max): (IdRange, usize),
        stop: &Stop,
    ) -> Result<Vec<i64>> {
        let lent = self.session().await?;
        let table = self.over(&lent, columns);
        let more = [("range", table.condition(range)), ("ids_max", ids_max.to_string())];
        let statement = table.fill(include_str!("../../../sql/verify/doubled.sql"), &more);
        let rows = self.within(&lent, (ANSWER_MAX, stop), table.simple_rows(&statement)).await?;
        Ok(rows.iter().filter_map(|row| parsed(row, 0)).collect())
    }

    /// Whether some of its rows are not compared.
    pub(in crate::verify) fn is_partial(&self) -> bool {
        self.rows.is_some()
    }

    pub(super) async fn within<T>(
        &self,
        session: &Session,
        (answer_max, enough): (Duration, &Stop),
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match tokio::time::timeout(answer_max, enough.or(answer)).await {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                session.cancel().await;
                Err(Error::new(ErrorKind::Stopped, "the comparison was stopped"))
            }
            Err(_) => {
                session.cancel().await;
                Err(session.no_answer(answer_max, format!("cannot read {}", self.table.name)))
            }
        }
    }

    /// Its table over a session.
    pub(super) fn over<'s>(
        &self,
        session: &'s Session,
        columns: &SharedColumns,
    ) -> PgTable<&'s Session> {
        let table = PgTable::new(session, &self.table.name, &columns.id, &columns.wire);
        table.matching(self.rows.as_ref()).called(&self.table.names)
    }
}

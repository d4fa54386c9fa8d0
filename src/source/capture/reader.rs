//! What a reflection asks of a log of changes and of the tables that are captured into it, over a
//! session of its own.

use super::described::{described, is_log, relation};
use super::past::PastTable;
use crate::config::SourceConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::event::captured::{
    CapturedLog, CapturedTable, ChangeBeginning, ChangeSource, KeyRange, LogMoment, RowRange,
    VisibleTransactions,
};
use crate::event::change::RowImage;
use crate::event::net::RowKey;
use crate::event::range::IdRange;
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::answers::{parsed, rows};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::server::ServerIdentity;
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::highest;
use crate::postgres::table::store::PgTable;
use crate::source::ids::Discipline;
use crate::source::ids::settle::decided;
use crate::sql::{TableName, fill, ident, literal, sql};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Transactions that are open when a reflection begins are waited for so long; with one that stays
/// open the reflection begins at the first event.
const SETTLE_MAX: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
struct ChangeReader {
    config: SourceConfig,
    timeout: Duration,
    identity: ServerIdentity,
    log: TableName,
    discipline: Discipline,
    /// Taken out while it is used: what was given up in the middle is not used again.
    session: Mutex<Option<Session>>,
}

/// What a source has of captured tables; `None` where its table is no log of changes.
///
/// # Errors
/// Those of the session.
pub(crate) async fn captured_log(
    session: &Session,
    config: &SourceConfig,
    timeout: Duration,
    (log, discipline): (&TableName, &Discipline),
) -> Result<Option<CapturedLog>> {
    let Some(tables) = captured_tables(session, log).await? else { return Ok(None) };
    let reader = ChangeReader {
        config: config.clone(),
        timeout,
        identity: session.server().identity.clone(),
        log: log.clone(),
        discipline: discipline.clone(),
        session: Mutex::new(None),
    };
    Ok(Some(CapturedLog { tables, changes: Arc::new(reader) }))
}

/// What is captured into a table; `None` where it is no log of changes.
///
/// # Errors
/// Those of the session.
pub(crate) async fn captured_tables(
    session: &Session,
    log: &TableName,
) -> Result<Option<Vec<CapturedTable>>> {
    match is_log(session, log).await? {
        true => Ok(Some(described(session, log).await?)),
        false => Ok(None),
    }
}

impl ChangeReader {
    /// Does something over the session, which is opened where there is none.
    async fn with<T>(&self, work: impl AsyncFnOnce(&Session) -> Result<T>) -> Result<T> {
        let mut kept = self.session.lock().await;
        let session = match kept.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => self.open().await?,
        };
        let done = work(&session).await;
        if done.is_ok() {
            *kept = Some(session);
        }
        done.map_err(|error| match error.kind() {
            // The destination is not to blame.
            ErrorKind::Unavailable => error.of_kind(ErrorKind::Upstream),
            _ => error,
        })
    }

    async fn open(&self) -> Result<Session> {
        let purpose = SessionPurpose { what: "reflect", side: ErrorSide::Source };
        let session = Session::open(&self.config.conninfo, purpose, self.timeout).await;
        let session = session.map_err(|error| error.of_kind(ErrorKind::Upstream))?;
        if session.server().identity != self.identity {
            return Err(Error::new(ErrorKind::Upstream, "another server answers than before")
                .at(session.place()));
        }
        Ok(session)
    }

    async fn begin_at(&self, session: &Session, wire: &Wire) -> Result<ChangeBeginning> {
        let id_column = &self.config.id_column;
        let decided = decided(session, &self.log, id_column, &self.discipline, SETTLE_MAX).await?;
        let Some(position) = decided else { return Ok(ChangeBeginning::default()) };
        let log = PgTable::new(session, &self.log, id_column, wire);
        let Some(position) = log.highest_through(position).await? else {
            return Ok(ChangeBeginning::default());
        };
        let lowest = log.ends().await?.lowest;
        let first = match lowest {
            Some(id) => log.event_digest(id).await?.map(|digest| (id, digest)),
            None => None,
        };
        Ok(ChangeBeginning {
            position: Some(position),
            events: log.count(IdRange::up_to(position)).await?,
            first,
            last: log.event_digest(position).await?,
        })
    }

    async fn going_on_after(
        &self,
        session: &Session,
        transactions: &BTreeSet<i64>,
        through: i64,
    ) -> Result<BTreeSet<i64>> {
        let text = include_str!("../../../sql/capture/going_on.sql");
        let text = fill(text, &[("log", sql(self.log.quoted()))]);
        let asked: Vec<i64> = transactions.iter().copied().collect();
        let found = session.query(&text, &[&asked, &through]).await;
        let found =
            found.map_err(|error| session.error(&error, "cannot ask which transactions go on"))?;
        Ok(found.iter().map(|row| row.get(0)).collect())
    }

    async fn range(
        &self,
        session: &Session,
        table: &CapturedTable,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<RowRange> {
        let what = || format!("cannot read the rows of {}", table.source);
        let failed = |error: tokio_postgres::Error| session.error(&error, what());
        let name = relation(session, table).await?;
        let begin = include_str!("../../../sql/capture/read_as_captured.sql");
        session.batch_execute(begin).await.map_err(failed)?;
        // Before the snapshot: what a TRUNCATE took away is gone from older snapshots too.
        let lock = format!("lock table {name} in access share mode");
        session.batch_execute(&lock).await.map_err(failed)?;
        let seen = session.query_one("select pg_catalog.pg_current_snapshot()::text", &[]).await;
        let seen: String = seen.map_err(failed)?.get(0);
        let found =
            session.query(&page(table, &name, after, rows_max), &[]).await.map_err(failed)?;
        session.batch_execute("commit").await.map_err(failed)?;
        let image = |row: &tokio_postgres::Row| {
            RowImage::parse(Bytes::from(row.get::<_, String>(0).into_bytes()))
        };
        let rows = found.iter().map(image).collect::<Result<Vec<_>>>()?;
        let through = session.query_one(&highest(&self.log, &self.config.id_column), &[]).await;
        let unread = || Error::new(ErrorKind::Bug, "a snapshot of the source cannot be read");
        Ok(RowRange {
            is_last: rows.len() < usize::try_from(rows_max).unwrap_or(usize::MAX),
            rows,
            snapshot: VisibleTransactions::parse(&seen).ok_or_else(unread)?,
            through: through.map_err(failed)?.get(0),
        })
    }
}

/// The next rows after a key, each as the triggers write it.
fn page(table: &CapturedTable, name: &str, after: Option<&RowKey>, rows_max: u32) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| ident(&column.name)).collect();
    let key: Vec<String> = table.key.iter().map(|column| format!("t.{}", ident(column))).collect();
    // By the operator that compares keys with the last one read: the order of the index may be that
    // of another operator (citext).
    let order: Vec<String> =
        key.iter().map(|column| format!("{column} using operator(pg_catalog.<)")).collect();
    let beyond = after.map(|after| {
        format!(" where ({}) operator(pg_catalog.>) ({})", key.join(", "), key_value(table, after))
    });
    format!(
        "select pg_catalog.row_to_json(s)::text from (select {} from {name} t{} order by {} limit {rows_max}) s",
        columns.iter().map(|column| format!("t.{column}")).collect::<Vec<_>>().join(", "),
        beyond.unwrap_or_default(),
        order.join(", "),
    )
}

/// A key as typed SQL.
fn key_value(table: &CapturedTable, key: &RowKey) -> String {
    let typed = table.key.iter().zip(key.texts()).map(|(column, text)| {
        let of = table.column(column).map_or("text", |column| column.type_name.as_str());
        format!("{}::{of}", literal(text))
    });
    typed.collect::<Vec<_>>().join(", ")
}

/// Asks in which range each key lies.
fn ranges_query(table: &CapturedTable, ranges: &[KeyRange], keys: &[RowKey]) -> String {
    let keys: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(at, key)| format!("({at}, {})", key_value(table, key)))
        .collect();
    let names: Vec<String> = (0..table.key.len()).map(|at| format!("k{at}")).collect();
    let names = names.join(", ");
    let bound = |key: &Option<RowKey>, operator: &str| {
        key.as_ref().map(|key| format!("({names}) {operator} ({})", key_value(table, key)))
    };
    let arms: Vec<String> = ranges
        .iter()
        .enumerate()
        .map(|(at, range)| {
            let bounds: Vec<String> = [bound(&range.after, ">"), bound(&range.through, "<=")]
                .into_iter()
                .flatten()
                .collect();
            let all = if bounds.is_empty() { "true".to_owned() } else { bounds.join(" and ") };
            format!("when {all} then {at}")
        })
        .collect();
    format!(
        "select at, case {} end from (values {}) v (at, {names})",
        arms.join(" "),
        keys.join(", ")
    )
}

impl ChangeSource for ChangeReader {
    fn beginning(&self, wire: Arc<Wire>) -> BoxFuture<'_, Result<ChangeBeginning>> {
        async move { self.with(async |session| self.begin_at(session, &wire).await).await }.boxed()
    }

    fn going_on<'a>(
        &'a self,
        transactions: &'a BTreeSet<i64>,
        through: i64,
    ) -> BoxFuture<'a, Result<BTreeSet<i64>>> {
        async move {
            let asked =
                async |session: &Session| self.going_on_after(session, transactions, through).await;
            self.with(asked).await
        }
        .boxed()
    }

    fn rows<'a>(
        &'a self,
        table: &'a CapturedTable,
        after: Option<&'a RowKey>,
        rows_max: u32,
    ) -> BoxFuture<'a, Result<RowRange>> {
        async move {
            self.with(async |session| self.range(session, table, after, rows_max).await).await
        }
        .boxed()
    }

    fn ranges_of<'a>(
        &'a self,
        table: &'a CapturedTable,
        ranges: &'a [KeyRange],
        keys: &'a [RowKey],
    ) -> BoxFuture<'a, Result<Vec<Option<usize>>>> {
        async move {
            if keys.is_empty() || ranges.is_empty() {
                return Ok(vec![None; keys.len()]);
            }
            let asked = async |session: &Session| {
                let found = session.simple_query(&ranges_query(table, ranges, keys)).await;
                let found = found.map_err(|error| {
                    session.error(&error, format!("cannot compare keys of {}", table.source))
                })?;
                let mut lying = vec![None; keys.len()];
                for row in rows(found) {
                    let at = parsed::<usize, _>(&row, 0).and_then(|at| lying.get_mut(at));
                    if let Some(place) = at {
                        *place = parsed(&row, 1);
                    }
                }
                Ok(lying)
            };
            self.with(asked).await
        }
        .boxed()
    }

    fn rows_at<'a>(
        &'a self,
        table: &'a CapturedTable,
        at: LogMoment<'a>,
        pages: mpsc::Sender<Vec<RowImage>>,
    ) -> BoxFuture<'a, Result<Option<i64>>> {
        async move {
            let log = &self.log;
            let asked =
                async |session: &Session| PastTable { session, table, log, at }.send(&pages).await;
            self.with(asked).await
        }
        .boxed()
    }

    fn confirm<'a>(&'a self, tables: &'a [CapturedTable]) -> BoxFuture<'a, Result<()>> {
        async move {
            let asked = async |session: &Session| {
                let now = described(session, &self.log).await?;
                tables.iter().try_for_each(|table| confirm_one(session, table, &now))
            };
            self.with(asked).await
        }
        .boxed()
    }
}

fn confirm_one(session: &Session, table: &CapturedTable, now: &[CapturedTable]) -> Result<()> {
    let is = now.iter().find(|is| is.source == table.source);
    let faults = match is {
        Some(is) if is == table => return Ok(()),
        Some(is) if is.faults.is_empty() => vec!["its columns or its key have changed".to_owned()],
        Some(is) => is.faults.clone(),
        None => vec!["it is not captured any more".to_owned()],
    };
    let what = format!("{} is not captured as it was", table.source);
    let changed = Error::new(ErrorKind::Unsuitable, what).at(session.place());
    Err(faults.into_iter().fold(changed, Error::because).fix(
        "rows may have changed without an event: run counterfoil capture refresh, then counterfoil \
         reflect load for the reflections of it",
    ))
}

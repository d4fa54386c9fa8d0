//! What a destination with reflections remembers, and how that is read and written.

use super::mapping::TableMapping;
use crate::error::{Error, ErrorKind, Result};
use crate::event::captured::{ChangeBeginning, KeyRange, VisibleTransactions};
use crate::event::net::RowKey;
use crate::event::store::EventDigest;
use crate::postgres::session::Session;
use std::collections::BTreeMap;
use tokio_postgres::Row;

/// Where a destination stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReflectionState {
    /// Every transaction that has no change above this id is in the tables; `None`: nothing is.
    pub position: Option<i64>,
    /// Events up to it, those included that its loads took the place of.
    pub events: u64,
    /// The first of them, and its digest.
    pub first: Option<(i64, EventDigest)>,
    /// The digest of the event at the position.
    pub last: Option<EventDigest>,
    /// Which log it is computed from.
    pub source: String,
}

/// How a table stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryState {
    /// The table, by oid.
    pub target: u32,
    /// What its rows were computed by.
    pub mapping: String,
    /// Whether rows of the captured table are still to be loaded.
    pub is_loading: bool,
    /// Up to this key they are.
    pub loaded_through: Option<RowKey>,
    /// How many.
    pub loaded_rows: i64,
    /// Whether a range of this load is over: a change that empties the table is younger than its
    /// rows.
    pub has_forgotten: bool,
    /// The ranges whose rows may show changes that are still to come.
    pub ranges: Vec<LoadedRange>,
}

/// A range of keys whose rows were read in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LoadedRange {
    pub number: i64,
    pub keys: KeyRange,
    pub snapshot: VisibleTransactions,
    /// Every change that the snapshot shows has an id up to this one.
    pub until: i64,
}

/// A transaction of which changes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PendingTransaction {
    /// How many.
    pub rows: u64,
    /// The lowest id of a change that is kept.
    pub first_id: i64,
}

/// Everything that is remembered.
#[derive(Clone, Debug)]
pub(super) struct RememberedState {
    pub state: ReflectionState,
    /// By the name of the table.
    pub entries: BTreeMap<String, EntryState>,
    pub pending: BTreeMap<i64, PendingTransaction>,
}

impl EntryState {
    /// Of a table that is new, or is to be loaded again.
    pub(super) fn new(target: u32, mapping: &TableMapping) -> Self {
        Self {
            target,
            mapping: mapping.written(),
            is_loading: mapping.loads,
            loaded_through: None,
            loaded_rows: 0,
            has_forgotten: false,
            ranges: Vec::new(),
        }
    }

    /// Whether every change is applied to it: nothing of it is loading, nor was a moment ago.
    pub(super) fn is_settled(&self) -> bool {
        !self.is_loading && self.ranges.is_empty()
    }
}

/// Whether the tables of this state are there.
///
/// # Errors
/// Those of the session.
pub(super) async fn is_set_up(session: &Session) -> Result<bool> {
    let sql = "select pg_catalog.to_regclass('counterfoil.pending') is not null";
    let found = session.query_one(sql, &[]).await;
    let found = found.map_err(|error| session.error(&error, WHAT))?;
    Ok(found.get(0))
}

const WHAT: &str = "cannot read where the reflections stand";

/// Where a destination stands; `None`: it has not begun.
///
/// # Errors
/// Those of the session.
pub(super) async fn read_position(
    session: &Session,
    name: &str,
) -> Result<Option<ReflectionState>> {
    let sql = include_str!("../../../sql/reflect/read_state.sql");
    let row = session.query_opt(sql, &[&name]).await;
    let row = row.map_err(|error| session.error(&error, WHAT))?;
    Ok(row.map(|row| {
        let digest = |column: &str| row.get::<_, Option<EventDigest>>(column);
        let first: Option<i64> = row.get("first_id");
        ReflectionState {
            position: row.get("position"),
            events: row.get::<_, i64>("events").unsigned_abs(),
            first: first.zip(digest("first_digest")),
            last: digest("last_digest"),
            source: row.get("source"),
        }
    }))
}

/// Reads everything; `None`: the destination has not begun.
///
/// # Errors
/// Those of the session; `Contents` for what no replicator of ours wrote.
pub(super) async fn read(session: &Session, name: &str) -> Result<Option<RememberedState>> {
    let failed = |error: tokio_postgres::Error| session.error(&error, WHAT);
    let Some(state) = read_position(session, name).await? else { return Ok(None) };
    let sql = include_str!("../../../sql/reflect/read_entries.sql");
    let rows = session.query(sql, &[&name]).await.map_err(failed)?;
    let mut entries: BTreeMap<String, EntryState> =
        rows.iter().map(|row| (row.get("entry"), entry(row))).collect();
    let sql = include_str!("../../../sql/reflect/read_ranges.sql");
    for row in session.query(sql, &[&name]).await.map_err(failed)? {
        let range = range(&row).ok_or_else(|| damaged(session))?;
        if let Some(entry) = entries.get_mut(row.get::<_, &str>("entry")) {
            entry.ranges.push(range);
        }
    }
    let sql = include_str!("../../../sql/reflect/read_pending.sql");
    let rows = session.query(sql, &[&name]).await.map_err(failed)?;
    let pending = rows.iter().map(|row| {
        let rows = row.get::<_, i64>("rows").unsigned_abs();
        (row.get("xact"), PendingTransaction { rows, first_id: row.get("first_id") })
    });
    Ok(Some(RememberedState { state, entries, pending: pending.collect() }))
}

fn damaged(session: &Session) -> Error {
    Error::new(ErrorKind::Contents, WHAT)
        .at(session.place())
        .because("a row of counterfoil.loaded_range has no snapshot")
}

fn key(row: &Row, column: &str) -> Option<RowKey> {
    RowKey::of_marked(&row.get::<_, Option<Vec<String>>>(column)?)
}

fn entry(row: &Row) -> EntryState {
    EntryState {
        target: row.get("target"),
        mapping: row.get("mapping"),
        is_loading: row.get("is_loading"),
        loaded_through: key(row, "loaded_through"),
        loaded_rows: row.get("loaded_rows"),
        has_forgotten: row.get("has_forgotten"),
        ranges: Vec::new(),
    }
}

fn range(row: &Row) -> Option<LoadedRange> {
    Some(LoadedRange {
        number: row.get("number"),
        keys: KeyRange { after: key(row, "after"), through: key(row, "through") },
        snapshot: VisibleTransactions::parse(row.get("snapshot"))?,
        until: row.get("until"),
    })
}

/// Writes that a destination begins here.
///
/// # Errors
/// Those of the session.
pub(super) async fn begin(
    session: &Session,
    name: &str,
    beginning: &ChangeBeginning,
    source: &str,
) -> Result<()> {
    let (first_id, first_digest) = match &beginning.first {
        Some((id, digest)) => (Some(*id), Some(digest)),
        None => (None, None),
    };
    let events = i64::try_from(beginning.events).unwrap_or(i64::MAX);
    let sql = "insert into counterfoil.reflection (name, position, events, first_id, first_digest, last_digest, source) \
               values ($1, $2, $3, $4, $5, $6, $7)";
    let begun = session
        .execute(
            sql,
            &[
                &name,
                &beginning.position,
                &events,
                &first_id,
                &first_digest,
                &beginning.last,
                &source,
            ],
        )
        .await;
    begun.map_err(|error| session.error(&error, "cannot begin the reflections"))?;
    Ok(())
}

/// Writes how a table stands, in place of what was written of it.
///
/// # Errors
/// Those of the session.
pub(super) async fn write_entry(
    session: &Session,
    name: &str,
    (entry, of): (&str, &EntryState),
) -> Result<()> {
    let sql = "insert into counterfoil.reflected (name, entry, target, mapping, is_loading, loaded_through, loaded_rows, has_forgotten) \
               values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name, entry) do update set \
               (target, mapping, is_loading, loaded_through, loaded_rows, has_forgotten) = \
               (excluded.target, excluded.mapping, excluded.is_loading, excluded.loaded_through, excluded.loaded_rows, excluded.has_forgotten)";
    let through = of.loaded_through.as_ref().map(RowKey::marked);
    let written = session
        .execute(
            sql,
            &[
                &name,
                &entry,
                &of.target,
                &of.mapping,
                &of.is_loading,
                &through,
                &of.loaded_rows,
                &of.has_forgotten,
            ],
        )
        .await;
    written.map_err(|error| session.error(&error, "cannot write how a reflection stands"))?;
    Ok(())
}

/// Forgets tables that are not computed any more: all but these.
///
/// # Errors
/// Those of the session.
pub(super) async fn forget_others(session: &Session, name: &str, entries: &[String]) -> Result<()> {
    let sql = "delete from counterfoil.reflected where name operator(pg_catalog.=) $1 \
               and entry operator(pg_catalog.<>) all ($2)";
    let forgotten = session.execute(sql, &[&name, &entries]).await;
    forgotten.map_err(|error| session.error(&error, "cannot forget a reflection"))?;
    Ok(())
}

/// Writes that a range was loaded; gives its number.
///
/// # Errors
/// Those of the session.
pub(super) async fn write_range(
    session: &Session,
    (name, entry): (&str, &str),
    keys: &KeyRange,
    (snapshot, until): (&VisibleTransactions, i64),
) -> Result<i64> {
    let sql = "insert into counterfoil.loaded_range (name, entry, after, through, snapshot, until) \
               values ($1, $2, $3, $4, $5, $6) returning number";
    let (after, through) =
        (keys.after.as_ref().map(RowKey::marked), keys.through.as_ref().map(RowKey::marked));
    let written = session
        .query_one(sql, &[&name, &entry, &after, &through, &snapshot.to_string(), &until])
        .await;
    let written =
        written.map_err(|error| session.error(&error, "cannot write that rows were loaded"))?;
    Ok(written.get(0))
}

/// Takes away ranges of a table; `None`: all of them.
///
/// # Errors
/// Those of the session.
pub(super) async fn forget_ranges(
    session: &Session,
    (name, entry): (&str, &str),
    numbers: Option<&[i64]>,
) -> Result<()> {
    let sql = "delete from counterfoil.loaded_range where name operator(pg_catalog.=) $1 and entry operator(pg_catalog.=) $2 \
               and ($3::pg_catalog.int8[] is null or number operator(pg_catalog.=) any ($3))";
    let forgotten = session.execute(sql, &[&name, &entry, &numbers]).await;
    forgotten.map_err(|error| session.error(&error, "cannot forget ranges that were loaded"))?;
    Ok(())
}

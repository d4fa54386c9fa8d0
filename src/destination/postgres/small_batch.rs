//! A few rows in one flush, where a COPY takes three: begin, fence, one INSERT that fails unless it
//! stands on the position, commit.
//!
//! Nothing is lost, doubled or reordered for the same reasons as with a COPY: the INSERT is a
//! statement after the fence, so it sees everything that was committed before, and it looks at the
//! position in its own snapshot. It inserts all rows or none, and none where the BEGIN before it
//! failed. Once it has failed, what follows commits nothing (PostgreSQL manual, COMMIT); the rows
//! go the way of all others, which tells what is wrong.

use crate::destination::postgres::target::{AppendTarget, CommitDurability};
use crate::error::Error;
use crate::event::frame::{self, CopyFormat, FramedRow};
use crate::fail;
use crate::postgres::session::Session;
use crate::sql;
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format as ParameterFormat, IsNull, ToSql, Type, to_sql_checked};

/// Rows of a batch that goes this way, at most: beyond, a COPY is quicker.
pub(super) const FEW_ROWS_MAX: u64 = 16;
/// And their bytes.
pub(super) const FEW_BYTES_MAX: usize = 64 * 1024;

/// The search path of the role, as for a COPY, and the mark of a transaction that was begun.
const BEGUN: &str = concat!(
    include_str!("../../../sql/destination/role_search_path.sql"),
    include_str!("../../../sql/destination/begun.sql")
);

/// The statements, by number of rows, as far as they were prepared.
#[derive(Debug)]
pub(super) struct SmallBatchStatements {
    types: Vec<Type>,
    prepared: BTreeMap<usize, Statement>,
}

/// The fields of some rows, as they came.
pub(super) struct RowFields {
    pub rows: usize,
    fields: Vec<BinaryField>,
}

/// A field in binary form; `None`: NULL.
#[derive(Debug)]
struct BinaryField(Option<Bytes>);

impl ToSql for BinaryField {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.put_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> ParameterFormat {
        ParameterFormat::Binary
    }

    to_sql_checked!();
}

impl RowFields {
    /// Those of whole rows of binary COPY data.
    ///
    /// # Errors
    /// `Bug` when they are not whole.
    pub fn of(rows: &Bytes, to: &AppendTarget) -> Result<Self, Error> {
        let rows = frame::rows_of(rows, to.layout)?;
        let of_row = |row: &FramedRow| {
            let fields = row.fields(CopyFormat::Binary).into_iter();
            fields
                .map(|field| BinaryField(field.map(|field| row.bytes.slice_ref(field))))
                .collect::<Vec<_>>()
        };
        Ok(Self { rows: rows.len(), fields: rows.iter().flat_map(of_row).collect() })
    }

    /// The parameters of the statement, in their order.
    pub fn parameters<'a>(
        &'a self,
        position: &'a i64,
        fingerprint: &'a Option<String>,
    ) -> Vec<&'a (dyn ToSql + Sync)> {
        let fields = self.fields.iter().map(|field| field as &(dyn ToSql + Sync));
        [position as &(dyn ToSql + Sync), fingerprint].into_iter().chain(fields).collect()
    }
}

impl SmallBatchStatements {
    /// Prepares the statement for one row; `None` where rows do not travel in binary form, or the
    /// table takes no such INSERT.
    pub async fn new(session: &Session, to: &AppendTarget) -> Option<Self> {
        if to.wire.format != CopyFormat::Binary {
            return None;
        }
        let columns = to.filled(include_str!("../../../sql/destination/columns.sql"), 0);
        let columns = session.prepare(&columns).await.ok()?;
        let types = columns.columns().iter().map(|column| column.type_().clone());
        let mut few = Self { types: types.collect(), prepared: BTreeMap::new() };
        few.prepared(session, to, 1).await?;
        Some(few)
    }

    /// The statement for so many rows; `None` where it cannot be had.
    pub async fn prepared(
        &mut self,
        session: &Session,
        to: &AppendTarget,
        rows: usize,
    ) -> Option<Statement> {
        if let Some(statement) = self.prepared.get(&rows) {
            return Some(statement.clone());
        }
        let text = to.appending_few(rows);
        let fields = std::iter::repeat_n(&self.types, rows).flatten().cloned();
        let types: Vec<Type> = [Type::INT8, Type::TEXT].into_iter().chain(fields).collect();
        let statement = session.prepare_typed(&text, &types).await.ok()?;
        self.prepared.insert(rows, statement.clone());
        Some(statement)
    }
}

/// What a flush needs.
pub(super) struct FlushContext<'a> {
    pub session: &'a Session,
    pub statement: Statement,
    pub fence: &'a Statement,
    pub oid: u32,
    /// Set once the INSERT was answered: from then on the rows may be committed.
    pub is_answered: &'a AtomicBool,
}

/// What became of a batch of a few rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SmallBatchOutcome {
    /// It is committed.
    Committed(CommitDurability),
    /// Its rows are inserted, and are to be committed so.
    Inserted(CommitDurability),
    /// Nothing was written, and the rows must go the way of all others.
    Refused,
}

/// Why rows were not committed, as far as that is known.
pub(super) enum FlushFailure {
    /// The server refused the INSERT: nothing was written, and nothing will be.
    Refused(Option<SqlState>),
    /// Something else went wrong: the outcome is unknown.
    Unknown(tokio_postgres::Error),
}

impl FlushFailure {
    /// Whether it would be refused again, whatever rows come.
    pub(super) fn is_for_good(&self) -> bool {
        let of_the_table = |code: &str| matches!(code, "22012" | "0A000") || code.starts_with("42");
        matches!(self, Self::Refused(Some(code)) if of_the_table(code.code()))
    }
}

impl FlushContext<'_> {
    /// Begins and inserts, and commits if that is given, all in one flush.
    pub async fn append(
        &self,
        parameters: &[&(dyn ToSql + Sync)],
        commit: Option<&str>,
    ) -> Result<(), FlushFailure> {
        fail::point!("destination.before-few");
        // Each is sent when it is first polled, which is in this order.
        let sent = async {
            let key = self.oid.cast_signed();
            let fence_keys: [&(dyn ToSql + Sync); 2] = [&sql::LOCK_FENCE, &key];
            let (begun, fenced, path, appended, committed) = futures::join!(
                self.session.batch_execute("begin"),
                self.session.query_one(self.fence, &fence_keys),
                self.session.batch_execute(BEGUN),
                async {
                    let appended = self.session.query_one(&self.statement, parameters).await;
                    self.is_answered.store(true, Ordering::Release);
                    appended
                },
                async {
                    match commit {
                        Some(commit) => self.session.batch_execute(commit).await,
                        None => Ok(()),
                    }
                }
            );
            if let Err(error) = &appended
                && error.code().is_some()
            {
                return Err(FlushFailure::Refused(error.code().cloned()));
            }
            let all = begun.and(fenced.map(drop)).and(path).and(appended.map(drop)).and(committed);
            all.map_err(FlushFailure::Unknown)
        };
        fail::midway!("destination.few-sent", sent).await
    }
}

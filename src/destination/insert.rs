//! A small batch without a COPY: its rows as INSERTs of one row each, prepared once, in one flush with the begin.
//!
//! A COPY can begin only when the server has answered that it waits for rows; so a batch of one event would take two questions before its
//! commit. Here begin, fence, position, columns and rows are statements of their own, sent together: the position is asked in a snapshot
//! after the fence was granted, as it must be, and nothing is committed before every answer was compared.

use crate::destination::appending::Appending;
use crate::error::Result;
use crate::event::frame::{Format, HEADER, Row, Rows};
use crate::postgres::connect::Session;
use crate::sql;
use bytes::{BufMut, Bytes, BytesMut};
use futures::future::{join_all, try_join_all};
use std::error::Error as StdError;
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// Beyond so many rows, or bytes, a COPY is quicker.
const ROWS_MAX: u64 = 8;
const BYTES_MAX: usize = 16 * 1024;

type PgResult<T> = std::result::Result<T, tokio_postgres::Error>;

/// The statements of small batches, prepared on one session.
#[derive(Debug)]
pub struct Inserts {
    fence: Statement,
    position: Statement,
    columns_and_rules: Statement,
    insert: Statement,
    table_oid: u32,
}

/// What the server said, statement by statement.
pub struct Answers {
    /// Of `begin` and the fence.
    pub begun: PgResult<()>,
    /// The highest id.
    pub position: PgResult<Option<i64>>,
    /// What the columns are, and whether the table has got rules.
    pub columns: PgResult<(Option<String>, bool)>,
    /// Rows that were inserted.
    pub rows: PgResult<u64>,
}

impl Inserts {
    /// Prepares the statements; `None` where an INSERT is not what a COPY is: for a table with rules, and for rows in text form.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn prepare(session: &Session, to: &Appending) -> PgResult<Option<Self>> {
        if to.wire.format == Format::Text {
            return Ok(None);
        }
        let columns = to.filled(include_str!("../../sql/destination/columns_and_rules.sql"), 0);
        let position = to.ask_position();
        let insert = to.filled(include_str!("../../sql/destination/insert.sql"), 0);
        let texts = [include_str!("../../sql/destination/fence.sql"), &position, &columns, &insert];
        let prepared = try_join_all(texts.map(|text| session.prepare(text))).await?;
        let [fence, position, columns_and_rules, insert] =
            prepared.try_into().unwrap_or_else(|_| unreachable!("four texts, four statements"));
        let has_rules: bool = session.query_one(&columns_and_rules, &[]).await?.get(1);
        Ok((!has_rules).then_some(Self {
            fence,
            position,
            columns_and_rules,
            insert,
            table_oid: to.oid,
        }))
    }

    /// Whether so much is small.
    pub fn is_small(rows: u64, bytes: usize) -> bool {
        rows <= ROWS_MAX && bytes <= BYTES_MAX
    }

    /// Sends a transaction but for its end. Each statement is sent when it is first polled, in this order.
    pub async fn send(&self, session: &Session, rows: &[Row]) -> Answers {
        let key = self.table_oid.cast_signed();
        let fence = async { session.query_one(&self.fence, &[&sql::LOCK_FENCE, &key]).await };
        let inserted = join_all(rows.iter().map(|row| {
            let values = row.fields(Format::Binary).into_iter().map(Value).collect::<Vec<_>>();
            session.execute_raw(&self.insert, values)
        }));
        let (begun, fenced, position, columns, path, inserted) = futures::join!(
            session.batch_execute("begin"),
            fence,
            session.query_one(&self.position, &[]),
            session.query_one(&self.columns_and_rules, &[]),
            session.batch_execute("set local search_path to default"),
            inserted
        );
        Answers {
            begun: begun.and(fenced.map(drop)).and(path),
            position: position.map(|row| row.get(0)),
            columns: columns.map(|row| (row.get(0), row.get(1))),
            rows: inserted.into_iter().sum(),
        }
    }
}

/// The rows of a chunk of binary form.
///
/// # Errors
/// `Bug` when it does not consist of whole rows.
pub fn rows_of(bytes: Bytes, to: &Appending) -> Result<Vec<Row>> {
    let mut framed = BytesMut::with_capacity(HEADER.len() + bytes.len());
    framed.put_slice(HEADER);
    framed.put_slice(&bytes);
    let mut rows = Rows::new(to.layout);
    rows.push(framed.freeze());
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(row);
    }
    Ok(found)
}

/// A value in the binary form of its type, whatever that is.
#[derive(Debug)]
struct Value<'a>(Option<&'a [u8]>);

impl ToSql for Value<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Some(bytes) => {
                out.put_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

//! What is appended to, and the statements that name it.

use crate::event::chunk::BatchClose;
use crate::event::frame::RowLayout;
use crate::event::wire::Wire;
use crate::postgres::table::TableName;
use crate::postgres::table::highest;
use crate::sql::{self, Fingerprint};
use bytes::Bytes;
use std::time::Duration;

/// A larger row is sent in pieces, so that it is not copied as a whole once more.
const PIECE_BYTES: usize = 64 * 1024;

/// Where and how rows are appended.
#[derive(Clone, Debug)]
pub struct AppendTarget {
    /// The destination's name, for messages.
    pub name: String,
    /// The event table.
    pub table: TableName,
    /// Its oid: the second key of the locks.
    pub oid: u32,
    /// What bore its name when it was compared
    /// ([`crate::postgres::table::EventTable::fingerprint`]): nothing is committed where that is
    /// another.
    pub fingerprint: Option<String>,
    /// Asks for that.
    pub asks: Fingerprint,
    /// Its key.
    pub id_column: String,
    /// Columns and form.
    pub wire: Wire,
    /// Where the id is in a row.
    pub layout: RowLayout,
    /// Without progress for this long a transaction is given up (`append_timeout_ms`).
    pub stall_max: Duration,
    /// Whether a batch that others follow at once is committed without waiting for the disk.
    pub is_relaxed: bool,
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitDurability {
    /// As configured: it waits, unless that was not wanted at all.
    Durable,
    /// It does not wait; a later one, or a flush, will.
    Soon,
}

impl CommitDurability {
    /// The statement.
    pub fn text(self) -> &'static str {
        match self {
            Self::Durable => "commit",
            Self::Soon => include_str!("../../../sql/destination/commit_soon.sql"),
        }
    }
}

impl AppendTarget {
    /// How a batch is committed.
    pub(super) fn commit_of(&self, close: &BatchClose) -> CommitDurability {
        if close.is_followed && self.is_relaxed {
            CommitDurability::Soon
        } else {
            CommitDurability::Durable
        }
    }

    /// The query for the position.
    pub(super) fn ask_position(&self) -> String {
        highest(&self.table, &self.id_column)
    }

    /// The query that tells what bears the table's name now.
    pub(super) fn fingerprint_query(&self) -> String {
        self.asks.query()
    }

    /// What cannot be done, for messages.
    pub fn what(&self) -> String {
        format!("cannot append to destination \"{}\"", self.name)
    }

    /// The statement that appends so many rows without a COPY.
    pub(super) fn appending_few(&self, rows: usize) -> String {
        let fields = self.wire.columns.len();
        // The first two parameters are the position and the fingerprint.
        let row =
            |row: usize| (1..=fields).map(move |field| format!("${}", 2 + row * fields + field));
        let rows_of = (0..rows).map(|at| format!("({})", row(at).collect::<Vec<_>>().join(", ")));
        let names = [
            ("rows", sql::sql(rows_of.collect::<Vec<_>>().join(", "))),
            ("rows_count", sql::sql(rows.to_string())),
        ];
        let names: Vec<_> = self.names(0).into_iter().chain(names).collect();
        sql::fill(include_str!("../../../sql/destination/append_few.sql"), &names)
    }

    pub(super) fn filled(&self, text: &str, first_id: i64) -> String {
        sql::fill(text, &self.names(first_id))
    }

    fn names(&self, first_id: i64) -> [(&'static str, sql::SqlValue<'_>); 10] {
        [
            ("schema", sql::text(&self.table.schema)),
            ("table", sql::text(&self.table.name)),
            ("id", sql::text(&self.id_column)),
            ("oid", sql::sql(self.oid.cast_signed().to_string())),
            ("fence", sql::sql(sql::LOCK_FENCE.to_string())),
            ("columns", sql::sql(self.wire.column_list())),
            ("format", sql::sql(self.wire.format_option())),
            ("fingerprint", sql::sql(self.fingerprint_query())),
            ("qualified", sql::text(self.table.quoted())),
            ("first_id", sql::sql(format!("'{first_id}'::pg_catalog.int8"))),
        ]
    }
}

/// Rows, cut into pieces that are small enough to be sent one by one.
pub(super) fn pieces(mut rows: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        (!rows.is_empty()).then(|| rows.split_to(rows.len().min(PIECE_BYTES)))
    })
}

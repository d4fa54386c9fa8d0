//! What a log of changes can be asked besides its events: which tables are captured into it, which
//! transactions go on beyond an id, and the rows of a captured table as they are now.

use super::change::RowImage;
use super::net::RowKey;
use super::store::EventDigest;
use crate::error::Result;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A log of changes.
#[derive(Clone, Debug)]
pub(crate) struct CapturedLog {
    /// What is captured into it.
    pub(crate) tables: Vec<CapturedTable>,
    /// What it can be asked.
    pub(crate) changes: Arc<dyn ChangeSource>,
}

/// A table whose changes are in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CapturedTable {
    /// What its changes are called; it survives a rename of the table.
    pub(crate) source: String,
    /// The table, by oid.
    pub(crate) oid: u32,
    /// Its columns, those apart that no image holds.
    pub(crate) columns: Vec<CapturedColumn>,
    /// The columns of its key; empty where it has none.
    pub(crate) key: Vec<String>,
    /// Whether it consists of partitions, each of which can be emptied by itself.
    pub(crate) is_partitioned: bool,
    /// Why not all of its changes are in the log, or not as they were, in words; empty: all is
    /// well.
    pub(crate) faults: Vec<String>,
}

/// A column of a captured table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CapturedColumn {
    /// Its name.
    pub(crate) name: String,
    /// Its type as SQL writes it, such as `numeric(10,2)`.
    pub(crate) type_name: String,
    /// How a value of it stands in an image.
    pub(crate) form: ImageForm,
    /// Whether it is made when it is read: then no image has its value.
    pub(crate) is_virtual: bool,
}

/// How the values of a type stand in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageForm {
    /// A JSON string, number or boolean whose text is the value.
    Scalar,
    /// The JSON is the value: `json` and `jsonb`.
    Json,
    /// The same where the column is never NULL: there `null` is the JSON value.
    JsonNeverNull,
    /// A JSON array of such values, one within the other for each dimension.
    Array,
    /// A JSON array of JSON values.
    ArrayOfJson,
    /// Whatever JSON the type is cast to: its value cannot be had back from it.
    Opaque,
}

/// Where a reflection begins: everything of the log up to here is in the rows that are loaded
/// afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangeBeginning {
    /// The highest id, all ids up to which are decided; `None`: before the first event.
    pub(crate) position: Option<i64>,
    /// Events up to it.
    pub(crate) events: u64,
    /// The first of them, with its digest.
    pub(crate) first: Option<(i64, EventDigest)>,
    /// The digest of the last.
    pub(crate) last: Option<EventDigest>,
}

/// Some rows of a captured table in the order of its key, of one snapshot.
#[derive(Clone, Debug)]
pub(crate) struct RowRange {
    /// The rows.
    pub(crate) rows: Vec<RowImage>,
    /// What they show.
    pub(crate) snapshot: VisibleTransactions,
    /// Every change that the rows show has an id up to this one; `None`: the log is empty.
    pub(crate) through: Option<i64>,
    /// Whether no row follows.
    pub(crate) is_last: bool,
}

/// What a snapshot shows, as `pg_current_snapshot()` writes it (PostgreSQL manual, "Transaction ID
/// and Snapshot Information Functions").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VisibleTransactions {
    least_open: i64,
    next: i64,
    open: BTreeSet<i64>,
}

/// Bounds of a range of keys: after the first, through the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    /// Excluded; `None`: from the first.
    pub(crate) after: Option<RowKey>,
    /// Included; `None`: to the last.
    pub(crate) through: Option<RowKey>,
}

/// A state of a log: every transaction that has no change above the id, those apart that are named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogMoment<'a> {
    /// `None`: before the first.
    pub(crate) position: Option<i64>,
    /// Transactions with a change at or below the id that are not applied yet.
    pub(crate) open: &'a [i64],
}

/// What a log of changes can be asked.
pub(crate) trait ChangeSource: Send + Sync + Debug {
    /// Where a reflection that is new begins. Waits a moment for transactions that are open.
    ///
    /// # Errors
    /// Those of the source.
    fn beginning(&self, columns: Arc<super::wire::Wire>) -> BoxFuture<'_, Result<ChangeBeginning>>;

    /// Those of these transactions that have a change at an id above `through`. All ids up to it
    /// are decided.
    ///
    /// # Errors
    /// Those of the source.
    fn going_on<'a>(
        &'a self,
        transactions: &'a BTreeSet<i64>,
        through: i64,
    ) -> BoxFuture<'a, Result<BTreeSet<i64>>>;

    /// The next rows of a table in the order of its key.
    ///
    /// # Errors
    /// Those of the source; `Unsuitable` where the table is not as it was described.
    fn rows<'a>(
        &'a self,
        table: &'a CapturedTable,
        after: Option<&'a RowKey>,
        rows_max: u32,
    ) -> BoxFuture<'a, Result<RowRange>>;

    /// In which of these ranges each key lies, by the order of the table's key: the first of them,
    /// or none.
    ///
    /// # Errors
    /// Those of the source.
    fn ranges_of<'a>(
        &'a self,
        table: &'a CapturedTable,
        ranges: &'a [KeyRange],
        keys: &'a [RowKey],
    ) -> BoxFuture<'a, Result<Vec<Option<usize>>>>;

    /// The rows of a table as they were when the log had been applied up to an id, but for these
    /// transactions: read in one snapshot, and its later changes undone. Pages of rows are sent as
    /// they are read. Gives the id of a TRUNCATE that lies between: then what the table held is not
    /// known.
    ///
    /// # Errors
    /// Those of the source; `Contents` where changes do not join.
    fn rows_at<'a>(
        &'a self,
        table: &'a CapturedTable,
        at: LogMoment<'a>,
        pages: mpsc::Sender<Vec<RowImage>>,
    ) -> BoxFuture<'a, Result<Option<i64>>>;

    /// Whether these tables are captured as they were when they were described.
    ///
    /// # Errors
    /// `Unsuitable` with what has changed and what to do; those of the source.
    fn confirm<'a>(&'a self, tables: &'a [CapturedTable]) -> BoxFuture<'a, Result<()>>;
}

impl VisibleTransactions {
    /// Reads `xmin:xmax:xip,…`; `None`: it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut number = || parts.next()?.parse().ok();
        let (least_open, next) = (number()?, number()?);
        let open = parts.next()?.split(',').filter(|one| !one.is_empty());
        let open = open.map(|one| one.parse().ok()).collect::<Option<_>>()?;
        parts.next().is_none().then_some(Self { least_open, next, open })
    }

    /// Whether what this transaction did is to be seen, given that it has committed.
    pub(crate) fn shows(&self, transaction: i64) -> bool {
        transaction < self.least_open
            || (transaction < self.next && !self.open.contains(&transaction))
    }
}

impl Display for VisibleTransactions {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let open: Vec<String> = self.open.iter().map(ToString::to_string).collect();
        write!(out, "{}:{}:{}", self.least_open, self.next, open.join(","))
    }
}

impl CapturedTable {
    /// A column of it.
    pub(crate) fn column(&self, name: &str) -> Option<&CapturedColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_snapshot_shows_what_had_ended_when_it_was_taken() {
        let seen = VisibleTransactions::parse("10:20:10,14,15").unwrap();
        let shown: Vec<i64> = (8..22).filter(|id| seen.shows(*id)).collect();
        assert_eq!(shown, [8, 9, 11, 12, 13, 16, 17, 18, 19]);
        assert_eq!(seen.to_string(), "10:20:10,14,15");
        let quiet = VisibleTransactions::parse("20:20:").unwrap();
        assert!(quiet.shows(19) && !quiet.shows(20));
    }

    #[test]
    fn what_is_no_snapshot_is_none() {
        for text in ["", "1", "1:2", "1:2:3:4", "a:2:", "1:2:x", "1:2:3,,x"] {
            assert_eq!(VisibleTransactions::parse(text), None, "{text}");
        }
    }
}

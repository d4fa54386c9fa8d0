//! The sessions that read the rows themselves, one of each side, while a walk merges.

use crate::error::Result;
use crate::postgres::table::store::PgTable;
use crate::verify::compare::reader_session::ReaderSession;
use crate::verify::compare::side::ReaderSource;
use crate::verify::compare::task::ComparisonTask;
use futures::future::try_join;

/// Both sides, read in ranges.
pub(super) type ReadTables<'a> = (PgTable<ReaderSession<'a>>, PgTable<ReaderSession<'a>>);

/// See the module.
pub(super) struct WalkReaders<'a> {
    task: ComparisonTask<'a>,
    tables: Option<ReadTables<'a>>,
}

impl<'a> WalkReaders<'a> {
    /// None is opened before it is needed.
    pub fn new(task: ComparisonTask<'a>) -> Self {
        Self { task, tables: None }
    }

    /// Both tables, opened if they are not.
    pub async fn tables(&mut self) -> Result<&ReadTables<'a>> {
        let opened = match self.tables.take() {
            Some(tables) => tables,
            None => {
                let ComparisonTask { first, second, columns, .. } = self.task;
                try_join(first.reader(columns), second.reader(columns)).await?
            }
        };
        Ok(self.tables.insert(opened))
    }

    /// A merge has ended: what was lent goes back, since the next digest needs it.
    pub fn rest(&mut self) {
        let ComparisonTask { first, second, .. } = self.task;
        if [first, second].iter().any(|side| side.readers() == ReaderSource::Pool) {
            self.tables = None;
        }
    }
}

//! The durability gate: rows written by an asynchronous commit are visible before they are on disk, and a crash of the source would
//! take them back and give their ids to other events. So no destination commits a batch before the source has it on disk.

use crate::error::{Error, Kind, Result};
use crate::event::batch::Durable;
use crate::fail;
use crate::postgres::connect::Session;
use crate::sql;
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Statement;
use tokio_postgres::types::PgLsn;

const NUDGE: &str = include_str!("../../sql/source/nudge.sql");
/// WAL is written in pages; one begins with a header of 24 bytes, the first one of a segment with 40 (PostgreSQL source, `xlog_internal.h`).
const WAL_PAGE_BYTES: u64 = 8192;
const WAL_PAGE_HEADER: u64 = 24;
const WAL_SEGMENT_HEADER: u64 = 40;
/// Checks before the log is nudged, and the waits between checks.
const CHECKS_BEFORE_NUDGE: u32 = 2;
const CHECK_WAIT_MIN: Duration = Duration::from_micros(500);
const CHECK_WAIT_MAX: Duration = Duration::from_millis(20);

/// A source that does not answer for so long is given up.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Makes the gates of batches: a batch passes when its rows are on disk and were read in the form that was compared at the start.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    session: Arc<Session>,
    positions: Statement,
    /// The table as it was when it was compared.
    compared: Option<TableState>,
    is_durability_awaited: bool,
    segment_bytes: u64,
}

struct Answer {
    inserted: Option<u64>,
    flushed: Option<u64>,
    table: TableState,
}

/// What tells one state of a table from another: its columns and its files.
#[derive(Debug, PartialEq)]
struct TableState {
    columns: Option<String>,
    files: Option<String>,
}

impl Gate {
    /// A gate on a table. `is_durability_awaited`: whether it waits for the disk; else it looks at the columns only.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn new(session: Arc<Session>, table_oid: u32, is_durability_awaited: bool) -> Result<Self> {
        let names = [
            ("fingerprint", sql::sql(sql::fingerprint(table_oid))),
            ("oid", sql::sql(table_oid.to_string())),
        ];
        let positions = sql::fill(include_str!("../../sql/source/gate.sql"), &names);
        let positions = session.prepare(&positions).await;
        let positions = positions.map_err(|error| session.error(&error, "cannot ask how far the source's log is on disk"))?;
        let segment = session.query_one(include_str!("../../sql/source/wal_segment.sql"), &[]).await;
        let segment = segment.map_err(|error| session.error(&error, "cannot ask for the segments of the source's log"))?;
        let mut asked = Asked {
            segment_bytes: segment.get::<_, i64>(0).unsigned_abs(),
            session,
            positions,
            compared: None,
            is_durability_awaited,
        };
        asked.compared = Some(asked.ask().await?.table);
        Ok(Self(Arc::new(asked)))
    }

    /// What tells the table's files from others: TRUNCATE and every rewrite replace them.
    pub fn files(&self) -> Option<String> {
        self.0.compared.as_ref().and_then(|table| table.files.clone())
    }

    /// Resolves when everything that is visible now is on disk. Call it after the rows were read.
    pub fn durable(&self) -> Durable {
        let asked = Arc::clone(&self.0);
        async move {
            fail::point!("source.before-gate");
            asked.pass().await?;
            fail::point!("source.after-gate");
            Ok(())
        }
        .boxed()
        .shared()
    }
}

impl Asked {
    async fn pass(&self) -> Result<()> {
        let first = self.ask().await?;
        if let Some(compared) = self.compared.as_ref().filter(|compared| **compared != first.table) {
            let what = if compared.columns == first.table.columns {
                "emptied or rewritten"
            } else {
                "given other columns"
            };
            return Err(Error::new(Kind::Unavailable, format!("the source's table was {what}"))
                .at(self.session.place())
                .fix("nothing of this batch was written; source and destinations are compared anew"));
        }
        let Some(target) = first.inserted.filter(|_| self.is_durability_awaited) else {
            return Ok(());
        };
        let (mut flushed, mut checks, mut wait) = (first.flushed, 1, CHECK_WAIT_MIN);
        while flushed.is_some_and(|flushed| !is_flushed(target, flushed, self.segment_bytes)) {
            if checks == CHECKS_BEFORE_NUDGE {
                // It fails where the disk is full: then the log is on disk when its writer has come round.
                let _ = self.within(self.session.batch_execute(NUDGE)).await?;
            } else {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(CHECK_WAIT_MAX);
            }
            flushed = self.ask().await?.flushed;
            checks += 1;
        }
        Ok(())
    }

    async fn ask(&self) -> Result<Answer> {
        let row = self.within(self.session.query_one(&self.positions, &[])).await?;
        let row = row.map_err(|error| self.session.error(&error, "cannot ask how far the source's log is on disk"))?;
        let position = |column| row.get::<_, Option<PgLsn>>(column).map(u64::from);
        Ok(Answer {
            inserted: position(0),
            flushed: position(1),
            table: TableState {
                columns: row.get(2),
                files: row.get(3),
            },
        })
    }

    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout(ANSWER_MAX, work).await.map_err(|_| {
            Error::new(Kind::Unavailable, "the source does not answer")
                .at(self.session.place())
                .because(format!("for {} s", ANSWER_MAX.as_secs()))
        })
    }
}

/// The insert position of an idle server may stand just behind the header of a page that was not begun. A byte further there is the end of a record
/// that began on the page before.
fn is_flushed(target: u64, flushed: u64, segment_bytes: u64) -> bool {
    let into_page = target % WAL_PAGE_BYTES;
    let is_first = (target - into_page).is_multiple_of(segment_bytes);
    let header = if is_first { WAL_SEGMENT_HEADER } else { WAL_PAGE_HEADER };
    flushed >= target || (into_page == header && flushed >= target - into_page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u64 = 16 << 20;

    #[test]
    fn a_position_just_behind_a_page_header_counts_as_flushed_with_the_page_before() {
        assert!(is_flushed(3 * WAL_PAGE_BYTES + 24, 3 * WAL_PAGE_BYTES, SEGMENT));
        assert!(is_flushed(2 * SEGMENT + 40, 2 * SEGMENT, SEGMENT));
        assert!(!is_flushed(3 * WAL_PAGE_BYTES + 24, 3 * WAL_PAGE_BYTES - 1, SEGMENT));
        assert!(is_flushed(100, 100, SEGMENT) && !is_flushed(100, 99, SEGMENT));
    }

    #[test]
    fn the_last_bytes_of_a_record_behind_a_page_header_are_waited_for() {
        for bytes in [8, 16, 24] {
            let target = 3 * WAL_PAGE_BYTES + 24 + bytes;
            assert!(!is_flushed(target, 3 * WAL_PAGE_BYTES, SEGMENT), "{bytes}");
            assert!(is_flushed(target, target, SEGMENT));
        }
        assert!(!is_flushed(2 * SEGMENT + 48, 2 * SEGMENT, SEGMENT));
        // 24 bytes are not yet the whole header there.
        assert!(!is_flushed(2 * SEGMENT + 24, 2 * SEGMENT, SEGMENT));
    }
}

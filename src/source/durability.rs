//! The durability gate: rows written by an asynchronous commit are visible before they are on disk, and a crash of the source would
//! take them back and give their ids to other events. So no destination commits a batch before the source has it on disk.

use crate::error::Result;
use crate::event::batch::{Durable, durable_at_once};
use crate::postgres::connect::Session;
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::PgLsn;

const GATE: &str = include_str!("../../sql/source/gate.sql");
const NUDGE: &str = include_str!("../../sql/source/nudge.sql");
/// WAL is written in pages; one begins with a header of 24 or 40 bytes (PostgreSQL source, `xlog_internal.h`).
const WAL_PAGE_BYTES: u64 = 8192;
const WAL_PAGE_HEADER_MAX: u64 = 40;
/// Checks before the log is nudged, and the waits between checks.
const CHECKS_BEFORE_NUDGE: u32 = 2;
const CHECK_WAIT_MIN: Duration = Duration::from_micros(500);
const CHECK_WAIT_MAX: Duration = Duration::from_millis(20);

/// Makes the gates of batches.
#[derive(Clone, Debug)]
pub struct Gate {
    session: Option<Arc<Session>>,
}

impl Gate {
    /// A gate on a source that is no standby.
    pub fn new(session: Arc<Session>) -> Self {
        Self { session: Some(session) }
    }

    /// No gate: for a standby, which has nothing else than flushed rows, and for `durability_gate = false`.
    pub fn open() -> Self {
        Self { session: None }
    }

    /// Resolves when everything that is visible now is on disk. Call it after the rows were read.
    pub fn durable(&self) -> Durable {
        match &self.session {
            Some(session) => wait_until_flushed(Arc::clone(session)).boxed().shared(),
            None => durable_at_once(),
        }
    }
}

async fn wait_until_flushed(session: Arc<Session>) -> Result<()> {
    let (target, flushed) = positions(&session).await?;
    let (mut flushed, mut checks, mut wait) = (flushed, 1, CHECK_WAIT_MIN);
    while !is_flushed(target, flushed) {
        if checks == CHECKS_BEFORE_NUDGE {
            let nudged = session.batch_execute(NUDGE).await;
            nudged.map_err(|error| session.error(&error, "cannot ask the source to flush its log"))?;
        } else {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(CHECK_WAIT_MAX);
        }
        flushed = positions(&session).await?.1;
        checks += 1;
    }
    Ok(())
}

async fn positions(session: &Session) -> Result<(u64, u64)> {
    let row = session.query_one(GATE, &[]).await;
    let row = row.map_err(|error| session.error(&error, "cannot ask how far the source's log is on disk"))?;
    Ok((u64::from(row.get::<_, PgLsn>(0)), u64::from(row.get::<_, PgLsn>(1))))
}

/// The insert position of an idle server may stand just behind the header of a page that was not begun.
fn is_flushed(target: u64, flushed: u64) -> bool {
    let into_page = target % WAL_PAGE_BYTES;
    flushed >= target || (into_page <= WAL_PAGE_HEADER_MAX && flushed >= target - into_page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_just_behind_a_page_header_counts_as_flushed_with_the_page_before() {
        assert!(is_flushed(3 * WAL_PAGE_BYTES + 24, 3 * WAL_PAGE_BYTES));
        assert!(is_flushed(3 * WAL_PAGE_BYTES + 40, 3 * WAL_PAGE_BYTES));
        assert!(!is_flushed(3 * WAL_PAGE_BYTES + 41, 3 * WAL_PAGE_BYTES));
        assert!(!is_flushed(3 * WAL_PAGE_BYTES + 24, 3 * WAL_PAGE_BYTES - 1));
        assert!(is_flushed(100, 100) && !is_flushed(100, 99));
    }
}

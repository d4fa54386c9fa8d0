//! The durability gate: rows written by an asynchronous commit are visible before they are on disk,
//! and a crash of the source would take them back and give their ids to other events. So no
//! destination commits a batch before the source has it on disk.

use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::DurabilityFuture;
use crate::fail;
use crate::postgres::session::Session;
use crate::postgres::table::EventTable;
use crate::source::gauge::SourceGauge;
use crate::sql;
use futures::FutureExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::Statement;
use tokio_postgres::types::PgLsn;

const NUDGE: &str = include_str!("../../sql/source/nudge.sql");
/// WAL is written in pages; one begins with a header of 24 bytes, the first one of a segment with
/// 40 (PostgreSQL source, `xlog_internal.h`).
const WAL_PAGE_HEADER: u64 = 24;
const WAL_SEGMENT_HEADER: u64 = 40;
/// Checks before the log is nudged, and the waits between checks.
const CHECKS_BEFORE_NUDGE: u32 = 2;
const CHECK_WAIT_MIN: Duration = Duration::from_micros(500);
const CHECK_WAIT_MAX: Duration = Duration::from_millis(20);

/// A source that does not answer for so long is given up.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Makes the gates of batches: a batch passes when its rows are on disk and were read in the form
/// that was compared at the start.
#[derive(Clone, Debug)]
pub struct DurabilityGate {
    probe: Arc<GateProbe>,
    /// Where waits are counted, if anybody wants to know.
    gauge: Option<Arc<SourceGauge>>,
}

#[derive(Debug)]
struct GateProbe {
    session: Arc<Session>,
    positions: Statement,
    /// The table that bore the name, and what it was, when it was compared.
    table: (Option<u32>, Option<String>),
    /// The files of the table and its partitions, as far as they are known: new partitions are
    /// added.
    files: Mutex<TableFiles>,
    is_durability_awaited: bool,
    log: LogShape,
}

/// What the gate saw at a moment, and when it was asked.
#[derive(Debug)]
pub(crate) struct GateGlance(GateAnswer, Instant);

#[derive(Debug)]
struct GateAnswer {
    inserted: Option<u64>,
    flushed: Option<u64>,
    table: (Option<u32>, Option<String>),
    files: TableFiles,
}

/// How the write-ahead log is divided.
#[derive(Clone, Copy, Debug)]
struct LogShape {
    page_bytes: u64,
    segment_bytes: u64,
}

/// The file of a table and of each of its partitions, by oid: TRUNCATE and every rewrite replace
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableFiles(BTreeMap<i64, i64>);

impl TableFiles {
    /// From oid and file number, each half of a number.
    fn new(packed: &[Option<i64>]) -> Self {
        Self(packed.iter().flatten().map(|both| (both >> 32, both & 0xffff_ffff)).collect())
    }

    /// From the text of an array of such numbers.
    pub fn parse(text: &str) -> Self {
        let packed = text.trim_matches(['{', '}']).split(',').map(|both| both.parse().ok());
        Self::new(&packed.collect::<Vec<Option<i64>>>())
    }

    /// Whether these are the same files, new partitions aside.
    pub fn continue_those(&self, earlier: &Self) -> bool {
        earlier.0.iter().all(|(oid, file)| self.0.get(oid) == Some(file))
    }

    /// Whether those that are left of the earlier ones are the same files: partitions may have gone.
    pub fn continue_some_of(&self, earlier: &Self) -> bool {
        earlier.0.iter().all(|(oid, file)| self.0.get(oid).is_none_or(|now| now == file))
    }
}

impl DurabilityGate {
    /// A gate on whatever bears the name of this table. `sequences`: those that feed it.
    /// `is_durability_awaited`: whether it waits for the disk; otherwise it looks at the table
    /// only.
    pub async fn new(
        session: Arc<Session>,
        table: &EventTable,
        sequences: Vec<u32>,
        is_durability_awaited: bool,
    ) -> Result<Self> {
        let files = if table.has_parts {
            include_str!("../../sql/source/gate_files.sql")
        } else {
            include_str!("../../sql/source/gate_file.sql")
        };
        let names = [
            ("fingerprint", sql::sql(table.asks().of_source(sequences).value())),
            ("files", sql::sql(sql::without_header(files))),
            ("qualified", sql::text(table.name.quoted())),
        ];
        let positions = sql::fill(include_str!("../../sql/source/gate.sql"), &names);
        let positions = session.prepare(&positions).await;
        let positions = positions.map_err(|error| {
            session.error(&error, "cannot ask how far the source's log is on disk")
        })?;
        let segment =
            session.query_one(include_str!("../../sql/source/wal_segment.sql"), &[]).await;
        let segment = segment.map_err(|error| {
            session.error(&error, "cannot ask for the segments of the source's log")
        })?;
        let bytes = |column: &str| segment.get::<_, i64>(column).unsigned_abs();
        let mut asked = GateProbe {
            log: LogShape {
                page_bytes: bytes("page_bytes"),
                segment_bytes: bytes("segment_bytes"),
            },
            session,
            positions,
            table: (None, None),
            files: Mutex::default(),
            is_durability_awaited,
        };
        let first = asked.ask().await?;
        asked.table = first.table;
        asked.files = Mutex::new(first.files);
        Ok(Self { probe: Arc::new(asked), gauge: None })
    }

    /// The same, whose waits are counted there.
    #[must_use]
    pub(crate) fn counted_by(self, gauge: Arc<SourceGauge>) -> Self {
        Self { gauge: Some(gauge), ..self }
    }

    /// The table's files as far as they are known.
    pub fn files(&self) -> TableFiles {
        self.probe.known_files().clone()
    }

    /// Whether the table is still the one that was there when the gate was made.
    ///
    /// # Errors
    /// `Unavailable` when it is not; those of the server.
    pub async fn confirm_table(&self) -> Result<()> {
        let now = self.probe.ask().await?;
        self.probe.compare(&now)
    }

    /// Resolves when everything that is visible now is on disk. Call it after the rows were read.
    pub fn durable(&self) -> DurabilityFuture {
        let gate = self.clone();
        async move {
            fail::point!("source.before-gate");
            let began = Instant::now();
            gate.pass(gate.probe.ask().await?, began).await?;
            fail::point!("source.after-gate");
            Ok(())
        }
        .boxed()
        .shared()
    }

    /// Looks once. Sent when it is first polled, so that it travels with what was asked before it.
    pub(crate) async fn glance(&self) -> Result<GateGlance> {
        let began = Instant::now();
        Ok(GateGlance(self.probe.ask().await?, began))
    }

    /// As [`DurabilityGate::durable`], for rows that were read before the glance; resolved already
    /// when that saw them on disk.
    pub(crate) fn durable_since(&self, glance: GateGlance) -> DurabilityFuture {
        let gate = self.clone();
        let durable = async move { gate.pass(glance.0, glance.1).await }.boxed().shared();
        let _ = durable.clone().now_or_never();
        durable
    }

    /// Waits as long as it takes, and counts that where there is a disk to wait for.
    async fn pass(&self, first: GateAnswer, began: Instant) -> Result<()> {
        self.probe.pass(first).await?;
        if let Some(gauge) = self.gauge.as_ref().filter(|_| self.probe.is_durability_awaited) {
            gauge.waited(began.elapsed());
        }
        Ok(())
    }
}

impl GateProbe {
    async fn pass(&self, first: GateAnswer) -> Result<()> {
        self.compare(&first)?;
        let Some(target) = first.inserted.filter(|_| self.is_durability_awaited) else {
            return Ok(());
        };
        let (mut flushed, mut checks, mut wait) = (first.flushed, 1, CHECK_WAIT_MIN);
        while flushed.is_some_and(|flushed| !is_flushed(target, flushed, self.log)) {
            if checks == CHECKS_BEFORE_NUDGE {
                // It fails where the disk is full: then the log is on disk when its writer has come
                // round.
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

    fn known_files(&self) -> MutexGuard<'_, TableFiles> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare(&self, now: &GateAnswer) -> Result<()> {
        let mut known = self.known_files();
        let what = if now.table.0 != self.table.0 {
            "replaced by another table of its name"
        } else if now.table.1 != self.table.1 {
            "altered (its columns, defaults, triggers, privileges, sequence or name)"
        } else if !now.files.continue_those(&known) {
            "emptied or rewritten, or lost a partition"
        } else {
            known.clone_from(&now.files);
            return Ok(());
        };
        Err(Error::new(ErrorKind::Unavailable, format!("the source's table was {what}"))
            .at(self.session.place())
            .fix(
                "no action needed: nothing of this batch was written; all destinations are \
                 re-checked before anything else is written",
            ))
    }

    async fn ask(&self) -> Result<GateAnswer> {
        let row = self.within(self.session.query_one(&self.positions, &[])).await?;
        let row = row.map_err(|error| {
            self.session.error(&error, "cannot ask how far the source's log is on disk")
        })?;
        let position = |column| row.get::<_, Option<PgLsn>>(column).map(u64::from);
        Ok(GateAnswer {
            inserted: position(0),
            flushed: position(1),
            table: (row.get(3), row.get(2)),
            files: TableFiles::new(&row.get::<_, Option<Vec<Option<i64>>>>(4).unwrap_or_default()),
        })
    }

    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let limited = tokio::time::timeout(ANSWER_MAX, work).await;
        limited.map_err(|_| self.session.no_answer(ANSWER_MAX, "the source does not answer"))
    }
}

/// The insert position of an idle server may stand just behind the header of a page that was not
/// begun. A byte further there is the end of a record that began on the page before.
fn is_flushed(target: u64, flushed: u64, log: LogShape) -> bool {
    let into_page = target % log.page_bytes;
    let is_first = (target - into_page).is_multiple_of(log.segment_bytes);
    let header = if is_first { WAL_SEGMENT_HEADER } else { WAL_PAGE_HEADER };
    flushed >= target || (into_page == header && flushed >= target - into_page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u64 = 16 << 20;
    const PAGE: u64 = 8192;
    const LOG: LogShape = LogShape { page_bytes: PAGE, segment_bytes: SEGMENT };

    #[test]
    fn files_that_are_replaced_or_gone_are_others_and_new_partitions_are_not() {
        let files = |all: &[(i64, i64)]| {
            TableFiles::new(
                &all.iter().map(|(oid, file)| Some(oid << 32 | file)).collect::<Vec<_>>(),
            )
        };
        let before = files(&[(5, 100), (4_294_967_295, 4_294_967_295)]);
        assert!(before.continue_those(&before) && before.continue_those(&TableFiles::default()));
        assert!(files(&[(5, 100), (6, 7), (4_294_967_295, 4_294_967_295)]).continue_those(&before));
        assert!(!files(&[(5, 101), (4_294_967_295, 4_294_967_295)]).continue_those(&before));
        assert!(!files(&[(5, 100)]).continue_those(&before));
    }

    #[test]
    fn a_position_just_behind_a_page_header_counts_as_flushed_with_the_page_before() {
        assert!(is_flushed(3 * PAGE + 24, 3 * PAGE, LOG));
        assert!(is_flushed(2 * SEGMENT + 40, 2 * SEGMENT, LOG));
        assert!(!is_flushed(3 * PAGE + 24, 3 * PAGE - 1, LOG));
        assert!(is_flushed(100, 100, LOG) && !is_flushed(100, 99, LOG));
    }

    #[test]
    fn the_last_bytes_of_a_record_behind_a_page_header_are_waited_for() {
        for bytes in [8, 16, 24] {
            let target = 3 * PAGE + 24 + bytes;
            assert!(!is_flushed(target, 3 * PAGE, LOG), "{bytes}");
            assert!(is_flushed(target, target, LOG));
        }
        assert!(!is_flushed(2 * SEGMENT + 48, 2 * SEGMENT, LOG));
        // 24 bytes are not yet the whole header there.
        assert!(!is_flushed(2 * SEGMENT + 24, 2 * SEGMENT, LOG));
    }
}

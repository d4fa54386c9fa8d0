//! Carries a repair out, batch by batch; each batch is judged again before it is committed.

use super::judge::RowJudge;
use crate::destination::postgres::editor::TableEditor;
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::FramedRow;
use crate::event::merge::{RowMerge, RowMismatch};
use crate::event::range::{IdRange, shown};
use crate::event::store::EventStore;
use crate::log::{key, logged_id};
use crate::recover::batch::{RowBatch, TransactionLimits, own};
use crate::recover::endpoint::moved;
use crate::source::durability::DurabilityGate;
use crate::stop::Stop;
use slog::{Logger, debug};

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// Events written or deleted, all committed.
    pub events: u64,
    /// Whether a stop came before the end: then the rest is for another run.
    pub is_stopped: bool,
}

impl RepairReport {
    /// Counts a transaction that was committed, and tells it with the id it reached.
    pub fn add(&mut self, events: u64, reached: Option<i64>, log: &Logger) {
        self.events += events;
        debug!(log, "a batch was committed"; key::EVENTS => events, key::ID => logged_id(reached), "events_so_far" => self.events);
    }
}

/// Where rows are read, and into what they are written.
pub struct RepairWriter<'a> {
    /// The table that is mended.
    pub held: &'a TableEditor,
    /// The source, in the form of `held`.
    pub source: &'a dyn EventStore,
    /// The destination, in the same form.
    pub destination: &'a dyn EventStore,
    /// What is compared: all of it up to the destination's highest id, which stays; of a source
    /// that has lost its oldest events, what lies above those.
    pub range: IdRange,
    /// Of a transaction.
    pub limits: TransactionLimits,
    /// When it is to end.
    pub stop: &'a Stop,
    /// Where each batch is told.
    pub log: &'a Logger,
}

impl RepairWriter<'_> {
    fn merge(&self) -> RowMerge<'_> {
        RowMerge::of(self.source, self.destination, self.range)
    }

    /// Inserts what is missing. A batch is committed when the source has its rows on disk.
    ///
    /// # Errors
    /// `Contents` when something else differs by now; those of both sides. What was committed
    /// before stays.
    pub(crate) async fn insert_missing(
        &self,
        gate: &DurabilityGate,
        done: &mut RepairReport,
    ) -> Result<()> {
        let (mut merge, mut batch) = (self.merge(), RowBatch::new(self.limits));
        loop {
            let Some(unlike) = self.stop.or(merge.next()).await else {
                done.is_stopped = true;
                return Ok(());
            };
            let row = match unlike? {
                None => break,
                Some(RowMismatch::Missing(row)) => row,
                Some(RowMismatch::Extra(row) | RowMismatch::Changed(row, _)) => {
                    return Err(moved("an event differs in more than being missing", row.id));
                }
            };
            let bytes = row.bytes.len();
            if batch.is_full_for(bytes) {
                self.insert(&mut batch, gate, done).await?;
            }
            batch.push(row, bytes);
        }
        self.insert(&mut batch, gate, done).await
    }

    async fn insert(
        &self,
        batch: &mut RowBatch,
        gate: &DurabilityGate,
        done: &mut RepairReport,
    ) -> Result<()> {
        if batch.rows.is_empty() {
            return Ok(());
        }
        gate.durable().await?;
        self.in_transaction(self.held.put_in(&batch.rows)).await?;
        done.add(batch.rows.len() as u64, batch.rows.last().map(|row| row.id), self.log);
        batch.clear();
        Ok(())
    }

    /// Replaces what slate's replicator altered. What is taken out must be, byte for byte, what was
    /// judged.
    pub async fn accept_slate(
        &self,
        judge: &RowJudge,
        gate: &DurabilityGate,
        done: &mut RepairReport,
    ) -> Result<()> {
        let mut merge = self.merge();
        let (mut batch, mut judged) = (RowBatch::new(self.limits), Vec::new());
        loop {
            let Some(unlike) = self.stop.or(merge.next()).await else {
                done.is_stopped = true;
                return Ok(());
            };
            let (ours, theirs) = match unlike? {
                None => break,
                Some(RowMismatch::Changed(ours, theirs)) if judge.is_slates(&ours, &theirs) => {
                    (ours, theirs)
                }
                Some(
                    RowMismatch::Missing(row)
                    | RowMismatch::Extra(row)
                    | RowMismatch::Changed(row, _),
                ) => {
                    return Err(moved(
                        "an event differs in more than slate's replicator alters",
                        row.id,
                    ));
                }
            };
            let bytes = ours.bytes.len() + theirs.bytes.len();
            if batch.is_full_for(bytes) {
                self.replace(&mut batch, &mut judged, gate, done).await?;
            }
            batch.push(ours, bytes);
            judged.push(own(theirs));
        }
        self.replace(&mut batch, &mut judged, gate, done).await
    }

    async fn replace(
        &self,
        batch: &mut RowBatch,
        judged: &mut Vec<FramedRow>,
        gate: &DurabilityGate,
        done: &mut RepairReport,
    ) -> Result<()> {
        if batch.rows.is_empty() {
            return Ok(());
        }
        gate.durable().await?;
        let replace = async {
            let ids: Vec<i64> = judged.iter().map(|row| row.id).collect();
            let taken = self.held.take_out(&ids, &self.held.to().wire).await?;
            if let Some(id) = first_unlike(judged, &taken) {
                return Err(moved("an event was changed while it was to be replaced", id));
            }
            self.held.put_in(&batch.rows).await
        };
        self.in_transaction(replace).await?;
        done.add(batch.rows.len() as u64, batch.rows.last().map(|row| row.id), self.log);
        batch.clear();
        judged.clear();
        Ok(())
    }

    async fn in_transaction(&self, work: impl Future<Output = Result<()>>) -> Result<()> {
        transaction(self.held, Some(self.range.through), work).await
    }
}

/// Deletes the events above `to`, the highest first, so that at every commit the destination is the
/// beginning of what it was.
///
/// # Errors
/// `Contents` when another session writes there; `Rejected` when rows stay although they were
/// deleted; those of the server.
pub(crate) async fn rewind(
    held: &TableEditor,
    to: i64,
    position: i64,
    events_max: u64,
    stop: &Stop,
    log: &Logger,
    done: &mut RepairReport,
) -> Result<()> {
    let mut top = position;
    while top > to {
        if stop.is_requested() {
            done.is_stopped = true;
            return Ok(());
        }
        let (mut deleted, mut cut) = (0, to);
        let work = async {
            cut = held.below_highest(events_max, to).await?.unwrap_or(to);
            deleted = held.delete(cut, top).await?;
            let left = held.position().await?;
            if left.is_none_or(|left| left <= cut) {
                return Ok(());
            }
            Err(Error::new(ErrorKind::Rejected, "some rows were not deleted")
                .at(held.place())
                .because(format!(
                    "ids above {cut} were deleted, and its highest id is still {}",
                    shown(left)
                ))
                .fix("a trigger or rule keeps rows; drop it; nothing of this batch was deleted"))
        };
        transaction(held, Some(top), work).await?;
        done.add(deleted, Some(cut), log);
        top = cut;
    }
    Ok(())
}

/// A transaction on this position: committed when the work succeeds, otherwise rolled back.
pub(super) async fn transaction(
    held: &TableEditor,
    position: Option<i64>,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    let begun = held.begin(position).await;
    let worked = match begun {
        Ok(()) => work.await,
        Err(error) => Err(error),
    };
    match worked {
        Ok(()) => held.commit().await,
        Err(error) => {
            held.roll_back().await;
            Err(error)
        }
    }
}

/// The id of the first row that is not the same in both, when they are not the same rows.
fn first_unlike(one: &[FramedRow], other: &[FramedRow]) -> Option<i64> {
    let mut pairs = one.iter().zip(other);
    let unlike = pairs.find(|(one, other)| one.bytes != other.bytes);
    let longer = if one.len() > other.len() { one } else { other };
    let left_over = longer.get(one.len().min(other.len()));
    unlike.map(|(one, other)| one.id.min(other.id)).or_else(|| left_over.map(|row| row.id))
}

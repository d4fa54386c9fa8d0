//! Carries `--replace` out: all named events in one transaction of the destination, row by row, so
//! that no more than a row of each side is held in memory. All are taken out before the first is put
//! in, so that a unique index sees no mixture; each is judged by digest as it goes and as it comes.

use super::named::{NamedEvent, sha256};
use super::write::{RepairReport, transaction};
use crate::config::SourceRetention;
use crate::destination::postgres::editor::TableEditor;
use crate::error::Result;
use crate::event::frame::FramedRow;
use crate::event::range::IdRange;
use crate::event::store::{EventStore, TableDigest};
use crate::event::wire::Wire;
use crate::log::key;
use crate::recover::endpoint::moved;
use crate::source::durability::DurabilityGate;
use futures::TryStreamExt;
use slog::{Logger, info};

/// Where rows are read, and where they are replaced.
pub(super) struct EventExchange<'a> {
    /// The table that is mended, in the form in which events travel.
    pub held: &'a TableEditor,
    /// The source, in the same form.
    pub source: &'a dyn EventStore,
    /// The form in which rows were judged.
    pub judged: &'a Wire,
    /// The destination's name.
    pub name: &'a str,
    /// Its highest id.
    pub position: i64,
    /// Which of its events the source keeps.
    pub keeps: SourceRetention,
    /// Where each event is told.
    pub log: &'a Logger,
}

impl EventExchange<'_> {
    /// Replaces and removes what is not the same; nothing else is touched. Each event is logged
    /// before the commit, so that no replacement is without its line; one more line tells the
    /// commit.
    ///
    /// # Errors
    /// `Contents` when either side is not as it was judged: then nothing is written; those of both
    /// sides.
    pub(super) async fn carry_out(
        &self,
        named: &[NamedEvent],
        gate: &DurabilityGate,
        done: &mut RepairReport,
    ) -> Result<()> {
        let written: Vec<&NamedEvent> = named.iter().filter(|event| event.is_written()).collect();
        // What goes because the source's is another, or is gone, must be so on its disk.
        gate.durable().await?;
        let exchange = async {
            for event in &written {
                self.take_out(event).await?;
            }
            for event in &written {
                self.put_in(event).await?;
            }
            for event in &written {
                self.confirm(event).await?;
            }
            self.require_kept(&written).await
        };
        transaction(self.held, Some(self.position), exchange).await?;
        let events = written.len() as u64;
        info!(self.log, "the named events were committed"; key::DESTINATION => self.name, key::EVENTS => events);
        done.add(events, written.last().map(|event| event.id), self.log);
        Ok(())
    }

    /// Of a source that may lose its oldest events: what it has let go of meanwhile was not erased
    /// there. Asked after it was found absent: the lowest id only grows.
    async fn require_kept(&self, written: &[&NamedEvent]) -> Result<()> {
        if self.keeps == SourceRetention::All {
            return Ok(());
        }
        let lowest = self.source.ends().await?.lowest;
        let mut removed = written.iter().filter(|event| event.source.is_none());
        match removed.find(|event| lowest.is_none_or(|lowest| event.id < lowest)) {
            Some(event) => Err(moved("the source has let go of an event meanwhile", event.id)),
            None => Ok(()),
        }
    }

    async fn take_out(&self, event: &NamedEvent) -> Result<()> {
        let taken = self.held.take_out(&[event.id], self.judged).await?;
        if is_only(&taken, &event.destination) {
            return Ok(());
        }
        Err(moved("an event was changed while it was to be replaced", event.id))
    }

    async fn put_in(&self, event: &NamedEvent) -> Result<()> {
        let rows: Vec<FramedRow> = self.source.rows(IdRange::only(event.id)).try_collect().await?;
        if rows.len() != usize::from(event.source.is_some()) {
            return Err(moved("the source inserted or deleted an event meanwhile", event.id));
        }
        if rows.is_empty() { Ok(()) } else { self.held.put_in(&rows).await }
    }

    /// Compares what is there now with what the source had.
    async fn confirm(&self, event: &NamedEvent) -> Result<()> {
        let there = self.held.read_back(&[event.id], self.judged).await?;
        if !is_only(&there, &event.source) {
            return Err(moved("an event that was put in is not the source's", event.id).because(
                "the source changed it meanwhile, or a trigger of the destination changes what is \
                 inserted",
            ));
        }
        let (before, after) = (sha256(&event.destination), sha256(&event.source));
        info!(self.log, "a named event was exchanged, its commit follows"; key::DESTINATION => self.name,
            key::ID => event.id, key::SHA256_BEFORE => before, key::SHA256_AFTER => after);
        Ok(())
    }
}

/// Whether these rows are the one of this digest, or none where there is none.
fn is_only(rows: &[FramedRow], digest: &Option<TableDigest>) -> bool {
    match (rows, digest) {
        ([], None) => true,
        ([row], Some(digest)) => TableDigest::of(row) == *digest,
        _ => false,
    }
}

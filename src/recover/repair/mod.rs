//! `repair`: a destination that is not a prefix of its source is made one again.
//!
//! Why nothing is lost, doubled or overwritten:
//! - Everything is read and judged before the first write, on both sides, row by row; what was not
//!   accepted by name refuses all of it (`plan` decides, without any I/O), and so does an index of
//!   the id that does not know every row of its table.
//! - The destination is held for as long as it takes ([`crate::destination::postgres::lock`]), and
//!   each batch is a transaction under the replicator's fence on the expected position
//!   ([`crate::destination::postgres::editor`]).
//! - Rows go in by COPY, which replaces nothing, in the bytes in which the source gives them, and
//!   only when the source has them on disk: a row that is visible after an asynchronous commit
//!   could still be forgotten by a crash, and its id be given to another event.
//! - Rows are taken out only by `--accept-slate`, in the transaction that puts the source's in,
//!   when they are byte for byte those that were judged; and by `--rewind-to`, from the highest
//!   downwards, so that at every commit what is left is the beginning of what was there.
//! - `--replace` takes out and puts in the named events and no other, all in one transaction, each
//!   judged by digest as it goes and as it comes (`exchange`).
//! - At the end both sides are read again and must be equal up to the position.
//!
//! A crash leaves whole batches: what was done by then is right, and another run does the rest.
//! What a transaction in flight at the source may still bring is not there yet, and is ignored.

mod exchange;
mod findings;
mod judge;
mod named;
mod plan;
mod replacement;
mod write;

use crate::commands;
use crate::config::SourceRetention;
use crate::destination::postgres::AppendTarget;
use crate::destination::postgres::editor::TableEditor;
use crate::destination::postgres::lock::hold;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::{IdRange, shown};
use crate::event::store::{EventStore, TableDigest};
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::table::store::PgTable;
use crate::postgres::table::{Column, ColumnOrigin, EventTable};
use crate::recover::batch::TransactionLimits;
use crate::recover::bounds::{floor, range_from};
use crate::recover::endpoint::{TableEndpoint, judged_as};
use crate::recover::indexed::require_whole_index;
use crate::source::durability::DurabilityGate;
use crate::sql;
use crate::stop::Stop;
use exchange::EventExchange;
use findings::{DestinationTail, RepairFindings};
use futures::future::try_join;
use judge::RowJudge;
use named::NamedEvent;
use plan::RepairCase;
use slog::Logger;
use std::sync::Arc;
use std::time::Duration;
use write::RepairWriter;

pub use named::NAMED_IDS_MAX;
pub use plan::{RepairPlan, RepairRequest};
pub use write::RepairReport;

/// What is repaired, after all checks but the comparison of contents have passed.
#[derive(Clone, Copy, Debug)]
pub struct RepairTarget<'a> {
    /// The destination's name.
    pub name: &'a str,
    /// How the source is reached.
    pub source: TableEndpoint<'a>,
    /// What its table is.
    pub source_table: &'a EventTable,
    /// Which of its events it keeps.
    pub keeps: SourceRetention,
    /// How the destination is reached.
    pub destination: TableEndpoint<'a>,
    /// What its table is.
    pub destination_table: &'a EventTable,
    /// What is copied, and how.
    pub wire: &'a Wire,
    /// `synchronous_commit` of the destination.
    pub synchronous_commit: &'a str,
    /// Whether the source's rows must be on its disk before they are copied.
    pub is_durability_awaited: bool,
    /// Of a transaction.
    pub limits: TransactionLimits,
    /// Without progress for so long a transaction is given up.
    pub stall_max: Duration,
}

/// A repair that holds its destination.
pub struct RepairTask<'a> {
    target: RepairTarget<'a>,
    wanted: RepairRequest,
    judge: RowJudge,
    held: TableEditor,
    /// Both sides in the form in which they are judged.
    source: PgTable<Session>,
    destination: PgTable<Session>,
    position: Option<i64>,
    /// The source's lowest id, where it may lose its oldest events: nothing below is judged.
    floor: Option<i64>,
}

impl<'a> RepairTask<'a> {
    /// Connects, and takes hold of the destination.
    ///
    /// # Errors
    /// `Fed` when a replicator has it; `Access` and `Unsuitable` when rows may not be deleted that
    /// must be; those of the connections.
    pub async fn open(target: RepairTarget<'a>, wanted: RepairRequest) -> Result<Self> {
        let judged = judged_as(&target.wire.compared());
        let session = target.destination.session(ErrorSide::Destination).await?;
        let oid = target.destination_table.oid;
        hold(&session, target.name, oid).await.map_err(|error| {
            error.fix("stop it, or let it end; then start again; nothing was written")
        })?;
        let set = format!("set synchronous_commit = {}", sql::literal(target.synchronous_commit));
        let set = session.batch_execute(&set).await;
        set.map_err(|error| session.error(&error, "cannot set synchronous_commit"))?;
        // What slate altered is taken out and put in, in the form in which it was judged.
        let wire = if wanted == RepairRequest::AcceptSlate { &judged } else { target.wire };
        let layout = wire.layout(target.destination.id_column, None);
        let to = AppendTarget {
            name: format!("destination {:?}", target.name),
            table: target.destination.table.clone(),
            oid,
            fingerprint: target.destination_table.fingerprint.clone(),
            asks: target.destination_table.asks(),
            id_column: target.destination.own_id().to_owned(),
            wire: wire.called(target.destination.names),
            layout: layout
                .ok_or_else(|| Error::new(ErrorKind::Bug, "the id column is not copied"))?,
            stall_max: target.stall_max,
            is_relaxed: false,
        };
        let held = TableEditor::new(session, to);
        if wanted != RepairRequest::InsertMissing {
            held.require_delete().await?;
        }
        if wanted == RepairRequest::AcceptSlate {
            require_no_more_columns(&target)?;
        }
        let sides = try_join(
            target.source.read(ErrorSide::Source, &judged),
            target.destination.read(ErrorSide::Destination, &judged),
        );
        let (source, destination) = sides.await?;
        Ok(Self {
            judge: RowJudge::new(target.source_table, &judged),
            position: held.position().await?,
            floor: floor(&source, target.keeps).await?,
            target,
            wanted,
            held,
            source,
            destination,
        })
    }

    /// Reads both sides and decides. Writes nothing.
    ///
    /// # Errors
    /// `Contents` when more differs than may be repaired so, with what, and with the cure, or when
    /// an index hides rows; those of both sides.
    pub async fn plan(&self) -> Result<RepairPlan> {
        let place = self.place();
        let case = self.case(&place);
        if let RepairRequest::Replace(ids) = &self.wanted {
            case.require_held(ids)?;
        }
        case.require_common_ground(self.target.keeps, self.source.ends().await?.lowest)?;
        self.require_whole_indexes().await?;
        let Some(position) = self.position else {
            return match &self.wanted {
                RepairRequest::RewindTo(id) => {
                    case.rewind_to(*id, &RepairFindings::default(), &DestinationTail::default())
                }
                _ => case.insert_missing(&RepairFindings::default()),
            };
        };
        let whole = range_from(self.floor, position);
        match &self.wanted {
            RepairRequest::InsertMissing => case.insert_missing(&self.differences(whole).await?),
            RepairRequest::AcceptSlate => case.accept_slate(&self.differences(whole).await?),
            RepairRequest::Replace(ids) => {
                let (named, others) = self.named(ids, position).await?;
                let is_put_in = named.iter().any(NamedEvent::is_put_in);
                let plan = case.replace(named, &others)?;
                if is_put_in {
                    require_no_more_columns(&self.target)?;
                }
                Ok(plan)
            }
            RepairRequest::RewindTo(id) if position <= *id => {
                case.rewind_to(*id, &RepairFindings::default(), &DestinationTail::default())
            }
            RepairRequest::RewindTo(id) => {
                let id = *id;
                let rest = IdRange { through: id, ..whole };
                let found = self.judge.first(&self.source, &self.destination, rest).await?;
                if found.first().is_some() {
                    return case.rewind_to(
                        id,
                        &self.with_agreement(found).await?,
                        &DestinationTail::default(),
                    );
                }
                let above = IdRange { after: Some(id), through: position };
                let tail = judge::tail(&self.source, &self.destination, above).await?;
                let first = self.held.lowest_after(id).await?;
                case.rewind_to(id, &found, &DestinationTail { first, ..tail })
            }
        }
    }

    fn place(&self) -> String {
        format!("{}, {}", self.held.session().place(), self.target.destination.table)
    }

    fn case<'p>(&'p self, place: &'p str) -> RepairCase<'p> {
        RepairCase {
            name: self.target.name,
            place,
            position: self.position,
            events_max: self.target.limits.events_max,
            floor: self.floor,
        }
    }

    /// What each side has of these ids now, and what else differs.
    async fn named(&self, ids: &[i64], through: i64) -> Result<(Vec<NamedEvent>, RepairFindings)> {
        let (source, destination) = (&self.source, &self.destination);
        self.judge.named(source, destination, (range_from(self.floor, through), ids)).await
    }

    /// What an index hides would be taken for missing, and be put in twice.
    async fn require_whole_indexes(&self) -> Result<()> {
        let RepairTarget { source, destination, wire, .. } = self.target;
        let name = format!("destination {:?}", self.target.name);
        let session = source.session(ErrorSide::Source).await?;
        let (source, destination) =
            (source.over(&session, wire), destination.over(self.held.session(), wire));
        let sides = try_join(
            require_whole_index(&source, "the source"),
            require_whole_index(&destination, &name),
        );
        sides.await.map(|_| ())
    }

    async fn differences(&self, range: IdRange) -> Result<RepairFindings> {
        let found = self.judge.everything(&self.source, &self.destination, range).await?;
        self.with_agreement(found).await
    }

    async fn with_agreement(&self, found: RepairFindings) -> Result<RepairFindings> {
        let Some(first) = found.first() else { return Ok(found) };
        let (agreed, lowest) = self.held.highest_before(first).await?;
        Ok(RepairFindings { agreed, lowest, ..found })
    }

    /// Writes, batch by batch, and keeps count of what is committed. May be dropped: the server
    /// rolls back the batch in hand.
    ///
    /// # Errors
    /// As each says; whole batches that were committed before stay.
    pub async fn carry_out(
        &self,
        plan: &RepairPlan,
        stop: &Stop,
        log: &Logger,
        done: &mut RepairReport,
    ) -> Result<()> {
        let Some(position) = self.position else { return Ok(()) };
        let source = Arc::new(self.target.source.session(ErrorSide::Source).await?);
        let gate = DurabilityGate::new(
            source,
            self.target.source_table,
            Vec::new(),
            self.target.is_durability_awaited,
        )
        .await?;
        if let RepairRequest::RewindTo(id) = self.wanted {
            // What goes because the source has it too must be on its disk.
            gate.durable().await?;
            return write::rewind(
                &self.held,
                id,
                position,
                self.target.limits.events_max,
                stop,
                log,
                done,
            )
            .await;
        }
        if matches!(self.wanted, RepairRequest::Replace(_)) {
            let source = self.target.source.read(ErrorSide::Source, self.target.wire).await?;
            let exchange = EventExchange {
                held: &self.held,
                source: &source,
                judged: &self.source.wire().called(self.target.destination.names),
                name: self.target.name,
                position,
                keeps: self.target.keeps,
                log,
            };
            return exchange.carry_out(plan.named(), &gate, done).await;
        }
        let writing = |source, destination| RepairWriter {
            held: &self.held,
            source,
            destination,
            range: range_from(self.floor, position),
            limits: self.target.limits,
            stop,
            log,
        };
        if self.wanted == RepairRequest::AcceptSlate {
            return writing(&self.source, &self.destination)
                .accept_slate(&self.judge, &gate, done)
                .await;
        }
        let (source, destination) = self.as_copied().await?;
        writing(&source, &destination).insert_missing(&gate, done).await
    }

    /// Reads both sides once more, in the form in which events travel, and gives what both hold up
    /// to the position.
    ///
    /// # Errors
    /// `Contents` when they are not the same.
    pub async fn verify(&self) -> Result<TableDigest> {
        let (source, destination) = self.as_copied().await?;
        let through = self.held.position().await?.unwrap_or(i64::MIN);
        let range = range_from(floor(&source, self.target.keeps).await?, through);
        let (ours, theirs) =
            try_join(source.table_digest(range), destination.table_digest(range)).await?;
        let Some(how) = ours.difference(&theirs) else { return Ok(theirs) };
        if let RepairRequest::Replace(ids) = &self.wanted {
            return Err(self.unequal(ids).await?);
        }
        let what = format!("destination {:?} is still not what the source has", self.target.name);
        Err(Error::new(ErrorKind::Contents, what)
            .at(format!("up to id {}", shown(Some(range.through))))
            .because(how)
            .because(
                "something was written at either side meanwhile, or a trigger of the destination \
                 changes what is inserted",
            )
            .fix(format!(
                "start again; {} shows what differs",
                commands::events_diff(self.target.name)
            )))
    }

    /// Why both sides are not equal after named events were replaced.
    async fn unequal(&self, ids: &[i64]) -> Result<Error> {
        let (named, others) = self.named(ids, self.position.unwrap_or(i64::MIN)).await?;
        let is_unlike = |event: &&NamedEvent| event.source != event.destination;
        let unlike: Vec<i64> = named.iter().filter(is_unlike).map(|event| event.id).collect();
        let place = self.place();
        let case = self.case(&place);
        Ok(match unlike.is_empty() {
            true => case.differs_elsewhere(&others),
            false => case.still_unlike(&unlike),
        })
    }

    async fn as_copied(&self) -> Result<(PgTable<Session>, PgTable<Session>)> {
        let wire = self.target.wire.compared();
        let source = self.target.source.read(ErrorSide::Source, &wire);
        let destination = self.target.destination.read(ErrorSide::Destination, &wire);
        try_join(source, destination).await
    }
}

/// What is taken out and put in again would lose what the source does not have.
fn require_no_more_columns(target: &RepairTarget<'_>) -> Result<()> {
    let is_lost = |column: &&Column| {
        let names = &target.destination.names;
        let is_copied =
            target.wire.columns.iter().any(|copied| names.there(&copied.name) == column.name);
        !is_copied && column.origin != ColumnOrigin::Generated
    };
    let Some(column) = target.destination_table.columns.iter().find(is_lost) else {
        return Ok(());
    };
    let what = format!("cannot replace events of destination {:?}", target.name);
    Err(Error::new(ErrorKind::Unsuitable, what)
        .at(target.destination_table.name.to_string())
        .because(format!(
            "its column {} is not the source's, and what it holds would be lost",
            sql::ident(&column.name)
        ))
        .fix("keep that column elsewhere and drop it; nothing was written"))
}

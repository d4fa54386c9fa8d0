//! `restore`: a source that was lost is rebuilt from a destination.
//!
//! Why nothing is lost, doubled or overwritten, and no id is given out twice:
//! - The destination to restore from must be the longest of all that are configured, and all others
//!   prefixes of it, row by row (`plan` decides, without any I/O). All are held meanwhile
//!   ([`crate::destination::postgres::lock`]), so that none of them moves.
//! - The source is empty, or holds exactly the beginning of that destination: then an earlier
//!   restore is resumed. Rows go in by COPY, which replaces nothing, in id order, on the expected
//!   position, with writers kept out by a lock of the table (`write`).
//! - In every transaction, the first included, the next id is raised beyond the last of the
//!   destination, before the first row goes in ([`crate::source::ids::next_id`]); it is never
//!   lowered. So neither a crash nor a writer in between leads to an id that a destination holds.
//! - At the end both sides are read again and must be equal, and the next id is asked for.
//!
//! A crash leaves whole batches, and the triggers as they were; another run does the rest.

mod columns;
mod copies;
mod plan;
mod write;

use crate::config::SourceRetention;
use crate::destination::postgres::AppendTarget;
use crate::destination::postgres::editor::TableEditor;
use crate::destination::postgres::lock::hold;
use crate::error::{Error, ErrorKind, Result};
use crate::event::merge::{RowMerge, RowMismatch};
use crate::event::range::{IdRange, shown};
use crate::event::store::{EventStore, TableDigest};
use crate::postgres::session::Session;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::table::EventTable;
use crate::postgres::table::store::PgTable;
use crate::recover::batch::TransactionLimits;
use crate::recover::bounds::{floor, range_from};
use crate::recover::endpoint::TableEndpoint;
use crate::recover::indexed::require_whole_index;
use crate::recover::repair::RepairReport;
use crate::source::ids::Discipline;
use crate::source::ids::next_id::NextId;
use crate::stop::Stop;
use columns::{comparable, left_out, put_in_as};
use copies::{position, rest};
use futures::future::try_join;
use plan::{CopyFindings, RestoreFindings, plan};
use slog::Logger;
use std::time::Duration;
use write::RestoreWriter;

pub use copies::CheckedCopy;
pub use plan::RestorePlan;

/// What is restored.
#[derive(Clone, Debug)]
pub struct RestoreTarget<'a> {
    /// How the source is reached.
    pub source: TableEndpoint<'a>,
    /// What its table is.
    pub source_table: &'a EventTable,
    /// Which of its events it keeps.
    pub keeps: SourceRetention,
    /// How it gives out ids.
    pub discipline: &'a Discipline,
    /// The destination it is filled from.
    pub from: CheckedCopy<'a>,
    /// All others that are configured.
    pub others: Vec<CheckedCopy<'a>>,
    /// Of a transaction.
    pub limits: TransactionLimits,
    /// Without progress for so long a transaction is given up.
    pub stall_max: Duration,
}

/// A restore that holds all destinations.
pub struct RestoreTask<'a> {
    target: RestoreTarget<'a>,
    held: TableEditor,
    next_id: NextId,
    /// The destination it is filled from, in the form in which rows are put in.
    from: PgTable<Session>,
    from_session: Session,
    others: Vec<Session>,
}

impl<'a> RestoreTask<'a> {
    /// Connects to all sides, and takes hold of all destinations.
    ///
    /// # Errors
    /// `Fed` when a replicator has one of them; `Access` when the table of the source is not ours;
    /// `Unsuitable` when it cannot take what the destination holds, or it is not known what gives
    /// out its ids; those of the connections.
    pub async fn open(target: RestoreTarget<'a>) -> Result<Self> {
        require_all_rows(&target.from)?;
        let wire = put_in_as(target.source_table, &target.from)?;
        let from_session = held_session(&target.from).await?;
        let mut others = Vec::new();
        for other in &target.others {
            others.push(held_session(other).await?);
        }
        let session = target.source.session(ErrorSide::Destination).await?;
        require_ownership(&session, target.source_table).await?;
        let set = session.batch_execute("set synchronous_commit = on").await;
        set.map_err(|error| session.error(&error, "cannot set synchronous_commit"))?;
        let next_id = NextId::find(&session, target.source_table, target.discipline).await?;
        next_id.ask(&session).await?;
        let layout = wire.layout(target.source.id_column, None);
        let to = AppendTarget {
            name: "the source".to_owned(),
            table: target.source.table.clone(),
            oid: target.source_table.oid,
            fingerprint: target.source_table.fingerprint.clone(),
            asks: target.source_table.asks(),
            id_column: target.source.id_column.to_owned(),
            layout: layout
                .ok_or_else(|| Error::new(ErrorKind::Bug, "the id column is not copied"))?,
            wire: wire.clone(),
            stall_max: target.stall_max,
            is_relaxed: false,
        };
        Ok(Self {
            held: TableEditor::new(session, to),
            from: target.from.place.read(ErrorSide::Destination, &wire).await?,
            target,
            next_id,
            from_session,
            others,
        })
    }

    /// Reads all sides and decides. Writes nothing.
    ///
    /// # Errors
    /// `Contents` as `plan` says, or when an index hides rows; those of all sides.
    pub async fn plan(&self) -> Result<RestorePlan> {
        self.require_whole_indexes().await?;
        let target = &self.target;
        let position = position(&self.from_session, &target.from).await?;
        let mut found = RestoreFindings {
            place: format!("{}, {}", self.held.session().place(), target.source.table),
            from: copied(&target.from, position, None),
            others: Vec::new(),
            held: self.held.position().await?,
            unlike: None,
            next_id: self.next_id.ask(self.held.session()).await?,
            events: 0,
            first: None,
            is_consecutive: *target.discipline == Discipline::Consecutive,
            left_out: left_out(target.source_table, target.from.table),
            events_max: target.limits.events_max,
        };
        for (other, session) in target.others.iter().zip(&self.others) {
            let theirs = self::position(session, other).await?;
            let unlike = match theirs {
                Some(through) if theirs <= position => self.first_unlike(other, through).await?,
                _ => None,
            };
            found.others.push(copied(other, theirs, unlike));
        }
        if let Some(through) = found.held {
            let (from, source) = self.as_copied().await?;
            let range = range_from(floor(&source, target.keeps).await?, through);
            found.unlike = first_unlike(&from, &source, range).await?;
        }
        (found.events, found.first) = rest(&self.from_session, &target.from, found.held).await?;
        plan(&found)
    }

    /// What an index hides would be lost, or its id be given out again.
    async fn require_whole_indexes(&self) -> Result<()> {
        let target = &self.target;
        let wire = target.from.wire;
        require_whole_index(&target.source.over(self.held.session(), wire), "the source").await?;
        let others = target.others.iter().zip(&self.others);
        for (copy, session) in std::iter::once((&target.from, &self.from_session)).chain(others) {
            require_whole_index(
                &copy.place.over(session, wire),
                &format!("destination {:?}", copy.name),
            )
            .await?;
        }
        Ok(())
    }

    /// The first id at which another destination is not what the one to restore from is, by the
    /// columns that both have of the source.
    async fn first_unlike(&self, other: &CheckedCopy<'_>, through: i64) -> Result<Option<i64>> {
        let is_part = other.wire.rows.is_some();
        let wire = comparable(self.target.from.wire, other.wire).compared();
        let sides = try_join(
            self.target.from.place.read(ErrorSide::Destination, &wire),
            other.place.read(ErrorSide::Destination, &wire),
        );
        let (from, other) = sides.await?;
        let begin = match self.target.keeps {
            SourceRetention::All => None,
            // Each may have begun when the source had lost more.
            SourceRetention::Tail => {
                let (one, other) = try_join(from.ends(), other.ends()).await?;
                one.lowest.max(other.lowest)
            }
        };
        let range = range_from(begin, through);
        match is_part {
            true => first_foreign(&from, &other, range).await,
            false => first_unlike(&from, &other, range).await,
        }
    }

    /// Writes, batch by batch, and keeps count of what is committed. May be dropped: the server
    /// rolls back the batch in hand.
    ///
    /// # Errors
    /// As `write` says; whole batches that were committed before stay.
    pub async fn carry_out(
        &self,
        stop: &Stop,
        log: &Logger,
        done: &mut RepairReport,
    ) -> Result<()> {
        let Some(last) = self.still_held().await? else { return Ok(()) };
        let filling = RestoreWriter {
            held: &self.held,
            from: &self.from,
            last,
            next_id: &self.next_id,
            limits: self.target.limits,
            stop,
            log,
        };
        filling.fill(self.held.position().await?, done).await
    }

    /// Reads both sides once more and gives what both hold, and the next id where we may know.
    ///
    /// # Errors
    /// `Contents` when they are not the same, or when the next id is not beyond them.
    pub async fn verify(&self) -> Result<(TableDigest, Option<i64>)> {
        let (from, source) = self.as_copied().await?;
        let range = range_from(floor(&source, self.target.keeps).await?, i64::MAX);
        let (theirs, ours) = try_join(from.table_digest(range), source.table_digest(range)).await?;
        let next_id = self.next_id.ask(self.held.session()).await?;
        let last = self.still_held().await?;
        let wrong = match theirs.difference(&ours) {
            None if ours.last_id != last => Some(format!(
                "its last id is {}, the destination's {}",
                shown(ours.last_id),
                shown(last)
            )),
            Some(how) => Some(
                format!("the source holds {how}")
                    .replace("where the source has", "where the destination has"),
            ),
            None if next_id.is_some() && next_id <= ours.last_id => {
                Some(format!("its next id is {}", shown(next_id)))
            }
            None => None,
        };
        let Some(wrong) = wrong else { return Ok((ours, next_id)) };
        Err(Error::new(ErrorKind::Contents, "the source is not what it was restored from")
            .at(self.held.place())
            .because(wrong)
            .because("another session writes there")
            .fix("stop all writers to the source, then start again: the command says what differs"))
    }

    /// Makes sure that all destinations were held all the time and none has outgrown the one to
    /// restore from; gives the position of that one.
    async fn still_held(&self) -> Result<Option<i64>> {
        let lost = |copy: &CheckedCopy<'_>, error: Error| {
            let what = format!(
                "destination {:?} was not locked to the end: it may have received events meanwhile",
                copy.name
            );
            Error::new(error.kind(), what)
                .because(error.to_string())
                .fix("start again: the command compares everything again and does what is left")
        };
        let last = position(&self.from_session, &self.target.from).await;
        let last = last.map_err(|error| lost(&self.target.from, error))?;
        for (other, session) in self.target.others.iter().zip(&self.others) {
            let theirs = position(session, other).await.map_err(|error| lost(other, error))?;
            if theirs > last {
                let what = format!(
                    "destination {:?} has outgrown {:?} meanwhile",
                    other.name, self.target.from.name
                );
                return Err(Error::new(ErrorKind::Contents, what)
                    .because(format!("their highest ids are {} and {}", shown(theirs), shown(last)))
                    .fix(
                        "find out which application writes to the source and stop it; then start \
                         again",
                    ));
            }
        }
        Ok(last)
    }

    /// Both sides with every column that travels, those that the source computes included.
    async fn as_copied(&self) -> Result<(PgTable<Session>, PgTable<Session>)> {
        let wire = self.target.from.wire.compared();
        let from = self.target.from.place.read(ErrorSide::Destination, &wire);
        try_join(from, self.target.source.read(ErrorSide::Source, &wire)).await
    }
}

async fn held_session(copy: &CheckedCopy<'_>) -> Result<Session> {
    let session = copy.place.session(ErrorSide::Destination).await?;
    let held = hold(&session, copy.name, copy.table.oid).await;
    let set = session.batch_execute(include_str!("../../../sql/recover/patience.sql")).await;
    set.map_err(|error| session.error(&error, "cannot set lock_timeout"))?;
    held.map_err(|error| {
        error.fix(
            "stop it first; if its source is alive, there is nothing to restore; nothing was \
             written",
        )
    })?;
    Ok(session)
}

async fn require_ownership(session: &Session, table: &EventTable) -> Result<()> {
    let asked =
        session.query_one(include_str!("../../../sql/recover/owned.sql"), &[&table.oid]).await;
    let row = asked.map_err(|error| session.error(&error, "cannot ask who owns the table"))?;
    if row.get(0) {
        return Ok(());
    }
    let owner: &str = row.get(1);
    Err(Error::new(ErrorKind::Access, format!("cannot restore {}", table.name))
        .at(session.place())
        .because(format!(
            "it belongs to role {owner}, and only its owner may switch its triggers off meanwhile"
        ))
        .fix(format!("use role {owner} in the source's url for the restore; nothing was written")))
}

async fn first_unlike(
    one: &PgTable<Session>,
    other: &PgTable<Session>,
    range: IdRange,
) -> Result<Option<i64>> {
    let unlike = RowMerge::of(one, other, range).next().await?;
    Ok(unlike.map(|unlike| match unlike {
        RowMismatch::Missing(row) | RowMismatch::Extra(row) | RowMismatch::Changed(row, _) => {
            row.id
        }
    }))
}

/// The first id at which the other one, which takes only some rows, has what the one has not.
async fn first_foreign(
    one: &PgTable<Session>,
    other: &PgTable<Session>,
    range: IdRange,
) -> Result<Option<i64>> {
    let mut merge = RowMerge::of(one, other, range);
    while let Some(unlike) = merge.next().await? {
        if let RowMismatch::Extra(row) | RowMismatch::Changed(row, _) = unlike {
            return Ok(Some(row.id));
        }
    }
    Ok(None)
}

/// A source is not rebuilt from some of its events.
fn require_all_rows(from: &CheckedCopy<'_>) -> Result<()> {
    let Some(rows) = &from.wire.rows else { return Ok(()) };
    let what =
        format!("cannot restore from destination {:?}: it takes only some events", from.name);
    Err(Error::new(ErrorKind::Unsuitable, what)
        .because(format!("those for which this is true: {rows}"))
        .fix("name a destination without where; nothing was written"))
}

fn copied(copy: &CheckedCopy<'_>, position: Option<i64>, unlike: Option<i64>) -> CopyFindings {
    CopyFindings { name: copy.name.to_owned(), position, unlike }
}

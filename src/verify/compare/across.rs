//! A copy in another engine, compared with its source: every row of both, merged by id.
//!
//! Two engines make no digest alike, so the rows themselves travel here, in the text that the types
//! of the source are written as. Up to where they are compared, and what is a difference, is as
//! between two tables of PostgreSQL (`fence`, `class`, `undecided`).

mod sink;

use crate::config::{DestinationConfig, IdsSetting, SourceRetention};
use crate::destination::connector::{OpenLimits, SurveyedPlace};
use crate::destination::registry::connector;
use crate::error::{Error, Result};
use crate::event::merge::{RowMerge, RowMismatch};
use crate::event::range::{IdRange, shown};
use crate::event::store::{DigestInput, EventStore};
use crate::event::wire::Wire;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::table::{EventTable, compatible};
use crate::sql;
use crate::stop::Stop;
use crate::verify::class::{self, ComparedColumn};
use crate::verify::compare::fence::{self, ComparisonFence, FenceDoubt, SecondEnds};
use crate::verify::compare::opening::{self, IdOrder};
use crate::verify::compare::outcome::{
    ComparisonOutcome, VerdictGrounds, ahead, let_go, note_of_floor, note_of_open, nothing_compared,
};
use crate::verify::compare::side::{
    ComparisonSide, ReaderSource, SharedColumns, SideAccess, SidePlace, WHOLE_TABLE_MAX,
};
use crate::verify::compare::task::{ComparisonOptions, ComparisonWatcher};
use crate::verify::compare::undecided::{Undecided, UndecidedReason};
use crate::verify::difference::{Difference, DifferenceClass};
use sink::RowSink;
use slog::Logger;
use std::time::Duration;

/// Rows that are read again at the end at most.
const DOUBTED_MAX: usize = 10_000;

/// The source, described and asked; its copy is opened beside it.
pub struct AcrossSource {
    /// The source.
    pub first: ComparisonSide,
    id_column: String,
}

/// Both sides, and what is compared of them.
pub struct AcrossPair<'a> {
    first: &'a ComparisonSide,
    second: Box<dyn EventStore + 'a>,
    /// What the second side is called.
    pub name: String,
    /// The columns that are compared.
    pub columns: SharedColumns,
}

/// How a comparison ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AcrossEnd {
    Complete,
    Enough,
    Interrupted,
}

/// How a connector opens a copy that is compared.
fn limits(id_column: &str, timeout: Duration) -> OpenLimits<'_> {
    OpenLimits {
        what: "diff",
        id_column,
        connect_timeout: timeout,
        append_timeout: timeout,
        routes: RouteCache::unknown(),
    }
}

impl AcrossSource {
    /// Connects to the source.
    ///
    /// # Errors
    /// Those of the server; `Unsuitable` where its rows cannot be read in the order of their ids.
    pub async fn open(
        place: &SidePlace,
        id_column: &str,
        timeout: Duration,
        log: &Logger,
    ) -> Result<Self> {
        let access = SideAccess { connections: 2, timeout, readers: ReaderSource::Own, pool: None };
        let first = ComparisonSide::open(place, id_column, access, log).await?;
        first.confirm_unique(id_column).await?;
        Ok(Self { first, id_column: id_column.to_owned() })
    }

    /// How its ids are given out.
    ///
    /// # Errors
    /// What the server says; `Stopped`.
    pub async fn order(
        &self,
        rule: (IdsSetting, SourceRetention),
        known_gaps: &[(i64, i64)],
        stop: &Stop,
    ) -> Result<IdOrder> {
        opening::order(&self.first, &self.id_column, rule, known_gaps, stop).await
    }

    /// The source beside a copy that was opened.
    ///
    /// # Errors
    /// Why the two cannot be compared.
    pub fn beside<'a>(
        &'a self,
        to: &DestinationConfig,
        copy: &'a dyn SurveyedPlace,
    ) -> Result<AcrossPair<'a>> {
        let second = copy.store(Some(&self.first.table))?;
        let columns = columns(&self.first.table, second.wire(), &self.id_column);
        let name = format!("destination {:?}", to.name);
        Ok(AcrossPair { first: &self.first, second, name, columns })
    }
}

/// Opens a copy, to read it.
///
/// # Errors
/// Those of its engine.
pub async fn survey<T>(
    to: &DestinationConfig,
    (id_column, timeout): (&str, Duration),
    work: impl AsyncFnOnce(&dyn SurveyedPlace) -> Result<T>,
) -> Result<T> {
    let (connector, limits) = (connector(to), limits(id_column, timeout));
    let named =
        |error: Error| error.while_doing(format!("cannot compare destination {:?}", to.name));
    let copy = connector.survey(&limits).await.map_err(named)?;
    work(&*copy).await
}

fn columns(source: &EventTable, wire: &Wire, id_column: &str) -> SharedColumns {
    let compared = wire.columns.iter().map(|column| ComparedColumn {
        name: column.name.clone(),
        type_oid: column.type_oid.unwrap_or_default(),
    });
    let uncertain = compatible::unknown_texts(source, wire).into_iter().map(|(column, of)| {
        format!(
            "column {} is compared as the text of type {of}, which is not known to represent a \
             value completely: what it omits was not compared",
            sql::ident(&column.name)
        )
    });
    SharedColumns {
        compared: compared.collect(),
        uncertain: uncertain.collect(),
        wire: wire.clone(),
        id: id_column.to_owned(),
        hashing: DigestInput::RowDigests,
    }
}

impl AcrossPair<'_> {
    /// Where the second side is.
    pub fn shown(&self) -> String {
        self.second.place()
    }

    /// Finds up to where both can be compared.
    ///
    /// # Errors
    /// Those of both sides; `Stopped`.
    pub async fn fence(
        &self,
        order: &IdOrder,
        keeps: SourceRetention,
        stop: &Stop,
    ) -> Result<ComparisonFence> {
        let second = SecondEnds { ends: self.second.ends().await?, may_be_late: false };
        let rule = (order.discipline.as_ref(), keeps);
        fence::find_above(self.first, second, &self.columns, rule, stop).await
    }

    /// Compares; a stop makes it inconclusive.
    ///
    /// # Errors
    /// Those of both sides and of the watcher.
    pub async fn compare(
        &self,
        fence: &ComparisonFence,
        options: &ComparisonOptions,
        watch: &mut dyn ComparisonWatcher,
        stop: &Stop,
    ) -> Result<ComparisonOutcome> {
        let mut walk = AcrossWalk {
            pair: self,
            fence,
            sink: RowSink::new(&self.columns, options.limits, watch)?,
            rows: (0, 0),
            at: None,
            doubted: Vec::new(),
            undecided: Undecided::default(),
        };
        let range = range(fence, options);
        let ended = match range {
            Some(range) => walk.run(range, stop).await?,
            None => AcrossEnd::Complete,
        };
        self.conclude((fence, options), range, ended, walk).await
    }

    async fn conclude(
        &self,
        (fence, options): (&ComparisonFence, &ComparisonOptions),
        range: Option<IdRange>,
        ended: AcrossEnd,
        walk: AcrossWalk<'_>,
    ) -> Result<ComparisonOutcome> {
        let AcrossWalk { sink, rows, at, undecided, .. } = walk;
        let names = (self.first.name.as_str(), self.name.as_str());
        let end = end(fence, options);
        let mut skipped: Vec<String> = nothing_compared(fence, end, names).into_iter().collect();
        skipped.extend(let_go(fence, names));
        skipped.extend(match ended {
            AcrossEnd::Complete => None,
            AcrossEnd::Enough => Some(format!(
                "ended after {} differences, at id {}: the rest was not compared",
                sink.tally.total(),
                shown(at)
            )),
            AcrossEnd::Interrupted => {
                Some(format!("interrupted after id {}: the rest was not compared", shown(at)))
            }
        });
        skipped.extend(self.columns.uncertain.iter().cloned());
        skipped.extend(undecided.told(fence, names));
        if ended == AcrossEnd::Complete {
            skipped.extend(self.hidden(fence, range, rows.0).await?);
        }
        let beyond = beyond(fence, options);
        let pending = self.counts(beyond).await?;
        if !options.must_be_complete {
            let ahead_by = if fence.is_second_ahead() { pending.1 } else { 0 };
            skipped.extend(ahead(fence, ahead_by, beyond.after, names));
        }
        let grounds = VerdictGrounds {
            tally: &sink.tally,
            may_have_more: (false, false),
            without_id: (0, 0),
            is_something_skipped: !skipped.is_empty(),
        };
        let open = note_of_open(fence).filter(|_| !undecided.is_any_open());
        Ok(ComparisonOutcome {
            verdict: grounds.verdict(),
            range,
            fence: fence.clone(),
            rows,
            end,
            pending,
            pending_above: beyond.after,
            without_id: (0, 0),
            earlier: Vec::new(),
            tally: sink.tally,
            may_have_more: (false, false),
            skipped,
            notes: open.into_iter().chain(note_of_floor(fence, names)).collect(),
            journal: None,
        })
    }

    /// Rows of the source that its index of the id does not know were not read.
    async fn hidden(
        &self,
        fence: &ComparisonFence,
        range: Option<IdRange>,
        read: u64,
    ) -> Result<Option<String>> {
        let Some(range) = range.filter(|_| fence.doubt == FenceDoubt::Nothing) else {
            return Ok(None);
        };
        let never = Stop::never();
        let counted = self
            .first
            .ask(&self.columns, (WHOLE_TABLE_MAX, &never), |store| {
                store.heap_counts(Some(range), None)
            })
            .await?;
        Ok((counted.within != read && fence.floor.is_none()).then(|| {
            format!(
                "{} holds {} rows of {range} and {read} were read by the index of the id, which is \
                 damaged: rebuild it with REINDEX TABLE, then compare again",
                self.first.name, counted.within
            )
        }))
    }

    async fn counts(&self, range: IdRange) -> Result<(u64, u64)> {
        if range.is_empty() {
            return Ok((0, 0));
        }
        let never = Stop::never();
        let limits = (WHOLE_TABLE_MAX, &never);
        let first = self.first.ask(&self.columns, limits, |store| store.count(range)).await?;
        Ok((first, self.second.count(range).await?))
    }
}

/// The highest id that can be compared.
fn end(fence: &ComparisonFence, options: &ComparisonOptions) -> Option<i64> {
    let (first, second) = fence.highest;
    if options.must_be_complete { first.max(second) } else { fence.through }
}

fn range(fence: &ComparisonFence, options: &ComparisonOptions) -> Option<IdRange> {
    let end = end(fence, options)?;
    let range = IdRange {
        after: options.from.max(fence.floor).and_then(|from| from.checked_sub(1)),
        through: options.through.map_or(end, |through| through.min(end)),
    };
    (!range.is_empty()).then_some(range)
}

/// What lies beyond what can be compared.
fn beyond(fence: &ComparisonFence, options: &ComparisonOptions) -> IdRange {
    IdRange { after: end(fence, options), through: options.through.unwrap_or(i64::MAX) }
}

/// A merge on its way.
struct AcrossWalk<'a> {
    pair: &'a AcrossPair<'a>,
    fence: &'a ComparisonFence,
    sink: RowSink<'a>,
    rows: (u64, u64),
    at: Option<i64>,
    /// Rows that only one side had, and may be no difference a moment later.
    doubted: Vec<i64>,
    undecided: Undecided,
}

impl AcrossWalk<'_> {
    async fn run(&mut self, range: IdRange, stop: &Stop) -> Result<AcrossEnd> {
        let pair = self.pair;
        let first = pair.first.reader(&pair.columns).await?;
        let mut merge = RowMerge::of(&first, &*pair.second, range);
        loop {
            let Some(unlike) = stop.or(merge.next()).await else {
                return Ok(AcrossEnd::Interrupted);
            };
            self.rows = merge.rows();
            let Some(unlike) = unlike? else { break };
            self.at = Some(unlike.id());
            self.sink.progress(self.rows.0);
            let difference =
                class::difference(&unlike, &pair.columns.compared, pair.columns.wire.format);
            let is_one_sided = !matches!(difference.class, DifferenceClass::Changed(_));
            if is_one_sided && self.is_in_doubt(difference.id) && self.doubted.len() < DOUBTED_MAX {
                self.doubted.push(difference.id);
            } else if self.take(difference, &unlike)? {
                return Ok(AcrossEnd::Enough);
            }
        }
        drop(merge);
        for id in std::mem::take(&mut self.doubted) {
            let mut again = RowMerge::of(&first, &*pair.second, IdRange::only(id));
            let Some(unlike) = stop.or(again.next()).await else {
                return Ok(AcrossEnd::Interrupted);
            };
            let Some(unlike) = unlike? else { continue };
            let compared = &pair.columns.compared;
            let difference = class::difference(&unlike, compared, pair.columns.wire.format);
            if self.take(difference, &unlike)? {
                return Ok(AcrossEnd::Enough);
            }
        }
        Ok(AcrossEnd::Complete)
    }

    /// Whether what only one side has may come to the other, or be gone, a moment later.
    fn is_in_doubt(&self, id: i64) -> bool {
        let is_on_its_way = self.fence.through.is_none_or(|through| id > through);
        is_on_its_way || self.fence.doubt != FenceDoubt::Nothing || self.fence.floor.is_some()
    }

    /// Takes one as it was found; whether as many were as are wanted.
    fn take(&mut self, difference: Difference, unlike: &RowMismatch) -> Result<bool> {
        match UndecidedReason::of(&difference.class, self.fence) {
            Some(why) => self.undecided.add(difference.id, why),
            None => self.sink.take(difference, unlike)?,
        }
        Ok(self.sink.is_enough())
    }
}

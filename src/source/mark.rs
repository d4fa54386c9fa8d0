//! The high-water mark: the highest id below which nothing can still appear. Asks the server;
//! `source::horizon` decides.
//!
//! Each look runs, in this order and each with a snapshot of its own (READ COMMITTED, pinned by the
//! session): the highest visible id; who holds the lock; and then the read of the rows, of which
//! the first can come along. See `source::horizon` for why this is sound.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::shown;
use crate::fail;
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::source::blocked::{BlockReason, Blockage, MarkSighting, WaitingEvents};
use crate::source::frontier::{MarkOutcome, ReadFrontier};
use crate::source::grace::GapGrace;
use crate::source::horizon::{LockHolder, LockHorizon};
use crate::source::ids::drawn;
use crate::source::ids::rule::MarkRule;
use crate::source::read::batcher::HighWaterMark;
use crate::source::read::prefetch::{ReadStart, RowPrefetch, read_along};
use crate::source::read::{FirstPages, FirstRows};
use crate::sql;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio_postgres::{Row, Statement};

/// Between two of the first looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Asks one server for the mark, from one look to the next.
#[derive(Debug)]
pub struct MarkProbe {
    session: Arc<Session>,
    table: TableName,
    id_column: String,
    rule: MarkRule,
    highest: Statement,
    holders: Statement,
    next_after: Statement,
    place: Option<ProbedServer>,
    /// The latest look.
    sighting: Option<MarkSighting>,
    /// How far the sequence had come at the last look, where that may be known.
    drawn: Option<i64>,
    horizon: LockHorizon,
    grace: GapGrace,
    first_pages: FirstPages,
}

/// What the statements of a look say.
struct ProbeAnswers {
    highest: Option<i64>,
    /// How far the sequence has come, where that may be known; the inner `None`: it gave out
    /// nothing yet.
    drawn: Option<Option<i64>>,
    holders: Vec<LockHolder>,
    /// The first visible row after the one that was asked about.
    next: Option<i64>,
    first: Option<FirstRows>,
}

/// Which server and table answered; another answer means that a proxy or a failover put us
/// elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ProbedServer {
    table_oid: Option<u32>,
    started_at: String,
    timeline: Option<String>,
}

impl MarkProbe {
    /// Prepares the statements on the session, which is used for nothing that could open a
    /// transaction.
    pub async fn new(
        session: Arc<Session>,
        table: &TableName,
        id_column: &str,
        rule: MarkRule,
    ) -> Result<Self> {
        let qualified = table.quoted();
        let drawn = rule.sequence().map_or_else(|| "null".to_owned(), drawn::query);
        let names = [
            ("drawn", sql::sql(drawn)),
            ("schema", sql::text(&table.schema)),
            ("table", sql::text(&table.name)),
            ("id", sql::text(id_column)),
            ("qualified", sql::text(&qualified)),
        ];
        let in_order =
            session.batch_execute(include_str!("../../sql/session/in_id_order.sql")).await;
        in_order.map_err(|error| session.error(&error, format!("cannot look at {table}")))?;
        let prepare = async |text: &str| {
            let prepared = session.prepare(&sql::fill(text, &names)).await;
            prepared.map_err(|error| session.error(&error, format!("cannot look at {table}")))
        };
        let highest = prepare(include_str!("../../sql/source/mark_1_highest.sql")).await?;
        let holders = prepare(include_str!("../../sql/source/mark_2_holders.sql")).await?;
        let next_after = prepare(include_str!("../../sql/source/next_after.sql")).await?;
        Ok(Self {
            session,
            table: table.clone(),
            id_column: id_column.to_owned(),
            rule,
            highest,
            holders,
            next_after,
            place: None,
            sighting: None,
            drawn: None,
            horizon: LockHorizon::new(),
            grace: GapGrace::default(),
            first_pages: FirstPages::default(),
        })
    }

    /// The session it asks over.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// What the latest look saw.
    pub(crate) fn sighting(&self) -> Option<MarkSighting> {
        self.sighting
    }

    /// Where to ask about events that wait.
    pub fn events(&self) -> WaitingEvents<'_> {
        WaitingEvents { session: &self.session, table: &self.table, id_column: &self.id_column }
    }

    /// The first look of a connection: gives the highest visible id, and what is decided. Short
    /// transactions that are open then are waited for, up to `settle_max`, so that what lanes hold
    /// can be confirmed at once.
    pub async fn first_look(&mut self, settle_max: Duration) -> Result<(Option<i64>, Option<i64>)> {
        let began = Instant::now();
        let first = self.ask(None, None).await?;
        self.confirm_drawn(first.drawn)?;
        let mut decided = self.mark(&first).decided();
        while decided < first.highest
            && matches!(self.rule, MarkRule::Horizon { .. })
            && began.elapsed() < settle_max
        {
            tokio::time::sleep(LOOK_AGAIN).await;
            let again = self.ask(None, None).await?;
            self.confirm_drawn(again.drawn)?;
            decided = self.mark(&again).decided();
        }
        Ok((first.highest, decided))
    }

    /// Takes one look beyond the frontier: three short statements in one flush, each an index probe
    /// or a read of the lock table. The third can be the read of the first rows: it comes after the
    /// look, as every read does.
    ///
    /// # Errors
    /// `Unavailable` when another server or table answers than before: reconnect, check again.
    /// `Order` when an id is missing from consecutive ids.
    pub async fn look(
        &mut self,
        frontier: ReadFrontier,
        prefetch: Option<&RowPrefetch>,
    ) -> Result<MarkOutcome> {
        let from = frontier.blocked.map_or(frontier.shipped, |blocked| blocked.held);
        let prefetch = prefetch.filter(|_| frontier.blocked.is_none());
        let asked = self.ask(from, prefetch).await?;
        fail::point!("source.looked");
        self.confirm_drawn(asked.drawn)?;
        let mark = self.mark(&asked);
        let ProbeAnswers { highest, next, first, .. } = asked;
        if highest < frontier.shipped {
            return Err(Error::new(ErrorKind::Unavailable, "the source's highest id decreased")
                .at(self.session.place())
                .because(format!(
                    "its highest id is {}, events up to {} were copied",
                    shown(highest),
                    shown(frontier.shipped)
                ))
                .fix("no action needed: Counterfoil reconnects and re-checks"));
        }
        if frontier.wanted.is_some() && mark.decided() >= frontier.wanted {
            return Ok(MarkOutcome::More(ReadStart { mark, first }));
        }
        let nothing_new = |reason: BlockReason| match frontier.wanted {
            Some(_) => MarkOutcome::Blocked(Blockage { after: from, next: None, reason }),
            None => MarkOutcome::Nothing,
        };
        if highest == frontier.shipped {
            return Ok(nothing_new(self.reason(None, asked.drawn)));
        }
        let Some(next) = next else {
            // A blocked row that is there no more is a reason to read again.
            let read_start = ReadStart { mark, first: None };
            return Ok(match frontier.blocked {
                Some(_) => MarkOutcome::More(read_start),
                None => nothing_new(self.reason(None, asked.drawn)),
            });
        };
        // A row that appeared in the gap before a blocked one is a reason to read again.
        let is_news = frontier.blocked.is_some_and(|blocked| next != blocked.next);
        let may_ship = match frontier.is_selective {
            true => mark.decided() >= Some(next),
            false => mark.may_ship(from, next),
        };
        if is_news || may_ship {
            return Ok(MarkOutcome::More(ReadStart { mark, first }));
        }
        let reason = self.reason(Some(next), asked.drawn);
        Ok(MarkOutcome::Blocked(Blockage { after: from, next: Some(next), reason }))
    }

    /// Confirms that the sequence was not set back: it would give out ids again that were decided.
    /// The judgement of a start says whether it does.
    fn confirm_drawn(&mut self, drawn: Option<Option<i64>>) -> Result<()> {
        let before = std::mem::replace(&mut self.drawn, drawn.flatten());
        if self.drawn >= before {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "the source's sequence was set back")
            .at(self.session.place())
            .because(format!("it had given out {}, now {}", shown(before), shown(self.drawn)))
            .fix("no action needed: Counterfoil checks it again"))
    }

    /// Up to where the answers allow to read.
    fn mark(&mut self, asked: &ProbeAnswers) -> HighWaterMark {
        let now = Instant::now();
        match &self.rule {
            MarkRule::Horizon { .. } => {
                // An id above the sequence says nothing of those between.
                let drawn = asked.drawn.map_or(asked.highest, |drawn| asked.highest.min(drawn));
                HighWaterMark::Decided(self.horizon.look(drawn, &asked.holders, now))
            }
            MarkRule::Consecutive(ids) => HighWaterMark::Consecutive(ids.clone()),
            MarkRule::Copy => HighWaterMark::Decided(asked.highest),
            MarkRule::Grace(grace) => {
                HighWaterMark::Decided(self.grace.look(asked.highest, *grace, now))
            }
        }
    }

    /// Why nothing more may be shipped: the row `next`, if there is one.
    fn reason(&self, next: Option<i64>, drawn: Option<Option<i64>>) -> BlockReason {
        match &self.rule {
            MarkRule::Consecutive(_) => BlockReason::Missing,
            MarkRule::Copy => BlockReason::Undecided,
            MarkRule::Grace(_) => BlockReason::Grace,
            MarkRule::Horizon { sequence, .. } => match (sequence, drawn, next) {
                (Some(sequence), Some(drawn), Some(next)) if drawn < Some(next) => {
                    BlockReason::NotDrawn { sequence: sequence.clone(), drawn }
                }
                _ => self.horizon.oldest().map_or(BlockReason::Undecided, BlockReason::Holder),
            },
        }
    }

    /// Whether something changed since the frontier was reached: one index probe.
    ///
    /// # Errors
    /// `Unavailable` when another server or table answers than before.
    pub(crate) async fn has_news(&mut self, frontier: ReadFrontier) -> Result<bool> {
        let began = Instant::now();
        let row = self.session.query_one(&self.highest, &[]).await;
        let row = row.map_err(|error| self.session.error(&error, "cannot find the highest id"))?;
        let highest = self.confirm_place(&row, began)?;
        self.confirm_drawn(self.drawn_of(&row))?;
        Ok(highest != frontier.shipped)
    }

    /// The statements, in one flush. The order of the first two is what the horizon's proof rests
    /// on, and that of the last two what the gate's does: each is sent when it is first polled, and
    /// a server runs what it is sent in order.
    async fn ask(
        &mut self,
        from: Option<i64>,
        prefetch: Option<&RowPrefetch>,
    ) -> Result<ProbeAnswers> {
        let session = Arc::clone(&self.session);
        let failed = |error| session.error(&error, "cannot find the mark");
        let first_page = match prefetch {
            // Prepared before: nothing may come between the rows and the gate.
            Some(prefetch) => Some((
                prefetch,
                self.first_pages.query(&session, &prefetch.read_plan).await.map_err(failed)?,
            )),
            None => None,
        };
        let highest = self.highest.clone();
        let began = Instant::now();
        let mut first = pin!(session.query_one(&highest, &[]));
        let early = futures::poll!(first.as_mut());
        let first = async {
            match early {
                Poll::Ready(row) => row,
                Poll::Pending => first.await,
            }
        };
        let second = self.lock_holders(&session);
        let third = async {
            match (&first_page, from) {
                (Some((prefetch, query)), Some(after)) => {
                    read_along(&session, prefetch, query, after).await
                }
                _ => Ok(Some((self.next_after(from).await?, None))),
            }
        };
        let (row, holders, rows) = futures::join!(first, second, third);
        let (row, holders) = (row.map_err(failed)?, holders.map_err(failed)?);
        let (next, first) = match rows? {
            Some(found) => found,
            // A column's type was changed: whatever else is read tells more.
            None => {
                self.first_pages = FirstPages::default();
                (self.next_after(from).await?, None)
            }
        };
        let holders =
            holders.iter().map(|row| LockHolder { transaction: row.get(0), pid: row.get(1) });
        Ok(ProbeAnswers {
            holders: holders.collect(),
            next,
            first,
            drawn: self.drawn_of(&row),
            highest: self.confirm_place(&row, began)?,
        })
    }

    /// Who holds a lock that may give out an id, where the rule asks.
    async fn lock_holders(
        &self,
        session: &Session,
    ) -> std::result::Result<Vec<Row>, tokio_postgres::Error> {
        match &self.rule {
            MarkRule::Horizon { relations, .. } => session.query(&self.holders, &[relations]).await,
            MarkRule::Consecutive(_) | MarkRule::Copy | MarkRule::Grace(_) => Ok(Vec::new()),
        }
    }

    /// How far the sequence has come, where that may be known.
    fn drawn_of(&self, row: &Row) -> Option<Option<i64>> {
        self.rule.sequence().map(|_| row.get("drawn"))
    }

    fn confirm_place(&mut self, row: &Row, began: Instant) -> Result<Option<i64>> {
        let place = ProbedServer {
            table_oid: row.get("table_oid"),
            started_at: row.get("started_at"),
            timeline: row.get("timeline"),
        };
        let is_standby: bool = row.get("is_in_recovery");
        let has_moved = self.place.as_ref().is_some_and(|known| *known != place);
        if has_moved || (is_standby && matches!(self.rule, MarkRule::Horizon { .. })) {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "another server or table answers than before",
            )
            .at(self.session.place())
            .fix("no action needed: Counterfoil reconnects and re-checks"));
        }
        self.place = Some(place);
        let highest = row.get("highest");
        self.sighting = Some(MarkSighting { highest, at: began });
        Ok(highest)
    }

    /// The next visible id after a position.
    pub(crate) async fn next_after(&self, position: Option<i64>) -> Result<Option<i64>> {
        let from = match position {
            Some(i64::MAX) => return Ok(None),
            Some(position) => position + 1,
            None => i64::MIN,
        };
        let row = self.session.query_opt(&self.next_after, &[&from]).await;
        Ok(row
            .map_err(|error| self.session.error(&error, "cannot look for the next event"))?
            .map(|row| row.get(0)))
    }
}

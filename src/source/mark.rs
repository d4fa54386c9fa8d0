//! The high-water mark: the highest id below which nothing can still appear. Asks the server; [`super::horizon`] decides.
//!
//! Each look runs, in this order and each with a snapshot of its own (READ COMMITTED, pinned by the session): the highest visible
//! id; who holds the lock; and then the read of the rows, of which the first can come along. See [`super::horizon`] for why this is sound.

use crate::error::{Error, Kind, Result};
use crate::event::range::shown;
use crate::event::table::TableName;
use crate::fail;
use crate::postgres::connect::Session;
use crate::source::along::{Along, News, read_along};
use crate::source::cut::Mark;
use crate::source::explain::{Events, Hold};
use crate::source::horizon::{Holder, Horizon};
use crate::source::page::{FirstPages, FirstRows};
use crate::sql;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio_postgres::{Row, Statement};

/// How ids are judged.
#[derive(Clone, Debug)]
pub enum Rule {
    /// By the lock horizon on these relations: the sequence, the table and its leaf partitions.
    Horizon {
        /// Their oids.
        relations: Vec<u32>,
    },
    /// Ids are consecutive, but for these ranges.
    Consecutive {
        /// First and last id of each.
        known_gaps: Arc<[(i64, i64)]>,
    },
    /// A gap is given up after this time. Unsafe.
    Grace(Duration),
}

/// Where the reading stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// The highest id that was shipped: only dead gaps lie before it.
    pub shipped: Option<i64>,
    /// What kept the last read from going on.
    pub blocked: Option<Blocked>,
}

/// A group that reaches over the mark: its rows up to `held` could be shipped, but not its row `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The last row that could be shipped.
    pub held: Option<i64>,
    /// The visible row after it.
    pub next: i64,
}

/// What a look found.
#[derive(Clone, Debug)]
pub enum Seen {
    /// No row lies beyond the front.
    Nothing,
    /// Rows lie beyond the front and may be read, up to this mark.
    More(News),
    /// Rows lie beyond the front, but none may be shipped yet.
    Held(Hold),
}

/// Asks one server for the mark, from one look to the next.
#[derive(Debug)]
pub struct Looker {
    session: Arc<Session>,
    table: TableName,
    id_column: String,
    rule: Rule,
    highest: Statement,
    holders: Statement,
    next_after: Statement,
    place: Option<Place>,
    horizon: Horizon,
    seen_at: VecDeque<(Instant, i64)>,
    first_pages: FirstPages,
}

/// What the statements of a look say.
struct Asked {
    highest: Option<i64>,
    holders: Vec<Holder>,
    /// The first visible row after the one that was asked about.
    next: Option<i64>,
    first: Option<FirstRows>,
}

/// Which server and table answered; another answer means that a proxy or a failover put us elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    table_oid: Option<u32>,
    started_at: String,
    timeline: Option<String>,
}

impl Looker {
    /// Prepares the statements on the session, which is used for nothing that could open a transaction.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn new(session: Arc<Session>, table: &TableName, id_column: &str, rule: Rule) -> Result<Self> {
        let qualified = table.quoted();
        let names = [
            ("schema", sql::text(&table.schema)),
            ("table", sql::text(&table.name)),
            ("id", sql::text(id_column)),
            ("qualified", sql::text(&qualified)),
        ];
        let in_order = session.batch_execute(include_str!("../../sql/session/in_id_order.sql")).await;
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
            horizon: Horizon::new(),
            seen_at: VecDeque::new(),
            first_pages: FirstPages::default(),
        })
    }

    /// The session it asks over.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Whether a hole is a fault rather than a gap.
    pub fn is_consecutive(&self) -> bool {
        matches!(self.rule, Rule::Consecutive { .. })
    }

    /// Where to ask about events that wait.
    pub fn events(&self) -> Events<'_> {
        Events {
            session: &self.session,
            table: &self.table,
            id_column: &self.id_column,
        }
    }

    /// The highest visible id.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn highest(&self) -> Result<Option<i64>> {
        let row = self.session.query_one(&self.highest, &[]).await;
        row.map(|row| row.get("highest"))
            .map_err(|error| self.session.error(&error, "cannot find the highest id"))
    }

    /// Takes one look beyond the front: three short statements in one flush, each an index probe or a read of the lock table. The third can be the
    /// read of the first rows: it comes after the look, as every read does.
    ///
    /// # Errors
    /// `Unavailable` when another server or table answers than before: connect anew, check anew. `Order` when an id is missing from consecutive ids.
    pub async fn look(&mut self, front: Front, along: Option<&Along>) -> Result<Seen> {
        let from = front.blocked.map_or(front.shipped, |blocked| blocked.held);
        let along = along.filter(|_| front.blocked.is_none());
        let Asked {
            highest,
            holders,
            next,
            first,
        } = self.ask(from, along).await?;
        fail::point!("source.looked");
        let now = Instant::now();
        let mark = match &self.rule {
            Rule::Horizon { .. } => Mark::Decided(self.horizon.look(highest, &holders, front.shipped, now).max(front.shipped)),
            Rule::Consecutive { known_gaps } => Mark::Consecutive(Arc::clone(known_gaps)),
            Rule::Grace(grace) => Mark::Decided(decided_by_grace(&mut self.seen_at, highest, *grace, now)),
        };
        if highest < front.shipped {
            return Err(Error::new(Kind::Unavailable, "the source has gone backwards")
                .at(self.session.place())
                .because(format!(
                    "its highest id is {}, events up to {} were copied",
                    shown(highest),
                    shown(front.shipped)
                ))
                .fix("nothing to do: it is connected and compared anew"));
        }
        if highest == front.shipped {
            return Ok(Seen::Nothing);
        }
        let Some(next) = next else {
            // A blocked row that is there no more is a reason to read again.
            let news = News { mark, first: None };
            return Ok(if front.blocked.is_some() { Seen::More(news) } else { Seen::Nothing });
        };
        // A row that appeared in the gap before a blocked one is a reason to read again.
        let is_news = front.blocked.is_some_and(|blocked| next != blocked.next);
        if is_news || mark.may_ship(from, next) {
            return Ok(Seen::More(News { mark, first }));
        }
        let holder = self.horizon.oldest();
        Ok(Seen::Held(Hold { after: from, next, holder }))
    }

    /// Whether something changed since the front was reached: one index probe.
    ///
    /// # Errors
    /// `Unavailable` when another server or table answers than before.
    pub async fn has_news(&mut self, front: Front) -> Result<bool> {
        let row = self.session.query_one(&self.highest, &[]).await;
        let row = row.map_err(|error| self.session.error(&error, "cannot find the highest id"))?;
        Ok(self.confirm_place(&row)? != front.shipped)
    }

    /// The statements, in one flush. The order of the first two is what the horizon's proof rests on, and that of the last two what the gate's does:
    /// each is sent when it is first polled, and a server runs what it is sent in order.
    async fn ask(&mut self, from: Option<i64>, along: Option<&Along>) -> Result<Asked> {
        let session = Arc::clone(&self.session);
        let failed = |error| session.error(&error, "cannot find the mark");
        let first_page = match along {
            // Prepared before: nothing may come between the rows and the gate.
            Some(along) => Some((along, self.first_pages.query(&session, &along.reading).await.map_err(failed)?)),
            None => None,
        };
        let highest = self.highest.clone();
        let mut first = pin!(session.query_one(&highest, &[]));
        let early = futures::poll!(first.as_mut());
        let first = async {
            match early {
                Poll::Ready(row) => row,
                Poll::Pending => first.await,
            }
        };
        let second = async {
            match &self.rule {
                Rule::Horizon { relations } => session.query(&self.holders, &[relations]).await,
                Rule::Consecutive { .. } | Rule::Grace(_) => Ok(Vec::new()),
            }
        };
        let third = async {
            match (&first_page, from) {
                (Some((along, query)), Some(after)) => read_along(&session, along, query, after).await,
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
        let holders = holders.iter().map(|row| Holder {
            transaction: row.get(0),
            pid: row.get(1),
        });
        Ok(Asked {
            holders: holders.collect(),
            next,
            first,
            highest: self.confirm_place(&row)?,
        })
    }

    fn confirm_place(&mut self, row: &Row) -> Result<Option<i64>> {
        let place = Place {
            table_oid: row.get("table_oid"),
            started_at: row.get("started_at"),
            timeline: row.get("timeline"),
        };
        let is_standby: bool = row.get("is_in_recovery");
        let has_moved = self.place.as_ref().is_some_and(|known| *known != place);
        if has_moved || (is_standby && matches!(self.rule, Rule::Horizon { .. })) {
            return Err(Error::new(Kind::Unavailable, "another server or table answers than before")
                .at(self.session.place())
                .fix("nothing to do: it is connected and checked anew"));
        }
        self.place = Some(place);
        Ok(row.get("highest"))
    }

    /// The next visible id after a position.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn next_after(&self, position: Option<i64>) -> Result<Option<i64>> {
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

/// The highest id that was visible a whole grace ago.
fn decided_by_grace(seen_at: &mut VecDeque<(Instant, i64)>, highest: Option<i64>, grace: Duration, now: Instant) -> Option<i64> {
    if let Some(highest) = highest
        && seen_at.back().is_none_or(|(_, seen)| *seen < highest)
    {
        seen_at.push_back((now, highest));
    }
    while seen_at.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= grace) {
        seen_at.pop_front();
    }
    seen_at
        .front()
        .filter(|(at, _)| now.duration_since(*at) >= grace)
        .map(|(_, seen)| *seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_decides_what_was_visible_a_whole_grace_ago() {
        let (mut seen, start, grace) = (VecDeque::new(), Instant::now(), Duration::from_secs(5));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(decided_by_grace(&mut seen, Some(10), grace, at(0)), None);
        assert_eq!(decided_by_grace(&mut seen, Some(20), grace, at(3)), None);
        assert_eq!(decided_by_grace(&mut seen, Some(20), grace, at(5)), Some(10));
        assert_eq!(decided_by_grace(&mut seen, Some(30), grace, at(9)), Some(20));
    }
}

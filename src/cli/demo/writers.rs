//! Four writers at once: each draws ids, keeps its transaction open for a while, and commits or
//! rolls back.

use super::servers::{CONNECT_TIMEOUT, purpose};
use crate::config::SourceConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::fake::World;
use crate::postgres::session::Session;
use crate::sql;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::Statement;

/// How many there are.
pub(crate) const WRITERS: u64 = 4;
/// One transaction in so many is rolled back.
const ROLLBACK_EVERY: u64 = 8;
/// Many events are written in larger transactions, not in more.
const TRANSACTIONS_MAX: u64 = 1_600;
/// Fewer events are written in fewer transactions; an operation of the persons' world has two to
/// three events.
const EVENTS_PER_TRANSACTION_MIN: u64 = 3;
/// About as long as all of them write, if the server takes no time; transactions stay open
/// accordingly.
const WRITING: Duration = Duration::from_secs(5);

/// What the server has acknowledged so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AcknowledgedEvents {
    /// Events that were committed.
    pub committed: u64,
    /// In so many transactions.
    pub commits: u64,
    /// Events that were rolled back.
    pub rolled_back: u64,
    /// In so many transactions.
    pub rollbacks: u64,
}

/// All of them at work. Dropping this ends them; what they had open is rolled back.
pub struct DemoWriters {
    tasks: JoinSet<Result<()>>,
    tally: watch::Receiver<AcknowledgedEvents>,
}

/// What every writer does.
#[derive(Clone, Copy, Debug)]
struct WriterPace {
    events: u64,
    events_per_transaction: u64,
    /// Longest time that a transaction stays open between its statements.
    open_max: Duration,
}

struct DemoWriter {
    session: Session,
    insert: Statement,
    pace: WriterPace,
    world: World,
    random: StdRng,
    tally: Arc<watch::Sender<AcknowledgedEvents>>,
}

impl WriterPace {
    fn of(events: u64) -> Self {
        let transactions = (events / EVENTS_PER_TRANSACTION_MIN).clamp(1, TRANSACTIONS_MAX);
        let open_mean = WRITING * u32::try_from(WRITERS).unwrap_or(1)
            / u32::try_from(transactions).unwrap_or(u32::MAX);
        Self {
            events,
            events_per_transaction: events.div_ceil(transactions),
            open_max: open_mean * 2,
        }
    }
}

impl DemoWriters {
    /// Connects them and lets them begin; together they commit so many events, or a few more.
    pub async fn begin(source: &SourceConfig, events: u64) -> Result<Self> {
        let (sender, tally) = watch::channel(AcknowledgedEvents::default());
        let sender = Arc::new(sender);
        let mut tasks = JoinSet::new();
        for seed in 1..=WRITERS {
            let session = Session::open(&source.conninfo, purpose(), CONNECT_TIMEOUT).await?;
            let names = [
                ("schema", sql::text(&*source.table.schema)),
                ("table", sql::text(&*source.table.name)),
            ];
            let insert = sql::fill(include_str!("../../../sql/demo/insert.sql"), &names);
            let insert = session.prepare(&insert).await;
            let mut writer = DemoWriter {
                insert: insert.map_err(|error| session.error(&error, "cannot prepare to write"))?,
                session,
                pace: WriterPace::of(events),
                world: World::persons(seed),
                random: StdRng::seed_from_u64(seed),
                tally: Arc::clone(&sender),
            };
            tasks.spawn(async move { writer.write().await });
        }
        Ok(Self { tasks, tally })
    }

    /// How long a transaction stays open at most.
    pub(crate) fn open_max(events: u64) -> Duration {
        WriterPace::of(events).open_max
    }

    /// Waits until so many events are committed, or until all have ended.
    pub(crate) async fn until_committed(&mut self, events: u64) -> Result<AcknowledgedEvents> {
        loop {
            let tally = *self.tally.borrow_and_update();
            if tally.committed >= events {
                return Ok(tally);
            }
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => ended.unwrap_or_else(|error| Err(Error::new(ErrorKind::Bug, "a writer has panicked").caused_by(&error)))?,
                    None => return Ok(*self.tally.borrow()),
                },
                Ok(()) = self.tally.changed() => {}
            }
        }
    }

    /// Waits until all have ended.
    pub(crate) async fn until_ended(&mut self) -> Result<AcknowledgedEvents> {
        self.until_committed(u64::MAX).await
    }
}

impl DemoWriter {
    async fn write(&mut self) -> Result<()> {
        while self.tally.borrow().committed < self.pace.events {
            let mut events = Vec::new();
            while (events.len() as u64) < self.pace.events_per_transaction {
                events.extend(self.world.by_ref().take(1).flatten());
            }
            let is_kept = self.random.random_range(0..ROLLBACK_EVERY) > 0;
            let written = self.transact(&events, is_kept).await;
            written.map_err(|error| self.session.error(&error, "cannot write events"))?;
            let count = events.len() as u64;
            self.tally.send_modify(|tally| {
                if is_kept {
                    (tally.committed, tally.commits) = (tally.committed + count, tally.commits + 1);
                } else {
                    (tally.rolled_back, tally.rollbacks) =
                        (tally.rolled_back + count, tally.rollbacks + 1);
                }
            });
        }
        Ok(())
    }

    /// Draws ids, waits while others draw theirs, and draws some more.
    async fn transact(
        &mut self,
        events: &[String],
        is_kept: bool,
    ) -> Result<(), tokio_postgres::Error> {
        let (first, rest) = events.split_at(events.len().div_ceil(2));
        let open = self.random.random_range(Duration::ZERO..=self.pace.open_max);
        self.session.batch_execute("begin").await?;
        self.session.execute(&self.insert, &[&first]).await?;
        tokio::time::sleep(open).await;
        self.session.execute(&self.insert, &[&rest]).await?;
        self.session.batch_execute(if is_kept { "commit" } else { "rollback" }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_events_make_larger_transactions_and_fewer_events_longer_ones() {
        let usual = WriterPace::of(20_000);
        assert_eq!((usual.events_per_transaction, usual.open_max), (13, Duration::from_millis(25)));
        assert_eq!(WriterPace::of(10_000_000).events_per_transaction, 6_250);
        let few = WriterPace::of(300);
        assert_eq!((few.events_per_transaction, few.open_max), (3, Duration::from_millis(400)));
    }
}

//! Fills an event table with made-up events: whose share is what, by which method, at which pace,
//! and what came of it.

mod amount;
mod batch;
mod failure;
mod method;
mod pace;
mod rollback;
mod rows;
mod statements;
mod table;
mod tally;
mod writer;

pub use amount::Amount;
pub use method::LoadMethod;
pub use tally::{LoadCounts, LoadTally};

use crate::config::libpq::Conninfo;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::fake::{DeviceWorld, EventTime, Locale, OrderWorld, PersonWorld, World, WorldOrigin};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::pooler;
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::highest as highest_of;
use crate::sql::TableName;
use crate::stop::{self, Stop};
use amount::share;
use batch::LoadBatches;
use failure::WriterFailure;
use method::InsertMethod;
use pace::LoadPace;
use rollback::RollbackShare;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::TableShape;
use tokio::task::JoinSet;
use writer::{LoadContext, LoadWriter};

/// Events of a COPY where nothing is said, and of the COPYs of all writers together where these are
/// many.
const COPY_EVENTS: u64 = 10_000;
const COPIES_EVENTS: u64 = 80_000;

/// Which world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSet {
    /// [`PersonWorld`].
    Persons,
    /// [`OrderWorld`].
    Orders,
    /// [`DeviceWorld`].
    Devices,
}

/// What is to be loaded, and where.
#[derive(Clone, Debug)]
pub struct LoadJob {
    /// How to connect.
    pub conninfo: Conninfo,
    /// To connect, for each connection.
    pub connect_timeout: Duration,
    /// The event table.
    pub table: TableName,
    /// Its key.
    pub id_column: String,
    /// What the events are about.
    pub data_set: DataSet,
    /// Languages of names.
    pub locale: Locale,
    /// Decides every event, with the number of writers; another seed for each load of one table.
    pub seed: u64,
    /// How much.
    pub amount: Amount,
    /// So many events, evenly spread, carry an attachment of up to 4 MiB.
    pub large_events: u64,
    /// Concurrent connections; at least 1.
    pub writers: u64,
    /// Groups are put together until there are so many events; `None`: each group by itself, or
    /// 10,000 events for a COPY, fewer with more than eight writers.
    pub events_per_insert: Option<u64>,
    /// All writers together are no quicker.
    pub events_per_s: Option<f64>,
    /// Nothing is begun after this time.
    pub duration: Option<Duration>,
    /// Of all transactions this share is rolled back, and written again; at most 90.
    pub rollbacks_percent: u8,
    /// `None`: what suits the table.
    pub method: Option<LoadMethod>,
}

/// A load that may begin: connected, the table looked at, the method chosen. Nothing is written
/// yet.
#[derive(Debug)]
pub struct PreparedLoad {
    job: LoadJob,
    session: Session,
    shape: TableShape,
    insert_method: InsertMethod,
    highest_before: Option<i64>,
}

/// What came of a load.
#[derive(Debug)]
pub struct LoadOutcome {
    /// What the server has committed, and what was rolled back on purpose.
    pub written: LoadCounts,
    /// From the first batch to the last.
    pub elapsed: Duration,
    /// The highest id before, if there was an event and our role may read; others may write at the
    /// same time.
    pub highest_before: Option<i64>,
    /// The highest id afterwards, if it could be asked.
    pub highest_after: Option<i64>,
    /// Why it ended early, if it did not end by itself or by a stop.
    pub problem: Option<Error>,
}

impl PreparedLoad {
    /// Connects, looks at the table and chooses the method.
    ///
    /// # Errors
    /// `Unsuitable` for a pooler, and for a table that cannot be loaded so, everything together;
    /// `Access` and `Unavailable` as for every connection.
    pub async fn prepare(job: LoadJob) -> Result<Self, Problems> {
        // Prepared statements, transactions and the search_path must stay with their connection.
        pooler::probe(&job.conninfo, ErrorSide::Destination, job.connect_timeout).await?;
        let session = open(&job).await?;
        let shape = table::ask(&session, &job.table, &job.id_column).await?;
        let insert_method = method::choose(&shape, job.method, job.large_events > 0)?;
        let highest_before = highest(&session, &shape).await.unwrap_or_default();
        Ok(Self { job, session, shape, insert_method, highest_before })
    }

    /// The method that was chosen.
    pub fn method(&self) -> LoadMethod {
        self.insert_method.method()
    }

    /// Whether ids are consecutive: then the loads of a table wait for each other.
    pub fn is_serial(&self) -> bool {
        !matches!(self.insert_method, InsertMethod::Insert | InsertMethod::CopyFed)
    }

    /// Host, port and database.
    pub fn place(&self) -> &str {
        self.session.place()
    }

    /// What a person should know about the connection although all is well, such as a certificate
    /// that expires soon.
    pub fn notes(&self) -> &[String] {
        self.session.notes()
    }

    /// How many events a transaction has at least, the last of a writer apart.
    pub fn events_per_transaction(&self) -> u64 {
        let usual = match self.method() {
            LoadMethod::Copy => COPY_EVENTS.min(COPIES_EVENTS / self.job.writers),
            LoadMethod::InsertEvents | LoadMethod::Insert => 1,
        };
        self.job
            .events_per_insert
            .unwrap_or_else(|| pace::batch_events(usual, self.job.events_per_s))
    }

    /// The first events of the first writer.
    pub fn samples(&self, count: usize) -> Vec<String> {
        self.batches(0).first(count)
    }

    /// Writes everything. A stop lets every writer finish what it has in hand.
    ///
    /// # Errors
    /// Those of connections that could not be made, nothing being written then. What went wrong
    /// later is part of the outcome.
    pub async fn run(self, tally: Arc<LoadTally>, stop: &Stop) -> Result<LoadOutcome, Problems> {
        let opening: Vec<_> = (0..self.job.writers).map(|_| self.writer()).collect();
        let opened = stop.or(futures::future::try_join_all(opening)).await;
        let writers = opened.unwrap_or_else(|| Ok(Vec::new()))?;
        let (stopper, halt) = stop::channel();
        let course = Arc::new(LoadContext {
            pace: LoadPace::begin(self.job.events_per_s, self.job.duration),
            tally: Arc::clone(&tally),
            stop: halt,
        });
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for (number, writer) in (0..).zip(writers) {
            let rollbacks = RollbackShare::new(self.job.rollbacks_percent);
            tasks.spawn(writer.write(self.batches(number), rollbacks, Arc::clone(&course)));
        }
        let failures = ended(&mut tasks, &stopper, stop).await;
        let elapsed = begun.elapsed();
        Ok(LoadOutcome {
            written: tally.written(),
            elapsed,
            highest_before: self.highest_before,
            highest_after: highest(&self.session, &self.shape).await.unwrap_or_default(),
            problem: failure::told(failures, &self.job.table),
        })
    }

    async fn writer(&self) -> Result<LoadWriter> {
        LoadWriter::new(open(&self.job).await?, &self.shape, self.insert_method).await
    }

    /// What a writer, counted from 0, writes.
    fn batches(&self, writer: u64) -> LoadBatches {
        let job = &self.job;
        let share_of_amount = job.amount.share(job.writers, writer);
        let origin = WorldOrigin {
            seed: seed_of(job.seed, job.data_set, writer),
            locale: job.locale,
            time: EventTime::Real,
        };
        let mut world = match job.data_set {
            DataSet::Persons => World::Persons(PersonWorld::new(&origin)),
            DataSet::Orders => World::Orders(OrderWorld::new(&origin)),
            DataSet::Devices => World::Devices(DeviceWorld::new(&origin)),
        };
        if let Some(events) = share_of_amount.events() {
            world.attach(share(job.large_events, job.writers, writer), events);
        }
        LoadBatches::new(world, share_of_amount, self.events_per_transaction(), job.writers)
    }
}

/// Waits until all writers have ended; the first failure, like a stop, lets the others finish what
/// they have in hand.
async fn ended(
    tasks: &mut JoinSet<Result<(), WriterFailure>>,
    stopper: &stop::Stopper,
    stop: &Stop,
) -> Vec<WriterFailure> {
    let mut failures = Vec::new();
    loop {
        let ended = match stop.or(tasks.join_next()).await {
            Some(ended) => ended,
            None => {
                stopper.request();
                tasks.join_next().await
            }
        };
        let Some(ended) = ended else { return failures };
        let panicked = |panic: tokio::task::JoinError| WriterFailure {
            error: Error::new(ErrorKind::Bug, "a writer has panicked").caused_by(&panic),
            unknown: None,
        };
        if let Err(failure) = ended.unwrap_or_else(|panic| Err(panicked(panic))) {
            stopper.request();
            failures.push(failure);
        }
    }
}

async fn open(job: &LoadJob) -> Result<Session> {
    let purpose = SessionPurpose { what: "load", side: ErrorSide::Destination };
    Session::open(&job.conninfo, purpose, job.connect_timeout).await
}

async fn highest(session: &Session, shape: &TableShape) -> Result<Option<i64>> {
    let row = session.query_one(&highest_of(&shape.table, &shape.id_column), &[]).await;
    row.and_then(|row| row.try_get(0))
        .map_err(|error| session.error(&error, format!("cannot read {}", shape.table)))
}

/// The seed of a writer: another one for each and in each world, and none that a neighbouring seed
/// gives (the finaliser of SplitMix64).
fn seed_of(seed: u64, data_set: DataSet, writer: u64) -> u64 {
    let program = writer * 3 + data_set as u64 + 1;
    let mut mixed = seed ^ program.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn neighbouring_seeds_writers_and_worlds_have_seeds_of_their_own() {
        let mut seeds = HashSet::new();
        for data_set in [DataSet::Persons, DataSet::Orders, DataSet::Devices] {
            for (seed, writer) in
                (0..200).flat_map(|seed| (0..64).map(move |writer| (seed, writer)))
            {
                assert!(seeds.insert(seed_of(seed, data_set, writer)));
            }
        }
    }
}

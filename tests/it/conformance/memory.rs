//! Two kinds in memory, by which the suite itself is known to tell the truth: a table that commits
//! a batch at once and can roll it back, and a log that publishes event by event and can take
//! nothing back.

use super::{Opened, Place, layout};
use counterfoil::destination::Destination;
use counterfoil::destination::appender::{Appender, SequentialDestination};
use counterfoil::error::{Error, ErrorKind, Result};
use counterfoil::event::chunk::RowBlock;
use counterfoil::event::frame;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

/// What outlives every connection.
#[derive(Default)]
struct Store {
    ids: Vec<i64>,
    /// Connections that were made before a kill are dead.
    kills: u64,
    /// Steps until a connection breaks.
    steps_left: Option<u64>,
}

pub(super) struct Memory {
    store: Arc<Mutex<Store>>,
    is_atomic: bool,
}

impl Memory {
    pub(super) fn table() -> Self {
        Self { store: Arc::default(), is_atomic: true }
    }

    pub(super) fn log() -> Self {
        Self { store: Arc::default(), is_atomic: false }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

impl Place for Memory {
    fn open(&self) -> BoxFuture<'_, Result<Opened>> {
        let connection = Connection {
            store: Arc::clone(&self.store),
            kills: self.store().kills,
            is_atomic: self.is_atomic,
            on: None,
            staged: Vec::new(),
        };
        async move {
            let destination = SequentialDestination::new(connection, layout()).await?;
            Ok((destination.known_position(), Box::new(destination) as Box<dyn Destination>))
        }
        .boxed()
    }

    fn ids(&self) -> BoxFuture<'_, Vec<i64>> {
        std::future::ready(self.store().ids.clone()).boxed()
    }

    fn fill(&self, ids: RangeInclusive<i64>) -> BoxFuture<'_, ()> {
        self.store().ids.extend(ids);
        std::future::ready(()).boxed()
    }

    fn kill(&self) -> BoxFuture<'_, ()> {
        self.store().kills += 1;
        std::future::ready(()).boxed()
    }

    fn break_after(&self, steps: u64) {
        self.store().steps_left = Some(steps);
    }

    fn heal(&self) {
        self.store().steps_left = None;
    }

    fn is_atomic(&self) -> bool {
        self.is_atomic
    }
}

struct Connection {
    store: Arc<Mutex<Store>>,
    kills: u64,
    is_atomic: bool,
    on: Option<i64>,
    staged: Vec<i64>,
}

impl Connection {
    /// The store, as long as the connection holds.
    fn step(&self) -> Result<MutexGuard<'_, Store>> {
        let mut store = self.store.lock().unwrap();
        if store.kills != self.kills {
            return Err(lost());
        }
        if store.steps_left == Some(0) {
            store.steps_left = None;
            store.kills += 1;
            return Err(lost());
        }
        store.steps_left = store.steps_left.map(|left| left - 1);
        Ok(store)
    }

    fn publish(&mut self) -> Result<()> {
        let mut expected = self.on;
        let staged = std::mem::take(&mut self.staged);
        let pieces: Vec<&[i64]> =
            if self.is_atomic { vec![&staged] } else { staged.chunks(1).collect() };
        for piece in pieces {
            let mut store = self.step()?;
            if store.ids.last().copied() != expected {
                return Err(Error::new(ErrorKind::Unavailable, "the place has moved"));
            }
            store.ids.extend(piece);
            drop(store);
            expected = piece.last().copied();
            // The answer to what was done may be lost.
            drop(self.step()?);
        }
        Ok(())
    }
}

impl Appender for Connection {
    fn position(&mut self) -> BoxFuture<'_, Result<Option<i64>>> {
        let position = self.step().map(|store| store.ids.last().copied());
        std::future::ready(position).boxed()
    }

    fn begin(&mut self, on: Option<i64>) -> BoxFuture<'_, Result<()>> {
        (self.on, self.staged) = (on, Vec::new());
        std::future::ready(self.step().map(drop)).boxed()
    }

    fn write(&mut self, rows: RowBlock) -> BoxFuture<'_, Result<()>> {
        let staged =
            frame::rows_of(&rows.bytes, layout()).map(|rows| rows.into_iter().map(|row| row.id));
        let written = staged.map(|ids| self.staged.extend(ids));
        std::future::ready(written.and_then(|()| self.step().map(drop))).boxed()
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        let published = self.publish();
        async move {
            tokio::task::yield_now().await;
            published
        }
        .boxed()
    }

    fn roll_back(&mut self) -> BoxFuture<'_, Result<()>> {
        self.staged.clear();
        std::future::ready(self.step().map(drop)).boxed()
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "connection lost")
}

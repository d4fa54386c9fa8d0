//! Loads: between two batches the rows of a captured table are read range by range, each in a
//! snapshot of its own, and written in place of what the table holds of the range.

use super::appender::ReflectionAppender;
use super::state::{self, EntryState, LoadedRange};
use super::table::TableWriter;
use crate::destination::Destination;
use crate::destination::appender::SequentialDestination;
use crate::destination::feed::Feed;
use crate::error::{Error, Result, Warning};
use crate::event::captured::{KeyRange, RowRange};
use crate::event::frame::RowLayout;
use crate::event::net::RowKey;
use crate::fail;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::{Duration, Instant};

/// While nothing happens it is looked so often whether a load was asked for, and whether everything
/// is captured as it was.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// Applies batches, and loads a range of rows after each turn.
pub(super) struct ReflectingDestination {
    batches: SequentialDestination<ReflectionAppender>,
}

impl ReflectingDestination {
    pub(super) async fn new(appender: ReflectionAppender, layout: RowLayout) -> Result<Self> {
        Ok(Self { batches: SequentialDestination::new(appender, layout).await? })
    }

    async fn turn(&mut self, feed: &mut Feed) -> Result<Option<i64>> {
        let position = self.batches.append_all(feed).await?;
        if !feed.cut().is_requested() {
            let loaded = feed.run_final(self.batches.appender_mut().load_next()).await;
            loaded?;
        }
        Ok(position)
    }
}

impl Destination for ReflectingDestination {
    fn append<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Result<Option<i64>>> {
        self.turn(feed).boxed()
    }

    fn death(&self) -> Option<Error> {
        self.batches.death()
    }

    fn abandon(&self) {
        self.batches.abandon();
    }

    fn wants_turn(&self) -> bool {
        self.batches.appender().loading().is_some()
    }

    fn idle_max(&self) -> Option<Duration> {
        Some(IDLE_MAX)
    }

    fn take_notes(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.batches.appender_mut().notes)
    }
}

impl ReflectionAppender {
    /// The table whose rows are loaded next.
    fn loading(&self) -> Option<usize> {
        self.tables.order.iter().copied().find(|at| self.tables.all[*at].state.is_loading)
    }

    /// Loads the next range of rows, if there is one.
    async fn load_next(&mut self) -> Result<()> {
        let Some(at) = self.loading() else { return self.look_around().await };
        let began = Instant::now();
        self.confirm_captured().await?;
        let loaded = self.load(at).await;
        self.loaded = Some((Instant::now(), began.elapsed()));
        if loaded.is_err() {
            // The error is what counts; without an answer the session is given up.
            let _ = self.roll_back_open().await;
        }
        loaded
    }

    /// Loads a range after a batch, so often that half of the time is left to batches.
    pub(super) async fn load_in_turn(&mut self) -> Result<()> {
        let is_due = self.loaded.is_none_or(|(at, took)| at.elapsed() >= took);
        if self.loading().is_some() && is_due { self.load_next().await } else { Ok(()) }
    }

    /// Between two batches: whether a load was asked for, and whether everything is captured as it
    /// was.
    async fn look_around(&mut self) -> Result<()> {
        if self.is_confirmation_due() {
            self.confirm_captured().await?;
        }
        self.confirm_state().await
    }

    async fn load(&mut self, at: usize) -> Result<()> {
        let table = &self.tables.all[at];
        let (source, after) = (table.mapping.source.clone(), table.state.loaded_through.clone());
        let reading = self.log.changes.rows(&source, after.as_ref(), table.mapping.load_rows);
        let range = self.in_time(reading).await?;
        fail::point!("reflect.range-read");
        self.begin().await?;
        let entry = self.in_time(self.write_range(at, &range)).await?;
        fail::point!("reflect.range-written");
        self.commit_open().await?;
        self.tables.all[at].state = entry;
        Ok(())
    }

    async fn write_range(&self, at: usize, range: &RowRange) -> Result<EntryState> {
        let table = &self.tables.all[at];
        let mut entry = table.state.clone();
        let writer = TableWriter { session: &self.session, table, name: &self.name };
        let last = range.rows.last();
        let last = last.map(|row| RowKey::of(row, table.mapping.source_key())).transpose()?;
        let keys = KeyRange {
            after: entry.loaded_through.clone(),
            through: last.clone().filter(|_| !range.is_last),
        };
        writer.stage_rows(&range.rows).await?;
        if table.target.keeps_key_order(&table.mapping) {
            let stale = table.statements.delete_stale(&keys);
            let deleted = self.session.execute(&stale, &[]).await;
            deleted.map_err(|error| self.failed(&error))?;
        } else if entry.loaded_through.is_none() {
            writer.empty().await?;
        }
        writer.upsert_loaded().await?;
        entry.loaded_through = last.or(entry.loaded_through);
        entry.loaded_rows += i64::try_from(range.rows.len()).unwrap_or(0);
        entry.is_loading = !range.is_last;
        let name = table.mapping.entry();
        // Otherwise nothing is still to come that the rows show.
        let is_ahead = |until: &i64| Some(*until) > self.state.position || !self.pending.is_empty();
        if let Some(until) = range.through.filter(is_ahead) {
            let of = (self.name.as_str(), name.as_str());
            let number =
                state::write_range(&self.session, of, &keys, (&range.snapshot, until)).await?;
            let snapshot = range.snapshot.clone();
            entry.ranges.push(LoadedRange { number, keys, snapshot, until });
        } else {
            entry.has_forgotten = true;
        }
        state::write_entry(&self.session, &self.name, (&name, &entry)).await?;
        Ok(entry)
    }
}

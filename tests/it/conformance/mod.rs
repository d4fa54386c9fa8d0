//! One suite for every kind of destination: whatever happens, what anyone sees of a place is a
//! prefix of what was appended, in the order of ids.
//!
//! A new kind is one [`Place`] and one line at the end of this file.

mod memory;
mod postgres;
mod sqlite;

use crate::writers::{Journey, durable_at_once, held};
use counterfoil::destination::Destination;
use counterfoil::error::{ErrorKind, Result};
use counterfoil::event::frame::{CopyFormat, RowLayout};
use futures::future::BoxFuture;
use std::ops::RangeInclusive;

/// A position, and what appends on top of it.
type Opened = (Option<i64>, Box<dyn Destination>);

/// A place of one kind, empty at first, which outlives its connections.
trait Place: Send + Sync {
    /// Connects; gives the position, asked from the place itself.
    fn open(&self) -> BoxFuture<'_, Result<Opened>>;

    /// The ids that anyone sees there, in their order.
    fn ids(&self) -> BoxFuture<'_, Vec<i64>>;

    /// Somebody else appends.
    fn fill(&self, ids: RangeInclusive<i64>) -> BoxFuture<'_, ()>;

    /// Ends every connection, wherever it stands.
    fn kill(&self) -> BoxFuture<'_, ()>;

    /// A connection breaks after so many steps, or what is about that.
    fn break_after(&self, steps: u64);

    /// Nothing breaks any more.
    fn heal(&self);

    /// The form in which it takes rows.
    fn format(&self) -> CopyFormat {
        CopyFormat::Binary
    }

    /// Whether a batch becomes visible all at once; otherwise event by event.
    fn is_atomic(&self) -> bool;
}

/// Events of a batch.
const BATCH: i64 = 10;
/// At how many places a connection breaks.
const BREAKS: u64 = 40;

/// Rows have an id and a note.
fn layout() -> RowLayout {
    RowLayout { format: CopyFormat::Binary, fields: 2, id: 0, group: None }
}

fn batch(number: i64) -> RangeInclusive<i64> {
    number * BATCH + 1..=(number + 1) * BATCH
}

async fn begun(place: &dyn Place) -> (Option<i64>, Journey) {
    let (position, destination) = place.open().await.unwrap();
    (position, Journey::begin_as(destination, place.format()))
}

/// What is seen is a prefix of all ids from 1 on, and of whole batches where the kind can do that.
async fn prefix(place: &dyn Place) -> i64 {
    let ids = place.ids().await;
    let count = i64::try_from(ids.len()).unwrap();
    assert_eq!(ids, (1..=count).collect::<Vec<i64>>());
    assert!(!place.is_atomic() || count % BATCH == 0, "{count} events are no whole batches");
    count
}

async fn batches_are_appended_in_order(place: &dyn Place) {
    let (position, append) = begun(place).await;
    assert_eq!(position, None);
    (0..6).for_each(|number| append.batch(batch(number), durable_at_once()));
    assert_eq!(append.end().await.unwrap(), Some(60));
    assert_eq!(prefix(place).await, 60);
}

async fn what_is_aborted_or_has_no_end_leaves_nothing_behind(place: &dyn Place) {
    let (_, append) = begun(place).await;
    append.batch(batch(0), durable_at_once());
    append.rows(11..=15, "");
    append.abort();
    append.batch(batch(1), durable_at_once());
    append.rows(21..=25, "");
    assert_eq!(append.end().await.unwrap(), Some(20));
    assert_eq!(prefix(place).await, 20);
}

async fn rows_that_are_there_are_skipped_wherever_they_end(place: &dyn Place) {
    place.fill(1..=5).await;
    let (position, append) = begun(place).await;
    assert_eq!(position, Some(5));
    append.rows(1..=3, "");
    append.rows(4..=10, "");
    append.close(10, durable_at_once());
    append.batch(batch(1), durable_at_once());
    assert_eq!(append.end().await.unwrap(), Some(20));
    let (position, append) = begun(place).await;
    assert_eq!(position, Some(20));
    (0..3).for_each(|number| append.batch(batch(number), durable_at_once()));
    assert_eq!(append.end().await.unwrap(), Some(30));
    assert_eq!(prefix(place).await, 30);
}

async fn nothing_is_seen_before_the_source_has_it_on_its_disk(place: &dyn Place) {
    let (_, append) = begun(place).await;
    append.batch(batch(0), durable_at_once());
    let (release, durable) = held();
    append.batch(batch(1), durable);
    append.batch(batch(2), durable_at_once());
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        assert!(prefix(place).await <= 10);
    }
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap(), Some(30));
    // A source that cannot say whether it has them.
    let (_, append) = begun(place).await;
    let (lost, durable) = held();
    append.batch(batch(3), durable);
    drop(lost);
    assert_eq!(append.end().await.unwrap_err().kind(), ErrorKind::Upstream);
    assert_eq!(prefix(place).await, 30);
}

async fn a_cut_in_the_middle_of_a_batch_leaves_nothing_of_it(place: &dyn Place) {
    let (_, append) = begun(place).await;
    append.batch(batch(0), durable_at_once());
    append.rows(11..=15, "");
    let ended = append.cut().await;
    assert!(
        ended.as_ref().is_ok_and(|position| *position <= Some(10))
            || ended.is_err_and(|error| error.kind() == ErrorKind::Stopped)
    );
    assert!(prefix(place).await <= 10);
    let (position, append) = begun(place).await;
    (position.unwrap_or(0) / BATCH..3)
        .for_each(|number| append.batch(batch(number), durable_at_once()));
    assert_eq!(append.end().await.unwrap(), Some(30));
    assert_eq!(prefix(place).await, 30);
}

async fn nothing_is_appended_on_top_of_what_others_appended(place: &dyn Place) {
    let (_, append) = begun(place).await;
    let (release, durable) = held();
    place.fill(1..=10).await;
    append.batch(batch(0), durable);
    // A kind that asks first has refused it by then.
    let _ = release.send(());
    append.end().await.unwrap_err();
    assert_eq!(prefix(place).await, 10);
}

async fn of_two_writers_at_once_each_event_is_there_once(place: &dyn Place) {
    for round in 0..5 {
        let (first, second) = futures::join!(begun(place), begun(place));
        for (_, append) in [&first, &second] {
            (round * 4..round * 4 + 4)
                .for_each(|number| append.batch(batch(number), durable_at_once()));
        }
        let (first, second) = futures::join!(first.1.end(), second.1.end());
        prefix(place).await;
        for ended in [first, second] {
            assert!(
                ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::Unavailable)
            );
        }
        // Whoever was refused comes again.
        complete(place, round * 4 + 4).await;
    }
}

/// Appends what is missing of so many batches, as often as it takes.
async fn complete(place: &dyn Place, batches: i64) {
    for _ in 0..20 {
        let (position, append) = begun(place).await;
        assert_eq!(
            position.unwrap_or(0),
            prefix(place).await,
            "the position is asked from the place"
        );
        let from = position.unwrap_or(0) / BATCH;
        (from..batches).for_each(|number| append.batch(batch(number), durable_at_once()));
        if append.end().await.is_ok() {
            break;
        }
    }
    assert_eq!(prefix(place).await, batches * BATCH);
}

async fn a_connection_that_breaks_anywhere_and_a_kill_lose_and_double_nothing(place: &dyn Place) {
    let mut batches = 0;
    for steps in 0..BREAKS {
        let (_, append) = begun(place).await;
        place.break_after(steps);
        (batches..batches + 3).for_each(|number| append.batch(batch(number), durable_at_once()));
        let ended = append.end().await;
        place.heal();
        let seen = prefix(place).await;
        assert!(
            ended.is_err() || ended.is_ok_and(|position| position == Some(seen)),
            "after {steps} steps"
        );
        batches += 3;
        complete(place, batches).await;
        let (_, append) = begun(place).await;
        append.rows(batches * BATCH + 1..=batches * BATCH + 5, "");
        place.kill().await;
        append.close(batches * BATCH + 5, durable_at_once());
        append.end().await.unwrap_err();
        assert_eq!(prefix(place).await, batches * BATCH);
    }
}

/// Every test for a kind: how a place of it is made.
macro_rules! kind {
    ($name:ident, $place:expr) => {
        kind!($name, $place; batches_are_appended_in_order what_is_aborted_or_has_no_end_leaves_nothing_behind
            rows_that_are_there_are_skipped_wherever_they_end nothing_is_seen_before_the_source_has_it_on_its_disk
            a_cut_in_the_middle_of_a_batch_leaves_nothing_of_it nothing_is_appended_on_top_of_what_others_appended
            of_two_writers_at_once_each_event_is_there_once
            a_connection_that_breaks_anywhere_and_a_kill_lose_and_double_nothing);
    };
    ($name:ident, $place:expr; $($test:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test(&$place).await;
                }
            )*
        }
    };
}

kind!(a_table_in_memory, memory::Memory::table());
kind!(a_log_in_memory, memory::Memory::log());
kind!(a_table_of_postgresql, postgres::Postgres::new(1).await);
kind!(a_table_of_postgresql_with_three_writers, postgres::Postgres::new(3).await);
kind!(a_table_of_sqlite, sqlite::Sqlite::new("wal").await);
kind!(a_table_of_sqlite_with_a_rollback_journal, sqlite::Sqlite::new("delete").await);

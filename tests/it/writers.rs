//! Concurrent COPYs into one destination: commits stay in the order of ids, whatever happens to
//! whom.

use crate::configured::{config, table};
use crate::harness::{Database, fresh_database, fresh_destination, own_destination_server};
use bytes::Bytes;
use counterfoil::destination::Destination;
use counterfoil::destination::feed::{Feeder, LaneGauge, feed};
use counterfoil::destination::postgres::concurrent::ConcurrentDestination;
use counterfoil::destination::postgres::{AppendTarget, PostgresDestination};
use counterfoil::error::{Error, ErrorKind};
use counterfoil::event::chunk::{BatchClose, Chunk, DurabilityFuture, FeedItem};
use counterfoil::event::frame::CopyFormat;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::postgres::table::compatible;
use counterfoil::postgres::table::describe;
use counterfoil::replicate::{Replication, replicate};
use counterfoil::sql::LOCK_FENCE;
use futures::FutureExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const WAIT_MAX: Duration = Duration::from_secs(60);
/// Sessions that hold a transaction open with rows in it and are waiting for us.
pub(crate) const READY: &str = "select count(*) from pg_stat_activity where datname = current_database()
    and application_name = 'counterfoil/append' and state = 'idle in transaction' and backend_xid is not null";
/// The server process of a batch that began ahead of its turn: it is ready and does not hold the
/// fence.
const AHEAD: &str = "select pid from pg_stat_activity a where datname = current_database()
    and application_name = 'counterfoil/append' and state = 'idle in transaction' and backend_xid is not null
    and not exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory')";
const OLDEST: &str = "select l.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid where l.locktype = 'advisory' and l.granted
    and a.datname = current_database() and a.application_name = 'counterfoil/append' and a.state = 'idle in transaction'";
/// Sessions in the middle of a COPY that wait for more rows.
const COPYING: &str = "select count(*) from pg_stat_activity where datname = current_database()
    and application_name = 'counterfoil/append' and state = 'active' and wait_event = 'ClientRead' and query like '%from stdin%'";
const HELD: &str = "select count(*), min(id), max(id) from events";

/// An append under way: what it is fed with, and what comes of it.
pub(crate) struct Journey {
    feeder: Feeder,
    append: JoinHandle<Result<Option<i64>, Error>>,
    format: CopyFormat,
}

impl Journey {
    pub(crate) fn begin(destination: impl Destination + 'static) -> Self {
        Self::begin_as(Box::new(destination), CopyFormat::Binary)
    }

    /// Rows are given in this form.
    pub(crate) fn begin_as(mut destination: Box<dyn Destination>, format: CopyFormat) -> Self {
        let (feeder, mut feed) = feed(Arc::new(LaneGauge::default()));
        let append = tokio::spawn(async move { destination.append(&mut feed).await });
        Self { feeder, append, format }
    }

    /// Gives a batch of these ids, which may be committed once `durable` resolves.
    pub(crate) fn batch(&self, ids: std::ops::RangeInclusive<i64>, durable: DurabilityFuture) {
        self.rows(ids.clone(), "");
        self.close(*ids.end(), durable);
    }

    pub(crate) fn rows(&self, ids: std::ops::RangeInclusive<i64>, note: &str) {
        self.feeder.give(FeedItem::Rows(Chunk {
            bytes: match self.format {
                CopyFormat::Binary => rows(ids.clone(), note),
                CopyFormat::Text => lines(ids.clone(), note),
            },
            first_id: *ids.start(),
            last_id: *ids.end(),
            rows: ids.count() as u64,
            room: None,
        }));
    }

    pub(crate) fn close(&self, last_id: i64, durable: DurabilityFuture) {
        self.feeder.give(FeedItem::Close(BatchClose { last_id, is_followed: false, durable }));
    }

    /// The batch in hand cannot be completed.
    pub(crate) fn abort(&self) {
        self.feeder.give(FeedItem::Abort);
    }

    /// Cuts the append off, and waits for the end.
    pub(crate) async fn cut(mut self) -> Result<Option<i64>, Error> {
        self.feeder.cut();
        self.end().await
    }

    /// Gives nothing more, and waits for the end.
    pub(crate) async fn end(mut self) -> Result<Option<i64>, Error> {
        self.feeder.finish();
        let ended = tokio::time::timeout(WAIT_MAX, self.append).await;
        ended.expect("the append ends").unwrap()
    }
}

/// Rows of a table of an id and a note, as COPY has them in text form.
fn lines(ids: std::ops::RangeInclusive<i64>, note: &str) -> Bytes {
    let note = |id| if note.is_empty() { format!("note {id}") } else { note.to_owned() };
    ids.map(|id| format!("{id}\t{}\n", note(id))).collect::<String>().into()
}

/// Rows of a table of an id and a note, as binary COPY has them.
fn rows(ids: std::ops::RangeInclusive<i64>, note: &str) -> Bytes {
    let mut bytes = Vec::new();
    for id in ids {
        let note = if note.is_empty() { format!("note {id}") } else { note.to_owned() };
        bytes.extend(2i16.to_be_bytes());
        bytes.extend(8i32.to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend(i32::try_from(note.len()).unwrap().to_be_bytes());
        bytes.extend(note.as_bytes());
    }
    bytes.into()
}

/// Durable once the sender sends; not at all when it is dropped.
pub(crate) fn held() -> (oneshot::Sender<()>, DurabilityFuture) {
    let (release, released) = oneshot::channel();
    let durable = async move {
        released.await.map_err(|_| Error::new(ErrorKind::Unavailable, "the source is gone"))
    };
    (release, durable.boxed().shared())
}

pub(crate) fn durable_at_once() -> DurabilityFuture {
    async { Ok(()) }.boxed().shared()
}

pub(crate) async fn destination() -> Database {
    let database = fresh_destination().await;
    database.execute("create table events (id bigint primary key, note text unique)").await;
    database
}

async fn open(database: &Database, writers: usize) -> ConcurrentDestination {
    try_open(database, writers).await.unwrap()
}

async fn try_open(database: &Database, writers: usize) -> Result<ConcurrentDestination, Error> {
    let purpose = SessionPurpose { what: "append", side: ErrorSide::Destination };
    let sessions =
        (0..=writers).map(|_| Session::open(&database.conninfo, purpose, Duration::from_secs(20)));
    let mut sessions = futures::future::try_join_all(sessions).await?;
    let control = sessions.remove(0);
    let appending = appending(&control).await?;
    ConcurrentDestination::new(control, sessions, appending).await
}

pub(crate) async fn appending(session: &Session) -> Result<AppendTarget, Error> {
    let events =
        describe::table(session, &table("events"), "id").await?.expect("the table is there");
    let wire = compatible::wire(&events, &events, "id").unwrap();
    Ok(AppendTarget {
        name: "copy".to_owned(),
        table: events.name.clone(),
        oid: events.oid,
        asks: events.asks(),
        fingerprint: events.fingerprint,
        id_column: "id".to_owned(),
        layout: wire.layout("id", None).unwrap(),
        wire,
        stall_max: 2 * WAIT_MAX,
        is_relaxed: false,
    })
}

pub(crate) async fn until(database: &Database, query: &str, expected: &str) {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        let found = database.query(query).await.join(",");
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} instead of {expected:?}: {query}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn is_held(database: &Database, expected: &str) {
    assert_eq!(database.query(HELD).await, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn later_batches_that_are_ready_first_are_committed_after_the_first() {
    let database = destination().await;
    let append = Journey::begin(open(&database, 3).await);
    let (release, durable) = held();
    append.batch(1..=100, durable);
    append.batch(101..=200, durable_at_once());
    append.batch(201..=300, durable_at_once());
    until(&database, READY, "3").await;
    is_held(&database, "0||").await;
    let gauge = Arc::clone(append.feeder.gauge());
    assert_eq!(
        (gauge.outstanding(), gauge.events()),
        (3, 0),
        "the ends of three batches are not done"
    );
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap(), Some(300));
    is_held(&database, "300|1|300").await;
    assert_eq!((gauge.outstanding(), gauge.events()), (0, 300));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_batches_than_writers_take_turns_and_rows_that_are_there_are_skipped() {
    let database = destination().await;
    database
        .execute("insert into events select i, 'note ' || i from generate_series(1, 5) i")
        .await;
    let append = Journey::begin(open(&database, 2).await);
    for batch in 0..20 {
        append.batch(batch * 10 + 1..=batch * 10 + 10, durable_at_once());
    }
    assert_eq!(append.end().await.unwrap(), Some(200));
    is_held(&database, "200|1|200").await;
}

/// Sessions that are prepared after the change must not take the new columns for those that were
/// compared.
#[tokio::test]
async fn columns_that_were_changed_after_they_were_compared_get_no_row() {
    let database = destination().await;
    let purpose = SessionPurpose { what: "append", side: ErrorSide::Destination };
    let open = || async { Session::open(&database.conninfo, purpose, WAIT_MAX).await.unwrap() };
    let appending = appending(&open().await).await.unwrap();
    database.execute("alter table events alter note type varchar(30)").await;
    let one = PostgresDestination::open(open().await, appending.clone(), true).await.unwrap();
    let several =
        ConcurrentDestination::new(open().await, vec![open().await, open().await], appending)
            .await
            .unwrap();
    for append in [Journey::begin(one), Journey::begin(several)] {
        append.batch(1..=50, durable_at_once());
        let refused = append.end().await.unwrap_err();
        assert!(refused.to_string().contains("columns"), "{refused}");
        assert_eq!(database.query("select count(*) from events").await, ["0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_batch_that_dies_costs_nothing_before_it() {
    let database = destination().await;
    let append = Journey::begin(open(&database, 3).await);
    let (release, durable) = held();
    append.batch(1..=100, durable);
    append.batch(101..=200, durable_at_once());
    until(&database, READY, "2").await;
    database.query(&format!("select pg_terminate_backend(pid) from ({AHEAD}) ahead")).await;
    append.batch(201..=300, durable_at_once());
    until(&database, &format!("select count(*) from ({AHEAD}) ahead"), "1").await;
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap_err().kind(), ErrorKind::Unavailable);
    is_held(&database, "100|1|100").await;
    let again = open(&database, 3).await;
    assert_eq!(again.known_position(), Some(100));
    let append = Journey::begin(again);
    append.batch(1..=300, durable_at_once());
    assert_eq!(append.end().await.unwrap(), Some(300));
    is_held(&database, "300|1|300").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_oldest_batch_all_later_ones_roll_back() {
    let database = destination().await;
    let append = Journey::begin(open(&database, 3).await);
    let (release, durable) = held();
    append.batch(1..=100, durable);
    append.batch(101..=200, durable_at_once());
    until(&database, READY, "2").await;
    database.query(&format!("select pg_terminate_backend(pid) from ({OLDEST}) oldest")).await;
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap_err().kind(), ErrorKind::Unavailable);
    until(&database, READY, "0").await;
    is_held(&database, "0||").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_rows_the_source_may_have_lost_and_all_later_ones_roll_back() {
    let database = destination().await;
    let append = Journey::begin(open(&database, 2).await);
    let (release, durable) = held();
    append.batch(1..=100, durable_at_once());
    append.batch(101..=200, durable);
    until(&database, HELD, "100|1|100").await;
    drop(release);
    assert_eq!(append.end().await.unwrap_err().kind(), ErrorKind::Upstream);
    until(&database, READY, "0").await;
    is_held(&database, "100|1|100").await;
}

/// Waits in line for the fence behind the oldest batch and inserts there: below or above the rows
/// of the next batch.
async fn a_stranger_gets_in_between(id: i64) {
    let database = destination().await;
    let append = Journey::begin(open(&database, 2).await);
    let (release, durable) = held();
    append.batch(1..=100, durable);
    append.batch(111..=200, durable_at_once());
    until(&database, READY, "2").await;
    let stranger = database.client().await;
    let fence =
        format!("begin; select pg_advisory_xact_lock({LOCK_FENCE}, 'events'::regclass::oid::int4)");
    let insert = format!("insert into events values ({id}, 'stranger'); commit");
    let inserted = tokio::spawn(async move {
        stranger.batch_execute(&fence).await.unwrap();
        stranger.batch_execute(&insert).await.unwrap();
    });
    until(
        &database,
        "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = \
         (select oid from pg_database where datname = current_database())",
        "1",
    )
    .await;
    release.send(()).unwrap();
    inserted.await.unwrap();
    let error = append.end().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.what()),
        (ErrorKind::Unavailable, "the destination has moved: another session changed it")
    );
    is_held(&database, &format!("101|1|{id}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_stranger_before_a_waiting_batch_is_seen() {
    a_stranger_gets_in_between(105).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_stranger_behind_a_waiting_batch_is_seen() {
    a_stranger_gets_in_between(1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_waits_for_a_later_one_goes_on_and_the_later_one_is_rolled_back() {
    let database = destination().await;
    let fence = database.client().await;
    let lock = format!("select pg_advisory_lock({LOCK_FENCE}, 'events'::regclass::oid::int4)");
    fence.batch_execute(&lock).await.unwrap();
    let append = Journey::begin(open(&database, 2).await);
    for id in 1..=2 {
        append.rows(id..=id, "the same");
        append.close(id, durable_at_once());
    }
    // The later one has the value already when the first begins: the first waits for it, and it for
    // its turn.
    until(&database, READY, "1").await;
    drop(fence);
    let error = append.end().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.what()),
        (ErrorKind::Unavailable, "a batch waited for a lock of a later one")
    );
    is_held(&database, "1|1|1").await;
    let append = Journey::begin(open(&database, 2).await);
    append.rows(2..=2, "the same");
    append.close(2, durable_at_once());
    assert_eq!(
        append.end().await.unwrap_err().sqlstate(),
        Some("23505"),
        "now its own fault is told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_finishes_batches_whose_end_was_given_and_drops_the_one_in_hand() {
    let database = destination().await;
    let mut append = Journey::begin(open(&database, 3).await);
    let (release, durable) = held();
    append.batch(1..=100, durable);
    append.batch(101..=200, durable_at_once());
    append.rows(201..=300, "");
    until(&database, READY, "2").await;
    until(&database, COPYING, "1").await;
    append.feeder.cut();
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap_err().kind(), ErrorKind::Stopped);
    is_held(&database, "200|1|200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_batch_is_rolled_back_and_the_destination_goes_on() {
    let database = destination().await;
    let append = Journey::begin(open(&database, 2).await);
    let (release, durable) = held();
    append.batch(1..=100, durable);
    append.rows(101..=150, "");
    append.feeder.give(FeedItem::Abort);
    append.batch(101..=200, durable_at_once());
    until(&database, READY, "2").await;
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap(), Some(200));
    is_held(&database, "200|1|200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_destination_leaves_whole_batches_and_the_rest_is_appended_again() {
    let server = own_destination_server(&ServerSettings::new());
    let database = crate::harness::fresh_database_on(&server).await;
    database.execute("create table events (id bigint primary key, note text)").await;
    let append = Journey::begin(open(&database, 3).await);
    let (release, durable) = held();
    append.batch(1..=100, durable_at_once());
    append.batch(101..=200, durable);
    append.batch(201..=300, durable_at_once());
    until(&database, HELD, "100|1|100").await;
    until(&database, READY, "2").await;
    server.aside(PrivateServer::stop_immediate).await.unwrap();
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.aside(PrivateServer::start).await.unwrap();
    is_held(&database, "100|1|100").await;
    let append = Journey::begin(open(&database, 3).await);
    append.batch(101..=300, durable_at_once());
    assert_eq!(append.end().await.unwrap(), Some(300));
    is_held(&database, "300|1|300").await;
}

/// Appends everything up to `last`, from wherever the destination stands, and begins anew after
/// each error.
async fn append_all(database: Arc<Database>, writers: usize, last: i64) -> Result<(), String> {
    let deadline = Instant::now() + WAIT_MAX;
    while Instant::now() < deadline {
        let destination = match try_open(&database, writers).await {
            Ok(destination) => destination,
            Err(error) if error.kind() == ErrorKind::Unavailable => continue,
            Err(error) => return Err(error.report()),
        };
        let position = destination.known_position().unwrap_or(0);
        if position == last {
            return Ok(());
        }
        let append = Journey::begin(destination);
        for first in (position + 1..=last).step_by(50) {
            append.batch(first..=last.min(first + 49), durable_at_once());
        }
        match append.end().await {
            Err(error) if error.kind() == ErrorKind::Unavailable => {}
            Err(error) => return Err(error.report()),
            Ok(_) => {}
        }
    }
    Err("not done in time".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicators_with_concurrent_writers_double_and_lose_nothing() {
    let database = Arc::new(destination().await);
    let rivals =
        [2, 3].map(|writers| tokio::spawn(append_all(Arc::clone(&database), writers, 5000)));
    for rival in rivals {
        rival.await.unwrap().unwrap();
    }
    is_held(&database, "5000|1|5000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_a_prefix_of_whole_groups_at_every_moment_under_load() {
    let (source, database) = (fresh_database().await, Arc::new(fresh_destination().await));
    let events = "create table events (id bigint primary key, ts timestamptz not null, event jsonb \
                  not null)";
    source
        .execute(&events.replace("primary key", "generated by default as identity primary key"))
        .await;
    database.execute(events).await;
    // Seven events of a time: batches of 100 would end within a group.
    let insert = "insert into events (ts, event) select now() + g * interval '1 ms', jsonb_build_object('group', g, 'n', n)
        from generate_series(1, 700) g, generate_series(1, 7) n order by 1";
    source.execute(insert).await;
    let mut config = config(&source, &[("copy", &database)]);
    config.destinations[0].postgres_mut().unwrap().writers = 3;
    config.limits.max_events_per_write = 100;
    let run = Replication::new(Arc::new(config), counterfoil::log::none());

    let (stopper, stop) = counterfoil::stop::channel();
    let replicating = tokio::spawn(async move { replicate(&run, &stop).await });
    let seen = "select count(*) = coalesce(max(id), 0) and count(*) % 7 = 0, count(*) from events";
    let reader = database.client().await;
    let deadline = Instant::now() + WAIT_MAX;
    let (mut looks, mut rounds) = (0, 1);
    loop {
        let row = reader.query_one(seen, &[]).await.unwrap();
        let (is_prefix, count): (bool, i64) = (row.get(0), row.get(1));
        assert!(is_prefix, "{count} events that are no prefix of whole groups");
        looks += 1;
        if count == rounds * 4900 {
            if rounds == 3 {
                break;
            }
            source.execute(insert).await;
            rounds += 1;
        }
        assert!(Instant::now() < deadline, "{count} events after {looks} looks");
    }
    stopper.request();
    let problems = replicating.await.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let digest = "select count(*), md5(string_agg(e::text, ',' order by id)) from events e";
    assert_eq!(source.query(digest).await, database.query(digest).await);
}

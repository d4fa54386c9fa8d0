//! Batches of a few events go to a destination in one flush, without a COPY, and nothing else is
//! different.

use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
    own_server,
};
use crate::support::events::{
    arrives, equal, highest, init_destination, init_source, insert, prefix, swallow,
};
use crate::support::liar::Liar;
use crate::support::replicator::{Replicator, Setup};
use crate::support::{LONG, following};
use crate::writers::{
    Journey, READY, appending, destination, durable_at_once, held, is_held, until,
};
use counterfoil::destination::postgres::PostgresDestination;
use counterfoil::error::ErrorKind;
use counterfoil::postgres::server::ServerSettings;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::sql::LOCK_FENCE;
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;

const BY_INSERT: &str = "Appends a few rows";
/// The replicator holds the doorbell's lock: the first key is `LOCK_DOORBELL`.
const SLEEPS: &str = "select count(*) from pg_locks where locktype = 'advisory' and mode = \
                      'ExclusiveLock' and granted and classid = 1129268820";
const BY_COPY: &str = "Takes the rows of a batch";

async fn open(database: &Database) -> PostgresDestination {
    let purpose = SessionPurpose { what: "append", side: ErrorSide::Destination };
    let session = Session::open(&database.conninfo, purpose, LONG).await.unwrap();
    let appending = appending(&session).await.unwrap();
    PostgresDestination::open(session, appending, true).await.unwrap()
}

/// How often the appending session executed a statement, by the server's log.
fn executed(database: &Database, statement: &str) -> usize {
    let is_it = |line: &&str| {
        line.starts_with("counterfoil/append ")
            && line.contains("execute ")
            && line.contains(statement)
    };
    database.server.log().lines().filter(is_it).count()
}

/// A server that logs its statements.
fn logging() -> ServerSettings {
    ServerSettings::new().set("log_statement", "all").set("log_line_prefix", "%a ")
}

async fn destination_with_a_log() -> Database {
    fresh_database_on(&own_destination_server(&logging())).await
}

/// A source with an event that a destination holds whose server logs its statements, and the
/// replicator that follows.
async fn followed(columns: &str) -> (Database, Database, Replicator) {
    let (source, destination) = (fresh_database().await, destination_with_a_log().await);
    init_source(&source).await;
    init_destination(&destination).await;
    for database in [&source, &destination] {
        database.execute(columns).await;
    }
    insert(&source, 1).await;
    let replicator = Setup::from(&source).to("copy", &destination).start(&[]);
    arrives(&destination, 1).await;
    (source, destination, replicator)
}

async fn one_more(source: &Database, destination: &Database) {
    insert(source, 1).await;
    arrives(destination, highest(source).await).await;
}

#[tokio::test]
async fn a_few_events_are_inserted_and_many_are_copied() {
    let (source, destination, replicator) = followed("select 1").await;
    assert_eq!((executed(&destination, BY_INSERT), executed(&destination, BY_COPY)), (0, 1));
    for _ in 0..5 {
        one_more(&source, &destination).await;
    }
    assert_eq!((executed(&destination, BY_INSERT), executed(&destination, BY_COPY)), (5, 1));
    insert(&source, 100).await;
    arrives(&destination, 106).await;
    assert!(executed(&destination, BY_COPY) > 1);
    replicator.stops().await;
    equal(&source, &destination).await;
}

/// Types with a modifier, whose values an INSERT assigns and a COPY reads.
#[tokio::test]
async fn values_of_types_with_modifiers_are_inserted_as_they_are() {
    let columns = "alter table events add a numeric(12, 3), add b varchar(5), add c char(6), add d \
                   bit(5), add e bit varying(7), add f timestamp(2), add h int[], add i bytea, add \
                   j json, add l real, add m inet, add n time(0) with time zone, add o text \
                   default 'another one', add p numeric, add q int generated always as (7 * 6) \
                   stored";
    let (source, destination, replicator) = followed(columns).await;
    destination.execute("alter table events alter id add generated always as identity").await;
    for values in [
        "1.500, 'ab  ', 'ab', B'10101', B'101', '2026-01-02 03:04:05.67', '{{1,NULL},{2,3}}', \
         '\\x00ff', '{\"a\":  1}', 'NaN', '::1', '01:02:03+05', NULL, 'NaN'",
        "-0.001, '', '', B'00000', B'', '-infinity', '{}', '', '[]', '-0', '10.0.0.0/8', \
         '24:00:00-15', '', 1e-1000",
    ] {
        source
            .execute(&format!(
                "insert into events (event, a, b, c, d, e, f, h, i, j, l, m, n, o, p) values \
                 ('{{}}', {values})"
            ))
            .await;
        arrives(&destination, highest(&source).await).await;
    }
    // The first of them finds another table than was compared, and is sent once more.
    assert_eq!(executed(&destination, BY_INSERT), 3);
    replicator.stops().await;
    let stored = "select id, a, b, octet_length(c), c, d, e, f, h, i, j::text, l::text, m, n, o, \
                  p, q from events order by id";
    assert_eq!(source.query(stored).await, destination.query(stored).await);
    equal(&source, &destination).await;
}

#[tokio::test]
async fn a_rule_that_is_added_later_is_not_obeyed() {
    let (source, destination, replicator) = followed("create table elsewhere (id bigint)").await;
    one_more(&source, &destination).await;
    destination
        .execute(
            "create rule away as on insert to events do instead insert into elsewhere values (new.id)
                  returning id, now(), '{}'::jsonb",
        )
        .await;
    one_more(&source, &destination).await;
    assert_eq!(destination.query("select count(*) from elsewhere").await, ["0"]);
    replicator.stops().await;
    equal(&source, &destination).await;
}

#[tokio::test]
async fn a_trigger_that_is_added_later_swallows_nothing() {
    let (source, destination, mut replicator) = followed("select 1").await;
    one_more(&source, &destination).await;
    swallow(&destination, 4).await;
    // Of three rows in one batch the second one is swallowed.
    source
        .execute("insert into events (ts, event) select now(), '{}' from generate_series(1, 3)")
        .await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(7), "{}", end.report);
    assert!(end.report.contains("did not take every row"), "{}", end.report);
    assert_eq!(highest(&destination).await, 2);
    prefix(&source, &destination).await;
}

#[tokio::test]
async fn what_the_commit_of_a_few_events_finds_out_is_a_rejection() {
    let (source, destination, mut replicator) = followed("alter table events add note text").await;
    destination
        .execute(
            "alter table events add constraint once unique (note) deferrable initially deferred",
        )
        .await;
    for note in ["a", "b", "a"] {
        source
            .execute(&format!(
                "insert into events (ts, event, note) values (now(), '{{}}', '{note}')"
            ))
            .await;
        if note == "b" {
            arrives(&destination, 3).await;
        }
    }
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(7), "{}", end.report);
    assert_eq!((executed(&destination, BY_INSERT) > 1, highest(&destination).await), (true, 3));
    prefix(&source, &destination).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_few_events_that_wait_for_the_fence() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 1).await;
    let setup = Setup::from(&source).to("copy", &destination).key("shutdown_timeout_ms = 3600000");
    let mut replicator = setup.start(&[]);
    arrives(&destination, 1).await;
    let somebody = destination.client().await;
    somebody
        .batch_execute(&format!(
            "select pg_advisory_lock({LOCK_FENCE}, 'events'::regclass::oid::int)"
        ))
        .await
        .unwrap();
    insert(&source, 1).await;
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and \
                   application_name = 'counterfoil/append' and wait_event_type = 'Lock'";
    until(&destination, waiting, "1").await;
    replicator.signal(Signal::TERM);
    let end = replicator.ends().await;
    assert_eq!((end.code, end.report.as_str()), (Some(0), ""));
    drop(somebody);
    prefix(&source, &destination).await;
}

/// Which sessions read first rows of the source by a query, one after the other.
fn queried(source: &Database) -> Vec<String> {
    let log = source.server.log();
    let reads = log.lines().filter(|line| {
        line.contains("execute ") && line.contains("The first rows after a position")
    });
    reads.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

#[tokio::test]
async fn an_event_comes_along_with_the_look_unless_those_before_it_were_large() {
    let source = fresh_database_on(&own_server(&logging())).await;
    let (source, destination, replicator) = following(source, 1).await;
    for event in ["'{}'", "'{}'", "to_jsonb(repeat('x', 1000000))", "'{}'", "'{}'"] {
        until(&source, SLEEPS, "1").await;
        source.execute(&format!("insert into events (ts, event) values (now(), {event})")).await;
        arrives(&destination, highest(&source).await).await;
    }
    let (along, alone) = ("counterfoil/mark", "counterfoil/read");
    assert_eq!(queried(&source), [along, along, along, alone, along]);
    replicator.stops().await;
    equal(&source, &destination).await;
}

/// What the session that looks asked for, in its order, as far as it is one of these four.
fn asked_by_the_look(source: &Database) -> Vec<&'static str> {
    const WORDS: [(&str, &str); 4] = [
        ("The mark, statement 1 of 3", "highest"),
        ("The mark, statement 2 of 3", "holders"),
        ("The first rows after a position", "rows"),
        ("The durability gate", "gate"),
    ];
    let log = source.server.log();
    let of_the_look = log
        .lines()
        .filter(|line| line.starts_with("counterfoil/mark ") && line.contains("execute "));
    let word =
        |line: &str| WORDS.iter().find(|(says, _)| line.contains(says)).map(|(_, word)| *word);
    of_the_look.filter_map(word).collect()
}

/// Rows before the holders would miss what a holder commits between the two; a gate before the rows
/// would let rows through that are not on disk.
#[tokio::test]
async fn what_comes_along_with_a_look_is_asked_for_behind_its_mark_and_the_disk_behind_that() {
    let source = fresh_database_on(&own_server(&logging())).await;
    let (source, destination, replicator) = following(source, 1).await;
    for _ in 0..8 {
        until(&source, SLEEPS, "1").await;
        one_more(&source, &destination).await;
    }
    replicator.stops().await;
    let asked = asked_by_the_look(&source);
    let along: Vec<usize> = (0..asked.len()).filter(|at| asked[*at] == "rows").collect();
    assert!(along.len() >= 5, "{asked:?}");
    for at in along {
        assert_eq!(asked[at - 2..=at + 1], ["highest", "holders", "rows", "gate"], "{asked:?}");
    }
}

/// What is too much for one look is read on, and the group stays one transaction.
#[tokio::test]
async fn a_group_of_large_events_whose_first_ones_come_along_is_not_split() {
    let (source, destination, replicator) = following(fresh_database().await, 1).await;
    until(&source, SLEEPS, "1").await;
    source
        .execute(
            "insert into events (ts, event) select now(), to_jsonb(repeat('x', 600000)) from \
             generate_series(1, 4)",
        )
        .await;
    arrives(&destination, 5).await;
    assert_eq!(
        destination.query("select count(distinct xmin::text) from events where id > 1").await,
        ["1"]
    );
    replicator.stops().await;
    equal(&source, &destination).await;
}

/// A BEGIN that fails would leave the INSERT behind it to commit by itself, outside of the fence.
#[tokio::test]
async fn a_few_events_whose_begin_fails_are_not_written_by_themselves() {
    let (source, destination) = (fresh_database().await, destination_with_a_log().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 1).await;
    let is_due = Arc::new(AtomicBool::new(false));
    let due = Arc::clone(&is_due);
    let swap = move |what: &str, bytes: &mut [u8]| {
        const BEGIN: &[u8] = b"Q\0\0\0\x0abegin\0";
        let at = bytes.windows(BEGIN.len()).position(|window| window == BEGIN);
        if let (true, Some(at)) = (what == "counterfoil/append", at)
            && due.swap(false, Ordering::Relaxed)
        {
            bytes[at + 5..at + 10].copy_from_slice(b"bogus");
        }
    };
    let server = &destination.server;
    let way = Liar::swapping(&server.socket_dir(), server.port(), Arc::new(swap)).await;
    let setup = Setup::from(&source).and_url("copy", &way.url(&destination.conninfo.database));
    let replicator = setup.key("retry_wait_max_ms = 300").start(&[]);
    arrives(&destination, 1).await;
    one_more(&source, &destination).await;
    assert_eq!((executed(&destination, BY_INSERT), executed(&destination, BY_COPY)), (1, 1));
    is_due.store(true, Ordering::Relaxed);
    one_more(&source, &destination).await;
    assert!(!is_due.load(Ordering::Relaxed), "no BEGIN was swapped");
    assert_eq!(executed(&destination, BY_COPY), 2, "the INSERT was not refused");
    replicator.stops().await;
    equal(&source, &destination).await;
}

/// A batch of three rows behind one of twenty, ready for its commit and not yet known to be on the
/// source's disk.
async fn ready() -> (Database, Journey, oneshot::Sender<()>) {
    let database = destination().await;
    let append = Journey::begin(open(&database).await);
    let (release, durable) = held();
    append.batch(1..=20, durable_at_once());
    append.batch(21..=23, durable);
    until(&database, READY, "1").await;
    (database, append, release)
}

#[tokio::test]
async fn a_few_rows_wait_for_the_disk_of_the_source() {
    let (database, append, release) = ready().await;
    is_held(&database, "20|1|20").await;
    release.send(()).unwrap();
    assert_eq!(append.end().await.unwrap(), Some(23));
    is_held(&database, "23|1|23").await;
}

#[tokio::test]
async fn a_few_rows_that_the_source_may_have_lost_are_rolled_back() {
    let (database, append, release) = ready().await;
    drop(release);
    assert_eq!(append.end().await.unwrap_err().kind(), ErrorKind::Upstream);
    until(&database, READY, "0").await;
    is_held(&database, "20|1|20").await;
}

#[tokio::test]
async fn a_few_rows_do_not_follow_those_of_a_stranger() {
    for stranger in [21, 24, 99] {
        let database = destination().await;
        let append = Journey::begin(open(&database).await);
        append.batch(1..=20, durable_at_once());
        until(&database, "select count(*) from events", "20").await;
        database.execute(&format!("insert into events values ({stranger}, 'by hand')")).await;
        append.batch(21..=23, durable_at_once());
        let refused = append.end().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
        assert!(refused.to_string().contains("has moved"), "{refused}");
        is_held(&database, &format!("21|1|{stranger}")).await;
    }
}

//! Destinations that were filled by other hands (a dump, a base backup) while a transaction was
//! open at the source: nobody has proven their gaps.

use super::prefix::Checker;
use super::program::Program;
use super::running::{FED, Running, copy_all, replication, until_answer, until_looked_twice};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::terminate;
use counterfoil::config::ReplicationConfig;
use counterfoil::error::{Error, ErrorKind};
use std::time::Duration;
use tokio_postgres::Client;

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                      default clock_timestamp(), event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
const INSERT: &str = "insert into events (event) values ('{}')";
const IDS: &str = "select coalesce(string_agg(id::text, ',' order by id), '') from events";

/// A source with the ids 1, 2, 4 and 5, and the transaction that drew 3; an empty destination, and
/// one that was filled from the source then.
struct Seeded {
    source: Database,
    empty: Database,
    seeded: Database,
    late: Client,
}

impl Seeded {
    async fn new() -> Self {
        let (source, empty, seeded) =
            (fresh_database().await, fresh_destination().await, fresh_destination().await);
        source.execute(SOURCE).await;
        source.execute(&format!("{INSERT}; {INSERT}")).await;
        let late = source.client().await;
        late.batch_execute(&format!("begin; {INSERT}")).await.unwrap();
        source.execute(&format!("{INSERT}; {INSERT}")).await;
        empty.execute(DESTINATION).await;
        seeded.execute(DESTINATION).await;
        dump(&source, &seeded).await;
        Self { source, empty, seeded, late }
    }

    fn config(&self) -> ReplicationConfig {
        let mut config = config(&self.source, &[("empty", &self.empty), ("seeded", &self.seeded)]);
        config.source.poll_interval = Duration::from_millis(20);
        config
    }
}

/// Fills a destination with what is visible.
async fn dump(source: &Database, destination: &Database) {
    let rows =
        source.query("select format('(%s, %L, %L)', id, ts, event) from events order by id").await;
    destination.execute(&format!("insert into events values {}", rows.join(", "))).await;
}

#[tokio::test]
async fn a_job_waits_for_the_open_transaction_then_refuses_what_was_filled_without_it_and_the_other_loses_nothing()
 {
    let all = Seeded::new().await;
    let destinations = [("empty", &all.empty.conninfo), ("seeded", &all.seeded.conninfo)];
    let program = Program::between(&all.source.conninfo, "", &destinations);
    let (ended, ()) = futures::join!(program.run(&["--until-caught-up"]), async {
        until_looked_twice(&all.source).await;
        assert_eq!(all.empty.query(IDS).await, [""], "something passed the open transaction");
        all.late.batch_execute("commit").await.unwrap();
    });
    assert_eq!(ended.code, 4, "{ended}");
    assert_eq!(all.empty.query(IDS).await, ["1,2,3,4,5"], "{ended}");
    assert_eq!(all.seeded.query(IDS).await, ["1,2,4,5"]);
    for words in [
        "destination \"seeded\" lacks 1 event that appeared since it was compared: a transaction \
         was open then",
        "5 events at the source, 4 at the destination; both agree up to id 2",
        "--destination seeded --insert-missing brings what is missing",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended}");
    }
}

#[tokio::test]
async fn a_job_ends_with_0_only_when_the_transaction_that_was_open_has_written_nothing() {
    let all = Seeded::new().await;
    let program = Program::between(&all.source.conninfo, "", &[("seeded", &all.seeded.conninfo)]);
    let (ended, ()) = futures::join!(program.run(&["--until-caught-up"]), async {
        until_looked_twice(&all.source).await;
        all.late.batch_execute("rollback").await.unwrap();
    });
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stdout.contains("the destination was counted again and agrees"), "{ended}");
}

#[tokio::test]
async fn a_job_that_may_not_wait_so_long_ends_with_8_and_names_the_transaction() {
    let all = Seeded::new().await;
    let pid: i32 = all.late.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let more = "[replication]\nretry_for_ms = 2500";
    let program = Program::between(&all.source.conninfo, more, &[("seeded", &all.seeded.conninfo)]);
    let ended = program.run(&["--until-caught-up"]).await;
    assert_eq!(ended.code, 8, "{ended}");
    for words in ["what a destination holds up to id 5 cannot be confirmed", &format!("pid {pid}")]
    {
        assert!(ended.stderr.contains(words), "{words}: {ended}");
    }
}

/// The audit runs all the time, and would call it an event at a dead id.
#[tokio::test]
async fn a_service_stops_the_destination_that_was_filled_with_4_and_the_other_goes_on() {
    let all = Seeded::new().await;
    let mut run = replication(&all.config(), false);
    run.reconcile_interval = Duration::from_millis(50);
    let running = Running::start_as(run);
    until_looked_twice(&all.source).await;
    all.source.execute(INSERT).await;
    until_looked_twice(&all.source).await;
    assert_eq!(all.empty.query(IDS).await, [""]);
    all.late.batch_execute("commit").await.unwrap();
    until_answer(&all.empty, IDS, &["1,2,3,4,5,6"]).await;
    until_answer(&all.seeded, FED, &["0"]).await;
    all.source.execute(INSERT).await;
    until_answer(&all.empty, IDS, &["1,2,3,4,5,6,7"]).await;
    let problems = running.stopped().await;
    let kinds: Vec<ErrorKind> = problems.iter().map(Error::kind).collect();
    assert_eq!(kinds, [ErrorKind::Contents], "{}", problems.report());
}

/// Rows that others append while the lane is lost are no more proven than those of the start.
#[tokio::test]
async fn what_others_append_while_a_lane_is_lost_is_counted_once_more() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(&format!("{SOURCE}; {INSERT}; {INSERT}")).await;
    destination.execute(DESTINATION).await;
    let mut config = config(&source, &[("copy", &destination)]);
    config.source.poll_interval = Duration::from_millis(20);
    config.limits.retry_wait_max = Duration::from_millis(50);
    let running = Running::start(&config);
    until_answer(&destination, IDS, &["1,2"]).await;
    let late = source.client().await;
    late.batch_execute(&format!("begin; {INSERT}")).await.unwrap();
    source.execute(&format!("{INSERT}; {INSERT}")).await;
    until_looked_twice(&source).await;
    let rows =
        source.query("select format('(%s, %L, %L)', id, ts, event) from events where id > 2").await;
    let others = format!(
        "begin; insert into events values {};
         select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'counterfoil/%'; commit",
        rows.join(", ")
    );
    destination.execute(&others).await;
    until_looked_twice(&source).await;
    late.batch_execute("commit").await.unwrap();
    let problems = running.ends().await;
    let kinds: Vec<ErrorKind> = problems.iter().map(Error::kind).collect();
    assert_eq!(kinds, [ErrorKind::Contents], "{}", problems.report());
}

/// A transaction that holds the table, and so may own any gap, is open for long when the replicator
/// starts: what follows the last event without a gap flows on; a lane behind a gap waits for its
/// end, and only for that.
#[tokio::test]
async fn after_a_restart_with_a_long_transaction_open_a_lane_goes_on_and_one_behind_a_gap_waits_for_its_end()
 {
    let (source, level, behind) =
        (fresh_database().await, fresh_destination().await, fresh_destination().await);
    source.execute(&format!("{SOURCE}; {INSERT}; {INSERT}; {INSERT}")).await;
    source.execute("select nextval('events_id_seq')").await;
    source.execute(INSERT).await;
    for destination in [&level, &behind] {
        destination.execute(DESTINATION).await;
    }
    let mut config = config(&source, &[("level", &level), ("behind", &behind)]);
    config.source.poll_interval = Duration::from_millis(20);
    copy_all(&config).await;
    behind.execute("delete from events where id = 5").await;
    let long = source.client().await;
    long.batch_execute("begin; lock table events in row exclusive mode").await.unwrap();
    let running = Running::start(&config);
    for ids in ["1,2,3,5,6", "1,2,3,5,6,7"] {
        source.execute(INSERT).await;
        until_answer(&level, IDS, &[ids]).await;
    }
    until_looked_twice(&source).await;
    assert_eq!(behind.query(IDS).await, ["1,2,3"]);
    // What it draws now lies above everything, and holds what comes after it.
    long.batch_execute("select nextval('events_id_seq')").await.unwrap();
    source.execute(INSERT).await;
    until_looked_twice(&source).await;
    assert_eq!(level.query(IDS).await, ["1,2,3,5,6,7"]);
    long.batch_execute("rollback").await.unwrap();
    for destination in [&level, &behind] {
        until_answer(destination, IDS, &["1,2,3,5,6,7,9"]).await;
    }
    running.stop().await;
    Checker::new(&behind).judge(&source).await;
}

/// Both lanes stand at gaps that nobody has decided, one before the other, and each has events that
/// follow without a gap.
#[tokio::test]
async fn lanes_at_different_positions_above_what_is_decided_do_not_hold_each_other_up() {
    let (source, ahead, behind) =
        (fresh_database().await, fresh_destination().await, fresh_destination().await);
    source.execute(&format!("{SOURCE}; {INSERT}; select nextval('events_id_seq')")).await;
    source.execute(&format!("{INSERT}; {INSERT}; select nextval('events_id_seq')")).await;
    source.execute(INSERT).await;
    for destination in [&ahead, &behind] {
        destination.execute(DESTINATION).await;
    }
    let mut config = config(&source, &[("ahead", &ahead), ("behind", &behind)]);
    config.source.poll_interval = Duration::from_millis(20);
    copy_all(&config).await;
    assert_eq!(ahead.query(IDS).await, ["1,3,4,6"]);
    behind.execute("delete from events where id > 3").await;
    let long = source.client().await;
    long.batch_execute("begin; lock table events in row exclusive mode").await.unwrap();
    let running = Running::start(&config);
    until_answer(&behind, IDS, &["1,3,4"]).await;
    source.execute(INSERT).await;
    until_answer(&ahead, IDS, &["1,3,4,6,7"]).await;
    until_looked_twice(&source).await;
    assert_eq!(behind.query(IDS).await, ["1,3,4"]);
    long.batch_execute("rollback").await.unwrap();
    until_answer(&behind, IDS, &["1,3,4,6,7"]).await;
    running.stop().await;
}

/// It waits for nothing but the end of a transaction that wrote nothing, which no notification and
/// no new event tells.
#[tokio::test]
async fn a_lane_that_joins_while_the_others_rest_is_confirmed_when_the_open_transaction_ends() {
    let (source, level, joins) =
        (fresh_database().await, fresh_destination().await, fresh_destination().await);
    source.execute(&format!("{SOURCE}; {INSERT}; {INSERT}; {INSERT}")).await;
    level.execute(DESTINATION).await;
    let mut config = config(&source, &[("level", &level), ("joins", &joins)]);
    config.limits.retry_wait_max = Duration::from_millis(50);
    // So that nothing but what is wanted ends a rest.
    config.source.poll_interval = Duration::from_secs(3600);
    let long = source.client().await;
    let run = replication(&config, true);
    let away = "alter table events rename to events_away";
    joins.execute(&format!("{DESTINATION}; {away}")).await;
    let database = &joins.conninfo.database;
    let admin = crate::harness::connect(&joins.server.conninfo("postgres")).await.unwrap();
    admin
        .batch_execute(&format!("alter database {database} allow_connections false"))
        .await
        .unwrap();
    let running = Running::start_as(run);
    until_answer(&level, IDS, &["1,2,3"]).await;
    long.batch_execute("begin; lock table events in row exclusive mode").await.unwrap();
    // The source is connected anew, and a transaction is open then.
    terminate(&source, "mark").await;
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and \
                 application_name = 'counterfoil/mark' and state = 'idle'";
    until_answer(&source, waits, &["1"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    admin
        .batch_execute(&format!("alter database {database} allow_connections true"))
        .await
        .unwrap();
    joins.execute("alter table events_away rename to events").await;
    dump(&source, &joins).await;
    until_answer(&joins, FED, &["1"]).await;
    long.batch_execute("rollback").await.unwrap();
    let problems = running.ends().await;
    assert!(problems.is_empty(), "{}", problems.report());
}

/// Whoever filled it took along an event whose id was set by hand above the sequence, which waits
/// at the source.
#[tokio::test]
async fn a_destination_that_holds_an_id_above_the_sequence_waits_and_holds_no_other_up() {
    let (source, good, seeded) =
        (fresh_database().await, fresh_destination().await, fresh_destination().await);
    source.execute(&format!("{SOURCE}; {INSERT}; {INSERT}")).await;
    for destination in [&good, &seeded] {
        destination.execute(DESTINATION).await;
    }
    let mut config = config(&source, &[("good", &good), ("seeded", &seeded)]);
    config.source.poll_interval = Duration::from_millis(20);
    config.limits.retry_wait_max = Duration::from_millis(50);
    let running = Running::start(&config);
    for destination in [&good, &seeded] {
        until_answer(destination, IDS, &["1,2"]).await;
    }
    source.execute("insert into events (id, event) values (9, '{}')").await;
    until_looked_twice(&source).await;
    seeded.execute("truncate events").await;
    dump(&source, &seeded).await;
    terminate(&seeded, "%").await;
    source.execute("select nextval('events_id_seq')").await;
    source.execute(&format!("{INSERT}; {INSERT}")).await;
    until_answer(&good, IDS, &["1,2,4,5"]).await;
    assert_eq!(seeded.query(IDS).await, ["1,2,9"]);
    source.execute("select setval('events_id_seq', 9)").await;
    source.execute(INSERT).await;
    until_answer(&good, IDS, &["1,2,4,5,9,10"]).await;
    let problems = running.stopped().await;
    let kinds: Vec<ErrorKind> = problems.iter().map(Error::kind).collect();
    assert!(kinds.is_empty() || kinds == [ErrorKind::Contents], "{}", problems.report());
    assert_eq!(seeded.query(IDS).await, ["1,2,9"], "nothing was appended on top of a hole");
}

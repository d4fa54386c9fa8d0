//! `insert_events` gives consecutive ids in the order of commits, one ts a transaction, and takes
//! memory in proportion to the events.

use super::{consecutive_source, init};
use crate::harness::{Database, fresh_database};
use bytes::{BufMut, BytesMut};
use counterfoil::source::setup::{IdsOption, NotifyOption, SourceSetup};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_postgres::Client;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// An event as a bound parameter.
#[derive(Debug)]
struct Event(String);

impl ToSql for Event {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_u8(1);
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }
    to_sql_checked!();
}

async fn source() -> Database {
    let database = fresh_database().await;
    consecutive_source(&database).await;
    database
}

#[tokio::test]
async fn both_forms_take_any_text_as_text_and_return_the_number_of_events() {
    let database = source().await;
    let hostile = r#"{"text": "$1[7] $2, $$ $counterfoil$ it''s \\ \" -- /* %s :x returning id"}"#;
    let typed = format!("select insert_events(array['{hostile}', '{{\"n\": 2}}']::jsonb[])");
    assert_eq!(database.query(&typed).await, ["2"]);
    let inner = format!("($1[1], $2, '{hostile}'), ($1[2], $2, '{{\"n\": 2}}') -- the end");
    let untyped = format!("select insert_events({})", counterfoil::sql::literal(&inner));
    assert_eq!(database.query(&untyped).await, ["2"]);
    let same = "select string_agg(id::text, ' ' order by id), count(distinct ts) from events group \
                by event order by 1";
    assert_eq!(database.query(same).await, ["1 3|2", "2 4|2"]);
    assert_eq!(
        database.query("select event ->> 'text' from events where id = 1").await,
        [r#"$1[7] $2, $$ $counterfoil$ it's \ " -- /* %s :x returning id"#]
    );
    assert_eq!(database.query("select id from id").await, ["5"]);
}

#[tokio::test]
async fn a_bound_array_a_bound_text_and_a_named_argument_find_their_function() {
    let database = source().await;
    let client = database.client().await;
    let typed = vec![Event("1".to_owned()), Event("2".to_owned())];
    let inserted: i32 =
        client.query_one("select insert_events($1::jsonb[])", &[&typed]).await.unwrap().get(0);
    assert_eq!(inserted, 2);
    let text = "($1[1], $2, '3')";
    let inserted: i32 =
        client.query_one("select insert_events($1)", &[&text]).await.unwrap().get(0);
    assert_eq!(inserted, 1);
    assert_eq!(
        database.query("select insert_events(insertValues => '($1[1], $2, ''4'')')").await,
        ["1"]
    );
    assert_eq!(database.query("select count(*), max(id) from events").await, ["4|4"]);
}

#[tokio::test]
async fn what_cannot_be_inserted_is_refused_clearly_and_burns_no_id() {
    let database = source().await;
    database
        .execute(
            "set standard_conforming_strings = off; select insert_events('($1[1], $2, ''1'')')",
        )
        .await;
    assert_eq!(database.query("select insert_events('{}'::jsonb[])").await, ["0"]);
    for (call, message) in [
        (
            "select insert_events(null::jsonb[])",
            "insert_events was given NULL instead of an array of events",
        ),
        (
            "select insert_events(array['2', null]::jsonb[])",
            "insert_events was given NULL as element 2",
        ),
        ("select insert_events('  ')", "insert_events was given no text to follow VALUES"),
        ("select insert_events(null::text)", "insert_events was given no text to follow VALUES"),
        (
            "select insert_events('($1[1], $2, ''2''), ($1[3], $2, ''\"$1\"'')')",
            "the ids of the inserted events are not the next ones without a gap",
        ),
        (
            "select insert_events('($1[2], $2, ''\"$1 $1\"'')')",
            "the ids of the inserted events are not the next ones without a gap",
        ),
        (
            "select insert_events('(7, $2, ''\"$1\"'')')",
            "the ids of the inserted events are not the next ones without a gap",
        ),
    ] {
        let refused = database.client().await.batch_execute(call).await.unwrap_err();
        assert_eq!(refused.as_db_error().unwrap().message(), message, "{call}");
    }
    for call in [
        "select insert_events('($1[1], $2, ''2''), ($1[1], $2, ''2'')')",
        "select insert_events('($1[9], $2, ''2'')')",
        "select insert_events('($1[1], $2, ''2''); drop table events; --')",
        "select insert_events('($1[1], $2, ''not json'')')",
    ] {
        assert!(database.client().await.batch_execute(call).await.is_err(), "{call}");
    }
    assert_eq!(
        database.query("select count(*), max(id), (select id from id) from events").await,
        ["1|1|2"]
    );
}

#[tokio::test]
async fn a_trigger_that_swallows_an_event_is_found_out() {
    let database = source().await;
    database
        .execute(
            "create function swallow() returns trigger language plpgsql as 'begin return null; \
             end'; create trigger swallow before insert on events for each row when (new.event = \
             '2') execute function swallow()",
        )
        .await;
    for call in [
        "insert_events(array['1', '2', '3']::jsonb[])",
        "insert_events('($1[1], $2, ''1''), ($1[2], $2, ''2''), ($1[3], $2, ''3'')')",
    ] {
        assert!(database.client().await.batch_execute(&format!("select {call}")).await.is_err());
    }
    assert_eq!(database.query("select count(*), (select id from id) from events").await, ["0|1"]);
}

#[tokio::test]
async fn a_counter_that_is_gone_or_behind_is_told() {
    let database = source().await;
    for (harm, call) in [
        ("update id set id = 1", "select insert_events(array['2']::jsonb[])"),
        ("delete from id", "select insert_events('($1[1], $2, ''2'')')"),
    ] {
        database.execute("insert into events values (1, now(), '1') on conflict do nothing").await;
        database.execute(harm).await;
        let told = database.client().await.batch_execute(call).await.unwrap_err();
        let message = told.as_db_error().unwrap().message();
        assert_eq!(message, "the next id is missing, or not greater than that of the last event");
    }
}

#[tokio::test]
async fn the_events_of_a_transaction_share_one_ts_across_calls_and_savepoints() {
    let database = source().await;
    database
        .execute(
            "begin; select insert_events(array['1']::jsonb[]); savepoint kept; select \
             insert_events('($1[1], $2, ''2'')'); release kept; savepoint lost; select \
             insert_events(array['0']::jsonb[]); rollback to lost; select \
             insert_events(array['3']::jsonb[]); commit; begin; savepoint lost; select \
             insert_events(array['0']::jsonb[]); rollback to lost; select \
             insert_events(array['4']::jsonb[]); savepoint kept; select \
             insert_events(array['5']::jsonb[]); commit; select insert_events(array['6']::jsonb[])",
        )
        .await;
    assert_eq!(
        database
            .query("select array_agg(id order by id) from events group by ts order by ts")
            .await,
        ["{1,2,3}", "{4,5}", "{6}"]
    );
}

#[tokio::test]
async fn ts_is_read_after_the_counter_is_locked() {
    let database = source().await;
    let (first, second) = (database.client().await, database.client().await);
    second.batch_execute("begin; select 1").await.unwrap();
    first.batch_execute("begin; select insert_events(array['1']::jsonb[])").await.unwrap();
    let waits = tokio::spawn(async move {
        second.batch_execute("select insert_events(array['2']::jsonb[]); commit").await
    });
    while database
        .query(
            "select 1 from pg_stat_activity where datname = current_database() and wait_event_type \
             = 'Lock'",
        )
        .await
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    first.batch_execute("commit").await.unwrap();
    waits.await.unwrap().unwrap();
    let is_later =
        "select (select ts from events where id = 2) > (select ts from events where id = 1)";
    assert_eq!(database.query(is_later).await, ["t"]);
}

#[tokio::test]
async fn ts_does_not_run_backwards_when_the_clock_does() {
    let database = source().await;
    database
        .execute("insert into events values (1, '2999-01-01', '1'); update id set id = 2")
        .await;
    database
        .execute(
            "select insert_events(array['2']::jsonb[]); select insert_events('($1[1], $2, ''3'')')",
        )
        .await;
    assert_eq!(database.query("select count(*) from events where ts = '2999-01-01'").await, ["3"]);
}

#[tokio::test]
async fn two_sources_in_one_transaction_have_each_its_own_ids() {
    let database = source().await;
    let other = super::table("other", "events");
    init(&database, &SourceSetup::new(other, IdsOption::Consecutive, Some(NotifyOption::None)))
        .await
        .unwrap();
    database
        .execute(
            "begin; select insert_events(array['1']::jsonb[]); select \
             other.insert_events(array['a']::jsonb[]); select insert_events(array['2']::jsonb[]); \
             commit"
                .replace("'a'", "'\"a\"'")
                .as_str(),
        )
        .await;
    assert_eq!(database.query("select max(id), count(distinct ts) from events").await, ["2|1"]);
    assert_eq!(database.query("select max(id) from other.events").await, ["1"]);
}

#[tokio::test]
async fn a_repeatable_read_writer_that_came_too_late_is_told_to_try_again() {
    let database = source().await;
    for call in ["insert_events(array['1']::jsonb[])", "insert_events('($1[1], $2, ''1'')')"] {
        let late = database.client().await;
        late.batch_execute("begin isolation level repeatable read; select count(*) from events")
            .await
            .unwrap();
        database.execute(&format!("select {call}")).await;
        let told = late.batch_execute(&format!("select {call}")).await.unwrap_err();
        assert_eq!(told.code().unwrap().code(), "40001", "{told:?}");
        late.batch_execute(&format!(
            "rollback; begin isolation level serializable; select {call}; commit"
        ))
        .await
        .unwrap();
    }
    assert_eq!(database.query("select count(*), max(id) from events").await, ["4|4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_with_rollbacks_and_savepoints_leave_no_gap_and_no_ts_out_of_order() {
    let database = source().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(prefixes_only(database.client().await, Arc::clone(&is_over)));
    let mut writers = Vec::new();
    for seed in 0..8 {
        writers.push(tokio::spawn(write(database.client().await, seed)));
    }
    let mut expected = 0;
    for writer in writers {
        expected += writer.await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 0);
    let found = database
        .query("select count(*), min(id), max(id), (select id - 1 from id) from events")
        .await;
    assert_eq!(found, [format!("{expected}|1|{expected}|{expected}")]);
    let backwards = "select count(*) from (select ts < lag(ts) over (order by id) as is_backwards \
                     from events) x where is_backwards";
    assert_eq!(database.query(backwards).await, ["0"]);
    let split = "select count(*) from (select event ->> 'transaction' from events group by 1 \
                 having count(distinct ts) > 1) x";
    assert_eq!(database.query(split).await, ["0"]);
}

/// Runs 60 transactions of one to three calls, of which some are rolled back wholly or to a
/// savepoint; returns the number of events committed.
async fn write(client: Client, seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut committed = 0;
    for transaction in 0..60 {
        let mut script = "begin;".to_owned();
        let mut kept = 0;
        for _ in 0..random.random_range(1..=3) {
            let count = random.random_range(1..=5_u64);
            let event = format!("'{{\"transaction\": \"{seed}/{transaction}\"}}'");
            let call = if random.random_bool(0.5) {
                let events = vec![event; count as usize].join(",");
                format!("select insert_events(array[{events}]::jsonb[]);")
            } else {
                let rows: Vec<String> =
                    (1..=count).map(|n| format!("($1[{n}], $2, {event})")).collect();
                format!("select insert_events({});", counterfoil::sql::literal(&rows.join(",")))
            };
            if random.random_bool(0.3) {
                script += &format!("savepoint s; {call} rollback to s;");
            } else {
                script += &format!("savepoint k; {call} release k;");
                kept += count;
            }
        }
        let is_kept = random.random_bool(0.8);
        script += if is_kept { "commit" } else { "rollback" };
        client.batch_execute(&script).await.unwrap();
        committed += if is_kept { kept } else { 0 };
    }
    committed
}

/// Looks at the table until it is over: every snapshot holds the ids from 1 without a gap. Returns
/// how often it looked.
async fn prefixes_only(client: Client, is_over: Arc<AtomicBool>) -> u64 {
    let mut looks = 0;
    while !is_over.load(Ordering::Relaxed) {
        let row = client
            .query_one(
                "select count(*), coalesce(max(id), 0), coalesce(min(id), 1) from events",
                &[],
            )
            .await
            .unwrap();
        let (count, greatest, least): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((count, 1), (greatest, least));
        looks += 1;
    }
    looks
}

#[tokio::test]
async fn sixty_thousand_events_in_one_call_take_less_than_300_mb_of_the_server() {
    let database = source().await;
    let client = database.client().await;
    let events: Vec<String> = counterfoil::fake::World::persons(1).flatten().take(60_000).collect();
    let call = "select insert_events(array(select event::jsonb from unnest($1::text[]) as event))";
    let inserted: i32 = client.query_one(call, &[&events]).await.unwrap().get(0);
    assert_eq!(inserted, 60_000);
    let peak = private_peak_kb(&client).await;
    assert!(peak < 300 * 1024, "{peak} kB");
}

#[tokio::test]
async fn the_call_itself_takes_little_more_than_its_array_of_events() {
    let database = source().await;
    let events: Vec<Event> =
        counterfoil::fake::World::persons(1).flatten().take(60_000).map(Event).collect();
    let mut peaks = Vec::new();
    // Receiving a jsonb[] alone takes the server some 500 MB, before any function sees it.
    for call in ["select cardinality($1::jsonb[])", "select insert_events($1::jsonb[])"] {
        let client = database.client().await;
        let counted: i32 = client.query_one(call, &[&events]).await.unwrap().get(0);
        assert_eq!(counted, 60_000);
        peaks.push(private_peak_kb(&client).await);
    }
    assert!(peaks[1] < peaks[0] + 100 * 1024, "{peaks:?} kB");
}

#[tokio::test]
async fn slates_form_takes_memory_in_proportion_to_the_events() {
    let database = source().await;
    let mut peaks = Vec::new();
    for count in [4_000, 16_000] {
        let client = database.client().await;
        let rows: Vec<String> = counterfoil::fake::World::persons(1)
            .flatten()
            .take(count)
            .enumerate()
            .map(|(n, event)| format!("($1[{}], $2, {})", n + 1, counterfoil::sql::literal(&event)))
            .collect();
        let inserted: i32 =
            client.query_one("select insert_events($1)", &[&rows.join(", ")]).await.unwrap().get(0);
        assert_eq!(inserted as usize, count);
        peaks.push(private_peak_kb(&client).await);
    }
    assert!(peaks[1] < 5 * peaks[0], "{peaks:?} kB");
}

/// The most memory that the session's backend ever held, without what it shares with the others.
async fn private_peak_kb(client: &Client) -> u64 {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kb = |key: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    kb("VmHWM:") - kb("RssShmem:")
}

#[tokio::test]
async fn a_role_with_little_more_than_its_grants_can_insert() {
    let database = source().await;
    let role = format!("writer_of_{}", database.conninfo.database);
    database
        .execute(&format!(
            "create role {role}; grant insert, select on events to {role}; grant select, update on \
             id to {role}"
        ))
        .await;
    database
        .execute(&format!(
            "set role {role}; select insert_events(array['1']::jsonb[]); select \
             insert_events('($1[1], $2, ''2'')')"
        ))
        .await;
    assert_eq!(database.query("select max(id) from events").await, ["2"]);
}

//! A proof covers every row and every byte, whoever stores them and however.

use crate::configured::table;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::truth::running::until_waiting;
use counterfoil::event::range::IdRange;
use counterfoil::event::store::{EventStore, TableDigest};
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::postgres::table::compatible;
use counterfoil::postgres::table::describe;
use counterfoil::postgres::table::store::PgTable;
use std::time::Duration;

const TABLE: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb)";
/// Even ids, stored in another order than that of the ids.
const FILL: &str = "insert into events select i * 2, timestamptz '2026-01-01 00:00:00Z' + i * \
                    interval '1 microsecond', jsonb_build_object('n', i, 'amount', 1.10) from \
                    generate_series(1, 300) i order by md5(i::text)";

async fn opened(database: &Database) -> PgTable<Session> {
    let purpose = SessionPurpose { what: "audit", side: ErrorSide::Destination };
    let session =
        Session::open(&database.conninfo, purpose, Duration::from_secs(20)).await.unwrap();
    let events = describe::table(&session, &table("events"), "id").await.unwrap().unwrap();
    let wire = compatible::wire(&events, &events, "id").unwrap();
    PgTable::new(session, &table("events"), "id", &wire)
}

async fn proof(database: &Database) -> TableDigest {
    opened(database).await.table_digest(IdRange::ALL).await.unwrap()
}

/// Count, last id and digest of the rows of a condition as the server itself works them out, from
/// the manual's description of COPY.
async fn by_the_server(database: &Database, condition: &str) -> String {
    let field = |sent: &str| format!("coalesce(int4send(length({sent})) || {sent}, int4send(-1))");
    let row = [field("int8send(id)"), field("timestamptz_send(ts)"), field("jsonb_send(event)")]
        .join(" || ");
    let asked = format!(
        "select format('%s events, last id %s, sha256 %s', count(*), max(id), \
         encode(sha256(string_agg(int2send(3::int2) || {row}, ''::bytea order by id)), 'hex')) \
         from events where {condition}"
    );
    database.query(&asked).await.remove(0)
}

#[tokio::test]
async fn a_proof_over_many_pages_is_the_sha256_that_the_server_works_out_itself() {
    let database = fresh_database().await;
    let many = "insert into events select i * 2, now() + i * interval '1 microsecond', case when i \
                % 7 > 0 then jsonb_build_object('n', i) end from generate_series(-20000, 25000) i \
                order by md5(i::text)";
    database.execute(&format!("{TABLE}; {many}")).await;
    let proof = proof(&database).await;
    assert_eq!((proof.events, proof.last_id), (45_001, Some(50_000)));
    assert_eq!(proof.to_string(), by_the_server(&database, "true").await);
}

#[tokio::test]
async fn a_digest_of_a_range_leaves_out_its_lower_end_and_has_its_upper_one() {
    let database = fresh_database().await;
    database.execute(&format!("{TABLE}; {FILL}")).await;
    let range = IdRange { after: Some(100), through: 200 };
    let digest = opened(&database).await.table_digest(range).await.unwrap();
    assert_eq!(digest.events, 50);
    assert_eq!(digest.to_string(), by_the_server(&database, "id > 100 and id <= 200").await);
}

#[tokio::test]
async fn every_way_to_tamper_with_a_copy_is_found() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(&format!("{TABLE}; {FILL}")).await;
    copy.execute(TABLE).await;
    let source = proof(&source).await;
    let ways = [
        (
            "update events set ts = ts + interval '1 microsecond' where id = 300",
            "not the same bytes",
        ),
        (
            "update events set event = jsonb_set(event, '{amount}', '1.100') where id = 300",
            "not the same bytes",
        ),
        ("update events set event = null where id = 300", "not the same bytes"),
        (
            "update events e set event = other.event from events other where other.id = 6 - e.id \
             and e.id in (2, 4)",
            "not the same bytes",
        ),
        ("update events set id = 301 where id = 300", "not the same bytes"),
        (
            "update events set id = 601 where id = 600",
            "the last id is 601 where the source has 600",
        ),
        ("delete from events where id = 300", "299 events where the source has 300"),
        ("insert into events values (301, now(), '{}')", "301 events where the source has 300"),
        ("truncate events", "0 events where the source has 300"),
    ];
    for (tamper, found) in ways {
        copy.execute(&format!("truncate events; {FILL}")).await;
        assert_eq!(source.difference(&proof(&copy).await), None, "before {tamper}");
        copy.execute(tamper).await;
        let how = source.difference(&proof(&copy).await).unwrap_or_default();
        assert!(how.contains(found), "{tamper}: {how}");
    }
}

#[tokio::test]
async fn the_search_path_of_a_role_changes_no_proof_of_a_table_that_travels_as_text() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    for database in [&source, &copy] {
        let text_only = "create table events (id bigint primary key, about regclass); insert into \
                         events values (1, 'public.events')";
        database.execute(text_only).await;
    }
    copy.execute(&format!("alter database {} set search_path = 'nowhere'", copy.conninfo.database))
        .await;
    assert_eq!(proof(&source).await.difference(&proof(&copy).await), None);
}

/// A rewrite that keeps no old rows, and that a read waits for: what the read sees must be of a
/// moment after it.
#[tokio::test]
async fn a_table_that_is_rewritten_while_a_read_waits_for_it_is_read_whole() {
    let database = fresh_database().await;
    database.execute(&format!("{TABLE}; {FILL}")).await;
    let whole = proof(&database).await;
    for rewrite in [
        "alter table events set unlogged",
        "alter table events set logged",
        "alter table events alter event type jsonb using (event || '{}')",
        "vacuum full events",
        "cluster events using events_pkey",
    ] {
        let events = opened(&database).await;
        let owner = database.client().await;
        let is_alone = rewrite.starts_with("vacuum");
        let begun = if is_alone { "select 1".to_owned() } else { format!("begin; {rewrite}") };
        owner.batch_execute(&begun).await.unwrap();
        let (read, ()) = futures::join!(events.table_digest(IdRange::ALL), async {
            if is_alone {
                owner.batch_execute(rewrite).await.unwrap();
                return;
            }
            until_waiting(&database, "counterfoil/audit").await;
            owner.batch_execute("commit").await.unwrap();
        });
        assert_eq!(read.unwrap(), whole, "{rewrite}");
    }
}

/// What was given up on its way does not keep the session from being used again.
#[tokio::test]
async fn a_read_that_is_given_up_leaves_the_table_free_and_the_next_one_begins_anew() {
    let database = fresh_database().await;
    database.execute(&format!("{TABLE}; {FILL}")).await;
    let events = opened(&database).await;
    let all = IdRange { after: None, through: i64::MAX };
    let first = futures::StreamExt::next(&mut events.rows(all)).await.unwrap().unwrap();
    assert_eq!(first.id, 2);
    assert_eq!(events.table_digest(IdRange::ALL).await.unwrap(), proof(&database).await);
    database.execute("set lock_timeout = '5s'; alter table events add more int").await;
}

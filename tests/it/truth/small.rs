//! A few events at a time: the first rows of a read come by a query, and arrive as a COPY would
//! have brought them.

use super::running::{Running, copy_all, until_answer};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{equal, init_destination, init_source_with, swallow};
use counterfoil::config::ReplicationConfig;
use counterfoil::error::ErrorKind;

const INSERT: &str = "insert into events (event) values ('{\"a\": 1.10}')";

/// A source and a destination of one event each, so that what comes next is read by a query.
async fn pair() -> (Database, Database, ReplicationConfig) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source_with(&source, "sequence", "doorbell").await;
    init_destination(&destination).await;
    source.execute(INSERT).await;
    let config = config(&source, &[("copy", &destination)]);
    copy_all(&config).await;
    (source, destination, config)
}

#[tokio::test]
async fn a_rule_of_the_destination_changes_nothing() {
    let (source, destination, config) = pair().await;
    destination.execute("create rule swallow as on insert to events do instead nothing").await;
    source.execute(INSERT).await;
    copy_all(&config).await;
    equal(&source, &destination).await;
}

/// More rows are visible than the query asks for, and only the first of them may be shipped; with a
/// group, not all of those below the mark.
#[tokio::test]
async fn a_mark_within_the_rows_of_the_first_query_lets_those_below_it_through() {
    for (ts, through) in [("clock_timestamp()", 9), ("now()", 8)] {
        let (source, destination, config) = pair().await;
        let insert = |ts: &str, rows: u32| {
            format!(
                "insert into events (ts, event) select {ts}, '{{}}' from generate_series(1, {rows})"
            )
        };
        let (writer, blocker) = (source.client().await, source.client().await);
        let running = Running::start(&config);
        source.execute(&insert("clock_timestamp()", 4)).await;
        let arrives = async |id: i64| {
            until_answer(&destination, "select max(id) from events", &[id.to_string().as_str()])
                .await
        };
        arrives(5).await;
        let below = format!("begin; {}; {}", insert("clock_timestamp()", 3), insert(ts, 1));
        writer.batch_execute(&below).await.unwrap();
        blocker.batch_execute("begin; select nextval('events_id_seq')").await.unwrap();
        writer.batch_execute(&format!("{}; commit", insert(ts, 70))).await.unwrap();
        arrives(through).await;
        blocker.batch_execute("rollback").await.unwrap();
        arrives(80).await;
        running.stop().await;
        equal(&source, &destination).await;
    }
}

/// Types that become wider on the way make the lane start over, and nothing stops.
#[tokio::test]
async fn columns_whose_types_change_are_compared_anew() {
    let (source, destination, config) = pair().await;
    let both = async |change: &str| {
        for database in [&source, &destination] {
            database.execute(change).await;
        }
    };
    both("alter table events add note int").await;
    let mut running = Running::start(&config);
    for id in 2..=4 {
        if id == 4 {
            both("alter table events alter note type bigint").await;
        }
        source.execute(INSERT).await;
        let id = id.to_string();
        let expected = [id.as_str()];
        tokio::select! {
            () = until_answer(&destination, "select max(id) from events", &expected) => {}
            problems = running.ended() => panic!("{}", problems.report()),
        }
    }
    running.stop().await;
    equal(&source, &destination).await;
}

#[tokio::test]
async fn a_trigger_that_swallows_a_row_of_a_small_batch_stops_the_lane_and_nothing_is_written() {
    let (source, destination, config) = pair().await;
    swallow(&destination, 3).await;
    source.execute("insert into events (event) select '{}' from generate_series(1, 3)").await;
    let problems = Running::start(&config).ends().await;
    let worst = problems.worst().expect("it is refused");
    assert_eq!(worst.kind(), ErrorKind::Rejected, "{}", problems.report());
    assert!(worst.to_string().contains("did not take every row"), "{worst}");
    assert_eq!(destination.query("select count(*) from events").await, ["1"]);
}

/// The trigger finds the search path of its role, as in the transaction of a COPY.
#[tokio::test]
async fn a_trigger_of_the_destination_finds_the_search_path_it_relies_on() {
    let (source, destination, config) = pair().await;
    destination
        .execute(
            "create table seen (id bigint); create function see() returns trigger language plpgsql \
             as 'begin insert into seen values (new.id); return null; end'; create trigger see \
             after insert on events for each row execute function see()",
        )
        .await;
    source.execute("insert into events (event) select '{}' from generate_series(1, 3)").await;
    copy_all(&config).await;
    assert_eq!(
        destination.query("select string_agg(id::text, ',' order by id) from seen").await,
        ["2,3,4"]
    );
}

/// Somebody fenced it off: where nothing is to be copied, nothing is wrong.
#[tokio::test]
async fn a_destination_that_is_level_and_read_only_is_left_alone() {
    let (source, destination, config) = pair().await;
    let fence = "do $$ begin execute format('alter database %I set default_transaction_read_only = \
                 on', current_database()); end $$";
    destination.execute(fence).await;
    copy_all(&config).await;
    equal(&source, &destination).await;
}

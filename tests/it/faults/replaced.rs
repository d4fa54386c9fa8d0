//! Tables that are swapped, renamed, or given another counter or trigger while they are followed:
//! what is read and written is what was compared.

use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, equal, highest, insert, prefix};
use crate::support::replicator::Setup;
use crate::support::{following, until};
use crate::truth::running::{until_answer, until_waiting};

const SOURCE: &str = "create table events (id bigserial primary key, ts timestamptz not null \
                      default clock_timestamp(), event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
/// Lets a copy begin, and stops it by a lock.
const LOCKED_ON_THE_WAY: &str = "begin;
    do 'begin loop exit when exists (select from events); perform pg_sleep(0.001); end loop; end';
    lock table events in share mode";
const IS_WITHOUT_HOLES: &str = "select count(*) = max(id) from events";

async fn pair() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source.execute(SOURCE).await;
    destination.execute(DESTINATION).await;
    (source, destination)
}

/// Another table takes the source's name while a destination that is far behind waits for a lock.
#[tokio::test]
async fn nothing_of_a_table_that_takes_the_sources_name_comes_after_what_was_read_of_the_other() {
    let (source, destination) = pair().await;
    insert(&source, 20_000).await;
    source
        .execute(
            "create table recent (like events including all); insert into recent select * from \
             events where id > 19000",
        )
        .await;
    let mut replicator = Setup::from(&source)
        .to("copy", &destination)
        .key("max_events_per_write = 100\nbuffer_bytes_max = 1048576")
        .start(&[]);
    let holder = destination.client().await;
    holder.batch_execute(LOCKED_ON_THE_WAY).await.unwrap();
    let swap = tokio::spawn({
        let client = source.client().await;
        async move {
            let swap = "begin; alter table events rename to archive; alter table recent rename to \
                        events; commit";
            client.batch_execute(swap).await.unwrap();
        }
    });
    let is_done_or_queued = "select exists (select from pg_locks where not granted and locktype = \
                             'relation') or to_regclass('archive') is not null";
    until_answer(&source, is_done_or_queued, &["t"]).await;
    holder.batch_execute("commit").await.unwrap();
    let end = replicator.ends().await;
    swap.await.unwrap();
    assert_eq!(end.code, Some(4), "{end:?}");
    assert!(
        matches!(destination.query(IS_WITHOUT_HOLES).await[0].as_str(), "t" | ""),
        "there is a hole"
    );
    source
        .execute("alter table events rename to recent; alter table archive rename to events")
        .await;
    prefix(&source, &destination).await;
}

#[tokio::test]
async fn a_source_that_was_renamed_away_and_back_is_compared_anew_and_followed_on() {
    let (source, destination, mut replicator) = following(fresh_database().await, 5).await;
    source
        .execute("alter table events rename to elsewhere; alter table elsewhere rename to events")
        .await;
    insert(&source, 3).await;
    equal(&source, &destination).await;
    replicator.says(&["the source's table was altered"]).await;
    replicator.stops().await;
}

/// Swaps the destination's table for one that holds the same events, with other columns, and lets
/// so many events come.
async fn swapped(
    columns: &str,
    writers: u8,
    events: u32,
) -> (Database, Database, crate::support::replicator::Replicator) {
    let (source, destination) = pair().await;
    insert(&source, 100).await;
    let replicator = Setup::from(&source)
        .to("copy", &destination)
        .destination_key(&format!("writers = {writers}"))
        .start(&[]);
    arrives(&destination, 100).await;
    destination
        .execute(&format!(
            "begin; create table other ({columns}); insert into other select * from events;
             alter table events rename to old; alter table other rename to events; commit"
        ))
        .await;
    insert(&source, events).await;
    (source, destination, replicator)
}

#[tokio::test]
async fn a_destination_that_was_swapped_for_one_of_other_types_takes_no_rounded_value() {
    for (writers, events) in [(1, 1), (1, 100), (2, 1000)] {
        let columns = "id bigint primary key, ts timestamptz(0) not null, event jsonb not null";
        let (_source, destination, mut replicator) = swapped(columns, writers, events).await;
        let end = replicator.ends().await;
        assert_eq!(end.code, Some(3), "{writers} {events}: {end:?}");
        assert!(
            end.report.contains("column \"ts\" is timestamp with time zone at the source"),
            "{}",
            end.report
        );
        assert_eq!(highest(&destination).await, 100, "{writers} {events}");
    }
}

#[tokio::test]
async fn a_destination_that_was_swapped_for_its_like_is_compared_and_fed_on() {
    for (writers, events) in [(1, 1), (1, 100), (2, 1000)] {
        let columns = "id bigint primary key, ts timestamptz not null, event jsonb not null";
        let (source, destination, replicator) = swapped(columns, writers, events).await;
        equal(&source, &destination).await;
        assert_eq!(destination.query("select count(*) from old").await, ["100"]);
        replicator.stops().await;
    }
}

/// The id comes from another counter than the one that was looked at; a transaction draws from it,
/// forgets that, and inserts the id by hand.
#[tokio::test]
async fn a_source_whose_ids_come_from_another_counter_loses_nothing() {
    for change in [
        "create sequence other start 4; alter table events alter id set default nextval('other')",
        "alter table events alter id drop default; alter table events alter id add generated by \
         default as identity (start 4)",
    ] {
        let (source, destination) = pair().await;
        source.execute("insert into events (event) select '{}' from generate_series(1, 3)").await;
        let mut replicator = Setup::from(&source)
            .to("copy", &destination)
            .source_key("poll_interval_ms = 100")
            .start(&[]);
        arrives(&destination, 3).await;
        source.execute(change).await;
        let late = source.client().await;
        late.batch_execute(
            "begin; savepoint x; insert into events (event) values ('{}'); rollback to x",
        )
        .await
        .unwrap();
        source.execute("insert into events (event) values ('{}')").await;
        replicator.says(&["the source's table was altered"]).await;
        assert_eq!(highest(&destination).await, 3, "{change}");
        late.batch_execute("insert into events (id, event) values (4, '{\"late\": 1}'); commit")
            .await
            .unwrap();
        until("it is followed on, or refused", async || {
            replicator.ended().is_some_and(|end| end.code == Some(3))
                || highest(&destination).await == 5
        })
        .await;
        prefix(&source, &destination).await;
    }
}

const ALTERS: &str =
    "create function alter_row() returns trigger language plpgsql as 'begin new.event := ''{\"altered\":true}''; return new; end';
    create trigger meddler before insert on events for each row execute function alter_row()";

#[tokio::test]
async fn a_trigger_that_is_given_to_a_destination_is_told_before_it_sees_a_row() {
    for events in [1, 100] {
        let (source, destination, mut replicator) = following(fresh_database().await, 5).await;
        insert(&source, 1).await;
        arrives(&destination, 6).await;
        assert_eq!(replicator.lines(&["meddler"]), 0);
        destination.execute(ALTERS).await;
        insert(&source, events).await;
        arrives(&destination, 7).await;
        assert_eq!(
            replicator.lines(&[
                "\"level\":\"warning\"",
                "about the destination",
                "trigger \\\"meddler\\\""
            ]),
            1,
            "{}",
            replicator.log()
        );
        arrives(&destination, 6 + i64::from(events)).await;
        assert!(replicator.is_running());
        replicator.stops().await;
    }
}

/// The row is read and its transaction is begun; it waits for the lock that the one who creates the
/// trigger has.
#[tokio::test]
async fn a_trigger_that_comes_between_the_begin_and_the_rows_alters_nothing() {
    for events in [1, 100] {
        let (source, destination, mut replicator) = following(fresh_database().await, 5).await;
        let owner = destination.client().await;
        owner.batch_execute("begin; lock table events in share row exclusive mode").await.unwrap();
        insert(&source, events).await;
        until_waiting(&destination, "counterfoil/append").await;
        owner.batch_execute(&format!("{ALTERS}; commit")).await.unwrap();
        arrives(&destination, 6).await;
        assert_eq!(
            replicator.lines(&["\"level\":\"warning\"", "about the destination", "meddler"]),
            1,
            "{}",
            replicator.log()
        );
        assert!(replicator.is_running());
        replicator.stops().await;
    }
}

/// The id was drawn from the counter of before, in a transaction that has touched nothing else yet.
#[tokio::test]
async fn an_id_that_was_drawn_from_the_counter_of_before_is_waited_for() {
    let (source, destination) = pair().await;
    source.execute("insert into events (event) values ('{}')").await;
    let setup = Setup::from(&source).source_key("poll_interval_ms = 50").to("copy", &destination);
    let mut replicator = setup.start(&[]);
    arrives(&destination, 1).await;
    let late = source.client().await;
    late.batch_execute("begin; select nextval('events_id_seq')").await.unwrap();
    source
        .execute(
            "begin; alter table events alter id drop default;
             alter table events alter id add generated by default as identity (start 3); commit",
        )
        .await;
    source.execute("insert into events (event) values ('{}'), ('{}')").await;
    replicator.says(&["the source's table was altered"]).await;
    replicator.says(&["the source is back"]).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(highest(&destination).await, 1);
    late.batch_execute("insert into events (id, event) values (2, '{\"late\": 1}'); commit")
        .await
        .unwrap();
    equal(&source, &destination).await;
    assert_eq!(destination.query("select count(*) from events").await, ["4"]);
    replicator.stops().await;
}

#[tokio::test]
async fn a_destination_that_was_swapped_for_one_with_a_hole_gets_nothing_on_top_of_it() {
    let (source, destination) = pair().await;
    insert(&source, 10).await;
    let setup = Setup::from(&source).source_key("poll_interval_ms = 50").to("copy", &destination);
    let mut replicator = setup.start(&[]);
    arrives(&destination, 10).await;
    destination
        .execute(
            "begin; create table other (like events including all); insert into other select * from events where id <> 5;
             alter table events rename to old; alter table other rename to events; commit",
        )
        .await;
    insert(&source, 1).await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    assert_eq!(highest(&destination).await, 10);
}

#[tokio::test]
async fn changes_that_leave_the_tables_own_row_of_the_catalog_alone_are_noticed() {
    const COUNTERS: &str = "create sequence other start 100; alter sequence events_id_seq rename \
                            to gone; alter sequence other rename to events_id_seq";
    for (change, back) in [
        ("alter schema public rename to elsewhere; alter schema elsewhere rename to public", ""),
        (COUNTERS, ""),
        (
            "create or replace function counterfoil_doorbell() returns trigger language plpgsql as \
             $$begin return null; end$$",
            "",
        ),
        ("create table kid () inherits (events)", "drop table kid"),
    ] {
        let (source, destination, mut replicator) = following(fresh_database().await, 5).await;
        if !back.is_empty() {
            // The catalog remembers that there was one.
            source.execute("create table heir () inherits (events); drop table heir").await;
        }
        insert(&source, 1).await;
        arrives(&destination, 6).await;
        let before = replicator.lines(&["the source's table was altered"]);
        source.execute(change).await;
        source
            .execute(
                "insert into events (id, ts, event) overriding system value values (7, now(), \
                 '{}')",
            )
            .await;
        until(change, async || {
            replicator.lines(&["the source's table was altered"]) > before
                || replicator.ended().is_some_and(|end| end.code == Some(3))
        })
        .await;
        source.execute(back).await;
        prefix(&source, &destination).await;
    }
}

#[tokio::test]
async fn a_trigger_that_fires_after_rows_are_stored_is_told_and_one_that_only_notifies_is_not() {
    let (source, destination) = pair().await;
    destination
        .execute(
            "create function alters() returns trigger language plpgsql as $$begin update events set event = '{}' where id = new.id; return null; end$$;
             create function tells() returns trigger language plpgsql as $$begin perform pg_notify('x', ''); return null; end$$;
             create trigger alters after insert on events for each row execute function alters();
             create trigger tells after insert on events for each statement execute function tells()",
        )
        .await;
    insert(&source, 3).await;
    let end =
        Setup::from(&source).to("copy", &destination).start(&["--until-caught-up"]).ends().await;
    let told = |name: &str| {
        let words = format!(
            "trigger \\\"{name}\\\" of public.events fires at every append, and can change or \
             remove what is stored"
        );
        end.log.contains(&words)
    };
    assert!(told("alters") && !told("tells"), "{}", end.log);
}

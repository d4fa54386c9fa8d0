//! Source and destination change behind the replicator's back: what can be told apart is told,
//! nothing is appended to the wrong history.

use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
    own_server,
};
use crate::support::events::{
    arrives, digest, equal, highest, init_destination, init_source, insert,
};
use crate::support::replicator::{End, Replicator, Setup};
use crate::support::{following, until};
use counterfoil::config::libpq::HostAt;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};

/// A source with ten events, a destination that holds them, and the replicator that follows.
async fn followed() -> (Database, Database, Replicator) {
    following(fresh_database().await, 10).await
}

/// It ends with 4, says these words, and has changed nothing at the destination.
async fn ends_diverged(mut replicator: Replicator, destination: &Database, words: &[&str]) -> End {
    let before = digest(destination, i64::MAX).await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    for word in words {
        assert!(end.report.contains(word), "{word} is not in {}", end.report);
    }
    assert_eq!(digest(destination, i64::MAX).await, before);
    end
}

/// Lets the tables of a source be put back, as a restore does.
const AS_A_RESTORE: &str =
    "set session_replication_role = replica; alter table events disable trigger all";

#[tokio::test]
async fn a_source_put_back_to_an_older_state_with_other_events_is_told_with_the_highest_id_both_agree_on()
 {
    let (source, destination, mut replicator) =
        following(fresh_database_on(&own_server(&ServerSettings::new())).await, 10).await;
    source
        .execute(&format!(
            "{AS_A_RESTORE}; delete from events where id > 6; select setval('events_id_seq', 6); \
             alter table events enable trigger all"
        ))
        .await;
    // As many as before and more, so that neither the highest id nor the count tells.
    insert(&source, 4).await;
    source.server.aside(PrivateServer::restart).await.unwrap();
    replicator.says(&["the source was lost"]).await;
    ends_diverged(
        replicator,
        &destination,
        &[
            "holds another event 10 than the source",
            "both agree up to id 6",
            "--destination copy --rewind-to 6 ",
        ],
    )
    .await;
    insert(&source, 5).await;
    let setup = Setup::from(&source).to("copy", &destination);
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
}

#[tokio::test]
async fn a_source_put_back_to_an_older_state_is_behind_its_destination() {
    let (source, destination, replicator) =
        following(fresh_database_on(&own_server(&ServerSettings::new())).await, 10).await;
    source
        .execute(&format!(
            "{AS_A_RESTORE}; delete from events where id > 7; select setval('events_id_seq', 7)"
        ))
        .await;
    source.server.aside(PrivateServer::restart).await.unwrap();
    ends_diverged(
        replicator,
        &destination,
        &["is ahead of the source by 3 events", "both agree up to id 7"],
    )
    .await;
}

#[tokio::test]
async fn a_source_table_that_is_made_anew_is_noticed_without_a_restart() {
    let (source, destination, replicator) = followed().await;
    source
        .execute(
            "begin; create table later (like events including all); drop table events; alter table \
             later rename to events; insert into events overriding system value select i, now(), \
             '{\"other\": 1}' from generate_series(1, 12) i; select setval('later_id_seq', 12); \
             commit",
        )
        .await;
    ends_diverged(
        replicator,
        &destination,
        &["does not begin as the source does", "they agree on no event"],
    )
    .await;
}

#[tokio::test]
async fn an_event_added_by_hand_at_a_destination_is_told_and_nothing_is_appended_after_it() {
    let (source, destination, replicator) = followed().await;
    destination.execute("insert into events values (11, now(), '{\"by\": \"hand\"}')").await;
    insert(&source, 3).await;
    let end = ends_diverged(
        replicator,
        &destination,
        &["holds another event 11 than the source", "both agree up to id 10"],
    )
    .await;
    assert!(end.log.contains("another session changed it"), "{}", end.log);
    assert_eq!(highest(&destination).await, 11);
}

#[tokio::test]
async fn an_event_that_is_added_by_hand_while_ours_is_on_its_way_is_compared_with_it() {
    let (same, another) =
        ("select * from copied", "select id, ts, '{\"by\": \"hand\"}' from copied");
    // A batch of one event goes by an INSERT, one of many by a COPY.
    for (by_hand, more, is_equal) in
        [(same, 0, true), (same, 30, true), (another, 0, false), (another, 30, false)]
    {
        let (source, destination, mut replicator) = followed().await;
        insert(&source, 1).await;
        arrives(&destination, 11).await;
        // The next event, with its id and time fixed, so that somebody can insert the same or
        // another one first.
        let event = "(id, ts, event) overriding system value values (12, '2026-01-02 03:04:05Z', \
                     '{\"n\": 12}')";
        let somebody = destination.client().await;
        somebody
            .batch_execute(
                "create temp table copied as select 12::bigint as id, '2026-01-02 \
                 03:04:05Z'::timestamptz as ts, '{\"n\": 12}'::jsonb as event",
            )
            .await
            .unwrap();
        somebody.batch_execute(&format!("begin; insert into events {by_hand}")).await.unwrap();
        source
            .execute(&format!(
                "insert into events {event}; select setval('events_id_seq', 12);
                 insert into events (ts, event) select '2026-01-02 03:04:05Z', '{{}}' from generate_series(1, {more})"
            ))
            .await;
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
                       and application_name = 'counterfoil/append' and wait_event_type = 'Lock'";
        until("ours waits for theirs", async || destination.query(waiting).await == ["1"]).await;
        somebody.batch_execute("commit").await.unwrap();
        if is_equal {
            insert(&source, 1).await;
            equal(&source, &destination).await;
            let found: &[&str] = match more {
                0 => &["the destination has moved"],
                _ => &["events were rejected, looking for the first of them", "23505"],
            };
            replicator.says(found).await;
            replicator.stops().await;
        } else {
            ends_diverged(
                replicator,
                &destination,
                &["holds another event 12 than the source", "both agree up to id 11"],
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_unique_index_that_is_not_on_the_id_rejects() {
    let (source, destination, replicator) = followed().await;
    destination.execute("create unique index on events ((event ->> 'once'))").await;
    for _ in 0..2 {
        source
            .execute("insert into events (ts, event) values (clock_timestamp(), '{\"once\": 1}')")
            .await;
    }
    let mut replicator = replicator;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(7), "{end:?}");
    assert!(
        end.report.contains("id 12\n") && end.report.contains("SQLSTATE 23505"),
        "{}",
        end.report
    );
    assert_eq!(highest(&destination).await, 11);
}

#[tokio::test]
async fn the_last_events_of_a_destination_that_somebody_removed_are_appended_again() {
    let (source, destination, mut replicator) = followed().await;
    destination.execute("delete from events where id > 8").await;
    insert(&source, 1).await;
    equal(&source, &destination).await;
    replicator
        .says(&[
            "destination lost its most recent events",
            "\"position\":8",
            "\"position_before\":10",
        ])
        .await;
    destination.execute("truncate events").await;
    insert(&source, 1).await;
    equal(&source, &destination).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_column_that_is_added_at_the_source_is_never_left_out() {
    let (source, destination, mut replicator) = followed().await;
    let setup = Setup::from(&source).to("copy", &destination);
    source.execute("alter table events add column note text").await;
    source
        .execute("insert into events (ts, event, note) values (now(), '{}', 'must arrive')")
        .await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(3), "{end:?}");
    assert!(
        end.report.to_lowercase().contains("alter table public.events add column \"note\" text"),
        "{}",
        end.report
    );
    assert_eq!(highest(&destination).await, 10);
    destination.execute("alter table events add column note text").await;
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    equal(&source, &destination).await;
    assert_eq!(destination.query("select note from events where id = 11").await, ["must arrive"]);
}

#[tokio::test]
async fn privileges_that_are_revoked_and_granted_again_need_no_restart() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    let role = format!("mover_{}", source.conninfo.database);
    source.execute(&format!("create role {role} login; grant select on events to {role}")).await;
    destination
        .execute(&format!("create role {role} login; grant select, insert on events to {role}"))
        .await;
    let setup = Setup::from_url(&as_role(&source, &role))
        .and_url("copy", &as_role(&destination, &role))
        .key("retry_wait_max_ms = 500");
    let mut replicator = setup.start(&[]);
    insert(&source, 1).await;
    arrives(&destination, 1).await;
    for (database, grant, lost, back) in [
        (
            &destination,
            "select, insert",
            "the destination was lost, trying again",
            "the destination is back",
        ),
        (&source, "select", "the source was lost, trying again", "the source is back"),
    ] {
        database.execute(&format!("revoke {grant} on events from {role}")).await;
        insert(&source, 1).await;
        replicator.says(&[lost, "GRANT "]).await;
        database.execute(&format!("grant {grant} on events to {role}")).await;
        replicator.says(&[back]).await;
        arrives(&destination, highest(&source).await).await;
    }
    equal(&source, &destination).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_password_that_is_rotated_is_read_again_from_its_file() {
    let settings = ServerSettings::new()
        .set("password_encryption", "scram-sha-256")
        .hba("local all mover scram-sha-256");
    let server = own_destination_server(&settings);
    let (source, destination) = (fresh_database().await, fresh_database_on(&server).await);
    init_source(&source).await;
    init_destination(&destination).await;
    destination
        .execute(
            "create role mover login password 'key-of-the-first-day'; grant select, insert on \
             events to mover",
        )
        .await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "key-of-the-first-day").unwrap();
    let mut replicator = Setup::from(&source)
        .and_url("copy", &as_role(&destination, "mover"))
        .destination_key(&format!("password_file = '{}'", file.display()))
        .key("retry_wait_max_ms = 500")
        .start(&[]);
    insert(&source, 1).await;
    arrives(&destination, 1).await;
    destination.execute("alter role mover password 'key-of-the-second-day'").await;
    destination
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = \
             'counterfoil/append'",
        )
        .await;
    insert(&source, 1).await;
    replicator.says(&["the destination was lost", "SQLSTATE 28P01"]).await;
    std::fs::write(&file, "key-of-the-second-day").unwrap();
    arrives(&destination, 2).await;
    replicator.says(&["the destination is back"]).await;
    assert_eq!(replicator.lines(&["key-of-the-"]), 0);
    replicator.stops().await;
}

pub fn as_role(database: &Database, role: &str) -> String {
    let host = &database.conninfo.hosts[0];
    let HostAt::Unix(dir) = &host.at else { panic!("a private server has a socket") };
    format!(
        "host={} port={} user={role} dbname={}",
        dir.display(),
        host.port,
        database.conninfo.database
    )
}

/// Rows that were inserted while the index was not maintained are there for whoever reads without
/// it.
#[tokio::test]
async fn an_index_of_the_id_that_lacks_rows_is_named_with_the_statement_that_cures_it() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    // A vacuum would let the server count by the index alone.
    source.execute("alter table events set (autovacuum_enabled = off)").await;
    let is_ready = |is_ready| {
        format!(
            "update pg_index set indisready = {is_ready} where indexrelid = 'events_pkey'::regclass"
        )
    };
    insert(&source, 3000).await;
    source.execute(&is_ready(false)).await;
    insert(&source, 3).await;
    source.execute(&is_ready(true)).await;
    insert(&source, 3000).await;
    // Whether a count finds out depends on how the server counts: of a table it knows, all rows are
    // counted without the index.
    source.execute("analyze events").await;
    let setup = Setup::from(&source).to("copy", &destination);
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    for words in [
        "the index of the id at the source is damaged",
        "it has 6000 of the table's 6003 rows",
        "REINDEX TABLE CONCURRENTLY public.events; at the source",
    ] {
        assert!(end.report.contains(words), "{words} is not in {}", end.report);
    }
    assert!(!end.report.contains("both agree"), "{}", end.report);
    // Obeyed as it stands: now the rows are seen that were never copied.
    source.execute("REINDEX TABLE CONCURRENTLY public.events").await;
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert!(end.report.contains("both agree up to id 3000"), "{}", end.report);
    let (code, printed, complaint) =
        crate::repair::repair(&source, &destination, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
    equal(&source, &destination).await;
}

/// The last check of a job finds what happened while it copied, and then something was written.
#[tokio::test]
async fn the_last_check_does_not_say_that_nothing_was_written() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 3).await;
    destination
        .execute(
            "create function spoil() returns trigger language plpgsql as 'begin new.event := \
             ''{}''; return new; end'; create trigger spoil before insert on events for each row \
             execute function spoil()",
        )
        .await;
    let end =
        Setup::from(&source).to("copy", &destination).start(&["--until-caught-up"]).ends().await;
    assert_eq!((end.code, highest(&destination).await), (Some(4), 3), "{end:?}");
    assert!(!end.report.contains("nothing was written"), "{}", end.report);
    assert!(end.report.contains("what was written stays"), "{}", end.report);
}

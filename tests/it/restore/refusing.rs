//! What a restore refuses; nothing is written then.

use super::{destinations, insert, new_source, prepared, restore, state, triggers};
use crate::command::told;
use crate::diff::hidden::forgotten;
use crate::harness::{Database, fresh_database};
use crate::repair::HUNDRED;
use crate::support::events::{arrives, digest, init_source_with};
use crate::support::replicator::{Setup, url};
use crate::support::{lock_out, until};
use tempfile::TempDir;

const FROM_LONG: [&str; 3] = ["--from", "long", "--yes"];

/// It must end with this code, say all of these words, and have changed nothing.
async fn refuses(
    source: &Database,
    (long, short): (&Database, &Database),
    arguments: &[&str],
    code: i32,
    words: &[&str],
) {
    let before = state(source).await;
    let (ended, printed, complaint) = restore(source, long, short, arguments);
    assert_eq!(ended, Some(code), "{printed}{complaint}");
    for word in words {
        assert!(complaint.contains(word), "{word} is not in {complaint}");
    }
    assert_eq!(state(source).await, before);
}

#[tokio::test]
async fn a_destination_that_is_not_the_longest_is_refused_with_the_one_that_is() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    let words =
        ["destination \"long\" holds more", "their highest ids are 60 and 101", "--from long;"];
    refuses(&source, (&long, &short), &["--from", "short", "--yes"], 4, &words).await;
}

#[tokio::test]
async fn destinations_that_disagree_are_refused_with_the_first_id() {
    for change in [
        "update events set ts = ts + interval '1 us' where id >= 44",
        "delete from events where id = 44",
    ] {
        let (source, (long, short)) = (new_source("consecutive").await, destinations().await);
        short.execute(change).await;
        let words = [
            "destinations \"long\" and \"short\" do not hold the same events",
            "the first that differs has id 44",
        ];
        refuses(&source, (&long, &short), &FROM_LONG, 4, &words).await;
    }
}

#[tokio::test]
async fn a_column_that_is_wider_in_one_of_the_destinations_is_compared_too() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    source.execute("alter table events add kind int not null default 7").await;
    long.execute("alter table events add kind int not null default 7").await;
    short.execute("alter table events add kind bigint not null default 7").await;
    assert_eq!(
        restore(&source, &long, &short, &["--from", "long"]).0,
        Some(2),
        "it would go ahead"
    );
    short.execute("update events set kind = 8 where id = 44").await;
    refuses(&source, (&long, &short), &FROM_LONG, 4, &["the first that differs has id 44"]).await;
}

#[tokio::test]
async fn a_source_that_holds_something_else_is_refused() {
    let (long, short) = destinations().await;
    for (kind, there) in [
        ("sequence", "insert into events (ts, event) values (now(), '{}')"),
        ("consecutive", "select insert_events(array['{}']::jsonb[])"),
    ] {
        let source = new_source(kind).await;
        source.execute(there).await;
        let words = [
            "the source is not empty",
            "the first event that differs has id 1",
            "counterfoil init source",
        ];
        refuses(&source, (&long, &short), &FROM_LONG, 4, &words).await;
    }
    let source = new_source("sequence").await;
    source.execute(HUNDRED).await;
    source
        .execute(
            "insert into events (id, ts, event) overriding system value values (200, now(), '{}'); \
             select setval('events_id_seq', 200)",
        )
        .await;
    let words = ["the first event that differs has id 101", "its highest id is 200"];
    refuses(&source, (&long, &short), &FROM_LONG, 4, &words).await;
}

#[tokio::test]
async fn nothing_is_restored_by_an_index_that_does_not_know_every_row() {
    for is_of_long in [true, false] {
        let (source, (long, short)) = (new_source("sequence").await, destinations().await);
        let (damaged, name) = if is_of_long { (&long, "long") } else { (&short, "short") };
        forgotten(damaged, "id >= 60").await;
        let says = format!("the index of the id of destination \"{name}\" is damaged");
        let words = [says.as_str(), "REINDEX TABLE CONCURRENTLY public.events; there"];
        refuses(&source, (&long, &short), &FROM_LONG, 4, &words).await;
    }
}

#[tokio::test]
async fn an_empty_destination_has_nothing_to_restore_from() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    long.execute("truncate events").await;
    short.execute("truncate events").await;
    refuses(&source, (&long, &short), &FROM_LONG, 4, &["destination \"long\": it holds no event"])
        .await;
}

#[tokio::test]
async fn a_destination_out_of_reach_is_refused_with_8_and_what_to_do() {
    let (source, (long, _)) = (new_source("sequence").await, destinations().await);
    let before = state(&source).await;
    let dir = TempDir::new().unwrap();
    let (theirs, ours) = (url(&long), url(&source));
    let away = "host=/nowhere dbname=a user=a";
    let mut command = prepared(&dir, &ours, &[("long", &theirs), ("away", away)], &FROM_LONG);
    let (code, _, complaint) = told(&command.output().unwrap());
    assert_eq!(code, Some(8), "{complaint}");
    assert!(
        complaint.contains("destination \"away\"")
            && complaint.contains("take it out of the configuration"),
        "{complaint}"
    );
    assert_eq!(state(&source).await, before);
}

#[tokio::test]
async fn a_destination_that_is_fed_shows_that_its_source_is_alive() {
    let (old, (long, short)) = (fresh_database().await, destinations().await);
    init_source_with(&old, "sequence", "none").await;
    old.execute(&format!("{HUNDRED}; select setval('events_id_seq', 100)")).await;
    long.execute("delete from events where id > 100").await;
    old.execute(insert("sequence")).await;
    let replicator = Setup::from(&old).to("fed", &long).start(&[]);
    arrives(&long, 101).await;
    let source = new_source("sequence").await;
    let words = [
        "another replicator feeds destination \"long\"",
        "stop it first; if its source is alive, there is nothing to restore",
    ];
    refuses(&source, (&long, &short), &FROM_LONG, 5, &words).await;
    replicator.stops().await;
}

#[tokio::test]
async fn nobody_is_asked_without_a_terminal_and_a_wrong_name_is_wrong_usage() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    refuses(&source, (&long, &short), &["--from", "long"], 2, &["there is no terminal", "--yes"])
        .await;
    let words = ["there is none of this name", "long, short"];
    refuses(&source, (&long, &short), &["--from", "lang", "--yes"], 2, &words).await;
}

#[tokio::test]
async fn a_role_that_does_not_own_the_table_is_refused() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    let role = format!("filler_{}", source.conninfo.database);
    source.execute(&format!("create role {role} login; grant all on events to {role}")).await;
    let before = state(&source).await;
    let dir = TempDir::new().unwrap();
    let (theirs, others) = (url(&long), url(&short));
    let ours = url(&source).replace("user=postgres", &format!("user={role}"));
    let mut command = prepared(&dir, &ours, &[("long", &theirs), ("short", &others)], &FROM_LONG);
    let (code, _, complaint) = told(&command.output().unwrap());
    assert_eq!(code, Some(3), "{complaint}");
    assert!(complaint.contains("it belongs to role postgres"), "{complaint}");
    assert_eq!(state(&source).await, before);
}

#[tokio::test]
async fn a_writer_that_stays_at_the_source_is_waited_for_ten_seconds() {
    let (source, (long, short)) = (new_source("consecutive").await, destinations().await);
    let writer = source.client().await;
    writer.batch_execute("begin; select insert_events(array['{}']::jsonb[])").await.unwrap();
    let before = (digest(&source, i64::MAX).await, triggers(&source).await);
    let (code, printed, complaint) = restore(&source, &long, &short, &FROM_LONG);
    assert_eq!(code, Some(8), "{printed}{complaint}");
    assert!(complaint.contains("stop all writers to the source"), "{complaint}");
    assert_eq!((digest(&source, i64::MAX).await, triggers(&source).await), before);
    drop(writer);
    until("the writer is gone", async || {
        source.query("select count(*) from pg_locks where relation = 'events'::regclass").await
            == ["0"]
    })
    .await;
    assert_eq!(restore(&source, &long, &short, &FROM_LONG).0, Some(0));
}

#[tokio::test]
async fn a_destination_that_somebody_has_locked_is_waited_for_ten_seconds() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    let _somebody = lock_out(&long).await;
    let before = state(&source).await;
    let (code, printed, complaint) = restore(&source, &long, &short, &FROM_LONG);
    assert_eq!(code, Some(8), "{printed}{complaint}");
    assert!(complaint.contains("lock timeout"), "{complaint}");
    assert_eq!(state(&source).await, before);
}

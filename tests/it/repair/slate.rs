//! `--accept-slate`.

use super::{HUNDRED, KINDS, pair, refuses, succeeds};
use crate::harness::{fresh_database, fresh_destination};
use crate::support::events::{digest, init_destination};

/// What a stay in JavaScript makes of every event.
const AS_SLATE_DOES: &str = "update events set ts = date_trunc('milliseconds', ts), event = \
                             jsonb_set(jsonb_set(event, '{big}', '12345678901234567000'), \
                             '{price}', '1.1')";

#[tokio::test]
async fn what_slate_altered_becomes_exactly_the_sources() {
    for kind in KINDS {
        let (source, destination) = pair(kind).await;
        destination.execute(AS_SLATE_DOES).await;
        let printed = succeeds(&source, &destination, &["--accept-slate", "--yes"]).await;
        assert!(
            printed.contains("will replace by the source's: 100 events, ids 1..100"),
            "{printed}"
        );
        assert!(printed.contains("100 events were written"), "{printed}");
    }
}

#[tokio::test]
async fn a_source_of_slates_and_its_copy_are_brought_together() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(&format!(
            "{}; {HUNDRED}; update id set id = 101",
            include_str!("../init/slates_source.sql")
        ))
        .await;
    init_destination(&destination).await;
    destination.execute(&format!("{HUNDRED}; {AS_SLATE_DOES} where id <= 90")).await;
    let before = digest(&source, i64::MAX).await;
    let printed = succeeds(&source, &destination, &["--accept-slate", "--yes"]).await;
    assert!(printed.contains("90 events were written"), "{printed}");
    assert_eq!(digest(&source, i64::MAX).await, before);
}

#[tokio::test]
async fn nothing_is_replaced_where_anything_differs_otherwise() {
    for (change, words) in [
        (
            "update events set event = event || '{\"more\": 1}' where id = 99",
            ["changed: 1 event, id 99", "slate's replicator does: 99 events"],
        ),
        (
            "update events set ts = ts + interval '1 ms' where id = 99",
            ["changed: 1 event, id 99", "--rewind-to 0 "],
        ),
        (
            "update events set event = jsonb_set(event, '{price}', '1.1000000000000000001') where \
             id = 99",
            ["changed: 1 event, id 99", "they agree on no event"],
        ),
        (
            "delete from events where id = 99",
            ["missing at the destination: 1 event, id 99", "nothing was written"],
        ),
        (
            "insert into events values (101, now(), '{}')",
            ["only at the destination: 1 event, id 101", "nothing was written"],
        ),
    ] {
        let (source, destination) = pair(KINDS[0]).await;
        // An event of the source is above the position, so that no id is beyond it.
        source
            .execute(
                "insert into events (id, ts, event) overriding system value values (103, now(), \
                 '{}'); select setval('events_id_seq', 103)",
            )
            .await;
        destination.execute(&format!("{AS_SLATE_DOES}; {change}")).await;
        refuses(&source, &destination, &["--accept-slate", "--yes"], 4, &words).await;
    }
}

#[tokio::test]
async fn what_a_destination_has_of_its_own_is_never_lost() {
    let (source, destination) = pair(KINDS[0]).await;
    destination
        .execute(&format!(
            "{AS_SLATE_DOES}; alter table events add seen_by text; update events set seen_by = 'us'"
        ))
        .await;
    let words = ["its column \"seen_by\" is not the source's", "nothing was written"];
    refuses(&source, &destination, &["--accept-slate", "--yes"], 3, &words).await;
    destination
        .execute(
            "alter table events drop seen_by; create table notes (id bigint references events on \
             delete cascade); insert into notes values (7)",
        )
        .await;
    let words = ["foreign key notes_id_fkey of public.notes would delete or change rows"];
    refuses(&source, &destination, &["--accept-slate", "--yes"], 3, &words).await;
    refuses(&source, &destination, &["--rewind-to", "0", "--yes"], 3, &words).await;
    // One that follows nothing refuses at the end of the statement, after its last row.
    destination
        .execute(
            "alter table notes drop constraint notes_id_fkey, add foreign key (id) references \
             events",
        )
        .await;
    let words = ["violates foreign key constraint", "nothing of this batch was written"];
    refuses(&source, &destination, &["--accept-slate", "--yes"], 7, &words).await;
    assert_eq!(destination.query("select id from notes").await, ["7"]);
}

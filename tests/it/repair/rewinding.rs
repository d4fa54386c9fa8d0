//! `--rewind-to`.

use super::{AS_A_RESTORE, KINDS, follows, pair, refuses, repair, succeeds};
use crate::harness::Database;
use crate::support::events::{digest, highest, insert};

/// The source comes back from an older state, in which it had events up to this id.
async fn comes_back(source: &Database, kind: (&str, &str), id: i64) {
    let next = match kind.0 {
        "sequence" => format!("select setval('events_id_seq', {id})"),
        _ => format!("update id set id = {id} + 1"),
    };
    source
        .execute(&format!(
            "{AS_A_RESTORE}; delete from events where id > {id}; {next}; alter table events enable trigger all"
        ))
        .await;
}

#[tokio::test]
async fn the_tail_that_the_source_lost_is_cut_off() {
    for kind in KINDS {
        let (source, destination) = pair(kind).await;
        comes_back(&source, kind, 70).await;
        let printed = succeeds(&source, &destination, &["--rewind-to", "70", "--yes"]).await;
        assert!(
            printed.contains("will delete, from the highest downwards: 30 events, ids 71..100"),
            "{printed}"
        );
        assert!(
            printed.contains("this may be their only copy: 30 events, ids 71..100 (71, 72, "),
            "{printed}"
        );
        assert!(printed.contains("30 events were deleted"), "{printed}");
        assert_eq!(highest(&destination).await, 70);
    }
}

#[tokio::test]
async fn ids_that_the_source_gave_to_other_events_are_copied_anew() {
    let (source, destination) = pair(KINDS[0]).await;
    comes_back(&source, KINDS[0], 90).await;
    insert(&source, 20).await;
    let printed = succeeds(&source, &destination, &["--rewind-to", "90", "--yes"]).await;
    assert!(printed.contains("only copy: 10 events, ids 91..100"), "{printed}");
    assert_eq!(highest(&destination).await, 110);
}

#[tokio::test]
async fn what_the_source_has_may_be_cut_and_copied_again() {
    let (source, destination) = pair(KINDS[1]).await;
    let printed = succeeds(&source, &destination, &["--rewind-to", "0", "--yes"]).await;
    assert!(printed.contains("the source has every one of them"), "{printed}");
    assert!(printed.contains("100 events were deleted"), "{printed}");
}

#[tokio::test]
async fn nothing_is_cut_while_what_would_stay_disagrees() {
    let (source, destination) = pair(KINDS[0]).await;
    comes_back(&source, KINDS[0], 70).await;
    let words = [
        "only at the destination: 1 event, id 71",
        "both agree up to id 70",
        "--rewind-to 70 ",
    ];
    refuses(&source, &destination, &["--rewind-to", "80", "--yes"], 4, &words).await;
    destination.execute("update events set event = '{}' where id = 33").await;
    let words = ["changed: 1 event, id 33", "both agree up to id 32", "--rewind-to 32 "];
    refuses(&source, &destination, &["--rewind-to", "70", "--yes"], 4, &words).await;
    destination.execute("delete from events where id = 12").await;
    let words = [
        "missing at the destination: 1 event, id 12",
        "both agree up to id 11",
        "--insert-missing",
    ];
    refuses(&source, &destination, &["--rewind-to", "70", "--yes"], 4, &words).await;
    let (code, printed, complaint) = repair(&source, &destination, &["--rewind-to", "11", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    follows(&source, &destination).await;
}

#[tokio::test]
async fn an_id_above_the_position_cuts_nothing() {
    let (source, destination) = pair(KINDS[0]).await;
    let before = digest(&destination, i64::MAX).await;
    for id in ["100", "101"] {
        let (code, printed, _) = repair(&source, &destination, &["--rewind-to", id]);
        assert_eq!(code, Some(0));
        assert!(
            printed.contains("nothing to cut: the highest id of destination \"copy\" is 100"),
            "{printed}"
        );
    }
    assert_eq!(digest(&destination, i64::MAX).await, before);
}

#[tokio::test]
async fn a_rule_that_keeps_rows_stops_it() {
    let (source, destination) = pair(KINDS[0]).await;
    destination
        .execute(
            "create function keep() returns trigger language plpgsql as 'begin return null; end'; \
             create trigger keep before delete on events for each row execute function keep()",
        )
        .await;
    let words = ["the table did not let go of every row", "its highest id is still 100"];
    refuses(&source, &destination, &["--rewind-to", "50", "--yes"], 7, &words).await;
}

//! Who may be at a destination while it is repaired, what stands in the way, and who is asked.

use super::{KINDS, pair, prepared, prepared_to_wait, refuses, repair, succeeds};
use crate::support::events::{arrives, digest, highest, insert};
use crate::support::lock_out;
use crate::support::replicator::{Setup, counterfoil, url};
use tempfile::TempDir;

const WAYS: [&[&str]; 4] = [
    &["--insert-missing", "--yes"],
    &["--rewind-to", "50", "--yes"],
    &["--accept-slate", "--yes"],
    &["--replace", "5", "--yes"],
];

/// What each of the ways has to repair.
const WRONGS: [&str; 4] = [
    "delete from events where id = 5",
    "update events set event = '{}' where id > 50",
    "update events set ts = date_trunc('milliseconds', ts) where id = 5",
    "update events set event = '{}' where id = 5",
];

#[tokio::test]
async fn a_destination_that_a_replicator_feeds_is_left_alone() {
    let (source, destination) = pair(KINDS[0]).await;
    let replicator = Setup::from(&source).to("copy", &destination).start(&[]);
    insert(&source, 1).await;
    arrives(&destination, 101).await;
    for how in WAYS {
        let words = [
            "another replicator feeds destination \"copy\"",
            "pid ",
            "application \"counterfoil/append\"",
            "nothing was written",
        ];
        refuses(&source, &destination, how, 5, &words).await;
    }
    replicator.stops().await;
    repair(&source, &destination, WAYS[0]);
    assert_eq!(highest(&destination).await, 101);
}

#[tokio::test]
async fn a_guarded_destination_is_repaired_without_taking_the_guard_away() {
    for (how, wrong) in WAYS.iter().zip(WRONGS) {
        let (source, destination) = pair(KINDS[0]).await;
        destination.execute(wrong).await;
        counterfoil(&["init", "destination", "--guard", "--url", &url(&destination)]).await;
        succeeds(&source, &destination, how).await;
        let refused = destination.client().await.batch_execute("delete from events").await;
        assert!(refused.is_err());
    }
}

#[tokio::test]
async fn a_trigger_that_refuses_to_delete_is_named_with_what_to_run() {
    let ways = WAYS.iter().zip(WRONGS).skip(1);
    let enabled = ["enable trigger", "enable always trigger", "enable trigger"];
    for ((how, wrong), enable) in ways.zip(enabled) {
        let (source, destination) = pair(KINDS[0]).await;
        destination
            .execute(&format!(
                "{wrong}; create function filter_sql_command() returns trigger language plpgsql as \
                 'begin raise exception ''not allowed''; end'; create trigger check_sql_command \
                 before update or delete or truncate on events for each statement execute function \
                 filter_sql_command(); alter table events {enable} check_sql_command"
            ))
            .await;
        let words = [
            "trigger check_sql_command refuses it",
            "alter table \"public\".\"events\" disable trigger check_sql_command;",
            &format!("alter table \"public\".\"events\" {enable} check_sql_command;"),
        ];
        refuses(&source, &destination, how, 3, &words).await;
        destination.execute("alter table events disable trigger check_sql_command").await;
        succeeds(&source, &destination, how).await;
    }
}

#[tokio::test]
async fn missing_events_are_inserted_where_a_trigger_refuses_to_delete() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute(WRONGS[0]).await;
    destination
        .execute(
            "create function no() returns trigger language plpgsql as 'begin raise exception ''not \
             allowed''; end'; create trigger check_sql_command before update or delete or truncate \
             on events for each statement execute function no()",
        )
        .await;
    succeeds(&source, &destination, WAYS[0]).await;
}

#[tokio::test]
async fn any_other_trigger_that_refuses_ends_it_with_what_it_said() {
    let (source, destination) = pair(KINDS[0]).await;
    destination
        .execute(
            "create function never() returns trigger language plpgsql as 'begin raise exception \
             ''never here''; end'; create trigger never before delete on events for each statement \
             execute function never()",
        )
        .await;
    refuses(
        &source,
        &destination,
        WAYS[1],
        7,
        &["never here", "nothing of this batch was written"],
    )
    .await;
}

#[tokio::test]
async fn a_role_that_may_not_delete_is_told_before_anything_is_read() {
    let (source, destination) = pair(KINDS[0]).await;
    let role = format!("mender_{}", destination.conninfo.database);
    destination
        .execute(&format!("create role {role} login; grant select, insert on events to {role}"))
        .await;
    let before = digest(&destination, i64::MAX).await;
    let dir = TempDir::new().unwrap();
    let command = prepared(&dir, &source, &destination, WAYS[1]);
    let config = dir.path().join("counterfoil.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let theirs = url(&destination);
    std::fs::write(
        &config,
        text.replace(&theirs, &theirs.replace("user=postgres", &format!("user={role}"))),
    )
    .unwrap();
    let mut command = command;
    let (code, _, complaint) = crate::command::told(&command.output().unwrap());
    assert_eq!(code, Some(3), "{complaint}");
    let fix = format!("GRANT DELETE ON \"public\".\"events\" TO \"{role}\";");
    assert!(complaint.contains(&fix), "{complaint}");
    assert_eq!(digest(&destination, i64::MAX).await, before);
    destination.execute(&fix).await;
    let (code, _, complaint) = crate::command::told(&command.output().unwrap());
    assert_eq!(code, Some(0), "what the fix says was done: {complaint}");
}

#[tokio::test]
async fn a_table_that_somebody_has_locked_is_not_waited_for_without_end() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute(WRONGS[0]).await;
    let _somebody = lock_out(&destination).await;
    let dir = TempDir::new().unwrap();
    let mut command = prepared_to_wait(&dir, &source, &destination, WAYS[0], 1_000);
    let (code, _, complaint) = crate::command::told(&command.output().unwrap());
    assert_eq!(code, Some(8), "{complaint}");
    assert!(complaint.contains("perhaps another session has locked"), "{complaint}");
}

#[tokio::test]
async fn without_a_terminal_nothing_is_done_unless_it_is_said() {
    for (how, wrong) in WAYS.iter().zip(WRONGS) {
        let (source, destination) = pair(KINDS[0]).await;
        destination.execute(wrong).await;
        refuses(
            &source,
            &destination,
            &how[..how.len() - 1],
            2,
            &["there is no terminal", "--yes"],
        )
        .await;
        let (_, printed, _) = repair(&source, &destination, &how[..how.len() - 1]);
        assert!(printed.contains("will "), "{printed}");
    }
}

#[tokio::test]
async fn the_source_by_another_name_is_never_cut() {
    let (source, _) = pair(KINDS[0]).await;
    let before = digest(&source, i64::MAX).await;
    let dir = TempDir::new().unwrap();
    let mut command = prepared(&dir, &source, &source, WAYS[1]);
    let config = dir.path().join("counterfoil.toml");
    let tcp = source.server.conninfo_tcp(&source.conninfo.database);
    let itself =
        format!("host=127.0.0.1 port={} user=postgres dbname={}", tcp.hosts[0].port, tcp.database);
    let text = std::fs::read_to_string(&config).unwrap();
    let (head, tail) = text.split_once("[[destinations]]").unwrap();
    std::fs::write(
        &config,
        format!("{head}[[destinations]]{}", tail.replace(&url(&source), &itself)),
    )
    .unwrap();
    let (code, _, complaint) = crate::command::told(&command.output().unwrap());
    assert_eq!(code, Some(2), "{complaint}");
    assert!(complaint.contains("are the same database and table"), "{complaint}");
    assert_eq!(digest(&source, i64::MAX).await, before);
}

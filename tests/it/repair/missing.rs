//! `--insert-missing`.

use super::{AS_A_RESTORE, HUNDRED, KINDS, pair, prepared, refuses, repair, succeeds};
use crate::chaos::forgetful;
use crate::diff::hidden::forgotten;
use crate::harness::{Database, fresh_database_on, fresh_destination, own_server};
use crate::support::events::{init_destination, init_source_with};
use crate::support::standby::{on, standby_of};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use tempfile::TempDir;

#[tokio::test]
async fn missing_events_are_inserted_as_the_source_has_them() {
    for kind in KINDS {
        let (source, destination) = pair(kind).await;
        destination
            .execute("delete from events where id = 1 or id between 40 and 60 or id % 10 = 3")
            .await;
        let printed = succeeds(&source, &destination, &["--insert-missing", "--yes"]).await;
        assert!(
            printed.contains(
                "will insert, as the source has them: 30 events, ids 1..93 (1, 3, 13, 23, 33, 40, \
                 41, 42, 43, 44, …)"
            ),
            "{printed}"
        );
        assert!(printed.contains("30 events were written"), "{printed}");
        assert!(
            printed.contains("equal to the source: 100 events, last id 100, sha256 "),
            "{printed}"
        );
    }
}

#[tokio::test]
async fn each_batch_is_told_in_the_log_beside_the_result() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute("delete from events where id between 11 and 25").await;
    let (code, printed, log) = repair(&source, &destination, &["--insert-missing", "--yes"]);
    assert_eq!((code, log.matches("a batch was committed").count()), (Some(0), 3), "{log}");
    assert!(log.contains("\"events_so_far\":15") && log.contains("\"id\":25"), "{log}");
    assert!(printed.lines().all(|line| !line.starts_with('{')), "{printed}");
}

#[tokio::test]
async fn what_lies_above_the_position_is_left_to_the_replicator() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute("delete from events where id > 80 or id = 7").await;
    let printed = succeeds(&source, &destination, &["--insert-missing", "--yes"]).await;
    assert!(printed.contains("1 event was written"), "{printed}");
    assert!(printed.contains("80 events, last id 80"), "{printed}");
}

#[tokio::test]
async fn nothing_missing_is_nothing_to_do() {
    let (source, destination) = pair(KINDS[1]).await;
    let (code, printed, _) = repair(&source, &destination, &["--insert-missing"]);
    assert_eq!(code, Some(0));
    assert!(
        printed.contains(
            "nothing to repair: up to id 100 destination \"copy\" holds exactly what the source \
             does"
        ),
        "{printed}"
    );
    destination.execute("truncate events").await;
    let (code, printed, _) = repair(&source, &destination, &["--insert-missing"]);
    assert_eq!(code, Some(0), "{printed}");
}

#[tokio::test]
async fn nothing_is_repaired_by_an_index_that_does_not_know_every_row() {
    for is_of_source in [true, false] {
        let (source, destination) = pair(KINDS[0]).await;
        let (damaged, name) = match is_of_source {
            true => (&source, "the source"),
            false => (&destination, "destination \"copy\""),
        };
        damaged.execute(AS_A_RESTORE).await;
        forgotten(damaged, "id in (40, 41, 99, 100)").await;
        let says = format!("the index of the id of {name} is damaged");
        let words = [
            says.as_str(),
            "it has 96 of the table's 100 rows",
            "REINDEX TABLE CONCURRENTLY public.events; there, then start again; nothing was \
             written",
        ];
        for how in [
            &["--insert-missing"][..],
            &["--rewind-to", "98"],
            &["--rewind-to", "50"],
            &["--accept-slate"],
            &["--replace", "40"],
        ] {
            refuses(&source, &destination, &[how, &["--yes"]].concat(), 4, &words).await;
        }
        damaged.execute("reindex table events").await;
        assert_eq!(damaged.query("select count(*) from events").await, ["100"]);
    }
}

#[tokio::test]
async fn a_standby_is_no_source_to_repair_by() {
    let server = own_server(&ServerSettings::new().set("wal_keep_size", "64MB"));
    let (source, destination) = (fresh_database_on(&server).await, fresh_destination().await);
    // One of a sequence is none to follow either, and is refused for that.
    init_source_with(&source, "consecutive", "none").await;
    init_destination(&destination).await;
    source.execute(&format!("{HUNDRED}; {}", KINDS[1].1)).await;
    destination.execute(&format!("{HUNDRED}; delete from events where id = 50")).await;
    let standby = standby_of(&server).await;
    let words = [
        "the source is a standby, which may lag: what it lacks may only be late",
        "name its primary as the source",
    ];
    let late = on(&standby, &source.conninfo.database);
    for how in ["--insert-missing", "--rewind-to=60", "--replace=50"] {
        refuses(&late, &destination, &[how, "--yes"], 3, &words).await;
    }
}

#[tokio::test]
async fn nothing_is_inserted_where_anything_else_differs() {
    let cut = "--destination copy --rewind-to 29 cuts it off";
    for (change, words) in [
        (
            "update events set event = '{}' where id = 50",
            vec![
                "changed: 1 event, id 50",
                "missing at the destination: 1 event, id 30",
                "both agree up to id 29",
                cut,
            ],
        ),
        (
            "insert into events values (200, now(), '{}')",
            vec![
                "only at the destination: 1 event, id 200",
                "events-diff --config /",
                "counterfoil restore --config /",
                cut,
            ],
        ),
        (
            "update events set ts = date_trunc('milliseconds', ts), event = jsonb_set(event, \
             '{big}', '12345678901234567000') where id = 60",
            vec!["altered as slate's replicator does: 1 event, id 60", cut],
        ),
    ] {
        let (source, destination) = pair(KINDS[0]).await;
        destination.execute(&format!("delete from events where id = 30; {change}")).await;
        refuses(&source, &destination, &["--insert-missing", "--yes"], 4, &words).await;
    }
}

#[tokio::test]
async fn the_bytes_of_every_type_are_the_sources() {
    let (source, destination) = pair(KINDS[0]).await;
    for database in [&source, &destination] {
        let more = "alter table events add bytes bytea, add real float8, add nothing text";
        database.execute(more).await;
        let fill = "update events set bytes = sha256(id::text::bytea), real = 1e-300 / id, nothing \
                    = nullif('a' || id, 'a5')";
        database
            .execute(&format!("{AS_A_RESTORE}; {fill}; alter table events enable trigger all"))
            .await;
    }
    destination.execute("delete from events where id between 3 and 30").await;
    succeeds(&source, &destination, &["--insert-missing", "--yes"]).await;
}

/// What a source does without waiting for its disk, the repair that carries it over, and what tells
/// whether a side has it.
type Forgettable = (&'static str, &'static str, &'static str);

const INSERTED: Forgettable = (
    "insert into events (id, ts, event) overriding system value values (5, '2026-01-01', '{}')",
    "--insert-missing",
    "select from events where id = 5",
);
const CORRECTED: Forgettable = (
    "update events set event = '[1]' where id = 6",
    "--replace=6",
    "select from events where id = 6 and event = '[1]'",
);
const ERASED: Forgettable = (
    "delete from events where id = 6",
    "--replace=6",
    "select where not exists (select from events where id = 6)",
);

/// Lets a repair carry over what the source has not on its disk, and crashes the source at once.
/// Gives whether each side holds it then.
async fn forget((change, how, asks): Forgettable, with_gate: bool) -> (bool, bool) {
    let source = fresh_database_on(&own_server(&forgetful())).await;
    let destination = fresh_destination().await;
    init_source_with(&source, "sequence", "none").await;
    init_destination(&destination).await;
    let all = "insert into events (id, ts, event) overriding system value select i, '2026-01-01', \
               '{}' from generate_series(1, 9) i where i <> 5";
    source
        .execute(&format!("{all}; select setval('events_id_seq', 9); {AS_A_RESTORE}; checkpoint"))
        .await;
    destination.execute(all).await;
    source.execute(change).await;
    let dir = TempDir::new().unwrap();
    let mut command = prepared(&dir, &source, &destination, &[how, "--yes"]);
    let config = dir.path().join("counterfoil.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text =
        text.replacen("[source]\n", &format!("[source]\ndurability_gate = {with_gate}\n"), 1);
    std::fs::write(&config, text).unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    source.server.aside(PrivateServer::kill_nine).await.unwrap();
    source.server.aside(PrivateServer::start).await.unwrap();
    let holds = async |database: &Database| database.query(asks).await.len() == 1;
    (holds(&source).await, holds(&destination).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_may_still_forget_is_not_carried_over_before_it_is_on_its_disk() {
    for change in [INSERTED, CORRECTED, ERASED] {
        assert_eq!(forget(change, true).await, (true, true), "{change:?}");
    }
}

/// The counter-proof: the log's writer wakes every ten seconds and may just then have saved it.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_durability_gate_a_crash_leaves_an_event_that_only_the_destination_has() {
    for _ in 0..5 {
        if forget(INSERTED, false).await == (false, true) {
            return;
        }
    }
    panic!("five crashes took no event back: this test can no longer show what the gate is for");
}

#[tokio::test]
async fn a_trigger_that_changes_what_is_inserted_is_named_before_and_its_work_is_told() {
    let (source, destination) = pair(KINDS[0]).await;
    destination
        .execute(
            "delete from events where id = 5; create function changes() returns trigger language \
             plpgsql as 'begin new.event = ''{}''; return new; end'; create trigger changes before \
             insert on events for each row execute function changes()",
        )
        .await;
    let (code, printed, complaint) = repair(&source, &destination, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(4), "{printed}{complaint}");
    for words in [
        "note: trigger \"changes\" of public.events fires before a row is stored",
        "a trigger of the destination changes what is inserted",
    ] {
        assert!(complaint.contains(words), "{complaint}");
    }
}

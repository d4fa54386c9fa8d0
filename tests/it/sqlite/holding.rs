//! Who holds a file, who else writes into it, and what becomes of it while it is fed.

use super::*;
use std::time::Duration;

impl Pair {
    fn foreign(&self) -> Connection {
        let connection = Connection::open(self.file()).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection
    }
}

#[tokio::test]
async fn a_second_replicator_waits_and_takes_over_when_the_first_is_killed() {
    let pair = Pair::made().await;
    pair.insert(10).await;
    let mut first = pair.setup().start(&[]);
    pair.arrives().await;
    let (code, _, err) = pair
        .run(counterfoil(&["run", "--until-caught-up"]), &pair.setup().key("retry_for_ms = 1500"));
    // It ends as soon as everything is there, whoever brought it.
    assert_eq!(code, Some(0), "{err}");
    first.signal(rustix::process::Signal::STOP);
    pair.insert(10).await;
    let (code, _, err) = pair
        .run(counterfoil(&["run", "--until-caught-up"]), &pair.setup().key("retry_for_ms = 1500"));
    assert_eq!(code, Some(5), "{err}");
    assert!(err.contains("another replicator feeds destination"), "{err}");
    first.signal(rustix::process::Signal::CONT);
    let mut second = pair.setup().key("retry_wait_max_ms = 200").start(&[]);
    second.says(&["another replicator feeds", &format!("pid {}", first.pid())]).await;
    assert!(first.is_running() && second.is_running());
    first.kill_nine();
    pair.insert(10).await;
    pair.arrives().await;
    let (_, out, _) = pair.run(counterfoil(&["status", "--json"]), &pair.setup());
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["destinations"][0]["replicator"]["pid"], second.pid(), "{out}");
    second.stops().await;
    pair.is_equal();
}

#[tokio::test]
async fn another_program_that_keeps_the_file_locked_is_waited_for_and_named() {
    for mode in ["wal", "delete"] {
        let pair = Pair::made().await;
        let foreign = pair.foreign();
        foreign.query_row(&format!("pragma journal_mode = {mode}"), [], |_| Ok(())).unwrap();
        let mut running = pair
            .setup()
            .key("append_timeout_ms = 1000")
            .key("connect_timeout_ms = 1000")
            .key("retry_wait_max_ms = 200")
            .start(&[]);
        pair.insert(5).await;
        pair.arrives().await;
        foreign.execute_batch("begin immediate; create table others (id integer)").unwrap();
        pair.insert(5).await;
        running.says(&["database is locked"]).await;
        assert_eq!(pair.position(), 5, "{mode}");
        foreign.execute_batch("commit").unwrap();
        pair.arrives().await;
        running.stops().await;
        pair.is_equal();
    }
}

/// In a rollback journal a reader keeps a commit waiting, not for ever.
#[tokio::test]
async fn a_reader_that_stays_delays_a_commit_and_nothing_is_lost() {
    let pair = Pair::made().await;
    let reader = pair.foreign();
    reader.query_row("pragma journal_mode = delete", [], |_| Ok(())).unwrap();
    let mut running =
        pair.setup().key("append_timeout_ms = 800").key("retry_wait_max_ms = 200").start(&[]);
    pair.insert(5).await;
    pair.arrives().await;
    reader.execute_batch("begin; select count(*) from events").unwrap();
    pair.insert(5).await;
    running.says(&["database is locked"]).await;
    reader.execute_batch("commit").unwrap();
    pair.arrives().await;
    running.stops().await;
    pair.is_equal();
}

#[tokio::test]
async fn what_others_insert_change_or_remove_is_seen_before_anything_is_written_on_top() {
    let pair = Pair::made().await;
    let mut running = pair.setup().start(&[]);
    pair.insert(5).await;
    pair.arrives().await;
    pair.foreign().execute_batch("insert into events values (6, '2026-01-01', '{}')").unwrap();
    pair.insert(5).await;
    let ended = running.ends().await;
    assert_eq!(ended.code, Some(4), "{}", ended.report);
    assert!(ended.log.contains("the destination has moved"), "{}", ended.log);
    assert_eq!(pair.position(), 6, "nothing was written on top of it");
}

#[tokio::test]
async fn last_events_that_are_taken_away_are_brought_again() {
    let pair = Pair::made().await;
    let mut running = pair.setup().key("retry_wait_max_ms = 200").start(&[]);
    pair.insert(50).await;
    pair.arrives().await;
    pair.foreign().execute_batch("delete from events where id > 40").unwrap();
    pair.insert(5).await;
    pair.arrives().await;
    assert!(running.is_running());
    running.stops().await;
    pair.is_equal();
}

#[tokio::test]
async fn a_table_that_is_altered_meanwhile_is_checked_again() {
    let pair = Pair::made().await;
    let mut running = pair.setup().key("retry_wait_max_ms = 200").start(&[]);
    pair.insert(5).await;
    pair.arrives().await;
    pair.foreign().execute_batch("create index by_ts on events (ts)").unwrap();
    pair.insert(5).await;
    pair.arrives().await;
    running.says(&["its indexes or its triggers have changed"]).await;
    pair.foreign().execute_batch("alter table events drop column event").unwrap();
    pair.insert(5).await;
    let ended = running.ends().await;
    assert_eq!(ended.code, Some(3), "{}", ended.report);
    assert!(ended.report.contains("no column \"event\""), "{}", ended.report);
}

/// The old file keeps what it had; nothing goes into it any more.
#[tokio::test]
async fn a_file_that_is_replaced_by_a_backup_is_compared_and_filled_from_where_it_ends() {
    let pair = Pair::made().await;
    let mut running = pair.setup().key("retry_wait_max_ms = 200").start(&[]);
    pair.insert(50).await;
    pair.arrives().await;
    let backup = pair.dir.path().join("backup.db");
    pair.foreign().execute("vacuum into ?1", [backup.to_str().unwrap()]).unwrap();
    pair.insert(50).await;
    pair.arrives().await;
    let old = pair.dir.path().join("old.db");
    for end in ["", "-wal", "-shm"] {
        let of = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        let _ = std::fs::rename(of(&pair.file()), of(&old));
    }
    std::fs::rename(&backup, pair.file()).unwrap();
    pair.insert(10).await;
    pair.arrives().await;
    assert!(running.is_running());
    running.stops().await;
    assert_eq!(seen(&old, "select max(id) from events"), ["100"]);
    pair.is_equal();
}

#[tokio::test]
async fn a_file_that_is_removed_is_missed_and_one_that_is_another_tables_is_refused() {
    let pair = Pair::made().await;
    let mut running = pair.setup().key("retry_wait_max_ms = 200").start(&[]);
    pair.insert(5).await;
    pair.arrives().await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", pair.file().display()));
    }
    pair.insert(5).await;
    running.says(&["the file was moved, removed or replaced"]).await;
    running.says(&["cannot open the file"]).await;
    assert!(!pair.file().exists(), "no file is made in its place");
    pair.init(&[]);
    pair.arrives().await;
    running.stops().await;
    pair.is_equal();
}

#[tokio::test]
async fn the_guard_lets_only_counterfoil_change_the_table() {
    let pair = Pair::of(TABLE).await;
    let made = pair.init(&["--guard"]);
    assert!(made.contains("counterfoil_guard_insert_events"), "{made}");
    assert!(pair.init(&["--guard"]).contains("nothing was missing"));
    pair.insert(20).await;
    pair.copied();
    pair.is_equal();
    for sql in [
        "insert into events values (21, '', '')",
        "insert or replace into events values (20, '', '')",
        "update events set event = ''",
        "delete from events",
    ] {
        let refused = pair.foreign().execute_batch(sql).unwrap_err().to_string();
        assert!(refused.contains("counterfoil_guard"), "{sql}: {refused}");
    }
    pair.insert(20).await;
    pair.copied();
    pair.is_equal();
}

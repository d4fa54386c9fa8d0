//! Killed at any moment, the file holds a beginning of the source, of whole batches, and the next
//! start goes on from there.

use super::*;
use crate::support::{is_full, say};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

const ROUNDS: u32 = 10;
const ROUNDS_FULL: u32 = 80;

fn kills() -> u32 {
    if is_full() { ROUNDS_FULL } else { ROUNDS }
}

/// Every batch is half a second of rows.
async fn filled(mode: &str) -> (Pair, Setup) {
    let pair = Pair::made().await;
    pair.source
        .execute(
            "insert into events (ts, event) select clock_timestamp(), jsonb_build_object('n', i, \
             't', repeat('x', 300)) from generate_series(1, 200000) i",
        )
        .await;
    let change = Connection::open(pair.file()).unwrap();
    change.query_row(&format!("pragma journal_mode = {mode}"), [], |_| Ok(())).unwrap();
    let setup = pair.setup().key("max_events_per_write = 10000");
    (pair, setup)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replicator_that_is_killed_while_it_writes_leaves_a_prefix_of_whole_batches() {
    for mode in ["wal", "delete"] {
        let (pair, setup) = filled(mode).await;
        let mut random = StdRng::seed_from_u64(20_261_201);
        let (mut positions, mut before) = (Vec::new(), 0);
        for _ in 0..kills() {
            let running = setup.start(&[]);
            tokio::time::sleep(Duration::from_millis(random.random_range(300..1200))).await;
            running.kill_nine();
            let after = pair.position();
            assert!(after >= before && after % 10_000 == 0, "{mode}: {before}, then {after}");
            let sound = seen(&pair.file(), "pragma integrity_check");
            assert_eq!(sound, ["ok"], "{mode}");
            let counted = seen(&pair.file(), "select count(*), min(id) from events");
            assert!(after == 0 || counted == [format!("{after}|1")], "{mode}: {counted:?}");
            (before, _) = (after, positions.push(after));
        }
        say(&format!("{mode}: killed at {positions:?}"));
        let (code, out, err) = run(counterfoil(&["run", "--until-caught-up"]), &setup);
        assert_eq!(code, Some(0), "{out}{err}");
        assert_eq!(pair.position(), 200_000);
        pair.is_equal();
    }
}

/// Whether a writer waits for the readers of a file to end, which it does when all that is left to
/// do is to commit (sqlite.org, "File Locking And Concurrency": the pending byte).
fn is_pending(file: &Path) -> bool {
    let inode = format!(":{} 1073741824 ", std::fs::metadata(file).unwrap().ino());
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| line.contains("WRITE") && line.contains(&inode))
}

/// A reader keeps the commit waiting: every row of the batch is written, none is committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_replicator_that_is_killed_between_the_last_row_and_the_commit_leaves_nothing_of_the_batch()
 {
    let pair = Pair::made().await;
    let reader = Connection::open(pair.file()).unwrap();
    reader.query_row("pragma journal_mode = delete", [], |_| Ok(())).unwrap();
    pair.insert(10).await;
    pair.copied();
    for round in 1..=3 {
        reader.execute_batch("begin").unwrap();
        let held: i64 =
            reader.query_row("select max(id) from events", [], |row| row.get(0)).unwrap();
        pair.insert(10).await;
        let running = pair.setup().start(&[]);
        until("it is about to commit", async || is_pending(&pair.file())).await;
        running.kill_nine();
        reader.execute_batch("commit").unwrap();
        assert_eq!(pair.position(), held, "round {round}");
        pair.prefix().await;
    }
    pair.copied();
    pair.is_equal();
}

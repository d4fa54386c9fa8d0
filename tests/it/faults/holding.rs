//! Held, not skipped: a transaction that drew an id and then does nothing, for as long as it likes.

use crate::harness::{fresh_database, fresh_destination};
use crate::support::events::{
    arrives, equal, highest, init_destination, init_source, insert, prefix, statement,
};
use crate::support::is_full;
use crate::support::replicator::Setup;
use crate::truth::program::{Program, finish};
use std::time::{Duration, Instant};

/// The reason is logged after ten seconds.
const HELD: Duration = Duration::from_secs(13);
const HELD_FULL: Duration = Duration::from_secs(600);

#[tokio::test]
async fn nothing_passes_a_transaction_that_sits_idle_and_everything_flows_when_it_ends() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 5).await;
    let mut replicator = Setup::from(&source).to("copy", &destination).start(&[]);
    arrives(&destination, 5).await;
    let holder = source.client().await;
    holder
        .batch_execute("set application_name = 'importer'; begin; select nextval('events_id_seq')")
        .await
        .unwrap();
    let pid: i32 = holder.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let (start, held_for) = (Instant::now(), if is_full() { HELD_FULL } else { HELD });
    while start.elapsed() < held_for {
        insert(&source, 3).await;
        assert_eq!(prefix(&source, &destination).await, 5, "something passed");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    replicator
        .says(&["replication is blocked by an open transaction", &format!("pid {pid}"), "importer"])
        .await;
    let program = Program::between(&source.conninfo, "", &[("copy", &destination.conninfo)]);
    let status = finish(program.subcommand("status", &["--json"])).await;
    assert_eq!(status.code, 0, "{status}");
    for words in ["\"held\"", "importer", &pid.to_string()] {
        assert!(status.stdout.contains(words), "{words} is not in {status}");
    }
    // It uses its id after all, which comes first.
    holder
        .batch_execute(&format!(
            "insert into events (id, ts, event) overriding system value values (6, now(), '{{}}'); \
             {}; commit",
            statement(1)
        ))
        .await
        .unwrap();
    arrives(&destination, highest(&source).await).await;
    equal(&source, &destination).await;
    assert_eq!(destination.query("select event::text from events where id = 6").await, ["{}"]);
    replicator.stops().await;
}

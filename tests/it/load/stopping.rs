//! Signals: the first lets the group in hand be finished, the second leaves at once.

use super::*;
use crate::command::Running;
use crate::support::until;
use rustix::process::Signal;

async fn count(database: &Database) -> u64 {
    database.query("select count(*) from events").await[0].parse().unwrap()
}

#[tokio::test]
async fn ctrl_c_ends_it_with_0_and_a_summary_after_whole_groups() {
    for (ids, method, signal) in [
        ("consecutive", "insert-events", Signal::INT),
        ("sequence", "insert", Signal::TERM),
        ("sequence", "copy", Signal::INT),
    ] {
        let source = source(ids).await;
        let url = url(&source);
        let endless =
            ["--url", &url, "--world", "orders", "--duration", "3600", "--method", method];
        let mut running =
            Running::start(silent(&[&endless[..], &["--events-per-insert", "40"]].concat()));
        until("something is written", async || count(&source).await > 0).await;
        running.signal(signal);
        assert_eq!(running.end(), Some(0), "{}", running.told);
        assert_eq!(fact(&running.told, "events"), count(&source).await.to_string());
        validated(&source).await;
    }
}

#[tokio::test]
async fn ctrl_c_interrupts_the_wait_for_a_slow_pace() {
    let source = source("sequence").await;
    let url = url(&source);
    let mut running = Running::start(silent(&["--url", &url, "--rate", "0.001"]));
    running.line_with("seed:");
    running.signal(Signal::INT);
    assert_eq!(running.end(), Some(0), "{}", running.told);
    assert_eq!(count(&source).await, 0);
}

#[tokio::test]
async fn a_second_signal_leaves_at_once_with_130_though_a_lock_is_waited_for() {
    let source = source("consecutive").await;
    let client = source.client().await;
    client.batch_execute("begin; select insert_events(array['{}']::jsonb[])").await.unwrap();
    let url = url(&source);
    let mut command = program(&["--url", &url]);
    command.stderr(Stdio::piped());
    let mut running = Running::start(command);
    let waiting = "select count(*) from pg_stat_activity where application_name = \
                   'counterfoil/load' and wait_event_type = 'Lock' and datname = \
                   current_database()";
    until("it waits for the lock", async || source.query(waiting).await == ["1"]).await;
    running.signal(Signal::INT);
    // The first was received before the second is sent: two of a kind at once would be one.
    running.signal(Signal::TERM);
    assert_eq!(running.end(), Some(130), "{}", running.told);
    client.batch_execute("rollback").await.unwrap();
    until("the server noticed", async || {
        source.query(&waiting.replace("wait_event_type = 'Lock' and ", "")).await == ["0"]
    })
    .await;
    // What it had sent was committed by the server as a whole, or not at all.
    assert!([0, 3].contains(&count(&source).await));
    validated(&source).await;
}

#[tokio::test]
async fn a_duration_ends_it_with_0() {
    let source = source("sequence").await;
    let printed = load(&source, &["--duration", "0.3", "--world", "devices", "--writers", "2"]);
    assert_eq!(fact(&printed, "events"), count(&source).await.to_string());
    assert_eq!(fact(&printed, "amount"), "what can be written in 0.3 s");
}

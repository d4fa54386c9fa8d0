//! Whether it is alive and ready, as a container platform asks.

use super::{Site, console, opened, pair};
use crate::harness::{fresh_database, fresh_destination};
use crate::support::events::{init_destination, init_source, insert};
use crate::support::replicator::{Setup, url};
use crate::support::until;
use std::process::{Command, Stdio};

#[tokio::test]
async fn a_loop_that_is_stuck_is_not_called_alive() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    let dir = tempfile::tempdir().unwrap();
    let (file, socket) = (dir.path().join("stuck.toml"), dir.path().join("console.sock"));
    let text = format!(
        "[source]\nurl = '{}'\n[[destinations]]\nname = \"copy\"\nurl = '{}'\n[replication]\nmax_events_per_write = 1\n[log]\nformat = \"json\"\nlevel = \"trace\"\n[console]\nlisten = \"unix:{}\"\n",
        url(&source),
        url(&copy),
        socket.display()
    );
    std::fs::write(&file, text).unwrap();
    // Its log goes into a pipe that nobody reads: the loop stands still at a line of it.
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_counterfoil"))
        .args(["run", "--config", file.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let site = Site::Unix(socket.clone());
    until("the window is there", async || socket.exists()).await;
    until("it is alive", async || site.get("/healthz").await.status == 200).await;
    let writer = source.client().await;
    let written = tokio::spawn(async move {
        let commits = "do $$ begin for i in 1..20000 loop insert into events (ts, event) values \
                       (clock_timestamp(), '{}'); commit; perform pg_sleep(0.003); end loop; end $$";
        writer.batch_execute(commits).await
    });
    until("it is stuck", async || site.get("/healthz").await.status == 503).await;
    written.abort();
    let stuck = site.get("/healthz").await.json();
    assert!(stuck["ok"] == false && stuck["tick_ms"].as_u64() >= Some(10_000), "{stuck}");
    let ready = site.get("/readyz").await;
    assert!(
        ready.status == 503 && ready.body.contains("its loop has reported nothing for"),
        "{ready:?}"
    );
    let page = site.get("/").await.body;
    assert!(page.contains("The replication has reported nothing for"), "{page}");
    let probe = |flags: &[&str]| {
        let command = ["probe", "--config", file.to_str().unwrap()];
        let output = Command::new(env!("CARGO_BIN_EXE_counterfoil"))
            .args(command)
            .args(flags)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = probe(&[]);
    assert!(code == Some(1) && text.contains("\"ok\":false"), "{code:?} {text}");
    assert_eq!(probe(&["--ready"]).0, Some(1));
    child.kill().await.unwrap();
    let (code, _) = probe(&[]);
    assert_eq!(code, Some(8), "nobody answers any more");
}

#[tokio::test]
async fn it_is_ready_when_everything_is_checked_and_a_standby_is_ready_too() {
    let (source, copy) = pair(3).await;
    let setup = Setup::from(&source)
        .to("copy", &copy)
        .key("retry_wait_max_ms = 200")
        .process(&console("ready_lag_ms = 1500"));
    let (replicator, site) = opened(&setup, &[]).await;
    until("it is ready", async || site.get("/readyz").await.status == 200).await;
    assert_eq!(site.get("/readyz").await.body.trim(), "{\"ready\":true,\"reasons\":[]}");
    let (standby, other) = opened(&setup, &[]).await;
    other.is("standby").await;
    assert_eq!(other.get("/readyz").await.status, 200, "a rolling update would never end");
    let page = other.get("/").await.body;
    assert!(page.contains("Standby: another replicator feeds every destination"), "{page}");
    drop(replicator);
    other.is("following").await;
    let lock = crate::support::lock_out(&copy).await;
    insert(&source, 3).await;
    until("it lags too long", async || other.get("/readyz").await.status == 503).await;
    let late = other.get("/readyz").await.json();
    assert_eq!(late["reasons"][0]["destination"], "copy");
    assert!(late["reasons"][0]["reason"].as_str().unwrap().ends_with(" behind"), "{late}");
    lock.batch_execute("rollback").await.unwrap();
    until("it is ready again", async || other.get("/readyz").await.status == 200).await;
    standby.stops().await;
}

#[tokio::test]
async fn a_probe_finds_the_window_of_this_machine_by_the_configuration() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    let (replicator, site) =
        opened(&Setup::from(&source).to("copy", &copy).process(&console("")), &[]).await;
    site.is("following").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, Setup::from(&source).to("copy", &copy).text()).unwrap();
    let probe = |flags: &[&str]| {
        let command = ["probe", "--config", file.to_str().unwrap()];
        Command::new(env!("CARGO_BIN_EXE_counterfoil")).args(command).args(flags).output().unwrap()
    };
    for flags in [&[][..], &["--ready"]] {
        let found = probe(&[flags, &["--console", &site.host()]].concat());
        assert_eq!(found.status.code(), Some(0), "{found:?}");
    }
    let none = probe(&[]);
    assert_eq!(none.status.code(), Some(2));
    let text = String::from_utf8(none.stderr).unwrap();
    assert!(
        text.contains("there is no window to ask") && text.contains("--console 127.0.0.1:8080"),
        "{text}"
    );
    replicator.stops().await;
}

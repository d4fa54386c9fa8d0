//! Replications that are renamed, moved and emptied by a reload, and those that share a source.

use super::{between, named, pair};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, equal, insert};
use crate::support::replicator::{Setup, start_folder};
use crate::support::until;
use crate::truth::running::{DEADLINE, until_waiting};
use counterfoil::config::ReplicationConfig;
use counterfoil::error::{Error, ErrorKind, Problems};
use counterfoil::replicate::command::LaneAction;
use counterfoil::replicate::health::Health;
use counterfoil::stop;
use counterfoil::supervise::{Roster, SupervisorOptions, supervise};
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

#[tokio::test]
async fn a_renamed_replication_goes_on_under_its_new_name() {
    let (source, copy) = pair().await;
    let setup = between(&source, &copy);
    let mut replicator = start_folder(&[("old", &setup)], &[]);
    insert(&source, 5).await;
    arrives(&copy, 5).await;
    let mut client = copy.client().await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table events in share mode").await.unwrap();
    insert(&source, 5).await;
    until_waiting(&copy, "counterfoil/append").await;
    let folder = replicator.folder();
    std::fs::rename(folder.join("old.toml"), folder.join("new.toml")).unwrap();
    replicator.signal(Signal::HUP);
    replicator.says(&["the configuration was reloaded"]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    lock.commit().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(replicator.is_running());
    equal(&source, &copy).await;
}

#[tokio::test]
async fn a_destination_that_moves_to_another_file_is_fed_by_it() {
    let ((source, copy), (_, other)) = (pair().await, pair().await);
    let (from, to) = (between(&source, &copy).to("moves", &other), between(&source, &copy));
    let third = {
        let (_, third) = pair().await;
        third
    };
    let rest = Setup::from(&source).to("third", &third);
    let mut replicator = start_folder(&[("a", &from), ("b", &rest)], &[]);
    insert(&source, 5).await;
    arrives(&copy, 5).await;
    arrives(&other, 5).await;
    arrives(&third, 5).await;
    let mut client = copy.client().await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table events in share mode").await.unwrap();
    insert(&source, 5).await;
    until_waiting(&copy, "counterfoil/append").await;
    let folder = replicator.folder();
    std::fs::write(folder.join("a.toml"), to.text()).unwrap();
    std::fs::write(folder.join("b.toml"), rest.clone().to("moves", &other).text()).unwrap();
    replicator.signal(Signal::HUP);
    replicator.says(&["the configuration was reloaded"]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    lock.commit().await.unwrap();
    insert(&source, 5).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    equal(&source, &third).await;
    equal(&source, &other).await;
}

#[tokio::test]
async fn a_reload_while_all_are_stopping_takes_no_failure_back() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    let one = named("slow", config(&source, &[("copy", &copy)]));
    let two = named("refused", config(&other_source, &[("copy", &other_copy)]));
    let (_stopper, stop) = stop::channel();
    let (reloads, reloaded) = mpsc::channel(1);
    let sender = watch::Sender::default();
    let mut roster: watch::Receiver<Roster> = sender.subscribe();
    let options = SupervisorOptions {
        until_caught_up: false,
        fail_fast: true,
        heartbeat: None,
        waits_when_empty: false,
    };
    let configs = vec![one.clone()];
    let task = tokio::spawn(async move {
        supervise(configs, options, reloaded, &sender, &stop, &counterfoil::log::none()).await
    });
    insert(&source, 5).await;
    arrives(&copy, 5).await;
    let mut client = copy.client().await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table events in share mode").await.unwrap();
    insert(&source, 5).await;
    until_waiting(&copy, "counterfoil/append").await;
    other_copy.execute("drop table events").await;
    reloads.send(Ok(vec![one.clone(), two.clone()]).into()).await.unwrap();
    roster.wait_for(|running| running.len() == 2).await.unwrap();
    roster.wait_for(|roster| roster.iter().any(|one| !one.is_running())).await.unwrap();
    reloads.send(Ok(vec![one, two]).into()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    lock.commit().await.unwrap();
    let problems: Problems = tokio::time::timeout(DEADLINE, task).await.unwrap().unwrap();
    assert_eq!(
        problems.worst().map(Error::kind),
        Some(ErrorKind::Unsuitable),
        "the failure that ended all is forgotten"
    );
}

#[tokio::test]
async fn a_file_that_is_empty_when_it_is_read_again_ends_nothing() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    let (one, two) = (between(&source, &copy), between(&other_source, &other_copy));
    let mut replicator = start_folder(&[("one", &one), ("two", &two)], &[]);
    insert(&source, 5).await;
    arrives(&copy, 5).await;
    std::fs::write(replicator.folder().join("one.toml"), "").unwrap();
    replicator.signal(Signal::HUP);
    replicator.says(&["reading the configuration again"]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        replicator.lines(&["the configuration was reloaded"]),
        0,
        "an empty file was taken for a configuration"
    );
}

/// Tables x and y of a source, each copied to two destinations by a replication of its name that
/// reads little at a time.
async fn two_tables(source: &Database) -> (Vec<ReplicationConfig>, Vec<Vec<Database>>) {
    let mut configs = Vec::new();
    let mut copies = Vec::new();
    for table in ["x", "y"] {
        source
            .execute(&format!(
                "create table {table} (id bigserial primary key, ts timestamptz not null default \
                 now(), event jsonb not null)"
            ))
            .await;
        let mut pair = Vec::new();
        for _ in 0..2 {
            let copy = fresh_destination().await;
            copy.execute(&format!(
                "create table {table} (id bigint primary key, ts timestamptz not null, event jsonb \
                 not null)"
            ))
            .await;
            pair.push(copy);
        }
        let mut config = named(table, config(source, &[("rests", &pair[0]), ("goes", &pair[1])]));
        config.source.table = crate::configured::table(table);
        for to in &mut config.destinations {
            to.postgres_mut().unwrap().table = crate::configured::table(table);
        }
        config.limits.readers_max = 1;
        config.limits.max_events_per_write = 10;
        configs.push(config);
        copies.push(pair);
    }
    (configs, copies)
}

#[tokio::test]
async fn a_locked_table_of_one_replication_keeps_no_other_from_catching_up() {
    let source = fresh_database().await;
    let (configs, copies) = two_tables(&source).await;
    let (stopper, stop) = stop::channel();
    let (_reloads, reloaded) = mpsc::channel(1);
    let sender = watch::Sender::default();
    let mut roster: watch::Receiver<Roster> = sender.subscribe();
    let options = SupervisorOptions {
        until_caught_up: false,
        fail_fast: false,
        heartbeat: None,
        waits_when_empty: false,
    };
    let task = tokio::spawn(async move {
        supervise(configs, options, reloaded, &sender, &stop, &counterfoil::log::none()).await
    });
    let running = Arc::clone(&*roster.wait_for(|running| running.len() == 2).await.unwrap());
    for one in running.iter() {
        one.snapshots
            .clone()
            .wait_for(|now| now.lanes.iter().all(|lane| lane.health == Health::Level))
            .await
            .unwrap();
        one.commander.command("rests", LaneAction::Pause, "a test").await.unwrap();
    }
    for table in ["x", "y"] {
        source
            .execute(&format!(
                "insert into {table} (event) select '{{}}' from generate_series(1, 1000)"
            ))
            .await;
    }
    for (table, pair) in ["x", "y"].iter().zip(&copies) {
        until("the other has all", async || {
            pair[1].query(&format!("select count(*) from {table}")).await[0] == "1000"
        })
        .await;
    }
    let mut client = source.client().await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table x in access exclusive mode").await.unwrap();
    running[0].commander.command("rests", LaneAction::Resume, "a test").await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    running[1].commander.command("rests", LaneAction::Resume, "a test").await.unwrap();
    until("y catches up", async || copies[1][0].query("select count(*) from y").await[0] == "1000")
        .await;
    assert_ne!(
        copies[0][0].query("select count(*) from x").await,
        ["1000"],
        "the lock is held still"
    );
    drop(lock);
    stopper.request();
    let _ = task.await;
}

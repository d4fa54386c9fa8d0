//! Several replications in one process: each by itself, reloaded by SIGHUP, told and commanded one
//! by one.

use crate::configured::config;
use crate::edges::{between, named, pair};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{Writers, arrives, equal, highest, init_destination, insert};
use crate::support::replicator::{Replicator, Setup, start_folder};
use crate::support::until;
use crate::truth::running::DEADLINE;
use counterfoil::config::ReplicationConfig;
use counterfoil::error::{Error, ErrorKind, Problems};
use counterfoil::replicate::command::{CommandReply, LaneAction};
use counterfoil::replicate::health::Health;
use counterfoil::stop::{self, Stopper};
use counterfoil::supervise::{ReloadOrder, Roster, SupervisorOptions, supervise};
use rustix::process::Signal;
use std::process::Command;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// The process that appends to a destination; 0 while none does.
async fn appending_process(copy: &Database) -> String {
    let appends = "select coalesce(max(pid), 0) from pg_stat_activity where datname = \
                   current_database() and application_name = 'counterfoil/append'";
    copy.query(appends).await[0].clone()
}

async fn reloads(replicator: &mut Replicator, times: usize) {
    replicator.signal(Signal::HUP);
    until("it was reloaded", async || {
        replicator.lines(&["the configuration was reloaded"]) == times
    })
    .await;
}

#[tokio::test]
async fn a_job_with_a_folder_copies_every_replication_and_the_one_that_is_refused_stops_no_other() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    insert(&source, 20).await;
    insert(&other_source, 30).await;
    let (sound, broken) = (between(&source, &copy), between(&other_source, &other_copy));
    other_copy.execute("drop table events").await;
    let end = start_folder(&[("sound", &sound), ("broken", &broken)], &["--until-caught-up"])
        .ends()
        .await;
    assert_eq!(end.code, Some(3), "{end:?}");
    assert!(
        end.report.contains("replication \"broken\"")
            && end.report.contains("there is no table public.events"),
        "{}",
        end.report
    );
    assert_eq!(end.report.matches("error: ").count(), 1, "{}", end.report);
    equal(&source, &copy).await;
    assert!(end.log.contains("\"replication\":\"sound\""), "{}", end.log);
    init_destination(&other_copy).await;
    let end = start_folder(&[("sound", &sound), ("broken", &broken)], &["--until-caught-up"])
        .ends()
        .await;
    assert_eq!(end.code, Some(0), "{end:?}");
    equal(&other_source, &other_copy).await;
}

#[tokio::test]
async fn with_fail_fast_the_failure_of_one_replication_ends_all() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    other_copy.execute("drop table events").await;
    let (sound, broken) = (between(&source, &copy), between(&other_source, &other_copy));
    let end =
        start_folder(&[("sound", &sound), ("broken", &broken)], &["--fail-fast"]).ends().await;
    assert_eq!(end.code, Some(3), "{end:?}");
}

#[tokio::test]
async fn several_tables_of_a_source_are_several_replications_and_each_is_copied() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    let tables = ["audit.trail", "billing.entries"];
    for table in tables {
        let schema = table.split('.').next().unwrap();
        source
            .execute(&format!(
                "create schema {schema}; create table {table} (id bigserial primary key, ts \
                 timestamptz default now(), event jsonb)"
            ))
            .await;
        copy.execute(&format!(
            "create schema {schema}; create table {table} (id bigint primary key, ts timestamptz, \
             event jsonb)"
        ))
        .await;
        source
            .execute(&format!(
                "insert into {table} (event) select jsonb_build_object('n', i) from \
                 generate_series(1, 50) i"
            ))
            .await;
    }
    let setup =
        between(&source, &copy).source_key("table = [\"audit.trail\", \"billing.entries\"]");
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    for table in tables {
        let all = format!("select md5(string_agg(e::text, '' order by id)) from {table} e");
        assert_eq!(source.query(&all).await, copy.query(&all).await);
        assert!(
            end.log.contains(&format!("\"replication\":\"counterfoil/{table}\"")),
            "{}",
            end.log
        );
    }
}

#[tokio::test]
async fn a_reload_restarts_what_has_changed_starts_what_is_new_and_ends_what_is_gone_and_nothing_else()
 {
    let mut sides = Vec::new();
    for _ in 0..4 {
        sides.push(pair().await);
    }
    let setups: Vec<Setup> = sides.iter().map(|(source, copy)| between(source, copy)).collect();
    let mut replicator =
        start_folder(&[("stays", &setups[0]), ("changes", &setups[1]), ("goes", &setups[2])], &[]);
    let writers = Writers::start(&sides[0].0, 2, 5);
    for (source, copy) in &sides[..3] {
        insert(source, 5).await;
        arrives(copy, 5).await;
    }
    let before = (appending_process(&sides[0].1).await, appending_process(&sides[1].1).await);
    let file = |name: &str| replicator.folder().join(format!("{name}.toml"));
    std::fs::write(file("changes"), setups[1].clone().key("max_events_per_write = 7").text())
        .unwrap();
    std::fs::write(file("comes"), setups[3].text()).unwrap();
    std::fs::remove_file(file("goes")).unwrap();
    reloads(&mut replicator, 1).await;
    assert_eq!(
        replicator.lines(&[
            "the configuration was reloaded",
            "\"started\":1",
            "\"restarted\":1",
            "\"ended\":1"
        ]),
        1,
        "{}",
        replicator.log()
    );
    let renewed =
        ["replication started", "\"replication\":\"changes\"", "\"max_events_per_write\":7,"];
    // It is restarted with what is written now, once the one before has ended.
    replicator.says(&renewed).await;
    assert_eq!(replicator.lines(&renewed), 1, "{}", replicator.log());
    until("it is not fed any more", async || appending_process(&sides[2].1).await == "0").await;
    for index in [1, 3] {
        insert(&sides[index].0, 5).await;
        equal(&sides[index].0, &sides[index].1).await;
    }
    let after = (appending_process(&sides[0].1).await, appending_process(&sides[1].1).await);
    assert_eq!(after.0, before.0, "what has not changed goes on over the same connection");
    assert_ne!(after.1, before.1);
    writers.stop().await;
    equal(&sides[0].0, &sides[0].1).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_why_and_one_that_had_stopped_is_started_again_by_a_reload()
 {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    other_copy.execute("drop table events").await;
    let (sound, broken) = (between(&source, &copy), between(&other_source, &other_copy));
    let mut replicator = start_folder(&[("sound", &sound), ("broken", &broken)], &[]);
    replicator
        .says(&[
            "a replication has ended",
            "there is no table public.events",
            "\"replication\":\"broken\"",
        ])
        .await;
    std::fs::write(replicator.folder().join("sound.toml"), "[source]\nurll = 'x'\n").unwrap();
    replicator.signal(Signal::HUP);
    replicator
        .says(&["the configuration was not reloaded, everything goes on as before", "urll"])
        .await;
    insert(&source, 5).await;
    equal(&source, &copy).await;
    std::fs::write(replicator.folder().join("sound.toml"), sound.text()).unwrap();
    init_destination(&other_copy).await;
    insert(&other_source, 5).await;
    reloads(&mut replicator, 1).await;
    equal(&other_source, &other_copy).await;
    assert_eq!(replicator.stops().await.report, "");
}

fn run_command(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_counterfoil"))
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_a_dry_run_tell_of_every_replication_and_a_repair_wants_one_named() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    insert(&source, 5).await;
    let dir = tempfile::tempdir().unwrap();
    let mut arguments = Vec::new();
    for (name, setup) in
        [("one", between(&source, &copy)), ("two", between(&other_source, &other_copy))]
    {
        let file = dir.path().join(format!("{name}.toml"));
        std::fs::write(&file, setup.text()).unwrap();
        arguments.extend(["--config".to_owned(), file.display().to_string()]);
    }
    let with = |command: &str, more: &[&str]| {
        let mut all = vec![command];
        all.extend(arguments.iter().map(String::as_str));
        all.extend(more);
        run_command(&all)
    };
    let (code, out, _) = with("status", &["--json"]);
    assert_eq!(code, 0, "{out}");
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    let behind = |index: usize| &status["replications"][index]["destinations"][0]["events_behind"];
    assert_eq!((behind(0), behind(1)), (&5.into(), &0.into()), "{out}");
    assert_eq!(status["replications"][1]["name"], "two");
    assert_eq!(with("status", &["--max-lag", "4"]).0, 8);
    let (_, out, _) = with("status", &["--replication", "two"]);
    assert!(!out.contains("replication one"), "{out}");
    let (code, out, err) = with("run", &["--dry-run"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("replication one")
            && out.contains("missing        5 events")
            && out.contains("replication two"),
        "{out}"
    );
    let repair = ["--destination", "copy", "--insert-missing", "--yes"];
    let (code, _, err) = with("repair", &repair);
    assert_eq!(code, 2);
    assert!(err.contains("name one of them with --replication: one, two"), "{err}");
    let (code, out, err) = with("repair", &[&repair[..], &["--replication", "two"]].concat());
    assert_eq!(code, 0, "{out}{err}");
}

/// A supervisor inside the process of the test.
struct Supervised {
    stopper: Stopper,
    reloads: mpsc::Sender<ReloadOrder>,
    roster: watch::Receiver<Roster>,
    task: JoinHandle<Problems>,
}

impl Supervised {
    fn start(configs: Vec<ReplicationConfig>) -> Self {
        let (stopper, stop) = stop::channel();
        let (reloads, reloaded) = mpsc::channel(1);
        let sender = watch::Sender::default();
        let roster = sender.subscribe();
        let options = SupervisorOptions {
            until_caught_up: false,
            fail_fast: false,
            heartbeat: None,
            waits_when_empty: false,
        };
        let task = tokio::spawn(async move {
            supervise(configs, options, reloaded, &sender, &stop, &counterfoil::log::none()).await
        });
        Self { stopper, reloads, roster, task }
    }

    /// Waits until a lane of a replication is in this health.
    async fn is(&mut self, replication: &str, health: Health) {
        let running = Arc::clone(
            &*self
                .roster
                .wait_for(|running| running.iter().any(|one| one.name == replication))
                .await
                .unwrap(),
        );
        let mut snapshots =
            running.iter().find(|one| one.name == replication).unwrap().snapshots.clone();
        let shown =
            tokio::time::timeout(DEADLINE, snapshots.wait_for(|now| now.lanes[0].health == health))
                .await;
        shown.unwrap().unwrap();
    }

    async fn stopped(self) -> Problems {
        self.stopper.request();
        tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_table_that_two_replications_write_to_by_two_names_of_its_host_stops_the_second() {
    let ((source, copy), (other_source, _)) = (pair().await, pair().await);
    let one = named("one", config(&source, &[("copy", &copy)]));
    let mut two = named("two", config(&other_source, &[("copy", &copy)]));
    two.destinations[0].postgres_mut().unwrap().conninfo =
        copy.server.conninfo_tcp(&copy.conninfo.database);
    let mut supervised = Supervised::start(vec![one]);
    supervised.is("one", Health::Level).await;
    let both = vec![named("one", config(&source, &[("copy", &copy)])), two];
    supervised.reloads.send(Ok(both).into()).await.unwrap();
    let only_one = |roster: &Roster| {
        roster
            .iter()
            .map(|one| (one.name.as_str(), one.is_running()))
            .eq([("one", true), ("two", false)])
    };
    supervised.roster.wait_for(|roster| roster.len() == 2).await.unwrap();
    tokio::time::timeout(DEADLINE, supervised.roster.wait_for(only_one)).await.unwrap().unwrap();
    insert(&source, 5).await;
    equal(&source, &copy).await;
    let problems = supervised.stopped().await;
    assert_eq!(problems.worst().map(Error::kind), Some(ErrorKind::Usage), "{}", problems.report());
    assert!(
        problems
            .report()
            .contains("destination \"copy\" of replication \"one\" and destination \"copy\""),
        "{}",
        problems.report()
    );
}

#[tokio::test]
async fn each_replication_of_a_process_is_watched_and_commanded_by_itself() {
    let ((source, copy), (other_source, other_copy)) = (pair().await, pair().await);
    let configs = vec![
        named("one", config(&source, &[("copy", &copy)])),
        named("two", config(&other_source, &[("copy", &other_copy)])),
    ];
    let mut supervised = Supervised::start(configs);
    supervised.is("one", Health::Level).await;
    supervised.is("two", Health::Level).await;
    let running = Arc::clone(&supervised.roster.borrow());
    let paused = running[0].commander.command("copy", LaneAction::Pause, "a test").await.unwrap();
    assert_eq!(paused, CommandReply::Accepted);
    supervised.is("one", Health::Paused).await;
    insert(&source, 5).await;
    insert(&other_source, 5).await;
    equal(&other_source, &other_copy).await;
    assert_eq!(highest(&copy).await, 0);
    running[0].commander.command("copy", LaneAction::Resume, "a test").await.unwrap();
    equal(&source, &copy).await;
    assert!(supervised.stopped().await.is_empty());
}

#[tokio::test]
async fn a_reload_that_a_start_would_refuse_changes_nothing_and_says_why() {
    let (source, copy) = pair().await;
    let mut replicator = start_folder(&[("one", &between(&source, &copy))], &[]);
    insert(&source, 5).await;
    arrives(&copy, 5).await;
    let before = appending_process(&copy).await;
    let bare = fresh_destination().await;
    let file = replicator.folder().join("one.toml");
    std::fs::write(&file, between(&source, &copy).to("bare", &bare).text()).unwrap();
    replicator.signal(Signal::HUP);
    replicator.says(&["the configuration was not reloaded", "there is no table"]).await;
    assert_eq!(appending_process(&copy).await, before);
    init_destination(&bare).await;
    reloads(&mut replicator, 1).await;
    insert(&source, 5).await;
    equal(&source, &copy).await;
    equal(&source, &bare).await;
    assert_eq!(replicator.stops().await.code, Some(0));
}

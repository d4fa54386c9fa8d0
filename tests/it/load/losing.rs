//! A server that is not there, or goes away: exit code 8, what was committed, what is unknown, and
//! nothing doubled.

use super::*;
use crate::command::Running;
use crate::harness::{fresh_database_on, own_server};
use crate::support::until;
use counterfoil::postgres::server::ServerSettings;
use std::io::Read;

#[test]
fn a_server_that_is_not_there_ends_with_8() {
    let (code, printed, complaint) =
        run(&["--url", "host=/nowhere user=a password=hunter2 dbname=b"]);
    assert_eq!((code, printed.as_str()), (Some(8), ""), "{complaint}");
    assert!(!complaint.contains("hunter2"), "{complaint}");
}

#[tokio::test]
async fn a_connection_that_is_lost_ends_with_8_and_tells_what_is_committed_and_what_is_unknown() {
    for (ids, method) in
        [("consecutive", "insert-events"), ("sequence", "insert"), ("sequence", "copy")]
    {
        let source = source(ids).await;
        let url = url(&source);
        let mut command = program(&[
            "--url",
            &url,
            "--world",
            "devices",
            "--duration",
            "3600",
            "--method",
            method,
        ]);
        command.args(["--events-per-insert", "20", "--writers", "2"]).stderr(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let written =
            async || source.query("select count(*) from events").await[0].parse::<u64>().unwrap();
        until("something is written", async || written().await > 100).await;
        let cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = \
                   'counterfoil/load' and datname = current_database() and query not like '%max(%'";
        source.query(cut).await;
        let (mut printed, mut complaint) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(8), "{complaint}");
        assert!(complaint.contains("error: cannot write events into public.events"), "{complaint}");
        // Who was writing at that moment sees a broken pipe, and not the server's last word.
        let why = ["terminating connection", "connection closed"];
        assert!(why.iter().any(|words| complaint.contains(words)), "{complaint}");
        // What the summary counts is there, and at most one batch of each writer besides.
        let counted: u64 = fact(&printed, "events").split(' ').next().unwrap().parse().unwrap();
        let there = written().await;
        let unknown = complaint.matches("were committed is unknown").count() as u64;
        assert!(
            counted <= there && there <= counted + unknown * 26,
            "{counted} {there} {complaint}"
        );
        let doubled = "select count(*) from (select from events group by event #>> \
                       '{testingStats,dbOperationId}', event #>> \
                       '{testingStats,dbOperationEventNum}' having count(*) > 1) doubled";
        assert_eq!(source.query(doubled).await, ["0"]);
        if unknown > 0 {
            let question =
                complaint.split("to see, ask: ").nth(1).unwrap().split(';').next().unwrap();
            let answer: u64 = source.query(question).await[0].parse().unwrap();
            assert!(answer <= 26, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_call_without_an_answer_is_told_as_unknown_and_a_copy_that_had_not_begun_is_not() {
    for (method, is_unknown) in [("insert-events", true), ("copy", false)] {
        let source = source("consecutive").await;
        let holder = source.client().await;
        holder.batch_execute("begin; select insert_events(array['{}']::jsonb[])").await.unwrap();
        let url = url(&source);
        let mut command = program(&["--url", &url, "--method", method, "--seed", "1"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let waits = "from pg_stat_activity where application_name = 'counterfoil/load' and \
                     wait_event_type = 'Lock' and datname = current_database()";
        let count = format!("select count(*) {waits}");
        until("it waits for the lock", async || source.query(&count).await == ["1"]).await;
        source.query(&format!("select pg_terminate_backend(pid) {waits}")).await;
        let (code, printed, complaint) = told(&child.wait_with_output().unwrap());
        assert_eq!((code, fact(&printed, "events")), (Some(8), "0 of 13050"), "{complaint}");
        let told = complaint.contains("whether operation 1 of program")
            && complaint.contains("3 events, were committed is unknown");
        assert_eq!(told, is_unknown, "{complaint}");
        assert_eq!(
            complaint.contains("what the summary counts is committed, and nothing else"),
            !is_unknown,
            "{complaint}"
        );
        holder.batch_execute("rollback").await.unwrap();
        assert_eq!(source.query("select count(*) from events").await, ["0"]);
    }
}

#[tokio::test]
async fn a_server_that_crashes_ends_it_with_8_and_everything_that_was_counted_is_there() {
    let server = own_server(&ServerSettings::new());
    let source = fresh_database_on(&server).await;
    init_source_with(&source, "consecutive", "none").await;
    let url = url(&source);
    let mut running = Running::start(silent(&[
        "--url",
        &url,
        "--world",
        "orders",
        "--duration",
        "3600",
        "--rollbacks",
        "30",
    ]));
    until("something is written", async || {
        source.query("select count(*) from events").await != ["0"]
    })
    .await;
    server.kill_nine().unwrap();
    assert_eq!(running.end(), Some(8), "{}", running.told);
    server.start().unwrap();
    let counted: usize = fact(&running.told, "events").parse().unwrap();
    let rows = rows(&source).await;
    assert!(counted <= rows.len() && rows.len() <= counted + 6, "{counted} {}", rows.len());
    validated(&source).await;
}

//! The report of a run: what a job leaves.

use super::pair;
use crate::support::events::insert;
use crate::support::replicator::Setup;
use crate::support::{lock_out, until};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;

fn read(file: &Path) -> (String, Value) {
    let html = std::fs::read_to_string(file.with_extension("html")).unwrap();
    let json = std::fs::read_to_string(file.with_extension("json")).unwrap();
    (html, serde_json::from_str(&json).unwrap())
}

async fn reported(setup: &Setup, folder: &Path, code: i32) -> (String, Value) {
    let file = folder.join("report");
    let (html, json) = (file.with_extension("html"), file.with_extension("json"));
    let flags = [
        "--until-caught-up",
        "--report",
        html.to_str().unwrap(),
        "--report",
        json.to_str().unwrap(),
    ];
    let end = setup.start(&flags).ends().await;
    assert_eq!(end.code, Some(code), "{end:?}");
    let leftovers = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(leftovers, 2, "something else was left in the folder");
    read(&file)
}

#[tokio::test]
async fn a_job_leaves_a_page_without_script_and_an_object_with_what_it_did() {
    let (source, copy) = pair(30).await;
    let folder = tempfile::tempdir().unwrap();
    let (html, json) = reported(&Setup::from(&source).to("copy", &copy), folder.path(), 0).await;
    assert!(html.contains("Everything is copied: it has ended with exit code 0"), "{html}");
    assert!(
        !html.contains("<script") && !html.contains("src=") && !html.contains("<link"),
        "{html}"
    );
    let run = &json["replications"][0];
    assert_eq!((&run["exit_code"], &run["problems"]), (&0.into(), &Value::Array(Vec::new())));
    assert_eq!((&run["target_id"], &run["destinations"][0]["events"]), (&30.into(), &30.into()));
}

#[tokio::test]
async fn a_job_that_fails_leaves_a_report_with_the_reason_and_what_to_do() {
    let (source, copy) = pair(30).await;
    copy.execute("alter table events drop column event").await;
    let folder = tempfile::tempdir().unwrap();
    let (html, json) = reported(&Setup::from(&source).to("copy", &copy), folder.path(), 3).await;
    assert!(html.contains("It has ended with exit code 3"), "{html}");
    assert!(html.contains("What to do: ") && !html.contains("/readyz"), "{html}");
    assert!(html.contains("not opened") && !html.contains("100.0 %"), "{html}");
    let problem = &json["replications"][0]["problems"][0];
    assert_eq!(problem["exit_code"], 3);
    assert!(
        !problem["what"].as_str().unwrap().is_empty() && problem["fix"].is_string(),
        "{problem}"
    );
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_refused_before_anything_is_copied() {
    let (source, copy) = pair(30).await;
    let end = Setup::from(&source)
        .to("copy", &copy)
        .start(&["--report", "/nowhere/report.html"])
        .ends()
        .await;
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(
        end.report.contains("the report cannot be written there")
            && end.report.contains("--report /nowhere/report.html"),
        "{}",
        end.report
    );
    assert_eq!(copy.query("select count(*) from events").await[0], "0");
    let end =
        Setup::from(&source).to("copy", &copy).start(&["--report", "report.pdf"]).ends().await;
    assert!(end.code == Some(2) && end.report.contains("ends in .html or .json"), "{end:?}");
}

#[tokio::test]
async fn a_report_that_cannot_be_written_at_the_end_hides_no_other_exit_code() {
    let (source, copy) = pair(30).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let lock = lock_out(&copy).await;
    let flags = ["--until-caught-up", "--report", file.to_str().unwrap()];
    let mut job = Setup::from(&source).to("copy", &copy).start(&flags);
    until("it waits", async || job.log().contains("counterfoil started")).await;
    std::fs::remove_dir_all(folder.path()).unwrap();
    job.signal(Signal::TERM);
    let end = job.ends().await;
    assert_eq!(end.code, Some(8), "{end:?}");
    assert!(end.report.contains("stopped before everything was copied"), "{}", end.report);
    assert!(end.report.contains("the report cannot be written there"), "{}", end.report);
    lock.batch_execute("rollback").await.unwrap();
}

#[tokio::test]
async fn a_report_tells_the_exit_code_also_where_another_report_could_not_be_written() {
    let (source, copy) = pair(30).await;
    let (here, gone) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (html, json) = (here.path().join("report.html"), gone.path().join("report.json"));
    // An id that may still be filled holds the job.
    let other = source.client().await;
    other.batch_execute("begin; select nextval('events_id_seq')").await.unwrap();
    insert(&source, 2).await;
    let flags = [
        "--until-caught-up",
        "--console",
        "127.0.0.1:0",
        "--report",
        html.to_str().unwrap(),
        "--report",
        json.to_str().unwrap(),
    ];
    let (mut replicator, site) =
        super::opened(&Setup::from(&source).to("copy", &copy), &flags).await;
    site.is("held").await;
    drop(gone);
    let mut live = site.live("counterfoil").await;
    live.tells("event: title").await;
    other.batch_execute("rollback").await.unwrap();
    live.tells("ended with exit code 1").await;
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.report.contains("the report cannot be written there"), "{}", end.report);
    let html = std::fs::read_to_string(html).unwrap();
    assert!(html.contains("with exit code 1"), "{html}");
}

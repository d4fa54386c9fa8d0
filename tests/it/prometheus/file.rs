//! `[metrics] file`, written by the program itself.

use super::http::{free_port, get};
use super::samples::Samples;
use super::{assert_taken, program};
use crate::edges::{between, pair};
use crate::harness::Database;
use crate::support::events::{arrives, insert};
use crate::support::replicator::Setup;
use crate::support::until;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

fn writing(source: &Database, copy: &Database, file: &Path) -> Setup {
    between(source, copy).process(&format!("[metrics]\nfile = '{}'", file.display()))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn read(file: &Path) -> Samples {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.ends_with('\n'), "it is whole:\n{text}");
    assert_taken(&text);
    Samples::parse(&text)
}

#[tokio::test]
async fn a_job_leaves_a_file_that_everybody_may_read_with_how_it_has_ended() {
    let ((source, copy), dir) = (pair().await, folder());
    insert(&source, 12).await;
    let file = dir.path().join("job.prom");
    let end = writing(&source, &copy, &file).start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let left = read(&file);
    let run = |name: &str| left.value(&format!("counterfoil_run_{name}"), &[]);
    assert_eq!((run("exit_code"), run("target_id")), (Some(0.0), Some(12.0)));
    assert!(run("finished_timestamp_seconds").is_some() && run("duration_seconds") > Some(0.0));
    assert_eq!(left.of("events_total", "copy"), Some(12.0));
    let is_of_process = |name: &str| name.starts_with("process_") || name.contains("build_info");
    assert!(left.0.iter().all(|sample| !is_of_process(&sample.name)), "{left:?}");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing lies beside it");
}

#[tokio::test]
async fn a_job_that_fails_leaves_its_exit_code() {
    let ((source, copy), dir) = (pair().await, folder());
    copy.execute("drop table events").await;
    let file = dir.path().join("job.prom");
    let end = writing(&source, &copy, &file).start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(3), "{end:?}");
    assert_eq!(read(&file).value("counterfoil_run_exit_code", &[]), Some(3.0));
}

#[tokio::test]
async fn a_killed_process_leaves_the_last_file_whole() {
    let ((source, copy), dir) = (pair().await, folder());
    insert(&source, 5).await;
    let file = dir.path().join("run.prom");
    let running = writing(&source, &copy, &file).start(&[]);
    until("the file is there", async || file.exists()).await;
    arrives(&copy, 5).await;
    running.kill_nine();
    let left = read(&file);
    assert!(left.of("events_total", "copy").is_some(), "{left:?}");
    assert_eq!(left.value("counterfoil_run_exit_code", &[]), None, "it has told no end");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_once_and_its_return_too_and_the_copy_goes_on() {
    let ((source, copy), dir) = (pair().await, folder());
    insert(&source, 5).await;
    let file = dir.path().join("not/there/run.prom");
    let mut running = writing(&source, &copy, &file).start(&[]);
    running.says(&["the file of metrics cannot be written", "No such file"]).await;
    arrives(&copy, 5).await;
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let end = running.stops().await;
    assert_eq!(end.log.matches("the file of metrics cannot be written").count(), 1, "{}", end.log);
    assert_eq!(end.log.matches("the file of metrics is written again").count(), 1, "{}", end.log);
    assert_eq!(read(&file).value("counterfoil_run_exit_code", &[]), Some(0.0));
}

/// A node_exporter that collects this folder; it ends with its test.
struct NodeExporter(Child);

impl NodeExporter {
    fn start(program: &Path, folder: &Path, port: u16, log: &Path) -> Self {
        let child = Command::new(program)
            .args(["--collector.disable-defaults", "--collector.textfile"])
            .arg(format!("--collector.textfile.directory={}", folder.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(log).unwrap())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_real_node_exporter_collects_the_files_of_two_jobs_without_a_complaint() {
    let Some(exporter) = program("prometheus-node-exporter") else { return };
    let ((source, copy), dir) = (pair().await, folder());
    insert(&source, 5).await;
    for name in ["orders", "bills"] {
        let file = dir.path().join(format!("{name}.prom"));
        let setup = writing(&source, &copy, &file);
        let end = setup.start_named(name, &["--until-caught-up"]).ends().await;
        assert_eq!(end.code, Some(0), "{end:?}");
    }
    let (port, log) = (free_port(), dir.path().join("log"));
    let _exporter = NodeExporter::start(&exporter, dir.path(), port, &log);
    let mut page = None;
    until("the exporter answers", async || {
        page = get(port, "/metrics").await;
        page.is_some()
    })
    .await;
    let collected = Samples::parse(&page.unwrap());
    assert_eq!(collected.value("node_textfile_scrape_error", &[]), Some(0.0));
    let complaints = std::fs::read_to_string(&log).unwrap();
    assert!(!complaints.contains("level=error"), "{complaints}");
    for name in ["orders", "bills"] {
        let labels = [("replication", name)];
        assert_eq!(collected.value("counterfoil_run_exit_code", &labels), Some(0.0), "{name}");
    }
}

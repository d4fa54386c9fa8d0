//! A real Prometheus scrapes a real replication: every query of the dashboard and both sides of
//! every alert have data, or a fault is named that they need.

use super::http::{encoded, free_port, get, get_as, serve};
use super::rules::{alerts, queries};
use super::{assert_taken, packaged, program};
use crate::edges::{between, pair};
use crate::harness::{Database, fresh_database_on, fresh_destination, own_destination_server};
use crate::support::events::{arrives, init_destination, insert};
use crate::support::replicator::{Replicator, Setup, start_folder};
use crate::support::until;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A Prometheus of the test's own; it ends with it.
struct Prometheus {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Prometheus {
    fn start(program: &Path, metrics_port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("prometheus.yml");
        let rules = packaged("rules.yaml");
        let text = format!(
            "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\n\
             rule_files: ['{}']\n\
             scrape_configs:\n  - job_name: counterfoil\n    static_configs:\n      - targets: \
             ['127.0.0.1:{metrics_port}']\n",
            rules.display()
        );
        std::fs::write(&config, text).unwrap();
        let port = free_port();
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, port, _dir: dir }
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        let answer: Value = serde_json::from_str(&get(self.port, path).await?).unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        Some(answer["data"].clone())
    }

    /// What a query gives now; `None` while there is no answer, which for a wrong query stays so.
    async fn query(&self, query: &str) -> Option<Vec<Value>> {
        let found = self.ask(&format!("/api/v1/query?query={}", encoded(query))).await?;
        found["result"].as_array().cloned()
    }

    /// Waits until a query has data.
    async fn has(&self, what: &str, query: &str) {
        until(&format!("{what} has data: {query}"), async || {
            self.query(query).await.is_some_and(|found| !found.is_empty())
        })
        .await;
    }

    /// How an alert stands: inactive, pending or firing.
    async fn state_of(&self, alert: &str) -> Option<String> {
        let rules = self.ask("/api/v1/rules").await?;
        let groups = rules["groups"].as_array()?;
        let mut all = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        all.find(|rule| rule["name"] == alert)?["state"].as_str().map(str::to_owned)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const RECORDS: [&str; 3] = [
    "destination:counterfoil_events:rate5m",
    "destination:counterfoil_append_seconds:p99_5m",
    "replication:counterfoil_lag_seconds:max",
];
/// An alert, and the part of its expression that must have data while all is well: its threshold is
/// reached in its unit test, or below.
const WATCHED: [(&str, &str); 6] = [
    (
        "CounterfoilVerificationStale",
        "time() - last_over_time(counterfoil_verification_last_round_timestamp_seconds[14d])",
    ),
    ("CounterfoilBehind", "counterfoil_destination_lag_seconds"),
    ("CounterfoilSourceHeld", "counterfoil_source_hold_seconds"),
    ("CounterfoilSourceAway", "counterfoil_source_up"),
    ("CounterfoilNotificationQueueFull", "counterfoil_source_notification_queue_ratio"),
    (
        "CounterfoilJobOverdue",
        "time() - last_over_time(counterfoil_run_finished_timestamp_seconds[7d])",
    ),
];
/// Needs minutes, or that nothing is scraped: unit tests alone.
const BY_UNIT_TEST: [&str; 2] = ["CounterfoilNothingFlows", "CounterfoilGone"];
/// The fault is made here, and the alert comes.
const MADE_HERE: [(&str, &str); 4] = [
    ("CounterfoilDifferenceFound", "firing"),
    ("CounterfoilDestinationAway", "pending"),
    ("CounterfoilDestinationStopped", "firing"),
    ("CounterfoilJobFailed", "firing"),
];

/// Replications that a Prometheus scrapes: one with three copies, and one that was refused.
struct ScrapedRun {
    source: Database,
    stays: Database,
    goes: Database,
    breaks: Database,
    replicator: Replicator,
    prometheus: Prometheus,
}

async fn scraped(program: &Path) -> ScrapedRun {
    let (source, stays) = pair().await;
    let goes = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    let (breaks, empty) = (fresh_destination().await, fresh_destination().await);
    init_destination(&goes).await;
    init_destination(&breaks).await;
    insert(&source, 100).await;
    let orders = Setup::from(&source).to("stays", &stays).to("goes", &goes).to("breaks", &breaks);
    let orders = orders.key("retry_wait_max_ms = 1000\n[verify]\nevery = '1s'");
    // Without the table it is refused, which ends this one and no other.
    let fails = Setup::from(&source).to("copy", &empty);
    let both = [("orders", &orders), ("fails", &fails)];
    let mut replicator = start_folder(&both, &["--console", "127.0.0.1:0"]);
    let port = window_port(&mut replicator).await;
    arrives(&breaks, 100).await;
    let prometheus = Prometheus::start(program, port);
    prometheus.has("it", "up{job=\"counterfoil\"} == 1").await;
    ScrapedRun { source, stays, goes, breaks, replicator, prometheus }
}

/// Where the window of this process listens.
async fn window_port(replicator: &mut Replicator) -> u16 {
    replicator.says(&["the window is open"]).await;
    let log = replicator.log();
    let line = log.lines().find(|line| line.contains("the window is open")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    line["address"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn the_window_gives_the_metrics_in_the_form_that_is_asked_for() {
    let (source, copy) = pair().await;
    insert(&source, 3).await;
    let mut replicator = between(&source, &copy).start(&["--console", "127.0.0.1:0"]);
    let port = window_port(&mut replicator).await;
    arrives(&copy, 3).await;
    let (head, text) = get_as(port, "/metrics", "").await.unwrap();
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert_taken(&text);
    let (head, text) = get_as(port, "/metrics", "application/openmetrics-text").await.unwrap();
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    replicator.stops().await;
}

#[tokio::test]
async fn a_real_prometheus_has_data_for_every_query_and_raises_the_alerts_of_faults_that_are_made()
{
    let Some(program) = program("prometheus") else { return };
    let mut run = scraped(&program).await;
    let prometheus = &run.prometheus;
    for (panel, query) in queries() {
        insert(&run.source, 1).await;
        prometheus.has(&panel, &query).await;
    }
    for record in RECORDS {
        prometheus.has("a record", record).await;
    }
    for (alert, part) in WATCHED {
        prometheus.has(alert, part).await;
    }
    for alert in WATCHED
        .map(|(alert, _)| alert)
        .iter()
        .chain(&["CounterfoilDestinationAway", "CounterfoilDifferenceFound"])
    {
        assert_eq!(prometheus.state_of(alert).await.as_deref(), Some("inactive"), "{alert}");
    }
    run.stays.execute("update events set event = '{}' where id = 33").await;
    run.goes.server.aside(PrivateServer::kill_nine).await.unwrap();
    run.breaks.execute("alter table events add constraint refuses check (id < 0) not valid").await;
    insert(&run.source, 1).await;
    for (alert, state) in MADE_HERE {
        until(&format!("{alert} is {state}"), async || {
            prometheus.state_of(alert).await.as_deref() == Some(state)
        })
        .await;
    }
    run.replicator.signal(Signal::TERM);
    assert_eq!(run.replicator.ends().await.code, Some(7), "a destination has refused a row");
}

#[test]
fn each_alert_is_watched_or_made_here_or_left_to_its_unit_test() {
    let tried = WATCHED.iter().chain(&MADE_HERE).map(|(alert, _)| *alert).chain(BY_UNIT_TEST);
    let (mut tried, mut ours): (Vec<&str>, Vec<String>) = (tried.collect(), alerts());
    tried.sort_unstable();
    ours.sort_unstable();
    assert_eq!(tried, ours);
    assert!(queries().len() > 14, "every query is tried");
}

#[tokio::test]
async fn a_query_of_a_metric_that_is_not_there_has_no_data() {
    let Some(prometheus) = program("prometheus") else { return };
    let text = "# TYPE counterfoil_source_up gauge\ncounterfoil_source_up 1\n";
    let (port, _served) = serve(text).await;
    let prometheus = Prometheus::start(&prometheus, port);
    prometheus.has("it", "counterfoil_source_up").await;
    assert_eq!(prometheus.query("counterfoil_source_hold_seconds").await, Some(Vec::new()));
}

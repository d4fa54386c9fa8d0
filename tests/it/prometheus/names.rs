//! Names can hold anything, and the text stays one.

use super::samples::Samples;
use super::supervised::Supervised;
use super::{PACKAGES, assert_taken, fed, skip};
use crate::configured::config;
use crate::edges::{named, pair};
use crate::support::events::insert;
use counterfoil::console::metrics::format::MetricsFormat;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const REPLICATION: &str = "a \"quoted\\ one\"\n# TYPE b{c=\"d\"} 1\n";
const DESTINATION: &str = "\\\"}\u{e9}\u{1f39f} 1\n\\n\\\\";

async fn running() -> Supervised {
    let (source, copy) = pair().await;
    insert(&source, 3).await;
    let config = named(REPLICATION, config(&source, &[(DESTINATION, &copy)]));
    let running = Supervised::start(vec![config], false);
    running.follows(DESTINATION, 3.0).await;
    running
}

#[tokio::test]
async fn a_hostile_name_comes_through_the_text_as_it_is() {
    let mut running = running().await;
    let text = running.text(MetricsFormat::Text);
    let samples = Samples::parse(&text);
    let labels = [("replication", REPLICATION), ("destination", DESTINATION)];
    assert_eq!(samples.value("counterfoil_destination_events_total", &labels), Some(3.0));
    assert_eq!(samples.value("counterfoil_source_up", &labels[..1]), Some(1.0));
    assert_taken(&text);
    assert!(running.stopped().await.is_empty());
}

/// What the parser of Prometheus' own client reads, or its complaint; `None` where it is not there.
fn read_by_client(text: &str) -> Option<Result<Vec<Value>, String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/prometheus/open_metrics.py");
    // The package is one of the system's Python, beside which there may be others.
    let mut python = Command::new("/usr/bin/python3");
    let output = python.arg("-B").arg(script);
    let is_there = Path::new(output.get_program()).exists();
    let output = is_there.then(|| fed(output, text));
    let complaint =
        output.as_ref().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    match (output, complaint) {
        (Some(output), _) if output.status.success() => {
            Some(Ok(serde_json::from_slice(&output.stdout).unwrap()))
        }
        (Some(_), Some(complaint)) if !complaint.contains("ModuleNotFoundError") => {
            Some(Err(complaint))
        }
        _ => {
            skip(&format!(
                "there is no python3-prometheus-client: tools/setup {PACKAGES} installs it"
            ));
            None
        }
    }
}

#[tokio::test]
async fn open_metrics_is_read_by_the_strict_parser_with_the_same_values_types_and_units() {
    let mut running = running().await;
    let text = running.text(MetricsFormat::OpenMetrics);
    running.stopped().await;
    assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
    let Some(read) = read_by_client(&text) else { return };
    let read = read.unwrap_or_else(|complaint| panic!("{complaint}\n{text}"));
    assert_eq!(read.len(), Samples::parse(&text).0.len());
    let find = |name: &str| read.iter().find(|sample| sample["name"] == name).unwrap();
    let events = find("counterfoil_destination_events_total");
    assert_eq!((events["type"].as_str(), events["value"].as_f64()), (Some("counter"), Some(3.0)));
    assert_eq!(events["labels"]["replication"], REPLICATION);
    assert_eq!(events["labels"]["destination"], DESTINATION);
    for (name, kind, unit) in [
        ("counterfoil_build_info", "info", ""),
        ("process_cpu_seconds_total", "counter", "seconds"),
        ("counterfoil_destination_append_seconds_bucket", "histogram", "seconds"),
        ("counterfoil_destination_lag_seconds", "gauge", "seconds"),
        ("counterfoil_destination_bytes_total", "counter", "bytes"),
        ("counterfoil_buffer_bytes", "gauge", "bytes"),
        ("counterfoil_buffer_bytes_max", "gauge", ""),
        ("counterfoil_source_highest_id", "gauge", ""),
    ] {
        let sample = find(name);
        assert_eq!((&sample["type"], &sample["unit"]), (&kind.into(), &unit.into()), "{name}");
    }
    let bounds: BTreeSet<String> = Samples::parse(&text)
        .all("counterfoil_destination_batch_events_bucket", &[])
        .map(|sample| sample.labels["le"].clone())
        .collect();
    assert!(bounds.contains("1.0") && bounds.contains("1e+06") && bounds.contains("+Inf"));
}

#[test]
fn the_strict_parser_refuses_what_is_no_open_metrics() {
    for (wrong, why) in [
        ("# TYPE a counter\na_total 1\n", "EOF"),
        ("# TYPE a counter\na 1\n# EOF\n", "Clashing"),
        ("# TYPE a gauge\na{b=\"c\nd\"} 1\n# EOF\n", ""),
        ("# TYPE a histogram\na_bucket{le=\"1\"} 1\n# EOF\n", "+Inf"),
    ] {
        let Some(read) = read_by_client(wrong) else { return };
        let complaint = read.expect_err(wrong);
        assert!(complaint.contains("ValueError") && complaint.contains(why), "{complaint}");
    }
}

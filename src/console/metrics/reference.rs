//! The table of all metrics, for the documents.

use super::families::families;
use super::family::{MetricFamily, MetricKind, MetricReader};
use std::fmt::Write as _;

/// As docs/metrics.md has it.
pub fn table() -> String {
    let mut text = "| name | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for family in families() {
        let (name, kind, help) = (family.name, kind(family), family.help);
        let labels = labels(family).join(", ");
        writeln!(text, "| `{name}` | {kind} | {labels} | {help} |")
            .expect("a text takes what is written to it");
    }
    text
}

/// The names of all series: those of a histogram, too.
pub fn names() -> Vec<String> {
    let name = |family: &MetricFamily| match family.kind {
        MetricKind::Histogram => {
            ["_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", family.name)).into()
        }
        _ => vec![family.name.to_owned()],
    };
    families().flat_map(name).collect()
}

fn kind(family: &MetricFamily) -> &'static str {
    match family.kind {
        MetricKind::Gauge => "gauge",
        MetricKind::Counter => "counter",
        MetricKind::Histogram => "histogram",
        MetricKind::Info => "info",
    }
}

fn labels(family: &MetricFamily) -> Vec<&'static str> {
    match family.reader {
        MetricReader::Process(_) => vec![],
        MetricReader::ProcessInfo(_) => vec!["version", "commit"],
        MetricReader::Replication(_) | MetricReader::ReplicationHistogram(_) => {
            vec!["replication"]
        }
        MetricReader::ReplicationBy(label, _) => vec!["replication", label],
        MetricReader::Lane(_) | MetricReader::LaneHistogram(_) => {
            vec!["replication", "destination"]
        }
        MetricReader::LaneBy(label, _) => vec!["replication", "destination", label],
        MetricReader::LaneInfo(_) => vec!["replication", "destination", "database", "table"],
    }
}

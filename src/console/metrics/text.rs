//! The text itself: its lines, and what in them must be escaped.

use super::family::{MetricFamily, MetricKind};
use super::format::MetricsFormat;
use super::sample::MetricSample;
use std::fmt::Write as _;

/// See the module.
pub(super) struct ExpositionText {
    format: MetricsFormat,
    text: String,
}

impl ExpositionText {
    pub(super) fn new(format: MetricsFormat) -> Self {
        Self { format, text: String::new() }
    }

    /// Adds a family; nothing where nothing of it is known.
    pub(super) fn add(&mut self, family: &MetricFamily, samples: &[MetricSample<'_>]) {
        if samples.is_empty() {
            return;
        }
        self.head(family);
        for MetricSample { suffix, labels, value } in samples {
            self.text += family.name;
            self.text += suffix;
            for (place, (name, value)) in labels.iter().enumerate() {
                let before = if place == 0 { '{' } else { ',' };
                let value = escaped(value, true);
                self.line(format_args!("{before}{name}=\"{value}\""));
            }
            let end = if labels.is_empty() { "" } else { "}" };
            self.line(format_args!("{end} {value}\n"));
        }
    }

    /// All of it.
    pub(super) fn finish(mut self) -> String {
        if self.format == MetricsFormat::OpenMetrics {
            self.text += "# EOF\n";
        }
        self.text
    }

    fn head(&mut self, family: &MetricFamily) {
        let is_open = self.format == MetricsFormat::OpenMetrics;
        let name = if is_open { family.stem() } else { family.name };
        let kind = match family.kind {
            MetricKind::Gauge => "gauge",
            MetricKind::Counter => "counter",
            MetricKind::Histogram => "histogram",
            MetricKind::Info if is_open => "info",
            MetricKind::Info => "gauge",
        };
        let help = escaped(family.help, is_open);
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        if let Some(unit) = family.unit().filter(|_| is_open) {
            self.line(format_args!("# UNIT {name} {unit}\n"));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("a text takes what is written to it");
    }
}

/// Whatever a name holds, it ends neither its line nor its quotes.
fn escaped(text: &str, is_quoted: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if is_quoted { text.replace('"', "\\\"") } else { text }
}

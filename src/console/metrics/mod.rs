//! Metrics of all replications of the process, as text for Prometheus: read from their snapshots
//! when they are asked for. What is not known is left out, never 0.

mod families;
mod family;
pub(crate) mod file;
pub mod format;
mod process;
mod reading;
pub mod reference;
mod sample;
mod text;

use crate::log::WallTime;
use crate::supervise::Roster;
use families::families;
use format::MetricsFormat;
use reading::{MetricsScrape, ReplicationReading};
use std::time::Duration;
use text::ExpositionText;

/// What the metrics need to know beside the replications.
#[derive(Clone, Copy, Debug)]
pub struct ScrapeFacts {
    /// When the process started.
    pub started_at: WallTime,
    /// A destination that lags less follows.
    pub behind: Duration,
}

impl ScrapeFacts {
    /// Of a process that starts now.
    pub fn starting(behind: Duration) -> Self {
        Self { started_at: WallTime::now(), behind }
    }
}

/// All metrics as they stand, for a scrape.
pub fn exposition(roster: &Roster, facts: &ScrapeFacts, format: MetricsFormat) -> String {
    let of_process = process::readings(facts.started_at);
    written(&MetricsScrape { process: Some(of_process), ..scrape(roster, facts) }, format)
}

/// As [`exposition`], without what belongs to the process: node_exporter, which reads the file, has
/// metrics of these names of itself, and drops a series that two files have, with an error at each
/// scrape.
pub(crate) fn file_text(roster: &Roster, facts: &ScrapeFacts) -> String {
    written(&scrape(roster, facts), MetricsFormat::Text)
}

fn scrape<'a>(roster: &'a Roster, facts: &ScrapeFacts) -> MetricsScrape<'a> {
    let reading = |handle| ReplicationReading::of(handle, facts.behind);
    MetricsScrape { process: None, replications: roster.iter().map(reading).collect() }
}

fn written(scrape: &MetricsScrape<'_>, format: MetricsFormat) -> String {
    let mut text = ExpositionText::new(format);
    for family in families() {
        text.add(family, &family.samples(scrape));
    }
    text.finish()
}

//! A metric: its name, what it means, and where its value comes from.

use super::process::ProcessReading;
use super::reading::{LaneReading, MetricsScrape, ReplicationReading};
use super::sample::{LabelCount, LabelPair, MetricSample, buckets, each, plain};
use crate::histogram::HistogramCounts;

/// See the module.
pub(super) struct MetricFamily {
    /// With its prefix, its unit and `_total`.
    pub(super) name: &'static str,
    pub(super) kind: MetricKind,
    /// In a sentence.
    pub(super) help: &'static str,
    pub(super) reader: MetricReader,
}

/// What may be done with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricKind {
    /// It rises and falls.
    Gauge,
    /// It only rises, until a restart.
    Counter,
    /// Counts below bounds.
    Histogram,
    /// Its labels tell something; its value is 1.
    Info,
}

/// Where values come from; each is left out where it is not known.
pub(super) enum MetricReader {
    Process(fn(&ProcessReading) -> Option<f64>),
    ProcessInfo(fn(&ProcessReading) -> Vec<LabelPair<'static>>),
    Replication(fn(&ReplicationReading<'_>) -> Option<f64>),
    /// One value for each value of this label.
    ReplicationBy(&'static str, fn(&ReplicationReading<'_>) -> Vec<LabelCount>),
    ReplicationHistogram(fn(&ReplicationReading<'_>) -> HistogramCounts),
    Lane(fn(&LaneReading<'_>) -> Option<f64>),
    /// One value for each value of this label.
    LaneBy(&'static str, fn(&LaneReading<'_>) -> Vec<LabelCount>),
    LaneHistogram(fn(&LaneReading<'_>) -> HistogramCounts),
    LaneInfo(fn(&LaneReading<'_>) -> Vec<LabelPair<'static>>),
}

impl MetricFamily {
    pub(super) const fn gauge(
        name: &'static str,
        help: &'static str,
        reader: MetricReader,
    ) -> Self {
        Self { name, kind: MetricKind::Gauge, help, reader }
    }

    pub(super) const fn counter(
        name: &'static str,
        help: &'static str,
        reader: MetricReader,
    ) -> Self {
        Self { name, kind: MetricKind::Counter, help, reader }
    }

    pub(super) const fn histogram(
        name: &'static str,
        help: &'static str,
        reader: MetricReader,
    ) -> Self {
        Self { name, kind: MetricKind::Histogram, help, reader }
    }

    pub(super) const fn info(name: &'static str, help: &'static str, reader: MetricReader) -> Self {
        Self { name, kind: MetricKind::Info, help, reader }
    }

    /// Its name without what its kind adds: as OpenMetrics calls the family.
    pub(super) fn stem(&self) -> &'static str {
        let suffix = match self.kind {
            MetricKind::Counter => "_total",
            MetricKind::Info => "_info",
            MetricKind::Gauge | MetricKind::Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// The unit its name ends with.
    pub(super) fn unit(&self) -> Option<&'static str> {
        let stem = self.stem();
        let is_it = |unit: &&str| stem.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'));
        ["seconds", "bytes", "ratio"].into_iter().find(is_it)
    }

    /// What it tells now.
    pub(super) fn samples<'a>(&self, scrape: &'a MetricsScrape<'a>) -> Vec<MetricSample<'a>> {
        let replications = || scrape.replications.iter();
        let lanes = || replications().flat_map(ReplicationReading::lanes);
        let of_process = scrape.process.iter();
        match &self.reader {
            MetricReader::Process(read) => {
                of_process.filter_map(|process| plain(Vec::new(), read(process))).collect()
            }
            MetricReader::ProcessInfo(read) => {
                of_process.filter_map(|process| plain(read(process), Some(1.0))).collect()
            }
            MetricReader::Replication(read) => {
                replications().filter_map(|of| plain(of.labels(), read(of))).collect()
            }
            MetricReader::ReplicationBy(label, read) => {
                replications().flat_map(|of| each(&of.labels(), label, read(of))).collect()
            }
            MetricReader::ReplicationHistogram(read) => {
                replications().flat_map(|of| buckets(&of.labels(), &read(of))).collect()
            }
            MetricReader::Lane(read) => {
                lanes().filter_map(|of| plain(of.labels(), read(&of))).collect()
            }
            MetricReader::LaneBy(label, read) => {
                lanes().flat_map(|of| each(&of.labels(), label, read(&of))).collect()
            }
            MetricReader::LaneHistogram(read) => {
                lanes().flat_map(|of| buckets(&of.labels(), &read(&of))).collect()
            }
            MetricReader::LaneInfo(read) => {
                let labels = |of: &LaneReading<'a>| [of.labels(), read(of)].concat();
                lanes().filter_map(|of| plain(labels(&of), Some(1.0))).collect()
            }
        }
    }
}

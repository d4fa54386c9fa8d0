//! Lines of the text: labels and a value.

use crate::histogram::HistogramCounts;
use std::borrow::Cow;

/// A value of a label, and how many.
pub(super) type LabelCount = (Cow<'static, str>, u64);

/// Name and value of a label.
pub(super) type LabelPair<'a> = (&'static str, Cow<'a, str>);

/// One line of the text.
pub(super) struct MetricSample<'a> {
    /// What follows the name of its family.
    pub(super) suffix: &'static str,
    pub(super) labels: Vec<LabelPair<'a>>,
    pub(super) value: f64,
}

/// One, where its value is known.
pub(super) fn plain(labels: Vec<LabelPair<'_>>, value: Option<f64>) -> Option<MetricSample<'_>> {
    value.map(|value| MetricSample { suffix: "", labels, value })
}

/// One for each value of this label.
pub(super) fn each<'a>(
    labels: &[LabelPair<'a>],
    label: &'static str,
    values: Vec<LabelCount>,
) -> Vec<MetricSample<'a>> {
    let sample = |(word, value): LabelCount| {
        let own: LabelPair<'a> = (label, word);
        MetricSample { suffix: "", labels: [labels, &[own]].concat(), value: value as f64 }
    };
    values.into_iter().map(sample).collect()
}

/// Those of a histogram.
pub(super) fn buckets<'a>(
    labels: &[LabelPair<'a>],
    counts: &HistogramCounts,
) -> Vec<MetricSample<'a>> {
    let bucket = |(bound, count): (Option<f64>, u64)| {
        let bound: LabelPair<'a> = ("le", Cow::Owned(bound.map_or("+Inf".to_owned(), bound_text)));
        MetricSample { suffix: "_bucket", labels: [labels, &[bound]].concat(), value: count as f64 }
    };
    let whole = |suffix, value| MetricSample { suffix, labels: labels.to_vec(), value };
    let mut samples: Vec<MetricSample<'a>> = counts.cumulative().map(bucket).collect();
    samples.push(whole("_sum", counts.sum()));
    samples.push(whole("_count", counts.count() as f64));
    samples
}

/// A bound as OpenMetrics wants it: with a point, and from a million on with an exponent.
fn bound_text(bound: f64) -> String {
    if bound < 1e6 {
        return format!("{bound:?}");
    }
    let text = format!("{bound:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{digits}e+{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_written_as_open_metrics_wants_them() {
        let texts = [0.0025, 1.0, 60.0, 100_000.0, 1e6].map(bound_text);
        assert_eq!(texts, ["0.0025", "1.0", "60.0", "100000.0", "1e+06"]);
    }
}

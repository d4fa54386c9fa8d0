//! Plots as SVG that the server draws: sharp at every width without one inline style, and a table
//! of the same figures for those who read text.

use super::history::{HistorySample, LaneSample, PlotHistory};
use super::moment::ReplicationMoment;
use super::words::{clock, rate, shown, span};
use std::fmt::Write;

/// Rows of the table beside a plot.
const TABLE_ROWS: usize = 5;
/// Height of the area of a plot, and the space above it, in pixels.
const AREA_HEIGHT: f64 = 138.0;
const AREA_TOP: f64 = 6.0;
/// Lines that a plot can tell apart.
pub(super) const SERIES_MAX: usize = 6;

/// A plot.
#[derive(Debug)]
pub(super) struct PlotView {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// Unit that the script appends to a value; `s` for seconds.
    pub(super) unit: &'static str,
    /// The last column of the area: one less than its samples.
    pub(super) width: usize,
    /// Seconds from one sample to the next.
    pub(super) step: u32,
    pub(super) lines: Vec<PlotLine>,
    pub(super) ticks: Vec<PlotTick>,
    pub(super) times: Vec<PlotTime>,
    pub(super) rows: Vec<(String, Vec<String>)>,
    /// All of it in one sentence.
    pub(super) label: String,
}

/// A line of a plot.
#[derive(Debug)]
pub(super) struct PlotLine {
    pub(super) name: String,
    /// Class of its colour.
    pub(super) series: String,
    pub(super) path: String,
    /// Its values, for the cross-hair.
    pub(super) values: String,
}

/// A value on the upright axis.
#[derive(Debug)]
pub(super) struct PlotTick {
    pub(super) y: f64,
    pub(super) label: &'static str,
}

impl PlotTick {
    /// Where its text stands.
    pub(super) fn text_y(&self) -> f64 {
        self.y + 4.0
    }
}

/// A time on the level axis.
#[derive(Debug)]
pub(super) struct PlotTime {
    pub(super) x: u32,
    pub(super) label: String,
    pub(super) anchor: &'static str,
}

/// How values become heights.
#[derive(Clone, Copy)]
struct PlotScale {
    ticks: &'static [(f64, &'static str)],
    is_logarithmic: bool,
    value: fn(&LaneSample) -> f32,
    words: fn(f32) -> String,
}

const LAG: PlotScale = PlotScale {
    ticks: &[
        (0.001, "1 ms"),
        (0.01, "10 ms"),
        (0.1, "0.1 s"),
        (1.0, "1 s"),
        (10.0, "10 s"),
        (60.0, "1 min"),
        (600.0, "10 min"),
    ],
    is_logarithmic: true,
    value: |lane| lane.lag,
    words: |lag| if lag.is_nan() { "not known".to_owned() } else { span(f64::from(lag)) },
};

const RATE: PlotScale = PlotScale {
    ticks: &[
        (1.0, "0"),
        (10.0, "10"),
        (100.0, "100"),
        (1e3, "1\u{202f}000"),
        (1e4, "10\u{202f}000"),
        (1e5, "100\u{202f}000"),
    ],
    is_logarithmic: true,
    value: |lane| lane.rate,
    words: |value| rate(f64::from(value)),
};

const SHARE: PlotScale = PlotScale {
    ticks: &[(0.0, "0 %"), (25.0, "25 %"), (50.0, "50 %"), (75.0, "75 %"), (100.0, "100 %")],
    is_logarithmic: false,
    value: |lane| lane.share,
    words: |share| format!("{:.0} %", share.floor()),
};

/// The two plots of a replication: how far behind and how quick; of a job, how quick and how much.
pub(super) fn plots(of: &ReplicationMoment) -> Vec<PlotView> {
    let source = |sample: &HistorySample| sample.source_rate;
    let rate =
        plot("plot-rate", "Events per second", "/s", RATE, of, (!of.is_job()).then_some(source));
    if of.is_job() {
        vec![rate, plot("plot-copied", "Copied", " %", SHARE, of, None)]
    } else {
        vec![plot("plot-lag", "Seconds behind the source", "s", LAG, of, None), rate]
    }
}

fn plot(
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    scale: PlotScale,
    of: &ReplicationMoment,
    source: Option<fn(&HistorySample) -> f32>,
) -> PlotView {
    let history = &*of.history;
    let mut series: Vec<(String, String, Vec<f32>)> = Vec::new();
    if let Some(value) = source {
        series.push(("source".to_owned(), "s0".to_owned(), history.samples().map(value).collect()));
    }
    for (index, lane) in of.snapshot.lanes.iter().enumerate().take(SERIES_MAX) {
        let values =
            history.samples().filter_map(|sample| sample.lanes.get(index)).map(scale.value);
        series.push((shown(&lane.name), series_class(index), values.collect()));
    }
    let count = history.samples().len();
    let lines = series.iter().map(|(name, class, values)| PlotLine {
        name: name.clone(),
        series: class.clone(),
        path: path(values, scale),
        values: values
            .iter()
            .map(|value| if value.is_nan() { String::new() } else { format!("{value:.3}") })
            .collect::<Vec<_>>()
            .join(" "),
    });
    let latest = series.iter().map(|(name, _, values)| {
        format!(
            "{name} now {}",
            values.last().map_or_else(|| "not known".to_owned(), |value| (scale.words)(*value))
        )
    });
    PlotView {
        id,
        title,
        unit,
        width: count.saturating_sub(1).max(1),
        step: history.step_seconds(),
        label: format!("{title}: {}", latest.collect::<Vec<_>>().join("; ")),
        lines: lines.collect(),
        ticks: scale
            .ticks
            .iter()
            .map(|(value, label)| PlotTick {
                y: (AREA_TOP + AREA_HEIGHT * height(*value, scale) / 100.0).round(),
                label,
            })
            .collect(),
        times: times(of, history),
        rows: rows(of, history, &series, scale),
    }
}

/// The class of the colour of a lane.
pub(super) fn series_class(index: usize) -> String {
    format!("s{}", index % SERIES_MAX + 1)
}

/// From 0 at the top to 100 at the bottom.
fn height(value: f64, scale: PlotScale) -> f64 {
    let (Some((least, _)), Some((most, _))) = (scale.ticks.first(), scale.ticks.last()) else {
        return 100.0;
    };
    let value = value.clamp(*least, *most);
    let part = if scale.is_logarithmic {
        (value / least).ln() / (most / least).ln()
    } else {
        (value - least) / (most - least)
    };
    100.0 - 100.0 * part
}

/// A line through the values; where one is not known it is interrupted.
fn path(values: &[f32], scale: PlotScale) -> String {
    let mut path = String::new();
    let mut is_drawing = false;
    for (x, value) in values.iter().enumerate() {
        if value.is_nan() {
            is_drawing = false;
            continue;
        }
        let command = if is_drawing { 'L' } else { 'M' };
        is_drawing = true;
        // Writing to a text cannot fail.
        let _ = write!(path, "{command}{x} {:.1}", height(f64::from(*value), scale));
    }
    path
}

/// Seconds before now that a sample speaks of.
fn seconds_ago(index: usize, history: &PlotHistory) -> f64 {
    f64::from(history.step_seconds()) * history.samples().len().saturating_sub(index + 1) as f64
}

fn times(of: &ReplicationMoment, history: &PlotHistory) -> Vec<PlotTime> {
    let last = history.samples().len().saturating_sub(1);
    [(0, "start"), (50, "middle"), (100, "end")]
        .into_iter()
        .map(|(x, anchor)| {
            let ago = seconds_ago(last * x as usize / 100, history);
            PlotTime { x, label: clock(of.now.earlier_by(ago)), anchor }
        })
        .collect()
}

fn rows(
    of: &ReplicationMoment,
    history: &PlotHistory,
    series: &[(String, String, Vec<f32>)],
    scale: PlotScale,
) -> Vec<(String, Vec<String>)> {
    let count = history.samples().len();
    let mut indexes: Vec<usize> = (0..TABLE_ROWS)
        .filter_map(|row| Some(count.checked_sub(1)? * row / (TABLE_ROWS - 1)))
        .collect();
    indexes.dedup();
    indexes
        .into_iter()
        .map(|index| {
            let values = series.iter().map(|(_, _, values)| {
                values.get(index).map_or_else(String::new, |value| (scale.words)(*value))
            });
            (clock(of.now.earlier_by(seconds_ago(index, history))), values.collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_beyond_the_axis_stays_at_its_edge_and_one_that_is_not_known_is_not_drawn() {
        assert_eq!(height(0.001, LAG), 100.0);
        assert_eq!(height(0.0, LAG), 100.0);
        assert_eq!(height(1e9, LAG), 0.0);
        assert_eq!(height(50.0, SHARE), 50.0);
        assert_eq!(path(&[f32::NAN, 600.0, 600.0, f32::NAN, 0.001], LAG), "M1 0.0L2 0.0M4 100.0");
    }
}

//! The verification that runs beside the flow.

use super::super::family::MetricFamily;
use super::super::family::MetricReader::{Lane, LaneBy};
use super::number::id;

pub(super) static FAMILIES: [MetricFamily; 4] = [
    MetricFamily::gauge(
        "counterfoil_verified_through_id",
        "Every event up to this id was compared, and is equal.",
        Lane(|of| of.of.now(id(of.verification()?.verified_through_id?))),
    ),
    MetricFamily::counter(
        "counterfoil_verification_events_total",
        "Events of the source that were compared, again and again.",
        Lane(|of| Some(of.verification()?.events_compared as f64)),
    ),
    MetricFamily::gauge(
        "counterfoil_verification_last_round_timestamp_seconds",
        "When all events had been compared once more, in seconds since 1970; left out while the \
         next round is under way.",
        Lane(|of| Some(of.verification()?.round.ended_at?.unix_seconds())),
    ),
    MetricFamily::counter(
        "counterfoil_differences_total",
        "Events that were found to differ, each once until it is equal again. Must stay 0.",
        LaneBy("class", |of| {
            let Some(verification) = of.verification() else { return Vec::new() };
            let ever = &verification.differences_ever;
            let classes = [
                ("missing", ever.missing),
                ("extra", ever.extra),
                ("changed", ever.changed),
                ("representation", ever.representation),
                ("doubled", ever.doubled),
            ];
            classes.map(|(class, count)| (class.into(), count)).into()
        }),
    ),
];

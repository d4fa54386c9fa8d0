//! The destinations.

use super::super::family::MetricFamily;
use super::super::family::MetricReader::{Lane, LaneBy, LaneHistogram, LaneInfo};
use super::super::reading::by_kind;
use super::number::{flag, id};
use crate::console::lane_word::LaneWord;
use crate::replicate::snapshot::PaceSnapshot;

pub(super) static FAMILIES: [MetricFamily; 16] = [
    MetricFamily::gauge(
        "counterfoil_destination_up",
        "1 while the destination is connected and checked, or answers that another replicator \
         feeds it; otherwise 0.",
        Lane(|of| of.of.now(flag(of.is_up()))),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_state",
        "1 for the state the destination is in, 0 for the others.",
        LaneBy("state", |of| {
            let told = of.of.now(of.word());
            let each = told.iter().flat_map(|now| LaneWord::ALL.map(|word| (word, *now == word)));
            each.map(|(word, is_so)| (word.to_string().into(), u64::from(is_so))).collect()
        }),
    ),
    MetricFamily::info(
        "counterfoil_destination_info",
        "Database and table of the destination; the value is 1.",
        LaneInfo(|of| {
            vec![
                ("database", of.config.settings().default_name().to_owned().into()),
                ("table", of.config.settings().target().into()),
            ]
        }),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_position_id",
        "The highest id the destination holds.",
        Lane(|of| of.lane.position.map(id)),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_lag_events",
        "Upper bound of the events it lacks: ids from its position to the highest one at the \
         source.",
        Lane(|of| of.of.now(of.lag_events()?)),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_lag_bytes",
        "The same in bytes, by the mean size of the events copied so far.",
        Lane(|of| of.of.now(of.lag_bytes()?)),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_lag_seconds",
        "Time since the destination last held everything that was visible at the source; 0 while \
         it does.",
        Lane(|of| of.of.now(of.lag_seconds()?)),
    ),
    MetricFamily::counter(
        "counterfoil_destination_events_total",
        "Events committed.",
        Lane(|of| Some(of.lane.events as f64)),
    ),
    MetricFamily::counter(
        "counterfoil_destination_bytes_total",
        "Bytes of those events as COPY data.",
        Lane(|of| Some(of.lane.bytes as f64)),
    ),
    MetricFamily::counter(
        "counterfoil_destination_batches_total",
        "Batches committed, each in one transaction.",
        Lane(|of| Some(of.lane.batch_sizes.count() as f64)),
    ),
    MetricFamily::counter(
        "counterfoil_destination_losses_total",
        "Times the destination was lost, and tries to open it that failed, by kind of error. That \
         another replicator feeds it is no loss.",
        LaneBy("kind", |of| by_kind(of.lane.losses)),
    ),
    MetricFamily::histogram(
        "counterfoil_destination_append_seconds",
        "How long a batch took, from its beginning to its commit.",
        LaneHistogram(|of| of.lane.append_times),
    ),
    MetricFamily::histogram(
        "counterfoil_destination_batch_events",
        "How many events a batch had.",
        LaneHistogram(|of| of.lane.batch_sizes),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_last_append_timestamp_seconds",
        "When events were last committed, in seconds since 1970, to half a second.",
        Lane(|of| Some(of.lane.last_commit_at?.unix_seconds())),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_retry_timestamp_seconds",
        "When a lost destination is tried again, in seconds since 1970.",
        Lane(|of| of.of.now(of.lane.connection.retry_at?.unix_seconds())),
    ),
    MetricFamily::gauge(
        "counterfoil_destination_is_alone",
        "1 while the destination is slow and has reads of its own, otherwise 0.",
        Lane(|of| of.of.now(flag(of.lane.pace == PaceSnapshot::Alone))),
    ),
];

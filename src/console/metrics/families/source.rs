//! The source, and the room in memory.

use super::super::family::MetricFamily;
use super::super::family::MetricReader::{Replication, ReplicationBy, ReplicationHistogram};
use super::super::reading::by_kind;
use super::number::{flag, id};
use crate::source::gauge::LookCause;

pub(super) static FAMILIES: [MetricFamily; 10] = [
    MetricFamily::gauge(
        "counterfoil_source_up",
        "1 while the source is connected and checked, otherwise 0.",
        Replication(|of| of.now(flag(of.is_source_up()))),
    ),
    MetricFamily::gauge(
        "counterfoil_source_highest_id",
        "The highest id known to be visible at the source.",
        Replication(|of| of.snapshot.source.highest_id.map(id)),
    ),
    MetricFamily::gauge(
        "counterfoil_source_mark_id",
        "The high-water mark: nothing can appear any more at or below this id.",
        Replication(|of| {
            let source = &of.snapshot.source;
            Some(id(source.decided_id?.min(source.highest_id?)))
        }),
    ),
    MetricFamily::gauge(
        "counterfoil_source_hold_seconds",
        "How long the oldest transaction has been open that committed events wait for; 0 when none \
         wait.",
        Replication(|of| of.now(of.hold_seconds()).filter(|_| of.is_source_up())),
    ),
    MetricFamily::counter(
        "counterfoil_source_looks_total",
        "Looks at the source: a notification rang, it was time to poll, or a pass was over.",
        ReplicationBy("cause", |of| {
            let looks = of.snapshot.source.looks;
            let words = [
                ("doorbell", LookCause::Doorbell),
                ("poll", LookCause::Poll),
                ("pass", LookCause::Pass),
            ];
            words.map(|(word, cause)| (word.into(), looks.of(cause))).into()
        }),
    ),
    MetricFamily::counter(
        "counterfoil_source_losses_total",
        "Times the source was lost, and tries to open it that failed, by kind of error.",
        ReplicationBy("kind", |of| by_kind(of.snapshot.source.losses)),
    ),
    MetricFamily::gauge(
        "counterfoil_source_notification_queue_ratio",
        "How full the notification queue of the source's cluster is, from 0 to 1.",
        Replication(|of| of.now(of.snapshot.source.notification_queue_ratio?)),
    ),
    MetricFamily::histogram(
        "counterfoil_source_durability_wait_seconds",
        "How long batches waited until the source had their events on its disk.",
        ReplicationHistogram(|of| of.snapshot.source.durability_waits),
    ),
    MetricFamily::gauge(
        "counterfoil_buffer_bytes",
        "Memory that events in flight take.",
        Replication(|of| of.now(of.snapshot.buffer.bytes as f64)),
    ),
    MetricFamily::gauge(
        "counterfoil_buffer_bytes_max",
        "Memory that events in flight may take: its share of buffer_bytes_max.",
        Replication(|of| of.now(of.snapshot.buffer.bytes_max as f64)),
    ),
];

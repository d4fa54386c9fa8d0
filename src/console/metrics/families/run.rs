//! Runs that end: jobs, and followers that a failure has ended.

use super::super::family::MetricFamily;
use super::super::family::MetricReader::Replication;
use super::number::id;

pub(super) static FAMILIES: [MetricFamily; 4] = [
    MetricFamily::gauge(
        "counterfoil_run_target_id",
        "The run ends when every destination holds everything up to this id.",
        Replication(|of| {
            let run = &of.snapshot.run;
            run.target_id.filter(|_| run.is_until_caught_up).map(id)
        }),
    ),
    MetricFamily::gauge(
        "counterfoil_run_finished_timestamp_seconds",
        "When the run ended, in seconds since 1970.",
        Replication(|of| of.handle.end.as_ref().map(|end| end.at.unix_seconds())),
    ),
    MetricFamily::gauge(
        "counterfoil_run_duration_seconds",
        "How long the run took.",
        Replication(|of| of.handle.end.as_ref().map(|_| of.snapshot.run.elapsed_seconds)),
    ),
    MetricFamily::gauge(
        "counterfoil_run_exit_code",
        "The exit code of the run: 0 when all was copied, or when a follower was stopped.",
        Replication(|of| of.handle.end.as_ref().map(|end| f64::from(end.problems.exit_code()))),
    ),
];

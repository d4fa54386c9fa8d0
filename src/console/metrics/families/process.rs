//! The process itself, by the names that Prometheus has for every process.

use super::super::family::MetricFamily;
use super::super::family::MetricReader::{Process, ProcessInfo};

pub(super) static FAMILIES: [MetricFamily; 5] = [
    MetricFamily::info(
        "counterfoil_build_info",
        "Version and commit of the program; the value is 1.",
        ProcessInfo(|_| {
            vec![
                ("version", env!("CARGO_PKG_VERSION").into()),
                ("commit", env!("COUNTERFOIL_COMMIT").into()),
            ]
        }),
    ),
    MetricFamily::counter(
        "process_cpu_seconds_total",
        "Processor time used, in user and system mode.",
        Process(|process| process.cpu_seconds),
    ),
    MetricFamily::gauge(
        "process_resident_memory_bytes",
        "Resident memory.",
        Process(|process| process.resident_bytes),
    ),
    MetricFamily::gauge("process_open_fds", "Open files.", Process(|process| process.open_files)),
    MetricFamily::gauge(
        "process_start_time_seconds",
        "When the process started, in seconds since 1970.",
        Process(|process| Some(process.started_at)),
    ),
];

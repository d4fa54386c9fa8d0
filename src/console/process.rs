//! What the window tells of its own process.

use super::words::{age, bytes, shown};
use std::time::Instant;

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub(super) struct ProcessFacts {
    /// Version of the program.
    pub(super) version: String,
    /// For the time it has run, which no set clock changes.
    pub(super) started: Instant,
    /// The files it was started with, as a person wrote them.
    pub(super) files: String,
}

impl ProcessFacts {
    /// What it tells of itself at the foot of each page.
    pub(super) fn foot(&self) -> Vec<String> {
        let up = self.started.elapsed().as_secs_f64();
        // Told by the minute: what changes each second would be sent each second.
        let up = if up < 60.0 {
            "less than a minute".to_owned()
        } else {
            age((up / 60.0).floor() * 60.0)
        };
        let mut parts = vec![
            format!("Counterfoil {}, up {up}, process {}", self.version, std::process::id()),
            shown(&self.files),
        ];
        parts.extend(resident_bytes().map(|resident| format!("memory {}", bytes(resident))));
        parts
    }
}

/// Bytes of memory that this process holds, where the system tells.
fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    // To a megabyte, so that the foot does not change each second.
    Some((pages * rustix::param::page_size() as f64 / 1e6).round() * 1e6)
}

//! Figures of one run, read from /proc while it goes on, and what many runs together say.

#[path = "../shared/processor.rs"]
mod processor;

use crate::Result;
use counterfoil::postgres::server::PrivateServer;
pub use processor::cpu;
use std::fmt;
use std::process::Child;
use std::time::{Duration, Instant};

/// How often a running process is looked at; its peak only grows, so that little is missed.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// A server process has ended so long after its connection.
const SETTLE: Duration = Duration::from_millis(200);

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// From its start to its end.
    pub seconds: f64,
    /// The highest resident memory of the process, or the sum of several; 0 where there is none, or
    /// /proc does not tell.
    pub peak_kib: u64,
    /// Processor time of the process or processes between the servers.
    pub own_cpu: f64,
    /// Processor time of the server of the source.
    pub source_cpu: f64,
    /// Processor time of the server of the destinations.
    pub destination_cpu: f64,
}

impl Figures {
    /// Processor time of everybody: what a run costs, whoever else uses the machine.
    pub fn cpu(&self) -> f64 {
        self.own_cpu + self.source_cpu + self.destination_cpu
    }

    /// Of this and of what was done after it, together.
    pub fn and_then(&self, next: &Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            peak_kib: self.peak_kib.max(next.peak_kib),
            own_cpu: self.own_cpu + next.own_cpu,
            source_cpu: self.source_cpu + next.source_cpu,
            destination_cpu: self.destination_cpu + next.destination_cpu,
        }
    }
}

/// Waits for processes, and looks at them meanwhile. Gives whether all succeeded.
pub fn watch(children: &mut [Child], figures: &mut Figures) -> std::io::Result<bool> {
    let mut seen = vec![(0, 0.0); children.len()];
    loop {
        let mut ended = 0;
        let mut have_succeeded = true;
        for (child, (peak, used)) in children.iter_mut().zip(&mut seen) {
            *peak = peak_kib(child.id()).max(*peak);
            *used = cpu(child.id(), false).max(*used);
            if let Some(status) = child.try_wait()? {
                ended += 1;
                have_succeeded &= status.success();
            }
        }
        if ended == children.len() {
            figures.peak_kib = seen.iter().map(|(peak, _)| peak).sum();
            figures.own_cpu = seen.iter().map(|(_, used)| used).sum();
            return Ok(have_succeeded);
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// Times a run, with the processor time of both servers.
pub fn timed(
    source: &PrivateServer,
    destination: &PrivateServer,
    run: impl FnOnce(&mut Figures) -> Result<()>,
) -> Result<Figures> {
    let mut figures = Figures::default();
    let (source_before, destination_before) = (server_cpu(source), server_cpu(destination));
    let begun = Instant::now();
    run(&mut figures)?;
    figures.seconds = begun.elapsed().as_secs_f64();
    // Server processes that end now are counted once the postmaster has waited for them.
    std::thread::sleep(SETTLE);
    figures.source_cpu = server_cpu(source) - source_before;
    figures.destination_cpu = server_cpu(destination) - destination_before;
    Ok(figures)
}

/// The lowest, the middle and the highest of some figures.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self { min: sorted[0], median: f64::midpoint(low, high), max: sorted[sorted.len() - 1] }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:6.2} ({:.2} to {:.2})", self.median, self.min, self.max)
    }
}

/// The highest resident memory of a process so far.
pub fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Processor time of the postmaster, of its children, and of those that have ended.
pub fn server_cpu(server: &PrivateServer) -> f64 {
    let pids = server.pids();
    let postmaster = pids.first().map_or(0.0, |pid| cpu(*pid, true));
    postmaster + pids.iter().skip(1).map(|pid| cpu(*pid, false)).sum::<f64>()
}

//! What the system tells of this process; what it does not tell is left out.

use crate::log::WallTime;
use std::fs;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ProcessReading {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) open_files: Option<f64>,
    /// Seconds since the beginning of 1970.
    pub(super) started_at: f64,
}

/// As it stands.
pub(super) fn readings(started_at: WallTime) -> ProcessReading {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).ok();
    let files = fs::read_dir("/proc/self/fd").ok();
    ProcessReading {
        cpu_seconds: read("stat").as_deref().and_then(ticks).map(seconds),
        resident_bytes: read("status").as_deref().and_then(resident),
        // The one that reads the folder is open as well.
        open_files: files.map(|files| files.count().saturating_sub(1) as f64),
        started_at: started_at.unix_seconds(),
    }
}

/// Ticks in user and in system mode (proc(5), `stat`: the fields after the name, which may hold
/// anything).
fn ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(field(14)? + field(15)?)
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_holds_memory_and_has_files_open() {
        let began = std::time::Instant::now();
        while began.elapsed() < std::time::Duration::from_millis(50) {}
        let now = readings(WallTime::now());
        assert!(now.cpu_seconds > Some(0.0) && now.open_files >= Some(3.0), "{now:?}");
        assert!(now.resident_bytes > Some(1e6) && now.resident_bytes < Some(1e10), "{now:?}");
    }

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "1 (a) 9 (b) S 0 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("1 (cut off) S 0"), None);
        assert_eq!(resident("VmPeak:\t 10 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
    }
}

//! Processor time of a process.

/// The unit of times in /proc/…/stat on every Linux since 2.6 (proc(5), USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// utime and stime of /proc/…/stat, and those of children that were waited for.
pub fn cpu(pid: u32, with_children: bool) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, after_name)) = stat.rsplit_once(')') else { return 0.0 };
    let times = after_name.split_whitespace().skip(11).take(if with_children { 4 } else { 2 });
    times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

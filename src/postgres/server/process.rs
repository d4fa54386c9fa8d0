//! The processes of a server as the kernel shows them in `/proc`.

use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a process may take to stop; one that waits for a disk does so once it is answered, and
/// is taken as stopped.
const STOP_WAIT_MAX: Duration = Duration::from_secs(10);

/// The number of a process.
pub type ProcessId = u32;

/// Sends a signal; one that has ended in the meantime is no error.
pub(super) fn signal(pid: ProcessId, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The state letter of a living process (`T`: stopped); `None` if it has ended, zombies included
/// (proc(5), `/proc/pid/stat`).
pub(super) fn state(pid: ProcessId) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat_fields(&stat).map(|(state, _)| state).filter(|state| !"ZX".contains(*state))
}

/// The living children of a process.
pub(super) fn children_of(parent: ProcessId) -> Vec<ProcessId> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<ProcessId>().ok())
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat_fields(&stat)
                .is_some_and(|(state, its_parent)| its_parent == parent && !"ZX".contains(state))
        })
        .collect()
}

/// Stops a postmaster and then its children, and returns all of them once each has stopped. The
/// postmaster goes first: it forks no more then.
pub(super) fn freeze(postmaster: ProcessId) -> Vec<ProcessId> {
    stop_and_wait(postmaster);
    let mut family = children_of(postmaster);
    family.iter().for_each(|pid| stop_and_wait(*pid));
    family.insert(0, postmaster);
    family
}

/// Whether the lock file of the data directory says that this postmaster takes connections (its
/// line 8, since PostgreSQL 10).
pub(super) fn is_postmaster_ready(data_dir: &Path, pid: ProcessId) -> bool {
    let text = fs::read_to_string(data_dir.join("postmaster.pid")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
}

fn stop_and_wait(pid: ProcessId) {
    signal(pid, Signal::STOP);
    let start = Instant::now();
    while state(pid).is_some_and(|state| state != 'T') && start.elapsed() < STOP_WAIT_MAX {
        std::thread::yield_now();
    }
}

/// State and parent out of a line of `/proc/pid/stat`; the name before them stands in parentheses
/// and can hold anything.
fn stat_fields(stat: &str) -> Option<(char, ProcessId)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_looks_like_a_stat_line_is_read_right() {
        assert_eq!(stat_fields("71 (a) Z 1 (b) S 4711 71 71 0"), Some(('S', 4711)));
        assert_eq!(stat_fields("71 (a"), None);
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_child_is_seen_frozen_and_gone_once_it_is_a_zombie() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        assert!(children_of(std::process::id()).contains(&child.id()));
        assert_eq!(freeze(child.id()), [child.id()]);
        assert_eq!(state(child.id()), Some('T'));
        child.kill().unwrap();
        while state(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(!children_of(std::process::id()).contains(&child.id()));
        child.wait().unwrap();
    }
}

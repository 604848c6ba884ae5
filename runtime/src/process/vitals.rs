//! Whether a process is stopped, starved or hung: what the kernel says about it.

use std::fs;

use nix::errno::Errno;

use super::with_reserve;

/// What the kernel says about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vitals {
    /// It does not exist, or has ended.
    Gone,
    /// It was stopped by a signal or a debugger.
    Stopped,
    /// It runs or wants to run.
    Running,
    /// It sleeps; this much CPU time it has used so far, in nanoseconds.
    Sleeping(u64),
}

/// How a process does.
pub(crate) fn vitals(pid: u32) -> Vitals {
    let read = || fs::read_to_string(format!("/proc/{pid}/stat")).map_err(errno);
    let stat = match with_reserve(read) {
        Ok(stat) => stat,
        Err(Errno::ENOENT | Errno::ESRCH) => return Vitals::Gone,
        // Nothing is known of it; who cannot look accuses nobody.
        Err(_) => return Vitals::Running,
    };
    match state(&stat) {
        Some('T' | 't') => Vitals::Stopped,
        Some('R') => Vitals::Running,
        // Waiting for a disk, or frozen: the same look, and only its CPU time tells.
        Some('S' | 'I' | 'D') => Vitals::Sleeping(cpu_ns(pid)),
        _ => Vitals::Gone,
    }
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// The state letter of a `/proc/PID/stat` line: the first thing after the name, which may hold anything.
fn state(stat: &str) -> Option<char> {
    stat[stat.rfind(')')? + 1..].trim_start().chars().next()
}

fn cpu_ns(pid: u32) -> u64 {
    let read = || fs::read_to_string(format!("/proc/{pid}/schedstat")).map_err(errno);
    let schedstat = with_reserve(read).unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// Resident memory of this process, in KiB.
pub(crate) fn resident_kib() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_hide_the_state() {
        assert_eq!(state("17 (a) T (b)) S 1 2 3"), Some('S'));
        assert_eq!(state("nonsense"), None);
    }

    #[test]
    fn this_process_is_there_and_pid_0_is_not() {
        assert_ne!(vitals(std::process::id()), Vitals::Gone);
        assert_eq!(vitals(0), Vitals::Gone);
    }
}

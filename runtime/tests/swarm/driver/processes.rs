//! Processes as seen from outside.

use std::path::Path;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// Waits for a condition, looking every millisecond, and fails after some seconds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn signal(pid: i32, signal: i32) {
    let signal = nix::sys::signal::Signal::try_from(signal).unwrap();
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
}

fn stat_field(pid: &str, index: usize) -> Option<i32> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?;
    let after = &stat[stat.rfind(')')? + 2..];
    after.split(' ').nth(index)?.parse().ok()
}

pub(super) fn parent_of(pid: u32) -> Option<i32> {
    stat_field(&pid.to_string(), 1)
}

/// Processes of the session that this process leads.
pub(crate) fn in_session(leader: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .filter(|pid| stat_field(pid, 3) == Some(leader))
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

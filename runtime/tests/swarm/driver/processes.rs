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

/// CPU time that a process has used, in milliseconds.
pub(crate) fn cpu_ms(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    text.split(' ').next().unwrap().parse::<u64>().unwrap() / 1_000_000
}

/// The number of the lowest descriptor that a process has not open: with that as its limit it can open none.
pub(crate) fn descriptors(pid: i32) -> u64 {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let open: std::collections::BTreeSet<u64> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    (0..).find(|number| !open.contains(number)).unwrap()
}

/// Sets the soft limit of something for a process; what it was before.
pub(crate) fn set_limit(pid: i32, limit: nix::libc::__rlimit_resource_t, soft: u64) -> u64 {
    let mut before = nix::libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    #[expect(unsafe_code, reason = "no wrapper exists for prlimit of another process")]
    // SAFETY: both pointers are to live locals or null.
    unsafe {
        assert_eq!(nix::libc::prlimit(pid, limit, std::ptr::null(), &raw mut before), 0);
        let new = nix::libc::rlimit { rlim_cur: soft, rlim_max: before.rlim_max };
        assert_eq!(nix::libc::prlimit(pid, limit, &raw const new, std::ptr::null_mut()), 0);
    }
    before.rlim_cur
}

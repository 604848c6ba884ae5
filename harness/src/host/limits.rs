//! The limits of this machine, user and cgroup.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::unistd::geteuid;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::cgroup::{self, CgroupLimit};

/// What bounds a run; `None` where there is no bound or it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Major and minor version of the kernel.
    pub kernel: Option<(u32, u32)>,
    /// Process ids that there are.
    pub pid_max: Option<u64>,
    /// Threads that the whole machine may have.
    pub threads_max: Option<u64>,
    /// Threads that the whole machine has.
    pub tasks: u64,
    /// Processes that this user may have; root is not bound by it.
    pub user_processes: Option<u64>,
    /// Processes that this user has.
    pub user_tasks: u64,
    /// The cgroup above us that leaves least room for processes.
    pub cgroup_pids: Option<CgroupLimit>,
    /// The one that leaves least room for memory.
    pub cgroup_memory: Option<CgroupLimit>,
    /// Descriptors that a process may come to hold: the hard limit, up to which every process can raise its
    /// own.
    pub descriptors: Option<u64>,
    /// Memory that can be had without swapping, in bytes.
    pub memory_available: Option<u64>,
    /// Where that was read.
    pub memory_source: &'static str,
}

impl Limits {
    /// Reads them.
    #[must_use]
    pub fn read() -> Self {
        let (memory_available, memory_source) = memory();
        let user_processes = (!geteuid().is_root()).then(|| limit(Resource::RLIMIT_NPROC, false)).flatten();
        Self {
            kernel: System::kernel_version().ok().as_deref().and_then(version),
            pid_max: number_in(Path::new("/proc/sys/kernel/pid_max")),
            threads_max: number_in(Path::new("/proc/sys/kernel/threads-max")),
            tasks: fs::read_to_string("/proc/loadavg").ok().as_deref().and_then(tasks).unwrap_or(0),
            user_tasks: if user_processes.is_some() { user_tasks() } else { 0 },
            user_processes,
            cgroup_pids: cgroup::above(&cgroup::PIDS),
            cgroup_memory: cgroup::above(&cgroup::MEMORY),
            descriptors: limit(Resource::RLIMIT_NOFILE, true),
            memory_available,
            memory_source,
        }
    }

    /// Name and value of those that are there, for the manifest.
    #[must_use]
    pub fn named(&self) -> Vec<(String, String)> {
        let max = |cgroup: &Option<CgroupLimit>| cgroup.as_ref().map(|c| c.max);
        let named = [
            ("kernel.pid_max", self.pid_max),
            ("kernel.threads-max", self.threads_max),
            ("RLIMIT_NPROC", self.user_processes),
            ("pids.max", max(&self.cgroup_pids)),
            ("memory.max", max(&self.cgroup_memory)),
            ("RLIMIT_NOFILE", self.descriptors),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_string()))).collect()
    }
}

/// The limit of descriptors that is in force for the process that holds most of them; `None` where none can be read. It is the
/// soft limit: a process that has not raised its own is refused at that, whatever it may raise it to.
pub(crate) fn descriptor_limit(pids: &[u32]) -> Option<u64> {
    let held = |pid: &u32| Some((fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count(), *pid));
    let (_, most) = pids.iter().filter_map(held).max()?;
    open_files(&fs::read_to_string(format!("/proc/{most}/limits")).ok()?)
}

fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The smaller of what the machine and what the container has left.
fn memory() -> (Option<u64>, &'static str) {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let Ok(system) = System::new_with_specifics(refresh) else { return (None, "MemAvailable") };
    let host = system.available_memory();
    match system.cgroup_limits() {
        Some(cgroup) if cgroup.free_memory < host => (Some(cgroup.free_memory), "the limit of the cgroup"),
        _ => (Some(host), "MemAvailable"),
    }
}

fn limit(resource: Resource, hard: bool) -> Option<u64> {
    let (soft_limit, hard_limit) = getrlimit(resource).ok()?;
    Some(if hard { hard_limit } else { soft_limit }).filter(|value| *value != RLIM_INFINITY)
}

pub(super) fn number_in(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The number behind the slash: all threads there are.
fn tasks(loadavg: &str) -> Option<u64> {
    loadavg.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// Processes of this user; their further threads are not counted.
fn user_tasks() -> u64 {
    let own = geteuid().as_raw();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let mine = entries
        .filter(|entry| is_process(&entry.file_name()))
        .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.uid() == own));
    mine.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_any_release_name() {
        for (release, expected) in
            [("6.18.44-fc-v669", Some((6, 18))), ("5.9-rc1", Some((5, 9))), ("x", None), ("6", None)]
        {
            assert_eq!(version(release), expected, "{release}");
        }
    }

    #[test]
    fn the_threads_of_the_machine_stand_behind_the_slash() {
        assert_eq!(tasks("0.42 0.36 0.20 2/1234 4567\n"), Some(1234));
        assert_eq!(tasks("0.42"), None);
    }

    #[test]
    fn the_limit_of_descriptors_is_the_one_in_force() {
        let (own, gone) = (std::process::id(), u32::MAX);
        assert_eq!(descriptor_limit(&[gone]), None);
        assert_eq!(descriptor_limit(&[own, gone]), limit(Resource::RLIMIT_NOFILE, false));
        assert_eq!(
            open_files("Max open files            1024                 524288               files"),
            Some(1024)
        );
        assert_eq!(
            open_files("Max processes             7                    7                    processes"),
            None
        );
    }

    #[test]
    fn this_host_has_limits_that_can_be_read() {
        let limits = Limits::read();
        assert!(limits.kernel.is_some() && limits.pid_max.is_some() && limits.tasks > 0);
        assert!(limits.memory_available.is_some_and(|bytes| bytes > 0));
        assert!(limits.named().iter().any(|(name, _)| name == "kernel.pid_max"));
    }
}

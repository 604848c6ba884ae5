//! The limits of this machine, user and cgroup.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::unistd::geteuid;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

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
    /// The cgroup above us that leaves least room.
    pub cgroup_pids: Option<CgroupPids>,
    /// Descriptors that a process may come to hold: the hard limit, up to which every process can raise its
    /// own.
    pub descriptors: Option<u64>,
    /// Memory that can be had without swapping, in bytes.
    pub memory_available: Option<u64>,
    /// Where that was read.
    pub memory_source: &'static str,
}

/// A cgroup that bounds the number of processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupPids {
    /// Its path.
    pub path: String,
    /// How many it may have.
    pub max: u64,
    /// How many it has.
    pub current: u64,
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
            cgroup_pids: fs::read_to_string("/proc/self/cgroup")
                .ok()
                .and_then(|text| tightest(&text, Path::new("/sys/fs/cgroup"))),
            descriptors: limit(Resource::RLIMIT_NOFILE, true),
            memory_available,
            memory_source,
        }
    }

    /// Name and value of those that are there, for the manifest.
    #[must_use]
    pub fn named(&self) -> Vec<(String, String)> {
        let cgroup = self.cgroup_pids.as_ref();
        let named = [
            ("kernel.pid_max", self.pid_max),
            ("kernel.threads-max", self.threads_max),
            ("RLIMIT_NPROC", self.user_processes),
            ("pids.max", cgroup.map(|c| c.max)),
            ("RLIMIT_NOFILE", self.descriptors),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_string()))).collect()
    }
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

fn number_in(path: &Path) -> Option<u64> {
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

/// Among the cgroups above us, both versions, the one that leaves least room for processes. A container may
/// see its own cgroup as the root, under a path that does not exist there: what is missing is passed over.
fn tightest(own_cgroups: &str, mount: &Path) -> Option<CgroupPids> {
    let mut found: Option<CgroupPids> = None;
    for line in own_cgroups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let roots: Vec<PathBuf> = if controllers.is_empty() {
            vec![mount.to_path_buf(), mount.join("unified")]
        } else if controllers.split(',').any(|c| c == "pids") {
            vec![mount.join(controllers), mount.join("pids")]
        } else {
            continue;
        };
        for (root, above) in roots.iter().flat_map(|root| Path::new(path).ancestors().map(move |a| (root, a)))
        {
            let directory = root.join(above.strip_prefix("/").unwrap_or(above));
            let numbers =
                number_in(&directory.join("pids.max")).zip(number_in(&directory.join("pids.current")));
            let Some((max, current)) = numbers else { continue };
            let room = |c: &CgroupPids| c.max.saturating_sub(c.current);
            let this = CgroupPids { path: above.display().to_string(), max, current };
            if found.as_ref().is_none_or(|known| room(&this) < room(known)) {
                found = Some(this);
            }
        }
    }
    found
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

    /// A tree of cgroups as files: path, limit, in use.
    fn tree(groups: &[(&str, &str, u64)]) -> tempfile::TempDir {
        let mount = tempfile::tempdir().unwrap();
        for (path, max, current) in groups {
            let directory = mount.path().join(path);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("pids.max"), format!("{max}\n")).unwrap();
            fs::write(directory.join("pids.current"), format!("{current}\n")).unwrap();
        }
        mount
    }

    #[test]
    fn of_all_cgroups_above_the_one_with_least_room_is_found() {
        let found = |groups: &[(&str, &str, u64)], own: &str| {
            tightest(own, tree(groups).path()).map(|c| (c.path, c.max, c.current))
        };
        let two = [("user.slice", "1000", 900), ("user.slice/one.scope", "500", 10)];
        assert_eq!(found(&two, "0::/user.slice/one.scope\n"), Some(("/user.slice".into(), 1000, 900)));
        let unlimited = [("user.slice", "max", 900)];
        assert_eq!(found(&unlimited, "0::/user.slice\n"), None);
        let old = [("pids/docker/x", "512", 2)];
        assert_eq!(found(&old, "8:pids:/docker/x\n5:devices:/\n"), Some(("/docker/x".into(), 512, 2)));
        let inside = [("pids", "64", 2)];
        assert_eq!(found(&inside, "8:pids:/docker/unseen\n"), Some(("/".into(), 64, 2)));
        assert_eq!(found(&[], "nonsense\n"), None);
    }

    #[test]
    fn this_host_has_limits_that_can_be_read() {
        let limits = Limits::read();
        assert!(limits.kernel.is_some() && limits.pid_max.is_some() && limits.tasks > 0);
        assert!(limits.memory_available.is_some_and(|bytes| bytes > 0));
        assert!(limits.named().iter().any(|(name, _)| name == "kernel.pid_max"));
    }
}

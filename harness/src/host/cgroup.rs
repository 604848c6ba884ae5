//! What the cgroups above us allow.

use std::fs;
use std::path::{Path, PathBuf};

/// A limit of a cgroup and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupLimit {
    /// The path of the cgroup.
    pub path: String,
    /// How much it may have: processes, or bytes.
    pub max: u64,
    /// How much it has.
    pub current: u64,
}

/// What is limited: the controller of version 1 that does it, and the files that tell limit and use, of either
/// version.
pub(super) struct Limited {
    controller: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// Processes and threads.
pub(super) const PIDS: Limited = Limited { controller: "pids", files: &[("pids.max", "pids.current")] };
/// Bytes of memory, with the page cache.
pub(super) const MEMORY: Limited = Limited {
    controller: "memory",
    files: &[("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")],
};

/// Version 1 has no word for "no limit" of memory: it is the greatest whole number of pages, whose size is 64 KiB
/// at most.
const UNLIMITED: u64 = i64::MAX.unsigned_abs() - 0xffff;

/// Among the cgroups above us the one that leaves least room.
pub(super) fn above(limited: &Limited) -> Option<CgroupLimit> {
    tightest(&fs::read_to_string("/proc/self/cgroup").ok()?, Path::new("/sys/fs/cgroup"), limited)
}

/// The same from the text of `/proc/self/cgroup`, both versions. A container may see its own cgroup as the root,
/// under a path that does not exist there: what is missing is passed over.
fn tightest(own_cgroups: &str, mount: &Path, limited: &Limited) -> Option<CgroupLimit> {
    let mut found: Option<CgroupLimit> = None;
    for line in own_cgroups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        for root in roots(mount, controllers, limited.controller) {
            for above in Path::new(path).ancestors() {
                let directory = root.join(above.strip_prefix("/").unwrap_or(above));
                let Some((max, current)) = read(&directory, limited) else { continue };
                let this = CgroupLimit { path: above.display().to_string(), max, current };
                if found.as_ref().is_none_or(|known| this.room() < known.room()) {
                    found = Some(this);
                }
            }
        }
    }
    found
}

/// Where the cgroups of a line may be mounted.
fn roots(mount: &Path, controllers: &str, controller: &str) -> Vec<PathBuf> {
    if controllers.is_empty() {
        vec![mount.to_path_buf(), mount.join("unified")]
    } else if controllers.split(',').any(|c| c == controller) {
        vec![mount.join(controllers), mount.join(controller)]
    } else {
        Vec::new()
    }
}

fn read(directory: &Path, limited: &Limited) -> Option<(u64, u64)> {
    let number = |name| super::limits::number_in(&directory.join(name));
    let found = limited.files.iter().find_map(|(max, current)| number(max).zip(number(current)));
    found.filter(|(max, _)| *max < UNLIMITED)
}

impl CgroupLimit {
    fn room(&self) -> u64 {
        self.max.saturating_sub(self.current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of cgroups as files: path, limit, in use.
    fn tree(groups: &[(&str, &str, u64)], (max_file, current_file): (&str, &str)) -> tempfile::TempDir {
        let mount = tempfile::tempdir().unwrap();
        for (path, max, current) in groups {
            let directory = mount.path().join(path);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(max_file), format!("{max}\n")).unwrap();
            fs::write(directory.join(current_file), format!("{current}\n")).unwrap();
        }
        mount
    }

    type Found = Option<(String, u64, u64)>;

    fn found(limited: &Limited, groups: &[(&str, &str, u64)], files: (&str, &str), own: &str) -> Found {
        tightest(own, tree(groups, files).path(), limited).map(|c| (c.path, c.max, c.current))
    }

    #[test]
    fn of_all_cgroups_above_the_one_with_least_room_for_processes_is_found() {
        let found = |groups: &[_], own: &str| found(&PIDS, groups, PIDS.files[0], own);
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
    fn the_limit_of_memory_is_found_in_either_version_and_none_is_told_from_a_great_one() {
        let [new, old] = [MEMORY.files[0], MEMORY.files[1]];
        let slice = [("user.slice", "1048576", 4096)];
        assert_eq!(
            found(&MEMORY, &slice, new, "0::/user.slice\n"),
            Some(("/user.slice".into(), 1 << 20, 4096))
        );
        let docker = [("memory/docker", "2097152", 8192), ("memory", "9223372036854771712", 9000)];
        assert_eq!(
            found(&MEMORY, &docker, old, "5:memory:/docker\n"),
            Some(("/docker".into(), 2 << 20, 8192))
        );
        assert_eq!(found(&MEMORY, &docker[1..], old, "5:memory:/docker\n"), None, "no limit");
        assert_eq!(found(&MEMORY, &docker, old, "5:pids:/docker\n"), None, "another controller's line");
    }
}
